"""DFDC: the Deepfake Detection Challenge data set of Facebook, as on Kaggle and in full."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from featurize.datasets.listing import SPLIT_NAMED, ListedVideo, Listing
from featurize.datasets.lists import read_csv_list, read_json_list
from featurize.datasets.wording import counted
from featurize.errors import ManifestError
from featurize.video_files import videos_below

N_PARTS = 50

_LISTS = ("metadata.json", "labels.csv")
_PART = re.compile(r"dfdc_train_part_[0-9]+")
_LABELS = {"real": "real", "0": "real", "0.0": "real", "fake": "fake", "1": "fake", "1.0": "fake"}
_NO_ACTORS = (
    "DFDC does not publish who is shown: a group joins a fake with its original, and one actor may "
    "be in several groups."
)


class _Entry(NamedTuple):
    """What the lists say of one video; empty where they are silent."""

    label: str = ""
    original: str = ""
    split: str = ""


def list_dfdc(root: Path) -> Listing:
    """List DFDC, whole or in part.

    Published layout: folders ``dfdc_train_part_0`` to ``dfdc_train_part_49``, or the sample
    ``train_sample_videos``, each with a ``metadata.json`` of the form ``{"aaa.mp4": {"label":
    "FAKE", "split": "train", "original": "bbb.mp4"}}``; the full release adds ``validation`` and
    ``test`` with a ``labels.csv`` (``filename,label``) or a ``metadata.json`` with ``is_fake``,
    their videos beside it or in a folder ``videos``. ``root`` may be any folder above the lists,
    or the folder of a single one.

    A fake shares an identity with the original it names, in whatever part that lies, and with the
    other fakes of it also where the original is nowhere. Which of eight methods made a fake is not
    published, so ``method`` is empty. ``split`` is what the entry says, else what its folder is
    called.

    Parameters
    ----------
    root : Path
        Folder of the data set.

    Returns
    -------
    Listing
        ``missing`` are listed videos that are not there, and ``metadata.json`` of parts without
        one; ``surplus`` are videos that no list names, such as Kaggle's unlabelled ``test_videos``.

    Raises
    ------
    ManifestError
        When there is no list or none of its videos, a list cannot be read or is of another form,
        a label is unknown, or two entries of a video disagree.

    References
    ----------
    Dolhansky et al. 2020, "The DeepFake Detection Challenge (DFDC) dataset", arXiv:2006.07397.
    """
    paths = videos_below(root)
    parents = {path.rpartition("/")[0] for path in paths}
    listed_folders = _folders_with_lists(root, parents)
    if not listed_folders:
        raise _no_list(root)
    entries: dict[str, _Entry] = {}
    ignored: list[str] = []
    for folder in listed_folders:
        ignored += _add_entries(entries, root, folder, parents)
    _refuse_unlabelled(entries, root)

    # Archives unpacked on another system may have changed the case of names.
    on_disk = {path.lower(): path for path in reversed(paths)}
    videos, missing, found = [], [], {}
    for listed, entry in entries.items():
        path = on_disk.pop(listed.lower(), None)
        if path is None:
            missing.append(listed)
        else:
            found[listed] = entry
            videos.append(_listed_video(path, listed, entry, root))
    if not videos:
        raise ManifestError(
            f"The lists below {root} name {counted(len(entries), 'video')}, none of which is "
            "there: give the folder that holds the videos beside their metadata.json."
        )
    missing += [
        f"{folder}/metadata.json"
        for folder in parents - set(listed_folders)
        if _PART.fullmatch(folder.rpartition("/")[2])
    ]
    listed_paths = {video.path for video in videos}
    return Listing(
        dataset="DFDC",
        videos=tuple(sorted(videos, key=lambda video: video.path)),
        missing=tuple(sorted(missing)),
        surplus=tuple(path for path in paths if path not in listed_paths),
        remarks=_remarks(found, listed_folders, ignored),
        has_official_split=any(video.split for video in videos),
    )


def _folders_with_lists(root: Path, parents: Collection[str]) -> list[str]:
    """Folders with a list: those of videos and above, and those whose videos are all missing."""
    folders = {""}
    for folder in parents:
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    found = {
        folder for folder in folders if any((root / folder / name).is_file() for name in _LISTS)
    }
    for name in _LISTS:
        relative = (path.relative_to(root).parent for path in root.rglob(name) if path.is_file())
        found |= {
            "" if folder == Path() else folder.as_posix()
            for folder in relative
            if not any(part.startswith(".") for part in folder.parts)
        }
    return sorted(found)


def _no_list(root: Path) -> ManifestError:
    parent = root.resolve().parent
    if any((parent / name).is_file() for name in _LISTS):
        return ManifestError(
            f"{root} holds no metadata.json or labels.csv, the folder above does: give {parent}."
        )
    return ManifestError(
        f"There is no metadata.json or labels.csv below {root}: give the folder of DFDC as it was "
        "downloaded, with dfdc_train_part_0/metadata.json and so on."
    )


def _add_entries(
    entries: dict[str, _Entry], root: Path, folder: str, parents: Collection[str]
) -> list[str]:
    """Add what the lists of a folder say; return their names of no file in it, for a remark."""
    ignored = []
    inner = f"{folder}/videos" if folder else "videos"
    home = inner if inner in parents and folder not in parents else folder
    for name in _LISTS:
        path = root / folder / name
        if not path.is_file():
            continue
        read = _read_metadata if name.endswith(".json") else _read_labels
        for video, entry in read(path):
            if _leads_elsewhere(video):
                ignored.append(f"{video!r} in {path.relative_to(root).as_posix()}")
                continue
            listed = f"{home}/{video}" if home else video
            entries[listed] = _merged(entries.get(listed, _Entry()), entry, listed, path)
    return ignored


def _leads_elsewhere(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.name or path.is_absolute() or ".." in path.parts


def _read_metadata(path: Path) -> Iterable[tuple[str, _Entry]]:
    for name, entry in read_json_list(path).items():
        if not isinstance(entry, dict):
            raise ManifestError(
                f'{path} is not a list of DFDC, whose entries read {{"aaa.mp4": {{"label": "FAKE", '
                f'"original": "bbb.mp4"}}}} ({name!r} does not): download it again or remove it.'
            )
        original = entry.get("original")
        split = entry.get("split")
        yield (
            name,
            _Entry(
                label=_label(entry.get("label", entry.get("is_fake")), name, path),
                original=original.strip() if isinstance(original, str) else "",
                split=SPLIT_NAMED.get(split.strip().lower(), "") if isinstance(split, str) else "",
            ),
        )


def _read_labels(path: Path) -> Iterable[tuple[str, _Entry]]:
    header, *lines = read_csv_list(path)
    if not {"filename", "label"} <= set(header):
        raise ManifestError(
            f"{path} is not a list of DFDC, whose columns are filename and label (found: "
            f"{', '.join(header)}): download it again or remove it."
        )
    at_name, at_label = header.index("filename"), header.index("label")
    for fields in lines:
        if len(fields) <= max(at_name, at_label):
            raise ManifestError(
                f"{path} has a line that is cut short ({','.join(fields)}): download it again."
            )
        yield fields[at_name], _Entry(label=_label(fields[at_label], fields[at_name], path))


def _label(value: Any, name: str, path: Path) -> str:
    """One of ``real`` and ``fake``, empty where none is given."""
    text = "" if value is None else str(int(value) if isinstance(value, bool) else value).strip()
    if text.lower() in ("", "nan"):
        return ""
    if text.lower() not in _LABELS:
        raise ManifestError(
            f"{path} gives {name} the label {text!r}, where DFDC has REAL and FAKE or 0 and 1: "
            "correct it."
        )
    return _LABELS[text.lower()]


def _merged(known: _Entry, new: _Entry, listed: str, path: Path) -> _Entry:
    for one, other in zip(known, new, strict=True):
        if one and other and one != other:
            raise ManifestError(
                f"{path} says {other!r} of {listed}, for which {one!r} is given as well: correct "
                "one of them."
            )
    return _Entry(*(one or other for one, other in zip(known, new, strict=True)))


def _refuse_unlabelled(entries: dict[str, _Entry], root: Path) -> None:
    unlabelled = [listed for listed, entry in entries.items() if not entry.label]
    if unlabelled:
        raise ManifestError(
            f"The lists below {root} give no label to {len(unlabelled)} of their videos "
            f"({', '.join(unlabelled[:3])}): download them again."
        )


def _listed_video(path: str, listed: str, entry: _Entry, root: Path) -> ListedVideo:
    names = {listed.rpartition("/")[2], entry.original} - {""}
    return ListedVideo(
        path=path,
        label=entry.label,
        identities=frozenset(f"dfdc/{name}" for name in names),
        split=entry.split or _split_of_folder(path, root),
    )


def _split_of_folder(path: str, root: Path) -> str:
    folders = (root.resolve().name, *path.split("/")[:-1])
    for folder in map(str.lower, reversed(folders)):
        if folder in SPLIT_NAMED or _PART.fullmatch(folder):
            return SPLIT_NAMED.get(folder, "train")
    return ""


def _remarks(
    entries: dict[str, _Entry], folders: Iterable[str], ignored: Sequence[str]
) -> tuple[str, ...]:
    """Remarks on the entries whose videos are there, and on those that name no video."""
    remarks = [_NO_ACTORS]
    if ignored:
        remarks.append(
            "Entries of the lists that are ignored, for their names are empty or lead out of the "
            f"folder: {len(ignored)} (first: {ignored[0]})."
        )
    names = Counter(listed.rpartition("/")[2] for listed in entries)
    originals = {entry.original for entry in entries.values() if entry.original}
    if absent := len(originals - set(names)):
        remarks.append(
            f"Originals that are in none of the parts here: {absent} of {len(originals)}; the "
            "fakes of each are one group all the same."
        )
    alone = sum(entry.label == "fake" and not entry.original for entry in entries.values())
    if alone:
        remarks.append(
            f"Fakes that name no original: {alone}; nothing joins them with it, so each is a group "
            "of its own."
        )
    if repeated := sum(count > 1 for count in names.values()):
        remarks.append(
            f"Names of videos in more than one folder, such as the sample and a part: {repeated}; "
            "each copy is in the manifest and counts in every figure."
        )
    parts = sum(bool(_PART.fullmatch(folder.rpartition("/")[2])) for folder in folders)
    if 0 < parts < N_PARTS:
        remarks.append(f"Training parts that are here: {parts} of {N_PARTS}.")
    return tuple(remarks)
