"""Trails of faces go in, one track per person comes out, the main face first."""

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Self

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.people.following import Sighting
from featurize.landmarks.people.linking import Trail, people
from featurize.landmarks.people.portraits import Album, Embedder
from featurize.landmarks.schema import Schema
from featurize.landmarks.storage.spool import TrackSpool
from featurize.types import LandmarkTrack, frame_durations_s

MIN_DURATION_S = 1.0
"""Faces shown for less time are dropped, unless no other is left."""

Faces = Literal["main", "all"]


class FaceLinker:
    """Collect the sightings of one video, frame by frame, and give back one track per person.

    Landmarks wait on disk until it is known whose they are. Use it as a context manager; tracks
    outlive it.

    Parameters
    ----------
    schema : Schema
        Scheme of the points.
    embed : Callable
        Embeds aligned faces, see :data:`.portraits.Embedder`. Called only when who is who cannot be
        told otherwise.
    measures : tuple of str
        Names of what is read off the pixels of faces.
    """

    def __init__(self, schema: Schema, embed: Embedder, measures: tuple[str, ...] = ()) -> None:
        self._schema = schema
        self._measures = measures
        self._album = Album(schema, embed)
        self._is_trusted = bytearray()  # by row of the spool
        self._no_flow = np.full((len(schema.points), 2), np.nan, np.float32)
        self._no_appearance = np.full(len(measures), np.nan, np.float32)
        self._spool = TrackSpool()
        self._times_s = array("d")
        self._trails: dict[int, Trail] = {}
        self._frame_size_px = (0, 0)

    def __enter__(self) -> Self:
        self._spool.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._spool.__exit__(*exc_info)

    def add(
        self,
        frame: Frame,
        sightings: Sequence[Sighting],
        flows_px: Mapping[int, np.ndarray] | None = None,
        appearances: Mapping[int, np.ndarray] | None = None,
    ) -> None:
        """Take the faces of the next frame.

        Parameters
        ----------
        frame : Frame
            The picture.
        sightings : sequence of Sighting
            From :meth:`.following.Follower.update`; empty for a frame without a face.
        flows_px : Mapping of int to numpy.ndarray, optional
            Optical flow by trail, as :meth:`featurize.landmarks.flow.FlowMeter.measure` gives it;
            a trail that is not in it was not measured. None when flow is not wanted at all.
        appearances : Mapping of int to numpy.ndarray, optional
            ``(n_measures,)`` read off the pixels, by trail, in the same way.
        """
        index = len(self._times_s)
        self._times_s.append(frame.time_s)
        self._frame_size_px = frame.size_px
        self._album.add(frame, sightings)
        for sighting in sightings:
            number, detection = sighting.trail, sighting.detection
            trail = self._trails.get(number)
            if trail is None:
                trail = Trail(number, sighting.continues, sighting.crowded)
                self._trails[number] = trail
            flow_px = None if flows_px is None else flows_px.get(number, self._no_flow)
            appearance = (
                None if appearances is None else appearances.get(number, self._no_appearance)
            )
            arrays = {
                "points_px": detection.points_px,
                "blendshapes": detection.blendshapes,
                "pose": detection.pose,
                "flow_px": flow_px,
                "appearance": appearance,
            }
            if not detection.is_trusted:
                arrays = {
                    name: None if values is None else np.full_like(values, np.nan)
                    for name, values in arrays.items()
                }
            row = self._spool.append(**arrays, confidence=detection.confidence)
            trail.frames.append(index)
            trail.rows.append(row)
            trail.duration_s = frame.time_s - self._times_s[trail.frames[0]]
            self._is_trusted.append(detection.is_trusted)
            if detection.is_trusted:
                trail.prominence += _prominence(detection.box_px, frame.size_px)

    def tracks(
        self,
        faces: Faces = "all",
        max_faces: int | None = None,
        min_duration_s: float = MIN_DURATION_S,
    ) -> list[LandmarkTrack]:
        """One track per person over all frames seen so far, the main face first.

        The main face is the one with the most face time, weighted by its width and by how close to
        the centre of the picture it is. Where a person is joined over a cut or another break, the
        first frame after it is a row of NaN, so that nothing is derived across it.

        Parameters
        ----------
        faces : {"all", "main"}
            Everybody, or the main face only.
        max_faces : int, optional
            Most tracks to return.
        min_duration_s : float
            Faces shown for less time are dropped, unless no other is left.
        """
        persons = sorted(
            people(list(self._trails.values()), self._album.embeddings),
            key=lambda person: sum(trail.prominence for trail in person),
            reverse=True,
        )
        shown_s = frame_durations_s(np.array(self._times_s))
        # Half a frame of tolerance: 25 frames of 0.04 s are a second, whatever their sum says.
        least_s = min_duration_s - float(np.median(shown_s)) / 2 if len(shown_s) else math.inf

        is_trusted = np.array(self._is_trusted, bool)

        def trusted_s(seen: "_Seen") -> float:
            return shown_s[seen.frames[is_trusted[seen.rows]]].sum()

        kept = [seen for seen in map(_seen, persons) if trusted_s(seen) > 0]
        chosen = [seen for seen in kept if trusted_s(seen) >= least_s] or kept[:1]
        time_s = np.array(self._times_s)
        return [self._track(seen, time_s) for seen in chosen[: 1 if faces == "main" else max_faces]]

    def _track(self, seen: "_Seen", time_s: np.ndarray) -> LandmarkTrack:
        arrays = self._spool.spread(seen.frames, seen.rows, len(time_s))
        return LandmarkTrack(
            **arrays,
            time_s=time_s,
            schema=self._schema.name,
            measures=self._measures if "appearance" in arrays else (),
            frame_size_px=self._frame_size_px,
        )


class _Seen(NamedTuple):
    """In which frames a person is seen, and where their landmarks are kept."""

    frames: np.ndarray
    rows: np.ndarray


def _seen(person: list[Trail]) -> _Seen:
    """Frames of a person, without the first after a break."""
    every_frame, every_row = array("q"), array("q")
    last_frame, last_trail = -2, None
    for trail in person:
        frames, rows = trail.frames, trail.rows
        if frames[0] == last_frame + 1 and trail.continues != last_trail:
            frames, rows = frames[1:], rows[1:]
        if frames:
            every_frame.extend(frames)
            every_row.extend(rows)
            last_frame, last_trail = frames[-1], trail.number
    return _Seen(np.array(every_frame, np.int64), np.array(every_row, np.int64))


def _prominence(box_px: tuple[float, float, float, float], frame_size_px: tuple[int, int]) -> float:
    left, top, right, bottom = box_px
    width, height = frame_size_px
    off_centre = math.hypot((left + right) / 2 / width - 0.5, (top + bottom) / 2 / height - 0.5)
    return (right - left) / width * (1 - off_centre)
