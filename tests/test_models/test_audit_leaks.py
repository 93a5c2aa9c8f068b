import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from models.splitters import split_by_official_split
from models.table.feature_table import read_training_table
from tests.test_models.audit_tables import (
    copies_of,
    fake_of,
    features_of,
    finding,
    honest_table,
    stamped,
)
from tests.test_models.conftest import SIGNAL


@pytest.fixture(autouse=True)
def no_warning_of_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_a_planted_copy_of_the_label_is_named():
    table = honest_table()
    rng = np.random.default_rng(0)
    table["lips__closure__mean"] = -3.0 * fake_of(table) + 0.2 * rng.normal(size=len(table))
    found = finding(table, "feature_copies_label")
    assert found.is_warning
    assert found.value == 1.0
    assert "'lips__closure__mean'" in found.sentence
    assert SIGNAL not in found.sentence


def test_a_feature_that_is_missing_in_every_real_video_is_named():
    table = honest_table()
    table["noise__n07__std"] = np.arange(80) ** 2 % 83
    table.loc[table["label"] == "real", "noise__n07__std"] = np.nan
    found = finding(table, "feature_copies_label")
    assert found.is_warning
    assert "'noise__n07__std (whether it is missing)'" in found.sentence


@pytest.mark.parametrize("share_known", [0.85, 0.5])
def test_a_copy_of_the_label_that_some_videos_lack_is_named(share_known):
    table = honest_table()
    rng = np.random.default_rng(0)
    table["voice__pitch__mean"] = fake_of(table) + 0.01 * rng.normal(size=len(table))
    table.loc[rng.random(len(table)) > share_known, "voice__pitch__mean"] = np.nan
    found = finding(table, "feature_copies_label")
    assert found.is_warning
    assert found.value == 1.0
    assert "'voice__pitch__mean'" in found.sentence


def test_a_copy_of_the_label_with_few_flipped_is_named():
    """The AUC of a column of two values is the mean of the shares it has right: 59 / 60 of each."""
    table = honest_table(n_groups=60)
    table["label"] = np.array(["real", "fake"])[np.arange(120) % 2]
    table["voice__pitch__mean"] = fake_of(table).astype(float)
    table.loc[[0, 1], "voice__pitch__mean"] = [1.0, 0.0]
    found = finding(table, "feature_copies_label")
    assert found.is_warning
    assert found.value == pytest.approx(59 / 60)
    assert "'voice__pitch__mean'" in found.sentence


def test_a_column_of_noise_that_few_videos_have_is_no_copy():
    """Twelve values in order, as 1 in 900 columns of noise has them, beside a good feature."""
    table = honest_table()
    rng = np.random.default_rng(0)
    table["lips__closure__mean"] = 1.5 * fake_of(table) + rng.normal(size=len(table))
    chosen = [*table.index[fake_of(table) == 1][:6], *table.index[fake_of(table) == 0][:6]]
    table.loc[chosen, "voice__pitch__mean"] = [*range(6), *range(10, 16)]
    found = finding(table, "feature_copies_label")
    assert not found.is_warning
    assert "'lips__closure__mean'" in found.sentence
    assert found.value < 0.95


def test_columns_that_too_few_groups_have_are_not_asked():
    """Of a column that one real video has, only whether it is missing: 30 of noise and that."""
    table = honest_table(n_noise=30).fillna(0.0)
    reals = table.index[fake_of(table) == 0]
    table.loc[reals[1:], SIGNAL] = np.nan
    found = finding(table, "feature_copies_label")
    assert "Of 31 columns" in found.sentence
    assert f"'{SIGNAL} (whether it is missing)'" in found.sentence
    assert f"'{SIGNAL}'" not in found.sentence


