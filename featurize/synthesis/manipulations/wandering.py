"""Random courses over time: what trembles from frame to frame, what drifts, what lags behind."""

import numpy as np


def frames_rng(seed: int) -> np.random.Generator:
    """Generator for what varies within a video; not the one that ``default_rng(seed)`` is.

    With the same seed the parameters of the video may have been drawn, and must not come again.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))


def jitter(
    rng: np.random.Generator, n: int, sigma: float, lag1: float = 0.0, shape: tuple[int, ...] = ()
) -> np.ndarray:
    """Gaussian noise that is the same at all times: white, or a first-order autoregression.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        Number of frames.
    sigma : float
        Its standard deviation.
    lag1 : float
        Correlation of neighbouring frames, in [0, 1).
    shape : tuple of int
        Shape of the value of one frame; its entries are independent.

    Returns
    -------
    numpy.ndarray
        ``(n, *shape)`` float64.
    """
    course = rng.normal(0, sigma, (n, *shape))
    fresh = np.sqrt(1 - lag1**2)
    for now in range(1, n):
        course[now] = lag1 * course[now - 1] + fresh * course[now]
    return course


def drift(
    rng: np.random.Generator,
    time_s: np.ndarray,
    sigma: float,
    timescale_s: float,
    shape: tuple[int, ...] = (),
) -> np.ndarray:
    """Smooth Gaussian course, which forgets over a timescale, the same at all times.

    Its covariance at a distance of d seconds is ``sigma^2 exp(-d^2 / (2 timescale_s^2))``: a sum
    of cosines of random frequency and phase (Rahimi and Recht 2007).

    Parameters
    ----------
    rng : numpy.random.Generator
    time_s : numpy.ndarray
        ``(n,)`` seconds; frames may be dropped without a change to the others.
    sigma : float
        Standard deviation, over draws.
    timescale_s : float
        Over how many seconds it forgets.
    shape : tuple of int
        Shape of the value of one frame; its entries are independent.

    Returns
    -------
    numpy.ndarray
        ``(n, *shape)`` float64.
    """
    n_cosines = 24
    turn_hz = rng.normal(0, 1 / timescale_s, (n_cosines, *shape))
    phase = rng.uniform(0, 2 * np.pi, (n_cosines, *shape))
    time = np.asarray(time_s, float).reshape(-1, *(1,) * (len(shape) + 1))
    return sigma * np.sqrt(2 / n_cosines) * np.cos(turn_hz * time + phase).sum(axis=1)


def followed(values: np.ndarray, time_s: np.ndarray, lag_s: float) -> np.ndarray:
    """Values as a slow follower has them: an exponential mean over the past.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n, ...)``; a frame with a NaN is skipped, and the follower starts anew after it.
    time_s : numpy.ndarray
        ``(n,)`` seconds.
    lag_s : float
        How far it is behind a value that changes steadily, in the long run; 0 follows at once.

    Returns
    -------
    numpy.ndarray
        Of the shape of ``values``, float64.
    """
    course = np.array(values, dtype=float)
    if lag_s <= 0:
        return course
    known = np.isfinite(course).reshape(len(course), -1).all(axis=1)
    for now in range(1, len(course)):
        if known[now] and known[now - 1]:
            step = np.exp(-(time_s[now] - time_s[now - 1]) / lag_s)
            course[now] = step * course[now - 1] + (1 - step) * course[now]
    return course
