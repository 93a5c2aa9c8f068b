import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import HoldOutError
from models.learning.group_folds import group_folds
from models.splitters import SPLITTERS, split_by_group, split_by_method
from models.table.feature_table import read_training_table
from models.table.training_table import TrainingTable
from tests.test_models.conftest import make_table

SPLITS = ("train", "val", "test", "")


def as_table(rows):
    """Rows of (is_fake, group, method, dataset, compression) and, where it matters, split."""
    is_fake = np.array([row[0] for row in rows])
    meta = pd.DataFrame(
        {
            "group": [f"g{row[1]}" for row in rows],
            "method": [f"m{row[2]}" if row[0] else "none" for row in rows],
            "dataset": [f"d{row[3]}" for row in rows],
            "compression": [f"c{row[4]}" for row in rows],
            "split": [SPLITS[row[5]] if len(row) > 5 else "" for row in rows],
        }
    )
    groups = meta["group"].to_numpy(dtype=str)
    return TrainingTable(
        np.zeros((len(rows), 1)),
        ("a__b__c",),
        np.zeros((len(rows), 0)),
        (),
        np.zeros((len(rows), 0)),
        (),
        np.zeros((len(rows), 0)),
        (),
        0,
        is_fake,
        groups,
        np.ones(len(rows), dtype=bool),
        np.arange(len(rows)),
        None,
        meta,
        (0, 0),
        (),
        "",
    )


row = st.tuples(
    st.integers(0, 1),
    st.integers(0, 9),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 3),
)


def both_classes(rows):
    return {row[0] for row in rows} == {0, 1}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(row, min_size=8, max_size=60).filter(both_classes),
    st.sampled_from(sorted(SPLITTERS)),
    st.integers(0, 3),
)
def test_no_group_is_ever_on_both_sides(rows, hold_out, seed):
    table = as_table(rows)
    fakes, method = table.is_fake == 1, table.meta["method"].to_numpy()
    tested = {}
    try:
        splits = list(SPLITTERS[hold_out](table, 4, seed))
    except HoldOutError:
        return
    for trained_on, held_out, train, test in splits:
        assert len(test)
        assert not set(table.groups[train]) & set(table.groups[test])
        tested.setdefault(trained_on, []).extend(test)
        if hold_out in ("dataset", "compression"):
            assert set(table.meta[hold_out].iloc[test]) == {held_out}
            assert held_out not in set(table.meta[hold_out].iloc[train])
        if hold_out == "method":
            assert set(method[test][fakes[test]]) <= {held_out}
            assert held_out not in set(method[train][fakes[train]])
        if hold_out == "single_method" and trained_on != "all":
            assert set(method[train][fakes[train]]) <= {trained_on}
        if hold_out == "split":
            assert set(table.meta["split"].iloc[train]) <= {"train"}
            assert set(table.meta["split"].iloc[test]) == {"test"}
    if hold_out == "split":
        assert sorted(tested["all"]) == list(np.flatnonzero(table.meta["split"] == "test"))
        return
    of_methods = set(method[fakes]) if hold_out == "single_method" else set()
    assert set(tested) == {"all", *of_methods}
    for rows_tested in tested.values():
        assert sorted(rows_tested) == list(range(len(rows)))


@settings(max_examples=200, deadline=None)
@given(st.lists(row, min_size=4, max_size=50), st.integers(2, 6), st.integers(0, 3))
def test_folds_exist_whenever_both_classes_have_two_groups(rows, n_folds, seed):
    """And each leaves both classes to train on, in groups enough to be dealt once more or not."""
    table = as_table(rows)
    n_groups = [len(np.unique(table.groups[table.is_fake == label])) for label in (0, 1)]
    if min(n_groups) < 2:
        with pytest.raises(HoldOutError):
            group_folds(table.is_fake, table.groups, n_folds, seed)
        return
    folds = group_folds(table.is_fake, table.groups, n_folds, seed)
    assert len(folds) == min(n_folds, *n_groups)
    for train, test in folds:
        assert set(table.is_fake[train]) == {0, 1}
        assert len(test)
        assert not set(table.groups[train]) & set(table.groups[test])
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(rows)))