def test_a_copy_of_the_label_in_fewer_than_five_groups_is_not_known_to_be_one():
    table = honest_table(n_groups=60, per_group=1).fillna(0.0)
    table = table.drop(columns=features_of(table))
    fakes = table.index[fake_of(table) == 1]
    table = table.drop(index=fakes[4:])
    table["voice__pitch__mean"] = 1.0 * fake_of(table)
    found = finding(table, "feature_copies_label")
    assert found.value == 1.0
    assert not found.is_warning
    assert "is not known" in found.sentence


def test_a_person_with_many_fakes_counts_once():
    """Of twelve people with fakes one is told, the others not: AUC (1 + 11 / 2) / 12 = 0.54."""
    table = honest_table(n_groups=32, per_group=1)
    table["label"] = np.where(np.arange(32) < 12, "fake", "real")
    crowd = pd.concat([table.iloc[[0]].assign(path=f"{i}.mp4") for i in range(400)])
    table = pd.concat([table, crowd]).drop(columns=features_of(table)[1:])
    is_crowd = (table["group"] == table["group"].iloc[0]).to_numpy()
    noise = np.random.default_rng(0).random(len(table))
    table[SIGNAL] = np.where(is_crowd, 2.0, noise)
    found = finding(table, "feature_copies_label")
    assert found.value == pytest.approx(0.54, abs=0.15)


def test_a_good_feature_is_not_a_copy():
    """Two deviations apart: AUC Phi(2 / sqrt 2) = 0.92."""
    table = honest_table(n_groups=200)
    rng = np.random.default_rng(0)
    table["lips__closure__mean"] = 2.0 * fake_of(table) + rng.normal(size=len(table))
    found = finding(table, "feature_copies_label")
    assert not found.is_warning
    assert found.value == pytest.approx(0.92, abs=0.03)
    assert "lips__closure__mean" in found.sentence


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_groups", [10, 30])
def test_the_best_of_a_thousand_columns_of_noise_is_no_copy(n_groups, seed):
    rng = np.random.default_rng(seed)
    table = honest_table(seed, n_groups, 1).drop(columns=[SIGNAL])
    noise = rng.normal(size=(len(table), 1000))
    names = [f"static__c{i}__mean" for i in range(1000)]
    table = pd.concat([table, pd.DataFrame(noise, columns=names)], axis=1)
    found = finding(table, "feature_copies_label")
    assert not found.is_warning
    if n_groups == 10:
        assert found.value > 0.95
        assert found.chance == 1.0


def test_chance_is_what_the_best_column_of_noise_exceeds_once_in_twenty_tables():
    n_real, n_fake, n_columns, n_tables = 24, 16, 100, 2000
    rng = np.random.default_rng(0)
    fake = np.arange(n_real + n_fake) >= n_real
    best = np.empty(n_tables)
    for i in range(n_tables):
        ranks = rankdata(rng.normal(size=(n_columns, len(fake))), axis=1)
        above = ranks[:, fake].sum(axis=1) - n_fake * (n_fake + 1) / 2
        best[i] = 0.5 + np.abs(above / (n_real * n_fake) - 0.5).max()
    table = honest_table(n_groups=len(fake), per_group=1).drop(columns=[SIGNAL])
    table = table.drop(columns=features_of(table)).assign(
        label=np.where(fake, "fake", "real"), group=table["path"] + "_person"
    )
    names = [f"static__c{i}__mean" for i in range(n_columns)]
    values = pd.DataFrame(rng.normal(size=(len(table), n_columns)), columns=names)
    found = finding(pd.concat([table, values], axis=1), "feature_copies_label")
    assert found.chance == pytest.approx(np.quantile(best, 0.95), abs=0.015)


@pytest.mark.parametrize(
    ("name", "is_telling"),
    [
        ("is_fake__mean", True),
        ("meta__label", True),
        ("Target__Class", True),
        ("swap__method__code", True),
        ("eyes__realignment__mean", False),
        ("voice__subclassing__std", False),
        ("head__grouping__rate", False),
    ],
)
def test_a_feature_named_like_a_label_is_named(name, is_telling):
    table = honest_table()
    table[name] = np.random.default_rng(0).normal(size=len(table))
    found = finding(table, "name_says_label")
    assert found.is_warning == is_telling
    assert found.value == int(is_telling)
    assert (name in found.sentence) == is_telling


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_copies_in_other_groups_are_caught(noise):
    table = honest_table()
    found = finding(pd.concat([table, copies_of(table, noise)]), "twins_across_groups")
    assert found.is_warning
    assert found.value > 0.95
    assert "again_clip_" in found.sentence


