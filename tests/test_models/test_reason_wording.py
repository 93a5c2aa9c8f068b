"""Reasons in words: values with units, beside what authentic videos show."""

import math

import pytest

import featurize
from featurize.networks.network import BUILT_IN
from models.reason_wording import amount, beside, is_size, number_text, odds_text, subject
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
        "between the outer corners of the eyes, 3.1 x more than in about 95 % of authentic videos "
        "of this quality (about nine in ten show 0.05 to 0.2 % of the distance between the outer "
        "corners of the eyes); raises the odds of a fake by a factor of 2.00."
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
        "less than in about 95 % of windows of authentic videos of this quality (about nine in ten "
        "show 7.5 to 31 deg); the 3 features of this signal together lower the odds of "
        "a fake by a factor of 2.72."
    )


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (8.0, "dB", "more than in 95 % of videos"),
        (1.5, "deg", "nine in ten videos show 1 to 2 deg"),
        (2.1, "deg", "more than in 95 % of videos"),
        (6.0, "deg", "3 x more than in 95 % of videos"),
        (0.25, "deg", "4 x less than in 95 % of videos"),
        (-3.0, "deg", "lower than in 95 % of videos"),
        (0.0, "deg", "less than in 95 % of videos"),
        (1e9, "deg", "more than 1000 x more than"),
    ],
)
def test_a_factor_is_told_where_it_means_something(value, unit, said):
    assert beside(value, 1.0, 2.0, unit, "videos").startswith(said)


@pytest.mark.parametrize(
    ("value", "low", "high", "of_size", "said"),
    [
        # A head that turns farthest to the right does not turn "less".
        (-40.0, -20.0, -2.0, False, "lower than in 95 %"),
        (-5.0, -60.0, -30.0, False, "higher than in 95 %"),
        (-0.245, -0.1, 0.1, False, "lower than in 95 %"),
        (20.0, 2.0, 6.0, False, "higher than in 95 %"),
        (0.9, -0.3, 0.3, True, "higher than in 95 %"),
        (10.0, 0.0, 2.0, True, "5 x more than in 95 %"),
        (0.0, 2.0, 6.0, True, "less than in 95 %"),
        (5.0, math.nan, math.nan, True, "what videos show is not known"),
        (math.inf, 1.0, 2.0, True, "more than 1000 x more than in 95 %"),
    ],
)
def test_what_has_a_sign_is_higher_or_lower_and_has_no_factor(value, low, high, of_size, said):
    assert beside(value, low, high, "deg", "videos", of_size=of_size).startswith(said)


def test_a_factor_is_for_magnitudes_only():
    described = featurize.describe_features(cnn=BUILT_IN[-1:], identity=True)["name"]
    sizes = {name for name in described if is_size(name)}
    for name in (
        "head_pose__yaw_deg__std",
        "stability__jitter_eyes_iod__rms",
        "eyes__blink__rate_per_min",
        "cnn__blending_lite0_change__max",
    ):
        assert name in sizes
    for name in described:
        if name.endswith(
            ("__median", "__p05", "__pearson", "__autocorrelation", "__skewness", "__correlation")
        ):
            assert name not in sizes
    turned = reason(feature="head_pose__pitch_deg__median", unit="deg", value=20.0)
    assert " x " not in turned.sentence
    assert "higher than in" in turned.sentence


@pytest.mark.parametrize("value", [1e-5, -1e-5, -0.0, 1e-12, -1e-12, 9.999e-5, 0.00012, 1e7])
def test_no_number_has_an_exponent_or_a_minus_before_nothing(value):
    text = number_text(value)
    assert "e" not in text
    assert text != "-0"
    assert float(text) == pytest.approx(value, rel=1e-2, abs=1e-9)


def test_odds_are_told_as_a_bet_is():
    assert odds_text(math.log(4)) == "4.00 to 1"
    assert odds_text(-math.log(4)) == "1 to 4.00"
    assert odds_text(-50.0) == "1 to more than 1000"


def test_of_what_varies_it_does_not_matter_which_way_is_positive():
    nod = "Nod of the head; positive when the subject looks up"
    assert subject("head_pose__pitch_deg__std", f"{nod}; standard deviation") == (
        "Nod of the head, how much it varies"
    )
    assert subject("head_pose__pitch_deg__median", f"{nod}; median") == f"{nod}, typically"
    assert "19 of 20 pairs show more" in subject(
        "identity__similarity_within__p05", "Cosine similarity; 5th percentile"
    )
    iris = "Diameter of the left iris over the interocular distance; median"
    told = subject("eyes__iris_diameter_left_iod__median", iris)
    assert told == "Diameter of the left iris, typically"


def test_the_network_of_one_number_is_told_in_words():
    described = featurize.describe_features(cnn=("blending-lite0",)).set_index("name")["meaning"]
    names = [name for name in described.index if name.startswith("cnn__")]
    assert len(names) == 5
    for name in names:
        told = subject(name, described[name])
        assert "a network trained to see where a face was blended into a picture" in told
        assert "imension" not in told
    sentence = reason(
        feature="cnn__blending_lite0_0000__mean",
        unit="1",
        value=1.12,
        real_low=-2.0,
        real_high=0.5,
        n_features=5,
    ).sentence
    assert sentence == (
        "What a network trained to see where a face was blended into a picture says of it, on "
        "average (higher is more like a blended face): 1.12, higher than in 95 % of authentic "
        "videos (nine in ten show -2 to 0.5); the 5 features of this signal together raise the "
        "odds of a fake by a factor of 2.00."
    )


def test_every_feature_of_the_package_has_words_without_jargon():
    described = featurize.describe_features(cnn=BUILT_IN, identity=True)
    jargon = ("percentile", "quartile", "root mean square", "iod", "imension", "interocular")
    for name, unit, meaning in described[["name", "unit", "meaning"]].itertuples(index=False):
        told = f"{subject(name, meaning)}: {amount(1.0, unit)}"
        assert told[0] == told[0].upper()
        assert not [word for word in jargon if word in told], told
    assert subject("mine__of__mean", "") == "mine__of__mean"
    assert amount(1.5, "1") == "1.5"
