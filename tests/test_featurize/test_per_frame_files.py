"""Per-frame files and what may stand in their place: one's own, another writer's, somebody's."""

import os
import threading
import time
from pathlib import Path

import pytest

from featurize.errors import OutputError
from featurize.outputs.whole_file import whole_file
from featurize.per_frame import frame_file
from featurize.per_frame.frame_file import write_per_frame
from featurize.per_frame.places import is_written
from featurize.registry import compute_signals
from tests.test_featurize.tracks import make_track

OPENFACE_2 = "frame, face_id, timestamp, confidence, success, gaze_0_x, gaze_0_y, gaze_0_z\n1, 0, 0"


@pytest.mark.parametrize("content", ["time_s,annotator\n1.5,anna\n", "", OPENFACE_2, "frame,face"])
def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path, content: str) -> None:
    theirs = tmp_path / "clip.mp4.csv"
    theirs.write_text(content)
    with pytest.raises(OutputError, match=r"is no per-frame file of this package: give another"):
        write_per_frame([], tmp_path, "clip.mp4")
    assert theirs.read_text() == content
    assert [*tmp_path.iterdir()] == [theirs]


def test_what_is_no_file_in_its_place_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4.csv").mkdir()
    with pytest.raises(OutputError, match="give another folder"):
        write_per_frame([], tmp_path, "clip.mp4")
    (tmp_path / "clip.mp4.csv").rmdir()
    os.mkfifo(tmp_path / "clip.mp4.csv")
    with pytest.raises(OutputError, match="give another folder"):
        write_per_frame([], tmp_path, "clip.mp4")


def test_one_of_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    empty = write_per_frame([], tmp_path, "clip.mp4").read_bytes()
    path = write_per_frame([compute_signals(make_track(0.2))], tmp_path, "clip.mp4")
    assert path.read_bytes().startswith(empty)
    assert path.read_bytes().count(b"\n") == 6


@pytest.mark.parametrize("listed", ["a/clip.mp4", "/data/clip.mp4", "s3://b/clip.mp4", "x" * 300])
def test_whether_it_is_written_can_be_told(tmp_path: Path, listed: str) -> None:
    assert not is_written(tmp_path, listed)
    path = write_per_frame([], tmp_path, listed)
    assert is_written(tmp_path, listed)
    path.unlink()
    assert not is_written(tmp_path, listed)
    path.mkdir()
    assert not is_written(tmp_path, listed)
    assert not is_written(path / "none", "clip.mp4")


def test_another_writer_of_the_same_file_is_waited_for(tmp_path: Path) -> None:
    """Two workers of a cluster may do the same video: none of them ends the run."""
    theirs = write_per_frame([], tmp_path / "theirs", "clip.mp4").read_bytes()
    entered = threading.Event()

    def write_first() -> None:
        with whole_file(tmp_path / "clip.mp4.csv") as file:
            entered.set()
            time.sleep(0.3)
            file.write(theirs)

    thread = threading.Thread(target=write_first)
    thread.start()
    assert entered.wait(20)
    path = write_per_frame([compute_signals(make_track(0.2))], tmp_path, "clip.mp4")
    thread.join()
    assert path.read_bytes().count(b"\n") == 6


def test_a_writer_that_never_ends_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_file, "BUSY_FOR_S", 0.2)
    with (
        whole_file(tmp_path / "clip.mp4.csv"),
        pytest.raises(OutputError, match="another process is writing it"),
    ):
        write_per_frame([], tmp_path, "clip.mp4")
