import numpy as np
import pandas as pd
import pytest

from models import cross_validate, train
from models.errors import HoldOutError, SettingError, TableError, UnknownClassifierError
from models.evaluation.validation_report import interval_text
from models.metrics import interval_levels
from models.table.feature_table import read_training_table
from tests.test_models.conftest import SIGNAL, make_table


def metric(report, name, classifier=None):
    rows = report.metrics[report.metrics["metric"] == name].set_index("classifier")
    return rows.iloc[0] if classifier is None else rows.loc[classifier]


@pytest.fixture(scope="module")
def report(table):
    return cross_validate(table)


def test_planted_signal_is_found_by_every_classifier(report):
    for classifier in ("svm", "mlp", "xgboost", "committee"):
        assert metric(report, "auc_pooled", classifier)["value"] > 0.85
        assert metric(report, "auc_within_group", classifier)["value"] > 0.85
        assert metric(report, "auc_mean_of_folds", classifier)["low"] > 0.75


def test_every_video_is_scored_once_by_each_classifier(report, table):
    for _, part in report.scores.groupby("classifier"):
        assert sorted(part["path"]) == sorted(table["path"])
    assert report.scores["probability"].between(0, 1).all()
    per_fold = report.folds.groupby("classifier")[["n_real", "n_fake"]].sum()
    assert (per_fold.sum(axis=1) == len(table)).all()


