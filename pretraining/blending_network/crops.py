"""Faces of authentic clips with what surrounds them, as pixels of the frame, not yet aligned."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from featurize.errors import VideoError
from featurize.extraction import one_thread
from featurize.landmarks.people.chips import alignment
from featurize.landmarks.schema import SCHEMES
from featurize.pipeline import extract_landmarks
from featurize.video import VideoReader

SCHEMA = SCHEMES["mediapipe478"]

FRAMES_PER_CLIP = 25
"""Neighbouring frames of a clip differ little; more clips would be worth more than more frames."""

SIDE_IN_SQUARES = 2.4
"""Side of a stored picture in sides of dlib's square from brows to mouth: 1.9 times the width of
the face, so that the aligned picture, 1.7 squares wide, may be turned and moved within it."""

LONGEST_SIDE_PX = 352
"""Larger ones are shrunk: the square is then 147 px, and the network reads it at 94 px."""

SHORTEST_SQUARE_PX = 48.0
"""Faces narrower than 60 px are left out."""


@dataclass(frozen=True)
class ClipCrops:
    """Faces of one clip.

    Attributes
    ----------
    pictures : numpy.ndarray
        ``(n, side, side, 3)`` uint8, red first; beyond the edge of the frame its edges go on.
    points_px : numpy.ndarray
        ``(n, 478, 2)`` float32 landmarks in pixels of the pictures.
    """

    pictures: np.ndarray
    points_px: np.ndarray

    def save(self, path: Path) -> None:
        """Write both into one ``.npz``; a file that is there is whole."""
        unfinished = path.with_name(f"_{path.name}")
        np.savez(unfinished, pictures=self.pictures, points_px=self.points_px)
        unfinished.replace(path)

    @classmethod
    def load(cls, path: Path) -> "ClipCrops":
        """What :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["pictures"], stored["points_px"])


def clip_crops(
    path: str | Path, *, store: str | Path | None = None, n_frames: int = FRAMES_PER_CLIP
) -> ClipCrops | None:
    """The main face of a clip in some frames, evenly over the time it is shown.

    A picture is as many pixels of the frame, moved by whole pixels, unless it would be larger than
    :data:`LONGEST_SIDE_PX`. One scale holds for the clip, that of its median face.

    Parameters
    ----------
    path : str or Path
        A video file.
    store : str or Path, optional
        Folder that keeps landmarks.
    n_frames : int
        Most pictures.

    Returns
    -------
    ClipCrops or None
        None where there is no face of :data:`SHORTEST_SQUARE_PX` at least.
    """
    tracks = extract_landmarks(path, landmark_store=store)
    if not tracks:
        return None
    shown = np.flatnonzero(tracks[0].present)
    chosen = np.unique(shown[np.linspace(0, len(shown) - 1, n_frames).round().astype(int)])
    points = np.array(tracks[0].points_px[chosen])
    squares = [np.hypot(*alignment(one, SCHEMA, 1.0, 0.0)[:, 0]) for one in points]
    square_px = float(np.median(squares))
    if not square_px >= SHORTEST_SQUARE_PX:
        return None
    scale = min(1.0, LONGEST_SIDE_PX / (SIDE_IN_SQUARES * square_px))
    side = int(SIDE_IN_SQUARES * square_px * scale)
    pictures, placed = [], []
    with VideoReader(path) as video:
        wanted = dict(zip(chosen.tolist(), points, strict=True))
        for frame in video:
            if frame.index not in wanted:
                continue
            face = wanted[frame.index][:, :2]
            corner = np.round((face.min(axis=0) + face.max(axis=0)) / 2 - side / scale / 2)
            to_frame = np.column_stack([np.eye(2) / scale, corner])
            pictures.append(frame.crop(to_frame, (side, side)))
            placed.append(((face - corner) * scale).astype(np.float32))
    return ClipCrops(np.stack(pictures), np.stack(placed))


def kept_crops(
    path: str, folder: Path, *, store: str | Path | None = None, n_frames: int
) -> ClipCrops | None:
    """What :func:`clip_crops` gives, from a folder where it is there; None of unreadable video."""
    kept = folder / f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.npz"
    if kept.exists():
        return ClipCrops.load(kept)
    try:
        with one_thread(), threadpool_limits(limits=1):
            crops = clip_crops(path, store=store, n_frames=n_frames)
    except VideoError:
        return None
    if crops is not None:
        crops.save(kept)
    return crops
