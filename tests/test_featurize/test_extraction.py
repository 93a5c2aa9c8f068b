"""From a file to tracks: odd files give the landmarks of the plain one; options; the store."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from featurize import extract_landmarks
from featurize.errors import VideoMissingError
from featurize.extraction import LandmarkOptions, extract
from featurize.frame import Frame
from featurize.landmarks.mediapipe478.backend import MediaPipeBackend
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478
from featurize.synthesis import Performer, random_script, write_video
from featurize.types import LandmarkTrack

FPS = 25.0
NAMED = MEDIAPIPE_478.indices(MEDIAPIPE_478.points)
UNNAMED = np.setdiff1d(np.arange(MEDIAPIPE_478.n_points), NAMED)
OUTER_EYES = MEDIAPIPE_478.indices(("right_eye_outer", "left_eye_outer"))


def iod_px(points: np.ndarray) -> np.ndarray:
    """Of each frame, in the picture."""
    return np.linalg.norm(np.diff(points[..., OUTER_EYES, :2], axis=-2)[..., 0, :], axis=-1)


def differences_iod(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean distance of the points of each frame in the picture, in interocular distances."""
    away = np.linalg.norm((points - truth)[..., :2], axis=-1)
    return away.mean(axis=-1) / iod_px(truth)


def scaled(points: np.ndarray, scale: float) -> np.ndarray:
    """Landmarks of a picture that was resized: middles of pixels stay middles."""
    return points * scale + (scale - 1) / 2 * np.array([1, 1, 0])


def landmarks_of(rgb: np.ndarray) -> np.ndarray:
    """``(478, 3)``, of the one face of a picture."""
    with MediaPipeBackend() as backend:
        frame = Frame(0, 0.0, rgb)
        rough = backend.fit(frame, backend.search(frame, thorough=True)[0])
        assert rough is not None
        face = backend.fit(frame, backend.region_after(rough))
        assert face is not None
        return face.points_px


def the_track(path: Path, **options: object) -> LandmarkTrack:
    (track,) = extract_landmarks(path, **options)
    return track


