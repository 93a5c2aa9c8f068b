"""How much must be known of a row: one rule for what is trained on, tested on and scored."""

from collections.abc import Sequence

import numpy as np

from models.table.matrix import watched_columns

# A row that lacks a larger share of the features is not scored: the medians put in for them would
# be scored instead. Videos with a usable face lack about one in a hundred.
MAX_MISSING = 0.2
# So is one with a larger share of time steps at which no signal is known. The last window of a
# clip may end half-way: with a limit of 20 % nothing is left of 29 of 220 videos in windows of 5 s,
# with 60 % of none. What learns from series fills the gap, and is worse for it: with every window
# cut to half, AUC of unseen people falls from 0.90 to 0.81 (frames 0.79 to 0.76), with 40 % left to
# 0.75 (0.74).
MAX_MISSING_STEPS = 0.6
_USUAL_SHARE = 0.5


def usually_known(features: np.ndarray) -> np.ndarray:
    """Return ``(n_features,)`` bool: what at least half of the rows have counts as missing else.

    So a few rows with more features, such as of another landmark backend, do not make all others
    incomplete. Where nothing is known to so many, what any row has.
    """
    share = (~np.isnan(features)).mean(axis=0) if len(features) else np.zeros(features.shape[1])
    usual = share >= _USUAL_SHARE
    return usual if usual.any() else share > 0


def enough_features(
    features: np.ndarray, columns: Sequence[str], most_missing: float = MAX_MISSING
) -> np.ndarray:
    """Return ``(n_rows,)`` bool: enough is known of what is usually known to the rows kept.

    Of the columns that :func:`models.table.matrix.watched_columns` names.
    """
    watched = watched_columns(columns, ~np.isnan(features).all(axis=0))
    missing = np.isnan(features[:, watched])
    kept = np.ones(len(features), dtype=bool)
    while True:
        usual = usually_known(features[kept][:, watched])
        enough = (missing & usual).sum(axis=1) <= most_missing * usual.sum()
        if not (kept & ~enough).any():
            return kept
        kept &= enough


def missing_steps(series: np.ndarray, n_steps: int) -> np.ndarray:
    """Return ``(n_rows,)`` share of the steps in time at which no signal is known.

    Parameters
    ----------
    series : numpy.ndarray
        ``(n_rows, n_signals * n_steps)``, signal by signal.
    n_steps : int
        At least one.
    """
    unknown = np.isnan(series).reshape(len(series), -1, n_steps)
    return unknown.all(axis=1).mean(axis=1)
