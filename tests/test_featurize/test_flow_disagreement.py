"""Flow against landmarks: closed forms of noise, what must not change it, what it cannot know."""

from dataclasses import replace

import numpy as np
import pytest

from featurize.frame_features import stability
from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.registry import FRAME_SIGNALS
from featurize.types import LandmarkTrack
from tests.test_featurize.tracks import POINTS, make_track, mirrored, neutral_face, turn

SIGNALS = [signal for signal in FRAME_SIGNALS if signal.column.startswith("stability__flow_")]
NAMES = list(POINTS)
IOD_PX = float(np.linalg.norm(neutral_face()[33] - neutral_face()[263]))


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def moving(**scene) -> LandmarkTrack:
    return make_track(
        **{
            "duration_s": 8.0,
            "rotation": lambda t: turn(10 * np.sin(3 * t), 5 * np.sin(2 * t), 8 * np.sin(t)),
            "shift_px": lambda t: (12 * np.sin(2 * t), 5 * t),
        }
        | scene
    )


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
@pytest.mark.parametrize(
    ("noise_px", "flow_noise_px", "per_axis_px"),
    [(0.5, 0.0, 0.5 * np.sqrt(2)), (0.0, 0.4, 0.4), (0.3, 0.4, np.sqrt(2 * 0.09 + 0.16))],
    ids=["landmarks tremble", "flow trembles", "both"],
)
def test_noise_of_known_size(signal, noise_px, flow_noise_px, per_axis_px) -> None:
    # A landmark is wrong once in this frame and once in the one that its flow starts from.
    values = signal(moving(noise_px=noise_px, flow_noise_px=flow_noise_px))[1:]
    assert rms(values) == pytest.approx(np.sqrt(2) * per_axis_px / IOD_PX, rel=0.05)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_landmarks_that_go_with_the_face_agree(signal) -> None:
    assert signal(moving())[1:].max() < 1e-5


def test_landmarks_that_slide_over_a_still_face() -> None:
    slid = make_track(duration_s=1, shift_px=lambda t: (10 * t, 0), fps=25)
    flow_px = np.full_like(slid.flow_px, np.nan)
    flow_px[1:] = slid.points_px[:-1, MEDIAPIPE_478.indices(POINTS), :2]
    for signal in SIGNALS:
        values = signal(replace(slid, flow_px=flow_px))[1:]
        np.testing.assert_allclose(values, 0.4 / IOD_PX, rtol=1e-3)


@pytest.mark.parametrize(
    ("region", "others"), [("mouth", ["eyes", "brows", "nose", "outline"]), ("eyes", ["mouth"])]
)
def test_a_region_says_nothing_of_others(region: str, others: list[str]) -> None:
    track = make_track(duration_s=1)
    flow_px = track.flow_px.copy()
    flow_px[:, [NAMES.index(name) for name in MEDIAPIPE_478.regions[region]]] += [3, 4]
    torn = replace(track, flow_px=flow_px)

    def value(which: str) -> float:
        return float(getattr(stability, f"flow_disagreement_{which}_iod")(torn)[5])

    assert value(region) == pytest.approx(5 / IOD_PX, rel=1e-4)
    assert all(value(other) < 1e-5 for other in others)
    share = len(MEDIAPIPE_478.regions[region]) / len(MEDIAPIPE_478.regions["face"])
    assert value("face") == pytest.approx(5 / IOD_PX * np.sqrt(share), rel=1e-4)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_place_size_roll_and_mirror_make_no_difference(signal) -> None:
    track = make_track(duration_s=1, noise_px=0.5, flow_noise_px=0.3)
    seen = signal(track)
    c, s = np.cos(0.4), np.sin(0.4)
    roll = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    placed = replace(
        track,
        points_px=(track.points_px @ roll.T * 1.7 + [40, -25, 0]).astype(np.float32),
        flow_px=(track.flow_px @ roll[:2, :2].T * 1.7 + [40, -25]).astype(np.float32),
    )
    np.testing.assert_allclose(signal(placed), seen, rtol=1e-3)
    np.testing.assert_allclose(signal(mirrored(track)), seen, rtol=1e-3)


def test_what_flow_has_lost() -> None:
    signal = stability.flow_disagreement_mouth_iod
    mouth = [NAMES.index(name) for name in MEDIAPIPE_478.regions["mouth"]]
    track = make_track(duration_s=1, noise_px=0.5)
    flow_px = track.flow_px.copy()
    flow_px[7, mouth[: len(mouth) // 2]] = np.nan
    flow_px[9, mouth[: len(mouth) // 2 + 1]] = np.nan
    holed = signal(replace(track, flow_px=flow_px))
    assert np.flatnonzero(np.isnan(holed)).tolist() == [0, 9]
    rest = mouth[len(mouth) // 2 :]
    error_px = flow_px[7, rest] - track.points_px[7, MEDIAPIPE_478.indices(POINTS)[rest], :2]
    # The eyes that it is measured against tremble too.
    iod_px = np.linalg.norm(track.points_px[7, 33] - track.points_px[7, 263])
    expected = np.sqrt(np.mean(np.sum(error_px.astype(np.float64) ** 2, axis=1))) / iod_px
    assert holed[7] == pytest.approx(expected, rel=1e-5)


@pytest.mark.filterwarnings("error")
def test_without_flow_or_face_it_is_unknown() -> None:
    for track in (
        make_track(duration_s=1, flow_noise_px=None),
        make_track(duration_s=1, missing=slice(None)),
        make_track(duration_s=0),
    ):
        for signal in SIGNALS:
            assert signal(track).shape == (track.n_frames,)
            assert np.isnan(signal(track)).all()


def test_every_signal_says_what_else_moves_it() -> None:
    assert len(SIGNALS) == 6
    for signal in SIGNALS:
        assert {"head speed", "blur", "compression", "frame rate"} <= set(signal.confounded_by)
