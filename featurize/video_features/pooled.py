"""What a network says of sampled frames, pooled over the video: level, spread and change."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from featurize.declaration import Recording, Summary, VideoFeature
from featurize.sample_values import chosen_values, squared_neighbour_distances
from featurize.sampled_frames import MIN_NEIGHBOURS, MIN_SAMPLES, first_of_stretch
from featurize.types import FaceSamples

_REFERENCES = {
    "blending_lite0": "Shiohara & Yamasaki 2022, self-blended images, with EfficientNet-Lite0",
    "dlib_resnet": "King 2017, dlib's face recognition ResNet, 128 dimensions",
    "efficientnet_lite0": "Tan & Le 2019, EfficientNet-Lite0 trained on ImageNet",
}

_CONFOUNDERS = ("identity", "resolution", "compression", "lighting", "head pose", "blur")


@cache
def cnn_summary(network: str, n_dims: int) -> Summary:
    """Features of a network: of each dimension mean and spread, and how far neighbours differ.

    Parameters
    ----------
    network : str
        Its name in columns, and in ``track.samples``.
    n_dims : int
        Numbers that it gives of a face.

    Returns
    -------
    Summary
        ``2 * n_dims + 3`` features, all NaN for a track without samples of the network.
    """
    reference = _REFERENCES.get(network, "the user's own network")

    def pooled(recording: Recording) -> dict[str, float]:
        samples = recording.track.samples.get(network)
        if samples is None:
            empty = np.empty((0, n_dims), np.float32)
            samples = FaceSamples(np.empty(0, np.int64), empty)
        time_s = recording.time_s[samples.frames]
        mean, std = _mean_and_std(samples.values, np.flatnonzero(first_of_stretch(time_s)))
        changes = np.sqrt(squared_neighbour_distances(samples, time_s) / n_dims)
        numbers = np.stack([mean, std], axis=1).ravel().tolist()
        if len(changes) < MIN_NEIGHBOURS:
            changes = np.full(1, np.nan)
        numbers += [changes.mean(), changes.std(), changes.max()]
        return dict(zip((feature.name for feature in features), numbers, strict=True))

    features = tuple(
        VideoFeature(f"cnn__{network}_{signal}", "cnn", "1", meaning, reference, confounders)
        for signal, meaning, confounders in _described(network, n_dims)
    )
    return Summary(features, pooled)


def _described(network: str, n_dims: int) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, meaning and confounders of each feature."""
    says = f"what the network {network} says of the aligned face"
    over = f"over frames sampled twice a second, {MIN_SAMPLES} at least"
    for number in range(n_dims):
        dimension = f"Dimension {number} of {says}"
        yield f"{number:04d}__mean", f"{dimension}; mean {over}", _CONFOUNDERS
        yield f"{number:04d}__std", f"{dimension}; standard deviation {over}", _CONFOUNDERS
    change = f"Root mean square change of {says} to the next frame"
    pairs = f"over pairs sampled once a second, {MIN_NEIGHBOURS} at least"
    for name, kind in (("mean", "mean"), ("std", "standard deviation"), ("max", "largest")):
        confounders = ("frame rate", "motion", *_CONFOUNDERS[1:])
        yield f"change__{name}", f"{change}; {kind} {pairs}", confounders


def _mean_and_std(values: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(n_dims,)`` mean and standard deviation of some samples; NaN where they are too few."""
    n_dims = values.shape[1]
    if len(chosen) < MIN_SAMPLES:
        return np.full(n_dims, np.nan), np.full(n_dims, np.nan)
    total, squares = np.zeros(n_dims), np.zeros(n_dims)
    for block in chosen_values(values, chosen):
        total += block.sum(axis=0)
    mean = total / len(chosen)
    for block in chosen_values(values, chosen):
        squares += ((block - mean) ** 2).sum(axis=0)
    return mean, np.sqrt(squares / len(chosen))
