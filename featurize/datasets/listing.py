"""What a published data set holds: its videos as its own names and lists describe them."""

from dataclasses import dataclass

SPLITS = ("train", "val", "test")

SPLIT_NAMED = {**{split: split for split in SPLITS}, "valid": "val", "validation": "val"}
"""Split by the name of a folder or a field, in lower case."""


@dataclass(frozen=True)
class ListedVideo:
    """One video of a published data set.

    Parameters
    ----------
    path : str
        Where it lies, relative to the root of the data set, with forward slashes.
    label : str
        ``real`` or ``fake``.
    identities : frozenset of str
        The people and sources shown or made from, each with the prefix of its data set, such as
        ``ffpp/000``. Two videos that share one belong to one group.
    method : str
        Published name of the manipulation; empty for an authentic video.
    compression : str
        Published name of the quality level, such as ``c23``; empty where there are no levels.
    split : str
        ``train``, ``val`` or ``test``; empty where the data set has no official split.
    """

    path: str
    label: str
    identities: frozenset[str]
    method: str = ""
    compression: str = ""
    split: str = ""


@dataclass(frozen=True)
class Listing:
    """A published data set as it lies on the disk.

    Parameters
    ----------
    dataset : str
        Its published name.
    videos : tuple of ListedVideo
        Sorted by path.
    missing : tuple of str
        Files that the data set's own lists or conventions name and that are not there.
    surplus : tuple of str
        Videos that are there and fit no convention; they are not in the manifest.
    remarks : tuple of str
        What the user should know, one sentence each.
    has_official_split : bool
        Whether the authors of the data set published the splits of its videos.
    """

    dataset: str
    videos: tuple[ListedVideo, ...]
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    has_official_split: bool = False
