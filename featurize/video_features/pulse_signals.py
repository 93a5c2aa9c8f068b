"""Pulse signals from colours of skin: remote photoplethysmography by two methods."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from featurize.frame_features.skin import CHANNELS
from featurize.scratch import blocks, scratch
from featurize.types import LandmarkTrack
from featurize.video_features.sampling import GRID_HZ, segments

REGIONS: dict[str, tuple[str, ...]] = {
    "forehead": ("forehead_right", "forehead_middle", "forehead_left"),
    "cheek_left": ("cheek_left",),
    "cheek_right": ("cheek_right",),
}
"""Patches of skin whose mean is a region's colour."""

BAND_HZ = (0.7, 4.0)
"""Heart rates from 42 to 240 beats a minute."""

WINDOW_S = 3.8
"""What one estimate of the pulse takes: a clip of 4 s has one, at any frame rate, although its last
frame lies 0.125 s before its end at 8 frames a second."""

STEP_S = 1.0
"""Time from a window to the next."""

METHOD_WINDOW_S = 1.6
"""Over which POS and CHROM take the light as steady, as in their papers."""

MIN_LEVEL = 1.0
"""Of 255: a channel darker than this has no relative change that could be measured."""

MIN_CHANGE = 1e-6
"""Relative change of colour below which there is nothing but rounding."""

GROUP = 128
"""Windows held in memory at a time."""

_WINDOW = round(WINDOW_S * GRID_HZ)
_STEP = round(STEP_S * GRID_HZ)
_METHOD_WINDOW = round(METHOD_WINDOW_S * GRID_HZ)
# 0.08 s from a window of POS to the next; its paper takes each frame of 20 a second.
_POS_STEP = 4
_BAND_PASS = butter(3, BAND_HZ, "bandpass", fs=GRID_HZ, output="sos")


@dataclass(frozen=True)
class Pulses:
    """Pulse signals of all regions, by two methods.

    Attributes
    ----------
    pos, chrom : list of numpy.ndarray
        ``(n_samples, n_regions)`` by POS and CHROM, in band, at :data:`GRID_HZ`, of each unbroken
        stretch of at least :data:`WINDOW_S`.
    """

    pos: list[np.ndarray]
    chrom: list[np.ndarray]


def region_colours(track: LandmarkTrack) -> np.ndarray:
    """``(n_frames, n_regions, 3)`` mean red, green and blue; NaN where unknown or too dark."""
    colours = scratch((track.n_frames, len(REGIONS), len(CHANNELS)))
    for region, patches in enumerate(REGIONS.values()):
        for number, channel in enumerate(CHANNELS):
            levels = [track.measured(f"skin__{patch}_{channel}") for patch in patches]
            level = np.mean(levels, axis=0)
            level[~(level >= MIN_LEVEL)] = np.nan
            colours[:, region, number] = level
    return colours


def find_pulses(colours: np.ndarray, time_s: np.ndarray) -> Pulses:
    """Pulse signals from colours.

    Parameters
    ----------
    colours : numpy.ndarray
        ``(n_frames, n_regions, 3)`` positive red, green and blue; a frame in which any is NaN
        breaks the stretch.
    time_s : numpy.ndarray
        ``(n_frames,)`` increasing times.

    Returns
    -------
    Pulses
        Without stretches when none lasts :data:`WINDOW_S`, or when frames come less often than
        twice in the shortest beat.
    """
    stretches = []
    if len(time_s) > 1 and np.median(np.diff(time_s)) * 2 * BAND_HZ[1] <= 1.001:
        flat = colours.reshape(len(colours), -1)
        stretches = [
            segment.values.reshape(-1, *colours.shape[1:])
            for segment in segments(flat, time_s)
            if len(segment.values) >= _WINDOW
        ]
    return Pulses(
        [_in_band(_pos(stretch)) for stretch in stretches],
        [_chrom(stretch) for stretch in stretches],
    )


def pulses_of(track: LandmarkTrack) -> Pulses:
    """Pulse signals of a track's measured skin."""
    return find_pulses(region_colours(track), track.time_s)


