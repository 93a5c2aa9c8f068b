"""Series: signals themselves over a window, at one rate, for a classifier that looks at sequences.

A statistic of a window does not say what came before what. These columns do: a row of the table
holds every signal step by step, in the time of the video.

A step's value is the mean, over the step, of the line through the values of the frames. Where
frames are denser than steps that is much the mean of the frames, where they are sparser the line in
the middle of the step, and nothing jumps between the two: a motion gives the same series at any
frame rate. The jitter of landmarks does not. The more frames a step has, the more of it averages
out: of jitter that is independent from frame to frame about 0.7 is left at 12.5 frames per second,
0.6 at 25 and 0.4 at 60, and the fewer frames, the more neighbouring steps share. And how far
landmarks disagree with the flow of the picture is measured from frame to frame by definition. So
the frame rate is among the confounders of every series.
"""

from functools import cache

import numpy as np

from featurize.declaration import FrameSignal, Recording, VideoFeature
from featurize.frame_features import eyes, geometry, head_pose, mouth, stability
from featurize.frame_features.expression import BLENDSHAPE_SIGNALS

SERIES_HZ = 12.5
"""Steps per second: 80 ms each, so that a blink is three to five of them, and two frames at 25 per
second are one."""

LONGEST_GAP_S = 0.26
"""Frames without the face are bridged by a line where those to either side are not further apart:
a quarter of a second, up to rounding. What is longer stays unknown, and so is a video of less than
four frames per second as a whole, but for the instants of its frames."""

_BLENDSHAPES = {signal.name: signal for signal in BLENDSHAPE_SIGNALS}

SERIES_SIGNALS: tuple[FrameSignal, ...] = (
    eyes.ear_left,
    eyes.ear_right,
    eyes.gaze_x_left,
    eyes.gaze_y_left,
    eyes.gaze_x_right,
    eyes.gaze_y_right,
    head_pose.yaw_deg,
    head_pose.pitch_deg,
    head_pose.roll_deg,
    head_pose.yaw_disagreement_deg,
    head_pose.pitch_disagreement_deg,
    mouth.lip_gap_iod,
    mouth.lip_corner_height_iod,
    mouth.upper_lip_thickness_iod,
    mouth.lower_lip_thickness_iod,
    geometry.mouth_width_iod,
    geometry.face_height_iod,
    geometry.asymmetry_mouth_iod,
    stability.flow_disagreement_eyes_iod,
    stability.flow_disagreement_mouth_iod,
    _BLENDSHAPES["brow_inner_up"],
    _BLENDSHAPES["brow_outer_up_left"],
    _BLENDSHAPES["brow_outer_up_right"],
    _BLENDSHAPES["brow_down_left"],
    _BLENDSHAPES["brow_down_right"],
    _BLENDSHAPES["eye_squint_left"],
    _BLENDSHAPES["eye_squint_right"],
    _BLENDSHAPES["jaw_open"],
    _BLENDSHAPES["mouth_smile_left"],
    _BLENDSHAPES["mouth_smile_right"],
    _BLENDSHAPES["mouth_pucker"],
    _BLENDSHAPES["mouth_upper_up_left"],
)
"""What moves: lids, gaze, head, mouth, brows; and how far landmarks disagree with the head and with
the picture. None depends on where in the picture the face is. With dlib, which has neither irises
nor blendshapes, those stay empty."""

_DECIMALS = {"deg": 2, "iod": 4, "1": 4}
"""Digits that are kept, by unit. A hundredth of a degree and a ten-thousandth of an interocular
distance are a tenth at most of what landmarks jitter by; a table with all digits of a float would
be three times as large."""

_LEAST_KNOWN = 0.5 - 1e-6
"""Share of a step that must be known, up to rounding."""


def series_steps(window_s: float) -> int:
    """Number of steps in a window of this length.

    Examples
    --------
    >>> series_steps(5)
    62
    """
    return round(window_s * SERIES_HZ)


