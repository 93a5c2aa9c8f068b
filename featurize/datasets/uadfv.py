"""UADFV: 49 authentic videos and one face swap of each."""

import re
from pathlib import Path

from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.tree import check_layout
from featurize.video_files import videos_below

METHOD = "FakeApp"
N_PAIRS = 49

_REAL = re.compile(r"real/(?:videos/)?([0-9]{4})\.\w+", re.IGNORECASE)
_FAKE = re.compile(r"fake/(?:videos/)?([0-9]{4})_fake\.\w+", re.IGNORECASE)

_ONE_SOURCE = (
    "Every fake of UADFV is reported to show the face of the same actor (Nicolas Cage), which no "
    "group can hold out: a fake is grouped with its original only, so a figure on UADFV may be "
    "the recognition of one man."
)


def list_uadfv(root: Path) -> Listing:
    """List UADFV.

    Published layout: ``real/0000.mp4`` to ``real/0048.mp4`` and ``fake/0000_fake.mp4`` to
    ``fake/0048_fake.mp4``, where ``0000_fake.mp4`` was made from ``0000.mp4``; copies with a folder
    ``videos`` in between are read too. There is no official split.

    Fakes were made with FakeApp, all with the face of one actor (Tolosana et al. 2020, "DeepFakes
    and beyond", Information Fusion). Joined by that source, the whole data set would be a single
    group. File names do not tell it, so the group is the pair, and a remark says what that leaves
    open.

    Parameters
    ----------
    root : Path
        Folder that holds ``real/`` and ``fake/``.

    Returns
    -------
    Listing
        ``missing`` are those of the 98 published videos that are not there.

    Raises
    ------
    ManifestError
        When the folder cannot be read or holds neither folder.

    References
    ----------
    Yang, Li, Lyu 2019, "Exposing deep fakes using inconsistent head poses", ICASSP.
    """
    paths = videos_below(root)
    check_layout(root, paths, ("real", "fake"))
    videos, surplus, found = [], [], set()
    for path in paths:
        real, fake = _REAL.fullmatch(path), _FAKE.fullmatch(path)
        match = real or fake
        if match is None:
            surplus.append(path)
            continue
        number = match[1]
        found.add(_published(number, is_fake=fake is not None))
        videos.append(
            ListedVideo(
                path=path,
                label="fake" if fake else "real",
                identities=frozenset({f"uadfv/{number}"}),
                method=METHOD if fake else "",
            )
        )
    published = {
        _published(f"{number:04d}", is_fake)
        for number in range(N_PAIRS)
        for is_fake in (False, True)
    }
    return Listing(
        dataset="UADFV",
        videos=tuple(videos),
        missing=tuple(sorted(published - found)),
        surplus=tuple(surplus),
        remarks=(_ONE_SOURCE,),
    )


def _published(number: str, is_fake: bool) -> str:
    return f"fake/{number}_fake.mp4" if is_fake else f"real/{number}.mp4"
