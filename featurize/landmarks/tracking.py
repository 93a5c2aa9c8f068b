"""Which face is which from frame to frame.

Faces are linked by place and size: a detection continues the track whose last box it overlaps best.
Nothing looks at who it is: after a cut to another person at the same place the track goes on.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from featurize.landmarks.detection import FaceDetection, overlap
from featurize.types import LandmarkTrack, frame_durations_s

MIN_OVERLAP = 0.3
"""Least intersection over union with the last box for a detection to continue a track."""

MAX_GAP_S = 1.0
"""A face missing for longer than this starts a new track when it comes back."""

SAME_FACE_OVERLAP = 0.5
"""Two detections of one frame that overlap more than this are the same face found twice."""

MIN_DURATION_S = 1.0
"""Tracks with less face time than this are dropped, unless no other is left."""


@dataclass
class _OpenTrack:
    frames: list[int] = field(default_factory=list)
    detections: list[FaceDetection] = field(default_factory=list)
    last_time_s: float = -np.inf

    @property
    def box_px(self) -> tuple[float, float, float, float]:
        return self.detections[-1].box_px


class FaceLinker:
    """Collect the detections of one video, frame by frame, and give back one track per face.

    Parameters
    ----------
    schema_name : str
        Scheme of the points, noted in the tracks.
    """

    def __init__(self, schema_name: str) -> None:
        self._schema_name = schema_name
        self._times_s: list[float] = []
        self._tracks: list[_OpenTrack] = []

    def add(self, time_s: float, detections: list[FaceDetection]) -> None:
        """Take the detections of the next frame; an empty list is a frame without a face."""
        index = len(self._times_s)
        self._times_s.append(time_s)
        detections = _without_doubles(detections)
        # The gap ends at the frame before this one: a picture that stands still for long hides
        # nobody.
        seen_until_s = self._times_s[index - 1] if index else time_s
        open_tracks = [t for t in self._tracks if seen_until_s - t.last_time_s <= MAX_GAP_S]
        for track, detection in _match(open_tracks, detections):
            if track is None:
                track = _OpenTrack()
                self._tracks.append(track)
            track.frames.append(index)
            track.detections.append(detection)
            track.last_time_s = time_s

    def tracks(self, frame_size_px: tuple[int, int]) -> list[LandmarkTrack]:
        """One track per face over all frames seen so far, the main face first.

        The main face is the one with the most face time, weighted by its width and by how close to
        the centre of the picture it is.
        """
        if not self._tracks:
            return []
        ranked = sorted(
            self._tracks, key=lambda track: _prominence(track, frame_size_px), reverse=True
        )
        shown_s = frame_durations_s(np.array(self._times_s))
        # Half a frame of tolerance: 25 frames of 0.04 s are a second, whatever their sum says.
        least_s = MIN_DURATION_S - float(np.median(shown_s)) / 2
        long_enough = [t for t in ranked if shown_s[t.frames].sum() >= least_s]
        return [self._closed(track, frame_size_px) for track in long_enough or ranked[:1]]

    def _closed(self, track: _OpenTrack, frame_size_px: tuple[int, int]) -> LandmarkTrack:
        n_frames = len(self._times_s)
        confidence = np.zeros(n_frames, dtype=np.float32)
        confidence[track.frames] = [detection.confidence for detection in track.detections]
        first = track.detections[0]

        def spread(attribute: str) -> np.ndarray | None:
            if getattr(first, attribute) is None:
                return None
            shape = (n_frames, *getattr(first, attribute).shape)
            values = np.full(shape, np.nan, dtype=np.float32)
            for frame, detection in zip(track.frames, track.detections, strict=True):
                values[frame] = getattr(detection, attribute)
            return values

        return LandmarkTrack(
            points_px=spread("points_px"),
            time_s=np.array(self._times_s),
            confidence=confidence,
            schema=self._schema_name,
            frame_size_px=frame_size_px,
            blendshapes=spread("blendshapes"),
            pose=spread("pose"),
        )


def _without_doubles(detections: list[FaceDetection]) -> list[FaceDetection]:
    kept: list[FaceDetection] = []
    for detection in detections:
        if all(overlap(detection.box_px, other.box_px) <= SAME_FACE_OVERLAP for other in kept):
            kept.append(detection)
    return kept


def _match(
    tracks: list[_OpenTrack], detections: list[FaceDetection]
) -> list[tuple[_OpenTrack | None, FaceDetection]]:
    """Pair each detection with the track it continues, or with None, best total overlap first."""
    if not tracks or not detections:
        return [(None, detection) for detection in detections]
    overlaps = np.array([[overlap(t.box_px, d.box_px) for t in tracks] for d in detections])
    rows, columns = linear_sum_assignment(overlaps, maximize=True)
    continued = {
        row: tracks[column]
        for row, column in zip(rows, columns, strict=True)
        if overlaps[row, column] >= MIN_OVERLAP
    }
    return [(continued.get(row), detection) for row, detection in enumerate(detections)]


def _prominence(track: _OpenTrack, frame_size_px: tuple[int, int]) -> float:
    boxes = np.array([detection.box_px for detection in track.detections])
    width = (boxes[:, 2] - boxes[:, 0]) / frame_size_px[0]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.array(frame_size_px)
    off_centre = np.linalg.norm(centre - 0.5, axis=1)
    return float(np.sum(width * (1 - off_centre)))
