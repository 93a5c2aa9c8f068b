"""Whether the columns ``group`` and ``split`` keep training and test apart."""

import numpy as np

from models.audit.finding import Finding
from models.feature_file import named
from models.training_table import TrainingTable

_TESTED = "test"


def split_shares_groups(table: TrainingTable) -> Finding:
    """Return the share of officially tested videos whose group also has videos not tested."""
    about = ("split_shares_groups", "Does the official split share people or sources?")
    unit = "share of test videos"
    split = table.meta["split"].to_numpy(dtype=str)
    tested = split == _TESTED
    seen = ~tested & (split != "")
    if not tested.any() or not seen.any():
        reason = "the column split does not name videos of both train and test."
        return Finding.unknown(*about, unit, reason)
    shared = np.intersect1d(table.groups[tested], table.groups[seen])
    n_shared = int(np.isin(table.groups[tested], shared).sum())
    if n_shared:
        sentence = (
            f"Of {tested.sum()} videos of the official test split, {n_shared} share a group with "
            f"the rest of the split ({named(shared)}): a figure on that split is partly about "
            "people or sources seen in training. Hold out groups as well, and say so beside the "
            "figure."
        )
    else:
        sentence = "No group of the official test split occurs in the rest of the split."
    value = n_shared / int(tested.sum())
    return Finding.counted(*about, unit, value, n_shared > 0, sentence)


def no_groups(table: TrainingTable) -> Finding:
    """Return the share of videos that stand for themselves, as the column ``group`` is empty."""
    about = ("no_groups", "Is it known which videos share a person or a source?")
    paths = table.meta["path"].to_numpy(dtype=str)
    alone = table.groups == paths
    n_alone = int(alone.sum())
    if n_alone:
        sentence = (
            f"Of {len(paths)} videos, {n_alone} have no group and count as a group of their own: "
            "if some show the same person or stem from the same video, that person is trained on "
            "and tested, and every figure is too good. Fill in the column group."
        )
    else:
        sentence = "Every video has a group."
    return Finding.counted(*about, "share of videos", n_alone / len(paths), n_alone > 0, sentence)
