"""Noise residual of the inner face: what is left when each pixel is predicted by its neighbours.

Second-order residuals along rows and columns, as in the steganalysis baseline of FaceForensics++;
of their co-occurrences not every bin but what they say in single numbers. All are NaN where the
inner face has fewer than 200 pixels or is only 3 pixels wide or high, a tenth of it lies beside the
picture, or the face is smaller than 32 pixels between the eyes.
"""

import math
from dataclasses import dataclass

import numpy as np

from featurize.declaration import pixel_signal
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.texture.zones import inner

STEP_LEVELS = 3.0
TRUNCATED_AT = 2
"""Residuals are counted in steps of 3 levels, at most 2; an odd step leaves none half-way."""

N_VALUES = 2 * TRUNCATED_AT + 1

_REFERENCE = "Fridrich & Kodovský 2012 and Rössler et al. 2019, second-order residuals, summed up"
_CONFOUNDERS = ("compression", "blur", "camera noise", "beauty filters", "face size", "light")


@dataclass(frozen=True)
class Residuals:
    """Residuals of neighbouring pixels along one direction.

    Attributes
    ----------
    here, beside : numpy.ndarray
        ``(n_pairs,)`` residual of a pixel and of the next one in the direction, in levels.
    """

    here: np.ndarray
    beside: np.ndarray

    def cooccurrence(self) -> np.ndarray:
        """``(25,)`` shares of each pair of quantised and truncated residuals."""
        one, other = (
            np.clip(np.rint(values / STEP_LEVELS), -TRUNCATED_AT, TRUNCATED_AT).astype(np.intp)
            for values in (self.here, self.beside)
        )
        numbers = (one + TRUNCATED_AT) * N_VALUES + other + TRUNCATED_AT
        return np.bincount(numbers, minlength=N_VALUES**2) / len(numbers)


def _residuals(view: FaceView) -> tuple[Residuals, Residuals] | None:
    """Along rows and along columns; None where either has no pair of neighbours."""
    part = view.derived(inner)
    if not part.n_pixels:
        return None
    luma, mask = view.luma[part.box], part.mask.view(bool)
    across, down = _along_rows(luma, mask), _along_rows(luma.T, mask.T)
    return (across, down) if len(across.here) and len(down.here) else None


def _cooccurrences(view: FaceView) -> list[np.ndarray] | None:
    """Along rows and along columns."""
    residuals = view.derived(_residuals)
    return None if residuals is None else [part.cooccurrence() for part in residuals]


def _along_rows(luma: np.ndarray, mask: np.ndarray) -> Residuals:
    residual = luma[:, :-2] - 2 * luma[:, 1:-1] + luma[:, 2:]
    pairs = mask[:, 1:-2] & mask[:, 2:-1]
    return Residuals(residual[:, :-1][pairs], residual[:, 1:][pairs])


@pixel_signal(unit="levels", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def residual_std_levels(view: FaceView) -> float:
    """Spread of the noise residual of the inner face.

    Root mean square of ``x[i-1] - 2 x[i] + x[i+1]`` along rows and columns, in levels of 255. White
    noise of standard deviation s gives ``sqrt(6) s``; scales with contrast.
    """
    residuals = view.derived(_residuals)
    if residuals is None:
        return math.nan
    return math.sqrt(np.mean([np.mean(part.here**2) for part in residuals]))


@pixel_signal(unit="1", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def residual_tails(view: FaceView) -> float:
    """How heavy the tails of the noise residual of the inner face are.

    ``log10`` of the fourth moment over the squared second, 0.477 for Gaussian noise, more where
    flat skin lies between sharp edges. NaN where there is no residual at all.
    """
    residuals = view.derived(_residuals)
    if residuals is None:
        return math.nan
    squares = np.concatenate([part.here for part in residuals]) ** 2
    second = float(np.mean(squares))
    return math.log10(float(np.mean(squares**2)) / second**2) if second > 0 else math.nan


@pixel_signal(unit="bit", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def cooccurrence_entropy_bit(view: FaceView) -> float:
    """Variety of neighbouring residuals of the inner face.

    Entropy of the co-occurrence of two neighbouring second-order residuals, in steps of 3 levels
    truncated at 2 steps; mean along rows and columns. 0 where all are alike, at most ``log2 25`` =
    4.64; grows with noise until most residuals are truncated, from a standard deviation of about 2
    levels on.
    """
    cooccurrences = view.derived(_cooccurrences)
    if cooccurrences is None:
        return math.nan
    return float(np.mean([_entropy_bit(shares) for shares in cooccurrences]))


@pixel_signal(
    unit="1", reference=_REFERENCE, confounded_by=("interlacing", "motion blur", "head roll")
)
def cooccurrence_direction(view: FaceView) -> float:
    """How much the residuals of the inner face differ between rows and columns.

    Total variation distance of their two co-occurrences, from 0 (alike) to 1.
    """
    cooccurrences = view.derived(_cooccurrences)
    if cooccurrences is None:
        return math.nan
    across, down = cooccurrences
    return float(np.abs(across - down).sum() / 2)


@pixel_signal(
    unit="1",
    reference="Popescu & Farid 2005 (traces of resampling), as a plain correlation",
    confounded_by=_CONFOUNDERS,
)
def residual_correlation(view: FaceView) -> float:
    """Correlation of the noise residuals of neighbouring pixels of the inner face.

    Lag-one autocorrelation of the second-order residual along rows and columns: -2/3 for white
    noise, nearer to 1 the more the picture was enlarged or smoothed. Does not change with
    brightness or contrast. NaN where there is no residual at all.
    """
    residuals = view.derived(_residuals)
    if residuals is None:
        return math.nan
    products = sum(float(np.sum(part.here * part.beside)) for part in residuals)
    squares = sum(float(np.sum(part.here**2 + part.beside**2)) / 2 for part in residuals)
    return products / squares if squares > 0 else math.nan


def _entropy_bit(shares: np.ndarray) -> float:
    known = shares[shares > 0]
    return abs(float(np.sum(known * np.log2(known))))
