"""Landmarks calibrated by optical flow: less of the finder's noise, none of its lag."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from featurize.errors import TrackError
from featurize.landmarks.schema import SCHEMES
from featurize.landmarks.storage.spool import MappedArrays
from featurize.types import LandmarkTrack, pieces

FLOW_SD_IOD = 0.002
"""Standard deviation of the flow of a point from one frame to the next, per axis, in interocular
distances."""

DETECTION_SD_IOD: Mapping[str, float] = {"mediapipe478": 0.0005, "dlib68": 0.004}
"""The same of a detected point, by scheme.

Both are estimated on real and generated clips, on eyes, brows and nose in calm frames, from the
difference e of flow and detection: with white errors its variance is ``2 R + Q`` and its covariance
from frame to frame ``-R``. The flow comes out alike with both schemes.
"""

GATE = 4.0
"""A detection further from the prediction than this many standard deviations is a break: one in
3000 where the errors are as assumed, any where flow has lost a lid or a lip."""


def stabilised(track: LandmarkTrack) -> LandmarkTrack:
    """Merge where flow carries each named point with where it is detected, by a Kalman filter.

    The calibrator of LRNet (Sun et al. 2021), for each named point and each axis on its own. With z
    the detection, f the flow's position (both of this frame), x and P the estimate and its
    variance, and ' for the frame before::

        prediction   c = x' + (f - z')          V = P' + Q
        gain         K = V / (V + R)
        estimate     x = c + K (z - c)          P = (1 - K) V

    It starts at ``x = z, P = R``, and starts again wherever flow or the frame before is unknown,
    and where ``|z - c| > GATE sqrt(V + R)``. In the long run ``P = (sqrt(Q² + 4 Q R) - Q) / 2``:
    the noise of points of dlib is reduced to 0.62 of its standard deviation; points of MediaPipe
    hardly tremble, and keep 0.97 of it. Motion that flow sees does not lag at all. Motion that it
    misses lags by less than ``GATE (1 - K) sqrt(V + R)``: 0.0125 interocular distances for dlib,
    0.0005 for MediaPipe.

    Changed against LRNet: R is the measured variance of the scheme (:data:`DETECTION_SD_IOD`), not
    the quotient of detected and predicted step, and Q that of the flow (:data:`FLOW_SD_IOD`), not
    0.3 px² in a face of 400 px, both in interocular distances; P starts from R, not from zero; the
    gate is new; nothing is rounded to whole pixels.

    Parameters
    ----------
    track : LandmarkTrack
        With flow. Not one that is stabilised already: its errors are no longer white.

    Returns
    -------
    LandmarkTrack
        x and y of its named points are merged. Depth, unnamed points, expression and pose are as
        detected. ``flow_px`` moves along with the points, so that their difference, which is
        evidence, remains that of flow and detection. A frame depends on none after it. Arrays are
        read-only maps of a temporary file.

    Raises
    ------
    TrackError
        When the track has no flow, or flow of other points than its scheme names.
    """
    schema = SCHEMES[track.schema]
    if track.flow_px is None:
        raise TrackError("A track without optical flow cannot be stabilised: extract it with flow.")
    if track.flow_px.shape[1] != len(schema.points):
        raise TrackError(
            f"flow_px has {track.flow_px.shape[1]} points, but {track.schema} names "
            f"{len(schema.points)}: extract the track anew."
        )
    if track.n_frames == 0:
        return track
    named = schema.indices(schema.points)
    eyes = schema.indices(("right_eye_outer", "left_eye_outer"))
    calibrator = _Calibrator(len(named), DETECTION_SD_IOD[track.schema])
    merged = MappedArrays(
        {"points_px": track.points_px.shape[1:], "flow_px": track.flow_px.shape[1:]}, track.n_frames
    )
    for frames in pieces(track.n_frames):
        piece = track.part(frames)
        points_px, flow_px = piece.points_px, piece.flow_px
        # Without depth the distance of the eyes is that in the picture.
        between_eyes = np.nan_to_num(points_px[:, eyes[1]] - points_px[:, eyes[0]])
        iod_px = np.linalg.norm(between_eyes.astype(np.float64), axis=1)
        for number in range(piece.n_frames):
            detected_px = points_px[number, named, :2].astype(np.float64)
            moved_px = calibrator.merge(detected_px, flow_px[number], iod_px[number]) - detected_px
            points_px[number, named, :2] += moved_px.astype(np.float32)
            flow_px[number] += moved_px.astype(np.float32)
        merged.write("points_px", frames.start, points_px)
        merged.write("flow_px", frames.start, flow_px)
    return replace(track, **merged.arrays())


class _Calibrator:
    """The filter of all points of a face; variances are in units of that of a detection."""

    def __init__(self, n_points: int, detection_sd_iod: float) -> None:
        self._detection_sd_iod = detection_sd_iod
        self._process = (FLOW_SD_IOD / detection_sd_iod) ** 2
        self._estimate_px = np.full((n_points, 2), np.nan)
        self._detected_px = np.full((n_points, 2), np.nan)
        self._variance = np.ones(n_points)

    def merge(self, detected_px: np.ndarray, flow_px: np.ndarray, iod_px: float) -> np.ndarray:
        """Estimate of the points of the next frame, ``(n_points, 2)``."""
        carried_px = self._estimate_px + (flow_px - self._detected_px)
        predicted = self._variance + self._process
        surprise_px = detected_px - carried_px
        allowed_px = GATE * np.sqrt(predicted + 1) * self._detection_sd_iod * iod_px
        # Unknown compares as false: such a point starts anew.
        goes_on = np.hypot(*surprise_px.T) <= allowed_px
        gain = np.where(goes_on, predicted / (predicted + 1), 1)
        step_px = np.where(goes_on[:, None], (gain[:, None] - 1) * surprise_px, 0)
        self._estimate_px = detected_px + step_px
        self._variance = gain  # (1 - K) V is K in units of R, and 1 at a start
        self._detected_px = detected_px
        return self._estimate_px
