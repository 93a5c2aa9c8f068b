"""Whether a video was measured at a quality that the training videos had, measure by measure.

A measure is *outside* where it lies beyond all authentic training videos by more than a tolerance,
and *far outside* where it is more than twice the largest or less than half the smallest; measures
without a natural ratio have a distance that means as much. (Frame rates have a little more than
twice, so that 60 beside 29.97, the commonest double, is not decided by what is rounded.) A factor
of two is what the sizes of faces, frame rates or bit rates of one source differ by as a matter of
course, and the expectation of a feature, which is not extrapolated, is off by about as much as it
changes over one such step. Beyond that a verdict would rest on a guess. Of 220 videos of 24
sources, each source told from the authentic ones of all others, a tenth is outside in some measure,
mostly noise, and none far.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MILD_FACTOR = 1.1
# Of that many windows or measures what is not known is not known of the video.
_MOSTLY = 0.5
# What a table of another maker may hold, told without running over.
_LARGEST_LOG10, _LARGEST_TOLD, _LEAST_TOLD = 300.0, 1e6, 1e-4
# Of a value that would else read as the end of the range does.
_FEWEST_DIGITS, _MOST_DIGITS = 2, 4


@dataclass(frozen=True)
class _Measure:
    """How a measure is told, and what is far for it.

    ``told`` takes the value, ``unit`` follows the range. Of a ratio, ``far`` is a factor and values
    below ``floor`` are as good as that; of a difference, ``mild`` and ``far`` are distances beyond
    the range.
    """

    told: str
    unit: str = ""
    floor: float | None = None
    mild: float = 0.0
    far: float = 2.0
    is_log10: bool = False
    has_sign: bool = False

    def beyond(self, value: float, low: float, high: float) -> tuple[bool, bool]:
        """Return whether a value is outside the range, and whether it is far outside."""
        distance = max(
            self._scaled(low) - self._scaled(value), self._scaled(value) - self._scaled(high)
        )
        if self.is_log10 or self.floor is not None:
            return distance > math.log(_MILD_FACTOR), distance > math.log(self.far)
        return distance > self.mild, distance > self.far

    def _scaled(self, value: float) -> float:
        """Return the value on the scale on which distances are taken."""
        if self.is_log10:
            return value * math.log(10)
        return value if self.floor is None else math.log(max(value, self.floor))

    def text(self, value: float, digits: int) -> str:
        """Return the value as a reader knows it."""
        shown = 10 ** min(value, _LARGEST_LOG10) if self.is_log10 else value
        if self.unit == " %":
            shown *= 100
        if abs(shown) < _LEAST_TOLD or (shown < 0 and not self.has_sign):
            return "0"
        if abs(shown) >= _LARGEST_TOLD:
            return f"{'less than -' if shown < 0 else 'more than '}{_LARGEST_TOLD:.0f}"
        return (
            f"{shown:.0f}"
            if abs(shown) >= 10 and digits == _FEWEST_DIGITS
            else f"{shown:.{digits}g}"
        )


_MEASURES = {
    "face_width_px": _Measure("The face is {} px wide", " px", floor=1.0),
    "fps": _Measure("The video has {} frames a second", "", floor=1.0, far=2.2),
    "head_pose__angular_speed_deg_per_s__median": _Measure(
        "The head turns by {} deg a second", " deg a second", floor=1.0
    ),
    "quality__blur__median": _Measure(
        "The picture is blurred by {} on a scale from 0 to 1", mild=0.02, far=0.15
    ),
    "quality__blockiness__median": _Measure(
        "Blocks of the codec stand out by {} (about 0 for none)",
        mild=0.05,
        far=0.3,
        has_sign=True,
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
        for digits in range(_FEWEST_DIGITS, _MOST_DIGITS + 1):
            told, low, high = (
                measure.text(value, digits) for value in (self.value, self.low, self.high)
            )
            if told not in (low, high):
                break
        seen = f"{low} to {high}" if low != high else f"only {low}"
        follows = "no verdict is given so far off" if self.is_far else "read the score with care"
        return (
            f"{measure.told.format(told)}; the detector has seen {seen}{measure.unit}: {follows}."
        )


@dataclass(frozen=True)
class QualityCheck:
    """How the quality of a face lies to that of the authentic training videos.

    Attributes
    ----------
    outside : tuple of OutsideRange
        Measures beyond all of them.
    unknown : tuple of str
        Measures that most windows of the face lack, so that they count as the median video's.
    is_too_far : bool
        Whether no verdict is given: a measure is far outside, or half of them are unknown, as
        quality that is hidden is no safer than a bad one.
    """

    outside: tuple[OutsideRange, ...]
    unknown: tuple[str, ...]
    is_too_far: bool


def check_quality(names: Sequence[str], measures: np.ndarray, seen: np.ndarray) -> QualityCheck:
    """Return which measures of a face are outside what was seen, and which are not known.

    Parameters
    ----------
    names : sequence of str
        Of the measures, see :data:`models.table.covariates.COVARIATES`.
    measures : numpy.ndarray
        ``(n_rows, n_measures)`` of the face or of its windows, NaN where unknown.
    seen : numpy.ndarray
        ``(n_measures, 2)`` smallest and largest seen, NaN where never known.
    """
    if not measures.size:
        return QualityCheck((), (), False)
    was_known = np.isfinite(seen[:, 0])
    is_unknown = (np.isnan(measures).mean(axis=0) > _MOSTLY) & was_known
    values = np.full(len(names), np.nan)
    is_judged = was_known & ~is_unknown
    values[is_judged] = np.nanmedian(measures[:, is_judged], axis=0)
    outside = outside_range(names, values, seen)
    unknown = tuple(names[i] for i in np.flatnonzero(is_unknown))
    hidden = bool(unknown) and len(unknown) >= _MOSTLY * was_known.sum()
    return QualityCheck(outside, unknown, hidden or any(found.is_far for found in outside))


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
        is_outside, is_far = _MEASURES[name].beyond(value, low, high)
        if is_outside:
            found.append(OutsideRange(name, value, low, high, is_far))
    return tuple(found)
