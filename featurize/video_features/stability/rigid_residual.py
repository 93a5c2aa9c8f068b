"""Where the points of a face are when the head's rigid motion is taken out."""

from collections.abc import Sequence

import numpy as np

from featurize.computed_once import computed_once
from featurize.declaration import Recording
from featurize.frame_features.points import fit_rotation
from featurize.landmarks.schema import SCHEMES
from featurize.scratch import blocks, let_go, scratch
from featurize.types import LandmarkTrack, pieces


@computed_once
def rigid_residual(recording: Recording) -> "RigidResidual":
    """The residual that all summaries of a recording share."""
    return RigidResidual(recording.track)


class RigidResidual:
    """Place of each named point after the head's rigid motion is removed.

    Every frame is laid onto the clip's mean face by the rotation, translation and scale that fit
    its rigid points best (Umeyama 1991), in three dimensions. What is left is expression and
    jitter. Only the motion of the head is kept; what is left is computed where it is asked for.

    Attributes
    ----------
    names : tuple of str
        Names of the points.
    n_frames : int
        Frames of the track.
    """

    def __init__(self, track: LandmarkTrack) -> None:
        schema = SCHEMES[track.schema]
        self.names = tuple(schema.points)
        self.n_frames = track.n_frames
        self._track = track
        self._indices = schema.indices(self.names)
        self._places = {name: place for place, name in enumerate(self.names)}
        self._rigid = [self._places[name] for name in schema.rigid_cm]
        self._middle = scratch((track.n_frames, 1, 3))
        self._turn = scratch((track.n_frames, 3, 3))
        self._known = scratch((track.n_frames, len(self.names)), np.bool_)
        self._own = np.full((len(self.names), 3), np.nan)
        self._own[self._rigid] = [*schema.rigid_cm.values()]
        # Onto the average face first, then twice onto the clip's own mean face, which looks ahead
        # too. It is the rigid points that count; the others are needed at the end only.
        for places in (self._rigid, self._rigid, range(len(self.names))):
            self._own[places] = self._lay_onto(self._own[self._rigid], places)
        outer = [self._places["right_eye_outer"], self._places["left_eye_outer"]]
        self._iod = np.linalg.norm(np.diff(self._own[outer], axis=0))

    def of(self, names: Sequence[str], frames: slice) -> np.ndarray:
        """What is left of some points in some consecutive frames.

        Returns
        -------
        numpy.ndarray
            ``(n, n_names, 2)`` offsets from the clip's mean face in the frontal plane of the face,
            to the subject's left and up, in interocular distances; NaN where unknown.
        """
        places = [self._places[name] for name in names]
        faces = self._faces(frames, places)
        return (self._aligned(faces, frames) - self._own[places])[..., :2] / self._iod

    def laid(self, names: Sequence[str], frames: slice) -> np.ndarray:
        """Where some points are in some consecutive frames, once they are laid onto the mean face.

        Returns
        -------
        numpy.ndarray
            ``(n, n_names, 3)`` to the subject's left, up, and out of the face, in interocular
            distances; NaN where unknown.
        """
        places = [self._places[name] for name in names]
        return self._aligned(self._faces(frames, places), frames) / self._iod

    def mean(self, names: Sequence[str]) -> np.ndarray:
        """``(n_names, 3)`` the same on the clip's mean face."""
        return self._own[[self._places[name] for name in names]] / self._iod

    def known(self, names: Sequence[str]) -> np.ndarray:
        """``(n_frames,)`` bool: True where all of these points are known; there must be some."""
        places = [self._places[name] for name in names]
        known = np.zeros(self.n_frames, bool)
        for block in blocks(self.n_frames):
            known[block] = self._known[block][:, places].all(axis=1) & bool(places)
            let_go(self._known)
        return known

    def _faces(self, frames: slice, places: Sequence[int]) -> np.ndarray:
        points = self._track.part(frames).points_px[:, self._indices[places]]
        return points.astype(np.float64) * [1, -1, -1]

    def _aligned(self, faces: np.ndarray, frames: slice) -> np.ndarray:
        aligned = (faces - self._middle[frames]) @ self._turn[frames]
        let_go(self._middle)
        let_go(self._turn)
        return aligned

    def _lay_onto(self, rigid_places: np.ndarray, places: Sequence[int]) -> np.ndarray:
        """Fit all frames to places of the rigid points; gives the mean of some points they make."""
        target = rigid_places - rigid_places.mean(axis=0)
        count, total = np.zeros(len(places)), np.zeros((len(places), 3))
        rigid = [list(places).index(place) for place in self._rigid]
        for piece in pieces(self.n_frames):
            faces = self._faces(piece, places)
            self._middle[piece] = faces[:, rigid].mean(axis=1, keepdims=True)
            self._turn[piece] = fit_rotation(faces[:, rigid], target)
            source = self._aligned(faces[:, rigid], piece)
            scale = np.sum(source * target, axis=(1, 2)) / np.sum(source**2, axis=(1, 2))
            self._turn[piece] *= scale[:, None, None]
            aligned = self._aligned(faces, piece)
            known = np.isfinite(aligned).all(axis=2)
            self._known[piece, places] = known
            let_go(self._known)
            count += known.sum(axis=0)
            total += np.where(known[..., None], aligned, 0).sum(axis=0)
        return np.divide(
            total, count[:, None], out=np.full(total.shape, np.nan), where=count[:, None] > 0
        )
