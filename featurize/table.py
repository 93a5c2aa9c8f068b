"""Many videos go in, one feature table comes out: in parallel, complete, in the order given."""

import contextlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path

import pandas as pd

from featurize.errors import WorkerLostError
from featurize.extraction import LandmarkOptions
from featurize.feature_options import FeatureOptions
from featurize.landmarks.storage.store import LandmarkStore
from featurize.limits import MEMORY_MIB, TIMEOUT_S
from featurize.manifest import read_videos
from featurize.media_file import located
from featurize.outputs.columns import describe_columns
from featurize.outputs.shards import Shard
from featurize.outputs.sidecars import (
    columns_file,
    describe_run,
    run_file,
    table_facts,
    write_json,
)
from featurize.outputs.table_file import check_table_path, write_table
from featurize.per_frame.columns import write_per_frame_columns
from featurize.runs.cluster import Cluster
from featurize.runs.dataset_run import DatasetRun
from featurize.runs.journal import Journal, writing
from featurize.runs.refusals import refuse_outputs
from featurize.runs.settings import RunSettings
from featurize.runs.summary import RunSummary, VideoFacts
from featurize.runs.videos import Videos


def featurize_dataset(
    source: str | Path | pd.DataFrame,
    out: str | Path | None = None,
    *,
    n_jobs: int = -1,
    landmark_store: str | Path | None = None,
    per_frame: str | Path | None = None,
    window_s: float | None = None,
    cnn: str | Path | Sequence[str | Path] = (),
    identity: bool = False,
    series: bool = False,
    device: str = "auto",
    timeout_s: float | None = TIMEOUT_S,
    memory_mib: float | None = MEMORY_MIB,
    scheduler: str | None = None,
    shard: str | None = None,
    progress: bool = False,
    **options: object,
) -> pd.DataFrame:
    """Featurize every video of a manifest or folder.

    A video that cannot be used has a row too: its ``status`` is a short code and its ``reason`` a
    sentence. The table is the same for any number of jobs. An interrupted run that is started again
    with the same ``out`` goes on where it stopped.

    Videos are worked on in processes of their own: one that crashes a decoder, hangs or eats memory
    costs its own row, ``crashed``, ``timeout`` or ``too_large``, and nothing else.

    Parameters
    ----------
    source : str, Path or pandas.DataFrame
        A manifest (CSV with a column ``path``, relative to the manifest, and where known ``label,
        group, method, dataset, compression, split``), a table of the same form, a folder, or one
        video. See :func:`featurize.manifest.read_videos`.
    out : str or Path, optional
        Where to write the table, whole or not at all: as Parquet when it ends in ``.parquet``, else
        as CSV. What its columns mean and how it was made is written beside it
        (``features.columns.json``, ``features.run.json``).
    n_jobs : int
        Videos at a time; -1 for one per core, of the cluster when there is one.
    landmark_store : str or Path, optional
        Folder of landmarks. Those it holds are not looked for again, others are kept there, so
        features can be computed anew without the videos. See
        :mod:`featurize.landmarks.storage.store`.
    per_frame : str or Path, optional
        Folder for the signals of every frame, a file for each video in the columns of OpenFace. See
        :mod:`featurize.per_frame`.
    window_s : float, optional
        Length of windows to measure instead of whole videos, see :func:`featurize.featurize_video`.
        The table then has one row per window, and the columns ``window_start_s, window_end_s``. A
        video that shows enough of a face in no window has one row that says so.
    cnn, identity, series, device
        What is measured besides, and where networks run, see :func:`featurize.featurize_video`.
    timeout_s : float or None
        Longest that one video may take; None for no limit.
    memory_mib : float or None
        Most memory that one video may take; None for no limit.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster that does the work, such as
        ``"tcp://10.0.0.1:8786"``. Its workers need this package in the same version, and see the
        same files under the same paths.
    shard : str, optional
        ``"3/100"`` for the third of a hundred parts of consecutive videos, to be joined by
        :func:`featurize.outputs.joining.join_tables`.
    progress : bool
        Show a progress bar on standard error, or a line a minute when that is no terminal.
    **options
        How faces are found and followed: ``backend, detector, faces, max_faces, min_duration_s,
        stabilise``, see :class:`featurize.extraction.LandmarkOptions`.

    Returns
    -------
    pandas.DataFrame
        One row per face and video, in the order of the manifest, main face first, windows in the
        order of time; columns as for :func:`featurize.featurize_video`. :func:`run_dataset` does
        the same without holding the table in memory.

    Raises
    ------
    ManifestError, OptionError, UnknownBackendError
        When the list of videos or an option cannot be worked with, or a network cannot be run here.
        Raised before any video is opened.
    OutputError
        When ``out`` or the landmark store cannot be written, another run is writing ``out``, or
        ``out`` is the manifest, a network or one of the videos itself. Raised before any video is
        opened, unless the disk fills up later.
    ModelFileError
        When the backend's model file is missing or damaged, or a network's.
    WorkerError
        When workers cannot be started, or have other versions than this process.
    WorkerLostError
        When a cluster is lost. As after a KeyboardInterrupt, what is finished is kept.

    Warns
    -----
    UserWarning
        When an earlier run left rows that were made with other settings, or of videos that have
        changed since: they are made again.
    """
    how = RunSettings(
        n_jobs=n_jobs,
        landmark_store=landmark_store,
        per_frame=per_frame,
        features=FeatureOptions(cnn, identity, series, window_s, device),
        timeout_s=timeout_s,
        memory_mib=memory_mib,
        scheduler=scheduler,
        shard=None if shard is None else Shard.parse(shard),
        progress=progress,
        landmarks=LandmarkOptions(**options),
    )
    out = None if out is None else Path(out)
    with _worked_through(source, out, how) as run:
        if out is not None:
            _write(run, out, how)
        return pd.concat(list(run.parts(lambda *_: None)), ignore_index=True)


