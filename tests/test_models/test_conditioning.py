from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from featurize import describe_features
from models import cross_validate, load_detector, train
from models.classifiers import MAKERS
from models.conditioning import COVARIATES, QualityConditioner, covariate_columns
from models.errors import DetectorError, FeatureMismatchError, TableError
from models.feature_table import feature_columns, read_training_table
from models.metrics import auc
from models.scoring import explain
from tests.test_models.conftest import make_table

WIDTH, SPEED = "face_width_px", "head_pose__angular_speed_deg_per_s__median"
JITTER = "stability__jitter__median"


def planted(n=200, seed=0, noise=0.1, shift=0.0):
    """Jitter of ``3 - 2 log(width) + noise``; the second half are fakes with ``shift`` more."""
    rng = np.random.default_rng(seed)
    width = np.exp(rng.uniform(np.log(60), np.log(400), n))
    y = (np.arange(n) >= n // 2).astype(int)
    jitter = 3 - 2 * np.log(width) + noise * rng.normal(size=n) + shift * y
    unrelated = rng.normal(size=n)
    return np.column_stack([jitter, unrelated, width]), y


def test_a_planted_dependence_on_quality_is_taken_out():
    """The residual is the noise over its spread, and the fakes' shift is what is left."""
    X, y = planted(4000, shift=0.5)
    z = QualityConditioner(1).fit(X, y).transform(X)
    assert z.shape == (4000, 2)
    noise = (X[:, 0] - 3 + 2 * np.log(X[:, 2])) / 0.1
    np.testing.assert_allclose(z[:, 0], noise, atol=0.35)
    assert np.median(z[y == 1, 0]) == pytest.approx(5, abs=0.3)
    assert np.std(z[y == 0, 0]) == pytest.approx(1, abs=0.1)
    assert abs(np.corrcoef(z[y == 0, 0], np.log(X[y == 0, 2]))[0, 1]) < 0.1


def test_with_few_videos_a_shift_hidden_by_quality_comes_to_light():
    X, y = planted(120, noise=0.2, shift=0.5)
    z = QualityConditioner(1).fit(X, y).transform(X)
    assert auc(y, X[:, 0]) < 0.7
    assert auc(y, z[:, 0]) > 0.85


def test_what_authentic_video_of_a_quality_shows_is_told_in_the_feature_s_own_unit():
    X, y = planted(4000, shift=0.5)
    expected = QualityConditioner(1).fit(X, y).expected(X)
    np.testing.assert_allclose(expected[:, 0], 3 - 2 * np.log(X[:, 2]), atol=0.05)


def test_a_feature_that_does_not_depend_on_quality_is_only_scaled():
    X, y = planted()
    fitted = QualityConditioner(1).fit(X, y)
    assert fitted.slope_[0, 0] < 0
    assert fitted.slope_[0, 1] == 0
    z = fitted.transform(X)[:, 1]
    assert np.corrcoef(z, X[:, 1])[0, 1] == pytest.approx(1)


def test_noise_does_not_become_a_copy_of_the_quality():
    """Slopes of noise would write the quality into features that know nothing of it."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    # Fakes are of another quality; most of the last 100 columns is one value.
    quality = np.exp(rng.normal(size=(200, 4)) + 0.8 * y[:, None])
    features = rng.normal(size=(200, 400))
    features[:, 300:] = np.where(rng.random((200, 100)) < 0.8, 0.0, features[:, 300:])
    z = (
        QualityConditioner(4)
        .fit(np.hstack([features, quality]), y)
        .transform(np.hstack([features, quality]))
    )
    correlation = [
        abs(np.corrcoef(z[:, i], quality_of_one)[0, 1])
        for quality_of_one in np.log(quality).T
        for i in range(400)
    ]
    untouched = [
        abs(np.corrcoef(features[:, i], quality_of_one)[0, 1])
        for quality_of_one in np.log(quality).T
        for i in range(400)
    ]
    assert np.mean(correlation) < 1.1 * np.mean(untouched)


def test_changing_the_fakes_changes_nothing():
    X, y = planted()
    changed = np.where((y == 1)[:, None], 1e6 * X**2, X)
    one, two = QualityConditioner(1).fit(X, y), QualityConditioner(1).fit(changed, y)
    np.testing.assert_array_equal(one.transform(X), two.transform(X))


def test_a_few_wild_values_do_not_bend_what_is_expected():
    X, y = planted(400)
    wild = X.copy()
    wild[np.flatnonzero(y == 0)[:6], 0] = 1e4
    difference = QualityConditioner(1).fit(X, y).expected(X) - QualityConditioner(1).fit(
        wild, y
    ).expected(X)
    assert np.abs(difference[:, 0]).max() < 0.1


@given(st.floats(1e-6, 1e6))
def test_the_unit_of_a_covariate_does_not_matter(unit):
    X, y = planted(60)
    scaled = X * [1, 1, unit]
    np.testing.assert_allclose(
        QualityConditioner(1).fit(scaled, y).transform(scaled),
        QualityConditioner(1).fit(X, y).transform(X),
        rtol=1e-6,
        atol=1e-9,
    )


@given(st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_the_unit_and_the_zero_of_a_feature_do_not_matter(unit, zero):
    X, y = planted(60)
    changed = X.copy()
    changed[:, 0] = unit * (X[:, 0] + zero)
    np.testing.assert_allclose(
        QualityConditioner(1).fit(changed, y).transform(changed),
        QualityConditioner(1).fit(X, y).transform(X),
        rtol=1e-4,
        atol=1e-6,
    )


def test_missing_features_stay_missing_and_move_nothing_else():
    X, y = planted(400)
    gaps = X.copy()
    gaps[np.random.default_rng(1).random(400) < 0.3, 0] = np.nan
    fitted = QualityConditioner(1).fit(gaps, y)
    z = fitted.transform(gaps)
    np.testing.assert_array_equal(np.isnan(z), np.isnan(gaps[:, :2]))
    # The gaps tell nothing: the line is that of the videos that were measured.
    known = ~np.isnan(gaps[:, 0])
    alone = QualityConditioner(1).fit(gaps[known], y[known])
    np.testing.assert_allclose(fitted.expected(X)[:, 0], alone.expected(X)[:, 0], atol=0.05)


def test_missing_quality_counts_as_that_of_the_median_video():
    X, y = planted(202)
    fitted = QualityConditioner(1).fit(X, y)
    row = X[[0]]
    unknown, median = row.copy(), row.copy()
    unknown[0, 2] = np.nan
    median[0, 2] = np.median(X[y == 0, 2])
    np.testing.assert_allclose(fitted.transform(unknown), fitted.transform(median), rtol=1e-6)


def test_quality_beyond_all_seen_is_not_extrapolated():
    X, y = planted()
    fitted = QualityConditioner(1).fit(X, y)
    rows = X[[0, 0]]
    rows[:, 2] = 1e5, 1e9
    np.testing.assert_array_equal(*fitted.expected(rows))


@pytest.mark.parametrize("value", [25.0, 0.0, np.nan])
def test_quality_that_is_constant_or_never_known_changes_nothing(value):
    """A second covariate that says nothing; and one alone leaves features only scaled."""
    X, y = planted()
    idle = np.column_stack([X, np.full(len(X), value)])
    np.testing.assert_allclose(
        QualityConditioner(2).fit(idle, y).transform(idle),
        QualityConditioner(1).fit(X, y).transform(X),
        rtol=1e-9,
    )
    alone = QualityConditioner(1).fit(idle[:, [0, 1, 3]], y)
    assert not alone.slope_.any()
    assert np.isfinite(alone.transform(idle[:, [0, 1, 3]])).all()


def test_features_never_measured_on_authentic_video_and_constant_ones_are_harmless():
    X, y = planted()
    odd = np.column_stack([np.where(y == 0, np.nan, 2.0), np.full(len(X), 7.0), X])
    z = QualityConditioner(1).fit(odd, y).transform(odd)
    np.testing.assert_array_equal(z[y == 1, 0], 2.0)
    np.testing.assert_array_equal(z[:, 1], 0.0)


def test_without_authentic_video_nothing_is_usual():
    X, y = planted()
    with pytest.raises(TableError, match="authentic"):
        QualityConditioner(1).fit(X, np.ones_like(y))


def test_one_authentic_video_is_enough_not_to_fail():
    X, y = planted()
    z = QualityConditioner(1).fit(X[99:], y[99:]).transform(X)
    np.testing.assert_allclose(z, X[:, :2] - X[99, :2])


def test_it_is_a_scikit_learn_transformer():
    conditioner = QualityConditioner(2, penalty=3.0, least_gain=0.2, limit=1.0)
    twin = clone(conditioner)
    assert twin.get_params() == conditioner.get_params()
    assert twin is not conditioner
    X, y = planted()
    names = QualityConditioner(1).fit(X, y).get_feature_names_out(["jitter", "other", WIDTH])
    assert list(names) == ["jitter", "other"]


def quality_table(seed=0, shift=1.0):
    """A table in which jitter depends on the width of the face, and fakes have ``shift`` more."""
    table = make_table(seed, n_groups=60, signal=0.0, group_offset=0.0)
    rng = np.random.default_rng(seed)
    n = len(table)
    table[WIDTH] = np.exp(rng.uniform(np.log(60), np.log(500), n))
    table[SPEED] = np.exp(rng.normal(size=n))
    fake = (table["label"] == "fake").to_numpy()
    table[JITTER] = -2 * np.log(table[WIDTH]) + 0.3 * rng.normal(size=n) + shift * fake
    return table


def auc_pooled(report):
    return report.metrics.set_index("metric").loc["auc_pooled", "value"]


def test_covariates_are_no_features():
    table = quality_table()
    plain, conditioned = (read_training_table(table, asked) for asked in (False, True))
    assert SPEED in plain.columns
    assert plain.covariate_columns == ()
    assert plain.inputs.shape == plain.features.shape
    assert conditioned.covariate_columns == (WIDTH, "fps", SPEED)
    assert set(plain.columns) - set(conditioned.columns) == {SPEED}
    np.testing.assert_array_equal(conditioned.inputs[:, -3], table[WIDTH])
    assert not set(feature_columns(COVARIATES)) - {SPEED}


def test_every_covariate_is_a_column_that_featurize_writes():
    written = {"face_width_px", "fps", *describe_features()["name"]}
    assert set(COVARIATES) <= written


def test_covariates_keep_their_order_whatever_that_of_the_table():
    assert covariate_columns(reversed([*COVARIATES, "path"])) == list(COVARIATES)


def test_conditioning_finds_what_quality_hides_in_people_never_seen():
    table = quality_table()
    plain, conditioned = (
        cross_validate(table, classifier="svm", condition_on_quality=asked)
        for asked in (False, True)
    )
    assert auc_pooled(conditioned) > auc_pooled(plain) + 0.1
    assert plain.settings["conditioned_on"] == "nothing"
    assert WIDTH in conditioned.settings["conditioned_on"]


def test_held_out_videos_shape_nothing():
    """What the pipeline expects comes from the training rows of each fold alone."""
    table = quality_table()
    data = read_training_table(table, True)
    train_rows, test_rows = np.arange(60), np.arange(60, 120)
    changed = data.inputs.copy()
    changed[test_rows] *= 3.0
    scores = []
    for inputs in (data.inputs, changed):
        pipeline = MAKERS["svm"](0, 3)
        pipeline.fit(
            inputs[train_rows],
            data.is_fake[train_rows],
            classify__groups=data.groups[train_rows],
        )
        scores.append(pipeline.decision_function(data.inputs[test_rows]))
    np.testing.assert_array_equal(*scores)
    # In calibration too: each held-out decision comes from a conditioner that did not see it.
    calibrated = MAKERS["svm"](0, 3).fit(data.inputs, data.is_fake, classify__groups=data.groups)[
        -1
    ]
    first = calibrated.oof_fold_ == 0
    inputs = data.inputs.copy()
    inputs[np.flatnonzero(first)[0]] *= 3.0
    other = MAKERS["svm"](0, 3).fit(inputs, data.is_fake, classify__groups=data.groups)[-1]
    kept = np.flatnonzero(first)[1:]
    np.testing.assert_array_equal(calibrated.oof_decision_[kept], other.oof_decision_[kept])


def test_a_table_without_any_quality_cannot_be_conditioned_on_it():
    table = quality_table().drop(columns=[WIDTH, "fps", SPEED])
    with pytest.raises(TableError, match=WIDTH):
        train(table, "svm", condition_on_quality=True)


@pytest.mark.parametrize("classifier", ["svm", "committee"])
def test_saved_and_loaded_a_conditioned_detector_says_bit_for_bit_the_same(classifier, tmp_path):
    detector = train(quality_table(), classifier, condition_on_quality=True)
    detector.save(tmp_path / "my.skops")
    loaded = load_detector(tmp_path / "my.skops")
    new = quality_table(1)
    new.loc[0, WIDTH] = np.nan
    np.testing.assert_array_equal(loaded.predict_proba(new), detector.predict_proba(new))
    assert loaded.covariates == (WIDTH, "fps", SPEED)
    np.testing.assert_array_equal(
        loaded.ordinary(loaded.matrix(new)), detector.ordinary(detector.matrix(new))
    )
    loaded.save(tmp_path / "again.skops")
    assert (tmp_path / "again.skops").read_bytes() == (tmp_path / "my.skops").read_bytes()


def test_a_detector_asks_for_its_covariates():
    detector = train(quality_table(), "svm", condition_on_quality=True)
    with pytest.raises(FeatureMismatchError, match=WIDTH):
        detector.predict_proba(quality_table(1).drop(columns=WIDTH))
    new = quality_table(1)
    small = new.assign(**{WIDTH: new[WIDTH] / 3})
    assert not np.allclose(detector.predict_proba(small), detector.predict_proba(new))
    # Quality is no evidence that can be missing or unseen.
    far = detector.matrix(new.assign(**{WIDTH: 1e9, SPEED: np.nan}))
    np.testing.assert_array_equal(
        detector.missing_share(far), detector.missing_share(detector.matrix(new))
    )
    np.testing.assert_array_equal(
        detector.unseen_share(far), detector.unseen_share(detector.matrix(new))
    )


def test_covariates_that_do_not_fit_the_pipeline_are_refused(tmp_path):
    detector = train(quality_table(), "svm", condition_on_quality=True)
    columns = (*detector.columns, SPEED)
    wrong = replace(
        detector,
        columns=columns,
        covariates=detector.covariates[:-1],
        real_quantiles=np.zeros((len(columns), 3)),
        seen_range=np.zeros((len(columns), 2)),
    )
    wrong.save(tmp_path / "wrong.skops")
    with pytest.raises(DetectorError, match="damaged"):
        load_detector(tmp_path / "wrong.skops")


def test_reasons_tell_raw_values_and_what_is_usual_at_that_quality():
    """Two videos with the same jitter: of a small face it is usual, of a large one it is not."""
    table = quality_table(shift=2.0)
    detector = train(table, "svm", condition_on_quality=True)
    usual = {width: -2 * np.log(width) for width in (100.0, 300.0)}
    rows = pd.concat([table.iloc[[0]]] * 2, ignore_index=True)
    rows[list(detector.columns)] = detector.real_quantiles[:, 1]
    rows[WIDTH], rows[JITTER] = list(usual), usual[100.0]
    small, large = (
        {reason.feature: reason for reason in explain(rows.iloc[[i]], detector)} for i in (0, 1)
    )
    reason = large[JITTER]
    assert reason.value == pytest.approx(usual[100.0])
    assert reason.usual == pytest.approx(usual[300.0], abs=0.3)
    assert reason.contribution > 0.5
    assert "is usual at the quality of this one); raises the odds" in reason.sentence
    real = table.loc[table["label"] == "real", JITTER]
    assert reason.real_median == pytest.approx(real.median())
    assert abs(small[JITTER].contribution if JITTER in small else 0) < 0.5 * reason.contribution
    plain = explain(rows.iloc[[1]], train(table, "svm"))
    assert all(np.isnan(other.usual) for other in plain)
    assert not any("is usual" in other.sentence for other in plain)
