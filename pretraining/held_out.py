"""What is said of clips by detectors that have not seen their source, or their manipulation."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.special import expit

from models.detector import Detector
from models.learning.video_rows import mean_of_known
from pretraining.kinds import is_authentic
from pretraining.variant import FULL, Variant

ABOUT_VIDEO = (
    *("path", "label", "group", "method", "dataset", "compression"),
    *("round", "world", "chain", "source"),
)
"""Columns of a corpus that say of a video what it is."""
NONE_HELD_OUT = ""
"""In the column ``unseen`` where no manipulation is held out."""


@dataclass(frozen=True)
class HeldOut:
    """What detectors say of videos whose source they have not seen.

    Attributes
    ----------
    windows : pandas.DataFrame
        A row per window: :data:`ABOUT_VIDEO`, ``window_start_s``, ``unseen`` (the manipulation that
        was held out too, if any) and ``log_odds``, NaN where too little was measured.
    videos : pandas.DataFrame
        A row per video: :data:`ABOUT_VIDEO`, ``unseen``, ``n_windows``, ``log_odds`` (the mean of
        the known ones of its windows), ``probability``, ``verdict`` as of
        :func:`models.score_video`, and ``n_columns``, the number of features of the detector.
    """

    windows: pd.DataFrame
    videos: pd.DataFrame


def held_out(
    table: pd.DataFrame,
    variant: Variant = FULL,
    *,
    parts: pd.Series | None = None,
    manipulations: bool = False,
    seed: int = 0,
    n_jobs: int = -1,
    keep: Path | None = None,
) -> HeldOut:
    """Hold out every source in turn, learn from the others, and score all of it.

    Parameters
    ----------
    table : pandas.DataFrame
        A corpus, see :func:`pretraining.corpus.make_corpus`.
    variant : Variant
        How is learnt.
    parts : pandas.Series, optional
        What is held out together, with the index of the table; each source by itself when None. A
        source must be in one part.
    manipulations : bool
        Whether, beside a part, one manipulation at a time is held out: there are then rows for each
        manipulation of the part, with those of its authentic video by the same detectors.
    seed : int
        Of the classifiers.
    n_jobs : int
        Processes, as in joblib. The result does not depend on it.
    keep : Path, optional
        Folder in which detectors are written by the number of the part they have not seen, where no
        manipulation is held out.

    Returns
    -------
    HeldOut
        In the order of the parts, then of the table.

    Raises
    ------
    ValueError
        When a source is in several parts.
    models.errors.TableError, models.errors.HoldOutError
        When nothing can be learnt without a part.
    """
    parts = table["source"] if parts is None else parts
    if parts.groupby(table["source"]).nunique().max() > 1:
        raise ValueError("A source is in several parts: it would be learnt from and scored.")
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    work = [
        delayed(_scored)(table, parts == part, unseen, variant, seed, _file(keep, part))
        for part in sorted(parts.unique())
        for unseen in (
            _manipulations(table, parts == part, variant) if manipulations else [(NONE_HELD_OUT,)]
        )
    ]
    outcomes = Parallel(n_jobs=n_jobs)(work)
    windows, videos = (pd.concat(found, ignore_index=True) for found in zip(*outcomes, strict=True))
    return HeldOut(windows, videos)


def judged(detector: Detector, rows: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Return what a detector says of rows of main faces, as :func:`models.score_video` would.

    Returns
    -------
    pandas.Series, pandas.DataFrame
        The log-odds of each row, and a row per video: what of :data:`ABOUT_VIDEO` the rows have,
        ``n_windows, log_odds, probability, verdict``, in the order of first appearance.
    """
    inputs = detector.matrix(rows)
    log_odds = detector.log_odds(inputs)
    scored = np.isfinite(log_odds)
    unseen = np.where(scored, detector.unseen_share(inputs), np.nan)
    number, _ = pd.factorize(rows["path"])
    about = [name for name in ABOUT_VIDEO if name in rows]
    videos = rows[about].groupby(number).first()
    videos["n_windows"] = np.bincount(number)
    videos["log_odds"] = mean_of_known(log_odds, number)
    videos["probability"] = expit(videos["log_odds"])
    shares = mean_of_known(unseen, number)
    videos["verdict"] = [
        detector.verdict(
            probability,
            shares[video],
            detector.quality(inputs[scored & (number == video)]).is_too_far,
        )
        for video, probability in enumerate(videos["probability"])
    ]
    return pd.Series(log_odds, index=rows.index), videos


def _manipulations(
    table: pd.DataFrame, is_held_out: pd.Series, variant: Variant
) -> Iterable[tuple[str, ...]]:
    """Manipulations of a part that cannot be held out together.

    All that the other parts do not show are unseen already, by one and the same detector.
    """
    here = sorted(set(table.loc[is_held_out & ~is_authentic(table), "method"]))
    learnt = set(variant.rows(table[~is_held_out])["method"])
    unknown = tuple(method for method in here if method not in learnt)
    return [*([unknown] if unknown else []), *((method,) for method in here if method in learnt)]


def _scored(
    table: pd.DataFrame,
    is_held_out: pd.Series,
    unseen: tuple[str, ...],
    variant: Variant,
    seed: int,
    file: Path | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Learn without a part and without manipulations, and score these."""
    is_unseen = table["method"].isin(unseen)
    detector = variant.fitted(table[~is_held_out & ~is_unseen], seed)
    tested = table[is_held_out]
    if unseen != (NONE_HELD_OUT,):
        tested = table[is_held_out & (is_unseen | is_authentic(table))]
    elif file is not None:
        detector.save(file)
    log_odds, videos = judged(detector, tested)
    windows = tested[[*ABOUT_VIDEO, "window_start_s"]].assign(log_odds=log_odds)
    videos["n_columns"] = len(detector.columns)
    return tuple(_by_manipulation(rows, unseen) for rows in (windows, videos))


def _by_manipulation(rows: pd.DataFrame, unseen: tuple[str, ...]) -> pd.DataFrame:
    """Rows of each manipulation that was held out, beside authentic ones; all where none was."""
    parts = [rows]
    if unseen != (NONE_HELD_OUT,):
        parts = [rows[is_authentic(rows) | (rows["method"] == name)] for name in unseen]
    return pd.concat([part.assign(unseen=n) for part, n in zip(parts, unseen, strict=True)])


def _file(keep: Path | None, part: object) -> Path | None:
    return None if keep is None else keep / f"{part}.skops"
