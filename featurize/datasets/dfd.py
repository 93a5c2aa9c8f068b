"""DFD, Google's Deep Fake Detection set (2019), which is part of the tree of FaceForensics++."""

import re
from pathlib import Path

from featurize.datasets.ffpp import FOLDERS
from featurize.datasets.levels import LEVELS, FoundVideos
from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.tree import check_layout
from featurize.errors import ManifestError
from featurize.video_files import videos_below

METHOD = "DeepFakeDetection"
"""Published name; Google did not say which ways of swapping were used."""

N_ORIGINALS, N_FAKES = 363, 3068

_ORIGINAL = re.compile(
    rf"original_sequences/actors/(?P<level>{'|'.join(LEVELS)})/videos"
    r"/(?P<target>[0-9]{2})__\w+\.mp4",
    re.ASCII,
)
_FAKE = re.compile(
    rf"manipulated_sequences/DeepFakeDetection/(?P<level>{'|'.join(LEVELS)})/videos"
    r"/(?P<target>[0-9]{2})_(?P<source>(?!(?P=target))[0-9]{2})__\w+__[A-Z0-9]{8}\.mp4",
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
    found = FoundVideos()
    for path in filter(_DFD.fullmatch, paths):
        match = _ORIGINAL.fullmatch(path) or _FAKE.fullmatch(path)
        if match is None:
            surplus.append(path)
            continue
        video = _listed(path, match.groupdict())
        if found.add(path, video.method, video.compression):
            videos.append(video)
    if not videos:
        raise ManifestError(
            f"{root} holds no video named as in DFD: expected is "
            "original_sequences/actors/c23/videos/01__exit_phone_room.mp4 or manipulated_sequences/"
            "DeepFakeDetection/c23/videos/01_02__exit_phone_room__YVGY8LOK.mp4 below it."
        )
    return Listing(
        dataset="DFD",
        videos=tuple(videos),
        missing=found.missing(lambda method: _scenes(found, method)),
        surplus=tuple(surplus),
        remarks=(
            *found.remarks(),
            *found.incomplete(lambda method: N_FAKES if method else N_ORIGINALS),
        ),
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


def _scenes(found: FoundVideos, method: str) -> set[str]:
    return set().union(*(names for (of, _), names in found.names.items() if of == method))
