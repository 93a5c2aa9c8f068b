"""Reasons that are shares of a sum: of signals, of networks, of windows and of several faces."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.pipeline import Pipeline

import featurize
from models import train
from models.reason_wording import factor_text, odds_text
from models.reasons import explain
from models.scoring import score_rows
from tests.test_models.conftest import JITTER, WIDTH, all_of, make_table, quality_table
from tests.test_models.test_windows import in_windows

SINGLE = 1e-4
STD = "eyes__ear_left__std"


BLENDING = [
    *(f"cnn__blending_lite0_0000__{statistic}" for statistic in ("mean", "std")),
    *(f"cnn__blending_lite0_change__{statistic}" for statistic in ("max", "mean", "std")),
]


def test_of_a_network_of_few_columns_each_has_the_term_that_is_its_own():
    """One column alone is moved from what is ordinary: no other has another term for it."""
    table = make_table(n_groups=60, signal=1.0, n_noise=3)
    rng = np.random.default_rng(1)
    level = rng.normal(size=len(table)) + 2 * (table["label"] == "fake")
    for name in BLENDING:
        table[name] = level + rng.normal(size=len(table))
    detector = train(table, "linear")
    ordinary = detector.real_quantiles[:, 1]
    for name in BLENDING:
        column = detector.columns.index(name)
        rows = np.stack([ordinary, ordinary])
        rows[1, column] += 1.0
        before, after = detector.contributions(rows).terms
        moved = np.subtract(*detector.log_odds(rows)[::-1])
        assert after[column] == pytest.approx(moved, abs=1e-9)
        np.testing.assert_allclose(np.delete(after - before, column), 0, atol=1e-9)
        assert abs(moved) > 0.01


def table_of_two(n=120):
    """What is missing and what is left of a signal speak against each other."""
    rng = np.random.default_rng(0)
    is_fake = np.arange(n) % 2
    columns = {f"noise__n{i:02d}__std": rng.normal(size=n) for i in range(10)}
    columns["mouth__mar__std"] = rng.normal(size=n) + 4 * is_fake
    columns["mouth__mar__iqr"] = rng.normal(size=n) - 1.5 * is_fake
    meta = {"path": [f"{i}.mp4" for i in range(n)], "label": np.where(is_fake, "fake", "real")}
    return pd.DataFrame(meta | {"group": ""} | columns)


@pytest.mark.parametrize("classifier", ["linear", "xgboost"])
def test_what_is_not_measured_is_told_by_itself(classifier, every_reason):
    detector = train(table_of_two(), classifier)
    described = featurize.describe_features()
    row = pd.DataFrame([detector.real_quantiles[:, 1]], columns=list(detector.columns))
    row["mouth__mar__std"], row["mouth__mar__iqr"] = np.nan, 1.5
    terms = dict(
        zip(detector.columns, detector.contributions(detector.matrix(row)).terms[0], strict=True)
    )
    assert terms["mouth__mar__iqr"] < 0 < terms["mouth__mar__std"]
    score = score_rows("c.mp4", row, detector, described)
    (mouth,) = (reason for reason in score.reasons if reason.feature.startswith("mouth"))
    assert (mouth.feature, mouth.n_features) == ("mouth__mar__iqr", 1)
    assert mouth.contribution == pytest.approx(terms["mouth__mar__iqr"])
    assert "lowers the odds" in mouth.sentence
    assert score.unmeasured_log_odds == pytest.approx(terms["mouth__mar__std"])
    assert all_of(score) == pytest.approx(logit(score.probability), abs=SINGLE)
    text = score.to_text()
    factor = factor_text(terms["mouth__mar__std"])
    assert f"training video: that raises the odds of a fake by a factor of {factor}." in text
    odds = [odds_text(value) for value in (score.base_log_odds, logit(score.probability))]
    assert f"a fake are {odds[0]}; with all of these factors they are {odds[1]}." in text


def test_a_signal_counts_only_features_that_say_anything():
    rng = np.random.default_rng(0)
    is_fake = np.arange(120) % 2
    columns = {
        f"eyes__ear_left__{statistic}": rng.normal(size=120)
        for statistic in ("median", "iqr", "p05", "p95", "cv", "hf_share")
    }
    columns["eyes__ear_left__std"] = rng.normal(size=120) + 4 * is_fake
    columns |= {f"noise__n{i:02d}__std": rng.normal(size=120) for i in range(3)}
    meta = {"path": [f"{i}.mp4" for i in range(120)], "label": np.where(is_fake, "fake", "real")}
    detector = train(pd.DataFrame(meta | {"group": ""} | columns), "linear")
    # As where a search keeps one of them.
    detector.pipeline[-1].estimator_[-1].coef_[0, np.array(detector.columns) != STD] = 0.0
    row = pd.DataFrame(2.0, [0], list(detector.columns))
    (reason,) = explain(row, detector, featurize.describe_features()).reasons
    assert (reason.feature, reason.n_features) == (STD, 1)
    assert "together" not in reason.sentence


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
    told = explain(row, detector, featurize.describe_features())
    reasons, base = told.reasons, told.base
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
    total = base + told.others + sum(reason.contribution for reason in reasons)
    assert total == pytest.approx(detector.log_odds(detector.matrix(row))[0])


@pytest.fixture(scope="module")
def table():
    return in_windows(quality_table(shift=2.0), noise=0.3)


@pytest.fixture(scope="module")
def detector(table):
    members = ("linear", "xgboost")
    return train(table, "stacking", members=members, condition_on_quality=True)


class TestWindows:
    """A conditioned stacking on windows of changing quality, with gaps and two faces."""

    @pytest.fixture
    def rows(self, table):
        fake = table[table["label"] == "fake"]
        n_windows = fake.groupby("path")["path"].transform("size")
        rows = fake[n_windows == 5].head(5).reset_index(drop=True).fillna(0.0)
        rows[WIDTH] = [90.0, 120.0, 200.0, 300.0, 450.0]
        # Neither the first window nor the last is the median one.
        rows[JITTER] = [-6.0, -9.5, -7.5, -8.0, -9.0]
        rows.loc[1, "noise__n03__std"] = np.nan
        rows.loc[[0, 2, 4], "noise__n05__std"] = np.nan
        rows["noise__n07__std"] = np.nan
        return rows

    def test_the_mean_over_the_windows_adds_up(self, detector, rows, every_reason):
        score = score_rows("c.mp4", rows, detector, featurize.describe_features())
        log_odds = detector.log_odds(detector.matrix(rows))
        assert np.ptp(log_odds) > 0.1
        assert logit(score.probability) == pytest.approx(log_odds.mean())
        assert all_of(score) == pytest.approx(log_odds.mean(), abs=SINGLE)
        assert abs(score.unmeasured_log_odds) > 1e-4
        told = detector.contributions(detector.matrix(rows))
        assert score.base_log_odds == pytest.approx(told.base.mean())

    def test_the_window_that_is_shown_is_told_beside_its_own_quality(
        self, detector, rows, every_reason
    ):
        score = score_rows("c.mp4", rows, detector, featurize.describe_features())
        (reason,) = (one for one in score.reasons if one.feature == JITTER)
        assert (reason.value, reason.window) == (-8.0, (15.0, 20.0))
        inputs, column = detector.matrix(rows), detector.columns.index(JITTER)
        assert reason.usual == detector.ordinary(inputs)[3, column]
        assert (reason.usual_low, reason.usual_high) == tuple(
            detector.ordinary_band(inputs)[3, column]
        )
        assert reason.usual != detector.ordinary(inputs)[0, column]
        terms = detector.contributions(inputs).terms[:, column]
        assert reason.contribution == pytest.approx(terms.mean())

    def test_quality_is_judged_by_the_median_window_of_each_face(self, detector, rows):
        described = featurize.describe_features()
        low, high = detector.conditioner.seen_[detector.covariates.index(WIDTH)]
        fine = rows.assign(**{WIDTH: 200.0})
        one_far = fine.copy()
        one_far.loc[1, WIDTH] = 5 * high
        assert detector.outside_range(detector.matrix(one_far)) == ()
        score = score_rows("c.mp4", one_far, detector, described)
        assert any("1 of 5 windows are of a quality too far from" in w for w in score.warnings)
        assert not any("of a quality too far" in w for w in _warnings(fine, detector))
        far = fine.assign(face=1, **{WIDTH: 0.2 * low})
        score = score_rows("c.mp4", pd.concat([fine, far]), detector, described)
        alone = score_rows("c.mp4", fine, detector, described)
        assert score.faces[0].verdict == alone.verdict != "uncertain"
        assert score.faces[1].verdict == "uncertain"
        other = score_rows(
            "c.mp4",
            pd.concat([far.assign(face=0), fine.assign(face=1)]),
            detector,
            described,
        )
        assert [face.verdict for face in other.faces] == ["uncertain", alone.verdict]

    def test_a_second_face_that_would_be_fake_is_told_of(self, table, detector, rows):
        real = table[table["label"] == "real"]
        calm = real[real["path"] == real["path"].iloc[0]].assign(**{JITTER: -14.0, WIDTH: 200.0})
        low = detector.conditioner.seen_[detector.covariates.index(WIDTH), 0]
        wild = rows.assign(face=1, **{JITTER: 5.0, WIDTH: 0.2 * low})
        score = score_rows(
            "c.mp4", pd.concat([calm, wild]), detector, featurize.describe_features()
        )
        assert [face.verdict for face in score.faces] == ["real", "uncertain"]
        (told,) = (w for w in score.warnings if "main face only" in w)
        assert "face 1 would be called fake, but its quality, or what it shows" in told
        assert f"probability {score.faces[1].probability:.2f}" in told

    def test_a_member_of_little_weight_is_in_the_sum_too(self, detector, rows):
        calibrated = copy.deepcopy(detector.pipeline[-1])
        inputs = detector.matrix(rows)
        for share in (0.02, 0.98):
            calibrated.weights_ = {"linear": share, "xgboost": 1 - share}
            changed = replace(detector, pipeline=Pipeline([("classify", calibrated)]))
            told = changed.contributions(inputs)
            np.testing.assert_allclose(
                told.terms.sum(axis=1) + told.base, changed.log_odds(inputs), atol=SINGLE, rtol=0
            )


def _warnings(rows, detector):
    return score_rows("c.mp4", rows, detector, featurize.describe_features()).warnings
