"""The second pass: networks see the sampled frames of each face, once, and what they say is kept.

The film's frames are grey, brighter from frame to frame; the network of these tests says how bright
the picture is at the tip of the nose. So what it was shown can be told from what it said.
"""

import shutil
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from featurize import embedding, media_file
from featurize import scratch as scratch_module
from featurize.embedding import with_samples
from featurize.errors import VideoMissingError, VideoUnreadableError
from featurize.feature_options import FeatureOptions
from featurize.frame import Frame
from featurize.landmarks.schema import Schema
from featurize.landmarks.storage.store import LandmarkStore
from featurize.networks import network as door
from featurize.networks.facts import NetworkFacts
from featurize.sampled_frames import sampled_frames
from featurize.synthesis import write_video
from featurize.types import Extraction, LandmarkTrack
from featurize.video import VideoReader
from featurize.video_source import VideoSource
from tests.test_featurize.tracks import make_track

N_FRAMES, FPS = 100, 25.0
ONE, BOTH = FeatureOptions(("light",)), FeatureOptions(("light", "dark"))


def level(frame: int) -> float:
    return 40 + 1.5 * frame


@dataclass
class Light:
    """Says how bright the picture is at the nose, and how bright minus a constant."""

    name: str
    settings: dict[str, object]
    smallest_px: float = 0.0
    asked: list[int] = field(default_factory=list)

    @property
    def facts(self) -> NetworkFacts:
        return NetworkFacts(self.name, 2, "00", self.name)

    def crop(self, frame: Frame, points_px: np.ndarray, schema: Schema) -> np.ndarray | None:
        if np.ptp(points_px[:, 0]) < self.smallest_px:
            return None
        x, y = points_px[schema.points["nose_tip"], :2].round().astype(int)
        return frame.rgb[y : y + 1, x : x + 1]

    def embed(self, crops: np.ndarray) -> np.ndarray:
        self.asked.append(len(crops))
        grey = crops[:, 0, 0].mean(axis=1)
        return np.stack([grey, grey - 7], axis=1).astype(np.float32)

    @property
    def n_asked(self) -> int:
        return sum(self.asked)


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Light]:
    known = {name: Light(name, {"sha256": name}) for name in ("light", "dark")}
    monkeypatch.setattr(door, "open_network", lambda spec, _: known[spec])
    monkeypatch.setattr(door, "facts_of", lambda specs: tuple(known[s].facts for s in specs))
    monkeypatch.setattr(door, "facts_of", lambda specs: tuple(known[s].facts for s in specs))
    return known


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "v.mp4"
    frames = (np.full((480, 640, 3), level(n), np.uint8) for n in range(N_FRAMES))
    write_video(path, frames, np.arange(N_FRAMES) / FPS)
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """How often a video was read."""
    counts: Counter = Counter()

    class Counting(VideoReader):
        def __iter__(self) -> Iterator[Frame]:
            counts["read"] += 1
            return super().__iter__()

    monkeypatch.setattr(embedding, "VideoReader", Counting)
    return counts


def found_in(path: Path) -> Extraction:
    """A face that is there throughout, and a smaller one that comes late and hides once."""
    with VideoReader(path) as video:
        time_s = np.array([frame.time_s for frame in video])
    near = replace(make_track(N_FRAMES / FPS, FPS), time_s=time_s)
    far = make_track(N_FRAMES / FPS, FPS, scale=0.3, missing=slice(50, 60))
    points_px = far.points_px.copy()
    points_px[:20] = np.nan
    return Extraction([near, replace(far, time_s=time_s, points_px=points_px)], N_FRAMES, ())


def asked(
    path: str | Path,
    extraction: Extraction,
    features: FeatureOptions = ONE,
    store: LandmarkStore | None = None,
) -> list[LandmarkTrack]:
    with VideoSource(path) as source:
        return with_samples(source, extraction, features, store).tracks


def assert_saw_the_sampled_frames(track: LandmarkTrack, name: str = "light") -> None:
    samples = track.samples[name]
    planned = sampled_frames(track.time_s, track.present)
    assert samples.frames.tolist() == planned.tolist()
    assert np.abs(samples.values[:, 0] - level(samples.frames)).max() < 3
    assert np.all(samples.values[:, 0] - samples.values[:, 1] == 7)


def test_each_face_is_looked_at_in_its_own_sampled_frames(film: Path, networks: dict) -> None:
    tracks = asked(film, found_in(film), BOTH)
    for track in tracks:
        assert list(track.samples) == ["light", "dark"]
        for name in track.samples:
            assert_saw_the_sampled_frames(track, name)
    counts = [len(track.samples["light"].frames) for track in tracks]
    assert counts == [12, 10]
    assert tracks[1].samples["light"].frames[0] == 20


