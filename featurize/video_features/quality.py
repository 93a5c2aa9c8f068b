"""How good a video is, whoever it shows: size of the face, frame rate, bit rate, frames made up."""

import math

import numpy as np

from featurize.declaration import Recording, summary
from featurize.frame_features.points import distance_px
from featurize.types import LandmarkTrack, VideoInfo, pieces
from featurize.video_features.statistics import percentile, ratio

REPEATED_CHANGE = 0.05
"""A frame that changes less than this share of what the most moving tenth of frames do is the one
before, encoded again."""

REPEATED_LEVELS = 0.02
"""The same for a picture in which nothing moves at all."""

INTERPOLATED_BLEND = 0.25
"""A frame that is nearer to the mean of its neighbours, see
:data:`featurize.frame_features.repeats.MEASURES`, is mixed from them. Of 47 900 frames of 220 clips
of talking people 0.03 % are so near, most of them in still scenes; every hundredth is under 0.4."""

DROPPED_STEPS = 1.5
"""A step between frames of so many typical ones left something out."""


@summary(
    family="quality",
    reference="measures of the recording, not of the face",
    confounded_by=("source of the clip", "codec", "still scenes"),
    features={
        "face_width_px__median": ("px", "Distance of the cheekbones"),
        "interocular_distance_px__median": ("px", "Distance of the outer corners of the eyes"),
        "frame_rate_hz__median": ("Hz", "Frames per second, from the typical step"),
        "frame_step__cv": ("1", "Standard deviation of the time between frames over its mean"),
        "dropped_frames__share": ("1", "Share of frames that are missing where time leaps"),
        "repeated_frames__share": ("1", "Share of frames that show the frame before once more"),
        "interpolated_frames__share": ("1", "Share of frames that are mixed from their neighbours"),
        "bit_rate__log10_bps": ("log10(bit/s)", "Size of the video stream over time"),
        "bit_rate__log10_bits_per_pixel": (
            "log10(bit)",
            "Size of the video stream over pixels of all its frames",
        ),
    },
)
def recording_quality(recording: Recording) -> dict[str, float]:
    """Size of the face, frame rate, frames that were not filmed, and bit rate.

    Distances are medians, measured in three dimensions as far as depth is known. A frame is
    repeated when the picture changes less than 0.02 levels, or than 0.05 times the 90th percentile
    of its changes; interpolated when its distance from the mean of its neighbours is less than 0.25
    times half their difference. Both count the frames with the face. A step of ``n`` typical ones
    drops ``round(n) - 1`` frames.

    NaN where the track was made without pixels, where the container says nothing of the bit rate,
    and for a single frame.
    """
    track, info = recording.track, recording.info
    steps_s = np.diff(recording.time_s)
    rate_hz = ratio(1, recording.frame_step_s)
    n_dropped = _n_dropped(steps_s)
    n_repeated, n_interpolated, n_compared = _n_made_up(track)
    bps = math.nan if info is None else info.bit_rate_bps
    values = {
        "face_width_px__median": _median_px(track, "right_zygion", "left_zygion"),
        "interocular_distance_px__median": _median_px(track, "right_eye_outer", "left_eye_outer"),
        "frame_rate_hz__median": rate_hz,
        "frame_step__cv": ratio(steps_s.std(), steps_s.mean()) if len(steps_s) else math.nan,
        "dropped_frames__share": ratio(n_dropped, n_dropped + len(steps_s)),
        "repeated_frames__share": ratio(n_repeated, n_compared),
        "interpolated_frames__share": ratio(n_interpolated, n_compared),
        "bit_rate__log10_bps": _log10(bps),
        "bit_rate__log10_bits_per_pixel": _log10(ratio(bps, _pixels_per_s(info, rate_hz))),
    }
    return {f"quality__{name}": value for name, value in values.items()}


def _median_px(track: LandmarkTrack, start: str, end: str) -> float:
    lengths = np.empty(track.n_frames)
    for piece in pieces(track.n_frames):
        lengths[piece] = distance_px(track.part(piece), start, end)
    return percentile(lengths[np.isfinite(lengths)], 50)


def _n_made_up(track: LandmarkTrack) -> tuple[int, int, int]:
    """How many frames are repeated, and interpolated, of how many that have a frame before."""
    change = track.measured("picture__change")
    change = change[np.isfinite(change)]
    still = max(REPEATED_LEVELS, REPEATED_CHANGE * percentile(change, 90))
    blend = track.measured("picture__blend")
    n_interpolated = np.count_nonzero(blend < INTERPOLATED_BLEND)
    return np.count_nonzero(change <= still), n_interpolated, len(change)


def _n_dropped(steps_s: np.ndarray) -> int:
    if not len(steps_s):
        return 0
    n_steps = steps_s / np.median(steps_s)
    return int(np.sum(np.rint(n_steps[n_steps > DROPPED_STEPS]) - 1))


def _pixels_per_s(info: VideoInfo | None, rate_hz: float) -> float:
    """Pixels shown per second; by the rate that the container declares, where it does."""
    if info is None:
        return math.nan
    return info.width_px * info.height_px * (info.fps if info.fps > 0 else rate_hz)


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else math.nan
