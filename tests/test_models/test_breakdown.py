import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from models.evaluation.breakdown import BREAKDOWN_COLUMNS, break_down, quality_levels


def scores(trained_on="all", seed=0):
    """Twelve people in two folds; each real, manipulated by swap and by lips, at two levels.

    Swaps score 2 higher than reals, lips no higher; the second fold adds 100 to every score.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(12):
        fold = person % 2
        for level in ("c23", "c40"):
            for method, gain in (("", 0.0), ("swap", 2.0), ("lips", 0.0)):
                rows.append(
                    {
                        "classifier": "svm",
                        "trained_on": trained_on,
                        "fold": fold + 1,
                        "held_out": f"fold {fold + 1}",
                        "path": f"{person}_{method}_{level}.mp4",
                        "label": "fake" if method else "real",
                        "group": f"person_{person}",
                        "method": method,
                        "dataset": "studio" if person < 4 else "web",
                        "compression": level,
                        "decision": gain + rng.normal() + 100 * fold,
                    }
                )
    table = pd.DataFrame(rows)
    return table.assign(probability=1 / (1 + np.exp(1 - table["decision"].to_numpy() % 100)))


def figure(table, metric="auc_mean_of_folds", **names):
    for column, name in names.items():
        table = table[table[column] == name]
    (row,) = table[table["metric"] == metric].to_dict("records")
    return row


def test_a_method_is_told_by_its_fakes_and_all_reals_of_the_same_folds():
    table = scores()
    found = break_down(table, 0)
    for method, expected in (("swap", 0.9), ("lips", 0.5)):
        row = figure(found, by="method", name=method)
        assert (row["n_real"], row["n_fake"]) == (24, 24)
        part = table[(table["method"] == method) | (table["label"] == "real")]
        by_fold = [
            roc_auc_score(rows["label"] == "fake", rows["decision"])
            for _, rows in part.groupby("fold")
        ]
        # Both folds hold as many pairs, so their mean is the share of pairs in order.
        assert row["value"] == pytest.approx(np.mean(by_fold))
        assert row["value"] == pytest.approx(expected, abs=0.12)
        assert row["low"] < row["value"] < row["high"]


def test_scores_of_different_folds_are_not_compared():
    found = break_down(scores(), 0)
    pooled = figure(found, "auc_pooled", by="method", name="swap")["value"]
    assert figure(found, by="method", name="swap")["value"] > pooled + 0.1


def test_every_part_is_told_by_its_own_rows():
    found = break_down(scores(), 0)
    counts = found.drop_duplicates(["by", "name"]).set_index(["by", "name"])[["n_real", "n_fake"]]
    assert list(found.columns) == list(BREAKDOWN_COLUMNS)
    assert {name: tuple(row) for name, row in counts.T.items()} == {
        ("fold", "fold 1"): (12, 24),
        ("fold", "fold 2"): (12, 24),
        ("method", "lips"): (24, 24),
        ("method", "swap"): (24, 24),
        ("dataset", "studio"): (8, 16),
        ("dataset", "web"): (16, 32),
        ("compression", "c23"): (12, 24),
        ("compression", "c40"): (12, 24),
    }


def test_a_method_tested_in_one_fold_is_compared_with_the_reals_of_that_fold():
    table = scores()
    alone = table[(table["method"] != "swap") | (table["fold"] == 1)]
    assert figure(break_down(alone, 0), by="method", name="swap")["n_real"] == 12


def test_parts_of_what_is_held_out_are_numbered():
    table = scores().assign(held_out="studio")
    names = break_down(table, 0).query("by == 'fold'")["name"].unique()
    assert list(names) == ["studio, part 1", "studio, part 2"]


def test_training_on_one_method_is_told_by_method_for_each_that_is_trained_on():
    table = pd.concat([scores(name, seed) for seed, name in enumerate(["swap", "lips", "all"])])
    found = break_down(table, 0)
    matrix = found[(found["by"] == "method") & (found["metric"] == "auc_mean_of_folds")]
    assert sorted(zip(matrix["trained_on"], matrix["name"], strict=True)) == [
        (trained_on, name) for trained_on in ("all", "lips", "swap") for name in ("lips", "swap")
    ]
    assert set(found.loc[found["trained_on"] == "swap", "by"]) == {"fold", "method"}


def test_quality_levels_compare_within_a_level():
    table = scores()
    # At the lower quality nothing is left of the swap.
    worse = (table["compression"] == "c40") & (table["method"] == "swap")
    table.loc[worse, "decision"] -= 2.0
    found = quality_levels(table, 0)
    assert figure(found, compression="c23", method="swap")["value"] > 0.8
    assert figure(found, compression="c40", method="swap")["value"] < 0.75
    whole = figure(found, compression="c23", method="all")
    assert (whole["n_real"], whole["n_fake"]) == (12, 24)
    one = figure(found, compression="c23", method="lips")
    assert (one["n_real"], one["n_fake"]) == (12, 12)


def test_a_level_that_one_method_lacks_has_no_row_for_it():
    table = scores()
    found = quality_levels(table[(table["method"] != "swap") | (table["compression"] == "c23")], 0)
    rows = found[["compression", "method"]].drop_duplicates().to_numpy().tolist()
    assert rows == [
        *(["c23", name] for name in ("all", "lips", "swap")),
        *(["c40", name] for name in ("all", "lips")),
    ]


def test_without_compression_levels_and_methods_nothing_is_said_of_them():
    table = scores().assign(compression="", method="", dataset="")
    assert set(break_down(table, 0)["by"]) == {"fold"}
    assert quality_levels(table, 0).empty
    assert "compression" in quality_levels(table, 0)


def test_a_part_of_one_class_has_counts_and_no_ranking():
    table = scores()
    reals = table[(table["label"] == "real") | (table["dataset"] == "web")]
    row = figure(break_down(reals, 0), by="dataset", name="studio")
    assert (row["n_real"], row["n_fake"]) == (8, 0)
    assert np.isnan(row["value"])
    assert figure(break_down(reals, 0), "log_loss", by="dataset", name="studio")["value"] > 0


def test_the_same_for_any_number_of_processes():
    one, two = (break_down(scores(), 3, n_jobs) for n_jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
