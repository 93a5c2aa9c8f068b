"""Which frames are looked at closely, where to look at all of them would cost too much."""

import numpy as np

SAMPLE_STEP_S = 0.5
"""Faces are looked at closely in one frame of each such stretch of time: what texture and networks
say changes little from frame to frame, and costs as much as a landmark."""

LONGEST_NEIGHBOUR_STEP_S = 0.127
"""Frames further apart are no neighbours: too much has happened between them. It is the step of 8
frames per second, 0.125 s, and what rounding may add: some files round each time to 0.001 s."""

MIN_SAMPLES = 4
"""What is told by fewer samples that are not neighbours is NaN, one by one or all together."""

MIN_NEIGHBOURS = 2
"""Usual changes of fewer pairs of neighbours are NaN: a window of 2 s has two."""


def stretch_of(time_s: np.ndarray) -> np.ndarray:
    """Number of the stretch that each time lies in; the last bits of a time do not decide.

    Examples
    --------
    >>> stretch_of(np.array([0.0, 0.4, 0.49999999, 0.9, 1.0]))
    array([0, 0, 1, 1, 2])
    """
    return np.floor(np.asarray(time_s) / SAMPLE_STEP_S + 1e-6).astype(np.int64)


def sampled_frames(time_s: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Frames in which networks look at a face.

    In each stretch of :data:`SAMPLE_STEP_S` the first frame that shows the face is a sample. In
    every other stretch, of even number, the frame right after it is one too, if it shows the face
    and they are neighbours, see :func:`are_neighbours`.

    Parameters
    ----------
    time_s : numpy.ndarray
        ``(n_frames,)`` increasing presentation times.
    present : numpy.ndarray
        ``(n_frames,)`` bool: where the face is.

    Returns
    -------
    numpy.ndarray
        ``(n_samples,)`` int64, increasing.

    Examples
    --------
    >>> sampled_frames(np.arange(30) / 10, np.ones(30, bool))
    array([ 0,  1,  5, 10, 11, 15, 20, 21, 25])
    """
    shown = np.flatnonzero(present)
    firsts = shown[first_of_stretch(time_s[shown])]
    with_neighbour = firsts[stretch_of(time_s[firsts]) % 2 == 0]
    neighbours = with_neighbour[with_neighbour + 1 < len(present)] + 1
    near = present[neighbours] & are_neighbours(time_s[neighbours - 1], time_s[neighbours])
    return np.union1d(firsts, neighbours[near]).astype(np.int64)


def first_of_stretch(time_s: np.ndarray) -> np.ndarray:
    """``(n_samples,)`` bool: which samples are the first of their stretch, so no neighbours."""
    return np.diff(stretch_of(time_s), prepend=np.iinfo(np.int64).min // 2) > 0


def are_neighbours(earlier_s: np.ndarray, later_s: np.ndarray) -> np.ndarray:
    """Whether a frame is the neighbour of the one before it, by the times of both.

    Neighbours lie in the same stretch, at most :data:`LONGEST_NEIGHBOUR_STEP_S` apart. Transitions
    and changes of what networks say are all measured between such frames.

    Examples
    --------
    >>> are_neighbours(np.array([0.0, 1.0, 1.48]), np.array([0.04, 1.4, 1.52]))
    array([ True, False, False])
    """
    near = np.subtract(later_s, earlier_s) <= LONGEST_NEIGHBOUR_STEP_S
    return near & (stretch_of(earlier_s) == stretch_of(later_s))


def neighbour_pairs(frames: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Samples that the one after them is the neighbour of, see :func:`are_neighbours`.

    Parameters
    ----------
    frames : numpy.ndarray
        ``(n_samples,)`` frames of the samples, increasing.
    time_s : numpy.ndarray
        ``(n_samples,)`` their times.

    Returns
    -------
    numpy.ndarray
        ``(n_pairs,)`` numbers of samples; the other of each pair is the number after it.

    Examples
    --------
    >>> neighbour_pairs(np.array([0, 1, 5, 10, 11]), np.array([0, 1, 5, 10, 11]) / 10)
    array([0, 3])
    """
    return np.flatnonzero((np.diff(frames) == 1) & are_neighbours(time_s[:-1], time_s[1:]))
