"""Runs with a landmark store: the second one needs no video and says the same."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from featurize import extraction, featurize_dataset, featurize_video
from featurize.__main__ import app
from featurize.errors import OutputError, VideoMissingError
from featurize.media_file import MediaFile
from featurize.types import Extraction


@pytest.fixture
def videos(tmp_path: Path, clip: Path) -> Path:
    """A manifest of one video of a face, and of one that is not there."""
    shutil.copyfile(clip, tmp_path / "a.mp4")
    (tmp_path / "m.csv").write_text("path,label\na.mp4,real\nmissing.mp4,fake\n")
    return tmp_path


def run(videos: Path, *options: str) -> bytes:
    out = videos / "f.csv"
    result = CliRunner().invoke(app, ["run", str(videos / "m.csv"), "-o", str(out), *options])
    assert result.exit_code == 0, result.output
    return out.read_bytes()


def test_features_are_computed_again_without_the_video(videos: Path) -> None:
    plain = run(videos, "--jobs", "1")
    option = ("--landmark-store", str(videos / "store"))
    assert run(videos, "--jobs", "2", *option) == plain
    (videos / "a.mp4").unlink()
    assert run(videos, "--jobs", "1", *option) == plain
    with pytest.raises(VideoMissingError):
        featurize_video(videos / "a.mp4")
    row = featurize_video(videos / "a.mp4", landmark_store=videos / "store")
    assert row["status"].tolist() == ["ok"]


def test_damaged_landmarks_are_found_again(videos: Path) -> None:
    store = videos / "store"
    first = featurize_video(videos / "a.mp4", landmark_store=store)
    (entry,) = store.rglob("*.landmarks")
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    pd.testing.assert_frame_equal(featurize_video(videos / "a.mp4", landmark_store=store), first)
    assert entry.read_bytes() == whole


@pytest.mark.usefixtures("in_process")
def test_every_video_is_followed_once(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = []

    def counted(media: MediaFile, *options: object) -> Extraction:
        followed.append(media.path.name)
        return Extraction([], 100, ())

    monkeypatch.setattr(extraction, "_extracted", counted)
    shutil.copyfile(videos / "a.mp4", videos / "b.mp4")
    (videos / "m.csv").write_text("path\na.mp4\nb.mp4\n")
    for max_faces in (3, 3, 2):
        rows = featurize_dataset(
            videos / "m.csv", n_jobs=1, landmark_store=videos / "store", max_faces=max_faces
        )
        assert rows["status"].tolist() == ["no_face", "no_face"]
    assert sorted(followed) == ["a.mp4", "a.mp4"]


def test_a_store_that_cannot_be_written_is_refused_before_any_work(
    videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "_extracted", lambda *_: pytest.fail("a video was opened"))
    with pytest.raises(OutputError, match="landmark store"):
        featurize_dataset(videos, videos / "f.csv", landmark_store=videos / "m.csv")
    assert not (videos / "f.csv.journal").exists()
