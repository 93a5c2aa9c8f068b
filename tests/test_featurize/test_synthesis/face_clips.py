"""Short clips of a photographed face, to be manipulated."""

import numpy as np

from featurize.synthesis.manipulations.face_clip import FaceClip
from tests.test_featurize.faces import photograph

FPS = 25.0


def photo_clip(
    n: int = 8, size: int = 256, moving: float = 0.0, missing: tuple[int, ...] = ()
) -> FaceClip:
    """The astronaut's face seen by a camera that pans by ``moving`` pixels a frame."""
    picture, points = photograph()
    frames, places = [], []
    for now in range(n):
        left, top = 100 - round(moving * now), 0
        frames.append(picture[top : top + size, left : left + size])
        places.append(points[:, :2] - (left, top))
    places = np.array(places, np.float32)
    places[list(missing)] = np.nan
    pose = np.tile(np.eye(4, dtype=np.float32), (n, 1, 1))
    blendshapes = np.zeros((n, 52), np.float32)
    return FaceClip(np.array(frames), np.arange(n) / FPS, places, pose, blendshapes)


def donor_clip(n: int = 6) -> FaceClip:
    """Another person, as far as pixels go: the negative in other colours."""
    clip = photo_clip(n)
    frames = np.ascontiguousarray(255 - clip.frames[:, :, :, ::-1])
    return FaceClip(frames, clip.time_s, clip.points_px, clip.pose, clip.blendshapes)
