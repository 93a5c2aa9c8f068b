"""Detector files whose parts would crash the scoring, or make it say what is not so."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from models import load_detector, train
from models.errors import DetectorError
from models.thresholds import Thresholds
from tests.test_models.conftest import SPEED, quality_table


@pytest.fixture(scope="module")
def sound():
    members = ("linear", "xgboost")
    return train(quality_table(), "stacking", members=members, condition_on_quality=True)


def members(detector):
    return detector.pipeline[-1].members_


def conditioners(detector):
    return [one.estimator_.named_steps["condition"] for one in members(detector).values()]


def with_measures(detector, change):
    for conditioner in conditioners(detector):
        conditioner.seen_ = change(conditioner.seen_)


def strange_measure(detector):
    return {"covariates": ("strange__measure__x", *detector.covariates[1:])}


def measures_in_another_order(detector):
    return {"covariates": detector.covariates[::-1]}


def measures_of_another_number(detector):
    with_measures(detector, lambda seen: seen[:2])


def measures_of_text(detector):
    with_measures(detector, lambda seen: ["a"] * len(seen))


def measures_reversed(detector):
    with_measures(detector, lambda seen: seen[:, ::-1].copy())


def what_is_usual_is_complex(detector):
    for conditioner in conditioners(detector):
        conditioner.slope_ = conditioner.slope_.astype(complex)


def intercept_of_another_kind(detector):
    model = members(detector)["linear"].estimator_[-1]
    model.intercept_ = float(model.intercept_[0])


def kept_by_number(detector):
    scaler = members(detector)["linear"].estimator_.named_steps["scale"]
    scaler.kept_ = np.flatnonzero(scaler.kept_)[:-1]
    scaler.center_, scaler.scale_ = scaler.center_[:-1], scaler.scale_[:-1]


def turned_round(detector):
    detector.pipeline[-1].slope_ *= -1


def one_member_turned_round(detector):
    members(detector)["linear"].slope_ *= -1


def weights_of_text(detector):
    detector.pipeline[-1].weights_ = {"linear": "0.5", "xgboost": "0.5"}


def thresholds_never_reached(detector):
    return {"thresholds": Thresholds(-5.0, 7.0)}


def quantiles_reversed(detector):
    return {"real_quantiles": detector.real_quantiles[:, ::-1].copy()}


def residuals_reversed(detector):
    return {"residual_quantiles": detector.residual_quantiles[:, ::-1].copy()}


def residuals_unknown(detector):
    return {"residual_quantiles": detector.residual_quantiles * np.nan}


def half_a_quantile(detector):
    changed = detector.real_quantiles.copy()
    changed[0, 2] = np.nan
    return {"real_quantiles": changed}


@pytest.mark.parametrize(
    "spoil",
    [
        strange_measure,
        measures_in_another_order,
        measures_of_another_number,
        measures_of_text,
        measures_reversed,
        what_is_usual_is_complex,
        intercept_of_another_kind,
        kept_by_number,
        turned_round,
        one_member_turned_round,
        weights_of_text,
        thresholds_never_reached,
        quantiles_reversed,
        residuals_reversed,
        residuals_unknown,
        half_a_quantile,
    ],
)
def test_it_is_refused_when_it_is_loaded(sound, tmp_path, spoil):
    changed = copy.deepcopy(sound)
    changed = replace(changed, **(spoil(changed) or {}))
    changed.save(tmp_path / "spoilt.skops")
    with pytest.raises(DetectorError, match="damaged"):
        load_detector(tmp_path / "spoilt.skops")


def test_residuals_of_a_detector_that_is_not_conditioned_are_refused(tmp_path):
    plain = train(quality_table().drop(columns=SPEED), "linear")
    plain.save(tmp_path / "plain.skops")
    assert load_detector(tmp_path / "plain.skops").conditioner is None
    replace(plain, residual_quantiles=plain.real_quantiles).save(tmp_path / "plain.skops")
    with pytest.raises(DetectorError, match="damaged"):
        load_detector(tmp_path / "plain.skops")


def test_with_a_step_that_is_not_known_its_shares_are_not_called_exact(sound, tmp_path):
    changed = copy.deepcopy(sound)
    steps = members(changed)["linear"].estimator_.steps
    n_inputs = steps[-1][1].n_features_in_
    rotation = PCA(n_inputs).fit(np.random.default_rng(0).normal(size=(60, n_inputs)))
    steps.insert(-1, ("rotate", rotation))
    changed.save(tmp_path / "rotated.skops")
    loaded = load_detector(tmp_path / "rotated.skops")
    inputs = loaded.matrix(quality_table())
    assert loaded.contributions(inputs) is None
    assert np.isfinite(loaded.log_odds(inputs)).any()


def test_a_detector_of_values_in_a_narrow_range_is_sound(sound, tmp_path):
    """Quantiles that coincide, and a measure that no video had, are no damage."""
    table = quality_table().assign(fps=np.nan)
    table["noise__n00__std"] = np.where(np.arange(len(table)) % 50, 0.0, 1.0)
    table["noise__n01__std"] = np.where(table["label"] == "fake", 1.0, np.nan)
    made = train(table, "linear", condition_on_quality=True)
    made.save(tmp_path / "made.skops")
    loaded = load_detector(tmp_path / "made.skops")
    np.testing.assert_array_equal(loaded.predict_proba(table), made.predict_proba(table))
