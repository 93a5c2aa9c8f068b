"""Landmarks of addresses on disk: what is known is not fetched, what has changed is."""

import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from featurize import media_file
from featurize.errors import VideoMissingError
from featurize.extraction import LandmarkOptions, extract
from featurize.landmarks.storage.store import LandmarkStore
from featurize.media_file import local_file
from featurize.synthesis import write_video
from tests.test_featurize.test_video import colour_frame

pytest.importorskip("fsspec")

OPTIONS = LandmarkOptions()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    write_video(path, [colour_frame(n) for n in range(5)], np.arange(5) / 25)
    return path


@pytest.fixture
def store(tmp_path: Path) -> LandmarkStore:
    return LandmarkStore(tmp_path / "store")


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is fetched, as it is fetched."""
    names: list[str] = []
    fetch = media_file._Remote.fetch

    def noted(remote: media_file._Remote, copy: Path) -> None:
        names.append(remote.name)
        fetch(remote, copy)

    monkeypatch.setattr(media_file._Remote, "fetch", noted)
    return names


def test_what_is_known_is_not_fetched(
    tmp_path: Path,
    video: Path,
    store: LandmarkStore,
    fetches: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.write(video, "in/a.mp4")
    archive = f"zip://in/a.mp4::file://{tmp_path / 'x.zip'}"
    first = extract(archive, OPTIONS, store=store)
    assert (first.n_frames, first.info.path) == (5, archive)
    assert fetches == [archive]
    again = extract(archive, OPTIONS, store=store)
    assert (again.n_frames, again.info) == (5, first.info)
    assert fetches == [archive]
    # The same content at another address is fetched to be known, and not worked on again.
    other = f"file://{video}"
    assert extract(other, OPTIONS, store=store).info.path == other
    assert fetches == [archive, other]
    extract(other, OPTIONS, store=store)
    # And so is the file itself.
    assert store.entry(video, {**OPTIONS.settings, "measures": None}).load() is not None
    assert fetches == [archive, other]
    assert list(temporary.iterdir()) == []


def test_a_changed_content_is_fetched_again(
    video: Path, store: LandmarkStore, fetches: list[str]
) -> None:
    address = f"file://{video}"
    extract(address, OPTIONS, store=store)
    write_video(video, [colour_frame(n) for n in range(7)], np.arange(7) / 25)
    assert extract(address, OPTIONS, store=store).n_frames == 7
    assert fetches == [address] * 2


def test_what_is_gone_is_known_by_its_address(
    video: Path, store: LandmarkStore, fetches: list[str]
) -> None:
    address = f"file://{video}"
    extract(address, OPTIONS, store=store)
    video.unlink()
    assert extract(address, OPTIONS, store=store).n_frames == 5
    with pytest.raises(VideoMissingError):
        extract(f"file://{video}.other", OPTIONS, store=store)


def test_without_a_copy_nothing_is_known(video: Path, store: LandmarkStore) -> None:
    entry = store.entry(f"file://{video}", {})
    assert entry.content is None
    assert entry.load() is None


def test_a_copy_of_what_was_there_before_is_not_noted(video: Path, store: LandmarkStore) -> None:
    address = f"file://{video}"
    with local_file(address) as media:
        shutil.copyfile(media.path, video.with_name("new"))
        video.with_name("new").replace(video)
        assert store.entry(address, {}, media).content is None


def test_notes_hold_no_secret(video: Path, store: LandmarkStore, tmp_path: Path) -> None:
    named = video.with_name("a.mp4?signature=abc")
    video.rename(named)
    extract(f"file://{named}", OPTIONS, store=store)
    (note,) = (tmp_path / "store" / "videos").rglob("*.json")
    assert "abc" not in note.read_text()
    assert store.entry(f"file://{named}", {}).content is not None
