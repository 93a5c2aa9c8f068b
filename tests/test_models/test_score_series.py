"""Scores by classifiers that look at signals over time."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from typer.testing import CliRunner

from models import score_video, train
from models.__main__ import app
from models.table.series import series_columns
from models.video_score import factor_text
from tests.test_models.conftest import make_table
from tests.test_models.test_windows import LENGTH_S, in_windows, one_video

N_STEPS = 50
NO_REASONS = "no single reasons to tell"


def with_series(table, seed=0):
    """The same windows with two signals; those of fakes jump now and then."""
    rng = np.random.default_rng(seed)
    fake = (table["label"] == "fake").to_numpy()[:, None, None]
    signals = rng.normal(size=(len(table), 2, N_STEPS))
    signals += fake * 6.0 * (rng.random(signals.shape) < 0.1)
    columns = series_columns(("mar", "yaw_deg"), N_STEPS)
    values = pd.DataFrame(signals.reshape(len(table), -1), table.index, columns)
    return pd.concat([table, values], axis=1)


@pytest.fixture(scope="module")
def windows():
    return with_series(in_windows(make_table()))


@pytest.fixture(scope="module")
def by_frames(windows):
    return train(windows, "frames")


@pytest.fixture
def clip(video, windows):
    video["rows"] = one_video(windows)
    return video


def test_signals_over_time_are_measured_for_a_detector_that_takes_them(clip, by_frames):
    score = score_video("clip.mp4", by_frames)
    assert (clip["options"]["series"], clip["options"]["window_s"]) == (True, LENGTH_S)
    assert score.verdict == "fake"
    assert score.members == {"frames": pytest.approx(score.probability)}
    assert len(score.timeline) == 3


def test_where_no_feature_is_judged_by_it_is_said_why_there_are_no_reasons(clip, by_frames):
    score = score_video("clip.mp4", by_frames)
    assert score.reasons == ()
    (warning,) = score.warnings
    assert NO_REASONS in warning
    assert "Reasons" not in score.to_text()
    assert json.loads(score.to_json()) == score.to_dict()


def test_time_in_which_nothing_is_known_is_told(clip, by_frames, windows):
    steps = [f"series__{signal}__{i:03d}" for signal in ("mar", "yaw_deg") for i in range(5)]
    clip["rows"][steps] = np.nan
    _, warning = score_video("clip.mp4", by_frames).warnings
    assert warning == "10% of the time steps could not be measured in this video."
    # The last window of a clip is cut off by its end: that is no fault of the video.
    clip["rows"] = one_video(windows)
    cut = [c for c in by_frames.series if int(c[-3:]) >= 25]
    clip["rows"].loc[clip["rows"].index[-1], cut] = np.nan
    (warning,) = score_video("clip.mp4", by_frames).warnings
    assert NO_REASONS in warning
    clip["rows"][[*by_frames.series]] = np.nan
    score = score_video("clip.mp4", by_frames)
    assert score.verdict == "unknown"
    assert any("100% of the time steps" in warning for warning in score.warnings)


@pytest.mark.parametrize("members", [3, ["sequences"]])
def test_what_a_file_says_of_its_members_is_not_asked_for_sktime(clip, by_frames, members):
    made = by_frames.provenance
    versions = {**made["versions"], "sktime": "0.0.7"}
    changed = replace(by_frames, provenance={**made, "versions": versions, "members": members})
    warnings = score_video("clip.mp4", changed).warnings
    assert not any("sktime" in warning for warning in warnings)


def test_another_sktime_counts_where_sequences_have_a_say(clip, windows):
    both = train(windows, "committee", members=("frames", "sequences"))
    made = both.provenance
    versions = {**made["versions"], "sktime": "0.0.7"}
    changed = replace(both, provenance={**made, "versions": versions})
    warnings = score_video("clip.mp4", changed).warnings
    assert any("trained with sktime 0.0.7" in warning for warning in warnings)


def test_a_committee_may_hold_both_and_tells_what_features_say(clip, windows):
    both = train(windows, "committee", members=("svm", "frames"))
    score = score_video("clip.mp4", both)
    assert clip["options"]["series"] is True
    assert list(score.members) == ["svm", "frames"]
    assert score.reasons
    assert not any(reason.feature.startswith("series__") for reason in score.reasons)
    (told,) = [warning for warning in score.warnings if "no single reasons" in warning]
    # By the members' own probabilities: without `frames`, which here says nothing either way.
    vote, inputs = both.pipeline[-1], both.matrix(clip["rows"])
    own = {name: one.predict_proba(inputs)[:, 1] for name, one in vote.members_.items()}
    means = [(own["svm"] + other) / 2 for other in (own["frames"], 0.5)]
    added = vote.slope_ * (logit(means[0]) - logit(means[1])).mean()
    assert added > 0
    assert told.startswith("frames judge signals over time")
    assert told.endswith(f"raises the odds of a fake by a factor of {factor_text(added)}.")


def test_what_signals_over_time_add_is_exact_for_weighed_log_odds(clip, windows):
    stacked = train(windows, "stacking", members=("svm", "frames"))
    inputs = stacked.matrix(clip["rows"])
    told = stacked.pipeline[-1].member_log_odds(inputs)["frames"]
    slope, _ = stacked.calibration
    added = slope * stacked.member_weights["frames"] * told
    np.testing.assert_allclose(stacked.series_log_odds(inputs), added, atol=1e-9)


def test_time_steps_are_asked_for_beside_features(clip, windows):
    """A vote of both says nothing of a video of which one of the two is not known."""
    both = train(windows, "committee", members=("svm", "frames"))
    whole = clip["rows"]
    for columns, things in ((both.series, "time steps"), (both.columns, "features")):
        clip["rows"] = whole.assign(**dict.fromkeys(columns, np.nan))
        score = score_video("clip.mp4", both)
        assert (score.verdict, score.reasons) == ("unknown", ())
        assert [w for w in score.warnings if "too many to judge" in w] == [
            f"100% of the {things} could not be measured in this video: that is too many to judge "
            "it by the others."
        ]
    clip["rows"] = whole.copy()
    clip["rows"].loc[whole.index[0], [*both.series]] = np.nan
    score = score_video("clip.mp4", both)
    assert np.isnan([one.log_odds for one in score.timeline]).tolist() == [True, False, False]
    assert any(
        w.startswith("1 of 3 windows are left out: more than 60% of the time steps")
        for w in score.warnings
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--classifier", "frames"], "groups with 2 signals of 50 steps in time; fake"),
        (["--members", "svm,frames"], "groups with 13 features and 2 signals of 50 steps in time;"),
        (["--classifier", "svm"], "groups with 13 features; fake"),
    ],
)
def test_training_says_what_was_learnt_from(windows, tmp_path, asked, told):
    windows.to_csv(tmp_path / "features.csv", index=False)
    arguments = ["train", str(tmp_path / "features.csv"), "-o", str(tmp_path / "my.skops"), *asked]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert told in result.stdout


def test_a_detector_of_features_asks_for_no_signals_over_time(clip, windows):
    score_video("clip.mp4", train(windows, "svm"))
    assert clip["options"]["series"] is False
