"""Landmarks on disk: what comes back is what was put there, bit for bit, or nothing at all."""

import hashlib
import json
import math
import multiprocessing
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from featurize.errors import OutputError, TrackError
from featurize.landmarks.schema import SCHEMES
from featurize.landmarks.storage import store as store_module
from featurize.landmarks.storage.codec import packed, unpacked
from featurize.landmarks.storage.spool import rounded
from featurize.landmarks.storage.store import LandmarkStore
from featurize.types import Extraction, LandmarkTrack, Sound, VideoInfo
from tests.test_featurize.tracks import make_track, turn

SETTINGS = {"backend": "mediapipe", "max_faces": 3}
NAMES = ("points_px", "time_s", "confidence", "blendshapes", "pose", "flow_px", "appearance")
INFO = VideoInfo(Path("video.mp4"), 640, 480, math.nan, 12.5, "h264", 8e5)


def found_in_video(n_frames: int = 300, n_faces: int = 2, keep: bool = True) -> Extraction:
    """Faces with a gap, one of them with flow; rounded as extraction rounds, if ``keep``."""
    tracks = []
    for face in range(n_faces):
        track = make_track(
            duration_s=n_frames / 25,
            rotation=lambda t: turn(yaw_deg=10 * np.sin(t)),
            noise_px=0.3,
            missing=slice(20, 30) if n_frames > 30 else None,
            seed=face,
        )
        arrays = track.arrays
        if face == 0:
            named = list(SCHEMES[track.schema].points.values())
            flow = track.points_px[:, named, :2] + np.float32(0.37)
            flow[0], flow[5:9, 3] = np.nan, np.nan
            arrays["flow_px"] = flow
            measures = ("skin__chin_red", "texture__slope")
            arrays["appearance"] = np.full((n_frames, 2), np.nan, np.float32)
            arrays["appearance"][::7] = -1 / 3
        if keep:
            arrays = {name: rounded(name, values) for name, values in arrays.items()}
        times = {"time_s": track.time_s, "schema": track.schema}
        if "appearance" in arrays:
            times["measures"] = measures
        tracks.append(LandmarkTrack(frame_size_px=track.frame_size_px, **times, **arrays))
    sound = Sound(-0.02, 0.01, np.linspace(-90, 0, 4 * n_frames, dtype=np.float32))
    remarks = ("3 damaged frames were left out.", "ü\udce9")
    return Extraction(tracks, n_frames, remarks, INFO, sound)


def assert_same(found: Extraction | None, expected: Extraction) -> None:
    assert found is not None
    assert (found.n_frames, found.remarks) == (expected.n_frames, expected.remarks)
    assert (found.info is None) == (expected.info is None)
    if expected.info is not None:
        # A copy of a video says the same of itself, but where it is.
        said = replace(found.info, path=expected.info.path)
        np.testing.assert_equal(asdict(said), asdict(expected.info))
    assert (found.sound is None) == (expected.sound is None)
    if expected.sound is not None:
        assert found.sound.time_s.tobytes() == expected.sound.time_s.tobytes()
        assert found.sound.level_db.tobytes() == expected.sound.level_db.tobytes()
    for one, other in zip(found.tracks, expected.tracks, strict=True):
        assert (one.schema, one.frame_size_px) == (other.schema, other.frame_size_px)
        assert one.measures == other.measures
        for name in NAMES:
            values, truth = getattr(one, name), getattr(other, name)
            assert (values is None) == (truth is None), name
            if truth is not None:
                assert values.dtype == truth.dtype, name
                assert values.tobytes() == truth.tobytes(), name


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"what a camera saw")
    return path


@pytest.fixture
def store(tmp_path: Path) -> LandmarkStore:
    return LandmarkStore(tmp_path / "store")


@pytest.fixture
def kept(store: LandmarkStore, video: Path) -> tuple[Path, Extraction]:
    """The file of an entry, and what it holds."""
    expected = found_in_video(n_frames=60)
    entry = store.entry(video, SETTINGS)
    entry.save(expected)
    assert_same(entry.load(), expected)
    return entry.path, expected


