"""Quality of pictures with known noise, blur and blocks, and of frames that were never filmed."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from featurize.declaration import Recording
from featurize.frame import Frame
from featurize.frame_features import quality, repeats
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.detection import FaceDetection
from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis import write_video
from featurize.types import LandmarkTrack, VideoInfo
from featurize.video import VideoReader
from featurize.video_features.quality import recording_quality
from tests.test_featurize.faces import view_of
from tests.test_featurize.tracks import make_track

FACE_PX = make_track(duration_s=0.1).points_px[0]
SIZE = (512, 512)


def view(grey: np.ndarray, points_px: np.ndarray = FACE_PX) -> FaceView:
    """A face in a grey picture."""
    return view_of(grey, points_px)


def noise(sigma: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sigma, SIZE)


def ramp() -> np.ndarray:
    """Smooth shading."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return 60 + 0.15 * x + 0.1 * y


def blocks(side: int = 8) -> np.ndarray:
    """Flat squares of random levels, the first at the corner."""
    levels = np.random.default_rng(1).uniform(80, 160, (SIZE[0] // side, SIZE[1] // side))
    return np.kron(levels, np.ones((side, side)))


def texture() -> np.ndarray:
    return 128 + cv2.GaussianBlur(noise(200, 2), (0, 0), 1.0)


@pytest.mark.parametrize("sigma", [1.0, 3.0, 10.0])
@pytest.mark.parametrize("shading", [np.full(SIZE, 120.0), ramp()], ids=["flat", "ramp"])
def test_white_noise_has_its_own_deviation(sigma: float, shading: np.ndarray) -> None:
    found = quality.noise_sigma_levels.read(view(shading + noise(sigma)))
    # Rounding to whole levels is noise of variance 1/12.
    assert found == pytest.approx(np.sqrt(sigma**2 + 1 / 12), rel=0.03)


def test_smooth_shading_is_no_noise() -> None:
    assert quality.noise_sigma_levels.read(view(np.full(SIZE, 90.0))) == 0
    assert quality.noise_sigma_levels.read(view(ramp())) < 0.3


def test_edges_count_for_little_in_noise() -> None:
    lines = 40 * (np.arange(SIZE[1]) // 16 % 2)
    found = quality.noise_sigma_levels.read(view(100 + lines + noise(3)))
    assert found == pytest.approx(3, rel=0.05)


def test_blur_grows_with_blur() -> None:
    softer = [cv2.GaussianBlur(texture(), (0, 0), sigma) for sigma in (1, 2, 4)]
    found = [quality.blur.read(view(picture)) for picture in (texture(), *softer)]
    assert (np.diff(found) > 0.05).all()
    assert 0 < found[0] < found[-1] < 1


def test_blur_takes_the_worse_of_both_directions() -> None:
    along_x = cv2.GaussianBlur(texture(), (0, 0), 4, sigmaY=0.01)
    along_y = cv2.GaussianBlur(texture(), (0, 0), 0.01, sigmaY=4)
    sharp = quality.blur.read(view(texture()))
    assert quality.blur.read(view(along_x)) > sharp + 0.1
    assert quality.blur.read(view(along_y)) > sharp + 0.1


@pytest.mark.parametrize("period_px", [(12, 30), (30, 12), (14, 12.5), (20, 20)])
def test_blur_of_a_grating_is_what_a_mean_of_nine_pixels_leaves_of_it(period_px) -> None:
    angles = np.pi / np.array(period_px)
    left = np.abs(np.sin(9 * angles) / (9 * np.sin(angles)))
    waves = [40 * np.sin(2 * angle * np.arange(512)) for angle in angles]
    found = quality.blur.read(view(128 + waves[0] + waves[1][:, None]))
    assert found == pytest.approx(left.max(), abs=0.035)


def test_blur_does_not_depend_on_contrast() -> None:
    soft = 128 + 0.5 * (texture() - 128)
    assert quality.blur.read(view(soft)) == pytest.approx(quality.blur.read(view(texture())), 0.02)


@pytest.mark.filterwarnings("error")
def test_a_flat_picture_is_neither_sharp_nor_blurred() -> None:
    assert np.isnan(quality.blur.read(view(np.full(SIZE, 90.0))))
    assert quality.blockiness.read(view(np.full(SIZE, 90.0))) == 0


def test_blocks_are_seen_on_the_grid_of_the_codec_only() -> None:
    on_grid = quality.blockiness.read(view(blocks() + noise(1)))
    assert on_grid > 3
    shifted = quality.blockiness.read(view(np.roll(blocks(), 4, axis=(0, 1)) + noise(1)))
    assert shifted < 0
    assert abs(quality.blockiness.read(view(100 + noise(10)))) < 0.05
    assert abs(quality.blockiness.read(view(ramp()))) < 0.05


@pytest.mark.parametrize("shift_px", [(8, 0), (3, 5), (-7, 2)])
def test_blocks_stay_where_they_are_when_the_face_moves(shift_px: tuple[int, int]) -> None:
    moved = FACE_PX + np.array([*shift_px, 0], np.float32)
    still = quality.blockiness.read(view(blocks() + noise(1)))
    assert quality.blockiness.read(view(blocks() + noise(1), moved)) == pytest.approx(still, 0.05)


@pytest.mark.parametrize("scale", [3.0, 6.0])
def test_blocks_of_large_faces_are_seen_in_reduced_pixels(scale: float) -> None:
    points_px = (FACE_PX - [256, 256, 0]) * scale + [1024, 1024, 0]
    large = view(np.tile(blocks(), (4, 4)), points_px)
    assert large.shrink > 1
    assert quality.blockiness.read(large) > 2


@pytest.mark.filterwarnings("error")
def test_blocks_of_one_pixel_are_unknown() -> None:
    huge = view(blocks(), (FACE_PX - [256, 256, 0]) * 16 + [256, 256, 0])
    assert huge.shrink >= 8
    assert np.isnan(quality.blockiness.read(huge))


def test_stronger_compression_is_more_blocks_and_less_noise() -> None:
    grey = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)
    found = []
    for percent in (95, 30, 8):
        data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, percent])[1]
        seen = view(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
        found.append([s.read(seen) for s in (quality.blockiness, quality.noise_sigma_levels)])
    blockiness, sigma = np.array(found).T
    assert (np.diff(blockiness) > 0.2).all()
    assert (np.diff(sigma) < 0).all()


def test_exposure_and_contrast_of_the_face() -> None:
    assert quality.face_luma_levels.read(view(np.full(SIZE, 77.0))) == pytest.approx(77, abs=0.5)
    board = 100 + 40 * (np.indices(SIZE).sum(axis=0) % 2)
    assert quality.face_luma_levels.read(view(board)) == pytest.approx(120, abs=0.5)
    assert quality.face_contrast_levels.read(view(board)) == pytest.approx(20, abs=0.2)


SIGNALS = (
    quality.blur,
    quality.blockiness,
    quality.noise_sigma_levels,
    quality.face_luma_levels,
    quality.face_contrast_levels,
)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_face_half_outside_the_picture_is_judged_by_the_half_inside(signal) -> None:
    picture = texture()
    whole = signal.read(view(picture))
    half = signal.read(view(picture[:, :256]))
    assert half == pytest.approx(whole, rel=0.1, abs=0.1)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
@pytest.mark.filterwarnings("error")
def test_a_face_outside_the_picture_is_unknown(signal) -> None:
    away = FACE_PX + np.array([5000, 0, 0], np.float32)
    assert np.isnan(signal.read(view(texture(), away)))


def moving(n_frames: int, step_px: float = 4.0, seed: int = 5) -> list[np.ndarray]:
    """A texture that passes by, with the noise of a camera."""
    rng = np.random.default_rng(seed)
    wide = 128 + 3 * cv2.GaussianBlur(rng.normal(0, 60, (120, 2000)), (0, 0), 2.0)
    rows = [wide[:, round(step_px * n) :][:, :160] for n in range(n_frames)]
    grey = [np.clip(row + rng.normal(0, 2, row.shape), 0, 255).astype(np.uint8) for row in rows]
    return [np.repeat(picture[..., None], 3, axis=2) for picture in grey]


def doubled(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Every fourth frame shows the one before once more."""
    return [frames[n - 1] if n % 4 == 3 else frame for n, frame in enumerate(frames)]


def mixed(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Every fourth frame is the mean of its neighbours."""
    return [
        ((frames[n - 1].astype(int) + frames[n + 1] + 1) // 2).astype(np.uint8)
        if n % 4 == 3 and n + 1 < len(frames)
        else frame
        for n, frame in enumerate(frames)
    ]


def with_measures(frames: list[Frame], info: VideoInfo | None = None) -> Recording:
    """A recording of a face that is in all frames, as the observer measures it."""
    observer = PixelObserver(())
    face = {3: FaceDetection(FACE_PX, 1.0)}
    values = [observer.measure(frame, face, MEDIAPIPE_478)[3] for frame in frames]
    n_frames = len(frames)
    track = LandmarkTrack(
        points_px=np.repeat(FACE_PX[None], n_frames, axis=0),
        time_s=np.array([frame.time_s for frame in frames]),
        confidence=np.ones(n_frames, np.float32),
        schema="mediapipe478",
        frame_size_px=(160, 120),
        appearance=np.array(values, np.float32),
        measures=observer.names,
    )
    return Recording(track, {}, info)


def shares(pictures: list[np.ndarray], fps: float = 25, path: Path | None = None) -> tuple:
    """Shares of repeated and of interpolated frames, through a file or without."""
    times_s = np.arange(len(pictures)) / fps
    if path is None:
        recording = with_measures(
            [Frame(n, t, p) for n, (t, p) in enumerate(zip(times_s, pictures, strict=True))]
        )
    else:
        write_video(path, pictures, times_s, crf=23)
        with VideoReader(path) as video:
            recording = with_measures(list(video), video.info)
    found = recording_quality(recording)
    return (
        found["quality__repeated_frames__share"],
        found["quality__interpolated_frames__share"],
    )


@pytest.mark.parametrize("fps", [12, 25, 120])
@pytest.mark.parametrize("encoded", [False, True])
def test_shares_of_frames_that_were_never_filmed(tmp_path: Path, fps: float, encoded: bool) -> None:
    path = tmp_path / "v.mp4" if encoded else None
    frames = moving(100)
    assert shares(frames, fps, path) == (0, 0)
    assert shares(doubled(frames), fps, path) == (pytest.approx(0.25, abs=0.01), 0)
    assert shares(mixed(frames), fps, path) == (0, pytest.approx(0.25, abs=0.02))


@pytest.mark.parametrize("step_px", [0.0, 0.5, 20.0])
def test_still_slow_and_fast_pictures_were_filmed(step_px: float) -> None:
    """A slow one changes evenly for some frames, but its noise does not."""
    assert shares(moving(60, step_px)) == (0, 0)


@pytest.mark.filterwarnings("error")
def test_a_photograph_is_one_frame_repeated() -> None:
    assert shares(moving(1) * 40) == (1, 0)


def test_every_second_frame_made_up() -> None:
    frames = moving(100)
    assert shares([frames[n // 2] for n in range(100)])[0] == pytest.approx(0.5, abs=0.02)
    halves = [
        frames[n // 2]
        if n % 2 == 0
        else ((frames[n // 2].astype(int) + frames[n // 2 + 1]) // 2).astype(np.uint8)
        for n in range(100)
    ]
    assert shares(halves)[1] == pytest.approx(0.5, abs=0.02)


def test_change_and_blend_are_what_they_say() -> None:
    meter = repeats.RepeatMeter()
    flat = [np.full((120, 160, 3), level, np.uint8) for level in (100, 110, 120, 120, 100)]
    found = np.array([meter.measure(Frame(n, n / 25, p)) for n, p in enumerate(flat)])
    np.testing.assert_allclose(found[:, 0], [np.nan, 10, 10, 0, 20])
    np.testing.assert_allclose(found[:, 1], [np.nan, np.nan, 0, 1, 1])


def test_noise_alone_blends_as_documented() -> None:
    rng = np.random.default_rng(0)
    meter = repeats.RepeatMeter()
    for n in range(4):
        grey = rng.normal(128, 8, (120, 160)).astype(np.uint8)
        found = meter.measure(Frame(n, n / 25, np.repeat(grey[..., None], 3, axis=2)))
    assert found[1] == pytest.approx(np.sqrt(3), rel=0.05)


def test_all_faces_of_a_frame_share_its_picture() -> None:
    observer = PixelObserver(())
    two = {1: FaceDetection(FACE_PX, 1.0), 2: FaceDetection(FACE_PX + 20, 1.0)}
    place = observer.names.index("picture__change")
    for n, picture in enumerate(moving(3)):
        measured = observer.measure(Frame(n, n / 25, picture), two, MEDIAPIPE_478)
    assert measured[1][place] == measured[2][place] > 0


def recorded(time_s: np.ndarray, info: VideoInfo | None = None) -> dict[str, float]:
    track = LandmarkTrack(
        points_px=np.repeat(FACE_PX[None], len(time_s), axis=0),
        time_s=time_s,
        confidence=np.ones(len(time_s), np.float32),
        schema="mediapipe478",
        frame_size_px=SIZE,
    )
    return recording_quality(Recording(track, {}, info))


@pytest.mark.parametrize("fps", [12, 24, 30000 / 1001, 60, 120])
def test_even_frames_have_their_rate_and_no_irregularity(fps: float) -> None:
    found = recorded(np.arange(50) / fps)
    assert found["quality__frame_rate_hz__median"] == pytest.approx(fps)
    assert found["quality__frame_step__cv"] == pytest.approx(0, abs=1e-9)
    assert found["quality__dropped_frames__share"] == 0


def test_frames_that_are_missing() -> None:
    kept = np.delete(np.arange(101), [10, 20, 21, 22, 60])
    found = recorded(kept / 25)
    assert found["quality__dropped_frames__share"] == pytest.approx(5 / 100)
    steps = np.r_[np.ones(92), 2, 4, 2]
    assert found["quality__frame_step__cv"] == pytest.approx(steps.std() / steps.mean())


def test_sizes_of_the_face_scale_with_it() -> None:
    one, two = (
        recording_quality(Recording(make_track(duration_s=1, scale=scale), {})) for scale in (1, 2)
    )
    for name in ("quality__face_width_px__median", "quality__interocular_distance_px__median"):
        assert two[name] == pytest.approx(2 * one[name], rel=1e-4)
    iod_px = np.linalg.norm(FACE_PX[263] - FACE_PX[33])
    assert one["quality__interocular_distance_px__median"] == pytest.approx(iod_px, rel=1e-4)


def test_bit_rate_per_second_and_per_pixel() -> None:
    info = VideoInfo(Path("v.mp4"), 100, 50, 20.0, 2.0, "h264", 1e6)
    found = recorded(np.arange(40) / 20, info)
    assert found["quality__bit_rate__log10_bps"] == pytest.approx(6)
    assert found["quality__bit_rate__log10_bits_per_pixel"] == pytest.approx(1)
    undeclared = VideoInfo(Path("v.mp4"), 100, 50, np.nan, 2.0, "h264", 1e6)
    assert recorded(np.arange(40) / 20, undeclared) == pytest.approx(found, nan_ok=True)


def test_bit_rate_is_never_more_than_the_file_holds(tmp_path: Path) -> None:
    """MPEG-1 of variable rate declares 104 857 200 bit/s, whatever it has."""
    path = tmp_path / "v.mpg"
    with av.open(str(path), "w", format="mpeg") as container:
        stream = container.add_stream("mpeg1video", rate=Fraction(25))
        stream.height, stream.width, stream.pix_fmt = 120, 160, "yuv420p"
        for picture in moving(50):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    with VideoReader(path) as video:
        assert 0 < video.info.bit_rate_bps < 1.2 * path.stat().st_size * 8 / 1.9


@pytest.mark.parametrize("n_frames", [1, 2, 3])
@pytest.mark.filterwarnings("error")
def test_few_frames_say_what_they_can(n_frames: int) -> None:
    frames = [Frame(n, n / 25, picture) for n, picture in enumerate(moving(n_frames))]
    found = recording_quality(with_measures(frames))
    assert list(found) == [feature.name for feature in recording_quality.features]
    assert found["quality__face_width_px__median"] > 0
    unknown = {name for name, value in found.items() if np.isnan(value)}
    always = {name for name in found if "bit_rate" in name}
    assert always <= unknown
    assert (unknown == always) == (n_frames > 1)


@pytest.mark.filterwarnings("error")
def test_without_a_face_sizes_are_unknown() -> None:
    found = recording_quality(Recording(make_track(duration_s=2, missing=slice(0, 50)), {}))
    assert np.isnan(found["quality__face_width_px__median"])
    assert np.isnan(found["quality__repeated_frames__share"])
    assert found["quality__frame_rate_hz__median"] == pytest.approx(25)
