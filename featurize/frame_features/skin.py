"""Patches of skin, whose colour in every frame pulse and lighting are read from.

A patch is a small flat piece of an average face. Where it lies in a picture follows from landmarks
that both schemes have, so a scheme without points on forehead and cheeks has the same patches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from featurize.landmarks.dlib68.points import AVERAGE_FACE_CM
from featurize.landmarks.schema import SCHEMES, Schema
from featurize.types import LandmarkTrack

CHANNELS: tuple[str, ...] = ("red", "green", "blue")


@dataclass(frozen=True)
class Patch:
    """A flat rectangle on the skin of an average face.

    Attributes
    ----------
    centre_cm : tuple of float
        To the subject's left, up, out of the face; the axes of
        :data:`featurize.landmarks.dlib68.points.AVERAGE_FACE_CM`.
    size_cm : tuple of float
        Width and height as seen from the front.
    normal : tuple of float
        Outward, in the same axes, of any length.
    """

    centre_cm: tuple[float, float, float]
    size_cm: tuple[float, float]
    normal: tuple[float, float, float]

    @property
    def unit_normal(self) -> np.ndarray:
        """The normal, of length one."""
        return np.array(self.normal) / np.linalg.norm(self.normal)

    @property
    def area_cm2(self) -> float:
        """Area on the skin."""
        return self.size_cm[0] * self.size_cm[1] / self.unit_normal[2]

    @property
    def corners_cm(self) -> np.ndarray:
        """``(4, 3)`` corners in their order around it."""
        (width, height), (x, y, z) = self.size_cm, self.normal
        across = np.array([-0.5, 0.5, 0.5, -0.5]) * width
        up = np.array([-0.5, -0.5, 0.5, 0.5]) * height
        return self.centre_cm + np.column_stack([across, up, -(x * across + y * up) / z])


def _both_sides(name: str, patch: Patch) -> dict[str, Patch]:
    flip = np.array([-1.0, 1.0, 1.0])
    centre, normal = (tuple((flip * v).tolist()) for v in (patch.centre_cm, patch.normal))
    return {f"{name}_right": Patch(centre, patch.size_cm, normal), f"{name}_left": patch}


# Places and normals are those of the canonical face of MediaPipe's bundle, the normals of planes
# laid through it under each patch. Brows, lids, nostrils and lips are kept clear of.
PATCHES: Mapping[str, Patch] = {
    "forehead_middle": Patch((0.0, 6.3, 5.1), (2.4, 1.5), (0.0, 0.28, 0.96)),
    **_both_sides("forehead", Patch((2.9, 6.3, 4.7), (2.0, 1.5), (0.36, 0.30, 0.88))),
    **_both_sides("cheek", Patch((4.0, -0.4, 3.9), (2.4, 2.2), (0.43, 0.10, 0.90))),
    **_both_sides("jowl", Patch((4.6, -3.2, 3.3), (1.8, 2.0), (0.67, -0.16, 0.72))),
    "nose": Patch((0.0, 1.4, 6.5), (1.0, 1.6), (0.0, 0.58, 0.81)),
    "chin": Patch((0.0, -7.1, 5.1), (2.2, 1.2), (0.0, 0.04, 1.0)),
    "neck": Patch((0.0, -10.9, 2.0), (2.2, 1.2), (0.0, 0.0, 1.0)),
}
"""Patches by name; ``left`` and ``right`` are the subject's. The neck is no part of the mesh: it is
where it lies below the chin of most people who face the camera."""

MEASURES: tuple[str, ...] = tuple(
    f"skin__{patch}_{channel}" for patch in PATCHES for channel in CHANNELS
)
"""Names of the measures in a track, patch after patch."""

# What stays in place on the skin however the head is turned: in dlib's scheme the rest of the
# outline is the edge of the face in the picture. Lids would carry the patches along in blinks.
_ANCHORS = (
    *(f"{side}_{place}" for side in ("right", "left") for place in ("eye_outer", "eye_inner")),
    *(f"{side}_brow_upper_{number}" for side in ("right", "left") for number in range(1, 5)),
    *(f"{side}_{place}" for side in ("right", "left") for place in ("nostril", "mouth_corner")),
    *("nasion", "nose_bridge_2", "nose_bridge_3", "nose_tip", "subnasale", "chin"),
)
_SOFTENING_CM = 3.0


@cache
def _shares() -> np.ndarray:
    """``(n_patches * 4, n_anchors)``: each corner as a combination of anchors, by shares of sum 1.

    Near anchors count more: the affine map that lays the average face onto a picture is fitted anew
    for each patch (moving least squares, Schaefer, McPhail & Warren 2006). As the map is affine, in
    three dimensions, a turned head turns its patches.
    """
    anchors = np.array([AVERAGE_FACE_CM[name] for name in _ANCHORS])
    places = np.column_stack([anchors, np.ones(len(anchors))])
    shares = []
    for patch in PATCHES.values():
        distance_cm = np.linalg.norm(anchors - patch.centre_cm, axis=1)
        weight = 1 / np.hypot(distance_cm, _SOFTENING_CM)
        corners = np.column_stack([patch.corners_cm, np.ones(4)])
        shares.append(corners @ np.linalg.pinv(places * weight[:, None]) * weight)
    return np.concatenate(shares)


@cache
def _anchors_of(scheme: str) -> np.ndarray:
    return SCHEMES[scheme].indices(_ANCHORS)


def patch_corners_px(points_px: np.ndarray, schema: Schema) -> np.ndarray:
    """Where the patches are.

    Parameters
    ----------
    points_px : numpy.ndarray
        ``(n_points, 3)`` landmarks in pixels of a picture.
    schema : Schema
        Their scheme.

    Returns
    -------
    numpy.ndarray
        ``(n_patches, 4, 2)`` corners (x, y) in pixels of the same picture.
    """
    anchors = points_px[_anchors_of(schema.name), :2].astype(np.float64)
    return (_shares() @ anchors).reshape(-1, 4, 2)


def skin_colour(track: LandmarkTrack, patch: str) -> np.ndarray:
    """``(n_frames, 3)`` measured red, green and blue of a patch; NaN where it was not seen."""
    return np.stack([track.measured(f"skin__{patch}_{c}") for c in CHANNELS], axis=1)
