"""Proportions of the face, in interocular distances and corrected for head pose.

Lengths are measured in three dimensions, so a turned head keeps its proportions as far as the
backend's depth is right, and divided by the interocular distance of the same frame. dlib's depth is
that of an average face; and its outline is the edge of the face in the picture, which on a turned
head is not the cheekbone or the jaw.
"""

import numpy as np

from featurize.declaration import FrameSignal, frame_signal
from featurize.frame_features.points import centre, distance_px, frontal, in_iod, named_points
from featurize.landmarks.schema import SCHEMES, mirror_name
from featurize.types import LandmarkTrack

_FARKAS = "Farkas, Anthropometry of the Head and Face, 1994"
_LENGTH_CONFOUNDERS = ("identity", "head pose", "focal length", "landmark noise at small faces")


@frame_signal(unit="iod", reference=_FARKAS, confounded_by=_LENGTH_CONFOUNDERS)
def eye_spacing_iod(track: LandmarkTrack) -> np.ndarray:
    """Distance between the inner corners of the eyes (intercanthal width).

    ``|left_eye_inner - right_eye_inner| / iod``.
    """
    return in_iod(track, distance_px(track, "right_eye_inner", "left_eye_inner"))


@frame_signal(unit="iod", reference=_FARKAS, confounded_by=(*_LENGTH_CONFOUNDERS, "gaze"))
def pupil_distance_iod(track: LandmarkTrack) -> np.ndarray:
    """Distance between the centres of the irises.

    ``|left_iris_centre - right_iris_centre| / iod``. NaN with dlib, which has no irises.
    """
    return in_iod(track, distance_px(track, "right_iris_centre", "left_iris_centre"))


@frame_signal(unit="iod", reference=_FARKAS, confounded_by=(*_LENGTH_CONFOUNDERS, "hair over ears"))
def cheekbone_distance_iod(track: LandmarkTrack) -> np.ndarray:
    """Width of the face across the cheekbones (bizygomatic width).

    ``|left_zygion - right_zygion| / iod``.
    """
    return in_iod(track, distance_px(track, "right_zygion", "left_zygion"))


@frame_signal(unit="iod", reference=_FARKAS, confounded_by=(*_LENGTH_CONFOUNDERS, "smiling"))
def nose_width_iod(track: LandmarkTrack) -> np.ndarray:
    """Width of the nose between its wings (alar width).

    ``|left_nose_ala - right_nose_ala| / iod``. NaN with dlib, whose outer points of the nose are
    the nostrils.
    """
    return in_iod(track, distance_px(track, "right_nose_ala", "left_nose_ala"))


@frame_signal(unit="iod", reference=_FARKAS, confounded_by=_LENGTH_CONFOUNDERS)
def nose_length_iod(track: LandmarkTrack) -> np.ndarray:
    """Length of the nose from its root to its base.

    ``|subnasale - nasion| / iod``.
    """
    return in_iod(track, distance_px(track, "nasion", "subnasale"))


@frame_signal(unit="iod", reference=_FARKAS, confounded_by=(*_LENGTH_CONFOUNDERS, "expression"))
def mouth_width_iod(track: LandmarkTrack) -> np.ndarray:
    """Width of the mouth between its corners.

    ``|left_mouth_corner - right_mouth_corner| / iod``.
    """
    return in_iod(track, distance_px(track, "right_mouth_corner", "left_mouth_corner"))


@frame_signal(unit="iod", reference=_FARKAS, confounded_by=(*_LENGTH_CONFOUNDERS, "jaw opening"))
def jaw_width_iod(track: LandmarkTrack) -> np.ndarray:
    """Width of the jaw between its angles (bigonial width).

    ``|left_gonion - right_gonion| / iod``.
    """
    return in_iod(track, distance_px(track, "right_gonion", "left_gonion"))


