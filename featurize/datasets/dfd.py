"""DFD, Google's Deep Fake Detection set (2019), which is part of the tree of FaceForensics++."""

import re
from collections import defaultdict
from pathlib import Path

from featurize.datasets.ffpp import FOLDERS, LEVELS
from featurize.datasets.files import check_layout
from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.tree import videos_below
from featurize.errors import ManifestError

METHOD = "DeepFakeDetection"
"""Published name; Google did not say which ways of swapping were used."""

N_ORIGINALS, N_FAKES = 363, 3068

_ORIGINAL = re.compile(
    rf"(?P<folder>original_sequences/actors/(?P<level>{'|'.join(LEVELS)})/videos)"
    r"/(?P<target>\d\d)__\w+\.mp4",
    re.ASCII,
)
_FAKE = re.compile(
    rf"(?P<folder>manipulated_sequences/DeepFakeDetection/(?P<level>{'|'.join(LEVELS)})/videos)"
    r"/(?P<target>\d\d)_(?P<source>(?!(?P=target))\d\d)__\w+__[A-Z0-9]{8}\.mp4",
    re.ASCII,
)
_DFD = re.compile(
    r"(?:original_sequences/actors|manipulated_sequences/DeepFakeDetection)/(?!masks/|.*/images/).*"
)


def list_dfd(root: Path) -> Listing:
    """List DFD: actors before authentic and swapped scenes, at up to three compression levels.

    Whatever else lies in the tree is FaceForensics++ and is left to :func:`~.ffpp.list_ffpp`.

    Parameters
    ----------
    root : Path
        The folder that holds ``original_sequences`` and ``manipulated_sequences``.

    Returns
    -------
    Listing
        ``missing`` are scenes that are there at another compression level. DFD has no official
        split.

    Raises
    ------
    ManifestError
        When the folder is not there or is laid out otherwise.
    """
    paths = videos_below(root)
    check_layout(root, paths, FOLDERS)
    videos, surplus = [], []
    found = defaultdict(set)
    for path in filter(_DFD.fullmatch, paths):
        match = _ORIGINAL.fullmatch(path) or _FAKE.fullmatch(path)
        if match:
            found[match["folder"]].add(path.rpartition("/")[2])
            videos.append(_listed(path, match.groupdict()))
        else:
            surplus.append(path)
    if not videos:
        raise ManifestError(
            f"{root} holds no video named as in DFD: expected is "
            "original_sequences/actors/c23/videos/01__exit_phone_room.mp4 or manipulated_sequences/"
            "DeepFakeDetection/c23/videos/01_02__exit_phone_room__YVGY8LOK.mp4 below it."
        )
    return Listing(
        dataset="DFD",
        videos=tuple(videos),
        missing=_missing(found),
        surplus=tuple(surplus),
        remarks=tuple(_incomplete(found)),
    )


def _listed(path: str, named: dict[str, str | None]) -> ListedVideo:
    actors = [actor for actor in (named["target"], named.get("source")) if actor]
    is_fake = "source" in named
    return ListedVideo(
        path=path,
        label="fake" if is_fake else "real",
        identities=frozenset(f"dfd/actor_{actor}" for actor in actors),
        method=METHOD if is_fake else "",
        compression=LEVELS[named["level"]],
    )


def _missing(found: dict[str, set[str]]) -> tuple[str, ...]:
    scenes = defaultdict(set)
    for folder, names in found.items():
        scenes[folder.partition("/")[0]] |= names
    return tuple(
        sorted(
            f"{folder}/{name}"
            for folder, names in found.items()
            for name in scenes[folder.partition("/")[0]] - names
        )
    )


def _incomplete(found: dict[str, set[str]]) -> list[str]:
    return [
        f"{folder} holds {len(names)} of the {n} videos that were published."
        for folder, names in sorted(found.items())
        for n in (N_ORIGINALS if folder.startswith("original") else N_FAKES,)
        if len(names) != n
    ]
