"""Which number is which place of the face in MediaPipe's 478-point mesh."""

from collections.abc import Iterable


def _paired(stem: str, right: Iterable[int], left: Iterable[int]) -> dict[str, int]:
    """Name a row of points on both sides: right_<stem>_1, left_<stem>_1, right_<stem>_2, ..."""
    named = {}
    for number, (of_right, of_left) in enumerate(zip(right, left, strict=True), start=1):
        named[f"right_{stem}_{number}"] = of_right
        named[f"left_{stem}_{number}"] = of_left
    return named


# Numbers of MediaPipe's face mesh, read off its published contours. Rows run from the outside of
# the face inwards, or from the forehead down.
POINTS: dict[str, int] = {
    "forehead_top": 10,
    "forehead_middle": 151,
    "glabella": 9,
    "nasion": 168,
    "nose_bridge_1": 6,
    "nose_bridge_2": 197,
    "nose_bridge_3": 195,
    "nose_bridge_4": 5,
    "nose_tip": 4,
    "nose_base_1": 1,
    "nose_base_2": 19,
    "subnasale": 2,
    "lip_upper_outer_middle": 0,
    "lip_upper_inner_middle": 13,
    "lip_lower_inner_middle": 14,
    "lip_lower_outer_middle": 17,
    "chin": 152,
    "right_eye_outer": 33,
    "left_eye_outer": 263,
    "right_eye_inner": 133,
    "left_eye_inner": 362,
    "right_iris_centre": 468,
    "left_iris_centre": 473,
    "right_nose_ala": 64,
    "left_nose_ala": 294,
    "right_nostril": 98,
    "left_nostril": 327,
    "right_zygion": 234,
    "left_zygion": 454,
    "right_gonion": 172,
    "left_gonion": 397,
    "right_cheek": 50,
    "left_cheek": 280,
    "right_cheekbone": 116,
    "left_cheekbone": 345,
    "right_mouth_corner": 61,
    "left_mouth_corner": 291,
    "right_mouth_inner_corner": 78,
    "left_mouth_inner_corner": 308,
    **_paired(
        "eye_upper", (246, 161, 160, 159, 158, 157, 173), (466, 388, 387, 386, 385, 384, 398)
    ),
    **_paired("eye_lower", (7, 163, 144, 145, 153, 154, 155), (249, 390, 373, 374, 380, 381, 382)),
    # Outer, upper, inner and lower edge of the iris.
    **_paired("iris_edge", (471, 470, 469, 472), (474, 475, 476, 477)),
    **_paired("brow_upper", (70, 63, 105, 66, 107), (300, 293, 334, 296, 336)),
    **_paired("brow_lower", (46, 53, 52, 65, 55), (276, 283, 282, 295, 285)),
    **_paired("lip_upper_outer", (185, 40, 39, 37), (409, 270, 269, 267)),
    **_paired("lip_lower_outer", (146, 91, 181, 84), (375, 321, 405, 314)),
    **_paired("lip_upper_inner", (191, 80, 81, 82), (415, 310, 311, 312)),
    **_paired("lip_lower_inner", (95, 88, 178, 87), (324, 318, 402, 317)),
    **_paired("forehead", (108, 69, 104), (337, 299, 333)),
    **_paired(
        "outline",
        (109, 67, 103, 54, 21, 162, 127, 93, 132, 58, 136, 150, 149, 176, 148),
        (338, 297, 332, 284, 251, 389, 356, 323, 361, 288, 365, 379, 378, 400, 377),
    ),
}

# Bone under thin skin: what stays put when the expression moves. The places are those of the
# canonical face in MediaPipe's bundle, so "frontal" means as that face looks.
RIGID_CM: dict[str, tuple[float, float, float]] = {
    "nasion": (0.000, 3.271, 5.236),
    "nose_bridge_1": (0.000, 2.473, 5.789),
    "nose_bridge_2": (0.000, 1.728, 6.317),
    "nose_bridge_3": (0.000, 1.059, 6.775),
    "glabella": (0.000, 4.886, 5.385),
    "right_eye_outer": (-4.446, 2.664, 3.173),
    "left_eye_outer": (4.446, 2.664, 3.173),
    "right_eye_inner": (-1.856, 2.585, 3.758),
    "left_eye_inner": (1.856, 2.585, 3.758),
    "forehead_middle": (0.000, 6.545, 5.027),
    "subnasale": (0.000, -2.089, 6.058),
    "right_nose_ala": (-1.592, -1.258, 5.457),
    "left_nose_ala": (1.592, -1.258, 5.457),
    "right_forehead_1": (-1.620, 6.599, 4.921),
    "left_forehead_1": (1.620, 6.599, 4.921),
    "right_forehead_2": (-3.064, 6.566, 4.530),
    "left_forehead_2": (3.064, 6.566, 4.530),
    "right_forehead_3": (-4.539, 6.320, 3.683),
    "left_forehead_3": (4.539, 6.320, 3.683),
    "right_zygion": (-7.664, 0.673, -2.436),
    "left_zygion": (7.664, 0.673, -2.436),
    "right_cheekbone": (-6.465, 0.937, 1.690),
    "left_cheekbone": (6.465, 0.937, 1.690),
}
