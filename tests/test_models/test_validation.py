import numpy as np
import pandas as pd
import pytest

from models import cross_validate
from models.errors import HoldOutError, SettingError, TableError, UnknownClassifierError
from models.validation import interval_text
from tests.test_models.conftest import make_table


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


def test_shuffled_labels_leave_nothing_to_find():
    table = make_table(5, signal=0.0, n_groups=60)
    found = metric(cross_validate(table, classifier="svm"), "auc_pooled")
    assert found["low"] < 0.5 < found["high"]


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
    one = cross_validate(table, classifier=["svm", "mlp"], seed=1)
    two = cross_validate(table, classifier=["svm", "mlp"], seed=1, n_jobs=2)
    for name in ("scores", "folds", "metrics"):
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
    assert "AUC by fold" in report.to_text()


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
    assert "intervals over datasets" in by_source.to_text()
    assert "rests on 7 of 7 held-out names" in by_source.to_text()
    assert "n_folds: 7" in by_source.to_text()
    row = metric(by_source, "auc_mean_of_folds")
    per_source = by_source.folds["auc"].to_numpy()
    assert row["value"] == pytest.approx(per_source.mean())
    drawn = rng.choice(per_source, size=(4000, 7)).mean(axis=1)
    assert [row["low"], row["high"]] == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.02)
    by_group = cross_validate(table, classifier="svm")
    assert by_group.settings["intervals_over"] == "group"


def test_two_sources_have_figures_and_no_intervals(table):
    report = cross_validate(table, hold_out="dataset", classifier="svm")
    row = metric(report, "auc_pooled")
    assert np.isfinite(row["value"])
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])
    assert interval_text(row["value"], row["low"], row["high"]) == f"{row['value']:.3f}"


@pytest.mark.parametrize(("setting", "said"), [({"seed": -1}, "seed"), ({"n_jobs": 0}, "not be 0")])
def test_settings_out_of_range_are_named(table, setting, said):
    with pytest.raises(SettingError, match=said):
        cross_validate(table, classifier="svm", **setting)


def test_wrong_requests_are_named(table):
    with pytest.raises(UnknownClassifierError, match="svm, mlp, xgboost, committee"):
        cross_validate(table, classifier="forest")
    with pytest.raises(HoldOutError, match="group, method, dataset, compression"):
        cross_validate(table, hold_out="weather")
    with pytest.raises(HoldOutError, match="folds"):
        cross_validate(table, n_folds=1)
    with pytest.raises(TableError):
        cross_validate("nowhere.csv")


def test_one_group_per_class_cannot_be_held_out():
    table = make_table(n_groups=4)
    table["group"] = table["label"]
    with pytest.raises(HoldOutError, match="at least two groups"):
        cross_validate(table, classifier="svm")
