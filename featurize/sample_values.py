"""What a network says of sampled frames, a block at a time: that of a long video lies in a file."""

from collections.abc import Iterator

import numpy as np

from featurize.sampled_frames import neighbour_pairs
from featurize.scratch import BLOCK_SAMPLES, blocks, let_go
from featurize.types import FaceSamples


def chosen_values(values: np.ndarray, chosen: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of some samples.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n_samples, n_dims)`` float32.
    chosen : numpy.ndarray
        ``(n_chosen,)`` numbers of samples.

    Yields
    ------
    numpy.ndarray
        ``(n_block, n_dims)`` float64, of :data:`~featurize.scratch.BLOCK_SAMPLES` samples at most.
    """
    for block in blocks(len(chosen), BLOCK_SAMPLES):
        yield values[chosen[block]].astype(np.float64)
        let_go(values)


def squared_neighbour_distances(samples: FaceSamples, time_s: np.ndarray) -> np.ndarray:
    """Squared Euclidean distance of each pair of neighbours.

    Parameters
    ----------
    samples : FaceSamples
        Of one face.
    time_s : numpy.ndarray
        ``(n_samples,)`` their times.

    Returns
    -------
    numpy.ndarray
        ``(n_pairs,)`` in the order of :func:`featurize.sampled_frames.neighbour_pairs`.
    """
    first = neighbour_pairs(samples.frames, time_s)
    both = zip(
        chosen_values(samples.values, first), chosen_values(samples.values, first + 1), strict=True
    )
    found = [np.sum((later - earlier) ** 2, axis=1) for earlier, later in both]
    return np.concatenate([np.empty(0), *found])