def write(
    path: Path,
    pictures: Iterable[np.ndarray],
    codec: str = "ffv1",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    stamps: Sequence[int] | None = None,
) -> Path:
    """Encode pictures at 25 frames per second, or with stamps in thousandths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.options = options or {}
        stream.codec_context.thread_count = 1
        if stamps is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, rgb in enumerate(pictures):
            if not stream.codec_context.is_open:
                stream.height, stream.width = rgb.shape[:2]
                stream.pix_fmt = pix_fmt
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            for packet in stream.encode(picture):
                if stamps is not None:
                    packet.pts = packet.dts = stamps[number]
                container.mux(packet)
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """A second of a performance."""
    script, performer = random_script(seed=2, duration_s=1.0), Performer(256)
    return [performer.frame(script, float(time_s)) for time_s in script.frame_times(FPS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("extraction")


@pytest.fixture(scope="module")
def plain(folder: Path, pictures: list[np.ndarray]) -> LandmarkTrack:
    """The same in a file that changes no colour."""
    track = the_track(write(folder / "plain.mkv", pictures, "ffv1", "bgr0"))
    assert track.present.all()
    assert np.median(track.confidence) > 0.95
    return track


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "codec", "pix_fmt", "options", "tolerance_iod"),
        [
            ("rgba.mov", "png", "rgba", {}, 1e-6),
            ("argb.mov", "qtrle", "argb", {}, 1e-6),
            ("yuva.mkv", "ffv1", "yuva420p", {}, 0.01),
            ("ten_bits.mkv", "ffv1", "yuv420p10le", {}, 0.01),
            (
                "hevc.mp4",
                "libx265",
                "yuv420p10le",
                {"crf": "18", "x265-params": "log-level=0"},
                0.01,
            ),
            ("h264.mp4", "libx264", "yuv420p", {"crf": "18"}, 0.01),
            ("flagged.mkv", "libx264", "yuv420p", {"crf": "18", "flags": "+ildct+ilme"}, 0.01),
            ("grey.mkv", "ffv1", "gray", {}, 0.015),
            ("grey10.mkv", "ffv1", "gray10le", {}, 0.015),
        ],
    )
    def test_landmarks_are_the_same(
        self, folder, pictures, plain, name, codec, pix_fmt, options, tolerance_iod
    ) -> None:
        track = the_track(write(folder / name, pictures, codec, pix_fmt, options))
        assert track.time_s == pytest.approx(plain.time_s, abs=1e-3)
        assert track.frame_size_px == plain.frame_size_px
        assert differences_iod(track.points_px, plain.points_px).max() < tolerance_iod

    def test_fields_of_two_moments_woven(self, folder, pictures, plain) -> None:
        """Every other row is of the next picture."""
        woven = [picture.copy() for picture in pictures]
        for picture, following in pairwise([*woven, pictures[-1]]):
            picture[1::2] = following[1::2]
        options = {"qmin": "2", "qmax": "2", "flags": "+ildct+ilme"}
        track = the_track(write(folder / "woven.mkv", woven, "mpeg2video", "yuv420p", options))
        assert differences_iod(track.points_px, plain.points_px).max() < 0.03

    @pytest.mark.parametrize("rotation_deg", [90, 180, 270])
    def test_turned_as_phones_write_it(self, folder, pictures, plain, rotation_deg: int) -> None:
        lying = [np.rot90(picture, -rotation_deg // 90) for picture in pictures]
        path = folder / f"turned{rotation_deg}.mp4"
        write_video(path, lying, plain.time_s, rotation_deg=rotation_deg)
        track = the_track(path)
        assert track.time_s == pytest.approx(plain.time_s, abs=1e-3)
        assert differences_iod(track.points_px, plain.points_px).max() < 0.01

    def test_8k(self, folder, pictures, plain) -> None:
        def large() -> Iterator[np.ndarray]:
            for picture in pictures[:3]:
                frame = np.full((4320, 7680, 3), 90, np.uint8)
                frame[:, 1680:6000] = cv2.resize(picture, (4320, 4320))
                yield frame

        path = write(folder / "8k.avi", large(), "mjpeg", "yuvj420p", {"qmin": "2", "qmax": "5"})
        track = the_track(path)
        assert track.frame_size_px == (7680, 4320)
        truth = scaled(plain.points_px[:3], 4320 / 256) + np.array([1680, 0, 0])
        assert differences_iod(track.points_px, truth).max() < 0.01


class TestTime:
    def test_uneven_steps_and_gaps(self, folder, pictures, plain) -> None:
        """Steps of 10 to 120 ms, and twice much longer."""
        steps_ms = np.random.default_rng(0).integers(10, 120, len(pictures))
        steps_ms[[8, 17]] = 900, 4000
        times_s = (np.cumsum(steps_ms) - steps_ms[0]) / 1000
        write_video(folder / "uneven.mp4", pictures, times_s)
        track = the_track(folder / "uneven.mp4")
        assert track.time_s == pytest.approx(times_s, abs=1e-4)
        assert differences_iod(track.points_px, plain.points_px).max() < 0.01

    def test_repeated_time_stamps(self, folder, pictures, plain) -> None:
        """A picture at the time of the one before would never be shown."""
        stamps = [40 * number for number in range(len(pictures))]
        stamps[5], stamps[6], stamps[15] = stamps[4], stamps[4], stamps[14]
        quality = {"qmin": "2", "qmax": "2"}
        path = write(folder / "repeated.mkv", pictures, "mjpeg", "yuvj420p", quality, stamps)
        found = extract(path, LandmarkOptions())
        (track,) = found.tracks
        shown = np.setdiff1d(np.arange(len(pictures)), [5, 6, 15])
        assert found.n_frames == len(shown)
        assert any("3 frames with repeated time stamps" in remark for remark in found.remarks)
        assert track.time_s == pytest.approx(shown / FPS, abs=1e-3)
        assert differences_iod(track.points_px, plain.points_px[shown]).max() < 0.01


class TestBlackPictures:
    @pytest.mark.parametrize("backend", ["mediapipe", "dlib"])
    def test_black_pictures_in_the_middle(self, folder, pictures, backend: str) -> None:
        black = range(10, 16)
        shown = [np.zeros_like(p) if n in black else p for n, p in enumerate(pictures)]
        whole = the_track(folder / "plain.mkv", backend=backend)
        track = the_track(write(folder / "black.mkv", shown, "ffv1", "bgr0"), backend=backend)
        seen = track.present
        assert set(black) <= set(np.flatnonzero(~seen)) <= {*black, 16}
        assert np.isnan(track.points_px[~seen]).all()
        assert (track.confidence[black] == 0).all()
        away_px = np.abs(track.points_px - whole.points_px)[seen, :, :2]
        assert np.nanmedian(away_px) < 0.5

    def test_nobody_in_black_pictures(self, folder) -> None:
        path = write(folder / "nobody.mkv", [np.zeros((96, 128, 3), np.uint8)] * 30)
        assert extract_landmarks(path) == []


class TestOptions:
    @pytest.mark.parametrize(
        ("detector", "n_frames"), [(None, 25), ("hog", 5), ("cnn", 2)], ids=str
    )
    def test_dlib_sees_the_same_face(self, folder, pictures, plain, detector, n_frames) -> None:
        """Points of one name are of one place, as far as two trainings agree on it."""
        small = [picture[40:240, 30:230] for picture in pictures[:n_frames]]
        path = write(folder / f"{detector}.mkv", small, "ffv1", "bgr0")
        track = the_track(path, backend="dlib", detector=detector)
        assert track.schema == "dlib68"
        assert track.present.all()
        inner = [n for n in DLIB_68.points if n in MEDIAPIPE_478.points and "_eye_" in n]
        inner += ["nasion", "nose_tip", "subnasale", "left_mouth_corner", "right_mouth_corner"]
        dlibs = track.points_px[:, DLIB_68.indices(inner), :2] + (30, 40)
        others = plain.points_px[:n_frames, MEDIAPIPE_478.indices(inner), :2]
        iods = iod_px(plain.points_px[:n_frames])[:, None]
        away_iod = np.linalg.norm(dlibs - others, axis=-1) / iods
        assert away_iod.mean() < 0.03
        assert away_iod.mean(axis=0).max() < 0.06

    def test_stabilised_points_differ_little_and_nothing_else(self, folder, plain) -> None:
        steady = the_track(folder / "plain.mkv", stabilise=True)
        moved = np.linalg.norm((steady.points_px - plain.points_px)[:, NAMED, :2], axis=-1)
        moved_iod = moved / iod_px(plain.points_px)[:, None]
        assert moved_iod.max() < 0.002
        assert (moved_iod[1:] > 0).mean() > 0.5
        assert steady.points_px[:, UNNAMED].tobytes() == plain.points_px[:, UNNAMED].tobytes()
        assert steady.points_px[..., 2].tobytes() == plain.points_px[..., 2].tobytes()
        for name in ("time_s", "confidence", "blendshapes", "pose"):
            assert getattr(steady, name).tobytes() == getattr(plain, name).tobytes(), name

    def test_what_is_stored_needs_no_video(self, folder, plain, tmp_path) -> None:
        video, store = tmp_path / "v.mkv", tmp_path / "store"
        shutil.copyfile(folder / "plain.mkv", video)
        first = the_track(video, landmark_store=store)
        video.unlink()
        again = the_track(video, landmark_store=store)
        for track in (first, again):
            assert (track.schema, track.frame_size_px) == (plain.schema, plain.frame_size_px)
            assert track.time_s.tobytes() == plain.time_s.tobytes()
            assert track.arrays.keys() == plain.arrays.keys()
            for name, values in track.arrays.items():
                assert values.tobytes() == plain.arrays[name].tobytes(), name
        for other in ({"stabilise": True}, {"backend": "dlib"}, {"max_faces": 2}):
            with pytest.raises(VideoMissingError):
                extract_landmarks(video, landmark_store=store, **other)
        with pytest.raises(VideoMissingError):
            extract_landmarks(video)