@frame_signal(unit="iod", reference=_FARKAS, confounded_by=(*_LENGTH_CONFOUNDERS, "jaw opening"))
def face_height_iod(track: LandmarkTrack) -> np.ndarray:
    """Height of the face from the root of the nose to the chin.

    ``|chin - nasion| / iod``.
    """
    return in_iod(track, distance_px(track, "nasion", "chin"))


@frame_signal(
    unit="1",
    reference="Carré & McCormick 2008, with nasion instead of brow as upper limit",
    confounded_by=("identity", "expression", "head pose"),
)
def upper_face_width_to_height(track: LandmarkTrack) -> np.ndarray:
    """Width across the cheekbones over the height from the root of the nose to the upper lip.

    ``|left_zygion - right_zygion| / |lip_upper_outer_middle - nasion|``.
    """
    height_px = distance_px(track, "nasion", "lip_upper_outer_middle")
    return distance_px(track, "right_zygion", "left_zygion") / height_px


@frame_signal(unit="1", reference=_FARKAS, confounded_by=("identity", "jaw opening", "head pose"))
def jaw_to_cheekbone_width(track: LandmarkTrack) -> np.ndarray:
    """Width of the jaw over width across the cheekbones.

    ``|left_gonion - right_gonion| / |left_zygion - right_zygion|``.
    """
    jaw_px = distance_px(track, "right_gonion", "left_gonion")
    return jaw_px / distance_px(track, "right_zygion", "left_zygion")


@frame_signal(unit="1", reference=_FARKAS, confounded_by=("identity", "expression", "head pose"))
def mouth_to_nose_width(track: LandmarkTrack) -> np.ndarray:
    """Width of the mouth over width of the nose.

    ``|left_mouth_corner - right_mouth_corner| / |left_nose_ala - right_nose_ala|``. NaN with dlib,
    as :func:`nose_width_iod`.
    """
    mouth_px = distance_px(track, "right_mouth_corner", "left_mouth_corner")
    return mouth_px / distance_px(track, "right_nose_ala", "left_nose_ala")


@frame_signal(unit="1", reference=_FARKAS, confounded_by=("identity", "jaw opening", "head pose"))
def lower_to_whole_height(track: LandmarkTrack) -> np.ndarray:
    """Height of the lower face over height of the whole face.

    ``|chin - subnasale| / |chin - nasion|``.
    """
    return distance_px(track, "subnasale", "chin") / distance_px(track, "nasion", "chin")


def _asymmetry(region: str) -> FrameSignal:
    def function(track: LandmarkTrack) -> np.ndarray:
        schema = SCHEMES[track.schema]
        names = schema.regions[region]
        origin = centre(track, "right_eye_outer", "left_eye_outer")[:, None]
        across = frontal(track, named_points(track, *names) - origin)
        # The line between the eye corners stands for left-right; the mirror plane halves it.
        mirrored = across[:, [names.index(mirror_name(name)) for name in names]]
        mirrored = mirrored * np.array([-1.0, 1.0, 1.0])
        difference = (across - mirrored)[..., :2]
        return in_iod(track, np.sqrt(np.mean(np.sum(difference**2, axis=2), axis=1)))

    function.__name__ = f"asymmetry_{region}_iod"
    function.__doc__ = f"""Left-right asymmetry of the {region}.

    Root mean square distance in the frontal plane between each point of the region and the mirror
    image of its partner, mirrored at the middle of the outer eye corners, over iod. The points are
    those that the landmark scheme has there.
    """
    return frame_signal(
        unit="iod",
        reference="Mardia, Bookstein & Moreton 2000 (object symmetry), per region",
        confounded_by=("identity", "expression", "pose error at large yaw"),
    )(function)


asymmetry_eyes_iod = _asymmetry("eyes")
asymmetry_brows_iod = _asymmetry("brows")
asymmetry_nose_iod = _asymmetry("nose")
asymmetry_mouth_iod = _asymmetry("mouth")
asymmetry_outline_iod = _asymmetry("outline")
