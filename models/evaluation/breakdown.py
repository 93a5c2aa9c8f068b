"""Figures of parts of the held-out scores: each fold, method, data set and compression level."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from models.metrics import measure
from models.splitters import ALL

BREAKDOWN_COLUMNS = (
    *("classifier", "trained_on", "by", "name", "n_real", "n_fake"),
    *("metric", "value", "low", "high"),
)
QUALITY_LEVEL_COLUMNS = (
    *("classifier", "trained_on", "compression", "method", "n_real", "n_fake"),
    *("metric", "value", "low", "high"),
)
_COLUMNS = ("dataset", "compression")

# Names of a part, and its rows.
_Part = tuple[dict[str, object], np.ndarray]


def break_down(scores: pd.DataFrame, seed: int, n_jobs: int = 1) -> pd.DataFrame:
    """Return every metric for each fold, method, data set and compression level.

    A method is told by its fakes and *all* reals that were tested in the same folds, as reals have
    none. Scores of different folds are not compared in ``auc_mean_of_folds``: it is the share of
    pairs of a fake and a real of the same fold that are in order. Where training was on the fakes
    of one method, only methods and folds are told.

    Parameters
    ----------
    scores : pandas.DataFrame
        As in :class:`models.evaluation.validation_report.ValidationReport`.
    seed : int
        Of the intervals.
    n_jobs : int
        Processes; the result is the same for any number.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`BREAKDOWN_COLUMNS`; 95 % intervals over groups.
    """
    return _measured(scores, _parts, BREAKDOWN_COLUMNS, seed, n_jobs)


def quality_levels(scores: pd.DataFrame, seed: int, n_jobs: int = 1) -> pd.DataFrame:
    """Return every metric for each compression level and, at that level, each method and ``all``.

    The table of FaceForensics++ (Roessler et al. 2019): at each level the fakes of a method against
    the reals of that level that were tested in the same folds. Empty where no video has a
    compression level.

    Parameters
    ----------
    scores : pandas.DataFrame
        As in :class:`models.evaluation.validation_report.ValidationReport`.
    seed : int
        Of the intervals.
    n_jobs : int
        Processes; the result is the same for any number.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`QUALITY_LEVEL_COLUMNS`; 95 % intervals over groups.
    """
    return _measured(scores, _parts_by_level, QUALITY_LEVEL_COLUMNS, seed, n_jobs)


def _measured(
    scores: pd.DataFrame,
    parts: Callable[[pd.DataFrame], Iterator[_Part]],
    columns: tuple[str, ...],
    seed: int,
    n_jobs: int,
) -> pd.DataFrame:
    work = [
        ({"classifier": classifier, "trained_on": trained_on} | names, whole[rows])
        for (classifier, trained_on), whole in scores.groupby(
            ["classifier", "trained_on"], sort=False
        )
        for names, rows in parts(whole)
    ]
    found = Parallel(n_jobs=n_jobs)(delayed(_figures)(*item, seed) for item in work)
    if not found:
        return pd.DataFrame(columns=list(columns))
    return pd.concat(found, ignore_index=True)[list(columns)]


def _parts(scores: pd.DataFrame) -> Iterator[_Part]:
    names = scores.groupby("fold")["held_out"].first()
    part = names.groupby(names).cumcount() + 1
    split = names.duplicated(keep=False)
    for fold, name in names.where(~split, names + ", part " + part.astype(str)).items():
        yield {"by": "fold", "name": name}, (scores["fold"] == fold).to_numpy()
    for method, rows in _by_method(scores):
        yield {"by": "method", "name": method}, rows
    if scores["trained_on"].iloc[0] != ALL:
        return
    for column in _COLUMNS:
        for name in sorted(set(scores[column]) - {""}):
            yield {"by": column, "name": name}, (scores[column] == name).to_numpy()


def _parts_by_level(scores: pd.DataFrame) -> Iterator[_Part]:
    for level in sorted(set(scores["compression"]) - {""}):
        of_level = (scores["compression"] == level).to_numpy()
        yield {"compression": level, "method": ALL}, of_level
        for method, rows in _by_method(scores[of_level]):
            yield {"compression": level, "method": method}, _among(of_level, rows)


def _by_method(scores: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    fake = (scores["label"] == "fake").to_numpy()
    for method in sorted(set(scores["method"][fake]) - {""}):
        of_method = fake & (scores["method"] == method).to_numpy()
        beside = np.isin(scores["fold"], scores["fold"][of_method])
        yield method, of_method | (~fake & beside)


def _among(whole: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return rows as a mask of all, from a mask of those that ``whole`` names."""
    rows = whole.copy()
    rows[whole] = part
    return rows


def _figures(names: dict[str, object], part: pd.DataFrame, seed: int) -> pd.DataFrame:
    is_fake = (part["label"] == "fake").to_numpy(dtype=int)
    # The order of sums in a threaded product depends on the number of threads.
    with threadpool_limits(limits=1):
        measured = measure(
            is_fake,
            part["decision"].to_numpy(),
            part["probability"].to_numpy(),
            part["group"].to_numpy(dtype=str),
            part["fold"].to_numpy(),
            held_out=np.zeros(len(part)),
            seed=seed,
        )
    return measured.assign(**names, n_real=int((is_fake == 0).sum()), n_fake=int(is_fake.sum()))
