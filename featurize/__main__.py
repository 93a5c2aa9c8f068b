"""Command line of the feature side: ``python -m featurize``."""

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from featurize import __version__
from featurize.errors import FeaturizeError, OptionError
from featurize.limits import MEMORY_MIB, TIMEOUT_S

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
)


_Cnn = Annotated[
    list[str] | None,
    typer.Option(
        help="Add features of a network: dlib-resnet, efficientnet-lite0, blending-lite0, or the "
        "path of a TorchScript file; can be given several times."
    ),
]
_Identity = Annotated[
    bool, typer.Option("--identity", help="Add how stable the face is as that of one person.")
]
_Series = Annotated[
    bool,
    typer.Option("--series", help="Add signals step by step; needs --window, at most 30 s."),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"deepfake-biometrics {__version__}")
        raise typer.Exit


def _not_zero(jobs: int) -> int:
    if jobs == 0:
        raise typer.BadParameter("0 jobs do nothing: give 1 or more, or -1 for one per core.")
    return jobs


@contextlib.contextmanager
def _as_sentences() -> Iterator[None]:
    """Warnings are a line each, and what ends a job of a cluster is taken for Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_, **__: _tell(str(message), err=True)
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(text: str, *, err: bool = False) -> None:
    """Print what a run has to say, which is none the worse for having nowhere to say it."""
    try:
        typer.echo(text, err=err)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, (sys.stderr if err else sys.stdout).fileno())
        os.close(nowhere)


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Turn face videos into tables of biometric features."""


