"""What features add to the log-odds: sums that come out, terms that are known, and reasons."""

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.decomposition import PCA

import featurize
from models import load_detector, train
from models.learning.contributions import adds_up
from models.scoring import score_rows
from tests.test_models.conftest import JITTER, SIGNAL, WIDTH, all_of, make_table, quality_table

# In units of log-odds: trees are summed in single precision.
EXACT, SINGLE = 1e-6, 1e-4
KINDS = {
    "linear": {"classifier": "linear"},
    "searched": {"classifier": "linear", "search": True},
    "xgboost": {"classifier": "xgboost"},
    "stacking": {"classifier": "stacking", "members": ("linear", "xgboost")},
}


@pytest.fixture(scope="module")
def trained():
    """Detectors by kind and whether conditioned, with two networks' worth of other columns."""
    table = quality_table(shift=2.0)
    rng = np.random.default_rng(5)
    said = rng.normal(size=(len(table), 20)) + (table["label"] == "fake").to_numpy()[:, None]
    names = [f"cnn__n_{i:04d}__mean" for i in range(20)]
    table = pd.concat([table, pd.DataFrame(said, table.index, names)], axis=1)
    found = {
        (kind, conditioned): train(table, condition_on_quality=conditioned, **options)
        for kind, options in KINDS.items()
        for conditioned in (False, True)
    }
    return table, found


def summed(told):
    return told.terms.sum(axis=1) + told.base


