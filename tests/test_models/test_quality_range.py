"""Quality that no training video had: what is said, and when no verdict is given."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import featurize
from models import train
from models.quality_range import QualityCheck, check_quality, outside_range
from models.scoring import score_rows
from models.table.covariates import COVARIATES
from models.thresholds import Thresholds
from tests.test_models.conftest import SPEED, WIDTH, quality_table
from tests.test_models.test_conditioned_detector import quality_of_people


def found(name, value, low, high):
    return outside_range([name], np.array([value]), np.array([[low, high]]))


def test_a_sentence_names_measure_value_unit_and_range():
    (one,) = found(WIDTH, 38.0, 60.0, 400.0)
    assert one.sentence == (
        "The face is 38 px wide; the detector has seen 60 to 400 px: read the score with care."
    )
    (one,) = found("fps", 120.0, 25.0, 25.0)
    assert one.sentence == (
        "The video has 120 frames a second; the detector has seen only 25: no verdict is given so "
        "far off."
    )
    (one,) = found("quality__repeated_frames__share", 0.2, 0.0, 0.03)
    assert one.sentence.startswith("20 % of the frames only repeat the one before; the detector")
    assert "has seen 0 to 3 %" in one.sentence
    # A logarithm is told as what it is of.
    (one,) = found("quality__bit_rate__log10_bits_per_pixel", -3.0, -1.0, 0.0)
    assert "spends 0.001 bits on a pixel; the detector has seen 0.1 to 1 bits" in one.sentence


@pytest.mark.parametrize(
    ("value", "outside", "far"),
    [
        (60, False, False),
        (400, False, False),
        (57, False, False),
        (430, False, False),
        (53, True, False),
        (450, True, False),
        (31, True, False),
        (790, True, False),
        (29, True, True),
        (810, True, True),
        (0, True, True),
        (np.nan, False, False),
    ],
)
def test_a_tenth_is_tolerated_and_a_factor_of_two_is_far(value, outside, far):
    told = found(WIDTH, value, 60.0, 400.0)
    assert bool(told) == outside
    assert any(one.is_far for one in told) == far


def test_of_a_logarithm_the_same_factor_is_far():
    name = "quality__bit_rate__log10_bits_per_pixel"
    for bits, far in ((0.051, False), (0.049, True), (1.99, False), (2.01, True)):
        (one,) = found(name, np.log10(bits), -1.0, 0.0)
        assert one.is_far == far


@pytest.mark.parametrize("name", COVARIATES)
def test_every_covariate_can_be_told(name):
    (one,) = found(name, 1e6, 0.1, 0.2)
    assert one.is_far
    assert "nan" not in one.sentence
    assert found(name, 0.15, 0.1, 0.2) == ()
    assert found(name, 1e6, np.nan, np.nan) == ()


@pytest.mark.parametrize(
    ("value", "low", "high", "far"),
    [
        (60.0, 23.976, 29.97, False),
        (59.94, 23.976, 29.97, False),
        (60000 / 1001, 24.0, 30000 / 1001, False),
        (60.0, 25.0, 30.0, False),
        (12.0, 24.0, 30.0, False),
        (71.0, 23.976, 29.97, True),
        (10.0, 23.976, 29.97, True),
    ],
)
def test_the_common_double_of_a_frame_rate_is_not_far(value, low, high, far):
    (one,) = found("fps", value, low, high)
    assert one.is_far == far


def test_sentences_say_something_of_values_that_are_tiny_negative_or_close():
    (one,) = found("quality__frame_step__cv", 0.17, 1.9e-15, 0.094)
    assert "varies by 17 %; the detector has seen 0 to 9.4 %" in one.sentence
    (one,) = found("quality__blockiness__median", 1.34, 0.0, 1.26)
    assert "stand out by 1.34 (about 0 for none); the detector has seen 0 to 1.26:" in one.sentence
    (one,) = found("quality__blockiness__median", -0.2, -0.1, 0.4)
    assert "stand out by -0.2 (about 0 for none); the detector has seen -0.1 to 0.4" in one.sentence
    (one,) = found(WIDTH, -5.0, 60.0, 400.0)
    assert "0 px wide" in one.sentence
    (one,) = found(WIDTH, 1e38, 60.0, 400.0)
    assert "more than 1000000 px wide" in one.sentence
    (one,) = found("quality__bit_rate__log10_bits_per_pixel", -300.0, -1.0, 0.0)
    assert "spends 0 bits on a pixel" in one.sentence


def checked(*rows):
    seen = np.array([[60.0, 400.0], [25.0, 30.0], [0.1, 0.5]])
    return check_quality((WIDTH, "fps", "quality__blur__median"), np.array(rows), seen)


def test_a_measure_is_either_unknown_or_outside():
    nan = np.nan
    told = checked([100, nan, 0.2], [100, nan, 0.2], [100, 120, 0.2])
    assert (told.unknown, told.outside, told.is_too_far) == (("fps",), (), False)
    told = checked([100, nan, 0.2], [100, 120, 0.2], [100, 120, 0.2])
    assert told.unknown == ()
    assert [one.name for one in told.outside] == ["fps"]
    assert told.is_too_far
    # The median window counts, not the worst.
    assert checked([100, 25, 0.2], [5, 25, 0.2], [100, 25, 0.2]).outside == ()


def test_quality_that_is_hidden_is_no_safer_than_a_bad_one():
    nan = np.nan
    assert not checked([100, nan, 0.2]).is_too_far
    told = checked([100, nan, nan])
    assert told.unknown == ("fps", "quality__blur__median")
    assert told.is_too_far
    # What was never known is missed in none.
    never = np.array([[60.0, 400.0], [nan, nan], [nan, nan]])
    names = (WIDTH, "fps", "quality__blur__median")
    assert check_quality(names, np.array([[100, nan, nan]]), never) == QualityCheck((), (), False)


@pytest.fixture(scope="module")
def detector():
    """Conditioned on quality, and with a verdict on whatever is inside."""
    detector = train(quality_table(shift=3.0), "linear", condition_on_quality=True)
    return replace(detector, thresholds=Thresholds(0.5, np.nextafter(0.5, 1)))


class TestScored:
    @pytest.fixture
    def scored(self, detector):
        row = quality_table(shift=3.0).iloc[[0]].assign(**{WIDTH: 200.0, SPEED: 1.0})
        described = featurize.describe_features()
        return lambda **changed: score_rows("c.mp4", row.assign(**changed), detector, described)

    def test_inside_there_is_a_verdict_and_no_word(self, scored):
        score = scored()
        assert score.verdict in ("real", "fake")
        assert score.warnings == ()

    def test_outside_it_is_said_and_far_outside_there_is_no_verdict(self, scored, detector):
        smallest = detector.conditioner.seen_[detector.covariates.index(WIDTH), 0]
        near = scored(**{WIDTH: 0.7 * smallest})
        assert near.verdict in ("real", "fake")
        (warning,) = near.warnings
        assert warning.startswith(f"The face is {0.7 * smallest:.0f} px wide; the detector has")
        assert "Below 80 px eyes and mouth are measured poorly." in warning
        far = scored(**{WIDTH: 0.4 * smallest})
        assert far.verdict == "uncertain"
        assert far.probability > 0
        # The size of the face is told once.
        (warning,) = far.warnings
        assert "no verdict is given so far off. Below 80 px eyes" in warning
        hidden = scored(**{WIDTH: np.nan, SPEED: np.nan})
        assert hidden.verdict == "uncertain"
        (warning,) = hidden.warnings
        assert warning.endswith("no verdict is given.")
        still_unknown = scored(**dict.fromkeys(detector.columns, np.nan), **{WIDTH: 1.0})
        assert still_unknown.verdict == "unknown"

    def test_training_videos_are_never_outside(self, detector):
        table = quality_table(shift=3.0)
        for row in detector.matrix(table[table["label"] == "real"]):
            assert detector.outside_range(row[None]) == ()

    def test_the_band_at_the_quality_of_each_video_holds_nine_in_ten_new_ones(self, detector):
        tables = [quality_table(seed) for seed in range(1, 6)]
        table = pd.concat(tables, ignore_index=True)
        real = detector.matrix(table[table["label"] == "real"])
        low, high = np.moveaxis(detector.ordinary_band(real), -1, 0)
        values = real[:, : len(detector.columns)]
        known = np.isfinite(values)
        inside = ((values >= low) & (values <= high)).sum(axis=0) / known.sum(axis=0)
        assert inside.mean() == pytest.approx(0.9, abs=0.015)
        assert inside.min() > 0.8

    def test_the_band_is_that_of_people_who_were_left_out(self):
        """Quality tells the person here: beside other people, features spread more."""
        table = quality_of_people(n_people=20)
        trained = train(table, "linear", condition_on_quality=True)
        real = trained.matrix(table[table["label"] == "real"])
        seen = np.nanquantile(trained.conditioner.transform(real), [0.05, 0.95], axis=0)
        low, _, high = trained.residual_quantiles.T
        assert np.median((high - low) / (seen[1] - seen[0])) > 1.03

    def test_without_conditioning_nothing_is_outside(self):
        detector = train(quality_table(), "linear")
        inputs = detector.matrix(quality_table().assign(**{WIDTH: 1e6}))
        assert detector.outside_range(inputs) == ()
        band = detector.ordinary_band(inputs)
        np.testing.assert_array_equal(band[0], detector.real_quantiles[:, [0, 2]])
