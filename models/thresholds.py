"""From which probability on a video is called fake, and up to which real."""

from dataclasses import dataclass

import numpy as np

_TOLERATED_ERRORS = 0.05


@dataclass(frozen=True)
class Thresholds:
    """Limits of the probability between the verdicts.

    Attributes
    ----------
    real : float
        Up to this probability the verdict is ``real``.
    fake : float
        From this probability on it is ``fake``; between the two it is ``uncertain``.
    """

    real: float
    fake: float

    def verdict(self, probability: float) -> str:
        """Return ``real``, ``fake`` or ``uncertain``."""
        if probability >= self.fake:
            return "fake"
        return "real" if probability <= self.real else "uncertain"


def choose_thresholds(probability: np.ndarray, is_fake: np.ndarray) -> Thresholds:
    """Choose from which probability a video is called fake, and up to which real.

    At most 5 % of the held-out authentic videos may be called fake, for a false accusation is
    the dearer mistake, and at most 5 % of the held-out manipulated ones real. In between the
    verdict is ``uncertain``. Where the classes overlap little the two limits cross; the band
    between them is ``uncertain`` then too, and both error rates are lower still.

    Parameters
    ----------
    probability : numpy.ndarray
        ``(n_videos,)`` held-out calibrated probabilities.
    is_fake : numpy.ndarray
        ``(n_videos,)`` int, 0 or 1.
    """
    real = np.sort(probability[is_fake == 0])[::-1]
    fake = np.sort(probability[is_fake == 1])
    above_reals = np.nextafter(real[int(_TOLERATED_ERRORS * len(real))], np.inf)
    below_fakes = np.nextafter(fake[int(_TOLERATED_ERRORS * len(fake))], -np.inf)
    return Thresholds(
        real=float(min(above_reals, below_fakes)), fake=float(max(above_reals, below_fakes))
    )