@pytest.mark.parametrize("conditioned", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_terms_and_base_sum_up_to_the_log_odds(trained, kind, conditioned):
    table, detectors = trained
    detector = detectors[kind, conditioned]
    inputs = detector.matrix(table)
    told = detector.contributions(inputs)
    assert told.terms.shape == (len(table), len(detector.columns))
    limit = SINGLE if kind in ("xgboost", "stacking") else EXACT
    np.testing.assert_allclose(summed(told), detector.log_odds(inputs), atol=limit, rtol=0)
    assert np.abs(told.terms).max() > 0.01


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_they_sum_up_for_any_row(trained, data):
    _, detectors = trained
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    detector = detectors[kind, data.draw(st.booleans())]
    n_inputs = len(detector.columns) + len(detector.covariates)
    number = st.floats(-1e30, 1e30) | st.floats(-5, 5) | st.just(np.nan)
    row = np.array([data.draw(st.lists(number, min_size=n_inputs, max_size=n_inputs))])
    told = detector.contributions(row)
    log_odds = detector.log_odds(row)
    if np.isnan(log_odds[0]):
        assert np.isnan(told.terms).all()
        assert np.isnan(told.base).all()
    else:
        np.testing.assert_allclose(summed(told), log_odds, atol=SINGLE, rtol=0)


@pytest.mark.parametrize("conditioned", [False, True])
def test_a_linear_term_is_the_change_when_that_feature_alone_is_made_ordinary(trained, conditioned):
    table, detectors = trained
    detector = detectors["linear", conditioned]
    inputs = detector.matrix(table.iloc[:3])
    terms, ordinary = detector.contributions(inputs).terms, detector.ordinary(inputs)
    for column, name in enumerate(detector.columns):
        changed = inputs.copy()
        changed[:, column] = ordinary[:, column]
        if np.isnan(inputs[:, column]).any() or name.startswith("cnn__"):
            continue
        moved = detector.log_odds(inputs) - detector.log_odds(changed)
        np.testing.assert_allclose(terms[:, column], moved, atol=1e-9)
    # Beyond the clipping a value says no more.
    column = detector.columns.index(JITTER)
    far, farther = (inputs[:1].copy() for _ in range(2))
    far[0, column], farther[0, column] = 1e6, 1e9
    assert detector.contributions(far).terms[0, column] == pytest.approx(
        detector.contributions(farther).terms[0, column], abs=1e-12
    )


def test_an_ordinary_video_has_no_linear_terms_and_quality_moves_what_is_ordinary(trained):
    table, detectors = trained
    detector = detectors["linear", True]
    n = len(detector.columns)
    inputs = detector.matrix(table.iloc[:2])
    inputs[1] = inputs[0]
    inputs[:, n + detector.covariates.index(WIDTH)] = 80.0, 400.0
    inputs[:, :n] = detector.ordinary(inputs)
    column = detector.columns.index(JITTER)
    assert inputs[0, column] > inputs[1, column] + 1
    told = detector.contributions(inputs)
    np.testing.assert_allclose(told.terms, 0, atol=1e-9)
    np.testing.assert_allclose(told.base[0], told.base[1], rtol=1e-12)
    # The jitter of the small face on the large one: only its own term moves.
    inputs[1, column] = inputs[0, column]
    told = detector.contributions(inputs)
    assert told.terms[1, column] > 0.1
    np.testing.assert_allclose(np.delete(told.terms, column, axis=1), 0, atol=1e-9)


def test_a_missing_value_counts_as_the_median_of_the_training_rows(trained):
    table, detectors = trained
    detector = detectors["linear", False]
    column = detector.columns.index(JITTER)
    inputs = np.repeat(detector.matrix(table.iloc[:1]), 2, axis=0)
    inputs[:, column] = np.nan, table[JITTER].median()
    absent, median = detector.contributions(inputs).terms[:, column]
    assert absent == pytest.approx(median, abs=1e-12)


def test_the_slope_of_a_linear_term_by_hand():
    """With two rows' worth of arithmetic: slope of the calibration, coefficient, scale."""
    detector = train(make_table(), "linear", columns=[SIGNAL, "noise__n02__std"])
    calibrated = detector.pipeline[-1]
    steps = calibrated.estimator_.named_steps
    column = detector.columns.index(SIGNAL)
    row = detector.real_quantiles[:, 1].copy()
    row[column] += 0.1 * steps["scale"].scale_[column]
    told = detector.contributions(row[None]).terms[0]
    expected = 0.1 * calibrated.slope_ * steps["model"].coef_[0, column]
    assert told[column] == pytest.approx(expected, rel=1e-6)
    assert told[1 - column] == pytest.approx(0, abs=1e-12)


def test_a_feature_that_no_tree_asks_for_has_no_term():
    table = make_table(n_noise=3)
    table["noise__constant__std"] = 7.0
    detector = train(table, "xgboost")
    told = detector.contributions(detector.matrix(table))
    assert (told.terms[:, detector.columns.index("noise__constant__std")] == 0).all()
    mean = np.abs(told.terms).mean(axis=0)
    assert detector.columns[int(np.argmax(mean))] == SIGNAL


@pytest.mark.parametrize("classifier", ["svm", "mlp", "committee"])
def test_what_does_not_add_up_has_no_contributions(classifier):
    table = make_table(n_groups=12)
    members = ("linear", "xgboost") if classifier == "committee" else None
    detector = train(table, classifier, members=members)
    assert detector.contributions(detector.matrix(table)) is None
    mixed = train(table, "stacking", members=("linear", "mlp"))
    weights = dict.fromkeys(mixed.pipeline[-1].weights_, 0.0)
    for name, exact in (("mlp", False), ("linear", True)):
        # A member that weighs nothing says nothing.
        mixed.pipeline[-1].weights_ = {**weights, name: 1.0}
        assert adds_up(mixed.pipeline[-1]) == exact


def test_a_saved_detector_tells_the_same_contributions(trained, tmp_path):
    table, detectors = trained
    detector = detectors["stacking", True]
    detector.save(tmp_path / "my.skops")
    loaded = load_detector(tmp_path / "my.skops")
    inputs = detector.matrix(table)
    for ours, again in zip(
        vars(detector.contributions(inputs)).values(),
        vars(loaded.contributions(inputs)).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, again)
    np.testing.assert_array_equal(loaded.ordinary_band(inputs), detector.ordinary_band(inputs))


def test_of_a_network_of_many_columns_a_linear_term_is_exact_within_the_clipping(trained):
    table, detectors = trained
    detector = detectors["linear", False]
    steps = detector.pipeline[-1].estimator_.named_steps
    assert len(steps["compress"].compressors_) == 1
    inputs = detector.matrix(table)
    scaled = steps["scale"].transform(
        steps["compress"].transform(steps["impute"].transform(inputs))
    )
    row = inputs[np.abs(scaled).max(axis=1) < steps["scale"].limit][:1]
    terms, ordinary = detector.contributions(row).terms[0], detector.ordinary(row)
    for column, name in enumerate(detector.columns):
        if not name.startswith("cnn__"):
            continue
        # So little that nothing is clipped; a linear term is in proportion.
        changed = row.copy()
        changed[:, column] += 1e-3 * (ordinary[:, column] - row[:, column])
        lost = 1e3 * (detector.log_odds(row) - detector.log_odds(changed))[0]
        assert terms[column] == pytest.approx(lost, abs=1e-6)


def test_a_step_that_is_not_known_is_no_sum(trained):
    _, detectors = trained
    calibrated = copy.deepcopy(detectors["linear", False].pipeline[-1])
    assert adds_up(calibrated)
    calibrated.estimator_.steps.insert(-1, ("rotate", PCA()))
    assert not adds_up(calibrated)


def test_reasons_of_all_signals_sum_up_to_the_score_of_the_video(trained, every_reason):
    table, detectors = trained
    described = featurize.describe_features()
    row = table[table["label"] == "fake"].dropna().iloc[[0]]
    for kind in ("linear", "stacking"):
        detector = detectors[kind, True]
        score = score_rows("c.mp4", row, detector, described)
        assert all_of(score) == pytest.approx(logit(score.probability), abs=SINGLE)
        assert score.unmeasured_log_odds == pytest.approx(0, abs=1e-12)
        assert score.other_log_odds == pytest.approx(0, abs=1e-9)
        of_network = [r for r in score.reasons if r.feature.startswith("cnn__")]
        assert [r.n_features for r in of_network] == [20]
        assert "all factors multiply up to it" in score.to_text()
        assert score.to_dict()["base_log_odds"] == score.base_log_odds


@pytest.mark.parametrize("kind", KINDS)
def test_reasons_add_up_whatever_is_not_measured(trained, kind):
    table, detectors = trained
    described = featurize.describe_features()
    detector = detectors[kind, True]
    for seed in range(5):
        row = table.iloc[[seed]].copy()
        row[[name for name in detector.columns if name.startswith("cnn__")]] = np.nan
        row[["eyes__blink__rate_per_min", "noise__n04__std", JITTER][seed % 3]] = np.nan
        score = score_rows("c.mp4", row, detector, described)
        assert abs(score.unmeasured_log_odds) > 1e-4
        assert all_of(score) == pytest.approx(logit(score.probability), abs=SINGLE)


def test_what_weak_signals_add_is_told_together(trained):
    table, detectors = trained
    score = score_rows(
        "c.mp4", table.iloc[[0]], detectors["stacking", True], featurize.describe_features()
    )
    assert len(score.reasons) == 6
    assert all_of(score) == pytest.approx(logit(score.probability), abs=SINGLE)
    assert abs(score.other_log_odds) > 0.01
    how = "raise" if score.other_log_odds > 0 else "lower"
    assert f"All other signals together {how} the odds" in score.to_text()
