"""Faces followed from frame to frame, at the cost of a fit per face and frame and few searches.

A *trail* is an unbroken following of one face. It ends when the face is lost, at a cut, when place,
size or look of the face jump, and where faces meet: whatever is followed while two faces overlap is
a trail of its own. So nobody else can slip into a trail unseen; which trails belong to one person
is told in :mod:`featurize.landmarks.people.tracking`.
"""

import math
from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.detection import Box, FaceDetection, LandmarkBackend, Region, overlap
from featurize.landmarks.people.chips import face_look
from featurize.landmarks.people.cuts import CutDetector
from featurize.landmarks.people.zoom import search_near

KEY_FRAME_S = 1.0
"""The whole picture is searched for newcomers at least so often."""

THOROUGH_S = 0.5
"""While no face is found, the picture is searched thoroughly when it was lost and then so often."""

STALE_S = 0.5
"""After a longer time without a frame, a face may be anywhere."""

LOST_S = 1.0
"""So long a face is followed without its landmarks being trusted: what is followed then may be no
face, and stand in the way of one. So long a lost face is looked for in every frame, first near its
place, and known again by it."""

MIN_OVERLAP = 0.5
"""Less intersection over union from frame to frame is a jump; in 60 clips of 25 to 30 frames per
second it never fell below 0.7."""

LOST_OVERLAP = 0.3
"""The same for a lost face that is found again."""

SAME_FACE_OVERLAP = 0.5
"""Two faces of one frame that overlap more than this are the same face found twice."""

MEETING, PARTED = 0.15, 0.05
"""Two faces meet when they share more than this part of the smaller one, and part at this."""

LOOK_CHANGE, LOOK_CHANGE_RATIO = 0.2, 3.0
"""A face is another one when its look (:func:`.chips.face_look`) changes by more than this, as 1
minus correlation, and so many times more than in the last few frames; or when it is now more like
that of another face of the frame before. The former happened in 3 of 9 725 steps within 60 clips,
and sees 96 % of 1 407 steps from one person to another; the latter never happened in one clip
beside another, and saw all of 3 786 swaps."""

SAME_LOOK_CHANGE = 0.15
"""Most change of look over a gap for the face to count as the same; 1.5 % of pairs of different
people differ by less."""

_N_RECENT = 4
# A newcomer takes the place of a followed face when all places are taken and it is so much larger.
_CLEARLY_LARGER = 1.4


@dataclass(frozen=True)
class Sighting:
    """One followed face in one frame.

    Attributes
    ----------
    trail : int
        Number of the trail, increasing from 0.
    detection : FaceDetection
        What was found.
    continues : int or None
        The earlier trail whose face this certainly is: followed on without a frame between, or
        found again soon, at its place, with nobody near. The same in all sightings of a trail.
    crowded : bool
        Whether the face overlaps another one: an earlier trail may continue here, and yet the one
        face may have been taken for the other on the way. The same in all sightings of a trail.
    """

    trail: int
    detection: FaceDetection
    continues: int | None = None
    crowded: bool = False


@dataclass(frozen=True)
class _Face:
    """A face that is followed, or was a moment ago."""

    sighting: Sighting
    box_px: Box
    look: np.ndarray
    seen_s: float
    trusted_s: float
    look_changes: deque[float] = field(default_factory=lambda: deque(maxlen=_N_RECENT))


