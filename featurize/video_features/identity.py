"""Face embeddings over time: does the face stay who it is, and does it change as a head would.

Samples come twice a second, whatever the frame rate; a neighbour, the frame right after a sample,
is used for nothing but the change from frame to frame. Every value is one of distances and angles
between embeddings, so no axis of the network's space means anything; and of times between samples,
so it does not matter when a video begins.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from featurize.declaration import Recording, summary
from featurize.networks.facts import IDENTITY_NETWORK
from featurize.sample_values import squared_neighbour_distances
from featurize.sampled_frames import MIN_SAMPLES, SAMPLE_STEP_S, first_of_stretch
from featurize.scratch import let_go
from featurize.types import FaceSamples
from featurize.video_features.functionals import LONGEST_FLICKER_S
from featurize.video_features.statistics import percentile, ratio

WINDOW_S = 2.0
"""Similarities are told apart by whether both samples lie within one window of this length."""

STRETCH_S, MAX_STRETCHES = 10.0, 50
"""Of a longer video so many stretches of this length are measured, spread evenly: a thousand
samples make half a million pairs. A video of up to eight minutes is measured whole."""

LONGEST_LAG_S = STRETCH_S
"""Pairs that lie further apart say nothing of drift or pose: too much else has changed."""

LONG_LAG_S = 2.0
"""Of the second autocorrelation; the first is of one sample to the next."""

MIN_OF_MOMENTS, MIN_OF_SHAPE = 6, 12
"""Moments of fewer pairs of any samples are NaN; skewness and kurtosis need more than mean and
spread."""

MIN_OF_PERCENTILES = 3
"""Percentiles of fewer pairs of neighbours are NaN: more are needed than for the usual change."""

MIN_TURN_STD_DEG = 0.5
"""A pose that differs less between samples explains nothing: its slope is not known."""

# Embeddings are float32 of length about 1.4: smaller differences are rounding.
_ROUNDING = 1e-6
_MEDIAN_ROUNDS = 50

_MOMENTS = {
    "mean": "mean",
    "std": "standard deviation",
    "skewness": "skewness",
    "kurtosis": "excess kurtosis",
    "p05": "5th percentile",
    "p95": "95th percentile",
}


def _moments_declared(signal: str, pairs: str) -> dict[str, tuple[str, str]]:
    return {
        f"{signal}__{name}": ("1", f"Cosine similarity of face embeddings, {pairs}; {what}")
        for name, what in _MOMENTS.items()
    }


@summary(
    family="identity",
    reference="after Norman & Farid 2025 (arXiv:2507.08917); face embedding of King (dlib)",
    confounded_by=(
        "head turns",
        "strong expressions",
        "changes of light",
        "small or blurred faces",
        "compression",
        "duration",
        "frame rate",
    ),
    features={
        "distance_to_median__mean": ("1", "Mean distance of face embeddings to their median"),
        "distance_to_median__std": ("1", "Spread of distances of face embeddings to their median"),
        "distance_to_median__p95": ("1", "Distance of the farthest face embeddings to the median"),
        "distance_to_median__tail": ("1", "Farthest face embeddings, in usual distances to median"),
        "step_distance__median": ("1", "Usual change of the face embedding within half a second"),
        "step_distance__std": ("1", "Spread of the embedding's changes within half a second"),
        "step_distance__p95": ("1", "Largest changes of the face embedding within half a second"),
        "embedding__autocorrelation_short": ("1", "Correlation of face embeddings 0.5 s apart"),
        "embedding__autocorrelation_long": ("1", "Correlation of face embeddings 2 s apart"),
        "embedding__dimensions": ("1", "Number of directions over which the embedding varies"),
        "drift__slope_per_s": ("1/s", "Growth of embedding distance with time between samples"),
        "drift__at_equal_pose_per_s": (
            "1/s",
            "Growth of embedding distance with time at equal pose",
        ),
        "drift__share": ("1", "Share of the embedding's variance that a steady drift explains"),
        **_moments_declared("similarity_within", "within windows of 2 s"),
        **_moments_declared("similarity_between", "between windows of 2 s"),
        "similarity__within_to_between": ("1", "Similarity within less that between windows"),
        "neighbour_distance__median": ("1", "Usual change of the embedding from frame to frame"),
        "neighbour_distance__p95": ("1", "Largest changes of the embedding from frame to frame"),
        "neighbour_distance__to_step": ("1", "Usual change from frame to frame against 0.5 s"),
        "pose__explained_share": ("1", "Share of distances' variance that head pose explains"),
        "pose__yaw_slope_per_deg": ("1/deg", "Growth of embedding distance with turns of the head"),
        "pose__pitch_slope_per_deg": ("1/deg", "Growth of embedding distance with nods"),
        "pose__distance_at_equal_pose": ("1", "Distance of face embeddings at equal head pose"),
        "pose__residual_std": ("1", "Spread of embedding distances that pose does not explain"),
    },
)
def identity_features(recording: Recording) -> dict[str, float]:
    """Stability of the face embedding, its pairwise similarity, its drift in time and with pose.

    Norman & Farid measure the distribution of pairwise cosine similarities of ArcFace vectors over
    a video by its moments. Here the network is dlib's; pairs within and between windows of 2 s are
    measured apart; percentiles are added, which few pairs tell better than high moments; and so are
    all the features that are no moments. A window begins with the first sample.

    The median is the geometric one, which turns with the space. Autocorrelations are sums over all
    directions. The number of dimensions is the participation ratio of the covariance, 1 for a
    motion along a line. Distances of pairs of at most 10 s are fitted by least squares: by the time
    between them; by the differences of yaw and pitch; and by all three. A mirrored video gives the
    same values, as far as the network sees the same in a mirror.

    NaN without samples; with fewer than four; moments with fewer than six pairs, skewness and
    kurtosis with fewer than twelve; what is of neighbours with fewer than three pairs; slopes of
    angles that do not vary. The change from frame to frame depends on the frame rate; nothing else
    does.
    """
    samples = recording.track.samples.get(IDENTITY_NETWORK)
    known = None if samples is None else _spaced(recording, samples)
    if known is None or len(known.vectors) < MIN_SAMPLES:
        values = dict.fromkeys(_NAMES, np.nan)
    else:
        values = {**_stability(known), **_similarity(known), **_drift_and_pose(known)}
    neighbours = np.empty(0)
    if samples is not None:
        time_s = recording.time_s[samples.frames]
        neighbours = np.sqrt(squared_neighbour_distances(samples, time_s))
    if len(neighbours) < MIN_OF_PERCENTILES:
        neighbours = np.empty(0)
    usual = percentile(neighbours, 50)
    values |= {
        "neighbour_distance__median": usual,
        "neighbour_distance__p95": percentile(neighbours, 95),
        "neighbour_distance__to_step": ratio(usual, values["step_distance__median"]),
    }
    return {f"identity__{name}": value for name, value in values.items()}


_NAMES = tuple(feature.name.removeprefix("identity__") for feature in identity_features.features)


@dataclass(frozen=True)
class _Samples:
    """Samples that are not neighbours, of a bounded number.

    ``vectors`` is ``(n, n_dims)``, times and poses are ``(n,)``; poses may be NaN.
    """

    vectors: np.ndarray
    time_s: np.ndarray
    yaw_deg: np.ndarray
    pitch_deg: np.ndarray

    @cached_property
    def distances(self) -> np.ndarray:
        """``(n, n)`` Euclidean distances."""
        products = self.centred @ self.centred.T
        squares = np.diag(products)
        return np.sqrt(np.maximum(squares[:, None] + squares - 2 * products, 0))

    @cached_property
    def centred(self) -> np.ndarray:
        """``(n, n_dims)`` differences from the mean."""
        return self.vectors - self.vectors.mean(axis=0)

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """First and second sample of every pair, ``(n_pairs,)`` each."""
        return np.triu_indices(len(self.vectors), 1)


def _spaced(recording: Recording, samples: FaceSamples) -> _Samples:
    """Samples without neighbours, of stretches that are spread evenly over a long video."""
    time_s = recording.time_s[samples.frames]
    chosen = np.flatnonzero(first_of_stretch(time_s))
    if len(chosen):
        stretch = np.floor((time_s[chosen] - time_s[chosen[0]]) / STRETCH_S + 1e-6)
        there = np.unique(stretch)
        if len(there) > MAX_STRETCHES:
            there = there[np.linspace(0, len(there) - 1, MAX_STRETCHES).round().astype(int)]
            chosen = chosen[np.isin(stretch, there)]
    vectors = np.array(samples.values[chosen], np.float64)
    let_go(samples.values)
    frames = samples.frames[chosen]
    yaw_deg, pitch_deg = (
        np.array(recording.signals[f"head_pose__{angle}_deg"][frames]) for angle in ("yaw", "pitch")
    )
    return _Samples(vectors, time_s[chosen], yaw_deg, pitch_deg)


def _stability(known: _Samples) -> dict[str, float]:
    off = np.linalg.norm(known.vectors - _geometric_median(known.vectors), axis=1)
    is_step = np.diff(known.time_s) <= LONGEST_FLICKER_S
    steps = np.diagonal(known.distances, 1)[is_step]
    if len(steps) < MIN_SAMPLES - 1:
        steps = np.empty(0)
    far = percentile(off, 95)
    return {
        "distance_to_median__mean": float(off.mean()),
        "distance_to_median__std": float(off.std()),
        "distance_to_median__p95": far,
        "distance_to_median__tail": _quotient(far, percentile(off, 50)),
        "step_distance__median": percentile(steps, 50),
        "step_distance__std": float(steps.std()) if steps.size else np.nan,
        "step_distance__p95": percentile(steps, 95),
        "embedding__autocorrelation_short": _autocorrelation(known, SAMPLE_STEP_S),
        "embedding__autocorrelation_long": _autocorrelation(known, LONG_LAG_S),
        "embedding__dimensions": _dimensions(known.centred),
    }


def _geometric_median(vectors: np.ndarray) -> np.ndarray:
    """The point whose distances to all add up to the least (Weiszfeld 1937)."""
    middle = vectors.mean(axis=0)
    for _ in range(_MEDIAN_ROUNDS):
        # A sample at the middle itself would weigh infinitely.
        weights = 1 / np.maximum(np.linalg.norm(vectors - middle, axis=1), _ROUNDING)
        middle = weights @ vectors / weights.sum()
    return middle


def _autocorrelation(known: _Samples, lag_s: float) -> float:
    """Correlation of samples so far apart in time, within a quarter of a second either way."""
    off_s = np.subtract.outer(known.time_s, known.time_s) - lag_s
    later, earlier = np.nonzero(np.abs(off_s) < SAMPLE_STEP_S / 2 - _ROUNDING)
    if len(later) < MIN_SAMPLES - 1:
        return float("nan")
    products = known.centred @ known.centred.T
    variances = np.diag(products)
    scale = np.sqrt(variances[later].sum() * variances[earlier].sum())
    return _quotient(float(products[later, earlier].sum()), float(scale))


def _dimensions(centred: np.ndarray) -> float:
    """Participation ratio of the covariance: squared sum of its eigenvalues by that of squares."""
    covariance = centred.T @ centred / len(centred)
    return _quotient(float(np.trace(covariance) ** 2), float(np.sum(covariance**2)))


def _similarity(known: _Samples) -> dict[str, float]:
    lengths = np.linalg.norm(known.vectors, axis=1)
    unit = known.vectors / np.maximum(lengths, _ROUNDING)[:, None]
    similarity = (unit @ unit.T)[known.pairs]
    window = np.floor((known.time_s - known.time_s[0]) / WINDOW_S + 1e-6)
    first, second = known.pairs
    together = window[first] == window[second]
    within, between = similarity[together], similarity[~together]
    values = {
        f"{signal}__{name}": value
        for signal, part in (("similarity_within", within), ("similarity_between", between))
        for name, value in _moments(part).items()
    }
    difference = values["similarity_within__mean"] - values["similarity_between__mean"]
    return {**values, "similarity__within_to_between": difference}


def _moments(values: np.ndarray) -> dict[str, float]:
    if len(values) < MIN_OF_MOMENTS:
        return dict.fromkeys(_MOMENTS, float("nan"))
    mean, std = float(values.mean()), float(values.std())
    skewness = kurtosis = float("nan")
    if len(values) >= MIN_OF_SHAPE and std > _ROUNDING:
        standard = (values - mean) / std
        skewness, kurtosis = float(np.mean(standard**3)), float(np.mean(standard**4)) - 3
    low, high = percentile(values, 5), percentile(values, 95)
    return dict(zip(_MOMENTS, (mean, std, skewness, kurtosis, low, high), strict=True))


def _drift_and_pose(known: _Samples) -> dict[str, float]:
    first, second = known.pairs
    lag_s = known.time_s[second] - known.time_s[first]
    # A thousandth of a second: ten seconds are ten seconds, whatever the sum of their frames says.
    near = lag_s <= LONGEST_LAG_S + 1e-3
    first, second, lag_s = first[near], second[near], lag_s[near]
    distance = known.distances[first, second]
    yaw, pitch = (
        np.abs(angle[second] - angle[first]) for angle in (known.yaw_deg, known.pitch_deg)
    )
    posed = np.isfinite(yaw) & np.isfinite(pitch)
    turns = {"yaw": yaw[posed], "pitch": pitch[posed]}
    turns = {name: turn for name, turn in turns.items() if _std(turn) >= MIN_TURN_STD_DEG}
    by_pose = _fitted(distance[posed], turns)
    by_all = _fitted(distance[posed], {**turns, "time": lag_s[posed]})
    by_time = _fitted(distance, {"time": lag_s})
    return {
        "drift__slope_per_s": by_time.get("time", np.nan),
        "drift__at_equal_pose_per_s": by_all.get("time", np.nan),
        "drift__share": _steady_share(known),
        "pose__explained_share": by_pose.get("share", np.nan) if turns else np.nan,
        "pose__yaw_slope_per_deg": by_pose.get("yaw", np.nan),
        "pose__pitch_slope_per_deg": by_pose.get("pitch", np.nan),
        "pose__distance_at_equal_pose": by_pose.get("constant", np.nan),
        "pose__residual_std": by_pose.get("residual", np.nan),
    }


def _fitted(distance: np.ndarray, by: dict[str, np.ndarray]) -> dict[str, float]:
    """Least squares: the constant, a slope for each, what is left, and the share explained."""
    if len(distance) < MIN_OF_MOMENTS:
        return {}
    columns = np.column_stack([np.ones(len(distance)), *by.values()])
    slopes = np.linalg.lstsq(columns, distance, rcond=None)[0]
    residual = _std(distance - columns @ slopes)
    explained = 1 - _quotient(residual**2, _std(distance) ** 2)
    named = dict(zip(("constant", *by), slopes.tolist(), strict=True))
    return {**named, "residual": residual, "share": explained}


def _steady_share(known: _Samples) -> float:
    """Squared correlation of the embedding with time, over all directions."""
    time_s = known.time_s - known.time_s.mean()
    moved = np.sum((time_s @ known.centred) ** 2) / np.sum(time_s**2)
    return _quotient(float(moved), float(np.sum(known.centred**2)))


def _std(values: np.ndarray) -> float:
    return float(values.std()) if values.size else 0.0


def _quotient(numerator: float, denominator: float) -> float:
    """Quotient; NaN where nothing but rounding is left to divide by."""
    return ratio(numerator, denominator) if denominator > _ROUNDING**2 else float("nan")
