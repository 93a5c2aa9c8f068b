"""FaceForensics++ (Rössler et al., ICCV 2019): its folders, names, pairs and official split."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from featurize.datasets.files import check_layout
from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.official_lists import read_splits
from featurize.datasets.tree import videos_below
from featurize.errors import ManifestError

METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
N_ORIGINALS = 1000

FOLDERS = ("original_sequences", "manipulated_sequences")
LEVELS = {"raw": "c0", "c0": "c0", "c23": "c23", "c40": "c40"}
"""Folders of the compression levels; the download script says ``raw`` for what was ``c0``."""

# The first releases had no folder `youtube`.
_ORIGINAL = re.compile(
    rf"(?P<folder>original_sequences(?:/youtube)?/(?P<level>{'|'.join(LEVELS)})/videos)"
    r"/(?P<target>[0-9]{3})\.mp4"
)
_FAKE = re.compile(
    rf"(?P<folder>manipulated_sequences/(?P<method>{'|'.join(METHODS)})"
    rf"/(?P<level>{'|'.join(LEVELS)})/videos)/(?P<target>[0-9]{{3}})_(?P<source>[0-9]{{3}})\.mp4"
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
    split is looked for as ``train.json``, ``val.json`` and ``test.json`` in the root, its
    ``splits`` or its ``dataset/splits``, or in one of these beside the root.

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
    split, partner = _official_split(root)
    videos, surplus, n_dfd = [], [], 0
    found = defaultdict(set)
    for path in paths:
        match = _ORIGINAL.fullmatch(path) or _FAKE.fullmatch(path)
        if match and _is_pair(match.groupdict(), partner):
            found[match["folder"]].add(path)
            videos.append(_listed(path, match.groupdict(), split))
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
        remarks=tuple(_remarks(videos, split, n_dfd)),
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


def _official_split(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Split and partner of each sequence; both empty where there are no official files."""
    partner: dict[str, str] = {}

    def parse(text: str) -> list[str]:
        pairs = json.loads(text)
        if not isinstance(pairs, list) or not all(map(_is_published_pair, pairs)):
            raise ValueError
        partner.update((name, other) for a, b in pairs for name, other in ((a, b), (b, a)))
        return [name for pair in pairs for name in pair]

    folders = [
        start / below
        for start in (root, root.resolve().parent)
        for below in ("", "splits", "dataset/splits")
    ]
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


def _missing(found: dict[str, set[str]], partner: dict[str, str]) -> tuple[str, ...]:
    originals = {f"{i:03d}.mp4" for i in range(N_ORIGINALS)}
    fakes = {f"{name}_{other}.mp4" for name, other in partner.items()} or {
        path.rpartition("/")[2]
        for folder, paths in found.items()
        if folder.startswith("manipulated")
        for path in paths
    }
    expected = {
        f"{folder}/{name}"
        for folder in found
        for name in (originals if folder.startswith("original") else fakes)
    }
    return tuple(sorted(expected.difference(*found.values())))


def _remarks(videos: list[ListedVideo], split: dict[str, str], n_dfd: int) -> list[str]:
    remarks = []
    if not split:
        remarks.append(
            "There is no official split beside the videos: put train.json, val.json and test.json "
            "of github.com/ondyari/FaceForensics into a folder `splits`."
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
