"""Whether ``group`` and ``split`` keep training and test apart, and who is in neither."""

import numpy as np
from scipy.stats import fisher_exact

from models.audit.finding import Finding
from models.splitters import official_sides
from models.table.feature_file import named
from models.table.training_table import TrainingTable

# Chance of so unequal a loss where classes are hit alike.
_RARE = 0.001


def split_shares_groups(table: TrainingTable) -> Finding:
    """Return the share of official test videos whose group has videos of the official train too.

    Groups that test shares with val are counted in the sentence, and are no reason to warn.
    """
    about = ("split_shares_groups", "Does the official split share people or sources?")
    unit = "share of test videos"
    side = official_sides(table)
    of_test, of_train, of_val = (table.groups[side == name] for name in ("test", "train", "val"))
    if not len(of_test) or not len(of_train):
        reason = "the column split does not name videos of both train and test."
        return Finding.unknown(*about, unit, reason)
    n_shared = int(np.isin(of_test, of_train).sum())
    advice = []
    if n_shared:
        summary = (
            f"Of {len(of_test)} videos of the official test split, {_share(n_shared)} a group with "
            f"its train ({named(np.intersect1d(of_test, of_train))})."
        )
        advice.append(
            "`--hold-out split` does not train on such groups; figures computed elsewhere with the "
            "same split do, and are partly about people or sources seen in training. Say so where "
            "the two are compared."
        )
    else:
        summary = "No group of the official test split occurs in its train."
    n_shared_with_val = int(np.isin(of_test, of_val).sum())
    if n_shared_with_val:
        advice.append(
            f"Of {len(of_test)} test videos, {_share(n_shared_with_val)} a group with val: what "
            "was chosen on val was chosen on these people or sources too."
        )
    value = n_shared / len(of_test)
    return Finding.counted(*about, unit, value, n_shared > 0, summary, " ".join(advice))


def _share(n_videos: int) -> str:
    return f"{n_videos} {'shares' if n_videos == 1 else 'share'}"


def no_groups(table: TrainingTable) -> Finding:
    """Return the share of videos that stand for themselves, as the column ``group`` is empty."""
    about = ("no_groups", "Is it known which videos share a person or a source?")
    n_videos = len(table.group_given)
    n_alone = int((~table.group_given).sum())
    advice = ""
    if n_alone:
        summary = (
            f"Of {n_videos} videos, {n_alone} have no group and count as a group of their own: "
            "if some show the same person or stem from the same video, that person is trained on "
            "and tested, and every figure is too good."
        )
        advice = "Fill in the column group."
    else:
        summary = "Every video has a group."
    unit = "share of videos"
    return Finding.counted(*about, unit, n_alone / n_videos, n_alone > 0, summary, advice)


def left_out_tells_label(table: TrainingTable) -> Finding:
    """Return the share of videos too little measured to be scored, and whether one class is hit.

    Figures speak of the others alone: where it is mostly fakes that cannot be measured, they tell
    little of the fakes there are. Tested by Fisher's exact test.
    """
    about = ("left_out_tells_label", "Is one class measured less often than the other?")
    real, fake = table.n_left_out
    n_real, n_fake = (int((table.is_fake == label).sum()) for label in (0, 1))
    value = (real + fake) / (real + fake + n_real + n_fake)
    summary = (
        f"Too little could be measured in {real} of {real + n_real} real and {fake} of "
        f"{fake + n_fake} fake videos, which are left out."
    )
    chance = fisher_exact([[real, n_real], [fake, n_fake]]).pvalue
    is_warning = chance < _RARE
    advice = ""
    if is_warning:
        advice = (
            "The figures are of those that could be measured, and one class is hit more: find out "
            "why before you quote them."
        )
    return Finding.counted(*about, "share of videos", value, is_warning, summary, advice)
