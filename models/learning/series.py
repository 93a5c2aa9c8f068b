"""Classifiers on the signals themselves over a window, as the steps of a pipeline.

Two ways. *Sequences*: how a face moves from step to step, by the convolutions of MiniRocket and a
linear machine. *Frames*: what each step of time shows by itself, whose mean decides; of what is
done one after the other it knows nothing, which is what it is there to be compared with.

Measured on 220 videos in windows of 5 s, without calibration, AUC of videos of unseen people, of
unseen sources (mean of those seven of 24 that have both classes) and of unseen manipulations:
sequences 0.92, 0.72 to 0.84 by the seed, 0.87 to 0.89; frames 0.84, 0.77, 0.80. Windows of 10 s are
as good, with windows of 2.5 s sequences come down to 0.84, 0.64, 0.80. When the last window of a
clip ends, which the steps that are missing tell, is worth 0.70 by itself where people are held out
and nothing where sources are (0.48). With whole windows alone, of 168 videos, sequences have 0.87,
0.83, 0.84 and frames 0.83, 0.76, 0.84: a part of the first figures is the source. Such windows are
kept all the same, see :mod:`models.table.known`: else many videos could not be judged at all, and
the length of a clip stays a shortcut that is to be looked for where data sets are put together.

The input is a block of columns, signal by signal, each with its steps in time, NaN where unknown.
What fits takes the weight of each row in its last step, ``model``.
"""

from sklearn.base import BaseEstimator
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

from models.errors import SettingError
from models.learning.convolutions import ConvolutionFeatures
from models.learning.frame_mean import FrameMean

N_KERNELS = 2016
"""24 times MiniRocket's 84 patterns."""

_RIDGE_PER_KERNEL = 0.3
"""In units of the weight of a sample: standardised features add up with their number."""


def sequence_steps(n_signals: int, n_steps: int, seed: int) -> list[tuple[str, BaseEstimator]]:
    """Return the steps of a pipeline that learns from sequences.

    Raises
    ------
    SettingError
        When there is no signal or no step.
    """
    _check_block(n_signals, n_steps)
    return [
        ("convolve", ConvolutionFeatures(n_signals, N_KERNELS, seed)),
        ("scale", StandardScaler(copy=False)),
        ("model", RidgeClassifier(alpha=_RIDGE_PER_KERNEL * N_KERNELS, solver="cholesky")),
    ]


def frame_steps(n_signals: int, n_steps: int, seed: int) -> list[tuple[str, BaseEstimator]]:
    """Return the steps of a pipeline that learns from single steps of time.

    Raises
    ------
    SettingError
        When there is no signal or no step.
    """
    _check_block(n_signals, n_steps)
    return [("model", FrameMean(n_signals, seed=seed))]


def _check_block(n_signals: int, n_steps: int) -> None:
    if n_signals < 1 or n_steps < 1:
        raise SettingError(
            f"There must be a signal and a step of time at least, not {n_signals} and {n_steps}: "
            "make the table by `python -m featurize run --window 5 --series`."
        )
