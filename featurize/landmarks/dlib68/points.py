"""Which number is which place of the face in dlib's 68 points, and where it is on an average face.

The 68 points are those of Multi-PIE and 300-W (Sagonas et al. 2016). A point has the name of the
point of MediaPipe's mesh that lies nearest, where that is the same place: measured on frontal
frames of six real clips, on average within 0.03 interocular distances for eyes, nose and most of
the mouth, 0.05 for the sides of the lips and the inner corners of mouth and eyes, 0.08 for brows,
jaw, zygion and gonion. What has no counterpart has a name of its own: ``jaw_1`` and ``jaw_2``
between zygion and gonion, ``nostril_sill`` between nostril and subnasale. There are no irises, no
forehead, no cheeks and no wings of the nose (dlib's outer points of the nose are the nostrils), and
of each lid of an eye only two points.

Along the jaw the points are where the face ends in the picture, not where a place on the skin is.
"""

AVERAGE_FACE_CM: dict[str, tuple[float, float, float]] = {
    "right_outline_7": (-7.73, 2.18, -1.23),
    "right_zygion": (-7.50, 0.11, -0.91),
    "right_jaw_1": (-7.15, -1.93, -0.49),
    "right_jaw_2": (-6.79, -3.84, 0.03),
    "right_gonion": (-6.08, -5.65, 0.28),
    "right_outline_11": (-4.96, -7.20, 0.96),
    "right_outline_13": (-3.46, -8.27, 2.78),
    "right_outline_14": (-1.82, -9.07, 4.09),
    "chin": (0.00, -9.34, 4.38),
    "left_outline_14": (1.82, -9.07, 4.09),
    "left_outline_13": (3.46, -8.27, 2.78),
    "left_outline_11": (4.96, -7.20, 0.96),
    "left_gonion": (6.08, -5.65, 0.28),
    "left_jaw_2": (6.79, -3.84, 0.03),
    "left_jaw_1": (7.15, -1.93, -0.49),
    "left_zygion": (7.50, 0.11, -0.91),
    "left_outline_7": (7.73, 2.18, -1.23),
    "right_brow_upper_1": (-5.78, 3.86, 2.87),
    "right_brow_upper_2": (-4.80, 4.72, 3.85),
    "right_brow_upper_3": (-3.45, 5.02, 4.63),
    "right_brow_upper_4": (-2.15, 4.95, 5.06),
    "right_brow_lower_5": (-0.99, 4.55, 5.21),
    "left_brow_lower_5": (0.99, 4.55, 5.21),
    "left_brow_upper_4": (2.15, 4.95, 5.06),
    "left_brow_upper_3": (3.45, 5.02, 4.63),
    "left_brow_upper_2": (4.80, 4.72, 3.85),
    "left_brow_upper_1": (5.78, 3.86, 2.87),
    "nasion": (0.00, 3.24, 5.21),
    "nose_bridge_2": (0.00, 1.98, 6.17),
    "nose_bridge_3": (0.00, 0.73, 6.92),
    "nose_tip": (0.00, -0.53, 7.57),
    "right_nostril": (-1.16, -1.55, 5.58),
    "right_nostril_sill": (-0.52, -1.91, 5.94),
    "subnasale": (0.00, -2.11, 6.25),
    "left_nostril_sill": (0.52, -1.91, 5.94),
    "left_nostril": (1.16, -1.55, 5.58),
    "right_eye_outer": (-4.40, 2.64, 3.23),
    "right_eye_upper_3": (-3.50, 2.96, 3.74),
    "right_eye_upper_5": (-2.66, 2.96, 3.86),
    "right_eye_inner": (-2.03, 2.55, 3.71),
    "right_eye_lower_5": (-2.81, 2.31, 3.78),
    "right_eye_lower_3": (-3.66, 2.36, 3.62),
    "left_eye_inner": (2.03, 2.55, 3.71),
    "left_eye_upper_5": (2.66, 2.96, 3.86),
    "left_eye_upper_3": (3.50, 2.96, 3.74),
    "left_eye_outer": (4.40, 2.64, 3.23),
    "left_eye_lower_3": (3.66, 2.36, 3.62),
    "left_eye_lower_5": (2.81, 2.31, 3.78),
    "right_mouth_corner": (-2.41, -4.38, 4.25),
    "right_lip_upper_outer_3": (-1.55, -3.75, 5.24),
    "right_lip_upper_outer_4": (-0.63, -3.47, 5.79),
    "lip_upper_outer_middle": (0.00, -3.63, 5.86),
    "left_lip_upper_outer_4": (0.63, -3.47, 5.79),
    "left_lip_upper_outer_3": (1.55, -3.75, 5.24),
    "left_mouth_corner": (2.41, -4.38, 4.25),
    "left_lip_lower_outer_3": (1.50, -4.86, 5.06),
    "left_lip_lower_outer_4": (0.65, -5.13, 5.48),
    "lip_lower_outer_middle": (0.00, -5.20, 5.57),
    "right_lip_lower_outer_4": (-0.65, -5.13, 5.48),
    "right_lip_lower_outer_3": (-1.50, -4.86, 5.06),
    "right_mouth_inner_corner": (-1.98, -4.31, 4.26),
    "right_lip_upper_inner_4": (-0.61, -4.08, 5.25),
    "lip_upper_inner_middle": (0.00, -4.13, 5.35),
    "left_lip_upper_inner_4": (0.61, -4.08, 5.25),
    "left_mouth_inner_corner": (1.98, -4.31, 4.26),
    "left_lip_lower_inner_4": (0.65, -4.33, 5.33),
    "lip_lower_inner_middle": (0.00, -4.40, 5.42),
    "right_lip_lower_inner_4": (-0.65, -4.33, 5.33),
}
"""Where each point is on an average frontal face: to the subject's left, up, out of the face, in
centimetres. In the order of the numbers. Read off the canonical face of MediaPipe's bundle, at the
place where the points of both schemes were measured to lie against each other."""

POINTS: dict[str, int] = {name: number for number, name in enumerate(AVERAGE_FACE_CM)}

RIGID_CM: dict[str, tuple[float, float, float]] = {
    name: place
    for name, place in AVERAGE_FACE_CM.items()
    if name.endswith(("eye_outer", "eye_inner", "outline_7"))
    or name.startswith(("nasion", "nose_", "subnasale"))
    or "nostril" in name
}
"""What stays put when the expression moves: corners of the eyes, the nose, and the upper ends of
the outline by the ears. Without the ears, yaw and pitch follow those of MediaPipe's mesh less well:
on eight real clips the median correlations are 0.65 and 0.66 instead of 0.84 and 0.75."""
