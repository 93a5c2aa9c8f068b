"""Landmarks calibrated by flow: what Kalman theory says, what must not lag, what must stay."""

from dataclasses import replace

import numpy as np
import pytest

from featurize.errors import TrackError
from featurize.frame_features.stability import flow_disagreement_face_iod
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478, SCHEMES
from featurize.landmarks.stabilising import DETECTION_SD_IOD, FLOW_SD_IOD, GATE, stabilised
from featurize.types import LandmarkTrack
from tests.test_featurize.tracks import POINTS, make_track, neutral_face, turn

NAMED = MEDIAPIPE_478.indices(MEDIAPIPE_478.points)
UNNAMED = np.setdiff1d(np.arange(478), NAMED)
IOD_PX = float(np.linalg.norm(neutral_face()[33] - neutral_face()[263]))
BOTH_SCHEMES = pytest.mark.parametrize("schema", ["mediapipe478", "dlib68"])
# What dlib names and MediaPipe does not.
STAND_INS = {"jaw_1": "gonion", "jaw_2": "gonion", "nostril_sill": "nostril"}


def named_px(track: LandmarkTrack) -> np.ndarray:
    indices = SCHEMES[track.schema].indices(SCHEMES[track.schema].points)
    return track.points_px[:, indices, :2].astype(np.float64)


def in_scheme(schema: str, track: LandmarkTrack) -> LandmarkTrack:
    """The same face as the points of another scheme, which this face shows at the same places."""
    if schema == track.schema:
        return track
    sources = []
    for name in DLIB_68.points:
        side, _, stem = name.partition("_")
        sources.append(f"{side}_{STAND_INS[stem]}" if stem in STAND_INS else name)
    points_px = np.empty((track.n_frames, DLIB_68.n_points, 3), np.float32)
    points_px[:, DLIB_68.indices(DLIB_68.points)] = track.points_px[
        :, MEDIAPIPE_478.indices(sources)
    ]
    columns = [list(POINTS).index(source) for source in sources]
    return replace(
        track,
        points_px=points_px,
        flow_px=track.flow_px[:, columns],
        schema="dlib68",
        blendshapes=None,
    )


def steady(flow_sd: float, detection_sd: float) -> tuple[float, float]:
    """Gain and variance (of that of a detection) in the long run, by iterating the equations."""
    variance = 1.0
    for _ in range(1000):
        predicted = variance + (flow_sd / detection_sd) ** 2
        gain = predicted / (predicted + 1)
        variance = (1 - gain) * predicted
    return gain, variance


def noisy(noise_px: float, flow_noise_px: float, **scene) -> LandmarkTrack:
    return make_track(noise_px=noise_px, flow_noise_px=flow_noise_px, **scene)


def settled_error(schema: str, flow_sd_iod: float = FLOW_SD_IOD, **scene) -> np.ndarray:
    """Errors of a stabilised track in standard deviations of its detections."""
    sd_px = DETECTION_SD_IOD[schema] * IOD_PX
    scene = {"duration_s": 20.0, **scene}
    track = in_scheme(schema, noisy(sd_px, flow_sd_iod * IOD_PX, **scene))
    true_px = named_px(in_scheme(schema, make_track(**scene)))
    return (named_px(stabilised(track)) - true_px)[15:] / sd_px


@BOTH_SCHEMES
@pytest.mark.parametrize(
    "scene",
    [
        {},
        {"shift_px": lambda t: (20 * t - 200, -7 * t)},
        {"rotation": lambda t: turn(15 * np.sin(3 * t), 8 * np.sin(2 * t), 10 * np.sin(t))},
    ],
    ids=["still", "constant velocity", "turning"],
)
def test_noise_is_reduced_as_kalman_theory_says(schema, scene) -> None:
    # The eyes that the noise is measured against are themselves a little noisy and turn.
    error = settled_error(schema, **scene)
    _, variance = steady(FLOW_SD_IOD, DETECTION_SD_IOD[schema])
    assert error.std() == pytest.approx(np.sqrt(variance), rel=0.02)
    assert np.abs(error.mean(axis=(0, 1))).max() < 0.03