def test_a_deal_is_found_where_balancing_by_size_finds_none():
    """Group b alone against a and c; balancing by size leaves b with one of them."""
    is_fake, groups = np.array([0, 0, 1, 1]), np.array(["a", "b", "c", "b"])
    for seed in range(5):
        folds = group_folds(is_fake, groups, 5, seed)
        assert sorted("".join(groups[test]) for _, test in folds) == ["ac", "bb"]


def test_each_video_is_tested_once_with_similar_shares_of_fakes(table):
    data = read_training_table(table)
    tests = [split.test for split in split_by_group(data, 5, 0)]
    assert sorted(np.concatenate(tests)) == list(range(data.n_videos))
    shares = [data.is_fake[test].mean() for test in tests]
    assert max(shares) - min(shares) < 0.25


def test_fewer_groups_than_folds_make_fewer_folds():
    table = as_table([(i % 2, i // 2, 0, 0, 0) for i in range(6)])
    assert len(list(split_by_group(table, 10, 0))) == 3


def test_too_few_groups_say_how_many_are_needed():
    with pytest.raises(HoldOutError, match="at least two groups"):
        list(split_by_group(as_table([(0, 0, 0, 0, 0), (1, 1, 0, 0, 0)] * 3), 5, 0))


def test_methods_that_share_all_their_people_are_still_held_out():
    """As in FaceForensics++: each person was manipulated with every method."""
    rows = [(fake, g, m, 0, 0) for g in range(12) for fake, m in ((0, 0), (1, 0), (1, 1), (1, 2))]
    table = as_table(rows)
    splits = list(split_by_method(table, 4, 0))
    assert {split.held_out for split in splits} == {"m0", "m1", "m2"}
    for split in splits:
        assert len(set(table.groups[split.train])) >= 8


def test_training_on_one_method_uses_all_reals_and_the_same_folds_for_each():
    """Twelve people, each filmed once and manipulated in three ways: as in FaceForensics++."""
    rows = [(fake, g, m, 0, 0) for g in range(12) for fake, m in ((0, 0), (1, 0), (1, 1), (1, 2))]
    table = as_table(rows)
    splits = list(SPLITTERS["single_method"](table, 4, 0))
    assert [split.trained_on for split in splits] == [
        name for name in ("m0", "m1", "m2", "all") for _ in range(4)
    ]
    for trained_on, _, train, test in splits:
        # Three people and all that was made of them are tested, nine are trained on.
        assert len(test) == 12
        assert len(train) == (36 if trained_on == "all" else 18)
    tests = {split.test.tobytes() for split in splits}
    assert len(tests) == 4


def test_the_official_split_trains_on_train_alone_and_on_no_group_of_the_test():
    names = {name: i for i, name in enumerate(SPLITS)}
    rows = [
        (fake, group, 0, 0, 0, names[split])
        for group, split in enumerate(["train", "train", "val", "test", "test", ""])
        for fake in (0, 1)
    ]
    # One video of train shows a person of the test.
    table = as_table([*rows, (1, 3, 0, 0, 0, names["train"])])
    ((trained_on, held_out, train, test),) = SPLITTERS["split"](table, 5, 0)
    assert (trained_on, held_out) == ("all", "test")
    assert list(train) == [0, 1, 2, 3]
    assert list(test) == [6, 7, 8, 9]


@pytest.mark.parametrize("absent", ["train", "test"])
def test_a_split_without_one_side_is_named(absent):
    there = SPLITS.index("test" if absent == "train" else "train")
    table = as_table([(i % 2, i // 2, 0, 0, 0, there) for i in range(8)])
    with pytest.raises(HoldOutError, match=f"No video is of the split '{absent}'"):
        list(SPLITTERS["split"](table, 5, 0))


@pytest.mark.parametrize("hold_out", ["method", "dataset", "compression"])
def test_a_column_that_is_missing_incomplete_or_constant_is_named(hold_out):
    table = make_table(n_groups=12)
    for changed in (
        table.drop(columns=hold_out),
        table.assign(**{hold_out: "x"}),
        table.assign(**{hold_out: ["x", *[None] * (len(table) - 1)]}),
    ):
        with pytest.raises(HoldOutError, match=hold_out):
            list(SPLITTERS[hold_out](read_training_table(changed), 5, 0))
