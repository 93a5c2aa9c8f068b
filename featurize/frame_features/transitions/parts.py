"""Parts of the face that only transitions tell apart: the eyes, and the skin without features."""

import numpy as np

from featurize.frame_features.face_view import FaceView
from featurize.frame_features.texture.zones import INNER_FROM_IOD, Zone, zone

_EYES_ENLARGED = 1.5
_LEFT_OUT_ENLARGED = 1.25
MIN_EYES_PX = 100


def eyes(view: FaceView) -> Zone:
    """Both eyes with their lids."""
    mask = np.zeros(view.size_px[::-1], bool)
    for side in ("left_", "right_"):
        mask |= _around(view, side, ("eyes",), _EYES_ENLARGED)
    return zone(view, mask, least_share=0.9, least_px=MIN_EYES_PX)


def skin(view: FaceView) -> Zone:
    """The inner face without eyes, brows and mouth: cheeks, nose and chin."""
    mask = view.inside_iod > INNER_FROM_IOD
    mask &= ~_around(view, "", ("mouth",), _LEFT_OUT_ENLARGED)
    for side in ("left_", "right_"):
        mask &= ~_around(view, side, ("eyes", "brows"), _LEFT_OUT_ENLARGED)
    return zone(view, mask, least_share=0.9)


def _around(view: FaceView, side: str, regions: tuple[str, ...], enlarged: float) -> np.ndarray:
    """Mask of the hull of named points of one side, enlarged from its middle."""
    points = view.at(
        name for region in regions for name in view.schema.regions[region] if name.startswith(side)
    )
    middle = points.mean(axis=0)
    return view.filled(middle + enlarged * (points - middle))
