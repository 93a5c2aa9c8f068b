"""FakeAVCeleb v1.2 (Khalid et al., NeurIPS 2021): faces swapped, lips driven and voices cloned."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.lists import read_csv_list
from featurize.datasets.tree import check_layout
from featurize.datasets.wording import counted
from featurize.errors import ManifestError
from featurize.video_files import VIDEO_SUFFIXES, videos_below

TABLE = "meta_data.csv"

TYPES = {
    "RealVideo-RealAudio": 500,
    "RealVideo-FakeAudio": 500,
    "FakeVideo-RealAudio": 9709,
    "FakeVideo-FakeAudio": 10857,
}
"""The four folders and how many videos each was published with."""

AUTHENTIC, VOICE_ONLY = "RealVideo-RealAudio", "RealVideo-FakeAudio"

_COLUMNS = ("source", "target1", "target2", "method", "type", "race", "gender")
_PERSON = re.compile(r"id[0-9]+")
_SILENCE = (
    "Fakes of FakeAVCeleb begin with a moment of silence that authentic videos do not have "
    "(arXiv:2412.00175): what uses the sound may find that instead of the manipulation."
)


class _Line(NamedTuple):
    """What ``meta_data.csv`` says of one video."""

    path: str
    kind: str
    method: str
    people: frozenset[str]


def list_fakeavceleb(root: Path) -> Listing:
    """List FakeAVCeleb by its ``meta_data.csv``.

    Published layout: ``RealVideo-RealAudio/African/men/id00076/00109.mp4`` and the like in four
    folders, and ``meta_data.csv`` with the columns ``source, target1, target2, method, category,
    type, race, gender, path`` and one without a name. As published, the column ``path`` holds the
    name of the file and the nameless one its folder; tables that were put right, with a column
    ``filename`` or without a folder, are read as well.

    *Label.* ``FakeVideo-*`` is fake. ``RealVideo-FakeAudio`` (method ``rtvc``) is an authentic face
    with a cloned voice, so neither word is quite true of it. It is ``fake``, as published, because
    the features compare the lips with the sound: called real, half of all authentic videos
    would teach that lips which do not fit the sound are authentic. A detector of the face alone
    cannot tell these videos from their originals, so a remark says to look at that method by
    itself or to leave it out; figures that keep it are too low rather than too high.

    *Group.* All people that the table, the folder or the name of the file tells: the one who is
    shown and whose face or voice was used, in all lines for the video. There is no official split.

    Parameters
    ----------
    root : Path
        Folder that holds the four folders and the table.

    Returns
    -------
    Listing
        ``missing`` are videos of the table that are not there; ``surplus`` are videos that the
        table does not name.

    Raises
    ------
    ManifestError
        When the folder or the table cannot be read or is of another form.

    References
    ----------
    Khalid, Tariq, Kim, Woo 2021, "FakeAVCeleb: a novel audio-video multimodal deepfake dataset",
    NeurIPS datasets and benchmarks, arXiv:2108.05080.
    """
    paths = videos_below(root)
    check_layout(root, paths, tuple(TYPES))
    table = _table(root)
    lines, doubtful = _read(table)
    on_disk = {path.lower(): path for path in reversed(paths)}
    found, missing = [], []
    for line in lines:
        path = on_disk.pop(line.path.lower(), None)
        if path is None:
            missing.append(line.path)
        else:
            found.append((_listed(path, line), line))
    if not found:
        raise ManifestError(
            f"{table} names {counted(len(lines), 'video')}, none of which is below {root}: give "
            "the folder that holds RealVideo-RealAudio and the other three."
        )
    videos = sorted((video for video, _ in found), key=lambda video: video.path)
    listed = {video.path for video in videos}
    return Listing(
        dataset="FakeAVCeleb",
        videos=tuple(videos),
        missing=tuple(sorted(missing)),
        surplus=tuple(path for path in paths if path not in listed),
        remarks=tuple(_remarks([line for _, line in found], doubtful)),
    )


def _table(root: Path) -> Path:
    # Its folders begin with FakeAVCeleb/, so it is also kept beside that folder.
    table = next(
        (folder / TABLE for folder in (root, root.resolve().parent) if (folder / TABLE).is_file()),
        None,
    )
    if table is None:
        raise ManifestError(
            f"There is no {root / TABLE}: put the table that FakeAVCeleb is published with there; "
            "methods and people are known from it."
        )
    return table


def _listed(path: str, line: _Line) -> ListedVideo:
    is_fake = line.kind != AUTHENTIC
    return ListedVideo(
        path=path,
        label="fake" if is_fake else "real",
        identities=frozenset(f"fakeavceleb/{person}" for person in line.people),
        method=line.method if is_fake else "",
    )


def _read(table: Path) -> tuple[Sequence[_Line], Sequence[str]]:
    """One line for each video, and the videos of which two lines give the method differently."""
    header, *lines = read_csv_list(table)
    absent = [column for column in _COLUMNS if column not in header]
    if absent:
        raise ManifestError(
            f"{table} is not the table of FakeAVCeleb: it has no column {' and no '.join(absent)} "
            f"(found: {', '.join(header)})."
        )
    found: dict[str, _Line] = {}
    doubtful = set()
    for fields in lines:
        line = _line(header, fields, table)
        first = found.setdefault(line.path.lower(), line)
        if line.method != first.method:
            doubtful.add(first.path)
        # Whoever any line names may be in the video.
        found[line.path.lower()] = first._replace(people=first.people | line.people)
    return tuple(found.values()), tuple(sorted(doubtful))


def _line(header: Sequence[str], fields: Sequence[str], table: Path) -> _Line:
    known = dict(zip(header, fields, strict=False))
    rest = [field.replace("\\", "/") for field in fields]
    # From the end: targets come before it, and some of them look like the name of a file.
    names = (field.rpartition("/")[2] for field in reversed(rest))
    name = next(
        (name for name in names if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES), ""
    )
    kind = known.get("type", "")
    if not name or kind not in TYPES or not known.keys() >= set(_COLUMNS):
        raise ManifestError(
            f"{table} has a line without the name of a video or with a type other than "
            f"{', '.join(TYPES)} ({','.join(fields)}): put the published table in its place."
        )
    folder = next((field for field in rest if f"/{kind}/" in f"/{field}"), "")
    if folder:
        # The published folders begin with the name of the data set.
        below = f"/{folder}".partition(f"/{kind}/")[2].removesuffix(name).strip("/")
    else:
        below = "/".join(known[part] for part in ("race", "gender", "source"))
    path = f"{kind}/{below}/{name}"
    told = (known["source"], known["target1"], known["target2"], below, name)
    people = frozenset(person for text in told for person in _PERSON.findall(text))
    if not people:
        raise ManifestError(f"{table} tells no person for {path}: put the published table there.")
    return _Line(path=path, kind=kind, method=known["method"], people=people)


def _remarks(lines: Sequence[_Line], doubtful: Sequence[str]) -> Iterable[str]:
    kinds = Counter(line.kind for line in lines)
    if kinds[VOICE_ONLY]:
        methods = sorted({line.method for line in lines if line.kind == VOICE_ONLY})
        yield (
            f"Authentic faces with a cloned voice ({VOICE_ONLY}, method {', '.join(methods)}: "
            f"{kinds[VOICE_ONLY]}) are labelled fake, as published: a detector of the face alone "
            "cannot tell them, so leave that method out or look at it by itself."
        )
    for kind, n in TYPES.items():
        if kinds[kind] != n:
            yield f"{kind} holds {kinds[kind]} of the {n} videos that were published, as listed."
    if doubtful:
        yield (
            f"Videos with two methods in {TABLE}: {len(doubtful)} (first: {doubtful[0]}); the one "
            "named first is kept."
        )
    yield _SILENCE
