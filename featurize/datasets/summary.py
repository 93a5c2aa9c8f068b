"""What a new manifest holds, in words and counts, and what its user should know before trusting it.

Plain text: the same on a terminal, in a file and in a log.
"""

from collections.abc import Sequence

import pandas as pd

from featurize.datasets.listing import Listing
from featurize.datasets.wording import N_NAMES, counted, first_names

LARGE_GROUP = 0.5
"""Share of the videos above which one group leaves little to hold out beside it."""

FEW_GROUPS = 20
"""Groups with fakes up to which figures are said to rest on few."""


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
        f"{counted(len(manifest), 'video')} of {', '.join(manifest['dataset'].unique())} in "
        f"{counted(manifest['group'].nunique(), 'group')} of people and sources",
        f"label: {_counts(manifest['label'])}",
        f"split: {_counts(manifest['split'])}",
        "",
        *(f"{table}\n" for table in _tables(manifest)),
        *_names("missing (named by the data set, not there)", listing.missing),
        *_names("surplus (there, and of no name that was published)", listing.surplus),
        *(f"note: {remark}" for remark in (*listing.remarks, *cautions(manifest, listing))),
    ]
    return "\n".join(parts)


def cautions(manifest: pd.DataFrame, listing: Listing) -> list[str]:
    """Say what in a manifest makes figures misleading, one sentence each.

    Parameters
    ----------
    manifest : pandas.DataFrame
        With the columns ``label``, ``group``, ``dataset``, ``compression`` and ``split``.
    listing : Listing
        The data set it was made for, to know whether its splits are the official ones.

    Returns
    -------
    list of str
        Empty when there is nothing to say.
    """
    return [
        *_one_label_only(manifest),
        *_label_told_by_compression(manifest),
        *_few_groups(manifest),
        *_groups_across_splits(manifest, listing),
    ]


def _one_label_only(manifest: pd.DataFrame) -> list[str]:
    labels = manifest["label"].unique()
    if len(labels) > 1:
        return []
    return [f"All videos are {labels[0] or 'without a label'}: nothing can be trained on them."]


def _label_told_by_compression(manifest: pd.DataFrame) -> list[str]:
    """Levels at which only one label occurs; to have none is a level beside others."""
    known = manifest[manifest["label"] != ""]
    if known["label"].nunique() < 2:
        return []
    levels = known["compression"].replace("", "no level")
    labels = known["label"].groupby(levels).agg(["nunique", "first"])
    told = labels[labels["nunique"] == 1]
    return [
        f"At {first_names(rows.index)} there are only {label} videos, so the compression tells the "
        "label: leave them out, or add the other label at the same level."
        for label, rows in told.groupby("first")
    ]


def _few_groups(manifest: pd.DataFrame) -> list[str]:
    """How far swaps or a shared source join the videos, and what follows from it."""
    counts = manifest["group"].value_counts()
    with_fakes = manifest["group"][manifest["label"] == "fake"].nunique()
    share = counts.iloc[0] / len(manifest)
    if with_fakes == 0 or (with_fakes > FEW_GROUPS and share <= LARGE_GROUP):
        return []
    name = min(counts.index[counts == counts.iloc[0]])
    consequences = [
        *(["folds that share nobody are unequal"] if share > LARGE_GROUP else []),
        *(["figures on fakes rest on few groups"] if with_fakes <= FEW_GROUPS else []),
    ]
    spanned = sorted(manifest["dataset"][manifest["group"] == name].unique())
    joined = f", joining {first_names(spanned)}" if len(spanned) > 1 else ""
    return [
        f"Groups with fakes: {with_fakes} of {len(counts)}, and the largest ({name}) holds "
        f"{share:.0%} of the videos{joined}; so {' and '.join(consequences)}."
    ]


def _groups_across_splits(manifest: pd.DataFrame, listing: Listing) -> list[str]:
    known = manifest[manifest["split"] != ""]
    splits = known.groupby("group")["split"].unique()
    across = splits[splits.map(len) > 1]
    if across.empty:
        return []
    datasets = set(known["dataset"][known["group"].isin(across.index)])
    is_published = listing.has_official_split and datasets == {listing.dataset}
    return [
        f"Groups with videos in several {'official ' if is_published else ''}splits: {len(across)} "
        f"({first_names(across.index)}); the same person or source is on both sides"
        f"{', as published' if is_published else ''}."
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
