"""Folds: sources stay whole, whatever the table; the seed alone decides."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pretraining.folds import source_folds

ROWS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 30), st.sampled_from(["real", "fake"])),
    min_size=1,
    max_size=60,
)


def manifest(rows: list[tuple[int, int, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["dataset", "group", "label"])
    return table.astype({"dataset": str, "group": str})


@settings(deadline=None, max_examples=50)
@given(ROWS, st.integers(0, 3))
def test_neither_a_data_set_nor_a_group_is_in_two_folds(rows, seed: int) -> None:
    table = manifest(rows)
    try:
        folds = source_folds(table, 2, seed)
    except ValueError:
        # All of it is one source: from any row every other can be reached.
        reached = {table["dataset"][0]}
        for _ in rows:
            groups = set(table.loc[table["dataset"].isin(reached), "group"])
            reached |= set(table.loc[table["group"].isin(groups), "dataset"])
        assert reached == set(table["dataset"])
        return
    assert folds.isin([0, 1]).all()
    for column in ("dataset", "group"):
        pairs = set(zip(table[column], folds, strict=True))
        assert len(pairs) == len(set(table[column]))
    assert folds.equals(source_folds(table, 2, seed))


def test_many_small_sources_are_dealt_evenly_by_label() -> None:
    rows = [(i, i, "real" if i % 3 else "fake") for i in range(90)]
    folds = source_folds(manifest(rows), 3)
    counts = pd.crosstab(folds, manifest(rows)["label"])
    assert (counts == [10, 20]).all(axis=None)


def test_the_index_is_the_manifests_and_the_order_of_rows_does_not_part_sources() -> None:
    table = manifest([(i // 4, i // 2, "real") for i in range(40)])
    table.index = np.arange(100, 140)
    folds = source_folds(table, 3)
    assert folds.index.equals(table.index)
    shuffled = source_folds(table.sample(frac=1, random_state=1), 3)
    assert sorted(shuffled.value_counts()) == sorted(folds.value_counts())


def test_seeds_deal_differently() -> None:
    table = manifest([(i, i, "real") for i in range(30)])
    assert not source_folds(table, 3, 0).equals(source_folds(table, 3, 1))


@pytest.mark.parametrize(("rows", "n_folds"), [([(0, 0, "real")] * 9, 2), ([(0, 0, "real")], 1)])
def test_what_cannot_be_dealt_is_refused(rows, n_folds: int) -> None:
    with pytest.raises(ValueError, match="folds"):
        source_folds(manifest(rows), n_folds)


def test_an_empty_cell_is_refused() -> None:
    table = manifest([(i, i, "real") for i in range(9)])
    table.loc[3, "group"] = None
    with pytest.raises(ValueError, match="needs a dataset, a group and a label"):
        source_folds(table, 3)
