"""Detectors trained on windows: what a video is then, in training, in scores and in reasons."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

import featurize
from models import cross_validate, load_detector, score_video, train
from models.errors import DetectorError, FeatureMismatchError, ModelsError
from models.scoring import score_rows
from models.training import choose_thresholds
from tests.test_models.conftest import SIGNAL, WIDTH, make_table, quality_table

LENGTH_S = 5.0


def in_windows(table, seed=0, most=5, noise=1.0, length_s=LENGTH_S):
    """The same videos in one to ``most`` windows, each with its own noise on every feature."""
    rng = np.random.default_rng(seed)
    n_windows = rng.integers(1, most + 1, len(table))
    number = np.concatenate([np.arange(n) for n in n_windows])
    rows = table.loc[table.index.repeat(n_windows)].reset_index(drop=True)
    features = [name for name in rows if "__" in name]
    rows[features] += rng.normal(scale=noise, size=(len(rows), len(features)))
    start_s = number * length_s
    rows.insert(2, "window_start_s", start_s)
    rows.insert(3, "window_end_s", start_s + length_s)
    return rows.assign(n_frames=25 * length_s, duration_s=length_s)


@pytest.fixture(scope="module")
def windows():
    return in_windows(make_table())


@pytest.fixture(scope="module")
def by_window(windows):
    return train(windows, "svm")


def spans(rows):
    return list(zip(rows["window_start_s"], rows["window_end_s"], strict=True))


def one_video(windows, n_windows=3):
    """The windows of the first fake video that has so many."""
    sizes = windows.groupby("path")["path"].transform("size")
    rows = windows[(sizes == n_windows) & (windows["label"] == "fake")]
    return rows[rows["path"] == rows["path"].iloc[0]].copy()


class TestTraining:
    def test_videos_are_counted_not_windows(self, windows, by_window):
        assert by_window.window_s == LENGTH_S
        made, per_video = by_window.provenance, windows.drop_duplicates("path")
        assert made["window_s"] == LENGTH_S
        assert made["n_rows"] == len(windows)
        assert made["n_videos"] == len(per_video) < len(windows)
        assert made["n_real"] == (per_video["label"] == "real").sum()
        assert made["n_fake"] == (per_video["label"] == "fake").sum()

    def test_thresholds_spare_nineteen_in_twenty_held_out_videos(self, windows, by_window):
        fitted = by_window.pipeline[-1]
        held_out = windows.assign(decision=fitted.oof_decision_).groupby("path")
        p = expit(fitted.slope_ * held_out["decision"].mean() + fitted.intercept_)
        is_fake = held_out["label"].first() == "fake"
        assert (p[~is_fake] >= by_window.thresholds.fake).mean() <= 0.05
        assert (p[is_fake] <= by_window.thresholds.real).mean() <= 0.05
        expected = choose_thresholds(p.to_numpy(), is_fake.to_numpy(dtype=int))
        assert by_window.thresholds.fake == pytest.approx(expected.fake)
        assert by_window.thresholds.real == pytest.approx(expected.real)

    def test_a_file_holds_the_length_of_windows(self, windows, by_window, tmp_path):
        by_window.save(tmp_path / "w.skops")
        loaded = load_detector(tmp_path / "w.skops")
        assert loaded.window_s == LENGTH_S
        np.testing.assert_array_equal(
            loaded.predict_proba(windows), by_window.predict_proba(windows)
        )
        train(windows, "svm").save(tmp_path / "again.skops")
        assert (tmp_path / "again.skops").read_bytes() == (tmp_path / "w.skops").read_bytes()

    @pytest.mark.parametrize("length", [0.0, -5.0, float("nan"), float("inf"), "5"])
    def test_a_length_that_is_none_is_refused(self, by_window, tmp_path, length):
        replace(by_window, window_s=length).save(tmp_path / "w.skops")
        with pytest.raises(DetectorError, match=r"damaged|incomplete"):
            load_detector(tmp_path / "w.skops")

    def test_windows_find_in_noise_what_their_mean_tells(self):
        """Noise of windows is averaged out, so videos are told apart better than windows are."""
        table = in_windows(make_table(signal=2.0, n_groups=60), most=8, noise=3.0)
        report = cross_validate(table, "group", "svm", audit=False)
        assert len(report.scores) == table["path"].nunique()
        trained = train(table, "svm")
        new = in_windows(make_table(5, signal=2.0, n_groups=60), seed=1, most=8, noise=3.0)
        new["decision"] = trained.decision_function(new)
        new = new.dropna(subset="decision")
        means = new.groupby("path").agg({"decision": "mean", "label": "first"})

        def auc(part):
            fake = part["decision"][part["label"] == "fake"].to_numpy()
            real = part["decision"][part["label"] == "real"].to_numpy()
            return (fake[:, None] > real).mean()

        assert auc(means) > auc(new) + 0.05


class TestTables:
    def test_a_window_has_the_probability_of_its_video(self, windows, by_window):
        slope, intercept = by_window.calibration
        decision = pd.Series(by_window.decision_function(windows))
        mean = decision.groupby(windows["path"]).transform("mean")
        p = by_window.predict_proba(windows)
        np.testing.assert_allclose(p, expit(slope * mean + intercept), rtol=1e-12)
        assert decision.groupby(windows["path"]).nunique().max() > 1

    def test_order_of_rows_does_not_matter(self, windows, by_window):
        p = pd.Series(by_window.predict_proba(windows), windows.index)
        mixed = windows.sample(frac=1, random_state=0)
        np.testing.assert_allclose(by_window.predict_proba(mixed), p[mixed.index], rtol=1e-12)

    def test_faces_of_a_video_are_scored_apart(self, windows, by_window):
        fake = one_video(windows)
        real = windows[windows["label"] == "real"].head(2).assign(face=1, path=fake["path"].iloc[0])
        both = by_window.predict_proba(pd.concat([fake, real]))
        np.testing.assert_array_equal(both[:3], by_window.predict_proba(fake))
        assert both[0] > both[3]

    def test_a_window_of_which_little_is_known_does_not_count(self, windows, by_window):
        rows = one_video(windows)
        without = by_window.predict_proba(rows.iloc[[0, 2]])
        rows.loc[rows.index[1], [*by_window.columns]] = np.nan
        p = by_window.predict_proba(rows)
        assert p.tolist() == [without[0]] * 3
        rows[[*by_window.columns]] = np.nan
        assert np.isnan(by_window.predict_proba(rows)).all()

    @pytest.mark.parametrize("ask", ["predict_proba", "decision_function", "matrix"])
    def test_rows_of_another_kind_are_refused(self, windows, by_window, detector, table, ask):
        with pytest.raises(
            FeatureMismatchError, match=r"trained on whole videos.*without `--window"
        ):
            getattr(detector, ask)(windows)
        with pytest.raises(FeatureMismatchError, match=r"of 5 s, but .*whole videos.*--window 5`"):
            getattr(by_window, ask)(table)
        with pytest.raises(FeatureMismatchError, match=r"of 5 s, but .* some of 3 s"):
            getattr(by_window, ask)(in_windows(table, length_s=3.0))
        with pytest.raises(FeatureMismatchError, match="no column path"):
            getattr(by_window, ask)(windows.drop(columns="path"))
        for changed in (
            windows.drop(columns="window_end_s"),
            windows.assign(window_start_s="the first minute"),
        ):
            with pytest.raises(ModelsError, match="window_"):
                getattr(by_window, ask)(changed)

    def test_a_video_that_could_not_be_measured_is_unknown_and_stops_nothing(
        self, windows, by_window
    ):
        failed = windows.iloc[[0]].assign(path="gone.mp4", status="missing")
        failed[["window_start_s", "window_end_s", *by_window.columns]] = np.nan
        p = by_window.predict_proba(pd.concat([windows, failed], ignore_index=True))
        assert np.isnan(p[-1])
        np.testing.assert_allclose(p[:-1], by_window.predict_proba(windows), rtol=1e-12)


class TestScore:
    @pytest.fixture
    def video(self, monkeypatch, windows):
        """Stand in for featurize: hand over windows made here."""
        content = {"rows": one_video(windows)}

        def featurize_video(path, **options):
            content["options"] = options
            return content["rows"]

        monkeypatch.setitem(vars(featurize), "featurize_video", featurize_video)
        return content

    def test_a_clip_is_measured_in_windows_of_the_same_length(self, by_window, detector, video):
        score = score_video("clip.mp4", by_window, backend="mediapipe")
        assert video["options"]["window_s"] == LENGTH_S
        assert video["options"]["backend"] == "mediapipe"
        assert score.probability == by_window.predict_proba(video["rows"])[0]
        with pytest.raises(FeatureMismatchError):
            score_video("clip.mp4", detector)
        assert "window_s" not in video["options"]

    def test_the_log_odds_of_the_video_are_the_mean_of_the_timeline(self, by_window, video):
        score = score_video("clip.mp4", by_window)
        assert [(w.start_s, w.end_s) for w in score.timeline] == [(0, 5), (5, 10), (10, 15)]
        mean = np.mean([w.log_odds for w in score.timeline])
        assert mean == pytest.approx(logit(score.probability))
        assert len(json.loads(score.to_json())["timeline"]) == 3
        most = max(score.timeline, key=lambda w: w.log_odds)
        assert f"Most like a fake of 3: {most.start_s:g} to {most.end_s:g} s;" in score.to_text()

    def test_quality_is_that_of_all_windows(self, by_window, video):
        video["rows"]["face_width_px"] = [100.0, 300.0, 120.0]
        quality = score_video("clip.mp4", by_window).quality
        assert (quality["n_frames"], quality["duration_s"]) == (375, 15)
        assert quality["face_width_px"] == 120

    def test_a_reason_holds_for_all_windows_and_shows_one(self, windows, by_window, video):
        rows = video["rows"].reset_index(drop=True)
        rows[SIGNAL] = [9.0, 4.0, 7.0]
        video["rows"] = rows
        score = score_video("clip.mp4", by_window)
        reason = next(r for r in score.reasons if r.feature == SIGNAL)
        median = dict(zip(by_window.columns, by_window.real_quantiles[:, 1], strict=True))[SIGNAL]
        ordinary = by_window.predict_proba(rows.assign(**{SIGNAL: median}))[0]
        assert reason.contribution == pytest.approx(logit(score.probability) - logit(ordinary))
        # The median of the three is that of the third window.
        assert (reason.value, reason.window) == (7.0, (10.0, 15.0))
        assert "7 per minute in the median window (10 to 15 s), higher than" in reason.sentence
        assert "95 % of windows of authentic videos (nine in ten show" in reason.sentence
        low, high = windows[SIGNAL][windows["label"] == "real"].quantile([0.05, 0.95])
        assert (reason.real_low, reason.real_high) == pytest.approx((low, high))

    def test_of_an_even_number_a_window_is_shown_too(self, windows, by_window, video):
        rows = one_video(windows, 4).reset_index(drop=True)
        rows[SIGNAL] = [np.nan, 9.0, 7.0, 8.0]
        video["rows"] = rows.iloc[[0, 1, 2]]
        for chosen, value in ((rows.iloc[[0, 1, 2]], 7.0), (rows, 8.0)):
            video["rows"] = chosen
            reasons = score_video("clip.mp4", by_window).reasons
            assert next(r.value for r in reasons if r.feature == SIGNAL) == value

    @pytest.mark.parametrize("conditioned", [False, True])
    def test_one_window_is_told_as_a_whole_video_is(self, conditioned):
        table = quality_table(shift=4.0)
        trained = train(in_windows(table), "svm", condition_on_quality=conditioned)
        row = in_windows(table, most=1).iloc[[0]].assign(**{WIDTH: 900.0})
        described = featurize.describe_features()
        of_windows = score_rows("c.mp4", row, trained, described)
        whole = score_rows(
            "c.mp4",
            row.drop(columns=["window_start_s", "window_end_s"]),
            replace(trained, window_s=None),
            described,
        )
        reasons = tuple(replace(reason, window=None) for reason in of_windows.reasons)
        assert replace(of_windows, reasons=reasons, timeline=()) == whole
        assert len(whole.reasons) > 0
        assert any("The face is 900 px wide" in w for w in whole.warnings) == conditioned

    def test_windows_that_are_left_out_are_warned_of(self, by_window, video):
        rows = video["rows"] = video["rows"].fillna(0.0)
        rows.loc[rows.index[1], by_window.columns[0]] = np.nan
        rows.loc[rows.index[2], by_window.columns[1]] = np.nan
        # Each feature was measured in some window.
        assert score_video("clip.mp4", by_window).warnings == ()
        rows.loc[rows.index[0], [*by_window.columns]] = np.nan
        score = score_video("clip.mp4", by_window)
        (warning,) = score.warnings
        assert warning.startswith("1 of 3 windows are left out: more than 20% of the features")
        assert np.isnan(score.timeline[0].log_odds)
        assert json.loads(score.to_json())["timeline"][0]["log_odds"] is None
        assert score.reasons
        rows[[*by_window.columns]] = np.nan
        score = score_video("clip.mp4", by_window)
        assert (score.verdict, score.reasons) == ("unknown", ())
        assert "too many to judge" in score.warnings[0]

    def test_faces_are_told_apart(self, windows, by_window, video):
        fake = video["rows"]
        second = windows[windows["label"] == "real"].head(2).assign(face=1)
        second["path"] = fake["path"].iloc[0]
        alone = score_video("clip.mp4", by_window)
        video["rows"] = pd.concat([fake, second])
        score = score_video("clip.mp4", by_window)
        assert [face.face for face in score.faces] == [0, 1]
        assert replace(score, faces=alone.faces) == alone
        assert score.faces[0].probability > score.faces[1].probability
