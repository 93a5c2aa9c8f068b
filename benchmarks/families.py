"""Which families of features carry, and which only tell the source.

``python -m benchmarks.families features.csv`` takes each family alone and all together, with people
held out and with the source repository held out (the columns ``group`` and ``dataset`` of the
table), each as measured and conditioned on quality, see :mod:`models.learning.conditioning`. A
family is the part of a feature's name before the first double underscore.

A family that ranks well over all videos, but neither within a source nor on sources it has not
seen, tells the source and not the fake. How well it does tell the source is measured too, on
authentic videos of people held out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from models import cross_validate
from models.audit.sources import source_told
from models.classifier_options import check_classifier, check_seed
from models.errors import HoldOutError, ModelsError, TableError
from models.evaluation.validation_report import ValidationReport
from models.metrics import measure
from models.table.covariates import covariate_columns
from models.table.feature_table import feature_columns, read_feature_file, read_training_table
from models.table.training_table import TrainingTable

ALL = "all"
QUALITY = "quality"
# The quality family is left out of training by its name, and tested here by another.
_QUALITY_AS_FEATURES = "quality_as_features"
_N_FOLDS = 5
_WIDTH = 150

# Name of a figure, for one family in one form.
Figures = dict[str, str]
# A value and its 95 % interval, NaN where too few count.
Estimate = tuple[float, float, float]


def family_columns(columns: list[str]) -> dict[str, list[str]]:
    """Return the columns of each family, of all that are trained on, and of quality."""
    trained_on = feature_columns(columns)
    families: dict[str, list[str]] = {}
    for name in trained_on:
        families.setdefault(name.partition("__")[0], []).append(name)
    families[ALL] = trained_on
    quality = sorted(name for name in columns if name.startswith(f"{QUALITY}__"))
    return families | ({QUALITY: quality} if quality else {})


def family_table(table: pd.DataFrame, family: str, conditioned: bool) -> pd.DataFrame:
    """Return the table with the features of one family only, and the covariates if asked for."""
    features = family_columns(list(table.columns))[family]
    meta = [name for name in table.columns if "__" not in name]
    covariates = covariate_columns(table.columns) if conditioned else []
    chosen = table[list(dict.fromkeys([*meta, *features, *covariates]))]
    if family != QUALITY:
        return chosen
    return chosen.rename(
        columns={name: name.replace(QUALITY, _QUALITY_AS_FEATURES, 1) for name in features}
    )


def auc_within_source(report: ValidationReport) -> Estimate:
    """Return the AUC among videos of one source and fold, the mean over sources."""
    scores = report.scores
    source = scores["dataset"].to_numpy(dtype=str)
    cells = scores.groupby(["dataset", "fold"]).ngroup().to_numpy()
    measured = measure(
        (scores["label"] == "fake").to_numpy(dtype=int),
        scores["decision"].to_numpy(),
        scores["probability"].to_numpy(),
        scores["group"].to_numpy(dtype=str),
        cells,
        source,
        seed=int(report.settings["seed"]),
    ).set_index("metric")
    return tuple(measured.loc["auc_mean_of_folds", ["value", "low", "high"]])


def estimate(report: ValidationReport, metric: str) -> Estimate:
    """Return a metric of a report of one classifier."""
    row = report.metrics.set_index("metric").loc[metric]
    return tuple(row[["value", "low", "high"]])


def in_text(value: float, low: float, high: float) -> str:
    """Return two decimals, as the intervals are wide."""
    if np.isnan(value):
        return "-"
    return f"{value:.2f}" if np.isnan(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _people_held_out(data: TrainingTable, classifier: str, seed: int) -> Figures:
    report = cross_validate(data, "group", classifier, seed=seed, audit=False)
    return {
        "people: all videos": in_text(*estimate(report, "auc_pooled")),
        "people: within a source": in_text(*auc_within_source(report)),
        "people: within a person": in_text(*estimate(report, "auc_within_group")),
    }


def _sources_held_out(data: TrainingTable, classifier: str, seed: int) -> Figures:
    report = cross_validate(data, "dataset", classifier, seed=seed, audit=False)
    return {
        "sources: all videos": in_text(*estimate(report, "auc_pooled")),
        "sources: mean of each": in_text(*estimate(report, "auc_mean_of_folds")),
    }


def _source_told(data: TrainingTable, classifier: str, seed: int) -> Figures:
    del classifier
    told = source_told(data.per_video(), _N_FOLDS, seed)
    figure = "-" if np.isnan(told.value) else f"{told.value:.2f} ({told.chance:.2f})"
    return {"tells the source": figure}


_Measurement = Callable[[TrainingTable, str, int], Figures]
_MEASUREMENTS: tuple[_Measurement, ...] = (_people_held_out, _sources_held_out, _source_told)


def figures(
    table: pd.DataFrame, family: str, conditioned: bool, measured: int, classifier: str, seed: int
) -> Figures:
    """Return the figures of one measurement, empty where the family has nothing to learn from."""
    with threadpool_limits(limits=1):
        try:
            chosen = family_table(table, family, conditioned)
            # Rows were chosen by all features: every family is measured on the same videos.
            data = read_training_table(chosen, conditioned, most_missing=1.0)
            return _MEASUREMENTS[measured](data, classifier, seed)
        except (HoldOutError, TableError):
            return {}


def main(
    features: Annotated[Path, typer.Argument(help="Table that `python -m featurize run` wrote.")],
    classifier: Annotated[str, typer.Option(help="svm, mlp, xgboost or committee.")] = "svm",
    seed: Annotated[int, typer.Option(help="Same seed, same table.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one per core.")] = -1,
) -> None:
    """Print the AUC of each family of features, alone and together."""
    try:
        check_classifier(classifier)
        check_seed(seed)
        table, _ = read_feature_file(features)
        kept = read_training_table(table).meta["path"]
        table = table[table["path"].str.strip().isin(kept)]
    except ModelsError as error:
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from error
    families = family_columns(list(table.columns))
    covariates = covariate_columns(table.columns)
    # The measures of quality are not conditioned on themselves.
    rows = [
        (family, conditioned)
        for family in families
        for conditioned in ((False, True) if covariates and family != QUALITY else (False,))
    ]
    work = [(*row, measured) for row in rows for measured in range(len(_MEASUREMENTS))]
    outcomes = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(figures)(table, *item, classifier, seed) for item in work
    )
    cells: dict[tuple[str, bool], Figures] = {row: {} for row in rows}
    for (family, conditioned, _), found in zip(
        work,
        track(outcomes, "measuring", total=len(work), console=Console(stderr=True)),
        strict=True,
    ):
        cells[family, conditioned] |= found
    Console(width=_WIDTH).print(_rendered(cells, families, covariates))


def _rendered(
    cells: dict[tuple[str, bool], Figures], families: dict[str, list[str]], covariates: list[str]
) -> Table:
    names = list(dict.fromkeys(name for found in cells.values() for name in found))
    shown = Table(
        "family",
        "features",
        *[name.replace(": ", "\n") for name in names],
        title="AUC of each family: first as measured, below it conditioned on quality",
        caption=(
            "people: people held out; sources: source repository held out. 'within' and 'mean of "
            "each' are free of differences between sources. 'tells the source': balanced accuracy "
            "on authentic videos of people held out, in brackets by chance. 95 % intervals over "
            "what is held out, where five or more count. Conditioned on: "
            f"{', '.join(covariates) or 'nothing'}."
        ),
        show_lines=True,
    )
    for family, columns in families.items():
        forms = [cells[family, form] for form in (False, True) if (family, form) in cells]
        second = "\n  not trained on" if family == QUALITY else "\n  conditioned" * (len(forms) - 1)
        label = family + second
        shown.add_row(
            label,
            str(len(columns)),
            *("\n".join(form.get(name, "-") for form in forms) for name in names),
        )
    return shown


if __name__ == "__main__":
    typer.run(main)
