"""Landmark stability: what still moves when the head's own motion is taken out.

A pasted or generated face trembles against its own skull from frame to frame; a filmed one does so
only by the noise of the landmark finder.
"""

from collections.abc import Sequence

import numpy as np
from scipy.signal import savgol_filter

from featurize.declaration import Recording, summary
from featurize.frame_features.points import fit_rotation
from featurize.landmarks.schema import SCHEMES
from featurize.types import LandmarkTrack, pieces
from featurize.video_features.sampling import stretches
from featurize.video_features.statistics import percentile, ratio, rms

REGIONS = ("eyes", "irises", "brows", "nose", "mouth", "outline")
SMOOTHING_WINDOW_S = 0.28
"""Motion slower than this window follows is expression; what is left of it is jitter."""

_REFERENCE = "landmark jitter after Sun et al. 2021 (LRNet), with rigid motion removed in 3-D"
_CONFOUNDERS = ("face size", "blur", "compression", "frame rate", "head speed", "identity")


class RigidResidual:
    """Place of each named point after the head's rigid motion is removed.

    Every frame is laid onto the clip's mean face by the rotation, translation and scale that fit
    its rigid points best (Umeyama 1991), in three dimensions. What is left is expression and
    jitter. Only the motion of the head is kept in memory; what is left is computed where it is
    asked for.

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
        self._middle = np.full((track.n_frames, 1, 3), np.nan)
        self._turn = np.full((track.n_frames, 3, 3), np.nan)
        self._known = np.zeros((track.n_frames, len(self.names)), bool)
        # Onto the average face first, then twice onto the clip's own mean face, which looks ahead
        # too.
        self._own = np.full((len(self.names), 3), np.nan)
        self._own[self._rigid] = [*schema.rigid_cm.values()]
        for _ in range(3):
            self._own = self._lay_onto(self._own)
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

    def known(self, names: Sequence[str]) -> np.ndarray:
        """``(n_frames,)`` bool: True where all of these points are known; there must be some."""
        places = [self._places[name] for name in names]
        return self._known[:, places].all(axis=1) & bool(places)

    def _faces(self, frames: slice, places: Sequence[int]) -> np.ndarray:
        points = self._track.part(frames).points_px[:, self._indices[places]]
        return points.astype(np.float64) * [1, -1, -1]

    def _aligned(self, faces: np.ndarray, frames: slice) -> np.ndarray:
        return (faces - self._middle[frames]) @ self._turn[frames]

    def _lay_onto(self, reference: np.ndarray) -> np.ndarray:
        """Fit all frames to a reference by their rigid points; gives the mean face they make."""
        target = reference[self._rigid] - reference[self._rigid].mean(axis=0)
        count, total = np.zeros(len(reference)), np.zeros(reference.shape)
        for piece in pieces(self.n_frames):
            faces = self._faces(piece, range(len(self.names)))
            rigid = faces[:, self._rigid]
            self._middle[piece] = rigid.mean(axis=1, keepdims=True)
            self._turn[piece] = fit_rotation(rigid, target)
            source = self._aligned(rigid, piece)
            scale = np.sum(source * target, axis=(1, 2)) / np.sum(source**2, axis=(1, 2))
            self._turn[piece] *= scale[:, None, None]
            aligned = self._aligned(faces, piece)
            known = np.isfinite(aligned).all(axis=2)
            self._known[piece] = known
            count += known.sum(axis=0)
            total += np.where(known[..., None], aligned, 0).sum(axis=0)
        return np.divide(
            total, count[:, None], out=np.full(total.shape, np.nan), where=count[:, None] > 0
        )


def jitter_iod(residual: RigidResidual, names: Sequence[str], time_s: np.ndarray) -> np.ndarray:
    """Fast part of the residual: what a local cubic over 0.28 s does not follow.

    Parameters
    ----------
    residual : RigidResidual
        Of the whole track.
    names : sequence of str
        Points to look at.
    time_s : numpy.ndarray
        ``(n_frames,)``.

    Returns
    -------
    numpy.ndarray
        ``(n_frames,)`` root mean square over the points of the length of the fast part,
        interocular distances. NaN where any of the points is missing, and at both ends of a
        stretch, where the window does not fit.
    """
    level = np.full(residual.n_frames, np.nan)
    for stretch in stretches(residual.known(names), time_s):
        step_s = float(np.median(np.diff(time_s[stretch])))
        # At least seven frames: a cubic through five follows almost any noise.
        window = max(7, round(SMOOTHING_WINDOW_S / step_s) | 1)
        half = window // 2
        for piece in pieces(stretch.stop - stretch.start - 2 * half):
            first, stop = stretch.start + piece.start, stretch.start + piece.stop + 2 * half
            values = residual.of(names, slice(first, stop))
            slow = savgol_filter(values, window, 3, axis=0, mode="constant")
            fast = (values - slow)[half:-half]
            level[first + half : stop - half] = np.sqrt(np.mean(np.sum(fast**2, axis=2), axis=1))
    return level


@summary(
    family="stability",
    reference=_REFERENCE,
    confounded_by=_CONFOUNDERS,
    features={
        f"jitter_{region}_iod__{statistic}": (unit, f"{meaning} of the {region}")
        for region in (*REGIONS, "face")
        for statistic, unit, meaning in (
            ("rms", "iod", "Frame-to-frame jitter after rigid motion is removed,"),
            ("p95", "iod", "Jitter in the worst frames after rigid motion is removed,"),
        )
    }
    | {
        f"jitter_{region}__over_outline": (
            "1",
            f"Jitter of the {region} over jitter of the outline",
        )
        for region in REGIONS
        if region != "outline"
    }
    | {
        "jitter_face__burstiness": ("1", "Worst-frame jitter over typical jitter of the face"),
        "residual_face_iod__rms": ("iod", "All motion left when rigid motion is removed"),
    },
)
def landmark_stability(recording: Recording) -> dict[str, float]:
    """Rigid-motion-compensated jitter per region, in interocular distances.

    NaN when the face is never seen for seven frames in a row.
    """
    residual = RigidResidual(recording.track)
    members = SCHEMES[recording.track.schema].regions
    levels = {}
    for region in (*REGIONS, "face"):
        level = jitter_iod(residual, members[region], recording.time_s)
        levels[region] = level[np.isfinite(level)]
    values: dict[str, float] = {}
    for region, level in levels.items():
        values[f"stability__jitter_{region}_iod__rms"] = rms(level)
        values[f"stability__jitter_{region}_iod__p95"] = percentile(level, 95)
    for region in REGIONS:
        if region != "outline":
            values[f"stability__jitter_{region}__over_outline"] = ratio(
                rms(levels[region]), rms(levels["outline"])
            )
    values["stability__jitter_face__burstiness"] = ratio(
        percentile(levels["face"], 95), percentile(levels["face"], 50)
    )
    moved = np.concatenate(
        [
            np.mean(np.sum(residual.of(members["face"], piece) ** 2, axis=2), axis=1)
            for piece in pieces(residual.n_frames)
        ]
    )
    values["stability__residual_face_iod__rms"] = rms(np.sqrt(moved[np.isfinite(moved)]))
    return values
