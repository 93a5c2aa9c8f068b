"""Reasons in plain words, for a reader who knows faces and video but no statistics."""

import math
import re

# Statistics that say how large something is, from 0 on: what is twice as large is twice as much.
_SIZES = (
    r"std|iqr|range|flicker|(\w+_)?rms|(\w+_)?cv|(\w+_)?share|share_\w+|rate_per_\w+|duration_\w+"
)
# What the statistic behind the meaning of a feature says.
_STATISTICS = {
    "median": "typically",
    "standard deviation": "how much it varies",
    "interquartile range": "how much it usually varies",
    "5th percentile": "at its lowest (19 of 20 frames show more)",
    "95th percentile": "at its highest (19 of 20 frames show less)",
    "autocorrelation at a lag of 0.2 s": "how like itself 0.2 s before it is (1 for the same)",
    "share of its power between 0.5 and 10 Hz that lies above 4 Hz": (
        "share of its motion that is faster than four times a second"
    ),
    "root mean square velocity": "how fast it changes",
    "root mean square jerk": "how jerkily it changes",
    "median absolute change from one sampled frame to the next": "how much it flickers",
    "coefficient of variation": "how much it varies, against its size",
}
# Of these it does not matter which way is positive.
_OF_LEVEL = ("median", "5th percentile", "95th percentile")
_WHICH_WAY = re.compile(r"[;,] (?:0 [^;]*, )?positive .*")
_BLENDING = "what a network trained to see where a face was blended into a picture says of it"
# What is said otherwise than featurize says it, by name of the feature.
_PLAIN = (
    (r"head_pose__yaw_deg__range", "How far the head turns from side to side"),
    (r"head_pose__pitch_deg__range", "How far the head nods up and down"),
    (r"head_pose__roll_deg__range", "How far the head tilts from shoulder to shoulder"),
    (
        r"stability__jitter_(\w+?)_iod__rms",
        "How much landmarks of the {} jitter from frame to frame",
    ),
    (
        r"stability__unexplained_jitter_(\w+?)_iod__rms",
        "How much landmarks of the {} jitter beside all expression",
    ),
    (
        r"cnn__blending_lite0_0000__mean",
        f"W{_BLENDING[1:]}, on average (higher is more like a blended face)",
    ),
    (r"cnn__blending_lite0_0000__std", f"How much {_BLENDING} varies over the video"),
    (
        r"cnn__blending_lite0_change__mean",
        f"How much {_BLENDING} changes from frame to frame, on average",
    ),
    (
        r"cnn__blending_lite0_change__std",
        f"How unevenly {_BLENDING} changes from frame to frame",
    ),
    (
        r"cnn__blending_lite0_change__max",
        f"How much {_BLENDING} changes from frame to frame, at most",
    ),
    (
        r"cnn__(\w+)_(\d+)__mean",
        "What the network {} says of the face (number {} of what it says), on average",
    ),
    (
        r"cnn__(\w+)_(\d+)__std",
        "What the network {} says of the face (number {} of what it says), how much it varies",
    ),
    (
        r"cnn__(\w+)_change__(?:mean|std|max)",
        "How much what the network {} says of the face changes from frame to frame",
    ),
)
# Factor on the value, and what follows it.
_UNITS = {
    "": (1, ""),
    "1": (1, ""),
    "iod": (100, " % of the distance between the outer corners of the eyes"),
    "iod/s": (100, " % of the distance between the outer corners of the eyes per second"),
    "iod/s^3": (1, " distances between the outer corners of the eyes per s³"),
    "1/s": (1, " per second"),
    "1/s^3": (1, " per s³"),
    "1/min": (1, " per minute"),
    "1/deg": (1, " per degree"),
    "deg/s": (1, " deg per second"),
    "deg/s^3": (1, " deg per s³"),
    "cm/s": (1, " cm per second"),
    "cm/s^3": (1, " cm per s³"),
    "levels": (1, " of 255 grey levels"),
    "dE": (1, " dE (1 is just visible)"),
    "stop": (1, " stops"),
}
# Twice as many decibels are not twice as much, nor are twice as many stops.
_LOGARITHMIC = ("dB", "stop")
_LEAST_FACTOR = 1.2
# A factor beyond this says no more than that it is large.
_LARGEST_FACTOR = 1000
_LEAST_WITH_EXPONENT, _MOST_DECIMALS = 1e-4, 9


