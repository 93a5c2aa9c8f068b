"""The photograph of one person, moved about, and of nobody."""

import cv2
import numpy as np

from featurize.frame import Frame
from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.networks.network import Network
from tests.test_featurize.faces import mirrored, photograph
from tests.test_featurize.stage import smooth_noise

SCHEMA = MEDIAPIPE_478


def moved(
    scale: float = 1.0, roll_deg: float = 0.0, mirror: bool = False
) -> tuple[Frame, np.ndarray]:
    """The photograph and its landmarks, scaled, rolled about the face, seen in a mirror."""
    picture, points = photograph()
    if mirror:
        picture, points = mirrored(picture, points, SCHEMA)
    centre = points[:, :2].mean(axis=0)
    matrix = cv2.getRotationMatrix2D(tuple(centre), -roll_deg, scale)
    matrix[:, 2] += 256 - centre
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.warpAffine(
        picture, matrix, (512, 512), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    placed = points.copy()
    placed[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return Frame(0, 0.0, picture), placed


def shrunk(width_px: int) -> tuple[Frame, np.ndarray]:
    """The photograph made smaller by averaging, so that its face has that width."""
    picture, points = photograph()
    outline = points[SCHEMA.indices(SCHEMA.regions["outline"]), 0]
    share = width_px / np.ptp(outline)
    small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    placed = points.copy()
    placed[:, :2] = (points[:, :2] + 0.5) * (small.shape[0] / picture.shape[0]) - 0.5
    return Frame(0, 0.0, small), placed


def nobody(side_px: int) -> np.ndarray:
    """A crop of coloured clouds."""
    clouds = smooth_noise(1, (side_px, side_px), 20)[..., None] * [200, 150, 130]
    return np.clip(clouds, 0, 255).astype(np.uint8)


def crops_for(network: Network) -> np.ndarray:
    """Five pictures of one person, and one of nobody."""
    views = [
        moved(),
        moved(scale=0.8),
        moved(scale=1.3),
        moved(roll_deg=20),
        moved(mirror=True),
    ]
    crops = [network.crop(frame, points, SCHEMA) for frame, points in views]
    return np.stack([*crops, nobody(len(crops[0]))])