@cache
def series_features(n_steps: int) -> tuple[VideoFeature, ...]:
    """Description of the columns, signal by signal, each with its steps in time.

    Parameters
    ----------
    n_steps : int
        Steps of a window, 999 at most, see :func:`series_steps`.

    Examples
    --------
    >>> series_features(25)[0].name
    'series__ear_left__000'
    """
    return tuple(
        VideoFeature(
            name=f"series__{signal.name}__{step:03d}",
            family="series",
            unit=signal.unit,
            meaning=f"{signal.meaning}; mean of step {step}, {_span(step)} into the window",
            reference=signal.reference,
            confounded_by=tuple(dict.fromkeys((*signal.confounded_by, "frame rate"))),
        )
        for signal in SERIES_SIGNALS
        for step in range(n_steps)
    )


def _span(step: int) -> str:
    return f"{step / SERIES_HZ:.2f} s to {(step + 1) / SERIES_HZ:.2f} s"


def series_values(recording: Recording, start_s: float, window_s: float) -> np.ndarray:
    """The signals of a window at :data:`SERIES_HZ`.

    A frame stands for the time until the next one, the first of a sighting also for half a frame
    before it. A step of which less than half is known is NaN.

    Parameters
    ----------
    recording : Recording
        Of the frames of the window.
    start_s : float
        Where the window begins, on the clock of ``recording.time_s``.
    window_s : float
        Its length.

    Returns
    -------
    numpy.ndarray
        ``(n_signals, n_steps)`` float64 in the order of :func:`series_features`, rounded to 0.01
        degrees, or to 0.0001 of other units; NaN where unknown.
    """
    edges_s = start_s + np.arange(series_steps(window_s) + 1) / SERIES_HZ
    values = np.empty((len(SERIES_SIGNALS), len(edges_s) - 1))
    for number, signal in enumerate(SERIES_SIGNALS):
        known = np.isfinite(recording.signals[signal.column])
        means = _step_means(
            recording.time_s[known],
            recording.signals[signal.column][known],
            recording.frame_step_s,
            edges_s,
        )
        # Adding zero makes one of minus zero.
        values[number] = np.round(means, _DECIMALS[signal.unit]) + 0.0
    return values


def _step_means(
    time_s: np.ndarray, values: np.ndarray, frame_step_s: float, edges_s: np.ndarray
) -> np.ndarray:
    """``(n_steps,)`` means of the line through known values, between neighbouring edges."""
    n_steps = len(edges_s) - 1
    if not len(time_s):
        return np.full(n_steps, np.nan)
    knots_s, levels, is_known = _line(time_s, values, frame_step_s)
    # With the edges as knots too, every piece of the line lies in one step.
    bounds_s = np.union1d(knots_s, edges_s)
    line = np.interp(bounds_s, knots_s, levels)
    middles_s = (bounds_s[:-1] + bounds_s[1:]) / 2
    step = np.searchsorted(edges_s, middles_s) - 1
    inside = (step >= 0) & (step < n_steps)
    width_s = np.diff(bounds_s) * is_known[np.searchsorted(knots_s, middles_s)]
    area = width_s * (line[:-1] + line[1:]) / 2
    known_s = np.bincount(step[inside], width_s[inside], n_steps)
    total = np.bincount(step[inside], area[inside], n_steps)
    means = np.full(n_steps, np.nan)
    return np.divide(total, known_s, out=means, where=known_s * SERIES_HZ >= _LEAST_KNOWN)


def _line(
    time_s: np.ndarray, values: np.ndarray, frame_step_s: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Knots of the line: times, levels, and whether the line is known before each, and after all.

    Every stretch without a gap begins before its first frame and ends after its last one.
    """
    # Not as far as the next stretch, however slow the video.
    after_s = np.fmin(frame_step_s, LONGEST_GAP_S * 2 / 3)
    before_s = after_s / 2
    last = np.append(np.diff(time_s) > LONGEST_GAP_S, True)
    first = np.append(True, last[:-1])
    times = np.stack([time_s - before_s, time_s, time_s + after_s], axis=1)
    needed = np.stack([first, np.ones(len(time_s), bool), last], axis=1)
    levels = np.repeat(values[:, None], 3, axis=1)
    # A stretch is known before each of its knots but the first.
    is_known = np.tile([False, True, True], (len(time_s), 1))
    return times[needed], levels[needed], np.append(is_known[needed], False)