class TestRoundTrip:
    @pytest.mark.parametrize("n_frames", [1, 2, 255, 256, 257, 600])
    @pytest.mark.parametrize("keep", [True, False], ids=["rounded", "as it came"])
    def test_bit_for_bit(
        self, store: LandmarkStore, video: Path, n_frames: int, keep: bool
    ) -> None:
        expected = found_in_video(n_frames, keep=keep)
        assert store.entry(video, SETTINGS).load() is None
        store.entry(video, SETTINGS).save(expected)
        assert_same(store.entry(video, SETTINGS).load(), expected)

    def test_a_video_without_faces(self, store: LandmarkStore, video: Path) -> None:
        store.entry(video, SETTINGS).save(Extraction([], 17, ()))
        assert_same(store.entry(video, SETTINGS).load(), Extraction([], 17, ()))

    @given(
        values=stn.arrays(
            np.float32,
            st.tuples(st.integers(1, 5), st.integers(1, 4), st.just(3)),
            elements=st.floats(width=32)
            | st.sampled_from([np.nan, -0.0, 0.00390625, 1e30, 8388608.0]),
        )
    )
    def test_any_numbers(self, values: np.ndarray) -> None:
        for name in ("points_px", "pose"):
            for kept in (values, rounded(name, values)):
                back = unpacked(name, packed(name, kept), kept.shape)
                assert back.tobytes() == kept.tobytes()

    @given(times=st.lists(st.floats(allow_nan=False), min_size=1, max_size=50))
    def test_any_times(self, times: list[float]) -> None:
        values = np.array(times)
        back = unpacked("time_s", packed("time_s", values), values.shape)
        assert back.tobytes() == values.tobytes()

    def test_other_types_are_refused(self) -> None:
        with pytest.raises(TrackError):
            packed("points_px", np.zeros((3, 4, 3)))

    def test_rounded_landmarks_take_half_the_room_of_packed_floats(self) -> None:
        face = found_in_video(n_frames=250, n_faces=1).tracks[0]
        as_it_came = found_in_video(n_frames=250, n_faces=1, keep=False).tracks[0]
        n_bytes = [len(packed("points_px", t.points_px)) for t in (face, as_it_came)]
        assert n_bytes[0] < n_bytes[1] / 2
        assert n_bytes[0] < face.points_px.nbytes / 2


