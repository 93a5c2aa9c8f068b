"""The door for the shell: ``python -m models train | cross-validate | score``."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featurize.errors import FeaturizeError
from models.errors import ModelsError

if TYPE_CHECKING:
    from rich.table import Table

    from models.detector import Detector
    from models.evaluation.validation_report import ValidationReport

app = typer.Typer(
    help="Train, cross-validate and use a detector of manipulated face videos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# Columns of the terminal that the names of the metrics and the figures of a classifier take.
_METRIC_WIDTH = 30
_FIGURE_WIDTH = 17

_TableFile = Annotated[
    Path, typer.Argument(help="Feature table written by `python -m featurize run`.")
]
_Seed = Annotated[int, typer.Option(help="Same seed, same result.")]
_Condition = Annotated[
    bool,
    typer.Option(help="Tell features beside what authentic video of the same quality shows."),
]

_Members = Annotated[
    str | None,
    typer.Option(
        help="Who decides in a committee or stacking: two or more of svm, mlp, xgboost, linear, "
        "networks, sequences and frames, joined by commas."
    ),
]
_Search = Annotated[
    bool,
    typer.Option(
        "--search", help="Choose hyper-parameters and features, on groups of the training part."
    ),
]


def _one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the packages' own errors into one line on stderr and exit status 2."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (ModelsError, FeaturizeError) as error:
            typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error

    return run


@app.command()
@_one_line_errors
def train(
    features: _TableFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Detector file to write.")],
    classifier: Annotated[
        str,
        typer.Option(
            help="svm, mlp, xgboost or linear; networks, of a table with what networks say; "
            "sequences or frames, of a table with --series; "
            "committee (mean of its members) or stacking (weighted by what held-out people showed)."
        ),
    ] = "committee",
    members: _Members = None,
    seed: _Seed = 0,
    condition_on_quality: _Condition = False,
    search: _Search = False,
) -> None:
    """Fit a detector on a feature table and save it."""
    from models.storage import check_destination
    from models.training import train as train_detector

    check_destination(output)
    detector = train_detector(
        features, classifier, seed, condition_on_quality, search, members=members
    )
    detector.save(output)
    made = detector.provenance
    for remark in made["remarks"]:
        typer.echo(remark, err=True)
    weights = [f"{name} {weight:.2f}" for name, weight in detector.member_weights.items()]
    weighed = f"; weights {', '.join(weights)}" if weights else ""
    typer.echo(
        f"{output}: {classifier} trained on {made['n_real']} real and {made['n_fake']} fake videos "
        f"of {made['n_groups']} groups with {_learnt_from(detector)}; fake from "
        f"probability {detector.thresholds.fake:.2f}, real up to {detector.thresholds.real:.2f}"
        f"{weighed}."
    )


def _learnt_from(detector: "Detector") -> str:
    from models.table.series import series_layout

    parts = [f"{len(detector.columns)} features"] if detector.columns else []
    if detector.series:
        signals, n_steps = series_layout(detector.series)
        parts.append(f"{len(signals)} signals of {n_steps} steps in time")
    return " and ".join(parts)


@app.command("cross-validate")
@_one_line_errors
def cross_validate(
    features: _TableFile,
    hold_out: Annotated[
        str,
        typer.Option(
            help="What is never seen: group (people), method, single_method (train on one, test on "
            "each), dataset, compression or split (the official one)."
        ),
    ] = "group",
    classifier: Annotated[
        str,
        typer.Option(
            help="all, or names joined by commas: svm,mlp,xgboost,linear,committee,stacking, "
            "networks of a table with what networks say, sequences,frames of one with --series."
        ),
    ] = "all",
    members: _Members = None,
    folds: Annotated[int, typer.Option(help="Number of folds.")] = 5,
    seed: _Seed = 0,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one per core.")] = 1,
    condition_on_quality: _Condition = False,
    search: _Search = False,
    audit: Annotated[bool, typer.Option(help="Ask first which shortcuts the table offers.")] = True,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Folder for report.html, metrics.json and scores.csv; also measures what each "
            "family of features is worth.",
        ),
    ] = None,
) -> None:
    """Measure classifiers on videos of people, methods or sources they never saw."""
    from models.report import check_folder, write_report
    from models.validation import cross_validate as validate

    if report is not None:
        check_folder(report)
    names = classifier if classifier == "all" else [n.strip() for n in classifier.split(",")]
    found = validate(
        features,
        hold_out,
        names,
        folds,
        seed,
        jobs,
        condition_on_quality,
        search,
        members=members,
        importance=report is not None,
        audit=audit,
    )
    _print_report(found)
    if report is not None:
        for path in write_report(found, report):
            typer.echo(f"Written: {path}", err=True)


def _print_report(report: "ValidationReport") -> None:
    if not sys.stdout.isatty():
        typer.echo(report.to_text(), nl=False)
        return
    from rich.console import Console

    console = Console()
    console.print(report.head_text(), markup=False, highlight=False, end="")
    for table in report_tables(report, console.width):
        console.print(table)
    console.print(report.details_text(), markup=False, highlight=False)


@app.command()
@_one_line_errors
def score(
    video: Annotated[Path, typer.Argument(help="Video file.")],
    detector: Annotated[
        Path | None,
        typer.Option(
            help="Detector file written by `python -m models train`; without it the one that comes "
            "with the package."
        ),
    ] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(
            help="Photograph of a person: is the video of them? Several of the same person help."
        ),
    ] = None,
    cnn: Annotated[
        list[str] | None,
        typer.Option(help="TorchScript file of your own that the detector was trained with."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where networks run: auto, cpu or cuda.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Say how likely a video is manipulated, and why; with --reference, whether of that person."""
    from models.scoring import score_video

    answer = score_video(video, detector, reference=reference or None, cnn=cnn or (), device=device)
    typer.echo(answer.to_json() if json else answer.to_text().rstrip())


def report_tables(report: "ValidationReport", width: int) -> list["Table"]:
    """Return tables of the metrics, as many classifiers side by side as ``width`` columns hold."""
    from rich.table import Table

    from models.evaluation.validation_report import interval_text
    from models.splitters import ALL

    metrics = report.metrics[report.metrics["trained_on"] == ALL]
    classifiers = list(dict.fromkeys(metrics["classifier"]))
    beside = max(1, (width - _METRIC_WIDTH) // _FIGURE_WIDTH)
    tables = []
    for start in range(0, len(classifiers), beside):
        shown = classifiers[start : start + beside]
        title = f"Never seen in training: {report.settings['hold_out']}"
        table = Table(title=title, caption=report.intervals_text)
        table.add_column("metric", overflow="fold")
        for name in shown:
            table.add_column(name, justify="right", overflow="fold")
        columns = metrics.set_index(["metric", "classifier"])
        for metric in dict.fromkeys(metrics["metric"]):
            figures = [
                interval_text(*columns.loc[(metric, name), ["value", "low", "high"]])
                for name in shown
            ]
            table.add_row(metric, *(text.replace(" [", "\n[") for text in figures))
        tables.append(table)
    return tables


if __name__ == "__main__":
    app(prog_name="python -m models")
