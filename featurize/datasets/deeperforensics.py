"""DeeperForensics-1.0 (Jiang et al., CVPR 2020): paid actors swapped onto FaceForensics++."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from featurize.datasets.ffpp import ffpp_identities
from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.lists import read_splits, remark_on_absent_splits
from featurize.datasets.tree import check_layout
from featurize.errors import ManifestError
from featurize.video_files import videos_below

_DISTORTIONS = (
    *("level_1", "level_2", "level_3", "level_4", "level_5", "random_level"),
    *("mix_2_distortions", "mix_3_distortions", "mix_4_distortions"),
)
# Folder -> the manipulation, and how far its video was made worse afterwards.
_VARIANTS = {
    "end_to_end": ("DF-VAE", ""),
    "reenact_postprocess": ("DF-VAE reenact_postprocess", ""),
    **{f"end_to_end_{distortion}": ("DF-VAE", distortion) for distortion in _DISTORTIONS},
}
_FAKE = re.compile(
    rf"manipulated_videos/(?P<variant>{'|'.join(_VARIANTS)})"
    r"/(?P<name>(?P<target>[0-9]{3})_(?P<actor>[MW][0-9]{3}))\.mp4"
)
_SPLIT_LINE = re.compile(r"([0-9]{3}_[MW][0-9]{3})\.mp4")


def list_deeperforensics(root: Path) -> Listing:
    """List the manipulated videos of DeeperForensics-1.0.

    The distortions of a video are its ``compression``, for they are levels of quality and not
    manipulations. The authentic side is not part of the data set: it is the originals of
    FaceForensics++ at c23. The ``source_videos`` of the actors are passed over, for the authors
    say that they are not the authentic side; filmed in a studio, they would be told by that.

    Parameters
    ----------
    root : Path
        The folder that holds ``manipulated_videos`` and ``lists``.

    Returns
    -------
    Listing
        ``missing`` are swaps that the split or another variant names; a variant of which there is
        nothing is taken for not downloaded.

    Raises
    ------
    ManifestError
        When the folder is not there, is laid out otherwise, or a split is not as published.
    """
    paths = videos_below(root)
    check_layout(root, paths, ("manipulated_videos",))
    folders = (root / "lists" / "splits",)
    split = read_splits(folders, ".txt", _names_of_split, "980_W010.mp4, one name a line")
    videos, surplus, n_sources = [], [], 0
    found = defaultdict(set)
    for path in paths:
        match = _FAKE.fullmatch(path)
        if match and (not split or match["name"] in split):
            found[match["variant"]].add(match["name"])
            videos.append(_listed(path, match.groupdict(), split))
        elif path.startswith("source_videos/"):
            n_sources += 1
        else:
            surplus.append(path)
    if not videos:
        raise ManifestError(
            f"{root} holds no video named as in DeeperForensics-1.0: expected is "
            "manipulated_videos/end_to_end/000_M101.mp4 below it."
        )
    names = frozenset(split).union(*found.values())
    return Listing(
        dataset="DeeperForensics",
        videos=tuple(videos),
        missing=tuple(
            sorted(
                f"manipulated_videos/{variant}/{name}.mp4"
                for variant, there in found.items()
                for name in names - there
            )
        ),
        surplus=tuple(surplus),
        remarks=tuple(_remarks(folders if not split else (), n_sources)),
        has_official_split=bool(split),
    )


def _names_of_split(text: str) -> list[str]:
    lines = [line.strip().rpartition("/")[2] for line in text.splitlines() if line.strip()]
    matches = [_SPLIT_LINE.fullmatch(line) for line in lines]
    if not lines or None in matches:
        raise ValueError
    return [match[1] for match in matches]


def _listed(path: str, named: dict[str, str], split: dict[str, str]) -> ListedVideo:
    method, distortion = _VARIANTS[named["variant"]]
    return ListedVideo(
        path=path,
        label="fake",
        identities=ffpp_identities([named["target"]]) | {f"deeperforensics/{named['actor']}"},
        method=method,
        compression=distortion,
        split=split.get(named["name"], ""),
    )


def _remarks(searched_for_split: Sequence[Path], n_sources: int) -> list[str]:
    remarks = [
        "The authentic side of DeeperForensics is not part of it but the c23 originals of "
        "FaceForensics++: list those with `ffpp`, and join the two manifests by --add."
    ]
    if searched_for_split:
        remarks.append(
            remark_on_absent_splits(searched_for_split, ".txt")
            or "There is no official split: train.txt, val.txt and test.txt belong into "
            "lists/splits."
        )
    if n_sources:
        remarks.append(
            f"Source videos passed over: {n_sources}; the authors say that they are not the "
            "authentic side."
        )
    return remarks
