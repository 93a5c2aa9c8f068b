"""Probabilities are those of clips as they are, of sources never seen, at even odds."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from pretraining.calibration import calibrated
from pretraining.held_out import held_out, judged
from pretraining.variant import Variant
from tests.test_pretraining.made_up import corpus

PLAIN = Variant(classifier="linear", conditioned=False, calibrated=False)


def hard_as_they_are(n_sources: int = 8, n_clips: int = 12) -> pd.DataFrame:
    """In worlds every manipulation is told; as they are, fakes are half a deviation off."""
    table = corpus(n_sources, n_clips)
    is_fake = (table["label"] == "fake").to_numpy(float)
    effect = np.where(table["round"] < 0, 0.5, 4.0) * is_fake
    noise = np.random.default_rng(3).normal(0, 1, len(table))
    return table.assign(eyes__truth__median=effect + noise)


def fit(table: pd.DataFrame):
    return PLAIN.fitted(table, 0)


def log_loss(detector, rows: pd.DataFrame) -> float:
    _, videos = judged(detector, rows)
    is_fake = videos["label"] == "fake"
    right = np.where(is_fake, videos["probability"], 1 - videos["probability"])
    return float(-np.log(right).mean())


def test_it_is_as_sure_as_clips_as_they_are_allow() -> None:
    table = hard_as_they_are()
    new = hard_as_they_are(n_sources=20)
    new = new[(new["round"] < 0) & (new["source"] >= 8)]
    detector = fit(table)
    mended = calibrated(detector, table, fit, seed=0)
    assert log_loss(detector, new) > 1.0
    assert log_loss(mended, new) < np.log(2)  # better than no answer
    _, videos = judged(mended, new)
    # Two normal distributions half a deviation apart: the slope of the log-odds is 0.5.
    spread = videos.groupby("label")["log_odds"].std().mean()
    assert spread == pytest.approx(0.5, rel=0.5)
    called = videos[videos["label"] == "real"]["verdict"].eq("fake").mean()
    assert called < 0.12


def test_only_calibration_and_thresholds_change() -> None:
    table = hard_as_they_are()
    detector = fit(table)
    before = detector.pipeline[-1].slope_
    mended = calibrated(detector, table, fit, seed=0)
    inputs = detector.matrix(table)
    ranks = [np.argsort(one.log_odds(inputs)) for one in (detector, mended)]
    np.testing.assert_array_equal(*ranks)
    assert detector.pipeline[-1].slope_ == before  # the one that was given is as it was
    assert mended.thresholds != detector.thresholds
    assert "clips as they are" in mended.provenance["remarks"][-1]


def test_probabilities_are_at_even_odds_however_many_fakes_there_are() -> None:
    table = hard_as_they_are(n_clips=30)
    as_is_fake = (table["round"] < 0) & (table["label"] == "fake")
    fewer = table[~as_is_fake | (as_is_fake.cumsum() % 4 == 0)]
    assert 0 < (fewer["round"] < 0).sum() < (table["round"] < 0).sum()
    middle = []
    for part in (table, fewer):
        mended = calibrated(fit(table), part, fit, seed=0)
        assert "clips as they are" in mended.provenance["remarks"][-1]
        # The decision value of a row that is as likely of either kind.
        rows = table[table["round"] < 0].iloc[:1].assign(eyes__truth__median=0.25)
        middle.append(expit(mended.log_odds(mended.matrix(rows)))[0])
    assert middle == pytest.approx([0.5, 0.5], abs=0.1)


def test_without_clips_of_two_sources_of_a_label_nothing_changes() -> None:
    table = hard_as_they_are()
    real_alone = table[(table["round"] >= 0) | (table["label"] == "real")]
    detector = fit(table)
    assert calibrated(detector, real_alone, fit, seed=0) is detector


def test_what_cannot_be_scored_says_nothing_of_calibration() -> None:
    table = hard_as_they_are()
    as_is_fake = (table["round"] < 0) & (table["label"] == "fake")
    features = [name for name in table if name.count("__") == 2]
    unknown = table.copy()
    unknown.loc[as_is_fake, features] = np.nan
    detector = fit(table)
    assert calibrated(detector, unknown, fit, seed=0) is detector


def test_every_clip_is_told_by_a_detector_that_has_not_seen_its_source() -> None:
    table = hard_as_they_are()
    told = []

    class Watched:
        def __init__(self, part: pd.DataFrame) -> None:
            self.seen, self.detector = set(part["source"]), fit(part)

        def decision_function(self, rows: pd.DataFrame) -> np.ndarray:
            assert not self.seen & set(rows["source"])
            told.extend(rows["path"])
            return self.detector.decision_function(rows)

    calibrated(fit(table), table, Watched, seed=0)
    assert sorted(told) == sorted(table.loc[table["round"] < 0, "path"])


def test_a_variant_that_knows_no_real_fakes_is_not_calibrated_by_them() -> None:
    table = hard_as_they_are()
    variant = Variant(classifier="linear", conditioned=False, real_fakes=False)
    assert not any("as they are" in line for line in variant.fitted(table, 0).provenance["remarks"])


def test_figures_are_of_calibrated_detectors() -> None:
    table = hard_as_they_are(n_sources=6)
    variant = Variant(classifier="linear", conditioned=False)
    videos = held_out(table, variant, n_jobs=1).videos
    as_is = videos[videos["round"] < 0]
    assert as_is["probability"].between(0.02, 0.98).all()
