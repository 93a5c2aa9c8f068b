"""What a new manifest holds, in words and counts, and what its user should know before trusting it.

Plain text: the same on a terminal, in a file and in a log.
"""

from collections.abc import Iterable, Sequence

import pandas as pd

from featurize.datasets.listing import Listing

N_NAMES = 5
"""Names printed of each kind; the listing holds all."""

LARGE_GROUP = 0.5
"""Share of the videos from which on one group leaves too little to hold out beside it."""


def summarise(manifest: pd.DataFrame, listing: Listing) -> str:
    """Describe a manifest and the data set that was listed for it.

    Parameters
    ----------
    manifest : pandas.DataFrame
        As made by :func:`~.manifest_file.make_manifest`.
    listing : Listing
        The data set, for its missing and surplus files.

    Returns
    -------
    str
        Counts by label and split, a table of compression by method for each data set, missing and
        surplus files, and remarks; several lines.
    """
    parts = [
        f"{len(manifest)} videos of {', '.join(manifest['dataset'].unique())} in "
        f"{manifest['group'].nunique()} groups of people and sources",
        f"label: {_counts(manifest['label'])}",
        f"split: {_counts(manifest['split'])}",
        "",
        *(f"{table}\n" for table in _tables(manifest)),
        *_names("missing (named by the data set, not there)", listing.missing),
        *_names("surplus (there, and of no name that was published)", listing.surplus),
        *(f"note: {remark}" for remark in (*listing.remarks, *cautions(manifest))),
    ]
    return "\n".join(parts)


def cautions(manifest: pd.DataFrame) -> list[str]:
    """Say what in a manifest makes figures misleading, one sentence each.

    Parameters
    ----------
    manifest : pandas.DataFrame
        With the columns ``label``, ``group``, ``dataset``, ``compression`` and ``split``.

    Returns
    -------
    list of str
        Empty when there is nothing to say.
    """
    return [
        *_one_label_only(manifest),
        *_label_told_by_compression(manifest),
        *_one_large_group(manifest),
        *_groups_across_splits(manifest),
    ]


def _one_label_only(manifest: pd.DataFrame) -> list[str]:
    labels = manifest["label"].unique()
    if len(labels) > 1:
        return []
    return [f"All videos are {labels[0] or 'without a label'}: nothing can be trained on them."]


def _label_told_by_compression(manifest: pd.DataFrame) -> list[str]:
    """Levels at which only one label occurs, where some level has both labels or another one."""
    if manifest["label"].nunique() < 2:
        return []
    labels = manifest.groupby("compression")["label"].agg(["nunique", "first"])
    told = labels[(labels["nunique"] == 1) & (labels.index != "")]
    return [
        f"At {_listed(rows.index)} there are only {label} videos, so the compression tells the "
        "label: leave them out, or add the other label at the same level."
        for label, rows in told.groupby("first")
    ]


def _one_large_group(manifest: pd.DataFrame) -> list[str]:
    counts = manifest["group"].value_counts()
    share = counts.iloc[0] / len(manifest)
    if share <= LARGE_GROUP or len(manifest) == 1:
        return []
    name = counts.index[0]
    spanned = manifest["dataset"][manifest["group"] == name].unique()
    advice = (
        "a fairer test is of what was trained on other data sets"
        if len(spanned) == 1
        else f"videos of {_listed(spanned)} are joined in it, so none of these can be held out"
    )
    return [
        f"One group ({name}) holds {share:.0%} of the videos, for people were swapped with one "
        f"another until all were joined; holding out groups leaves little beside it, and {advice}."
    ]


def _groups_across_splits(manifest: pd.DataFrame) -> list[str]:
    known = manifest[manifest["split"] != ""]
    splits = known.groupby("group")["split"].unique()
    across = splits[splits.map(len) > 1]
    if across.empty:
        return []
    return [
        f"Groups with videos in several official splits: {len(across)} ({_listed(across.index)}); "
        "as published, the same person or source is on both sides."
    ]


def _counts(values: pd.Series) -> str:
    counts = values.replace("", "none").value_counts()
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _tables(manifest: pd.DataFrame) -> list[str]:
    """Compression by method, one table per data set, since each has its own."""
    method = manifest["method"].where(manifest["method"] != "", "(none)")
    method = method.where(manifest["label"] != "real", "(authentic)")
    compression = manifest["compression"].replace("", "-")
    return [
        pd.crosstab(compression[rows], method[rows])
        .rename_axis(index=dataset, columns=None)
        .to_string()
        for dataset, rows in manifest.groupby("dataset", sort=False).groups.items()
    ]


def _names(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = [f"  and {len(names) - N_NAMES} more"] if len(names) > N_NAMES else []
    return [f"{what}: {len(names)}", *(f"  {name}" for name in names[:N_NAMES]), *more]


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = [f"{len(names) - N_NAMES} more"] if len(names) > N_NAMES else []
    return ", ".join([*names[:N_NAMES], *more])
