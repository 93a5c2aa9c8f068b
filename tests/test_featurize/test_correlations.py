"""Expressions and head movements that go together as scripted."""

from dataclasses import replace

import numpy as np
import pytest

from featurize.declaration import Recording
from featurize.registry import compute_signals
from featurize.video_features.correlations import pairwise_correlations
from featurize.video_features.statistics import pearson
from tests.test_featurize.tracks import make_track, recording_of


def test_coupled_and_uncoupled_signals() -> None:
    rng = np.random.default_rng(3)
    nod = rng.normal(size=400)
    recording = recording_of(
        head_pose__pitch_deg=nod,
        head_pose__yaw_deg=rng.normal(size=400),
        expression__jaw_open=0.5 - 0.1 * nod,
        expression__brow_inner_up=0.6 * nod + 0.8 * rng.normal(size=400),
    )
    found = pairwise_correlations(recording)
    assert found["correlation__jaw_open_x_pitch__pearson"] == pytest.approx(-1)
    assert found["correlation__brow_inner_up_x_pitch__pearson"] == pytest.approx(0.6, abs=0.1)
    assert abs(found["correlation__yaw_x_pitch__pearson"]) < 0.15


def test_constant_signals_have_no_correlation() -> None:
    found = pairwise_correlations(compute_signals(make_track(duration_s=2, noise_px=0.2)))
    assert np.isnan(found["correlation__mouth_smile_x_pitch__pearson"])


def test_posture_that_shifts_between_windows_is_no_coupling() -> None:
    """Two noises without relation, each on its own steps every ten seconds that go together."""
    rng = np.random.default_rng(4)
    posture = np.repeat([0.0, 6.0, 1.0, 9.0], 250)
    nod, turned = posture + rng.normal(size=(2, 1000))
    recording = recording_of(head_pose__pitch_deg=nod, head_pose__yaw_deg=turned)
    assert pearson(nod, turned) > 0.9
    assert abs(pairwise_correlations(recording)["correlation__yaw_x_pitch__pearson"]) < 0.12


def test_windows_are_averaged_after_fishers_transform() -> None:
    rng = np.random.default_rng(5)
    nod = rng.normal(size=500)
    weight = np.repeat([0.9, -0.2], 250)
    turned = weight * nod + np.sqrt(1 - weight**2) * rng.normal(size=500)
    halves = [pearson(nod[part], turned[part]) for part in np.s_[:250, 250:]]
    found = pairwise_correlations(recording_of(head_pose__pitch_deg=nod, head_pose__yaw_deg=turned))
    assert found["correlation__yaw_x_pitch__pearson"] == pytest.approx(
        np.tanh(np.mean(np.arctanh(halves))), abs=1e-9
    )


def test_a_short_video_is_one_window() -> None:
    nod, turned = np.random.default_rng(6).normal(size=(2, 350))
    turned += np.linspace(0, 3, 350) + nod
    found = pairwise_correlations(recording_of(head_pose__pitch_deg=nod, head_pose__yaw_deg=turned))
    assert found["correlation__yaw_x_pitch__pearson"] == pytest.approx(pearson(nod, turned))


def test_windows_of_a_slow_video_have_twelve_frames_at_least() -> None:
    """Of two frames any two signals correlate perfectly, one way or the other."""
    nod, turned = np.random.default_rng(9).normal(size=(2, 40))
    recording = recording_of(head_pose__pitch_deg=nod, head_pose__yaw_deg=turned)
    slow = replace(recording.track, time_s=np.arange(40) * 5.0)
    thirds = [pearson(*part) for part in np.array_split(np.array([nod, turned]), 3, axis=1)]
    found = pairwise_correlations(Recording(slow, recording.signals))
    assert found["correlation__yaw_x_pitch__pearson"] == pytest.approx(
        np.tanh(np.mean(np.arctanh(thirds))), abs=1e-9
    )


def test_window_in_which_a_signal_rests_does_not_count() -> None:
    nod, turned = np.random.default_rng(7).normal(size=(2, 500))
    turned += nod
    nod[250:] = 3
    found = pairwise_correlations(recording_of(head_pose__pitch_deg=nod, head_pose__yaw_deg=turned))
    assert found["correlation__yaw_x_pitch__pearson"] == pytest.approx(
        pearson(nod[:250], turned[:250])
    )


def test_rounding_of_a_coefficient_near_zero_is_no_signal() -> None:
    nod = np.random.default_rng(8).normal(size=400)
    recording = recording_of(
        head_pose__pitch_deg=nod, expression__jaw_open=1e-5 * nod, mouth__lip_gap_iod=0.01 * nod
    )
    found = pairwise_correlations(recording)
    assert np.isnan(found["correlation__jaw_open_x_pitch__pearson"])
    assert found["correlation__lip_gap_x_pitch__pearson"] == pytest.approx(1)


@pytest.mark.parametrize("sign", [1, -1])
def test_pearson(sign: int) -> None:
    first = np.array([0.0, 1, 2, 5])
    assert pearson(first, sign * 3 * first + 2) == pytest.approx(sign)
    assert np.isnan(pearson(first, np.ones(4)))


@pytest.mark.filterwarnings("error")
def test_without_blendshapes_the_measured_signals_still_go_together() -> None:
    nod = np.sin(np.arange(300) / 7)
    nod[40:60] = np.nan
    recording = recording_of(head_pose__pitch_deg=nod, mouth__lip_gap_iod=0.1 - 0.02 * nod)
    unknown = {
        name: np.full(300, np.nan) for name in recording.signals if name.startswith("expression__")
    }
    found = pairwise_correlations(Recording(recording.track, dict(recording.signals) | unknown))
    assert found["correlation__lip_gap_x_pitch__pearson"] == pytest.approx(-1)
    known = {name for name, value in found.items() if np.isfinite(value)}
    assert not any("jaw_open" in name or "brow" in name for name in known)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_known", [0, 11])
def test_too_few_frames_have_no_correlations(n_known: int) -> None:
    nod = np.random.default_rng(1).normal(size=100)
    nod[n_known:] = np.nan
    found = pairwise_correlations(recording_of(head_pose__pitch_deg=nod))
    assert np.isnan(list(found.values())).all()