def test_the_numbers_of_the_docstring() -> None:
    for schema, factor, lag_iod in (("mediapipe478", 0.97, 0.0005), ("dlib68", 0.62, 0.0125)):
        sd = DETECTION_SD_IOD[schema]
        gain, variance = steady(FLOW_SD_IOD, sd)
        r, q = sd**2, FLOW_SD_IOD**2
        assert variance * r == pytest.approx((np.sqrt(q**2 + 4 * q * r) - q) / 2)
        assert np.sqrt(variance) == pytest.approx(factor, abs=0.005)
        assert GATE * (1 - gain) * sd * np.sqrt(1 / (1 - gain)) <= lag_iod


def test_every_scheme_has_its_measured_noise() -> None:
    assert SCHEMES.keys() <= DETECTION_SD_IOD.keys()


@BOTH_SCHEMES
def test_a_noisier_flow_than_assumed_still_helps_and_a_perfect_one_helps_most(schema) -> None:
    perfect, usual, poor = (
        settled_error(schema, factor * FLOW_SD_IOD).std() for factor in (0, 1, 1.2)
    )
    assert perfect < usual < poor < 1


def test_perfect_landmarks_and_flow_stay_as_they_are() -> None:
    track = make_track(
        duration_s=2,
        rotation=lambda t: turn(20 * np.sin(4 * t)),
        shift_px=lambda t: (60 * t, 10 * np.sin(9 * t)),
    )
    np.testing.assert_allclose(named_px(stabilised(track)), named_px(track), atol=1e-3)


def blink(schema: str, flow_sees_it: bool) -> tuple[LandmarkTrack, np.ndarray]:
    """Lids that close and open within 0.2 s, and which of the named points are lids."""
    lids = [f"{side}_eye_upper_{n}" for side in ("left", "right") for n in (3, 5)]

    def closing(t: float, face: np.ndarray) -> np.ndarray:
        closed = face.copy()
        closed[[POINTS[name] for name in lids], 1] -= (
            0.12 * IOD_PX * np.exp(-(((t - 1) / 0.06) ** 2))
        )
        return closed

    track = in_scheme(schema, make_track(duration_s=2, shape=closing))
    if not flow_sees_it:
        flow_px = np.full_like(track.flow_px, np.nan)
        flow_px[1:] = named_px(track)[:-1]
        track = replace(track, flow_px=flow_px)
    return track, np.isin([*SCHEMES[schema].points], lids)


@BOTH_SCHEMES
def test_a_blink_that_flow_sees_does_not_lag(schema) -> None:
    track, lids = blink(schema, flow_sees_it=True)
    assert np.ptp(named_px(track)[:, lids, 1], axis=0).min() > 0.1 * IOD_PX
    assert np.abs(named_px(stabilised(track)) - named_px(track))[:, lids].max() < 1e-3


@BOTH_SCHEMES
def test_a_blink_that_flow_misses_lags_less_than_stated(schema) -> None:
    track, lids = blink(schema, flow_sees_it=False)
    lag_px = np.linalg.norm(named_px(stabilised(track)) - named_px(track), axis=2)[:, lids]
    assert 0 < lag_px.max() <= {"mediapipe478": 0.0005, "dlib68": 0.0125}[schema] * IOD_PX
    depth_px = np.ptp(named_px(track)[:, lids, 1], axis=0)
    kept_px = np.ptp(named_px(stabilised(track))[:, lids, 1], axis=0)
    assert (kept_px / depth_px).min() > 0.9


def test_a_frame_depends_on_none_after_it() -> None:
    track = noisy(0.08, 0.08, duration_s=25.0)  # more frames than a piece
    whole = stabilised(track)
    for n_frames in (1, 100, 256, 300):
        cut = replace(
            track,
            **{name: array[:n_frames] for name, array in track.arrays.items()},
            time_s=track.time_s[:n_frames],
        )
        assert stabilised(cut).points_px.tobytes() == whole.points_px[:n_frames].tobytes()


