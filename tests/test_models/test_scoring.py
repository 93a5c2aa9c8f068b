import json
import math

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
from models import score_video
from models.errors import DetectorError, FeatureMismatchError, NoDetectorError
from tests.test_models.conftest import SIGNAL


@pytest.fixture
def video(monkeypatch, table):
    """Stand in for featurize: hand over rows made here, or raise what is put here."""
    described = pd.DataFrame(
        {
            "name": [SIGNAL],
            "family": ["eyes"],
            "unit": ["1/min"],
            "meaning": ["blinks per minute"],
            "reference": [""],
            "confounded_by": [""],
        }
    )
    content = {"rows": table[table["label"] == "fake"].iloc[[0]].copy()}

    def featurize_video(path, **options):
        content["options"] = options
        if "error" in content:
            raise content["error"]
        return content["rows"]

    monkeypatch.setitem(vars(featurize), "featurize_video", featurize_video)
    monkeypatch.setitem(vars(featurize), "describe_features", lambda: described)
    return content


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
    assert first.sentence.startswith("Blinks per minute: 6 1/min, above the")
    assert "raises the odds of a fake" in first.sentence
    # Nothing else differs from the median real video, so nothing else moves the score.
    assert len(score.reasons) == 1


def test_a_contribution_is_the_change_of_the_log_odds_when_the_value_is_made_ordinary(
    committee, video
):
    row = video["rows"]
    score = score_video("clip.mp4", committee)
    for reason in score.reasons:
        changed = row.assign(**{reason.feature: reason.real_median})
        p = committee.predict_proba(pd.concat([row, changed]))
        log_odds = np.log(p / (1 - p))
        assert reason.contribution == pytest.approx(log_odds[0] - log_odds[1], abs=1e-9)
    sizes = [abs(reason.contribution) for reason in score.reasons]
    assert sizes == sorted(sizes, reverse=True)


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


def test_no_detector_says_how_to_train_one(video):
    with pytest.raises(NoDetectorError, match="python -m models train"):
        score_video("clip.mp4")


def test_a_detector_may_be_a_path(detector, video, tmp_path):
    path = tmp_path / "my.skops"
    detector.save(path)
    assert score_video("clip.mp4", path) == score_video("clip.mp4", detector)
    with pytest.raises(DetectorError):
        score_video("clip.mp4", tmp_path / "absent.skops")


def test_options_reach_featurize(detector, video):
    score_video("clip.mp4", detector, backend="mediapipe")
    assert video["options"] == {"backend": "mediapipe"}


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
    assert "Face 1" in score.to_text()


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


def test_a_video_unlike_all_training_videos_is_warned_of(detector, video):
    plain_row(detector, video, noise__n03__std=1e9)
    assert any("outside everything seen" in w for w in score_video("c.mp4", detector).warnings)


def test_unknown_meta_is_null_in_json_and_left_out_of_the_text(detector, video):
    video["rows"] = video["rows"].drop(columns=["fps"]).assign(duration_s=np.nan)
    score = score_video("clip.mp4", detector)
    content = json.loads(score.to_json())
    assert content["quality"]["fps"] is None
    assert content["quality"]["duration_s"] is None
    assert content["reasons"][0]["sentence"] == score.reasons[0].sentence
    assert "nan" not in score.to_text()


def test_statistics_and_sides_of_one_signal_are_one_reason(train_table):
    from models.scoring import explain
    from models.training import train

    columns = {
        "eyes__ear_left__std": 1.0,
        "eyes__ear_left__iqr": 0.9,
        "eyes__ear_right__std": 0.8,
        "mouth__mar__std": 0.7,
    }
    trained = train(train_table(columns), classifier="svm")
    row = pd.DataFrame({name: [3.0] for name in columns})
    told = [reason.feature for reason in explain(row, trained)]
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
    from models.video_score import Reason

    reason = Reason("eyes__ear_left__std", 0.5, "1", "opening", 0.1, 0.2, 0.3, 0.7)
    assert reason.sentence.startswith("Opening: 0.5, above the 0.1 to 0.3 of nine in ten")
