"""What each classifier of a detector says of a video, beside the score."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

import featurize
from models import score_video, train
from models.scoring import score_rows
from tests.test_models.conftest import make_table
from tests.test_models.test_windows import in_windows, one_video


def test_the_members_of_a_committee_are_those_whose_vote_the_score_is(committee, video):
    score = score_video("clip.mp4", committee)
    assert list(score.members) == ["svm", "mlp", "xgboost"]
    vote = committee.pipeline[-1]
    for name, member in vote.members_.items():
        alone = member.predict_proba(committee.matrix(video["rows"]))[0, 1]
        assert score.members[name] == pytest.approx(alone, abs=1e-12)
    mean = np.mean(list(score.members.values()))
    assert score.probability == pytest.approx(expit(vote.slope_ * logit(mean) + vote.intercept_))
    told = ", ".join(f"{name} {p:.2f}" for name, p in score.members.items())
    assert score.to_text().splitlines()[1] == f"Members: {told}"
    assert score.weights == {}


def test_a_single_classifier_is_its_only_member_and_is_not_told_twice(detector, video):
    score = score_video("clip.mp4", detector)
    assert score.members == {"svm": score.probability}
    assert "Members" not in score.to_text()


def test_members_of_windows_are_the_mean_of_their_log_odds():
    table = in_windows(make_table(n_groups=12))
    trained = train(table, "committee", members=("svm", "mlp"))
    rows = one_video(table)
    members = _score(rows, trained).members
    for name, member in trained.pipeline[-1].members_.items():
        of_windows = member.predict_proba(trained.matrix(rows))[:, 1]
        assert members[name] == pytest.approx(expit(logit(of_windows).mean()), abs=1e-9)
    # A window that is not scored has no say.
    rows.loc[rows.index[1], [*trained.columns]] = np.nan
    assert _score(rows, trained).members == _score(rows.iloc[[0, 2]], trained).members


def test_only_the_main_face_counts(committee, video, table):
    alone = score_video("clip.mp4", committee).members
    real = table[table["label"] == "real"].iloc[[0]].assign(face=1)
    video["rows"] = pd.concat([video["rows"], real])
    assert score_video("clip.mp4", committee).members == alone


def test_of_a_video_too_little_is_known_of_nobody_says_anything(committee, video):
    video["rows"][list(committee.columns)] = np.nan
    score = score_video("clip.mp4", committee)
    assert json.loads(score.to_json())["members"] == dict.fromkeys(["svm", "mlp", "xgboost"])
    assert "Members" not in score.to_text()


def test_weights_of_a_stacking_are_told(table, video):
    stacking = train(table, "stacking", members=("svm", "mlp"))
    score = score_video("clip.mp4", stacking)
    assert list(score.weights) == list(score.members)
    content = json.loads(score.to_json())
    assert content["weights"] == pytest.approx(score.weights)
    assert content["members"] == pytest.approx(score.members)
    first, *_ = score.weights
    told = f"Members: {first} {score.members[first]:.2f} (weight {score.weights[first]:.2f}), "
    assert score.to_text().splitlines()[1].startswith(told)


def test_json_says_what_the_score_says(committee, video):
    score = replace(score_video("clip.mp4", committee), members={"svm": 0.25, "mlp": float("nan")})
    assert json.loads(score.to_json()) == score.to_dict()
    assert score.to_dict()["members"] == {"svm": 0.25, "mlp": None}


def _score(rows, detector):
    return score_rows("clip.mp4", rows, detector, featurize.describe_features())