class Follower:
    """Find the faces of a video, frame by frame, and follow each.

    Parameters
    ----------
    backend : LandmarkBackend
        Searches pictures and fits faces.
    max_faces : int
        Most faces to follow at a time. When there are more, a newcomer that is clearly larger
        takes the place of the smallest.
    """

    def __init__(self, backend: LandmarkBackend, max_faces: int) -> None:
        self._backend = backend
        self._max_faces = max_faces
        self._cuts = CutDetector()
        self._faces: list[_Face] = []
        self._lost: list[_Face] = []
        self._n_trails = 0
        self._n_trails_before = 0
        self._time_s = self._searched_s = self._thorough_s = self._watch_until_s = -math.inf

    def update(self, frame: Frame) -> list[Sighting]:
        """The faces of the next frame; frames must come in order of time."""
        is_stale = frame.time_s - self._time_s > STALE_S
        self._time_s = frame.time_s
        self._n_trails_before = self._n_trails
        is_cut = self._cuts.update(frame)
        if is_cut:
            self._faces = []
        if is_cut or is_stale:
            self._lost = []
        self._lost = [face for face in self._lost if frame.time_s - face.seen_s <= LOST_S]
        followed, self._faces = self._faces, []
        for face in followed:
            others = [other for other in followed if other is not face]
            again = self._followed(frame, face, others, is_stale)
            if again is not None:
                self._faces.append(again)
            elif not is_stale:
                self._lost.append(face)
                self._watch_until_s = frame.time_s + LOST_S
                self._thorough_s = -math.inf
        self._end_doubles()
        for face in list(self._lost):
            near = search_near(self._backend, frame, self._region_after(face))
            if any(self._admit(frame, region) for region in near):
                self._lost = [other for other in self._lost if other is not face]
        self._search(frame, forced=is_cut or is_stale)
        self._mark_crowded()
        return [face.sighting for face in self._faces]

    def _followed(
        self, frame: Frame, face: _Face, others: list[_Face], is_stale: bool
    ) -> _Face | None:
        """The face in this frame; on a trail of its own when it may be another face."""
        detection = self._backend.fit(frame, self._region_after(face))
        if detection is None:
            return None
        trusted_s = frame.time_s if detection.is_trusted else face.trusted_s
        if frame.time_s - trusted_s > LOST_S:
            return None
        look = face_look(frame, detection.points_px, self._backend.schema)
        change = 1 - float(face.look @ look)
        usual = max(face.look_changes, default=0.0)
        most = SAME_LOOK_CHANGE if is_stale else max(LOOK_CHANGE, LOOK_CHANGE_RATIO * usual)
        is_other = change > min([most, *(1 - float(other.look @ look) for other in others)])
        box_px = detection.box_px
        if is_other or overlap(face.box_px, box_px) < MIN_OVERLAP:
            return replace(self._new_face(frame, detection, look), trusted_s=trusted_s)
        face.look_changes.append(change)
        sighting = replace(face.sighting, detection=detection)
        return _Face(sighting, box_px, look, frame.time_s, trusted_s, face.look_changes)

    def _region_after(self, face: _Face) -> Region:
        return self._backend.region_after(face.sighting.detection)

    def _new_face(
        self, frame: Frame, detection: FaceDetection, look: np.ndarray, continues: int | None = None
    ) -> _Face:
        sighting = Sighting(self._new_trail(), detection, continues)
        return _Face(sighting, detection.box_px, look, frame.time_s, frame.time_s)

    def _new_trail(self) -> int:
        self._n_trails += 1
        return self._n_trails - 1

    def _is_new(self, face: _Face) -> bool:
        return face.sighting.trail >= self._n_trails_before

    def _end_doubles(self) -> None:
        """Where two followed faces have become one, keep the surer one.

        Which of the two it is cannot be told, so it starts a trail of its own, unless the other one
        has just jumped here.
        """
        kept: list[_Face] = []
        for face in sorted(
            self._faces, key=lambda face: (self._is_new(face), -face.sighting.detection.confidence)
        ):
            twin = next((k for k in kept if _is_same_face(k.box_px, face.box_px)), None)
            if twin is None:
                kept.append(face)
                continue
            self._watch_until_s = self._time_s + LOST_S
            if not self._is_new(face):
                alone = Sighting(self._new_trail(), twin.sighting.detection)
                kept[kept.index(twin)] = replace(twin, sighting=alone)
        self._faces = sorted(kept, key=lambda face: face.sighting.trail)

    def _search(self, frame: Frame, forced: bool) -> None:
        """Look for faces in the whole picture, when it is time to."""
        now_s = frame.time_s
        watching = now_s <= self._watch_until_s
        if not (forced or watching or not self._faces or now_s - self._searched_s >= KEY_FRAME_S):
            return
        self._searched_s = now_s
        for region in self._backend.search(frame, thorough=False):
            self._admit(frame, region)
        if not self._faces and (forced or now_s - self._thorough_s >= THOROUGH_S):
            self._thorough_s = now_s
            for region in self._backend.search(frame, thorough=True):
                self._admit(frame, region)

    def _admit(self, frame: Frame, region: Region) -> bool:
        """Follow the face in a region from now on, if there is one that is not followed yet."""
        regions = [self._region_after(face) for face in self._faces]
        if any(_is_same_face(region.box_px, other.box_px) for other in regions):
            return False
        is_full = len(regions) >= self._max_faces
        if is_full and region.side_px < _CLEARLY_LARGER * min(r.side_px for r in regions):
            return False
        rough = self._backend.fit(frame, region)
        if rough is None:
            return False
        detection = self._backend.fit(frame, self._backend.region_after(rough))
        if detection is None or not detection.is_trusted:
            return False
        if any(_is_same_face(detection.box_px, face.box_px) for face in self._faces):
            return False
        if is_full:
            del self._faces[int(np.argmin([r.side_px for r in regions]))]
        look = face_look(frame, detection.points_px, self._backend.schema)
        earlier = self._returned(detection, look)
        self._lost = [face for face in self._lost if face is not earlier]
        continues = earlier.sighting.trail if earlier else None
        self._faces.append(self._new_face(frame, detection, look, continues))
        return True

    def _returned(self, detection: FaceDetection, look: np.ndarray) -> _Face | None:
        """The lost face that this certainly is: at its place, like it, and nobody else near."""
        near = [face for face in self._lost if _shared(face.box_px, detection.box_px) > 0]
        if len(near) != 1 or near[0].sighting.crowded:
            return None
        (lost,) = near
        boxes = (lost.box_px, detection.box_px)
        if any(_shared(face.box_px, box) > 0 for face in self._faces for box in boxes):
            return None
        is_alike = 1 - float(lost.look @ look) <= SAME_LOOK_CHANGE
        return lost if is_alike and overlap(*boxes) >= LOST_OVERLAP else None

    def _mark_crowded(self) -> None:
        """Start new trails where faces have met or parted.

        A face that was lost while it overlapped another one is behind it, so they have not parted.
        """
        followed, lost = ([face.box_px for face in faces] for faces in (self._faces, self._lost))
        for number, face in enumerate(self._faces):
            sighting = face.sighting
            others = followed[:number] + followed[number + 1 :] + (lost if sighting.crowded else [])
            shared = max((_shared(face.box_px, box) for box in others), default=0.0)
            crowded = shared > (PARTED if sighting.crowded else MEETING)
            if crowded == sighting.crowded:
                continue
            sighting = replace(sighting, crowded=crowded)
            if not self._is_new(face):
                sighting = replace(sighting, trail=self._new_trail(), continues=sighting.trail)
            self._faces[number] = replace(face, sighting=sighting)


def _is_same_face(box: Box, other: Box) -> bool:
    return overlap(box, other) > SAME_FACE_OVERLAP


def _shared(box: Box, other: Box) -> float:
    """Part of the smaller box that lies in the other, in [0, 1]."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = ((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
    return width * height / min(areas)