def test_one_copy_among_many_videos_is_named():
    table = honest_table(n_noise=60)
    copy = copies_of(table.iloc[[17]], 0.0)
    found = finding(pd.concat([table, copy]), "twins_across_groups")
    assert found.is_warning
    assert found.value == 2 / 81
    assert "('again_clip_017.mp4 ~ clip_017.mp4')" in found.sentence


def test_of_many_copies_one_is_shown_and_the_others_counted():
    """The sentence stands in a box on a phone, and paths are long."""
    table = honest_table(n_noise=60)
    found = finding(pd.concat([table, copies_of(table.iloc[:9], 0.0)]), "twins_across_groups")
    assert found.sentence.count("~") == 1
    assert "and 8 more" in found.sentence


def test_groups_unique_by_video_though_each_is_there_three_times_are_caught():
    table = honest_table(per_group=1)
    versions = [
        copies_of(table, 0.05, seed).assign(path=f"{seed}_" + table["path"]) for seed in range(3)
    ]
    joined = pd.concat(versions, ignore_index=True)
    joined["group"] = [f"group_{i}" for i in range(len(joined))]
    found = finding(joined, "twins_across_groups")
    assert found.is_warning
    assert found.value > 0.95
    assert finding(joined, "no_groups").value == 0.0


def test_copies_inside_a_group_are_no_leak():
    table = honest_table()
    again = copies_of(table, 0.01).assign(group=table["group"])
    assert not finding(pd.concat([table, again]), "twins_across_groups").is_warning


@pytest.mark.parametrize("n_noise", [3, 30, 300])
@pytest.mark.parametrize("group_offset", [0.0, 1.0, 10.0])
def test_honest_groups_are_no_twins_however_strongly_features_tell_the_person(
    n_noise, group_offset
):
    for seed in range(3):
        table = honest_table(seed, 40, 3, n_noise, group_offset)
        assert not finding(table, "twins_across_groups").is_warning


@pytest.mark.parametrize("n_sources", [2, 6, 20])
def test_what_a_source_stamps_on_its_videos_makes_no_twins_but_a_copy_still_is_one(n_sources):
    table = stamped(honest_table(n_groups=60, n_noise=60, group_offset=0.5), n_sources, 10.0)
    assert not finding(table, "twins_across_groups").is_warning
    found = finding(pd.concat([table, copies_of(table.iloc[:4], 0.01)]), "twins_across_groups")
    assert found.value == 8 / 124


def test_twins_do_not_depend_on_units():
    table = pd.concat([honest_table(), copies_of(honest_table().iloc[:9], 0.05)])
    other_units = table.copy()
    for i, name in enumerate(features_of(table)):
        other_units[name] = (-1) ** i * 10.0 ** (i % 7 - 3) * table[name] + i
    told = [finding(given, "twins_across_groups").value for given in (table, other_units)]
    assert told[0] == told[1] == 18 / 89


def test_counts_that_many_videos_share_make_no_twins():
    table = honest_table(n_noise=6)
    rng = np.random.default_rng(0)
    for i in range(60):
        table[f"count__c{i}__n"] = (rng.random(len(table)) < 0.05).astype(float)
    assert not finding(table, "twins_across_groups").is_warning


def test_too_few_features_to_know_a_copy_by_are_said_so():
    table = honest_table(n_noise=1)
    found = finding(pd.concat([table, copies_of(table, 0.0)]), "twins_across_groups")
    assert np.isnan(found.value)
    assert not found.is_warning
    assert "too few features" in found.sentence


