"""Onset, apex and offset: how fast an expression comes, how long it stays, how fast it goes.

A felt smile comes slowly and goes more slowly still; one that is posed, or made by a machine that
knows single frames only, has other proportions.
"""

import numpy as np
from scipy.signal import find_peaks, peak_widths, savgol_filter

from featurize.declaration import Recording, summary
from featurize.video_features.functionals import collect
from featurize.video_features.sampling import GRID_HZ
from featurize.video_features.statistics import noise_std, ratio

GROUPS: dict[str, tuple[str, ...]] = {
    "smile": ("expression__mouth_smile_left", "expression__mouth_smile_right"),
    "brow_raise": (
        "expression__brow_inner_up",
        "expression__brow_outer_up_left",
        "expression__brow_outer_up_right",
    ),
    "jaw_opening": ("expression__jaw_open",),
}
"""Expressions that are timed, each as the mean of its coefficients."""

MIN_PROMINENCE = 0.1
"""Least rise of an expression to count as an event."""

NOISE_FACTOR = 7.0
"""An event must stand out of the noise of its own signal by this many standard deviations, as white
noise does once in ten minutes."""

MIN_EVENTS = 3

SPEED_WINDOW = 13
"""Samples of the local cubic fits (Savitzky & Golay 1964) that speed is read off, 0.26 s: the
highest of the steps from sample to sample is that of the noise."""

EDGE_SHARE = 0.1
"""Onset and offset run between a tenth and nine tenths of the height; apex is what is above."""


def _features_of(group: str) -> dict[str, tuple[str, str]]:
    words = group.replace("_", " ")
    return {
        f"{group}_onset_s__median": ("s", f"Typical time for which a {words} rises"),
        f"{group}_apex_s__median": ("s", f"Typical time for which a {words} stays up"),
        f"{group}_onset__share_median": (
            "1",
            f"Onset of a {words} over onset and offset: above 0.5 it comes slower than it goes",
        ),
        f"{group}_speed__asymmetry_median": (
            "1",
            f"Fastest rise against fastest fall of a {words}: above 0 the rise is faster",
        ),
    }


@summary(
    family="expression",
    reference="Cohn & Schmidt 2004 (timing of smiles); Ekman & Friesen 1982 (onset, apex, offset)",
    confounded_by=("speech", "acted emotion", "frame rate", "clip length", "landmark noise"),
    features={
        name: described for group in GROUPS for name, described in _features_of(group).items()
    },
)
def expression_timing(recording: Recording) -> dict[str, float]:
    """Onset, apex and offset of the larger smiles, brow raises and jaw openings.

    An event is a rise of at least 0.1, and of seven times the noise of the signal, estimated from
    its second differences: what swings as fast as the frames can follow cannot be timed. Onset and
    offset run between 10 and 90 % of the rise. The asymmetry is ``(rise - fall) / (rise + fall)``
    of the highest speeds, in [-1, 1], read off local cubic fits of 0.26 s; flanks shorter than that
    come out more alike than they are. NaN with fewer than three events of the kind, and when the
    backend has no blendshapes.
    """
    values = dict.fromkeys((feature.name for feature in expression_timing.features), np.nan)
    for group, columns in GROUPS.items():
        events = _events(recording, columns)
        if len(events) < MIN_EVENTS:
            continue
        onset_s, apex_s, offset_s, asymmetry = np.array(events).T
        values |= {
            f"expression__{group}_onset_s__median": np.median(onset_s),
            f"expression__{group}_apex_s__median": np.median(apex_s),
            f"expression__{group}_onset__share_median": np.median(onset_s / (onset_s + offset_s)),
            f"expression__{group}_speed__asymmetry_median": np.median(asymmetry),
        }
    return values


def _events(recording: Recording, columns: tuple[str, ...]) -> list[tuple[float, ...]]:
    """Duration of onset, apex and offset, and speed asymmetry, of each event."""
    signals = collect(recording, list(columns))
    least = max(MIN_PROMINENCE, NOISE_FACTOR * noise_std(signals.values.mean(axis=1)))
    found: list[tuple[float, ...]] = []
    for segment in signals.segments:
        # A segment lasts at least 0.5 s, so that it is longer than the fits.
        curve = segment.values.mean(axis=1)
        speed = savgol_filter(curve, SPEED_WINDOW, 3, deriv=1, delta=1 / GRID_HZ)
        peaks, shape = find_peaks(curve, prominence=least)
        known = (shape["prominences"], shape["left_bases"], shape["right_bases"])
        _, _, start, stop = peak_widths(curve, peaks, 1 - EDGE_SHARE, known)
        _, _, top, end = peak_widths(curve, peaks, EDGE_SHARE, known)
        durations_s = np.stack([top - start, end - top, stop - end], axis=1) / GRID_HZ
        for times_s, first, last in zip(durations_s, start, stop, strict=True):
            during = speed[int(first) : int(np.ceil(last)) + 1]
            # An event on a slope may never fall, or never rise, as far as the fits can tell.
            rise, fall = max(during.max(), 0.0), max(-during.min(), 0.0)
            found.append((*times_s, ratio(rise - fall, rise + fall)))
    return found
