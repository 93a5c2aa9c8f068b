"""Moments of a clip that look most like wanted ones: where a method takes mouth or eyes from."""

import numpy as np

from featurize.synthesis.manipulations.head_motion import HeadMotion

# A radian of another head pose counts as so many centimetres of another shape.
_CM_PER_RAD = 1.5
# What it costs, in square centimetres, to leave an unbroken stretch of moments.
_BREAK_CM2 = 0.02


def most_alike(motion: HeadMotion, wanted_cm: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Find for every frame the moment of the clip that shows a part of the face most as wanted.

    Moments that follow each other, or a moment that stays, are preferred (Viterbi's algorithm), so
    that what is taken from them moves as in life. Retrieval by likeness is how Face2Face comes by
    the inside of a mouth (Thies et al. 2016).

    Parameters
    ----------
    motion : HeadMotion
        Of the clip.
    wanted_cm : numpy.ndarray
        ``(n, 478, 2)`` expression wanted in each frame; rows of NaN where the face is missing.
    points : numpy.ndarray
        Indices of the points of the part.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` frame numbers; -1 where the face is missing.
    """
    shown = np.flatnonzero(motion.clip.shown)
    found = np.full(motion.clip.n_frames, -1)
    if len(shown) == 0:
        return found
    there = _described(motion.expression_cm[np.ix_(shown, points)], motion.facing[shown])
    asked = _described(wanted_cm[np.ix_(shown, points)], motion.facing[shown])
    found[shown] = shown[_cheapest_path(asked, there)]
    return found


def _described(shape_cm: np.ndarray, facing: np.ndarray) -> np.ndarray:
    """One row per frame; the squared distance of two is their difference in square centimetres."""
    flat = shape_cm.reshape(len(shape_cm), -1) / np.sqrt(shape_cm.shape[1])
    return np.column_stack([flat, _CM_PER_RAD * facing])


def _cheapest_path(asked: np.ndarray, there: np.ndarray) -> np.ndarray:
    """``(n,)`` rows of ``there``, one per row of ``asked``, of least distance with breaks."""
    n_rows, n_columns = len(asked), len(there)
    # How each moment was come by, in a byte: it stays, follows the one before, or after a break.
    choices = np.zeros((n_rows, n_columns), np.int8)
    best = np.zeros(n_rows, np.intp)
    lengths = (there**2).sum(axis=1)
    total, here = lengths - 2 * there @ asked[0], np.arange(n_columns)
    for row in range(1, n_rows):
        best[row] = total.argmin()
        broken = np.full(n_columns, total[best[row]] + _BREAK_CM2)
        before = np.stack([total, np.append(np.inf, total[:-1]), broken])
        choices[row] = before.argmin(axis=0)
        total = before[choices[row], here] + lengths - 2 * there @ asked[row]
    path = np.empty(n_rows, np.intp)
    path[-1] = total.argmin()
    for row in range(n_rows - 1, 0, -1):
        now = path[row]
        path[row - 1] = (now, now - 1, best[row])[choices[row, now]]
    return path
