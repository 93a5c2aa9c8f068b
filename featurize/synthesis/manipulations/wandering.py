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
        Correlation of neighbouring frames, in [0, 1), whatever the frame rate: methods that work
        frame by frame err once a frame.
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
    turn_rad_per_s = rng.normal(0, 1 / timescale_s, (n_cosines, *shape))
    phase = rng.uniform(0, 2 * np.pi, (n_cosines, *shape))
    time = np.asarray(time_s, float).reshape(-1, *(1,) * (len(shape) + 1))
    return sigma * np.sqrt(2 / n_cosines) * np.cos(turn_rad_per_s * time + phase).sum(axis=1)


def followed(values: np.ndarray, time_s: np.ndarray, lag_s: float) -> np.ndarray:
    """Values as a slow follower has them: an exponential mean over the past.

    Between frames the values are taken to change evenly, so the lag does not depend on the frame
    rate and may be shorter than a frame.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n, ...)``; a frame with a NaN is skipped, and the follower starts anew after it.
    time_s : numpy.ndarray
        ``(n,)`` seconds.
    lag_s : float
        How far it is behind a value that changes steadily, once it has changed so for several
        times as long; 0 follows at once.

    Returns
    -------
    numpy.ndarray
        Of the shape of ``values``, float64.
    """
    course = np.array(values, dtype=float)
    if lag_s <= 0:
        return course
    known = np.isfinite(course).reshape(len(course), -1).all(axis=1)
    led = course.copy()
    for now in range(1, len(course)):
        if known[now] and known[now - 1]:
            step_s = time_s[now] - time_s[now - 1]
            # Where it would be, had the value changed at this pace for ever; the rest fades.
            behind = (led[now] - led[now - 1]) * (lag_s / step_s)
            apart = course[now - 1] - (led[now - 1] - behind)
            course[now] = led[now] - behind + np.exp(-step_s / lag_s) * apart
    return course
