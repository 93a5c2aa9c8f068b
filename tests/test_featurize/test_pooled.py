"""What networks say, pooled: closed forms, and nothing made of too little."""

from dataclasses import replace

import numpy as np
import pytest

from featurize import scratch as scratch_module
from featurize.declaration import Recording
from featurize.sampled_frames import first_of_stretch, sampled_frames
from featurize.scratch import scratch
from featurize.types import FaceSamples
from featurize.video_features.pooled import cnn_summary
from tests.test_featurize.tracks import make_track

NETWORK, N_DIMS = "dlib_resnet", 3
SUMMARY = cnn_summary(NETWORK, N_DIMS)


def pooled(
    values_of, duration_s: float = 10.0, frames: np.ndarray | None = None, fps: float = 25.0
) -> dict:
    """Features of a face of which the network says ``values_of(time_s)``, ``(n, N_DIMS)``."""
    track = make_track(duration_s=duration_s, fps=fps)
    if frames is None:
        frames = sampled_frames(track.time_s, track.present)
    values = np.asarray(values_of(track.time_s[frames])).astype(np.float32)
    samples = {NETWORK: FaceSamples(frames, values)}
    return SUMMARY(Recording(replace(track, samples=samples), {}))


def test_names_are_those_of_the_contract() -> None:
    assert [feature.name for feature in SUMMARY.features] == [
        *(f"cnn__dlib_resnet_000{n}__{kind}" for n in range(3) for kind in ("mean", "std")),
        *(f"cnn__dlib_resnet_change__{kind}" for kind in ("mean", "std", "max")),
    ]
    assert {feature.family for feature in SUMMARY.features} == {"cnn"}
    wide = cnn_summary("efficientnet_lite0", 1280).features
    assert wide[2 * 1279].name == "cnn__efficientnet_lite0_1279__mean"


def test_level_and_spread_are_of_samples_without_their_neighbours() -> None:
    """Neighbours repeat the sample before them: counted, they would weigh even stretches twice."""

    def stairs(time_s: np.ndarray) -> np.ndarray:
        stretch = np.floor(time_s / 0.5 + 1e-6)
        return np.stack([stretch, stretch % 2, np.full(len(time_s), -7.0)], axis=1)

    found = pooled(stairs)
    assert found["cnn__dlib_resnet_0000__mean"] == pytest.approx(19 / 2)
    assert found["cnn__dlib_resnet_0000__std"] == pytest.approx(np.sqrt((20**2 - 1) / 12))
    assert found["cnn__dlib_resnet_0001__mean"] == pytest.approx(1 / 2)
    assert found["cnn__dlib_resnet_0002__mean"] == -7
    assert found["cnn__dlib_resnet_0002__std"] == 0
    assert found["cnn__dlib_resnet_change__max"] == 0


def test_change_is_the_root_mean_square_over_dimensions_from_frame_to_frame() -> None:
    """Growing by 3, 0 and 4 a second at 25 fps; but for one jump by 1 in the first dimension."""

    def ramp(time_s: np.ndarray) -> np.ndarray:
        values = time_s[:, None] * [3.0, 0.0, 4.0]
        values[1, 0] += 1
        return values

    found = pooled(ramp)
    step = np.sqrt((3**2 + 4**2) / 3) / 25
    jump = np.sqrt(((1 + 3 / 25) ** 2 + (4 / 25) ** 2) / 3)
    steps = np.array([jump, *[step] * 9])
    assert found["cnn__dlib_resnet_change__mean"] == pytest.approx(steps.mean(), rel=1e-5)
    assert found["cnn__dlib_resnet_change__std"] == pytest.approx(steps.std(), rel=1e-5)
    assert found["cnn__dlib_resnet_change__max"] == pytest.approx(jump, rel=1e-5)


@pytest.mark.parametrize(("fps", "is_known"), [(3, False), (8, True), (9, True), (12.5, True)])
def test_change_is_known_where_frames_are_near_enough(fps: float, is_known: bool) -> None:
    track = make_track(duration_s=10.0, fps=fps)
    frames = np.arange(track.n_frames)  # also where more was looked at than is planned
    found = pooled(lambda t: t[:, None] * [1.0, 1.0, 1.0], frames=frames, fps=fps)
    expected = 1 / fps if is_known else np.nan
    assert found["cnn__dlib_resnet_change__mean"] == pytest.approx(expected, rel=1e-4, nan_ok=True)


@pytest.mark.parametrize(("n_samples", "is_known"), [(0, False), (3, False), (4, True)])
def test_too_few_samples_are_unknown(n_samples: int, is_known: bool) -> None:
    frames = np.array([0, 13, 25, 38])[:n_samples]
    found = pooled(lambda t: np.ones((len(t), N_DIMS)), frames=frames)
    assert np.isfinite(found["cnn__dlib_resnet_0001__mean"]) == is_known
    assert np.isfinite(found["cnn__dlib_resnet_0001__std"]) == is_known
    assert np.isnan(found["cnn__dlib_resnet_change__mean"])


@pytest.mark.parametrize(("n_pairs", "is_known"), [(0, False), (1, False), (2, True)])
def test_too_few_pairs_are_unknown(n_pairs: int, is_known: bool) -> None:
    frames = np.array([0, 1, 25, 26])[: 2 * n_pairs]
    found = pooled(lambda t: np.ones((len(t), N_DIMS)), frames=frames)
    assert [
        np.isfinite(found[f"cnn__dlib_resnet_change__{k}"]) for k in ("mean", "std", "max")
    ] == ([is_known] * 3)


def test_a_track_that_was_not_looked_at_has_no_values() -> None:
    found = SUMMARY(Recording(make_track(duration_s=4.0), {}))
    assert len(found) == 2 * N_DIMS + 3
    assert np.isnan(list(found.values())).all()


def test_a_long_video_whose_samples_lie_in_a_file_is_pooled_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def clouds(time_s: np.ndarray) -> np.ndarray:
        return np.random.default_rng(len(time_s)).normal(5, 2, (len(time_s), N_DIMS))

    in_memory = pooled(clouds, duration_s=200.0)
    track = make_track(duration_s=200.0)
    frames = sampled_frames(track.time_s, track.present)
    monkeypatch.setattr(scratch_module, "MOST_IN_MEMORY", 0)
    values = scratch((len(frames), N_DIMS), np.float32)
    values[:] = clouds(track.time_s[frames])
    samples = {NETWORK: FaceSamples(frames, values)}
    in_file = SUMMARY(Recording(replace(track, samples=samples), {}))
    assert in_file == in_memory
    firsts = values[first_of_stretch(track.time_s[frames])].astype(np.float64)
    assert in_file["cnn__dlib_resnet_0002__mean"] == pytest.approx(firsts[:, 2].mean())
    assert in_file["cnn__dlib_resnet_0002__std"] == pytest.approx(firsts[:, 2].std())
