import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import featurize
from featurize.errors import (
    NoFaceError,
    NoVideoStreamError,
    TooShortError,
    VideoEmptyError,
    VideoMissingError,
    VideoUnreadableError,
)
from models import score_video, train
from models.errors import DetectorError, FeatureMismatchError
from models.reason_wording import factor_text, number_text
from models.reasons import explain
from models.video_score import Reason
from tests.test_models.conftest import SIGNAL


def plain_row(detector, video, **values):
    """A video that is in every feature the median real one, but for ``values``."""
    row = video["rows"]
    row[list(detector.columns)] = detector.real_quantiles[:, 1]
    for name, value in values.items():
        row[name] = value
    return row


def test_the_planted_feature_is_the_first_reason(detector, video):
    plain_row(detector, video, **{SIGNAL: 6.0})
    score = score_video("clip.mp4", detector)
    first = score.reasons[0]
    assert first.feature == SIGNAL
    assert first.value == 6.0
    assert first.unit == "1/min"
    assert first.contribution > 0
    assert first.real_low < first.real_median < first.real_high < 6.0
    assert first.sentence.startswith("Blinks per minute: 6 per minute, ")
    assert "higher than in 95 % of authentic videos (nine in ten show" in first.sentence
    assert "raises the odds of a fake" in first.sentence
    # Nothing else differs from the median real video, so nothing else moves the score.
    assert len(score.reasons) == 1


def test_a_contribution_is_the_change_of_the_log_odds_when_the_signal_is_made_ordinary(
    train_table, video
):
    shifts = {f"eyes__ear_{side}__{s}": 0.5 for side in ("left", "right") for s in ("std", "iqr")}
    trained = train(train_table({**shifts, "mouth__mar__std": 0.8}), "committee")
    row = video["rows"].assign(**dict.fromkeys(trained.columns, 2.0))
    video["rows"] = row
    reasons = {r.feature.split("__")[0]: r for r in score_video("clip.mp4", trained).reasons}
    assert (reasons["eyes"].n_features, reasons["mouth"].n_features) == (4, 1)
    medians = dict(zip(trained.columns, trained.real_quantiles[:, 1], strict=True))

    def gain(columns):
        changed = row.assign(**{name: medians[name] for name in columns})
        p = trained.predict_proba(pd.concat([row, changed]))
        return np.subtract(*np.log(p / (1 - p)))

    assert reasons["eyes"].contribution == pytest.approx(gain(shifts), abs=1e-9)
    assert reasons["mouth"].contribution == pytest.approx(gain(["mouth__mar__std"]), abs=1e-9)
    # The feature shown is the one that does most alone; the signal does more.
    alone = {name: gain([name]) for name in shifts}
    assert reasons["eyes"].feature == max(alone, key=alone.get)
    assert reasons["eyes"].contribution > 1.5 * max(alone.values())
    assert "the 4 features of this signal together raise the odds" in reasons["eyes"].sentence
    assert "; raises the odds" in reasons["mouth"].sentence


def test_reasons_are_sorted_and_said_not_to_add_up(committee, video):
    score = score_video("clip.mp4", committee)
    sizes = [abs(reason.contribution) for reason in score.reasons]
    assert len(sizes) > 1
    assert sizes == sorted(sizes, reverse=True)
    assert "do not add up" in score.to_text()


def test_an_ordinary_real_video_has_no_reasons(detector, video):
    plain_row(detector, video)
    score = score_video("clip.mp4", detector)
    assert score.reasons == ()
    assert score.probability < 0.5


@pytest.mark.parametrize("error", [NoFaceError, TooShortError])
def test_without_a_usable_face_the_verdict_is_unknown_with_the_reason(detector, video, error):
    video["error"] = error("There is no face in clip.mp4: give a video that shows one.")
    score = score_video("clip.mp4", detector)
    assert score.verdict == "unknown"
    assert math.isnan(score.probability)
    assert score.reasons == ()
    assert "no face" in score.warnings[0]
    assert json.loads(score.to_json())["probability"] is None
    assert "unknown" in score.to_text()