def window_groups(stretch: np.ndarray) -> Iterator[np.ndarray]:
    """Windows of :data:`WINDOW_S`, one every :data:`STEP_S`, some at a time.

    Yields
    ------
    numpy.ndarray
        ``(n_windows, n_regions, n_samples)``, each less its mean; NaN where nothing changes.
    """
    windows = sliding_window_view(stretch, _WINDOW, axis=0)[::_STEP]
    for first in range(0, len(windows), GROUP):
        group = windows[first : first + GROUP]
        group = group - group.mean(axis=-1, keepdims=True)
        group[group.std(axis=-1) <= MIN_CHANGE] = np.nan
        yield group


def _pos(colours: np.ndarray) -> np.ndarray:
    """Plane orthogonal to skin (Wang et al. 2017, Algorithm 1): ``(n, regions)`` pulse."""
    last = len(colours) - _METHOD_WINDOW
    starts = np.append(np.arange(0, last, _POS_STEP), last)
    windows = sliding_window_view(colours, _METHOD_WINDOW, axis=0)
    added, count = scratch(colours.shape[:2]), scratch((len(colours), 1))
    for group in np.array_split(starts, -(-len(starts) // GROUP)):
        # (channels, windows, samples, regions): what is added up below lies together.
        parts = windows[group].transpose(2, 0, 3, 1)
        red, green, blue = parts / parts.mean(axis=2, keepdims=True)
        first, second = green - blue, green + blue - 2 * red
        pulse = first + _spread_ratio(first, second, axis=1) * second
        pulse -= pulse.mean(axis=1, keepdims=True)
        for start, part in zip(group.tolist(), pulse, strict=True):
            added[start : start + _METHOD_WINDOW] += part
            count[start : start + _METHOD_WINDOW] += 1
    added /= count
    return added


def _chrom(colours: np.ndarray) -> np.ndarray:
    """Chrominance method (de Haan & Jeanne 2013) with the sign of POS, ``(n, regions)`` in band."""
    pulses = scratch(colours.shape[:2])
    # One region after the other, as each takes several times the memory of its colours.
    for number, region in enumerate(np.moveaxis(colours, 1, 0)):
        pulses[:, number] = _chrom_of_region(region)
    return pulses


def _chrom_of_region(colours: np.ndarray) -> np.ndarray:
    """``(n,)`` of colours ``(n, 3)``."""
    relative, pair = scratch(colours.shape), scratch((len(colours), 2))
    for number, level in enumerate(colours.T):
        relative[:, number] = level / uniform_filter1d(level, _METHOD_WINDOW, mode="nearest")
    for block in blocks(len(relative)):
        red, green, blue = relative[block].T
        pair[block, 0] = 3 * red - 2 * green
        pair[block, 1] = 1.5 * red + green - 1.5 * blue
    first, second = _in_band(pair).T
    pulse, covered = scratch((2, len(colours)))
    # Without the zeros at its ends: the first and last sample have a weight, too.
    weight = np.hanning(_METHOD_WINDOW + 2)[1:-1]
    last = len(pulse) - _METHOD_WINDOW
    for start in np.append(np.arange(0, last, _METHOD_WINDOW // 2), last):
        part = slice(start, start + _METHOD_WINDOW)
        share = _spread_ratio(first[part], second[part], axis=0)
        pulse[part] += weight * (share * second[part] - first[part])
        covered[part] += weight
    # Fewer windows reach the ends, and the last may start less than half of one after the other.
    pulse /= covered
    return pulse


def _spread_ratio(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
    """Standard deviation of one over that of the other; 0 where the other is constant."""
    above, below = (values.std(axis=axis, keepdims=True) for values in (first, second))
    return np.divide(above, below, out=np.zeros_like(above), where=below > MIN_CHANGE)


def _in_band(values: np.ndarray) -> np.ndarray:
    # Each column lies together, as the windows that are made of it later do.
    found = scratch(values.shape[::-1])
    for number, column in enumerate(values.T):
        found[number] = sosfiltfilt(_BAND_PASS, column)
    return found.T