@app.command()
def run(
    source: Annotated[
        str, typer.Argument(help="A manifest (.csv), a folder of videos, or one video.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Feature table to write: .csv, or .parquet.")
    ] = Path("features.csv"),
    jobs: Annotated[
        int,
        typer.Option(min=-1, callback=_not_zero, help="Videos at a time; -1 for one per core."),
    ] = -1,
    backend: Annotated[
        str,
        typer.Option(
            help="Landmarks: mediapipe (478 points) or dlib (68 points). dask: mediapipe, by the "
            "cluster of --scheduler."
        ),
    ] = "mediapipe",
    scheduler: Annotated[
        str | None,
        typer.Option(help="Dask scheduler whose cluster does the work, such as tcp://HOST:8786."),
    ] = None,
    detector: Annotated[
        str | None, typer.Option(help="Face detector of the dlib backend: hog or cnn.")
    ] = None,
    faces: Annotated[str, typer.Option(help="all, or main for the main face only.")] = "all",
    max_faces: Annotated[int, typer.Option(min=1, help="Most faces to follow at a time.")] = 3,
    min_duration: Annotated[
        float, typer.Option(min=0, help="Drop faces shown for less than this many seconds.")
    ] = 1.0,
    stabilise: Annotated[
        bool, typer.Option("--stabilise", help="Calibrate landmarks by optical flow (LRNet).")
    ] = False,
    landmark_store: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder to keep landmarks in: another run with it needs no video.",
        ),
    ] = None,
    per_frame: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder for the signals of every frame, in the columns of OpenFace.",
        ),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(help="One row per window of this many seconds, not per video."),
    ] = None,
    cnn: _Cnn = None,
    identity: _Identity = False,
    series: _Series = False,
    device: Annotated[
        str, typer.Option(help="Where networks run: auto (CUDA where there is one), cpu or cuda.")
    ] = "auto",
    timeout: Annotated[
        float, typer.Option(min=0, help="Most seconds for one video; 0 for no limit.")
    ] = TIMEOUT_S,
    memory: Annotated[
        float, typer.Option(min=0, help="Most MiB of memory for one video; 0 for no limit.")
    ] = MEMORY_MIB,
    shard: Annotated[
        str | None, typer.Option(help="3/100: only the third of a hundred parts; see join.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 when any video could not be used.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Write the feature table of a data set: one row per face and video, or per window of it."""
    from featurize.extraction import LandmarkOptions
    from featurize.feature_options import FeatureOptions
    from featurize.outputs.shards import Shard
    from featurize.runs.settings import RunSettings
    from featurize.table import run_dataset

    if backend == "dask":
        if scheduler is None:
            raise OptionError("--backend dask needs --scheduler with the address of the cluster.")
        backend = "mediapipe"
    how = RunSettings(
        n_jobs=jobs,
        landmark_store=landmark_store,
        per_frame=per_frame,
        features=FeatureOptions(tuple(cnn or ()), identity, series, window, device),
        timeout_s=timeout or None,
        memory_mib=memory or None,
        scheduler=scheduler,
        shard=None if shard is None else Shard.parse(shard),
        progress=not quiet,
        landmarks=LandmarkOptions(
            backend, detector, faces, max_faces, min_duration, stabilise=stabilise
        ),
    )
    try:
        with _as_sentences():
            summary = run_dataset(source, out, how)
    except KeyboardInterrupt as stopped:
        _tell(str(stopped) or "Stopped before any video was begun.", err=True)
        raise typer.Exit(130) from None
    if not quiet:
        _tell(summary.text(out, window))
    raise typer.Exit(summary.exit_code(strict))


@app.command()
def join(
    tables: Annotated[list[Path], typer.Argument(help="Tables of shards, in their order.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Table to write.")],
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Join what there is, though shards are missing.")
    ] = False,
) -> None:
    """Join the tables of shards to the table that one run would have written."""
    from featurize.outputs.joining import join_tables

    joined = join_tables(tables, out, incomplete=incomplete)
    for remark in joined.remarks:
        typer.echo(remark, err=True)
    typer.echo(f"{joined.n_videos} videos in {joined.n_rows} rows. Written to {out}.")


@app.command()
def manifest(
    dataset: Annotated[
        Literal[
            "ffpp", "dfd", "dfdc", "celebdf", "uadfv", "deeperforensics", "fakeavceleb", "folder"
        ],
        typer.Argument(help="The published data set, or folder for real/ and fake/."),
    ],
    root: Annotated[Path, typer.Argument(help="The folder it was downloaded to.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Manifest to write.")] = Path(
        "manifest.csv"
    ),
    add: Annotated[
        list[Path] | None,
        typer.Option(help="Manifest of another data set to join; can be given several times."),
    ] = None,
) -> None:
    """Write the manifest of a published data set: labels, groups, methods and official split."""
    from featurize.datasets.manifest_file import check_out, make_manifest, write_manifest
    from featurize.datasets.readers import READERS
    from featurize.datasets.summary import summarise

    check_out(out)
    table, listing = make_manifest(READERS[dataset](root), root, out, add or ())
    write_manifest(table, out)
    typer.echo(summarise(table, listing))
    typer.echo(f"Written to {out}.")


@app.command()
def features(
    family: Annotated[str, typer.Option(help="Only this family, such as eyes.")] = "",
    csv: Annotated[bool, typer.Option("--csv", help="Print as CSV, with all columns.")] = False,
    cnn: _Cnn = None,
    identity: _Identity = False,
    series: _Series = False,
    window: Annotated[
        float | None, typer.Option(help="Length of the windows of --series, in seconds.")
    ] = None,
) -> None:
    """List every feature with its unit and meaning."""
    from featurize.registry import describe_features

    table = describe_features(cnn=cnn or (), identity=identity, series=series, window_s=window)
    if family:
        known = ", ".join(table["family"].unique())
        table = table[table["family"] == family]
        if table.empty:
            typer.echo(f"No family is called {family!r}: use one of {known}.", err=True)
            raise typer.Exit(2)
    if csv:
        typer.echo(table.to_csv(index=False), nl=False)
        return
    for group, rows in table.groupby("family", sort=False):
        typer.secho(f"{group} ({len(rows)} features)", bold=True)
        for row in rows.itertuples():
            typer.echo(f"  {row.name} [{row.unit}]  {row.meaning}")


@app.command()
def doctor() -> None:
    """Say which backends, model files and codecs work here."""
    from featurize.doctor import examine

    if not examine():
        raise typer.Exit(1)


@app.command()
def demo_data(
    folder: Annotated[Path, typer.Argument(help="Folder to write clips and manifest.csv to.")],
    people: Annotated[
        int, typer.Option(min=1, help="Number of scripted people, two clips each.")
    ] = 16,
    seed: Annotated[int, typer.Option(help="Another seed, other performances.")] = 0,
    jobs: Annotated[
        int,
        typer.Option(min=-1, callback=_not_zero, help="Clips at a time; -1 for one per core."),
    ] = -1,
) -> None:
    """Make a small data set of scripted faces, authentic and manipulated."""
    from featurize.synthesis import make_dataset

    manifest = make_dataset(folder, n_people=people, seed=seed, n_jobs=jobs)
    typer.echo(f"{len(manifest)} clips and their manifest.csv are in {folder}.")


@app.command()
def pseudo_fakes(
    source: Annotated[
        str, typer.Argument(help="Manifest (.csv) or folder of authentic videos, and of fakes.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", file_okay=False, help="Folder for videos and manifest.csv."),
    ],
    worlds: Annotated[int, typer.Option(min=1, help="Pieces of each video.")] = 4,
    fakes: Annotated[int, typer.Option(min=0, help="Pseudo-fakes of each authentic piece.")] = 2,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Only this manipulation; can be given several times. Otherwise all."),
    ] = None,
    landmark_store: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder to keep landmarks in; else in that of --out."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other videos.")] = 0,
    jobs: Annotated[
        int,
        typer.Option(min=-1, callback=_not_zero, help="Pieces at a time; -1 for one per core."),
    ] = -1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Make pseudo-fakes of authentic videos, each beside its original in the same quality."""
    from featurize.synthesis.pseudo_fakes import make_pseudo_fakes

    try:
        with _as_sentences():
            table = make_pseudo_fakes(
                source,
                out,
                worlds=worlds,
                fakes=fakes,
                methods=method,
                seed=seed,
                n_jobs=jobs,
                store=landmark_store,
                progress=not quiet,
            )
    except KeyboardInterrupt:
        _tell("Stopped. What is finished is kept: the same command goes on from there.", err=True)
        raise typer.Exit(130) from None
    lost = table[table["status"] != "ok"]
    for row in lost.drop_duplicates("world").itertuples():
        _tell(f"{row.path}: {row.reason}", err=True)
    if not quiet:
        _tell(
            f"{len(table) - len(lost)} videos in {table['world'].nunique()} worlds, {len(lost)} "
            f"could not be made. Listed in {out / 'manifest.csv'}."
        )


def main() -> None:
    """Run the command line; an error of the package is one sentence, not a traceback."""
    # A name of a file may hold bytes that the terminal's encoding has no letter for.
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except FeaturizeError as error:
        _tell(str(error), err=True)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