def test_groups_on_both_sides_of_the_official_split_are_named():
    table = honest_table()
    tested = table["split"] == "test"
    assert finding(table, "split_shares_groups").value == 0.0
    table.loc[table.index[tested][0], "split"] = "train"
    found = finding(table, "split_shares_groups")
    person = table["group"][tested].iloc[0]
    assert found.is_warning
    assert found.value == 1 / (tested.sum() - 1)
    assert f"({person!r})" in found.sentence


@pytest.mark.parametrize("spelling", [str.upper, str.title, lambda name: f"{name}ing"])
def test_the_official_split_is_understood_as_the_hold_out_understands_it(spelling):
    table = honest_table()
    first = table.index[table["split"] == "test"][0]
    table.loc[first, "split"] = "train"
    sides = table["split"].isin(["train", "test"])
    plain = finding(table, "split_shares_groups")
    table.loc[sides, "split"] = table.loc[sides, "split"].map(spelling)
    assert finding(table, "split_shares_groups") == plain
    assert plain.is_warning
    split = next(split_by_official_split(read_training_table(table)))
    assert len(split.test) == (honest_table()["split"] == "test").sum() - 1


def test_what_the_hold_out_trains_on_is_told_from_what_others_do():
    table = honest_table()
    table.loc[table.index[table["split"] == "test"][0], "split"] = "train"
    data = read_training_table(table)
    split = next(split_by_official_split(data))
    assert not np.intersect1d(data.groups[split.train], data.groups[split.test]).size
    sentence = finding(table, "split_shares_groups").sentence
    assert "`--hold-out split` does not train on" in sentence
    assert "figures computed elsewhere" in sentence


@pytest.mark.parametrize("val", ["val", "Valid", "VALIDATION"])
def test_groups_of_test_and_val_are_told_apart_from_those_of_train(val):
    table = honest_table()
    tested = table["split"] == "test"
    table.loc[table.index[tested][0], "split"] = val
    found = finding(table, "split_shares_groups")
    assert found.value == 0.0
    assert not found.is_warning
    assert f"Of {tested.sum() - 1} test videos, 1 shares a group with val" in found.sentence


@pytest.mark.parametrize("absent", ["train", "test"])
def test_half_a_split_is_none(absent):
    table = honest_table()
    table.loc[table["split"] == absent, "split"] = "val"
    assert np.isnan(finding(table, "split_shares_groups").value)


def test_a_video_of_no_split_shares_no_group_with_the_test():
    table = honest_table()
    tested = table["split"] == "test"
    table.loc[table.index[tested][0], "split"] = ""
    found = finding(table, "split_shares_groups")
    assert found.value == 0.0
    assert "val" not in found.sentence


def test_groups_filled_in_with_the_path_are_groups():
    table = honest_table(per_group=1)
    table["group"] = table["path"]
    table.loc[:2, "group"] = ""
    assert finding(table, "no_groups").value == 3 / 40
    table["group"] = table["path"]
    assert not finding(table, "no_groups").is_warning


def test_videos_without_a_group_are_counted():
    table = honest_table()
    table.loc[:11, "group"] = ""
    found = finding(table, "no_groups")
    assert found.is_warning
    assert found.value == 12 / 80
    assert "Of 80 videos, 12 have no group" in found.sentence


def test_names_with_full_stops_stand_whole_in_the_summary():
    table = honest_table()
    people = {name: f"J. Smith no. {i}" for i, name in enumerate(sorted(set(table["group"])))}
    table["group"] = table["group"].map(people)
    table["split"] = np.resize(["train", "test"], len(table))
    found = finding(table, "split_shares_groups")
    assert found.is_warning
    assert "a group with its train ('J. Smith no. 0', 'J. Smith no. 1', " in found.summary
    assert found.summary.endswith(" more).")
    assert found.advice.startswith("`--hold-out split`")
    assert found.sentence == f"{found.summary} {found.advice}"
