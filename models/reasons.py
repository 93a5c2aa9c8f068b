"""Why a face got its score: which signals moved it, beside what authentic videos show."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.detector import Detector
from models.video_score import Reason

_N_REASONS = 6
_SMALLEST_CONTRIBUTION = 0.01
# Of the thousands that a network says, those that lie farthest from what authentic videos show.
_MOST_TRIED_ALONE = 50


@dataclass(frozen=True)
class Explanation:
    """Why a face got its score.

    Where the log-odds of the detector are a sum over features, the contributions of the reasons and
    the three numbers sum up to the log-odds of the face; else these are NaN.

    Attributes
    ----------
    reasons : tuple of Reason
        The signals that moved the score most, the strongest first.
    base : float
        Log-odds before any signal speaks.
    others : float
        What all other signals together add.
    unmeasured : float
        What is added by the medians that are put in for what could not be measured.
    """

    reasons: tuple[Reason, ...] = ()
    base: float = math.nan
    others: float = math.nan
    unmeasured: float = math.nan


def explain(rows: pd.DataFrame, detector: Detector, described: pd.DataFrame) -> Explanation:
    """Return the signals that moved the score most, and what else it is made of.

    A signal is all that its features say, every statistic on the left and on the right; all that a
    network says is one signal.

    Where the log-odds of the detector are a sum over features, the contribution of a signal is its
    part of that sum, exactly: see :meth:`models.detector.Detector.contributions`. What was not
    measured of it is no part of it, but has a sum of its own.

    Else it is how much the calibrated log-odds change when all its features are replaced by the
    medians of the authentic training videos, everything else left as it is. (A detector conditioned
    on quality knows better: they are replaced by what authentic video of the same quality shows.)
    Feature by feature would hide it: the others still say the same. That holds for any classifier
    and is exact for what it says; but where several signals tell the same, each alone seems to
    matter little, and contributions do not add up to the score.

    Of the features of a signal, the one that alone moves the score most in the same direction is
    shown. In windows, the contribution is the mean over those that are scored: as the log-odds of
    the video are. The value shown is that of the median window, one that can be looked up.

    Parameters
    ----------
    rows : pandas.DataFrame
        The row of features of a face, or the rows of its windows.
    detector : Detector
        What scored it.
    described : pandas.DataFrame
        What is known of the features: columns ``name``, ``unit`` and ``meaning``, as
        :func:`featurize.describe_features` gives them.
    """
    values = detector.matrix(rows)
    spans = np.array(window_spans(rows, detector))
    scored = np.isfinite(detector.log_odds(values))
    if not scored.any():
        return Explanation()
    values, spans = values[scored], spans[scored] if len(spans) else spans
    told = detector.contributions(values)
    ordinary, bands = detector.ordinary(values), detector.ordinary_band(values)
    measured = np.isfinite(values[:, : len(detector.columns)]) & np.isfinite(ordinary)
    # What was not measured in a window stays so.
    made_ordinary = np.where(measured, ordinary, np.nan)
    if told is None:
        signals = _signals(detector.columns, measured.any(axis=0))
        moved = _lost(values, made_ordinary, signals, detector)
    else:
        by_cell = np.where(measured, told.terms, 0.0)
        terms = by_cell.mean(axis=0)
        signals = _signals(detector.columns, (by_cell != 0).any(axis=0))
        moved = np.array([terms[columns].sum() for columns in signals])
    depends = _depends_on_quality(detector)
    described = described.set_index("name")
    reasons = []
    for i in np.argsort(-np.abs(moved), kind="stable")[:_N_REASONS]:
        if abs(moved[i]) < _SMALLEST_CONTRIBUTION:
            break
        tried = signals[i]
        if told is None:
            tried = _farthest(values, made_ordinary, tried, detector)
            alone = _lost(values, made_ordinary, [[column] for column in tried], detector)
        else:
            alone = terms[tried]
        column = tried[int(np.argmax(alone * np.sign(moved[i])))]
        name = detector.columns[column]
        known = name in described.index
        low, median, high = detector.real_quantiles[column]
        shown = _median_row(np.where(measured[:, column], values[:, column], np.nan))
        usual = [math.nan] * 3
        if depends[column]:
            usual = [ordinary[shown, column], *bands[shown, column]]
        reasons.append(
            Reason(
                feature=name,
                value=float(values[shown, column]),
                unit=str(described.loc[name, "unit"]) if known else "",
                meaning=str(described.loc[name, "meaning"]) if known else "",
                real_low=float(low),
                real_median=float(median),
                real_high=float(high),
                contribution=float(moved[i]),
                n_features=len(signals[i]),
                usual=float(usual[0]),
                window=tuple(spans[shown].tolist()) if len(spans) else None,
                usual_low=float(usual[1]),
                usual_high=float(usual[2]),
            )
        )
    if told is None:
        return Explanation(tuple(reasons))
    return Explanation(
        tuple(reasons),
        base=float(told.base.mean()),
        others=float(moved.sum() - sum(reason.contribution for reason in reasons)),
        unmeasured=float(np.where(measured, 0.0, told.terms).sum(axis=1).mean()),
    )


def _signals(columns: tuple[str, ...], speaks: np.ndarray) -> list[list[int]]:
    """Return the columns that speak of each signal of which any does, in their order."""
    found: dict[str, list[int]] = {}
    for column in np.flatnonzero(speaks).tolist():
        found.setdefault(_subject(columns[column]), []).append(column)
    return list(found.values())


def _depends_on_quality(detector: Detector) -> np.ndarray:
    """Return ``(n_features,)`` bool: whether what is usual is another at another quality."""
    if detector.conditioner is None:
        return np.zeros(len(detector.columns), dtype=bool)
    return (detector.conditioner.slope_ != 0).any(axis=0)


def _lost(
    values: np.ndarray, ordinary: np.ndarray, replaced: list[list[int]], detector: Detector
) -> np.ndarray:
    """Return ``(len(replaced),)`` log-odds lost on average when those columns are made ordinary."""
    lost = np.zeros(len(replaced))
    # Window by window, for all variants of all would not fit into memory.
    for row, usual in zip(values, ordinary, strict=True):
        variants = np.tile(row, (len(replaced) + 1, 1))
        for variant, columns in zip(variants[1:], replaced, strict=True):
            variant[columns] = usual[columns]
        log_odds = detector.log_odds(variants)
        lost += log_odds[0] - log_odds[1:]
    return lost / len(values)


def _farthest(
    values: np.ndarray, ordinary: np.ndarray, columns: list[int], detector: Detector
) -> list[int]:
    """Return those of the columns that are farthest from ordinary, all where they are not many."""
    if len(columns) <= _MOST_TRIED_ALONE:
        return columns
    low, _, high = detector.real_quantiles[columns].T
    off = np.abs(values[:, columns] - ordinary[:, columns]) / np.where(high > low, high - low, 1)
    known = np.isfinite(off)
    mean = np.where(known, off, 0).sum(axis=0) / np.maximum(1, known.sum(axis=0))
    return [columns[i] for i in np.argsort(-mean, kind="stable")[:_MOST_TRIED_ALONE]]


def _median_row(values: np.ndarray) -> int:
    """Return which row has the median value, of two the lower; NaN does not count."""
    known = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
    return int(known[(len(known) - 1) // 2])


def window_spans(rows: pd.DataFrame, detector: Detector) -> list[tuple[float, float]]:
    """Return start and end of every window; none without windows."""
    if detector.window_s is None:
        return []
    return list(zip(rows["window_start_s"].tolist(), rows["window_end_s"].tolist(), strict=True))


def _subject(feature: str) -> str:
    """What a feature speaks of: its signal without the statistic and without the side.

    A dimension of a network means nothing by itself, so all of a network are one signal.
    """
    signal = feature.rpartition("__")[0]
    if signal.startswith("cnn__"):
        return signal.rpartition("_")[0]
    return "_".join(word for word in signal.split("_") if word not in ("left", "right"))
