"""Mouth: how far it opens, how its corners stand, how thick the lips are."""

import numpy as np

from featurize.declaration import frame_signal
from featurize.frame_features.points import centre, distance_px, frontal, in_iod
from featurize.landmarks.schema import SCHEMES
from featurize.types import LandmarkTrack

_CONFOUNDERS = ("expression", "beard", "large yaw or pitch", "small faces")


@frame_signal(
    unit="1",
    reference="mouth aspect ratio, the counterpart of EAR, on the inner lip contour",
    confounded_by=_CONFOUNDERS,
)
def mar(track: LandmarkTrack) -> np.ndarray:
    """Mouth aspect ratio (MAR): opening between the lips over width of the opening.

    Mean of three inner-lip gaps (middle and half way to each corner) over the distance of the inner
    corners, in three dimensions. 0 with closed lips. dlib's points beside the middle stand a third
    of the way to the corner, so that its value is 5 % higher for an elliptic mouth.
    """
    place = 3 if "right_lip_upper_inner_3" in SCHEMES[track.schema].points else 4
    gaps_px = [
        distance_px(track, "lip_upper_inner_middle", "lip_lower_inner_middle"),
        distance_px(track, f"right_lip_upper_inner_{place}", f"right_lip_lower_inner_{place}"),
        distance_px(track, f"left_lip_upper_inner_{place}", f"left_lip_lower_inner_{place}"),
    ]
    width_px = distance_px(track, "right_mouth_inner_corner", "left_mouth_inner_corner")
    return np.mean(gaps_px, axis=0) / width_px


@frame_signal(
    unit="iod",
    reference="inner-lip distance as in Agarwal & Farid 2019",
    confounded_by=_CONFOUNDERS,
)
def lip_gap_iod(track: LandmarkTrack) -> np.ndarray:
    """Gap between the lips in the middle of the mouth.

    ``|lip_upper_inner_middle - lip_lower_inner_middle| / iod``.
    """
    return in_iod(track, distance_px(track, "lip_upper_inner_middle", "lip_lower_inner_middle"))


@frame_signal(
    unit="iod",
    reference="vertical offset of the lip corners, the geometry behind AU12 and AU15",
    confounded_by=(*_CONFOUNDERS, "identity"),
)
def lip_corner_height_iod(track: LandmarkTrack) -> np.ndarray:
    """How far the corners of the mouth stand above its middle, as in a smile.

    Height of the mean of the corners over the mean of the outer middle points of both lips, along
    the vertical axis of the face, over iod.
    """
    corners = centre(track, "right_mouth_corner", "left_mouth_corner")
    middle = centre(track, "lip_upper_outer_middle", "lip_lower_outer_middle")
    height_px = frontal(track, (corners - middle)[:, None])[:, 0, 1]
    return in_iod(track, height_px)


@frame_signal(
    unit="iod",
    reference="lip thickness, after the outer and inner lip contours of the landmark scheme",
    confounded_by=(*_CONFOUNDERS, "identity", "lipstick"),
)
def upper_lip_thickness_iod(track: LandmarkTrack) -> np.ndarray:
    """Thickness of the upper lip in the middle of the mouth.

    ``|lip_upper_outer_middle - lip_upper_inner_middle| / iod``. The lip of a face that is filmed
    keeps its flesh: it thins a little as the mouth opens, and does not come and go.
    """
    return in_iod(track, distance_px(track, "lip_upper_outer_middle", "lip_upper_inner_middle"))


@frame_signal(
    unit="iod",
    reference="lip thickness, after the outer and inner lip contours of the landmark scheme",
    confounded_by=(*_CONFOUNDERS, "identity", "lipstick"),
)
def lower_lip_thickness_iod(track: LandmarkTrack) -> np.ndarray:
    """Thickness of the lower lip in the middle of the mouth.

    ``|lip_lower_outer_middle - lip_lower_inner_middle| / iod``; see the upper lip.
    """
    return in_iod(track, distance_px(track, "lip_lower_outer_middle", "lip_lower_inner_middle"))
