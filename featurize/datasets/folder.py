"""Any folder with authentic videos below ``real`` and manipulated ones below ``fake``."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from featurize.datasets.listing import SPLIT_NAMED, ListedVideo, Listing
from featurize.datasets.wording import counted
from featurize.errors import ManifestError
from featurize.manifest import label_by_folder
from featurize.video_files import videos_below


class _Video(NamedTuple):
    path: str
    label: str
    method: str
    split: str
    # What it shares with the videos that were made from it or that it was made from.
    origin: tuple[str, str, str]


def list_folder(root: Path) -> Listing:
    """List a folder of videos that is laid out by label.

    - ``real/`` and ``fake/``, in upper or lower case and anywhere below ``root`` or ``root``
      itself, give the label; the outermost counts, as in :func:`featurize.manifest.read_videos`.
    - The folder right below ``fake`` is the method: ``fake/faceswap/x.mp4``.
    - A folder ``train``, ``val`` (or ``valid``, ``validation``) or ``test``, above or below the
      label, gives the split.
    - A fake is grouped with every authentic video and every other fake of its file name without
      suffix, beside the same ``real`` and ``fake`` and in the same split: ``fake/a/x.mp4`` and
      ``fake/b/x.mp4`` with ``real/x.mp4``. Where several authentic videos have that name, all are
      joined, since a group that is too large leaks nothing. Any other video is a group of its own.

    Parameters
    ----------
    root : Path
        Folder to search; names that start with a dot are passed over.

    Returns
    -------
    Listing
        Named after the folder. ``surplus`` are videos below neither ``real`` nor ``fake``.

    Raises
    ------
    ManifestError
        When the folder cannot be read, or has no video below ``real`` or ``fake``.
    """
    own_name = root.resolve().name
    labels = {path: label_by_folder(path, own_name) for path in videos_below(root)}
    found = [_read(path, label, own_name) for path, label in labels.items() if label]
    if not found:
        raise ManifestError(
            f"{root} holds {counted(len(labels), 'video')}, none of them below a folder `real` or "
            "`fake`: sort them into two folders of these names."
        )
    name = own_name.strip() or "folder"
    copied = {video.origin for video in found if video.label == "fake"}
    return Listing(
        dataset=name,
        videos=tuple(
            sorted((_listed(video, name, copied) for video in found), key=lambda video: video.path)
        ),
        missing=(),
        surplus=tuple(path for path, label in labels.items() if not label),
        remarks=tuple(_remarks(found)),
    )


def _read(path: str, label: str, own_name: str) -> _Video:
    *folders, file = PurePosixPath(path).parts
    at = next((i for i, part in enumerate(folders) if part.lower() == label), -1)
    # Where the folder that is searched is itself called real or fake, all folders are below it.
    below = folders[at + 1 :]
    splits = [
        SPLIT_NAMED[part.lower()] for part in (*folders, own_name) if part.lower() in SPLIT_NAMED
    ]
    methods = [part for part in below if part.lower() not in SPLIT_NAMED]
    split = splits[0] if splits else ""
    return _Video(
        path=path,
        label=label,
        method=methods[0] if label == "fake" and methods else "",
        split=split,
        origin=("/".join(folders[: max(at, 0)]), split, Path(file).stem),
    )


def _listed(video: _Video, name: str, copied: set[tuple[str, str, str]]) -> ListedVideo:
    identities = {f"{name}/{video.path}"}
    if video.origin in copied:
        identities.add(f"{name}/{'/'.join(part for part in video.origin if part)}")
    return ListedVideo(
        path=video.path,
        label=video.label,
        identities=frozenset(identities),
        method=video.method,
        split=video.split,
    )


def _remarks(found: Sequence[_Video]) -> Iterable[str]:
    originals = Counter(video.origin for video in found if video.label == "real")
    fakes = [video for video in found if video.label == "fake"]
    paired = sum(video.origin in originals for video in fakes)
    yield (
        f"Fakes with the name of an authentic video, which are grouped with it: {paired} of "
        f"{len(fakes)}; who is shown is not known beyond that, so fill in `group` where one person "
        "or source is in several videos."
    )
    shared = sorted({v.origin[2] for v in fakes if originals[v.origin] > 1})
    if shared:
        yield (
            f"Names of fakes that several authentic videos have: {len(shared)} (first: "
            f"{shared[0]}); these are all joined, so give each video a name of its own."
        )
    if methods := sorted({video.method for video in fakes} - {""}):
        yield f"Folders below fake are taken for methods: {', '.join(methods)}."
