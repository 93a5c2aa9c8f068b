"""What is left to cross-validate with when people were swapped with one another over and over."""

from collections import Counter
from collections.abc import Sequence

from featurize.datasets.grouping import group_names
from featurize.datasets.listing import ListedVideo

FEW_GROUPS = 20
"""Groups with fakes up to which folds that share nobody are few and unequal."""


def remark_on_groups(videos: Sequence[ListedVideo]) -> str:
    """One sentence on how far swaps join the people of a data set into few groups.

    Parameters
    ----------
    videos : sequence of ListedVideo
        At least one.

    Returns
    -------
    str
        Number of groups, of those that hold fakes, and the share of the largest; where few hold
        fakes, what follows from it.
    """
    names = group_names(video.identities for video in videos)
    with_fakes = {name for name, video in zip(names, videos, strict=True) if video.label == "fake"}
    largest = max(Counter(names).values())
    counts = (
        f"Joined by target and source, the {len(videos)} videos are {len(set(names))} groups; "
        f"fakes are in {len(with_fakes)} of them, and the largest holds {largest} videos "
        f"({largest / len(videos):.0%})"
    )
    if len(with_fakes) > FEW_GROUPS:
        return f"{counts}."
    return (
        f"{counts}, so folds that share nobody are few and unequal: test on this data set what was "
        "trained on others."
    )
