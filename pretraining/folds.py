"""Folds with sources held out: neither a data set nor a group is in two of them."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def source_folds(manifest: pd.DataFrame, n_folds: int = 3, seed: int = 0) -> pd.Series:
    """The fold of each row.

    Rows that share a data set or a group, directly or through others, are one source and stay
    together. Sources are dealt from the largest to the smallest, equal ones in an order drawn by
    the seed, each to the fold that is then the emptiest: each label counts by the share of its
    rows that the fold holds.

    Parameters
    ----------
    manifest : pandas.DataFrame
        Rows with ``dataset``, ``group`` and ``label``, none of them empty.
    n_folds : int
        How many folds, from 2.
    seed : int
        Of the order of sources that are equally large.

    Returns
    -------
    pandas.Series
        int64 from 0, named ``fold``, with the index of the manifest.

    Raises
    ------
    ValueError
        When a cell is empty, or there are fewer sources than folds.

    Examples
    --------
    >>> rows = pd.DataFrame({"dataset": ["a", "a", "b", "c"], "group": [1, 2, 2, 3]})
    >>> source_folds(rows.assign(label="real"), 2).tolist()
    [0, 0, 0, 1]
    """
    if n_folds < 2:
        raise ValueError(f"Sources are held out of 2 folds or more, not {n_folds}.")
    if manifest[["dataset", "group", "label"]].isna().to_numpy().any():
        raise ValueError("Every row needs a dataset, a group and a label.")
    source = source_numbers(manifest).to_numpy()
    shares = pd.crosstab(source, manifest["label"].to_numpy())
    shares = (shares / shares.sum()).to_numpy()
    if len(shares) < n_folds:
        raise ValueError(f"{len(shares)} sources cannot be dealt into {n_folds} folds.")
    drawn = np.random.default_rng(seed).permutation(len(shares))
    held, fold_of = np.zeros((n_folds, shares.shape[1])), np.empty(len(shares), np.int64)
    for number in drawn[np.argsort(-shares[drawn].sum(axis=1), kind="stable")]:
        fold = int(np.argmin(((held + shares[number]) ** 2 - held**2).sum(axis=1)))
        held[fold] += shares[number]
        fold_of[number] = fold
    return pd.Series(fold_of[source], index=manifest.index, name="fold")


def source_numbers(manifest: pd.DataFrame) -> pd.Series:
    """The number of each row's source: a connected part of the graph of data sets and groups.

    Parameters
    ----------
    manifest : pandas.DataFrame
        Rows with ``dataset`` and ``group``.

    Returns
    -------
    pandas.Series
        int64 from 0, named ``source``, with the index of the manifest.
    """
    dataset, datasets = pd.factorize(manifest["dataset"])
    group, groups = pd.factorize(manifest["group"])
    n_nodes = len(datasets) + len(groups)
    edges = (np.ones(len(manifest)), (dataset, len(datasets) + group))
    graph = coo_array(edges, shape=(n_nodes, n_nodes))
    numbers = connected_components(graph, directed=False)[1][dataset]
    return pd.Series(numbers.astype(np.int64), index=manifest.index, name="source")


def by_dataset(manifest: pd.DataFrame, numbers: pd.Series) -> dict[str, int]:
    """Return the number of each data set: all rows of one have the same."""
    return dict(zip(manifest["dataset"], numbers, strict=True))