@pytest.mark.parametrize("hold_out", ["group", "method", "dataset", "compression"])
def test_shuffled_labels_leave_nothing_to_find(hold_out):
    """Features tell the labels that the videos had before they were dealt anew among the groups."""
    rng = np.random.default_rng(1)
    table = make_table(5, n_groups=80)
    dealt = rng.permutation(80)[np.arange(160) // 2] * 2 + np.arange(160) % 2
    table[["label", "method"]] = table[["label", "method"]].to_numpy()[dealt]
    report = cross_validate(table, hold_out, "all", audit=False)
    for classifier in ("svm", "mlp", "xgboost", "committee"):
        found = metric(report, "auc_pooled", classifier)
        assert found["low"] < 0.5 < found["high"]


def test_a_leak_through_quality_stands_above_all_figures(table):
    """Fakes are of twice the bit rate; the features know of it. The others are noise."""
    rng = np.random.default_rng(0)
    table = make_table(7, n_groups=60, signal=0.0)
    fake = (table["label"] == "fake").to_numpy()
    table["dataset"] = [f"s{i // 2 % 6}" for i in range(len(table))]
    table["quality__bit_rate__log10_bits_per_pixel"] = fake + 0.1 * rng.normal(size=len(table))
    table["texture__noise__median"] = fake + 0.1 * rng.normal(size=len(table))
    report = cross_validate(table, classifier="svm")
    assert metric(report, "auc_pooled")["value"] > 0.95
    assert report.audit.tells_source
    assert report.source_held_out.settings["hold_out"] == "dataset"
    text = report.to_text()
    assert text.startswith("WARNING: ")
    quoted = report.source_held_out.metrics.set_index("metric").loc["auc_mean_of_folds", "value"]
    assert text.index(f"{quoted:.3f}") < text.index("auc_within_group")
    assert text.index("data sets that were never seen") < text.index("AUC within folds, by fold")


def test_without_a_leak_there_is_no_warning_and_the_report_begins_with_its_figures():
    table = make_table(11, n_groups=60, signal=2.0).assign(dataset="one")
    table = table.drop(columns="quality__face_width_px__mean")
    report = cross_validate(table, classifier="svm")
    assert report.audit.warnings == ()
    assert report.source_held_out is None
    assert report.to_text().split()[0] == "metric"


def two_methods(seed=0, n_people=24):
    """Each person real twice, swapped and lip-synced once; either shows in a feature of its own."""
    rng = np.random.default_rng(seed)
    rows = make_table(seed, n_groups=n_people, per_group=4, signal=0.0, group_offset=0.0)
    kind = np.arange(len(rows)) % 4
    rows["label"] = np.where(kind < 2, "real", "fake")
    rows["method"] = np.array(["", "", "swap", "lips"])[kind]
    for method in ("swap", "lips"):
        of_method = (rows["method"] == method).to_numpy()
        for j in range(3):
            noise = rng.normal(size=len(rows))
            rows[f"texture__of_{method}_{j}__median"] = 4.0 * of_method + noise
    return rows


def test_a_single_method_teaches_what_it_shares_with_the_others():
    report = cross_validate(two_methods(), "single_method", "svm", audit=False)
    shown = report.breakdown[report.breakdown["metric"] == "auc_mean_of_folds"]
    matrix = shown[shown["by"] == "method"].set_index(["trained_on", "name"])["value"]
    for method, other in (("swap", "lips"), ("lips", "swap")):
        assert matrix[method, method] > 0.95
        assert matrix[method, other] < 0.85
        assert matrix["all", method] > 0.95
    per_training = report.scores.groupby("trained_on")["path"]
    assert set(per_training.groups) == {"swap", "lips", "all"}
    assert (per_training.nunique() == 96).all()
    assert (per_training.size() == 96).all()
    assert "AUC of each method by the one method trained on" in report.to_text()
    by_people = cross_validate(two_methods(), "group", "svm", audit=False).metrics
    of_all = report.metrics[report.metrics["trained_on"] == "all"]
    pd.testing.assert_frame_equal(of_all.reset_index(drop=True), by_people)


@pytest.mark.parametrize("classifier", ["svm", "committee"])
@pytest.mark.parametrize("in_windows", [False, True])
def test_a_held_out_video_is_scored_as_a_detector_trained_on_the_others_scores_it(
    classifier, in_windows
):
    table = make_table(4, n_groups=40)
    table["split"] = np.where(np.arange(len(table)) // 2 % 3, "train", "test")
    if in_windows:
        rng = np.random.default_rng(0)
        parts = []
        for i in range(3):
            part = table.assign(window_start_s=4.0 * i, window_end_s=4.0 * i + 4)
            part[SIGNAL] += rng.normal(size=len(table))
            parts.append(part)
        table = pd.concat(parts)
    # A row that lacks a fifth of the features is scored by neither.
    features = [name for name in table.columns if "__n0" in name]
    table.iloc[0, [table.columns.get_loc(name) for name in features[:8]]] = np.nan
    scores = cross_validate(table, "split", classifier, audit=False).scores.set_index("path")
    detector = train(table[table["split"] == "train"], classifier)
    test = table[table["split"] == "test"].reset_index(drop=True)
    told = pd.Series(detector.predict_proba(test)).groupby(test["path"]).first()
    assert told.isna().sum() == (0 if in_windows else 1)
    told = told.dropna()
    assert sorted(told.index) == sorted(scores.index)
    assert scores["probability"].to_dict() == pytest.approx(told.to_dict(), rel=1e-9)


def test_losing_one_class_to_missing_features_is_warned_of(table):
    features = [name for name in table.columns if "__n" in name]
    fake = np.flatnonzero(table["label"] == "fake")
    lossy = table.fillna(0.0)
    lossy.loc[fake[::2], features[:6]] = np.nan
    for rows, expected in ((lossy, True), (table, False)):
        report = cross_validate(rows, classifier="svm")
        (found,) = [f for f in report.audit.findings if f.name == "left_out_tells_label"]
        assert found.is_warning == expected
    assert "fake videos, which are left out" not in report.head_text()


def test_a_table_that_was_read_already_gives_the_same_report(table):
    data = read_training_table(table)
    one, other = (cross_validate(rows, classifier="svm", audit=False) for rows in (table, data))
    pd.testing.assert_frame_equal(one.scores, other.scores, check_exact=True)


def test_data_sets_of_one_class_each_give_no_figure_to_quote():
    table = make_table(7, n_groups=60, signal=3.0, per_group=4)
    fake = (table["label"] == "fake").to_numpy()
    groups = np.arange(len(table)) // 4 % 2
    table["dataset"] = np.where(fake, "fakes_", "reals_") + pd.Series(groups).astype(str)
    report = cross_validate(table, classifier="svm")
    text = report.to_text()
    assert report.audit.tells_source
    assert "There is no figure for data sets that were never seen" in text
    assert "figure to quote" not in text


def test_what_could_not_be_tested_with_data_sets_held_out_is_said_beside_the_figure():
    """All reals are of one data set: without it there is nothing to train on."""
    table = make_table(7, n_groups=60, signal=3.0)
    fake = (table["label"] == "fake").to_numpy()
    of_fakes = pd.Series(np.arange(len(table)) // 2 % 3).astype(str)
    table["dataset"] = np.where(fake, "fakes_" + of_fakes, "all_reals")
    table["group"] = table["path"]
    report = cross_validate(table, classifier="svm")
    said = f"{(~fake).sum()} videos of 'all_reals' are not tested"
    (remark,) = [remark for remark in report.source_held_out.remarks if said in remark]
    text = report.to_text()
    assert text.index(remark) < text.index("auc_within_group")


def test_the_official_split_is_tested_on_its_test_alone():
    table = make_table(n_groups=80)
    number = np.arange(len(table)) // 2
    table = table.assign(split=np.array(["train", "train", "val", "test"])[number % 4])
    report = cross_validate(table, "split", "svm", audit=False)
    assert sorted(report.scores["path"]) == sorted(table.loc[table["split"] == "test", "path"])
    assert metric(report, "auc_pooled")["value"] > 0.85
    assert metric(report, "auc_pooled")["low"] < 1
    (remark,) = report.remarks
    assert "Trained on 80 videos of the split train and tested on 40 of test; 40 are left" in remark


def test_windows_that_are_all_alike_say_what_the_video_says(table):
    """Each video counts as one, however many windows it has."""
    table = table.iloc[:48]
    cut = pd.concat(
        [table[np.arange(len(table)) % 3 >= i].assign(window_start_s=5.0 * i) for i in range(3)]
    ).sort_values(["path", "window_start_s"])
    cut["window_end_s"] = cut["window_start_s"] + 5.0
    whole, windowed = (cross_validate(rows, classifier="svm", audit=False) for rows in (table, cut))
    assert windowed.settings["window_s"] == 5.0
    assert windowed.settings["n_videos"] == len(table)
    assert list(windowed.scores["path"]) == list(whole.scores["path"])
    assert list(windowed.scores["fold"]) == list(whole.scores["fold"])
    ours, theirs = windowed.scores["probability"], whole.scores["probability"]
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97


def test_the_score_of_a_video_is_the_mean_of_its_windows_and_not_the_best(table):
    """One window of each real video looks fake, two of each fake one do."""
    rng = np.random.default_rng(0)
    table = make_table(2, n_groups=40, signal=0.0, group_offset=0.0, n_noise=2)
    fake = (table["label"] == "fake").to_numpy()
    parts = []
    for i in range(3):
        part = table.assign(window_start_s=2.0 * i, window_end_s=2.0 * i + 2)
        looks_fake = (i == 0) | (fake & (i == 1))
        part[SIGNAL] = 6.0 * looks_fake + rng.normal(size=len(table))
        parts.append(part)
    report = cross_validate(pd.concat(parts), classifier="svm", audit=False)
    assert len(report.scores) == len(table)
    assert metric(report, "auc_pooled")["value"] > 0.85


def test_features_that_only_tell_who_it_is_do_not_help_on_new_people():
    """With a random split the same table would look solved."""
    rng = np.random.default_rng(0)
    table = make_table(6, signal=0.0, n_groups=30, per_group=4, group_offset=0.0, n_noise=2)
    table["group"] = [f"person_{i // 4:02d}" for i in range(len(table))]
    table["label"] = np.where(
        rng.permutation(np.arange(30) % 2 == 0)[np.arange(120) // 4], "fake", "real"
    )
    identity = rng.normal(size=(30, 8))[np.arange(120) // 4]
    table[[f"identity__i{j}__mean" for j in range(8)]] = identity + 0.01 * rng.normal(size=(120, 8))
    held_out = metric(cross_validate(table, classifier="svm"), "auc_pooled")
    leaking = metric(cross_validate(table.drop(columns="group"), classifier="svm"), "auc_pooled")
    assert held_out["low"] < 0.5 < held_out["high"]
    assert leaking["value"] > 0.9


@pytest.mark.parametrize("hold_out", ["method", "dataset", "compression"])
def test_other_hold_outs_find_the_planted_signal_too(table, hold_out):
    report = cross_validate(table, hold_out=hold_out, classifier="svm")
    assert metric(report, "auc_mean_of_folds")["value"] > 0.8
    assert set(report.folds["held_out"]) <= {
        "swap",
        "lips",
        "reenact",
        "studio",
        "web",
        "c23",
        "c40",
    }
    assert sorted(report.scores["path"]) == sorted(table["path"])


def test_same_report_for_any_number_of_processes_and_another_for_another_seed(table):
    asked = {"classifier": ["svm", "mlp"], "seed": 1, "importance": True}
    one, two = (cross_validate(table, **asked, n_jobs=n_jobs) for n_jobs in (1, 2))
    for name in ("scores", "folds", "metrics", "breakdown", "quality_levels", "importance"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), check_exact=True)
    other = cross_validate(table, classifier="svm", seed=2)
    assert not one.scores["decision"].head(10).equals(other.scores["decision"].head(10))


def test_a_classifier_scores_the_same_alone_and_beside_the_committee(report, table):
    alone = cross_validate(table, classifier="xgboost").scores
    beside = report.scores[report.scores["classifier"] == "xgboost"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, beside, check_exact=True)


def test_the_report_says_what_it_was_made_of(report, table, tmp_path):
    assert report.settings["hold_out"] == "group"
    assert report.settings["n_videos"] == len(table)
    assert "numpy" in report.settings["versions"]
    text = report.to_text()
    assert "auc_within_group" in text
    assert "fold 5" in text
    assert "seed: 0" in text


def test_what_cannot_be_tested_is_remarked_on():
    """All reals are of one data set: without it there is nothing to compare fakes with."""
    table = make_table(9, n_groups=30)
    real = table["label"] == "real"
    table["dataset"] = np.where(real, "reals", table["dataset"])
    table["group"] = table["path"]
    report = cross_validate(table, hold_out="dataset", classifier="svm")
    (remark,) = report.remarks
    assert f"{real.sum()} videos of 'reals' are not tested" in remark
    assert sorted(report.scores["path"]) == sorted(table.loc[~real, "path"])
    # The parts that are tested hold fakes only.
    assert report.folds["auc"].isna().all()
    assert "AUC within folds, by method" in report.to_text()


def test_one_fold_that_cannot_be_trained_on_does_not_take_the_others_along():
    """Without group 0 no feature differs among the videos that calibration trains on."""
    table = make_table(9, n_groups=12, n_noise=1)
    table["dataset"] = np.where(np.arange(len(table)) < 12, "plain", table["dataset"])
    features = [name for name in table.columns if "__" in name]
    table.loc[table["dataset"] == "web", features] = 1.0
    table.loc[table["dataset"] == "studio", features] = 1.0
    report = cross_validate(table, hold_out="dataset", classifier="svm")
    (remark,) = report.remarks
    assert "12 videos of 'plain' are not tested. No feature differs" in remark
    assert set(report.scores["held_out"]) == {"studio", "web"}
    assert report.settings["n_folds"] == 2


def test_intervals_are_over_what_is_held_out_where_that_is_coarser(table):
    """Seven sources of which each has its own level and its own share of fakes."""
    rng = np.random.default_rng(0)
    table = make_table(3, n_groups=70, signal=1.0)
    source = np.arange(70).repeat(2) % 7
    table["dataset"] = [f"s{i}" for i in source]
    table.iloc[:, -14:] = table.iloc[:, -14:].to_numpy() + rng.normal(scale=2, size=(7, 1))[source]
    by_source = cross_validate(table, hold_out="dataset", classifier="svm")
    assert by_source.settings["intervals_over"] == "dataset"
    assert "intervals over data sets" in by_source.to_text()
    assert "rests on 7 of 7 held-out names" in by_source.to_text()
    assert "n_folds: 7" in by_source.to_text()
    row = metric(by_source, "auc_mean_of_folds")
    per_source = by_source.folds["auc"].to_numpy()
    assert row["value"] == pytest.approx(per_source.mean())
    drawn = rng.choice(per_source, size=(40_000, 7)).mean(axis=1)
    levels = interval_levels(7)
    assert [row["low"], row["high"]] == pytest.approx(np.percentile(drawn, levels), abs=0.02)
    by_group = cross_validate(table, classifier="svm")
    assert by_group.settings["intervals_over"] == "group"


def test_intervals_over_two_sources_would_say_nothing_so_they_are_over_groups(table):
    report = cross_validate(table, hold_out="dataset", classifier="svm", audit=False)
    assert report.settings["intervals_over"] == "group"
    row = metric(report, "auc_pooled")
    assert row["low"] < row["value"] < row["high"]


def test_text_of_a_figure_leaves_out_what_is_not_defined():
    assert interval_text(0.5, 0.25, 0.75) == "0.500 [0.250, 0.750]"
    assert interval_text(0.5, np.nan, np.nan) == "0.500"
    assert interval_text(np.nan, np.nan, np.nan) == "-"


@pytest.mark.filterwarnings("error")
def test_strange_columns_neither_stop_a_run_nor_warn(table):
    """Known for none, for one, for reals alone; constant; huge; named like the label."""
    rng = np.random.default_rng(0)
    n = len(table)
    fake = (table["label"] == "fake").to_numpy()
    strange = table.assign(
        texture__never__median=np.nan,
        texture__once__median=np.where(np.arange(n) == 3, 1.0, np.nan),
        texture__of_reals__median=np.where(fake, np.nan, rng.normal(size=n)),
        texture__constant__median=7.0,
        texture__huge__median=np.where(np.arange(n) % 9, rng.normal(size=n), 1e300),
        label__is_fake__median=rng.normal(size=n),
    )
    report = cross_validate(strange, importance=True)
    assert np.isfinite(report.scores["probability"]).all()
    warned = {found.name for found in report.audit.findings if found.is_warning}
    assert {"feature_copies_label", "name_says_label"} <= warned


@pytest.mark.parametrize(
    ("setting", "said"),
    [({"seed": -1}, "seed"), ({"n_jobs": 0}, "not 0"), ({"n_jobs": -7}, "not -7")],
)
def test_settings_out_of_range_are_named(table, setting, said):
    with pytest.raises(SettingError, match=said):
        cross_validate(table, classifier="svm", **setting)


def test_wrong_requests_are_named(table):
    with pytest.raises(UnknownClassifierError, match="sequences, frames, committee, stacking"):
        cross_validate(table, classifier="forest")
    with pytest.raises(
        HoldOutError, match="group, method, single_method, dataset, compression, split"
    ):
        cross_validate(table, hold_out="weather")
    for hold_out in ("group", "dataset", "compression"):
        for n_folds in (1, 0, -3):
            with pytest.raises(HoldOutError, match="At least two folds"):
                cross_validate(table, hold_out, n_folds=n_folds)
    with pytest.raises(UnknownClassifierError, match="No classifier is named"):
        cross_validate(table, classifier=[])
    with pytest.raises(TableError):
        cross_validate("nowhere.csv")


def test_one_group_per_class_cannot_be_held_out():
    table = make_table(n_groups=4)
    table["group"] = table["label"]
    with pytest.raises(HoldOutError, match="at least two groups"):
        cross_validate(table, classifier="svm")