def test_nothing_is_read_where_nothing_was_asked(opened: Counter, film: Path) -> None:
    extraction = found_in(film)
    assert asked(film, extraction, FeatureOptions()) == extraction.tracks
    assert not opened


@pytest.mark.parametrize("batch", [1, 5, 1000])
def test_the_batch_does_not_matter(
    film: Path, networks: dict, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    expected = asked(film, found_in(film))
    networks["light"].asked.clear()
    monkeypatch.setattr(embedding, "BATCH", batch)
    for one, other in zip(asked(film, found_in(film)), expected, strict=True):
        np.testing.assert_array_equal(one.samples["light"].values, other.samples["light"].values)
    assert max(networks["light"].asked) == min(batch, 22)


def test_what_lies_in_a_file_is_the_same_as_what_is_in_memory(
    film: Path, networks: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = asked(film, found_in(film))
    monkeypatch.setattr(scratch_module, "MOST_IN_MEMORY", 0)
    store = LandmarkStore(tmp_path / "store")
    for _ in ("found", "known"):
        for one, other in zip(asked(film, found_in(film), ONE, store), expected, strict=True):
            values = one.samples["light"].values
            assert not values.flags.writeable
            np.testing.assert_array_equal(values, other.samples["light"].values)
    assert networks["light"].n_asked == 44


def test_a_face_that_is_too_small_has_no_samples(film: Path, networks: dict) -> None:
    networks["light"].smallest_px = 50
    near, far = asked(film, found_in(film), BOTH)
    assert_saw_the_sampled_frames(near)
    assert far.samples["light"].frames.tolist() == []
    assert far.samples["light"].values.shape == (0, 2)
    assert_saw_the_sampled_frames(far, "dark")


def test_a_long_video_takes_a_few_bytes_a_sample(
    networks: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every frame is a sample of two faces; what is said of them lies in files."""
    rgb, near = np.zeros((480, 640, 3), np.uint8), make_track(0.1)

    class Long:
        def __init__(self, n_frames: int) -> None:
            self.n_frames = n_frames

        def __enter__(self) -> "Long":
            return self

        def __exit__(self, *_: object) -> None: ...

        def __iter__(self) -> Iterator[Frame]:
            return (Frame(number, number / 2, rgb) for number in range(self.n_frames))

    class Source:
        path = "long.mp4"

        def media(self) -> None: ...

    def peak(n_frames: int) -> int:
        monkeypatch.setattr(embedding, "VideoReader", lambda _: Long(n_frames))
        time_s = np.arange(n_frames) / 2
        points_px = np.broadcast_to(near.points_px[0], (n_frames, 478, 3))
        confidence = np.ones(n_frames, np.float32)
        track = LandmarkTrack(points_px, time_s, confidence, "mediapipe478", (640, 480))
        planned = [np.arange(n_frames)] * 2
        monkeypatch.setattr(scratch_module, "MOST_IN_MEMORY", 0)
        open_ = [door.open_network("light", "cpu")]
        tracemalloc.start()
        said = embedding._asked(Source(), Extraction([track] * 2, n_frames, ()), planned, open_)
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [len(samples.frames) for samples in said["light"]] == [n_frames] * 2
        return reached

    n_samples = 2 * (2000 - 500)
    assert peak(2000) - peak(500) < 24 * n_samples


class TestAnotherVideo:
    """The frames that networks see must be those in which faces were found."""

    @pytest.mark.parametrize("n_frames", [N_FRAMES - 1, N_FRAMES + 1, 3])
    def test_of_other_length(self, tmp_path: Path, film: Path, networks: dict, n_frames) -> None:
        other = tmp_path / "other.mp4"
        frames = (np.zeros((480, 640, 3), np.uint8) for _ in range(n_frames))
        write_video(other, frames, np.arange(n_frames) / FPS)
        with pytest.raises(VideoUnreadableError, match=r"other\.mp4 has changed while it was read"):
            asked(other, found_in(film))

    def test_of_other_times(self, tmp_path: Path, film: Path, networks: dict) -> None:
        other = tmp_path / "other.mp4"
        frames = (np.zeros((480, 640, 3), np.uint8) for _ in range(N_FRAMES))
        write_video(other, frames, np.arange(N_FRAMES) / 24)
        with pytest.raises(VideoUnreadableError, match="has changed while it was read"):
            asked(other, found_in(film))

    def test_that_is_gone(self, tmp_path: Path, film: Path, networks: dict) -> None:
        with pytest.raises(VideoMissingError, match="networks need the video itself"):
            asked(tmp_path / "gone.mp4", found_in(film))


class TestStore:
    @pytest.fixture
    def store(self, tmp_path: Path) -> LandmarkStore:
        return LandmarkStore(tmp_path / "store")

    @pytest.fixture
    def copy(self, tmp_path: Path, film: Path) -> Path:
        return shutil.copyfile(film, tmp_path / "v.mp4")

    def test_what_is_known_needs_neither_network_nor_video(
        self, copy: Path, store: LandmarkStore, networks: dict, opened: Counter
    ) -> None:
        extraction = found_in(copy)
        first = asked(copy, extraction, ONE, store)
        copy.unlink()
        again = asked(copy, extraction, ONE, store)
        assert (opened["read"], networks["light"].n_asked) == (1, 22)
        for one, other in zip(again, first, strict=True):
            assert_saw_the_sampled_frames(one)
            np.testing.assert_array_equal(
                one.samples["light"].values, other.samples["light"].values
            )

    def test_a_second_network_does_not_ask_the_first_again(
        self, copy: Path, store: LandmarkStore, networks: dict, opened: Counter
    ) -> None:
        asked(copy, found_in(copy), ONE, store)
        for track in asked(copy, found_in(copy), BOTH, store):
            assert_saw_the_sampled_frames(track, "light")
            assert_saw_the_sampled_frames(track, "dark")
        assert (networks["light"].n_asked, networks["dark"].n_asked) == (22, 22)
        asked(copy, found_in(copy), FeatureOptions(("dark",)), store)
        assert (opened["read"], networks["dark"].n_asked) == (2, 22)

    def test_another_network_of_that_name_is_another(
        self, copy: Path, store: LandmarkStore, networks: dict
    ) -> None:
        asked(copy, found_in(copy), ONE, store)
        networks["light"].settings["sha256"] = "trained a little longer"
        asked(copy, found_in(copy), ONE, store)
        assert networks["light"].n_asked == 44

    def test_other_landmarks_are_looked_at_anew(
        self, copy: Path, store: LandmarkStore, networks: dict
    ) -> None:
        extraction = found_in(copy)
        asked(copy, extraction, ONE, store)
        asked(copy, replace(extraction, tracks=extraction.tracks[:1]), ONE, store)
        assert networks["light"].n_asked == 22 + 12
        moved = [replace(track, points_px=track.points_px + 1) for track in extraction.tracks]
        asked(copy, replace(extraction, tracks=moved), ONE, store)
        assert networks["light"].n_asked == 22 + 12 + 22

    def test_what_else_was_read_off_the_pixels_does_not_matter(
        self, copy: Path, store: LandmarkStore, networks: dict
    ) -> None:
        extraction = found_in(copy)
        asked(copy, extraction, ONE, store)
        seen = np.zeros((N_FRAMES, 1), np.float32)
        tracks = [replace(t, appearance=seen, measures=("new",)) for t in extraction.tracks]
        asked(copy, replace(extraction, tracks=tracks), ONE, store)
        assert networks["light"].n_asked == 22

    @pytest.mark.parametrize("damage", ["cut", "flipped", "foreign"])
    def test_damage_is_seen_and_made_good(
        self, copy: Path, tmp_path: Path, store: LandmarkStore, networks: dict, damage: str
    ) -> None:
        asked(copy, found_in(copy), ONE, store)
        (entry,) = (tmp_path / "store").rglob("*.samples")
        whole = bytearray(entry.read_bytes())
        flipped = bytes(whole[:-40]) + bytes([whole[-40] ^ 1]) + bytes(whole[-39:])
        broken = {"cut": whole[:-100], "flipped": flipped, "foreign": b"samples of somebody"}
        entry.write_bytes(broken[damage])
        for track in asked(copy, found_in(copy), ONE, store):
            assert_saw_the_sampled_frames(track)
        assert entry.read_bytes() == whole

    def test_nothing_is_kept_of_a_video_that_changes_meanwhile(
        self, copy: Path, tmp_path: Path, store: LandmarkStore, networks: dict
    ) -> None:
        embed = networks["light"].embed

        def touching(crops: np.ndarray) -> np.ndarray:
            copy.touch()
            return embed(crops)

        networks["light"].embed = touching
        asked(copy, found_in(copy), ONE, store)
        assert list((tmp_path / "store").rglob("*.samples")) == []

    def test_an_address_is_fetched_once_for_all(
        self,
        copy: Path,
        tmp_path: Path,
        store: LandmarkStore,
        networks: dict,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pytest.importorskip("fsspec")
        fetched, fetch = [], media_file._Remote.fetch
        monkeypatch.setattr(
            media_file._Remote, "fetch", lambda *a: (fetched.append(a[1]), fetch(*a))[1]
        )
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        address, extraction = f"file://{copy}", found_in(copy)
        with VideoSource(address) as source:
            # As the first pass does: what is fetched is noted under its content.
            store.entry(address, {}, source.media())
            with_samples(source, extraction, ONE, store)
            assert fetched[0].is_file()
        assert len(fetched) == 1
        assert not fetched[0].exists()
        asked(address, extraction, ONE, store)  # known: nothing to fetch
        asked(copy, extraction, ONE, store)  # and so is the same content in a file
        assert len(fetched) == 1
        assert networks["light"].n_asked == 22
