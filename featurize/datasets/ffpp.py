"""FaceForensics++ (Rössler et al., ICCV 2019): its folders, names, pairs and official split."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from featurize.datasets.levels import LEVELS, FoundVideos
from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.lists import read_splits, remark_on_absent_splits
from featurize.datasets.tree import check_layout
from featurize.errors import ManifestError
from featurize.video_files import videos_below

METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
N_ORIGINALS = 1000

FOLDERS = ("original_sequences", "manipulated_sequences")

# The first releases had no folder `youtube`.
_ORIGINAL = re.compile(
    rf"original_sequences(?:/youtube)?/(?P<level>{'|'.join(LEVELS)})/videos"
    r"/(?P<target>[0-9]{3})\.mp4"
)
_FAKE = re.compile(
    rf"manipulated_sequences/(?P<method>{'|'.join(METHODS)})"
    rf"/(?P<level>{'|'.join(LEVELS)})/videos/(?P<target>[0-9]{{3}})_(?P<source>[0-9]{{3}})\.mp4"
)
_DFD = re.compile(r"(?:original_sequences/actors|manipulated_sequences/DeepFakeDetection)/.*")
# Masks, whole downloads and films of models are published too and are no videos to classify.
_OTHER_MATERIAL = re.compile(
    r"downloaded_videos/.*|(?:original|manipulated)_sequences/.*/(?:masks|images|models)/.*"
)

_SAME_YOUTUBE_VIDEO = (
    *(("331", "332"), ("524", "525"), ("566", "567"), ("605", "606"), ("614", "615")),
    *(("618", "619"), ("639", "640"), ("685", "686", "687"), ("755", "756"), ("766", "767")),
    *(("769", "770"), ("787", "788"), ("837", "838"), ("875", "876"), ("883", "884")),
    *(("937", "938"), ("942", "943"), ("954", "955"), ("967", "968"), ("973", "974")),
    *(("982", "983"), ("993", "994")),
)
"""Sequences cut from one YouTube video: 977 videos gave 1000 (``conversion_dict.json``). The
official split has seven of these on two sides: 605, 639, 837, 875 and 982 in training and
validation, 755 and 954 in training and test."""

_YOUTUBE_VIDEO = {
    sequence: f"ffpp/youtube_{'_'.join(sequences)}"
    for sequences in _SAME_YOUTUBE_VIDEO
    for sequence in sequences
}


def list_ffpp(root: Path) -> Listing:
    """List FaceForensics++ as its download script lays it out.

    A fake is of its target, its source, and the YouTube videos these were cut from.
    DeepFakeDetection lies in the same tree and is left to :func:`~.dfd.list_dfd`. The official
    split is looked for as ``train.json``, ``val.json`` and ``test.json`` in the root, or in
    ``splits`` or ``dataset/splits`` in or beside the root. A video that lies in both ``raw`` and
    ``c0`` is listed once.

    Parameters
    ----------
    root : Path
        The folder that holds ``original_sequences`` and ``manipulated_sequences``.

    Returns
    -------
    Listing
        ``missing`` are sequences that a folder of a method and level should hold; a method or
        level of which there is nothing is taken for not downloaded.

    Raises
    ------
    ManifestError
        When the folder is not there, is laid out otherwise, or the split is not as published.
    """
    paths = videos_below(root)
    check_layout(root, paths, FOLDERS)
    folders = _folders_of_split(root)
    split, partner = _official_split(folders)
    videos, surplus, n_dfd = [], [], 0
    found = FoundVideos()
    for path in paths:
        match = _ORIGINAL.fullmatch(path) or _FAKE.fullmatch(path)
        if match and _is_pair(match.groupdict(), partner):
            named = match.groupdict()
            if found.add(path, named.get("method") or "", LEVELS[named["level"]]):
                videos.append(_listed(path, named, split))
        elif _DFD.fullmatch(path):
            n_dfd += 1
        elif not _OTHER_MATERIAL.fullmatch(path):
            surplus.append(path)
    if not videos:
        raise ManifestError(
            f"{root} holds no video named as in FaceForensics++: expected is "
            "original_sequences/youtube/c23/videos/000.mp4 or "
            "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4 below it."
        )
    return Listing(
        dataset="FaceForensics++",
        videos=tuple(videos),
        missing=_missing(found, partner),
        surplus=tuple(surplus),
        remarks=(*found.remarks(), *_remarks(videos, folders if not split else (), n_dfd)),
        has_official_split=bool(split),
    )


def ffpp_identities(sequences: Iterable[str]) -> frozenset[str]:
    """Identities of sequences of FaceForensics++, in whatever data set they are used.

    Parameters
    ----------
    sequences : iterable of str
        Three-digit numbers.

    Returns
    -------
    frozenset of str
        Each sequence and, where several were cut from one YouTube video, that video.
    """
    names = set(sequences)
    videos = {_YOUTUBE_VIDEO[name] for name in names if name in _YOUTUBE_VIDEO}
    return frozenset({f"ffpp/{name}" for name in names} | videos)


def _folders_of_split(root: Path) -> list[Path]:
    # Beside the root, files of these names may be of anything.
    beside = root.resolve().parent
    places = ("splits", "dataset/splits")
    return [root, *(start / place for start in (root, beside) for place in places)]


def _official_split(folders: Iterable[Path]) -> tuple[dict[str, str], dict[str, str]]:
    """Split and partner of each sequence; both empty where there are no official files."""
    partner: dict[str, str] = {}

    def parse(text: str) -> list[str]:
        pairs = json.loads(text)
        if not isinstance(pairs, list) or not all(map(_is_published_pair, pairs)):
            raise ValueError
        partner.update((name, other) for a, b in pairs for name, other in ((a, b), (b, a)))
        return [name for pair in pairs for name in pair]

    split = read_splits(folders, ".json", parse, '[["071", "054"], ...')
    return split, partner


def _is_published_pair(pair: object) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(name, str) and re.fullmatch(r"[0-9]{3}", name) for name in pair)
    )


def _is_pair(named: dict[str, str | None], partner: dict[str, str]) -> bool:
    target, source = named["target"], named.get("source")
    if source is None:
        return True
    return partner[target] == source if target in partner else not partner and target != source


def _listed(path: str, named: dict[str, str | None], split: dict[str, str]) -> ListedVideo:
    sequences = [name for name in (named["target"], named.get("source")) if name]
    return ListedVideo(
        path=path,
        label="fake" if "method" in named else "real",
        identities=ffpp_identities(sequences),
        method=named.get("method") or "",
        compression=LEVELS[named["level"]],
        split=split.get(named["target"], ""),
    )


def _missing(found: FoundVideos, partner: dict[str, str]) -> tuple[str, ...]:
    originals = {f"{i:03d}.mp4" for i in range(N_ORIGINALS)}
    fakes = {f"{name}_{other}.mp4" for name, other in partner.items()} or {
        name for (method, _), names in found.names.items() if method for name in names
    }
    return found.missing(lambda method: fakes if method else originals)


def _remarks(
    videos: list[ListedVideo], searched_for_split: Sequence[Path], n_dfd: int
) -> list[str]:
    """Remarks on the pairs and, where the folders of a split were searched in vain, on that."""
    remarks = []
    if searched_for_split:
        remarks.append(
            remark_on_absent_splits(searched_for_split, ".json")
            or "There is no official split beside the videos: put train.json, val.json and "
            "test.json of github.com/ondyari/FaceForensics into a folder `splits`."
        )
        remarks.extend(_doubtful_pairs(videos))
    if n_dfd:
        remarks.append(
            f"Videos of DeepFakeDetection in the same folders: {n_dfd}; list them with `dfd`."
        )
    return remarks


def _doubtful_pairs(videos: list[ListedVideo]) -> list[str]:
    """Each sequence was paired with one other, so a second partner joins what is not joined."""
    partners = defaultdict(set)
    for video in videos:
        if video.label == "fake":
            target, source = video.path.rpartition("/")[2].removesuffix(".mp4").split("_")
            partners[target].add(source)
            partners[source].add(target)
    doubtful = sorted(name for name, others in partners.items() if len(others) > 1)
    if not doubtful:
        return []
    return [
        f"Sequences with several partners, where one is published: {len(doubtful)} (first "
        f"{doubtful[0]}: {', '.join(sorted(partners[doubtful[0]]))}); check the file names."
    ]
