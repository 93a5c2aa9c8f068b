"""What features add to the log-odds: sums that come out, terms that are known, and reasons."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import logit

import featurize
from models import load_detector, train
from models.errors import SettingError, TableError
from models.learning.blocks import CompressedBlocks
from models.learning.contributions import adds_up
from models.reasons import explain
from models.scoring import score_rows
from tests.test_models.conftest import JITTER, SIGNAL, SPEED, WIDTH, make_table, quality_table

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


def test_of_a_network_the_loadings_share_what_its_components_say(trained):
    _, detectors = trained
    steps = detectors["linear", False].pipeline[-1].estimator_.named_steps
    assert isinstance(steps["compress"], CompressedBlocks)
    squares = steps["compress"].compressors_[0][-1].components_ ** 2
    np.testing.assert_allclose(squares.sum(axis=1), 1, rtol=1e-12)


def test_reasons_of_all_signals_sum_up_to_the_score_of_the_video(trained, monkeypatch):
    table, detectors = trained
    monkeypatch.setattr("models.reasons._N_REASONS", 1000)
    monkeypatch.setattr("models.reasons._SMALLEST_CONTRIBUTION", 0.0)
    described = featurize.describe_features()
    row = table[table["label"] == "fake"].dropna().iloc[[0]]
    for kind in ("linear", "stacking"):
        detector = detectors[kind, True]
        score = score_rows("c.mp4", row, detector, described)
        total = score.base_log_odds + sum(reason.contribution for reason in score.reasons)
        assert total == pytest.approx(logit(score.probability), abs=SINGLE)
        of_network = [r for r in score.reasons if r.feature.startswith("cnn__")]
        assert [r.n_features for r in of_network] == [20]
        assert "add up to it" in score.to_text()
        assert score.to_dict()["base_log_odds"] == score.base_log_odds


def test_statistics_and_sides_of_a_signal_are_added_up():
    rng = np.random.default_rng(0)
    is_fake = np.arange(60) % 2
    names = [f"eyes__ear_{side}__{s}" for side in ("left", "right") for s in ("std", "iqr")]
    columns = {name: rng.normal(size=60) + is_fake for name in names}
    columns["mouth__mar__std"] = rng.normal(size=60) + is_fake
    paths = [f"{i}.mp4" for i in range(60)]
    meta = {"path": paths, "label": np.where(is_fake, "fake", "real"), "group": ""}
    detector = train(pd.DataFrame(meta | columns), "linear")
    row = pd.DataFrame(2.0, [0], list(detector.columns))
    row["eyes__ear_left__std"] = 2.5
    reasons, base = explain(row, detector, featurize.describe_features())
    terms = dict(
        zip(
            detector.columns,
            detector.contributions(detector.matrix(row)).terms[0],
            strict=True,
        )
    )
    eyes = next(reason for reason in reasons if reason.feature.startswith("eyes"))
    assert eyes.contribution == pytest.approx(sum(terms[name] for name in names))
    assert eyes.feature == max(names, key=terms.get)
    total = base + sum(reason.contribution for reason in reasons)
    assert total == pytest.approx(detector.log_odds(detector.matrix(row))[0])


class TestColumns:
    def test_a_detector_of_chosen_features_asks_for_no_others(self):
        table = make_table()
        chosen = ["noise__n03__std", SIGNAL]
        detector = train(table, "svm", columns=chosen)
        assert detector.columns == tuple(sorted(chosen))
        fewer = table[[c for c in table.columns if "__" not in c or c in chosen]]
        alone = train(fewer, "svm")
        np.testing.assert_array_equal(detector.predict_proba(fewer), alone.predict_proba(fewer))

    def test_conditioned_they_have_their_covariates_beside_them(self):
        detector = train(
            quality_table(), "linear", condition_on_quality=True, columns=[JITTER, SIGNAL]
        )
        assert set(detector.columns) == {JITTER, SIGNAL}
        assert detector.covariates == (WIDTH, "fps", SPEED)

    @pytest.mark.parametrize(
        ("columns", "said"),
        [
            (["eyes__third__std", SIGNAL], "no such feature to learn from: 'eyes__third__std'"),
            (["quality__face_width_px__mean"], "no such feature"),
            (["path"], "no such feature"),
            ("eyes__third__std", "no such feature to learn from: 'eyes__third__std'"),
            ([], "at least one"),
            ([SIGNAL, SIGNAL], "2 names of 1 features"),
        ],
    )
    def test_what_cannot_be_chosen_is_refused(self, columns, said):
        with pytest.raises(TableError, match=said):
            train(make_table(), "svm", columns=columns)

    def test_a_covariate_cannot_be_chosen_where_it_is_conditioned_on(self):
        assert train(quality_table(), "linear", columns=[SPEED, JITTER]).columns
        with pytest.raises(TableError, match=SPEED):
            train(quality_table(), "linear", columns=[SPEED, JITTER], condition_on_quality=True)

    def test_there_is_nothing_to_choose_where_nothing_learns_from_features(self):
        with pytest.raises(SettingError, match="choose columns of"):
            train(make_table(), "frames", columns=[SIGNAL])
