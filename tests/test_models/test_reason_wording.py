"""Reasons in words: values with units, beside what authentic videos show."""

import math

import pytest

import featurize
from models.reason_wording import amount, beside, subject
from models.video_score import Reason


def reason(**changed):
    told = {
        "feature": "stability__jitter_mouth_iod__rms",
        "value": 0.0062,
        "unit": "iod",
        "meaning": "Frame-to-frame jitter after rigid motion is removed, of the mouth",
        "real_low": 0.001,
        "real_median": 0.002,
        "real_high": 0.008,
        "contribution": math.log(2),
    }
    return Reason(**{**told, **changed})


def test_of_a_clip_of_known_quality_it_is_told_beside_that_quality():
    at_quality = {"usual": 0.001, "usual_low": 0.0005, "usual_high": 0.002}
    assert reason(**at_quality).sentence == (
        "How much landmarks of the mouth jitter from frame to frame: 0.62 % of the distance "
        "between the eyes, 3.1 x more than in 95 % of authentic videos of this quality (nine in "
        "ten show 0.05 to 0.2 % of the distance between the eyes); raises the odds of a fake by a "
        "factor of 2.00."
    )
    assert "nine in ten authentic videos show 0.1 to 0.8 %" in reason().sentence
    assert "of this quality" not in reason().sentence


def test_a_head_that_hardly_turns():
    told = reason(
        feature="head_pose__yaw_deg__range",
        unit="deg",
        value=4.2,
        usual=15.0,
        usual_low=7.5,
        usual_high=31.0,
        n_features=3,
        window=(5.0, 10.0),
        contribution=-1.0,
    ).sentence
    assert told == (
        "How far the head turns from side to side: 4.2 deg in the median window (5 to 10 s), 1.8 x "
        "less than in 95 % of windows of authentic videos of this quality (nine in ten show 7.5 to "
        "31 deg); the 3 features of this signal together lower the odds of a fake by a factor of "
        "2.72."
    )


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (8.0, "dB", "more than in 95 % of videos"),
        (1.5, "deg", "nine in ten videos show 1 to 2 deg"),
        (2.1, "deg", "more than in 95 % of videos"),
        (6.0, "deg", "3 x more than in 95 % of videos"),
        (0.25, "deg", "4 x less than in 95 % of videos"),
        (-3.0, "deg", "less than in 95 % of videos"),
        (0.0, "deg", "less than in 95 % of videos"),
        (1e9, "deg", "more than 1000 x more than"),
    ],
)
def test_a_factor_is_told_where_it_means_something(value, unit, said):
    assert beside(value, 1.0, 2.0, unit, "videos").startswith(said)


def test_every_feature_of_the_package_has_words_without_jargon():
    described = featurize.describe_features()
    jargon = ("percentile", "quartile", "root mean square", "autocorrelation", "iod")
    for name, unit, meaning in described[["name", "unit", "meaning"]].itertuples(index=False):
        told = f"{subject(name, meaning)}: {amount(1.0, unit)}"
        assert told[0] == told[0].upper()
        assert not [word for word in jargon if word in told], told
    assert subject("mine__of__mean", "") == "mine__of__mean"
    assert amount(1.5, "1") == "1.5"