@pytest.mark.parametrize(
    "error", [VideoMissingError, VideoEmptyError, VideoUnreadableError, NoVideoStreamError]
)
def test_a_file_that_is_no_video_is_the_callers_mistake(detector, video, error):
    video["error"] = error("clip.mp4 cannot be used.")
    with pytest.raises(error):
        score_video("clip.mp4", detector)


def test_a_measured_face_without_a_single_feature_is_unknown(detector, video):
    video["rows"][list(detector.columns)] = np.nan
    score = score_video("clip.mp4", detector)
    assert score.verdict == "unknown"
    assert score.reasons == ()
    assert any("could not be measured" in warning for warning in score.warnings)


def test_a_face_of_which_a_quarter_could_not_be_measured_is_unknown_and_that_is_said(
    detector, video
):
    plain_row(detector, video, **{SIGNAL: 6.0})
    assert score_video("clip.mp4", detector).verdict == "fake"
    columns = [name for name in detector.columns if name != SIGNAL]
    video["rows"][columns[:1]] = np.nan
    (warning,) = score_video("clip.mp4", detector).warnings
    assert warning == "8% of the features could not be measured in this video."
    video["rows"][columns[:3]] = np.nan
    score = score_video("clip.mp4", detector)
    assert (score.verdict, score.reasons) == ("unknown", ())
    assert math.isnan(score.probability)
    (warning,) = score.warnings
    assert warning.startswith("23% of the features could not be measured in this video: that is")


def test_a_detector_may_be_a_path(detector, video, tmp_path):
    path = tmp_path / "my.skops"
    detector.save(path)
    assert score_video("clip.mp4", path) == score_video("clip.mp4", detector)
    with pytest.raises(DetectorError):
        score_video("clip.mp4", tmp_path / "absent.skops")


def test_options_reach_featurize_and_no_network_runs_unasked(detector, video):
    score_video("clip.mp4", detector, backend="mediapipe", cnn="dlib-resnet", device="cpu")
    unasked = {"cnn": (), "identity": False, "series": False}
    assert video["options"] == {"backend": "mediapipe", "device": "cpu", **unasked}


def test_features_of_another_kind_are_named(detector, video):
    video["rows"] = video["rows"].drop(columns=SIGNAL)
    with pytest.raises(FeatureMismatchError, match=SIGNAL):
        score_video("clip.mp4", detector)


def test_every_face_is_scored_and_the_main_one_decides(detector, video, table):
    real = table[table["label"] == "real"].iloc[[0]].assign(face=1)
    video["rows"] = pd.concat([video["rows"], real])
    score = score_video("clip.mp4", detector)
    assert [face.face for face in score.faces] == [0, 1]
    assert score.probability == score.faces[0].probability
    assert score.faces[0].probability > score.faces[1].probability
    assert "Face 1: real, probability" in score.to_text()
    assert score.warnings == ()


def test_another_face_called_fake_is_warned_of(detector, video, table):
    real = plain_row(detector, video)
    fake = real.assign(**{SIGNAL: 6.0}, face=1)
    blank = real.assign(**dict.fromkeys(detector.columns, np.nan), face=2)
    video["rows"] = pd.concat([real, fake, blank])
    score = score_video("clip.mp4", detector)
    assert [face.verdict for face in score.faces] == ["real", "fake", "unknown"]
    (warning,) = score.warnings
    assert "main face only: face 1 is called fake" in warning
    assert "Face 2: unknown\n" in score.to_text()
    assert "nan" not in score.to_text()


def test_what_featurize_remarked_comes_first(detector, video):
    row = plain_row(detector, video)
    row["reason"], row["face_rate"] = "The file ends early or is damaged.", 0.3
    first, second = score_video("clip.mp4", detector).warnings
    assert first == "The file ends early or is damaged."
    assert "30%" in second
    for nothing in ("", np.nan, None):
        video["rows"] = row.assign(reason=nothing)
        assert len(score_video("clip.mp4", detector).warnings) == 1