def subject(feature: str, meaning: str) -> str:
    """Return what a feature measures, as the beginning of a sentence.

    Examples
    --------
    >>> subject("mouth__lip_gap_iod__p95", "Gap between the lips; 95th percentile")
    'Gap between the lips, at its highest (19 of 20 frames show less)'
    """
    for pattern, plain in _PLAIN:
        if found := re.fullmatch(pattern, feature):
            return plain.format(*(part.replace("_", " ") for part in found.groups()))
    what, _, statistic = meaning.strip().rstrip(".").rpartition("; ")
    if statistic in _STATISTICS:
        what = what.replace(" over the interocular distance", "")
        if statistic not in _OF_LEVEL:
            what = _WHICH_WAY.sub("", what)
        told = _STATISTICS[statistic]
        if feature.startswith("identity__"):
            told = told.replace("frames", "pairs")
        statistic = f"{what}, {told}"
    elif what:
        statistic = f"{what}; {statistic}"
    return statistic[:1].upper() + statistic[1:] or feature


def amount(value: float, unit: str) -> str:
    """Return a value with its unit.

    Examples
    --------
    >>> amount(0.0312, "iod")
    '3.12 % of the distance between the outer corners of the eyes'
    """
    factor, told = _UNITS.get(unit, (1, f" {unit}"))
    return f"{number_text(factor * value)}{told}"


def is_size(feature: str) -> bool:
    """Return whether a feature says how large something is, so that a factor means something.

    Angles, places, correlations and the like may lie on either side of zero, or have none.

    Examples
    --------
    >>> is_size("head_pose__yaw_deg__std"), is_size("head_pose__yaw_deg__median")
    (True, False)
    """
    signal, _, statistic = feature.rpartition("__")
    return (
        re.fullmatch(_SIZES, statistic) is not None
        or re.match(r"cnn__\w+_change$", signal) is not None
    )


def beside(
    value: float,
    low: float,
    high: float,
    unit: str,
    whose: str,
    *,
    of_size: bool = True,
    estimated: bool = False,
) -> str:
    """Return where a value lies beside the range of nine in ten authentic ones.

    Parameters
    ----------
    value, low, high : float
        Of the video; 5 % and 95 % quantile of authentic ones.
    unit : str
    whose : str
        What the authentic ones are called.
    of_size : bool
        See :func:`is_size`: of anything else there is higher and lower, but no more, less or times.
    estimated : bool
        Whether the range is foretold rather than counted.

    Examples
    --------
    >>> beside(6.2, 0.5, 2.0, "deg", "authentic videos")
    '3.1 x more than in 95 % of authentic videos (nine in ten show 0.5 to 2 deg)'
    >>> beside(-40.0, -20.0, -2.0, "deg", "videos", of_size=False)
    'lower than in 95 % of videos (nine in ten show -20 to -2 deg)'
    """
    if math.isnan(low) or math.isnan(high):
        return f"what {whose} show is not known"
    factor, _ = _UNITS.get(unit, (1, ""))
    about = "about " if estimated else ""
    band = f"{number_text(factor * low)} to {amount(high, unit)}"
    if low <= value <= high:
        return f"{about}nine in ten {whose} show {band}"
    if of_size and min(value, low) >= 0:
        how = f"{_times(value, low, high, unit)}{'more' if value > high else 'less'}"
    else:
        how = "higher" if value > high else "lower"
    return f"{how} than in {about}95 % of {whose} ({about}nine in ten show {band})"


def _times(value: float, low: float, high: float, unit: str) -> str:
    """Return by what factor a size is beyond the range, where that is a sensible thing to say."""
    larger, smaller = (value, high) if value > high else (low, value)
    if unit in _LOGARITHMIC or unit.startswith("log") or smaller <= 0:
        return ""
    factor = larger / smaller
    if factor < _LEAST_FACTOR:
        return ""
    if factor > _LARGEST_FACTOR:
        return f"more than {_LARGEST_FACTOR} x "
    return f"{number_text(float(f'{factor:.2g}'))} x "


def span_text(span: tuple[float, float]) -> str:
    """Return a stretch of the video in seconds."""
    return f"{span[0]:g} to {span[1]:g} s"


def number_text(value: float) -> str:
    """Return a number with three significant digits and never an exponent, but of the infinite."""
    text = f"{value:.3g}"
    rounded = float(text)
    # Asked of the rounded number: 999.6 would else become 1e+03.
    if 1000 <= abs(rounded) < math.inf:
        return f"{value:.0f}"
    if abs(rounded) < _LEAST_WITH_EXPONENT:
        text = f"{rounded:.{_MOST_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def odds_text(log_odds: float) -> str:
    """Return odds of a fake as a bet is told, such as ``1 to 4.00``."""
    factor = factor_text(log_odds)
    return f"{factor} to 1" if log_odds >= 0 else f"1 to {factor}"


def factor_text(log_odds: float) -> str:
    """Return by what factor a change of the log-odds multiplies or divides the odds."""
    if abs(log_odds) > math.log(_LARGEST_FACTOR):
        return f"more than {_LARGEST_FACTOR}"
    factor = math.exp(abs(log_odds))
    return f"{factor:.2f}" if round(factor, 2) < 10 else f"{factor:.0f}"
