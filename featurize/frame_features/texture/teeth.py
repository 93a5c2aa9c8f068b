"""What an open mouth shows: teeth have edges, which generators draw as one white strip.

All are NaN where the mouth is open by less than 0.06 interocular distances or shows fewer than 60
pixels between the lips, where it lies beside the picture, or the face is smaller than 32 pixels
between the eyes.
"""

import math

import cv2
import numpy as np

from featurize.declaration import pixel_signal
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.texture.sharpness import detail_ratio_db
from featurize.frame_features.texture.zones import MIN_IOD_PX, Zone, inner, zone

LEAST_OPEN_IOD = 0.06
MIN_MOUTH_PX = 60

_REFERENCE = "Matern et al. 2019 (teeth as a white blob), as detail between the lips"
_CONFOUNDERS = ("mouth opening", "face size", "compression", "light in the mouth", "motion blur")


def _open_mouth(view: FaceView) -> Zone | None:
    """What is seen between the lips, without a pixel along them."""
    upper, lower = view.at(("lip_upper_inner_middle", "lip_lower_inner_middle"))
    gap_px = float(np.linalg.norm(lower - upper))
    if view.iod_px < MIN_IOD_PX or gap_px < LEAST_OPEN_IOD * view.iod_px:
        return None
    lips = view.at(name for name in view.schema.regions["mouth"] if "inner" in name)
    part = zone(view, view.filled(lips), least_share=1.0, least_px=MIN_MOUTH_PX)
    if not part.n_pixels:
        return None
    # The mask fills its box, and what is beside the box does not belong to it.
    eroded = cv2.erode(np.pad(part.mask, 1), np.ones((3, 3), np.uint8))
    within = Zone(part.box, np.ascontiguousarray(eroded[1:-1, 1:-1]))
    return within if within.n_pixels >= MIN_MOUTH_PX else None


@pixel_signal(unit="dB", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def teeth_detail_db(view: FaceView) -> float:
    """Detail between the lips over that of the inner face.

    ``10 log10`` of the mean squared Laplacian inside the inner contour of the lips, without a pixel
    along it, over that of the inner face.
    """
    between_lips = view.derived(_open_mouth)
    if between_lips is None:
        return math.nan
    return detail_ratio_db(view, between_lips, view.derived(inner))
