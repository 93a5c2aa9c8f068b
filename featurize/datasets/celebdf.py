"""Celeb-DF, versions 1 and 2 (Li et al., CVPR 2020): swaps among celebrities."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.lists import read_list
from featurize.datasets.tree import check_layout
from featurize.errors import ManifestError
from featurize.video_files import videos_below

METHOD = "Celeb-synthesis"
"""Name of the folder; the paper calls its swap an improved DeepFake algorithm and no more."""

TEST_LIST = "List_of_testing_videos.txt"

PUBLISHED = {
    "Celeb-DF v1": {"Celeb-real": 158, "YouTube-real": 250, "Celeb-synthesis": 795},
    "Celeb-DF v2": {"Celeb-real": 590, "YouTube-real": 300, "Celeb-synthesis": 5639},
}
"""Videos in each folder of the two versions."""

_FOLDERS = tuple(PUBLISHED["Celeb-DF v2"])
_VIDEO = re.compile(
    r"(?:(?P<celebrity>Celeb-real)/(?:videos/)?id(?P<shown>[0-9]+)_[0-9]+"
    r"|(?P<youtube>YouTube-real)/(?:videos/)?(?P<number>[0-9]+)"
    r"|(?P<swap>Celeb-synthesis)/(?:videos/)?id(?P<target>[0-9]+)_id(?P<source>[0-9]+)_[0-9]+"
    r")\.\w+",
    re.IGNORECASE,
)
_LINE = re.compile(r"(?P<real>[01])\s+(?P<path>\S.*)")
# Version 2 kept what version 1 had and went on counting.
_FIRST_CELEBRITY_OF_V2, _FIRST_YOUTUBE_OF_V2 = 18, 250


def list_celebdf(root: Path) -> Listing:
    """List Celeb-DF of either version.

    Published layout: ``Celeb-real/id0_0000.mp4`` (authentic, celebrity 0),
    ``Celeb-synthesis/id0_id1_0000.mp4`` (``id0_0000`` with the face of celebrity 1),
    ``YouTube-real/00000.mp4`` (authentic, a person of its own) and ``List_of_testing_videos.txt``
    with lines such as ``1 YouTube-real/00170.mp4``, where 1 is authentic. Copies with a folder
    ``videos`` in between are read too.

    *Version.* Both have the same layout. Version 2 is recognised, on the disk or in the list of
    testing videos, by celebrities from ``id18`` and YouTube videos from ``00250`` on, which
    version 1 does not have. What shows neither is called version 1, with a remark unless it is
    complete. A celebrity has the same identity in both.

    *Split.* What the official list names is ``test``, all else ``train``; without the list it is
    empty. The list holds out videos, not people: a remark says how many people are on both sides.

    *Group.* Celebrity and face both count. Each face was put on many others, so a few groups hold
    all fakes: the swaps of the official list of version 2 alone tie 55 celebrities into four
    groups, the largest with four fifths of these swaps. The rule is kept nevertheless, since any
    other group would let a person into training and test; the summary says how few are left.

    Parameters
    ----------
    root : Path
        Folder that holds the three.

    Returns
    -------
    Listing
        ``missing`` are videos of the official list that are not there, or the list itself.

    Raises
    ------
    ManifestError
        When the folder cannot be read or holds none of the three, or the list is not as published.

    References
    ----------
    Li, Yang, Sun, Qi, Lyu 2020, "Celeb-DF: a large-scale challenging dataset for DeepFake
    forensics", CVPR, arXiv:1909.12962.
    """
    paths = videos_below(root)
    check_layout(root, paths, _FOLDERS)
    tested = _tested(root)
    matches = {path: match for path in paths if (match := _VIDEO.fullmatch(path))}
    if not matches:
        raise ManifestError(
            f"No video below {root} is named like Celeb-DF: expected are names such as "
            "Celeb-real/id0_0000.mp4 and Celeb-synthesis/id0_id1_0000.mp4."
        )
    videos = tuple(_listed(path, match, tested) for path, match in matches.items())
    there = {_key(path) for path in matches}
    listed_but_absent = [path for key, path in (tested or {}).items() if key not in there]
    dataset = _version((*matches, *(tested or {}).values()))
    return Listing(
        dataset=dataset,
        videos=videos,
        missing=tuple(sorted(listed_but_absent)) if tested is not None else (TEST_LIST,),
        surplus=tuple(path for path in paths if path not in matches),
        remarks=tuple(_remarks(dataset, videos, tested is not None)),
        has_official_split=tested is not None,
    )


def _tested(root: Path) -> dict[str, str] | None:
    """Videos of the official list by key; None where there is no list."""
    file = root / TEST_LIST
    if not file.is_file():
        return None
    tested = {}
    for number, line in enumerate(read_list(file).splitlines(), start=1):
        if not line.strip():
            continue
        named = _LINE.fullmatch(line.strip())
        match = named and _VIDEO.fullmatch(named["path"])
        if not match or (named["real"] == "1") == bool(match["swap"]):
            raise ManifestError(
                f"Line {number} of {file} reads {line.strip()!r}, where the published list has "
                "`1 YouTube-real/00170.mp4` or `0 Celeb-synthesis/id1_id0_0007.mp4` with 1 for "
                "authentic: put the published list in its place."
            )
        tested[_key(named["path"])] = named["path"]
    return tested


def _key(path: str) -> str:
    """A video by folder and name, whatever the case and the folder in between."""
    folder, *_, name = path.lower().split("/")
    return f"{folder}/{name}"


def _listed(path: str, match: re.Match[str], tested: dict[str, str] | None) -> ListedVideo:
    if match["youtube"]:
        people = {f"youtube_{match['number']}"}
    else:
        people = {f"id{match[name]}" for name in ("shown", "target", "source") if match[name]}
    split = "" if tested is None else "test" if _key(path) in tested else "train"
    return ListedVideo(
        path=path,
        label="fake" if match["swap"] else "real",
        identities=frozenset(f"celebdf/{person}" for person in people),
        method=METHOD if match["swap"] else "",
        split=split,
    )


def _version(paths: Iterable[str]) -> str:
    for match in map(_VIDEO.fullmatch, paths):
        celebrities = [match[name] for name in ("shown", "target", "source") if match[name]]
        if (match["youtube"] and int(match["number"]) >= _FIRST_YOUTUBE_OF_V2) or any(
            int(celebrity) >= _FIRST_CELEBRITY_OF_V2 for celebrity in celebrities
        ):
            return "Celeb-DF v2"
    return "Celeb-DF v1"


def _remarks(dataset: str, videos: Sequence[ListedVideo], has_list: bool) -> Iterable[str]:
    found = Counter(video.path.partition("/")[0].lower() for video in videos)
    incomplete = {
        folder: n for folder, n in PUBLISHED[dataset].items() if found[folder.lower()] != n
    }
    if incomplete and dataset == "Celeb-DF v1":
        yield (
            "It is called version 1 because nothing here is of version 2 alone (id18 and up, "
            "YouTube-real/00250.mp4 and up), but a part of version 2 would look the same."
        )
    for folder, n in incomplete.items():
        yield f"{folder} holds {found[folder.lower()]} of the {n} videos of {dataset}."
    if not has_list:
        yield f"There is no official split: {TEST_LIST} belongs into the folder of the data set."
        return
    people = {"train": set(), "test": set()}
    for video in videos:
        people[video.split] |= video.identities
    yield (
        "The official list does not hold out people; of those in its test videos are in training "
        f"videos too: {len(people['test'] & people['train'])} of {len(people['test'])}."
    )
