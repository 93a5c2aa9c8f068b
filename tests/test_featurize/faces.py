"""Views of one face for tests: any picture with landmarks of a frontal face, or a photograph."""

from importlib.resources import files

import numpy as np
import pandas as pd
from skimage.data import astronaut

from featurize.frame import Frame
from featurize.frame_features.face_view import FaceView
from featurize.landmarks.dlib68.points import AVERAGE_FACE_CM
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478, Schema
from tests.test_featurize.tracks import neutral_face

CENTRE_PX = (256.0, 240.0)


def face_points(
    iod_px: float = 100.0,
    centre_px: tuple[float, float] = CENTRE_PX,
    schema: Schema = MEDIAPIPE_478,
) -> np.ndarray:
    """Landmarks of an upright frontal face in a picture."""
    places = np.array([*AVERAGE_FACE_CM.values()]) if schema is DLIB_68 else neutral_face()
    right, left = places[schema.indices(("right_eye_outer", "left_eye_outer"))]
    places = (places - places.mean(axis=0)) * (iod_px / np.linalg.norm(left - right))
    return places * [1, -1, -1] + [*centre_px, 0]


def as_picture(values: np.ndarray) -> np.ndarray:
    """Grey or colour levels as a picture of whole levels."""
    levels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=2)


def view_of(
    values: np.ndarray, points: np.ndarray | None = None, schema: Schema = MEDIAPIPE_478
) -> FaceView:
    """The face of a picture given as grey or colour levels."""
    points = face_points(schema=schema) if points is None else points
    return FaceView(Frame(0, 0.0, as_picture(values)), points, schema)


def white_noise(sigma: float, seed: int = 0, size: int = 512) -> np.ndarray:
    """Grey levels around the middle."""
    return 127.5 + np.random.default_rng(seed).normal(0, sigma, (size, size))


def photograph() -> tuple[np.ndarray, np.ndarray]:
    """A public-domain photograph and the landmarks of its face."""
    text = files("featurize.synthesis").joinpath("astronaut_points.csv")
    table = pd.read_csv(str(text)).query("part == 'face'").sort_values("index")
    return astronaut(), table[["x_px", "y_px", "z_px"]].to_numpy()


def mirrored(picture: np.ndarray, points: np.ndarray, schema: Schema) -> tuple[np.ndarray, ...]:
    """Picture and landmarks in a mirror; left and right change places."""
    flipped = points * [-1, 1, 1] + [picture.shape[1] - 1, 0, 0]
    here, there = schema.mirror
    swapped = flipped.copy()
    swapped[here] = flipped[there]
    return np.ascontiguousarray(picture[:, ::-1]), swapped


def quarter_turned(picture: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Picture and landmarks turned clockwise by 90 degrees."""
    x, y, z = points.T
    turned = np.column_stack([picture.shape[0] - 1 - y, x, z])
    return np.ascontiguousarray(np.rot90(picture, -1)), turned