@pytest.mark.parametrize("name", ["scikit-learn", "xgboost"])
def test_other_versions_than_in_training_are_warned_of(detector, video, name):
    plain_row(detector, video)
    versions = {**detector.provenance["versions"], name: "0.0.7"}
    older = replace(detector, provenance={**detector.provenance, "versions": versions})
    (warning,) = score_video("clip.mp4", older).warnings
    assert f"trained with {name} 0.0.7" in warning


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("face_width_px", 40.0, "40 px"),
        ("n_frames", 20, "20 frames"),
        ("face_rate", 0.3, "30%"),
        ("featurize_version", "9.9.9", "9.9.9"),
        ("landmarks_backend", "dlib", "dlib"),
    ],
)
def test_what_weakens_the_answer_is_warned_of(detector, video, column, value, said):
    plain_row(detector, video)
    assert score_video("clip.mp4", detector).warnings == ()
    video["rows"][column] = value
    warnings = score_video("clip.mp4", detector).warnings
    assert len(warnings) == 1
    assert said in warnings[0]


def test_a_video_unlike_all_training_videos_is_warned_of_and_gets_no_verdict(detector, video):
    plain_row(detector, video, **{SIGNAL: 6.0})
    video["rows"]["noise__n03__std"] = 1e9
    score = score_video("c.mp4", detector)
    assert score.verdict == "fake"
    assert "8% of the features lie outside everything seen" in score.warnings[0]
    video["rows"][["noise__n04__std", "noise__n05__std"]] = -1e9
    score = score_video("c.mp4", detector)
    assert score.verdict == "uncertain"
    assert score.probability > 0
    assert "23% of the features" in score.warnings[0]
    assert "no verdict is given" in score.warnings[0]


def test_unknown_meta_is_null_in_json_and_left_out_of_the_text(detector, video):
    video["rows"] = video["rows"].drop(columns=["face_rate"]).assign(duration_s=np.nan)
    score = score_video("clip.mp4", detector)
    content = json.loads(score.to_json())
    assert content["quality"]["face_rate"] is None
    assert content["quality"]["duration_s"] is None
    assert content["reasons"][0]["sentence"] == score.reasons[0].sentence
    assert "nan" not in score.to_text()


def test_statistics_and_sides_of_one_signal_are_one_reason(train_table):
    columns = {
        "eyes__ear_left__std": 1.0,
        "eyes__ear_left__iqr": 0.9,
        "eyes__ear_right__std": 0.8,
        "mouth__mar__std": 0.7,
    }
    trained = train(train_table(columns), classifier="svm")
    row = pd.DataFrame({name: [3.0] for name in columns})
    described = featurize.describe_features()
    told = [reason.feature for reason in explain(row, trained, described).reasons]
    assert len(told) == 2
    assert sum(name.startswith("eyes__ear") for name in told) == 1
    assert "mouth__mar__std" in told


@pytest.fixture
def train_table():
    """A maker of tables in which each named feature tells the classes apart by so much."""

    def make(shifts: dict[str, float]) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        is_fake = np.arange(60) % 2 == 1
        features = {name: rng.normal(size=60) + 2 * s * is_fake for name, s in shifts.items()}
        meta = {"path": [f"{n}.mp4" for n in range(60)], "face": 0, "status": "ok"}
        labels = {"label": np.where(is_fake, "fake", "real"), "group": ""}
        return pd.DataFrame(meta | labels | features)

    return make


def test_a_pure_number_is_told_without_unit():
    reason = Reason("eyes__ear_left__std", 0.5, "1", "opening", 0.1, 0.2, 0.3, 0.7)
    assert reason.sentence.startswith("Opening: 0.5, 1.7 x more than in 95 % of authentic videos")


@pytest.mark.parametrize(
    ("value", "text"),
    [(999.6, "1000"), (-999.6, "-1000"), (999.4, "999"), (123456.7, "123457"), (0.01234, "0.0123")],
)
def test_numbers_have_three_digits_and_no_exponent_when_large(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("factor", "text"),
    [(2, "2.00"), (9.994, "9.99"), (9.996, "10"), (999, "999"), (1001, "more than 1000")],
)
def test_a_factor_is_told_the_same_up_and_down_and_never_made_up(factor, text):
    assert factor_text(math.log(factor)) == factor_text(-math.log(factor)) == text
    assert factor_text(500.0) == "more than 1000"
