"""A manifest of authentic videos, and perhaps of fakes, becomes one of videos to learn from."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

from featurize.datasets.wording import counted, first_names
from featurize.errors import ManifestError, OptionError, OutputError, VideoError, WorkerError
from featurize.extraction import one_thread
from featurize.manifest import read_videos, whole_paths
from featurize.media_file import is_url, located
from featurize.outputs.whole_file import whole_file
from featurize.pipeline import extract_landmarks
from featurize.runs.progress import RunProgress
from featurize.synthesis.degradations.chain import Chain
from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from featurize.synthesis.pseudo_fakes.piece import MIN_PIECE_S
from featurize.synthesis.pseudo_fakes.plan import FAKE, REAL, Clip, World, planned
from featurize.synthesis.pseudo_fakes.rendering import OK, Outcome, Workshop

MANIFEST = "manifest.csv"
MANIFEST_COLUMNS: tuple[str, ...] = (
    *("path", "label", "group", "method", "dataset", "compression", "split"),
    *("world", "donor_group", "parameters", "status", "reason"),
)
_LANDMARKS = "landmarks"
_MAX_PIECE_S = 20.0


def make_pseudo_fakes(
    manifest: str | Path | pd.DataFrame,
    out: str | Path,
    *,
    worlds: int = 4,
    fakes: int = 2,
    methods: Sequence[str] | None = None,
    piece_s: float = 5.2,
    seed: int = 0,
    n_jobs: int = -1,
    store: str | Path | None = None,
    chain: Callable[[np.random.Generator], Chain] | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Render worlds of videos: authentic pieces beside manipulated versions of themselves.

    Of each video a number of worlds are made. A world is a piece of the video and a chain of
    degradations, drawn once. Authentic videos are rendered as they are and in manipulated versions,
    all through the same chain with the same seeds, noise and dropped frames included. Videos that
    are fakes already go through chains only. Nothing about a chain depends on the label.

    Finished worlds are kept: a run that was interrupted, or has more videos now, renders only what
    is missing. What is drawn for a video does not depend on the others, but for its donors: of n
    persons who could lend a face, a new one takes the place in one of n + 1 choices. Same
    arguments, same bytes, whatever ``n_jobs`` and the order of the manifest. Videos are known by
    path and size: one that was replaced by another of the same size is not noticed.

    Parameters
    ----------
    manifest : str, Path or pandas.DataFrame
        As for :func:`featurize.manifest.read_videos`; each video has a label. Faces are swapped
        within a ``dataset`` and ``split``, between ``group`` s; a video without a group is one by
        itself. Videos that are split by person later must be split by ``donor_group`` too.
    out : str or Path
        Folder for videos and ``manifest.csv``; made if missing.
    worlds : int
        Worlds of each video.
    fakes : int
        Manipulated versions in each world of an authentic video, each by another method.
    methods : sequence of str, optional
        Names of the manipulations to draw from; all of
        :data:`~featurize.synthesis.manipulations.catalogue.MANIPULATIONS` when None.
    piece_s : float
        Length of pieces in seconds; a shorter video is a piece as a whole.
    seed : int
        0 or above.
    n_jobs : int
        Processes, as in joblib; -1 for one per core.
    store : str or Path, optional
        Landmark store, see :mod:`featurize.landmarks.storage.store`; ``landmarks`` in ``out`` when
        None. Landmarks are found once in the whole of each video.
    chain : callable, optional
        Draws a chain of degradations from a generator of random numbers;
        :meth:`featurize.synthesis.degradations.chain.Chain.drawn` when None.
    progress : bool
        Say on standard error how far it is.

    Returns
    -------
    pandas.DataFrame
        The new manifest: ``path`` relative to ``out``, ``label``, ``group``, ``method`` (``none``,
        ``pseudo-...`` or that of the fake), ``dataset``, ``compression`` (the chain), ``split``,
        ``world`` (the same for all versions of a piece), ``donor_group``, ``parameters`` (JSON),
        ``status`` and ``reason``. A video that could not be made, or in which hardly anything can
        be seen to have changed (``unchanged``), is a row with another status than ``ok``.

    Raises
    ------
    ManifestError
        When the manifest cannot be read, a video has no label, none is authentic, or all methods
        need a donor and there is none.
    OptionError
        When an option has a value that nothing can be rendered with.
    OutputError
        When ``out`` lies where the videos are, holds another manifest or cannot be written.
    WorkerError
        When a process ends before its work does.
    """
    methods = tuple(MANIPULATIONS) if methods is None else tuple(methods)
    _check_options(worlds, fakes, methods, piece_s, seed, n_jobs)
    clips = _clips(manifest)
    out = Path(out)
    _check_out(out, manifest, clips)
    plan = planned(
        clips,
        worlds=worlds,
        fakes=fakes,
        methods=methods,
        seed=seed,
        chain=chain or Chain.drawn,
    )
    if fakes and not any(world.fakes for world in plan):
        raise ManifestError(
            f"{', '.join(methods)} takes the face of another person of the same dataset and split, "
            "and there is none: add persons, or use other methods too."
        )
    workshop = Workshop(
        out.absolute(), Path(out / _LANDMARKS if store is None else store).absolute(), piece_s
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        # Held open all the time, so that a second run into this folder is refused.
        with whole_file(out / MANIFEST) as file:
            outcomes = _outcomes(plan, workshop, n_jobs, progress)
            table = _table(plan, outcomes)
            file.write(table.to_csv(index=False, lineterminator="\n").encode())
    except OSError as error:
        raise OutputError(
            f"Videos cannot be written to {out} ({error.strerror or error}): name a folder that "
            "can be written to and has room; what is finished there is kept."
        ) from error
    except TerminatedWorkerError as error:
        raise WorkerError(
            "A worker process was ended from outside, perhaps for want of memory: run again with "
            "fewer jobs; what is finished is kept."
        ) from error
    return table


def _check_options(
    worlds: int, fakes: int, methods: Sequence[str], piece_s: float, seed: int, n_jobs: int
) -> None:
    """Refuse what cannot be rendered, in the words of :func:`make_pseudo_fakes`."""
    known = ", ".join(MANIPULATIONS)
    unknown = [name for name in methods if name not in MANIPULATIONS]
    demands = {
        f"No manipulation is called {first_names(unknown)}: use {known}.": not unknown,
        "methods names a manipulation twice: name each once.": len(set(methods)) == len(methods),
        f"worlds must be at least 1, not {worlds}.": worlds >= 1,
        f"fakes must be at least 0, not {fakes}.": fakes >= 0,
        f"{counted(len(methods), 'method')} cannot make {fakes} fakes of another method each: "
        "name more methods or make fewer fakes.": fakes <= len(methods),
        f"piece_s must be from {MIN_PIECE_S:g} to {_MAX_PIECE_S:g}, not {piece_s}.": (
            MIN_PIECE_S <= piece_s <= _MAX_PIECE_S
        ),
        f"seed must be 0 or above, not {seed}.": seed >= 0,
        "n_jobs must be a number of processes, or -1 for one per core, not 0.": n_jobs != 0,
    }
    for sentence, met in demands.items():
        if not met:
            raise OptionError(sentence)


def _clips(manifest: str | Path | pd.DataFrame) -> list[Clip]:
    """The videos of a manifest."""
    videos, folder = read_videos(manifest)
    clips = [
        Clip(
            row["path"],
            located(folder, row["path"]),
            *(row[name] for name in ("label", "group", "method", "dataset", "split")),
        )
        for row in videos.to_dict("records")
    ]
    unlabelled = [clip.path for clip in clips if clip.label not in (REAL, FAKE)]
    if unlabelled:
        raise ManifestError(
            f"{counted(len(unlabelled), 'video')} without a label ({first_names(unlabelled)}): "
            "say of each whether it is real or fake."
        )
    if not any(clip.label == REAL for clip in clips):
        raise ManifestError(
            "No video is authentic, and pseudo-fakes are made of authentic ones: add videos with "
            "the label real."
        )
    return clips


def _check_out(out: Path, manifest: str | Path | pd.DataFrame, clips: Sequence[Clip]) -> None:
    """Refuse a folder in which what is written would mix with what is read."""
    here = Path(os.path.realpath(out))
    sources = {
        Path(path).parent for path in whole_paths(c.place for c in clips if not is_url(c.place))
    }
    if not isinstance(manifest, pd.DataFrame) and Path(manifest).is_dir():
        sources.add(Path(os.path.realpath(manifest)))
    for source in sorted(sources):
        if here.is_relative_to(source):
            raise OutputError(
                f"{out} lies in {source}, where videos of the manifest are: give a folder beside "
                "it, so that the two are not mixed up."
            )
    target = out / MANIFEST
    header = ",".join(MANIFEST_COLUMNS)
    try:
        with target.open("rb") as file:
            is_ours = file.readline().rstrip(b"\r\n") == header.encode()
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(
            f"{target} cannot be read ({error.strerror}): give another folder."
        ) from error
    if not is_ours:
        raise OutputError(
            f"{target} is there already and is not a manifest of this command: give another folder."
        )


def _outcomes(
    plan: Sequence[World], workshop: Workshop, n_jobs: int, progress: bool
) -> list[list[Outcome]]:
    """Render what is not there yet; what became of each video of each world."""
    outcomes = {
        number: rows
        for number, world in enumerate(plan)
        if (rows := workshop.finished(world)) is not None
    }
    left = [(number, world) for number, world in enumerate(plan) if number not in outcomes]
    # Before anything is rendered: pieces of a video, and those that it lends its face to, are done
    # side by side, and each would look for its landmarks.
    places = sorted({place for _, world in left for place in _places(world)}, key=str)
    with RunProgress(len(places), len(places), progress and bool(places)) as bar:
        for status, n_faces, n_frames in _in_parallel(
            n_jobs, _found, ((place, workshop.store) for place in places)
        ):
            bar.advance(status, n_faces, n_frames, 1.0)
    n_videos = sum(len(world.rows()) for world in plan)
    with RunProgress(n_videos, n_videos, progress) as bar:
        for rows in outcomes.values():
            _advance(bar, rows, resumed=True)
        for number, rows in _in_parallel(
            n_jobs, _rendered, ((workshop, number, world) for number, world in left)
        ):
            outcomes[number] = rows
            _advance(bar, rows)
    return [outcomes[number] for number in range(len(plan))]


def _places(world: World) -> Iterator[str | Path]:
    yield world.clip.place
    for fake in world.fakes:
        if fake.donor is not None:
            yield fake.donor.place


def _in_parallel(n_jobs: int, task: Callable, orders: Iterable[tuple]) -> Iterator:
    """What the task makes of each order, as it comes."""
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    return parallel(delayed(task)(*order) for order in orders)


def _found(place: str | Path, store: Path) -> tuple[str, int, int]:
    """Have the landmarks of a video in the store: status, faces and frames."""
    with one_thread(), threadpool_limits(limits=1):
        try:
            tracks = extract_landmarks(place, landmark_store=store)
        except VideoError as error:
            return error.status, 0, 0
    return OK, len(tracks), tracks[0].n_frames if tracks else 0


def _rendered(workshop: Workshop, number: int, world: World) -> tuple[int, list[Outcome]]:
    return number, workshop.render(world)


def _advance(bar: RunProgress, rows: Sequence[Outcome], *, resumed: bool = False) -> None:
    for status, _ in rows:
        bar.advance(status, 0, 0, 1.0, resumed=resumed)


def _table(plan: Sequence[World], outcomes: Sequence[Sequence[Outcome]]) -> pd.DataFrame:
    rows = [
        {**row, "status": status, "reason": reason}
        for world, results in zip(plan, outcomes, strict=True)
        for row, (status, reason) in zip(world.rows(), results, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS), dtype=object)
