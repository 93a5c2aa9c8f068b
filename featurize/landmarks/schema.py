"""Named points and regions of each landmark scheme.

Features speak of names, never of numbers, so that a scheme with fewer points serves the same
features where its points exist. ``right`` and ``left`` are the subject's: the subject's left eye is
on the right of the picture. The mirror map follows from the names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from featurize.landmarks.dlib68 import points as dlib68_points
from featurize.landmarks.mediapipe478 import points as mediapipe478_points


def mirror_name(name: str) -> str:
    """Name of the point on the other side of the face; a point on the midline is its own mirror.

    Examples
    --------
    >>> mirror_name("left_eye_outer")
    'right_eye_outer'
    >>> mirror_name("nose_tip")
    'nose_tip'
    """
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    if name.startswith("right_"):
        return "left_" + name.removeprefix("right_")
    return name


@dataclass(frozen=True)
class Schema:
    """A landmark scheme.

    Attributes
    ----------
    name : str
        Such as ``"mediapipe478"``.
    n_points : int
        Points of a face in this scheme, named and unnamed.
    points : Mapping[str, int]
        Index of each named point.
    regions : Mapping[str, tuple of str]
        Named points that belong together anatomically; closed under mirroring. ``face`` is all of
        them but the irises, which move with the gaze.
    rigid_cm : Mapping[str, tuple of float]
        Where the points of the region ``rigid`` are on an average frontal face: to the subject's
        left, up, out of the face, in centimetres.
    average_cm : Mapping[str, tuple of float]
        The same for more of the points: those of ``rigid``, brows, nose, outline, and the corners
        of eyes and mouth.
    """

    name: str
    n_points: int
    points: Mapping[str, int]
    regions: Mapping[str, tuple[str, ...]]
    rigid_cm: Mapping[str, tuple[float, float, float]]
    average_cm: Mapping[str, tuple[float, float, float]]

    def indices(self, names: Iterable[str]) -> np.ndarray:
        """Indices of the named points, in the order asked for."""
        return np.array([self.points[name] for name in names], dtype=np.intp)

    @cached_property
    def mirror(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of all named points and, in the same order, of their mirror points."""
        names = tuple(self.points)
        return self.indices(names), self.indices(mirror_name(name) for name in names)


def _names_with(points: Iterable[str], *stems: str) -> tuple[str, ...]:
    return tuple(
        name
        for name in points
        if name.removeprefix("left_").removeprefix("right_").startswith(stems)
    )


def _schema(
    name: str,
    n_points: int,
    points: Mapping[str, int],
    rigid_cm: Mapping[str, tuple[float, float, float]],
    average_cm: Mapping[str, tuple[float, float, float]],
) -> Schema:
    return Schema(
        name=name,
        n_points=n_points,
        points=points,
        regions={
            "eyes": _names_with(points, "eye_"),
            "irises": _names_with(points, "iris_"),
            "face": tuple(point for point in points if "_iris_" not in point),
            "brows": _names_with(points, "brow_"),
            "nose": _names_with(points, "nose_", "nostril", "nasion", "subnasale"),
            "mouth": _names_with(points, "lip_", "mouth_"),
            "outline": _names_with(
                points, "outline_", "jaw_", "zygion", "gonion", "chin", "forehead_top"
            ),
            "rigid": tuple(rigid_cm),
        },
        rigid_cm=rigid_cm,
        average_cm=average_cm,
    )


MEDIAPIPE_478 = _schema(
    "mediapipe478",
    478,
    mediapipe478_points.POINTS,
    mediapipe478_points.RIGID_CM,
    mediapipe478_points.AVERAGE_FACE_CM,
)
DLIB_68 = _schema(
    "dlib68", 68, dlib68_points.POINTS, dlib68_points.RIGID_CM, dlib68_points.AVERAGE_FACE_CM
)

SCHEMES: Mapping[str, Schema] = {schema.name: schema for schema in (MEDIAPIPE_478, DLIB_68)}
"""All landmark schemes by name."""

BLENDSHAPE_NAMES: tuple[str, ...] = (
    *("neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft"),
    *("browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft"),
    *("eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight"),
    *("eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft"),
    *("eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen"),
    *("jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft"),
    *("mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower"),
    *("mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight"),
    *("mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight"),
    *("noseSneerLeft", "noseSneerRight"),
)
"""The 52 expression coefficients of MediaPipe's bundle, in its order; Left is the subject's."""
