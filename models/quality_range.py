"""Whether a video was measured at a quality that the training videos had, measure by measure.

A measure is *outside* where it lies beyond all authentic training videos by more than a tolerance,
and *far outside* where it is more than twice the largest or less than half the smallest; measures
without a natural ratio have a distance that means as much. A factor of two is what the sizes of
faces, frame rates or bit rates of one source differ by as a matter of course, and the expectation
of a feature, which is not extrapolated, is off by about as much as it changes over one such step.
Beyond that a verdict would rest on a guess. Of 220 videos of 24 sources, each source told from the
authentic ones of all others, a tenth is outside in some measure, mostly noise, and none far.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MILD_FACTOR, _FAR_FACTOR = 1.1, 2.0
# What a table of another maker may hold, told without running over.
_LARGEST_LOG10, _LARGEST_WHOLE = 300.0, 1e6


@dataclass(frozen=True)
class _Measure:
    """How a measure is told, and what is far for it.

    ``told`` takes the value, ``unit`` follows the range. Of a ratio, values below ``floor`` are as
    good as that; of a difference, ``mild`` and ``far`` are distances beyond the range.
    """

    told: str
    unit: str = ""
    floor: float | None = None
    mild: float = 0.0
    far: float = 0.0
    is_log10: bool = False

    def scaled(self, value: float) -> float:
        """Return the value on the scale on which distances are taken."""
        if self.is_log10:
            return value / math.log10(_FAR_FACTOR)
        if self.floor is not None:
            return math.log(max(value, self.floor), _FAR_FACTOR)
        return value

    def text(self, value: float) -> str:
        """Return the value as a reader knows it."""
        shown = 10 ** min(value, _LARGEST_LOG10) if self.is_log10 else value
        if self.unit == " %":
            shown *= 100
        return f"{shown:.0f}" if 10 <= abs(shown) < _LARGEST_WHOLE else f"{shown:.2g}"


_MEASURES = {
    "face_width_px": _Measure("The face is {} px wide", " px", floor=1.0),
    "fps": _Measure("The video has {} frames a second", "", floor=1.0),
    "head_pose__angular_speed_deg_per_s__median": _Measure(
        "The head turns by {} deg a second", " deg a second", floor=1.0
    ),
    "quality__blur__median": _Measure(
        "The picture is blurred by {} on a scale from 0 to 1", mild=0.02, far=0.15
    ),
    "quality__blockiness__median": _Measure(
        "Blocks of the codec stand out by {} (0 for none)", mild=0.05, far=0.3
    ),
    "quality__noise_sigma_levels__median": _Measure(
        "The picture has a noise of {} grey levels", " grey levels", floor=0.1
    ),
    "quality__bit_rate__log10_bits_per_pixel": _Measure(
        "The file spends {} bits on a pixel", " bits", is_log10=True
    ),
    "quality__frame_step__cv": _Measure(
        "The time between frames varies by {} %", " %", mild=0.05, far=0.5
    ),
    "quality__repeated_frames__share": _Measure(
        "{} % of the frames only repeat the one before", " %", mild=0.05, far=0.25
    ),
    "quality__interpolated_frames__share": _Measure(
        "{} % of the frames are mixed from their neighbours", " %", mild=0.05, far=0.25
    ),
}


@dataclass(frozen=True)
class OutsideRange:
    """A measure of quality beyond all that a detector has learnt from.

    Attributes
    ----------
    name : str
        Of the measure, a column.
    value : float
        In the video, in the unit of the column.
    low, high : float
        Smallest and largest among authentic training videos.
    is_far : bool
        Whether it is so far outside that no verdict is given.
    """

    name: str
    value: float
    low: float
    high: float
    is_far: bool

    @property
    def sentence(self) -> str:
        """Return the measure, its value and the range, and what follows."""
        measure = _MEASURES[self.name]
        low, high = measure.text(self.low), measure.text(self.high)
        seen = f"{low} to {high}" if low != high else f"only {low}"
        follows = "no verdict is given so far off" if self.is_far else "read the score with care"
        return (
            f"{measure.told.format(measure.text(self.value))}; the detector has seen "
            f"{seen}{measure.unit}: {follows}."
        )


def outside_range(
    names: Sequence[str], values: np.ndarray, seen: np.ndarray
) -> tuple[OutsideRange, ...]:
    """Return the measures of a video that are outside what was seen; what is unknown is not.

    Parameters
    ----------
    names : sequence of str
        Of the measures, see :data:`models.table.covariates.COVARIATES`.
    values : numpy.ndarray
        ``(n_measures,)`` of the video, NaN where unknown.
    seen : numpy.ndarray
        ``(n_measures, 2)`` smallest and largest seen, NaN where never known.
    """
    found = []
    for name, value, (low, high) in zip(names, values.tolist(), seen.tolist(), strict=True):
        if math.isnan(value) or math.isnan(low):
            continue
        measure = _MEASURES[name]
        is_ratio = measure.is_log10 or measure.floor is not None
        mild = math.log(_MILD_FACTOR, _FAR_FACTOR) if is_ratio else measure.mild
        far = 1.0 if is_ratio else measure.far
        scaled = measure.scaled(value)
        beyond = max(measure.scaled(low) - scaled, scaled - measure.scaled(high))
        if beyond > mild:
            found.append(OutsideRange(name, value, low, high, beyond > far))
    return tuple(found)
