from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import featurize
from models import cross_validate, load_detector, train
from models.errors import DetectorError, FeatureMismatchError, TableError
from models.learning.calibration import CalibratedByGroup
from models.learning.conditioning import QualityConditioner
from models.reasons import explain
from models.scoring import score_rows
from models.table.covariates import COVARIATES
from models.table.feature_table import feature_columns, read_training_table
from tests.test_models.conftest import JITTER, SPEED, WIDTH, made, make_table, quality_table


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
        pipeline = made("svm", 0, 3)
        pipeline.fit(
            inputs[train_rows],
            data.is_fake[train_rows],
            classify__groups=data.groups[train_rows],
        )
        scores.append(pipeline.decision_function(data.inputs[test_rows]))
    np.testing.assert_array_equal(*scores)
    # In calibration too: each held-out decision comes from a conditioner that did not see it.
    calibrated = made("svm", 0, 3).fit(data.inputs, data.is_fake, classify__groups=data.groups)[-1]
    first = calibrated.oof_fold_ == 0
    inputs = data.inputs.copy()
    inputs[np.flatnonzero(first)[0]] *= 3.0
    other = made("svm", 0, 3).fit(inputs, data.is_fake, classify__groups=data.groups)[-1]
    kept = np.flatnonzero(first)[1:]
    np.testing.assert_array_equal(calibrated.oof_decision_[kept], other.oof_decision_[kept])


def quality_of_people(n_people=12, n_clips=9):
    """A table of people, each of one quality, half of the clips fake; features tell the person."""
    rng = np.random.default_rng(4)
    table = make_table(4, n_groups=n_people, per_group=n_clips, group_offset=3.0, n_noise=40)
    person = np.repeat(np.arange(n_people), n_clips)
    table["label"] = np.where(np.arange(len(table)) % 3, "real", "fake")
    table[WIDTH] = np.exp(rng.normal(size=n_people) + 5)[person]
    table[SPEED] = np.exp(rng.normal(size=n_people))[person]
    return table


@pytest.mark.parametrize("classifier", ["svm", "committee"])
def test_clips_of_one_person_are_left_out_together_when_a_detector_is_trained(classifier):
    """What the detector expects is what the conditioner learns by group, not by video."""
    table = quality_of_people()
    detector = train(table, classifier, condition_on_quality=True)
    data = read_training_table(table, condition_on_quality=True)
    by_group, by_video = (
        QualityConditioner(3).fit(data.inputs, data.is_fake, groups)
        for groups in (data.groups, None)
    )
    np.testing.assert_array_equal(detector.conditioner.slope_, by_group.slope_)
    kept = (detector.conditioner.slope_ != 0).any(axis=0).mean()
    assert kept < 0.3
    assert (by_video.slope_ != 0).any(axis=0).mean() > 2 * kept


def test_each_fold_of_the_calibration_gets_the_groups_of_its_own_rows():
    """As a fit on the rows of the fold by hand: the same decisions, to the last bit."""
    data = read_training_table(quality_of_people(), condition_on_quality=True)
    fitted = made("svm", 0, 3).fit(data.inputs, data.is_fake, classify__groups=data.groups)[-1]
    assert isinstance(fitted, CalibratedByGroup)
    test = fitted.oof_fold_ == 1
    alone = made("svm", 0, 3)[-1]
    alone.fit(data.inputs[~test], data.is_fake[~test], data.groups[~test])
    np.testing.assert_array_equal(
        fitted.oof_decision_[test], alone.decision_function(data.inputs[test])
    )


@pytest.mark.parametrize("there", ["no column", "no value"])
def test_a_table_without_any_quality_cannot_be_conditioned_on_it(there):
    measures = [WIDTH, "fps"]
    table = make_table()
    table = (
        table.drop(columns=measures)
        if there == "no column"
        else table.assign(**dict.fromkeys(measures, np.nan))
    )
    with pytest.raises(TableError, match=WIDTH):
        train(table, "svm", condition_on_quality=True)
    assert train(table, "svm").conditioner is None


def quality_warnings(detector, row, **quality):
    warnings = score_rows(
        "clip.mp4", row.assign(**quality), detector, featurize.describe_features()
    ).warnings
    return [text for text in warnings if "usual at the quality" in text]


def test_one_warning_names_the_quality_that_is_unknown():
    table = quality_table()
    detector = train(table, "svm", condition_on_quality=True)
    row = table.iloc[[0]].assign(**{WIDTH: 200.0, SPEED: 1.0})
    assert quality_warnings(detector, row) == []
    (unknown,) = quality_warnings(detector, row, **{WIDTH: np.nan})
    assert f"{WIDTH} unknown, taken as the median video's" in unknown
    assert SPEED not in unknown
    (both,) = quality_warnings(detector, row, **{WIDTH: np.nan, SPEED: np.nan})
    assert WIDTH in both
    assert SPEED in both
    plain = train(table, "svm")
    assert quality_warnings(plain, row, **{WIDTH: np.nan}) == []


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
    described = featurize.describe_features()
    small, large = (
        {reason.feature: reason for reason in explain(rows.iloc[[i]], detector, described).reasons}
        for i in (0, 1)
    )
    reason = large[JITTER]
    assert reason.value == pytest.approx(usual[100.0])
    assert reason.usual == pytest.approx(usual[300.0], abs=0.3)
    assert reason.contribution > 0.5
    assert reason.usual_low < reason.usual < reason.usual_high
    assert "of authentic videos of this quality (about nine in ten show" in reason.sentence
    real = table.loc[table["label"] == "real", JITTER]
    assert reason.real_median == pytest.approx(real.median())
    assert abs(small[JITTER].contribution if JITTER in small else 0) < 0.5 * reason.contribution
    plain = explain(rows.iloc[[1]], train(table, "svm"), described).reasons
    assert all(np.isnan(other.usual) for other in plain)
    assert not any("of this quality" in other.sentence for other in plain)