class TestWhichVideo:
    def test_a_copy_under_another_name_is_known(
        self, store: LandmarkStore, video: Path, kept: tuple[Path, Extraction]
    ) -> None:
        copy = video.with_name("elsewhere.mp4")
        shutil.copyfile(video, copy)
        assert_same(store.entry(copy, SETTINGS).load(), kept[1])

    def test_another_content_of_the_same_size_and_time_is_not(
        self, store: LandmarkStore, video: Path, kept: tuple[Path, Extraction]
    ) -> None:
        before = video.stat()
        other = video.with_name("other")
        other.write_bytes(b"what a camera SAW")
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(video)
        assert video.stat().st_size == before.st_size
        assert store.entry(video, SETTINGS).load() is None

    def test_a_deleted_video_is_known_by_its_path(
        self,
        store: LandmarkStore,
        video: Path,
        kept: tuple[Path, Extraction],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        video.unlink()
        assert_same(store.entry(video, SETTINGS).load(), kept[1])
        monkeypatch.chdir(video.parent)
        assert_same(store.entry(video.name, SETTINGS).load(), kept[1])
        assert store.entry(video.with_name("never.mp4"), SETTINGS).load() is None

    def test_a_path_with_a_new_content_is_no_longer_the_old_one(
        self, store: LandmarkStore, video: Path, kept: tuple[Path, Extraction]
    ) -> None:
        video.write_bytes(b"another")
        assert store.entry(video, SETTINGS).load() is None
        video.unlink()
        assert store.entry(video, SETTINGS).load() is None

    @pytest.mark.parametrize("name", ["folder", "pipe", "x" * 300, "nul\0", "caf\udce9.mp4"])
    def test_what_is_no_video_is_neither_known_nor_waited_for(
        self, store: LandmarkStore, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "pipe")
        entry = store.entry(tmp_path / name, SETTINGS)
        entry.save(found_in_video(n_frames=2))
        assert entry.load() is None

    @pytest.mark.parametrize(
        "changed",
        [{"max_faces": 2}, {"backend": "dlib"}, {"version": "2"}, {"backend": "mediapipe "}],
        ids=str,
    )
    def test_other_settings_are_another_entry(
        self,
        store: LandmarkStore,
        video: Path,
        kept: tuple[Path, Extraction],
        changed: dict[str, object],
    ) -> None:
        other = store.entry(video, SETTINGS | changed)
        assert other.load() is None
        other.save(found_in_video(n_frames=9))
        assert_same(store.entry(video, SETTINGS).load(), kept[1])

    def test_the_order_of_settings_does_not_matter(
        self, store: LandmarkStore, video: Path, kept: tuple[Path, Extraction]
    ) -> None:
        assert_same(store.entry(video, dict(reversed(SETTINGS.items()))).load(), kept[1])

    def test_a_video_that_changes_while_it_is_read_is_not_kept(
        self, store: LandmarkStore, video: Path
    ) -> None:
        entry = store.entry(video, SETTINGS)
        video.write_bytes(b"written to meanwhile")
        entry.save(found_in_video(n_frames=9))
        assert entry.load() is None
        assert store.entry(video, SETTINGS).load() is None


class TestDamage:
    @settings(
        max_examples=80,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data())
    def test_flipped_cut_and_lengthened_entries_are_none_and_are_replaced(
        self,
        store: LandmarkStore,
        video: Path,
        kept: tuple[Path, Extraction],
        data: st.DataObject,
    ) -> None:
        path, expected = kept
        whole = path.read_bytes()
        place = data.draw(st.integers(0, len(whole) - 1))
        kind = data.draw(st.sampled_from(["flipped", "cut", "longer"]))
        damaged = bytearray(whole)
        if kind == "flipped":
            damaged[place] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del damaged[place:]
        else:
            damaged += whole[: place + 1]
        path.write_bytes(damaged)
        entry = store.entry(video, SETTINGS)
        assert entry.load() is None
        entry.save(expected)
        assert_same(entry.load(), expected)

    @given(content=st.binary(max_size=200))
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_files_of_others(
        self,
        store: LandmarkStore,
        video: Path,
        kept: tuple[Path, Extraction],
        content: bytes,
    ) -> None:
        path, expected = kept
        # With the right checksum, too: it may be another program's, or a later version's.
        for foreign in (content, content + hashlib.sha256(content).digest()):
            path.write_bytes(foreign)
            assert store.entry(video, SETTINGS).load() is None
        store.entry(video, SETTINGS).save(expected)

    def test_an_entry_under_the_name_of_another(
        self, store: LandmarkStore, video: Path, kept: tuple[Path, Extraction]
    ) -> None:
        other = store.entry(video, {"backend": "dlib"})
        other.path.parent.mkdir(exist_ok=True)
        shutil.copyfile(kept[0], other.path)
        assert other.load() is None

    def test_an_older_format(
        self,
        store: LandmarkStore,
        video: Path,
        kept: tuple[Path, Extraction],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(store_module, "FORMAT", "deepfake-biometrics landmarks 0")
        newer = store.entry(video, SETTINGS)
        assert newer.load() is None
        newer.path.parent.mkdir(exist_ok=True)
        shutil.copyfile(kept[0], newer.path)
        assert newer.load() is None

    def test_an_entry_that_cannot_be_read(
        self, store: LandmarkStore, video: Path, kept: tuple[Path, Extraction]
    ) -> None:
        path, expected = kept
        path.chmod(0)
        if os.access(path, os.R_OK):  # the superuser reads everything
            path.unlink()
            path.symlink_to(path.parent / "nowhere")
        assert store.entry(video, SETTINGS).load() is None
        store.entry(video, SETTINGS).save(expected)
        assert_same(store.entry(video, SETTINGS).load(), expected)

    @pytest.mark.parametrize(
        "note", [b"", b"{", b"[]", b"null", b'{"path": 1}', b'{"state": [1]}', b"\xff\xfe"]
    )
    def test_a_damaged_note_of_a_path_is_made_anew(
        self,
        store: LandmarkStore,
        video: Path,
        kept: tuple[Path, Extraction],
        note: bytes,
    ) -> None:
        (file,) = (video.parent / "store" / "videos").rglob("*.json")
        file.write_bytes(note)
        assert_same(store.entry(video, SETTINGS).load(), kept[1])
        assert json.loads(file.read_bytes())["path"] == str(video)

    def test_half_written_files_are_no_entries(
        self, store: LandmarkStore, video: Path, kept: tuple[Path, Extraction]
    ) -> None:
        """What a killed process leaves behind disturbs nobody, and an error leaves nothing."""
        path, expected = kept
        path.rename(path.with_name(f".{path.name}.0123456789abcdef.part"))
        entry = store.entry(video, SETTINGS)
        assert entry.load() is None
        broken = Extraction([expected.tracks[0], None], 60, ())
        with pytest.raises(AttributeError):
            entry.save(broken)
        assert entry.load() is None
        assert [p.name for p in path.parent.iterdir() if p.suffix != ".part"] == []
        assert len(list(path.parent.iterdir())) == 1


class TestFolder:
    @pytest.mark.parametrize("name", ["file", "file/below", "x" * 300, "/proc/store"])
    def test_a_folder_that_cannot_be_written_is_one_sentence(
        self, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="cannot be written") as caught:
            LandmarkStore(tmp_path / name)
        assert "\n" not in str(caught.value)

    def test_a_folder_lost_on_the_way_is_one_sentence(
        self, store: LandmarkStore, video: Path
    ) -> None:
        entry = store.entry(video, SETTINGS)
        shutil.rmtree(video.parent / "store")
        (video.parent / "store").touch()
        assert entry.load() is None
        with pytest.raises(OutputError, match=r"store cannot be written \(Not a directory\)"):
            entry.save(found_in_video(n_frames=2))

    def test_two_processes_write_one_entry_at_once(self, store: LandmarkStore, video: Path) -> None:
        expected = found_in_video(n_frames=300)
        start = multiprocessing.get_context("spawn")
        writers = [
            start.Process(target=save_again_and_again, args=(store, video)) for _ in range(2)
        ]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            found = store.entry(video, SETTINGS).load()
            if found is not None:
                assert_same(found, expected)
        assert [writer.exitcode for writer in writers] == [0, 0]
        assert_same(store.entry(video, SETTINGS).load(), expected)
        assert list((video.parent / "store").rglob("*.part")) == []


def save_again_and_again(store: LandmarkStore, video: Path) -> None:
    expected = found_in_video(n_frames=300)
    for _ in range(10):
        store.entry(video, SETTINGS).save(expected)
