"""Features of sequences: what many small convolutions of several signals find in a window.

The convolutions are MiniRocket's, as sktime keeps them. sktime and numba, which compiles it, are
imported when they are needed. The first use in an environment compiles for about half a minute;
numba keeps the result beside sktime's files, or in the user's folder for such things.
"""

import threading
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from models.errors import NotInstalledError, SettingError
from models.learning.signals import LIMIT, bridged, by_signal, limited, robust_spread

if TYPE_CHECKING:
    from sktime.transformations.rocket import MiniRocketMultivariate

_FEWEST_STEPS = 9
"""Length of MiniRocket's kernels."""
_N_PATTERNS = 84
"""MiniRocket has so many, each at several dilations and with several thresholds."""
_N_EXAMPLES = 64
_MOST_KERNELS = 100_000
# How numba says so, while sktime has it compile.
_NO_CACHE = "cannot cache function"
_BLOCK_ROWS = 256

# numba's simplest pool of threads ends the process when two threads call it at once.
_one_at_a_time = threading.Lock()


class ConvolutionFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """For how much of a window each of many convolutions of signals is above a threshold.

    MiniRocket (Dempster, Schmidt & Webb 2021): kernels of nine weights that sum up to zero, each at
    several dilations and on a random few of the signals; thresholds are quantiles of what they give
    on training windows. Changed: every signal is told from its own mean over the window, in robust
    standard deviations of such deviations, and clipped; steps that are missing are bridged by a
    line, and a signal missing in all of a window is put in as one at rest, which the middle of all
    training windows is. Told from their means, sequences do not know how a face is built, and on
    220 videos told fakes of unseen people as well as without that, or better.

    What is kept of the training is a few windows, drawn at random, from which the thresholds are
    found again when needed: nothing compiled is ever told where in memory to look by a file.

    Parameters
    ----------
    n_signals : int
        The columns are those of so many signals, signal by signal, each with its steps in time.
        A window of fewer than nine steps is made up to nine by its last ones.
    n_kernels : int
        Number of features, rounded down to a multiple of 84, at least 84.
    seed : int
        Draws the signals of each convolution, and the windows whose quantiles are thresholds.

    Attributes
    ----------
    spread_ : numpy.ndarray
        ``(n_signals,)`` robust standard deviation of each signal about its mean over a window.
    examples_ : numpy.ndarray
        ``(n_examples, n_signals, n_steps)`` float32, the training windows that are kept.
    """

    def __init__(self, n_signals: int = 1, n_kernels: int = 2016, seed: int = 0) -> None:
        self.n_signals = n_signals
        self.n_kernels = n_kernels
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> Self:
        """Learn spreads and thresholds of ``X`` ``(n_rows, n_signals * n_steps)``.

        Raises
        ------
        SettingError
            When sktime is missing, numba cannot keep what it compiles, the number of kernels is out
            of its range, or the columns are not as many for each signal.
        """
        check_sequences_installed()
        if not 1 <= self.n_kernels <= _MOST_KERNELS:
            raise SettingError(
                f"The number of kernels must be from 1 to {_MOST_KERNELS}, not {self.n_kernels}."
            )
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        self.spread_ = robust_spread(_centred(by_signal(X, self.n_signals)))
        drawn = np.random.default_rng(self.seed).permutation(len(X))[:_N_EXAMPLES]
        self.examples_ = self._prepared(X[np.sort(drawn)])
        self._rocket = self._made()
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_features)`` shares of the window, in [0, 1]."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        first, which = _different(X)
        if not hasattr(self, "_rocket"):
            self._rocket = self._made()
        found = np.empty((len(first), self._n_features_out))
        for start in range(0, len(first), _BLOCK_ROWS):
            rows = first[start : start + _BLOCK_ROWS]
            with _one_at_a_time:
                features = self._rocket.transform(self._prepared(X[rows]))
            found[start : start + _BLOCK_ROWS] = features.to_numpy()
        return found[which]

    @property
    def _n_features_out(self) -> int:
        return _N_PATTERNS * max(self.n_kernels // _N_PATTERNS, 1)

    def _prepared(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_signals, n_steps)`` float32 without NaN, of nine steps at least."""
        scaled = _centred(by_signal(X, self.n_signals)) / self.spread_[:, None]
        known = limited(scaled).astype(np.float32)
        lacking = max(_FEWEST_STEPS - known.shape[2], 0)
        return np.pad(known, ((0, 0), (0, 0), (0, lacking)), mode="edge")

    def _made(self) -> "MiniRocketMultivariate":
        """Return sktime's transformer for the windows that were kept, the same ever again.

        Raises
        ------
        NotInstalledError
            When sktime is missing or broken, or numba cannot keep what it compiles.
        ValueError
            When the windows are not what :meth:`fit` keeps: what is compiled does not look.
        """
        n_steps = max(self.n_features_in_ // self.n_signals, _FEWEST_STEPS)
        examples = self.examples_
        if (
            examples.dtype != np.float32
            or examples.shape[1:] != (self.n_signals, n_steps)
            or not 1 <= len(examples) <= _N_EXAMPLES
            or not 1 <= self.n_kernels <= _MOST_KERNELS
            or not (np.abs(examples) <= LIMIT).all()
            or self.spread_.shape != (self.n_signals,)
        ):
            raise ValueError("The windows that were kept do not fit the number of signals.")
        check_sequences_installed()
        from sktime.transformations.rocket import MiniRocketMultivariate

        rocket = MiniRocketMultivariate(
            num_kernels=self.n_kernels, random_state=int(self.seed) % 2**31
        )
        # sktime sets the seed of all programs that use numpy's common generator.
        common = np.random.mtrand.get_state()
        try:
            with _one_at_a_time:
                return rocket.fit(np.ascontiguousarray(examples))
        except RuntimeError as error:
            if _NO_CACHE not in str(error):
                raise
            raise NotInstalledError(
                "numba finds no folder to keep compiled code in: let the variable NUMBA_CACHE_DIR "
                "name one that can be written to."
            ) from error
        finally:
            np.random.mtrand.set_state(common)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in super().__getstate__().items() if name != "_rocket"}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def check_sequences_installed() -> None:
    """Raise NotInstalledError unless what an optional extra installs is there and loads."""
    missing = [name for name in ("sktime", "numba") if find_spec(name) is None]
    if missing:
        raise NotInstalledError(
            f"Learning from sequences needs {' and '.join(missing)}: `pip install "
            '"deepfake-biometrics[sequences]"`, or choose another classifier.'
        )
    try:
        import_module("sktime.transformations.rocket")
        import_module("numba")
    except ImportError as error:
        raise NotInstalledError(
            f"sktime and numba are installed, but cannot be loaded ({error}): `pip install "
            '--force-reinstall "deepfake-biometrics[sequences]"`, or choose another classifier.'
        ) from error


def _centred(values: np.ndarray) -> np.ndarray:
    """Return a bridged copy of ``(n_rows, n_signals, n_steps)``, told from the mean in time."""
    filled = bridged(values)
    filled -= filled.mean(axis=2, keepdims=True)
    return filled


def _different(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the first of equal rows, and which of these each row is like."""
    numbers: dict[bytes, int] = {}
    which = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in X])
    return np.unique(which, return_index=True)[1], which