def run_dataset(
    source: str | Path | pd.DataFrame, out: str | Path, how: RunSettings | None = None
) -> RunSummary:
    """Write the table of :func:`featurize_dataset` without holding it in memory.

    Parameters
    ----------
    source, out
        As for :func:`featurize_dataset`.
    how : RunSettings, optional
        Its other parameters.

    Returns
    -------
    RunSummary
        What came of it.

    Raises
    ------
    FeaturizeError
        As :func:`featurize_dataset`.
    """
    how = RunSettings() if how is None else how
    # An earlier run with the same settings may have known a network before its file changed.
    how = replace(how, features=replace(how.features))
    with _worked_through(source, Path(out), how) as run:
        return _write(run, Path(out), how)


@contextlib.contextmanager
def _worked_through(
    source: str | Path | pd.DataFrame, out: Path | None, how: RunSettings
) -> Iterator[DatasetRun]:
    """A run whose videos are all done; its journal is open until the end of the block."""
    how.features.check()
    known, folder = read_videos(source)
    with contextlib.ExitStack() as stack:
        manifest = None if isinstance(source, pd.DataFrame) else source
        per_frame = None if how.per_frame is None else Path(how.per_frame)
        places = [str(located(folder, path)) for path in known["path"]]
        listed, networks = list(known["path"]), how.features.files
        refuse_outputs(out, manifest, places, listed, per_frame, networks)
        if out is None:
            kept_in = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "journal"
        else:
            check_table_path(out)
            kept_in = out.with_name(out.name + ".journal")
        if how.landmark_store is not None:
            LandmarkStore(how.landmark_store)  # whether it can be written is known before any work
        if per_frame is not None:
            write_per_frame_columns(per_frame)
        cluster = None
        if how.scheduler is not None:
            cluster = stack.enter_context(Cluster(how.scheduler))
        videos, plan, limits = Videos.listed(known, folder, how.shard), how.plan, how.limits
        settings = plan.settings | plan.whole_products
        journal = stack.enter_context(Journal(kept_in, settings, asdict(limits), plan.n_features))
        run = DatasetRun(videos, plan, limits, journal)
        run.look()
        for sentence in _what_is_done_again(kept_in, journal, settings):
            warnings.warn(sentence, stacklevel=4)
        try:
            run.work(how.n_jobs, cluster, how.progress)
            yield run
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_what_is_kept(run, out)) from None
        except WorkerLostError as error:
            raise WorkerLostError(f"{error} {_what_is_kept(run, out)}") from error


def _write(run: DatasetRun, out: Path, how: RunSettings) -> RunSummary:
    """Write the table and what goes with it."""
    summary, failures = RunSummary(), []

    def count(path: str, facts: VideoFacts) -> None:
        summary.add(facts)
        if facts.status != "ok":
            failures.append((path, facts.status, facts.reason))

    with writing(out):
        write_table(run.parts(count), out)
        write_json(describe_columns(how.features), columns_file(out))
        story = describe_run(
            settings=how.plan.settings,
            versions={name: metadata.version(name) for name in ("joblib", "pandas")},
            list_sha256=run.videos.list_sha256,
            list_lines=run.videos.n_lines,
            shard=how.shard,
            videos_by_status=summary.n_by_status,
            n_faces=summary.n_faces,
            n_rows=summary.n_rows,
            n_frames=summary.n_frames,
            video_s=summary.duration_s,
            table=table_facts(out),
            limits=asdict(how.limits),
            wall_s=run.cost.wall_s,
            cpu_s=run.cost.cpu_s,
            peak_mib=run.cost.peak_mib,
            n_videos_taken_over=run.cost.n_resumed,
            session_n_frames=run.cost.n_frames,
            session_video_s=run.cost.video_s,
            failures=failures,
        )
        write_json(story, run_file(out))
    run.finish()
    summary.n_resumed, summary.n_to_try = run.cost.n_resumed, run.n_to_try
    return summary


def _what_is_kept(run: DatasetRun, out: Path | None) -> str:
    if out is None:
        return "No video is kept: with `out` an interrupted run can go on."
    return f"{run.n_kept} of {run.n_videos} videos are kept; give the same command again to go on."


def _what_is_done_again(
    kept_in: Path, journal: Journal, settings: Mapping[str, object]
) -> Iterator[str]:
    if journal.n_changed:
        yield (
            f"{kept_in} holds {journal.n_changed} videos that have changed since they were done: "
            "they are done again."
        )
    if journal.n_other_settings:
        before = journal.other_settings
        told = [
            name
            if name in ("features", "models", "networks")
            else f"{name}: {before.get(name)}, now {settings[name]}"
            for name in settings
            if before.get(name) != settings[name]
        ]
        yield (
            f"{kept_in} holds {journal.n_other_settings} videos that were done with other settings "
            f"({'; '.join(told)}): they are done again."
        )
