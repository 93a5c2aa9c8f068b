"""Figures against closed forms, on videos whose scores are given."""

import json

import numpy as np
import pandas as pd
import pytest

from pretraining.ablation import ablation, applies
from pretraining.figures import all_figures, difference, of_videos, pairs, pooled_auc, share
from pretraining.kinds import is_authentic, is_pseudo_fake
from pretraining.variant import Variant
from tests.test_pretraining.made_up import corpus


def videos_of(log_odds: pd.Series | np.ndarray | float, n_sources: int = 6) -> pd.DataFrame:
    table = corpus(n_sources)
    table = table[[name for name in table if "__" not in name]].assign(
        log_odds=log_odds, unseen="", n_columns=3
    )
    table["probability"] = 1 / (1 + np.exp(-table["log_odds"]))
    table["verdict"] = np.select(
        [table["probability"] > 0.9, table["probability"] < 0.1], ["fake", "real"], "uncertain"
    )
    return table


def perfect() -> pd.DataFrame:
    table = corpus(6)
    return videos_of(np.where(table["label"] == "fake", 4.0, -4.0))


def test_videos_told_perfectly() -> None:
    figures = all_figures(perfect())
    real = figures["real_fakes"]
    assert (real["n_real"], real["n_fake"], real["n_sources"], real["n_sources_both"]) == (
        *(36, 36),
        *(6, 6),
    )
    assert real["auc_pooled"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert real["auc_within_sources"]["value"] == 1.0
    error = 1 / (1 + np.exp(4.0))
    assert real["brier_score"]["value"] == pytest.approx(error**2)
    assert real["expected_calibration_error"]["value"] == pytest.approx(error)
    assert {row["called_fake"]["value"] for row in figures["authentic_by_source"]} == {0.0}
    assert [row["n_worlds"] for row in figures["pseudo_methods"]] == [36, 36]
    assert all(row["pairs"]["value"] == 1.0 for row in figures["pseudo_methods"])


def test_sources_apart_do_not_help_within_them() -> None:
    table = corpus(6)
    # Scores tell the source alone, and in even ones there are fakes alone.
    kept = (table["label"] == "fake") == (table["source"] % 2 == 0)
    videos = videos_of(np.where(table["source"] % 2 == 0, 2.0, -2.0))[kept | (table["source"] > 3)]
    figures = of_videos(videos[~is_pseudo_fake(videos)])
    assert figures["auc_pooled"]["value"] > 0.7
    assert figures["auc_within_sources"]["value"] == 0.5


def test_a_share_and_its_exact_interval() -> None:
    # Rule of Clopper and Pearson at the edge: 1 - 0.025 ** (1 / n).
    assert share(0, 20) == {"value": 0.0, "low": 0.0, "high": pytest.approx(1 - 0.025 ** (1 / 20))}
    assert share(0, 0) == {"value": None, "low": None, "high": None}


def test_pairs_count_worlds_where_the_fake_is_above_its_original() -> None:
    table = corpus(6)
    is_fake = (table["label"] == "fake").to_numpy()
    level = 10.0 * (np.arange(len(table)) // 6)  # worlds differ by far more than versions do
    wins = videos_of(level + is_fake)
    assert pairs(wins[wins["round"] >= 0])["value"] == 1.0
    assert pairs(videos_of(0.0))["value"] == 0.5
    losing = videos_of(level - is_fake)
    assert pairs(losing[losing["round"] >= 0])["value"] == 0.0


def test_the_difference_to_itself_is_none_and_that_to_the_opposite_is_whole() -> None:
    videos = perfect()
    assert difference(videos, videos) == {"value": 0.0, "low": 0.0, "high": 0.0}
    opposite = videos_of(-videos["log_odds"])
    assert difference(videos, opposite)["value"] == 1.0


def test_few_clusters_have_no_interval() -> None:
    few = videos_of(np.arange(108.0), n_sources=3)
    assert pooled_auc(few)["low"] is None
    assert pooled_auc(few, clusters="group")["low"] is not None


def test_false_alarms_are_counted_source_by_source() -> None:
    videos = perfect()
    alarmed = is_authentic(videos) & (videos["source"] == 1) & (videos["round"] < 0)
    videos.loc[alarmed, "verdict"] = "fake"
    rows = {row["source"]: row for row in all_figures(videos)["authentic_by_source"]}
    assert rows["d1"]["called_fake"]["value"] == 1.0
    assert rows["d0"]["called_fake"]["value"] == 0.0
    assert rows["d0"]["n_videos"] == 6


def test_videos_that_could_not_be_measured_are_counted_and_left_out() -> None:
    videos = perfect()
    lost = is_authentic(videos) & (videos["source"] == 0)
    videos.loc[lost, ["log_odds", "probability"]] = np.nan
    videos.loc[lost, "verdict"] = "unknown"
    figures = all_figures(videos)
    assert figures["n_unknown"] == lost.sum()
    assert figures["real_fakes"]["n_real"] == 30
    assert figures["real_fakes"]["auc_pooled"]["value"] == 1.0
    json.dumps(figures, allow_nan=False)


def test_ablation_tells_by_how_much_a_variant_is_worse() -> None:
    blind = videos_of(0.0)
    rows = ablation({"full recipe": perfect(), "blind": blind})
    assert [row["variant"] for row in rows] == ["full recipe", "blind"]
    assert rows[0]["change"]["value"] == 0.0
    assert rows[1]["change"]["value"] == -0.5
    assert rows[1]["auc_pseudo_fakes"]["value"] == 0.5


def test_a_variant_without_what_there_is_not_does_not_apply() -> None:
    table = corpus(2)
    assert applies(Variant(), table)
    assert not applies(Variant(network=False), table)
    assert not applies(Variant(classifier="networks"), table)
    assert not applies(Variant(classifier="stacking", members=("svm", "networks")), table)
    assert applies(Variant(classifier="linear"), table)
    assert applies(Variant(network=False), table.assign(cnn__net_0000__mean=0.0))
    assert not applies(Variant(real_fakes=False), table[~is_pseudo_fake(table)])