def test_a_gap_is_unknown_and_the_filter_starts_again_behind_it() -> None:
    track = noisy(0.08, 0.08, duration_s=2.0, missing=slice(20, 25))
    steadied = stabilised(track)
    np.testing.assert_array_equal(np.isnan(steadied.points_px), np.isnan(track.points_px))
    for first in (0, 25):
        np.testing.assert_array_equal(named_px(steadied)[first], named_px(track)[first])
    behind = replace(
        track,
        **{name: array[25:] for name, array in track.arrays.items()},
        time_s=track.time_s[25:],
    )
    assert stabilised(behind).points_px.tobytes() == steadied.points_px[25:].tobytes()


def test_one_lost_point_starts_anew_alone() -> None:
    track = noisy(0.08, 0.08, duration_s=2.0)
    flow_px = track.flow_px.copy()
    flow_px[30, 5] = np.nan
    whole, holed = stabilised(track), stabilised(replace(track, flow_px=flow_px))
    np.testing.assert_array_equal(named_px(holed)[30, 5], named_px(track)[30, 5])
    others = np.arange(len(NAMED)) != 5
    np.testing.assert_array_equal(named_px(holed)[:, others], named_px(whole)[:, others])


def test_only_the_picture_place_of_named_points_changes() -> None:
    track = noisy(0.08, 0.08, duration_s=2.0)
    before = track.points_px.copy()
    steadied = stabilised(track)
    np.testing.assert_array_equal(steadied.points_px[:, UNNAMED], track.points_px[:, UNNAMED])
    np.testing.assert_array_equal(steadied.points_px[..., 2], track.points_px[..., 2])
    for name in ("time_s", "confidence", "blendshapes", "pose"):
        np.testing.assert_array_equal(getattr(steadied, name), getattr(track, name))
    assert (named_px(steadied) != named_px(track))[1:].mean() > 0.95
    np.testing.assert_array_equal(track.points_px, before)


def test_the_disagreement_of_flow_and_detection_is_kept() -> None:
    track = noisy(0.08, 0.08, duration_s=2.0)
    np.testing.assert_allclose(
        flow_disagreement_face_iod(stabilised(track)), flow_disagreement_face_iod(track), rtol=2e-2
    )


@pytest.mark.parametrize(("scale", "shift_px"), [(2.0, (0.0, 0.0)), (1.0, (100.0, -50.0))])
def test_place_and_size_make_no_difference(scale: float, shift_px: tuple[float, float]) -> None:
    def trembling(track: LandmarkTrack) -> np.ndarray:
        return (named_px(stabilised(track)) - [256, 256]) / IOD_PX

    track = noisy(0.4, 0.4, duration_s=2.0)

    def placed(px: np.ndarray) -> np.ndarray:
        out = px.astype(np.float64)
        out[..., :2] = (out[..., :2] - 256) * scale + 256 + shift_px
        out[..., 2:] *= scale
        return out.astype(np.float32)

    elsewhere = replace(track, points_px=placed(track.points_px), flow_px=placed(track.flow_px))
    back = (trembling(elsewhere) - np.array(shift_px) / IOD_PX) / scale
    np.testing.assert_allclose(back, trembling(track), atol=2e-5)


def test_without_depth_the_eyes_give_the_size_in_the_picture() -> None:
    track = noisy(0.4, 0.4, duration_s=2.0)
    flat, deepless = track.points_px.copy(), track.points_px.copy()
    flat[..., 2], deepless[..., 2] = 0, np.nan
    np.testing.assert_array_equal(
        named_px(stabilised(replace(track, points_px=flat))),
        named_px(stabilised(replace(track, points_px=deepless))),
    )


def test_a_track_without_flow_says_what_to_do() -> None:
    with pytest.raises(TrackError, match="extract it with flow"):
        stabilised(make_track(duration_s=1, flow_noise_px=None))
    track = make_track(duration_s=1)
    with pytest.raises(TrackError, match="extract the track anew"):
        stabilised(replace(track, flow_px=track.flow_px[:, :68]))


def test_no_frames_and_no_face() -> None:
    empty = make_track(duration_s=0)
    assert stabilised(empty).n_frames == 0
    nobody = make_track(duration_s=0.4, missing=slice(None))
    assert np.isnan(stabilised(nobody).points_px).all()
