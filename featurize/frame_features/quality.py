"""How good the picture of a face and what is next to it is, whoever it shows.

What can be measured of a face depends on these first; they tell the source of a clip, not its
truth. Read off the face and its surroundings together, so that a face that was put in counts for no
more than its share.
"""

import math

import cv2
import numpy as np

from featurize.declaration import pixel_signal
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.texture.sharpness import IMMERKAER

MIN_PIXELS = 256
"""Of fewer pixels inside the picture nothing is said."""

BLOCK_PX = 8
"""Side of the blocks of codecs, which begin at the corner of the picture."""

_BLUR_WIDTH = 9
_SMALLEST_SIDE = 3
# Mean of the lower half of the absolute values of a normal variable of deviation 1.
_LOWER_HALF = 0.324662


@pixel_signal(
    unit="1",
    reference="Crete et al. 2007, blur metric, over a window of 9 pixels",
    confounded_by=("skin and hair", "depth of field", "motion", "upscaling"),
)
def blur(view: FaceView) -> float:
    """Blur: share of the change between neighbouring pixels that is left after more blurring.

    ``sum(min(d, d_blurred)) / sum(d)`` with ``d`` the absolute differences of neighbours along one
    axis and ``d_blurred`` those after a mean of 9 pixels along it; the higher of both axes, from 0
    (sharp) to 1. NaN where nothing changes along one of them.
    """
    luma, _ = _inside(view)
    if luma.size < MIN_PIXELS:
        return math.nan
    shares = []
    for axis, size in ((0, (1, _BLUR_WIDTH)), (1, (_BLUR_WIDTH, 1))):
        change, left = _changes(luma, axis), _changes(cv2.blur(luma, size), axis)
        total = cv2.sumElems(change)[0]
        if total == 0:
            return math.nan
        shares.append(cv2.sumElems(cv2.min(change, left))[0] / total)
    return max(shares)


@pixel_signal(
    unit="1",
    reference=(
        "after Wang, Sheikh & Bovik 2002: differences across the borders of 8 x 8 blocks, here "
        "against those inside blocks, as a logarithm"
    ),
    confounded_by=("codec", "deblocking", "rescaling after compression", "faces over 512 pixels"),
)
def blockiness(view: FaceView) -> float:
    """Blockiness: how much more neighbours differ across the grid of the codec than elsewhere.

    ``log2((mean |d| across the grid + 0.1) / (mean |d| elsewhere + 0.1))``, with ``d`` in levels
    along both axes; 0 where there are no blocks. The grid is that of 8 pixels from the corner of
    the picture: a grid that was shifted or scaled since is not seen. NaN for faces so large that a
    block is one pixel of the view.
    """
    pitch = BLOCK_PX // view.shrink
    if pitch < 2:
        return math.nan
    luma, corner = _inside(view)
    if luma.size < MIN_PIXELS:
        return math.nan
    on_grid, elsewhere = [], []
    for axis in (0, 1):
        change = _changes(luma, axis).mean(axis=1 - axis, dtype=np.float64)
        is_border = (corner[1 - axis] + 1 + np.arange(len(change))) % pitch == 0
        on_grid.append(change[is_border])
        elsewhere.append(change[~is_border])
    means = [np.concatenate(changes) for changes in (on_grid, elsewhere)]
    if not all(map(len, means)):
        return math.nan
    return math.log2((means[0].mean() + 0.1) / (means[1].mean() + 0.1))


@pixel_signal(
    unit="levels",
    reference="Immerkær 1996, with the lower half of the absolute values instead of all",
    confounded_by=("compression", "blur", "hair and beard", "bright or dark light"),
)
def noise_sigma_levels(view: FaceView) -> float:
    """Standard deviation of the noise of single pixels.

    Luma is filtered with the mask (1 -2 1; -2 4 -2; 1 -2 1), to which smooth shading is nothing.
    The mean of the lower half of the absolute values, over 6 * 0.3247, is the deviation of white
    noise; hair and edges are in the upper half.
    """
    luma, _ = _inside(view)
    if luma.size < MIN_PIXELS:
        return math.nan
    values = np.abs(cv2.filter2D(luma, cv2.CV_32F, IMMERKAER)[1:-1, 1:-1]).ravel()
    half = values.size // 2
    return float(np.partition(values, half)[:half].mean()) / (6 * _LOWER_HALF)


@pixel_signal(
    unit="levels",
    reference="mean luma, as exposure",
    confounded_by=("skin colour", "light"),
)
def face_luma_levels(view: FaceView) -> float:
    """Mean luma of the face.

    From 0 (black) to 255, over the face from jaw to brows.
    """
    levels = view.derived(_on_face)
    return float(levels.mean()) if len(levels) else math.nan


@pixel_signal(
    unit="levels",
    reference="root mean square contrast (Peli 1990), not divided by the mean",
    confounded_by=("light from the side", "beard", "skin colour"),
)
def face_contrast_levels(view: FaceView) -> float:
    """Standard deviation of the luma of the face.

    In levels of 0 to 255, over the face from jaw to brows.
    """
    levels = view.derived(_on_face)
    return float(levels.std()) if len(levels) else math.nan


def _on_face(view: FaceView) -> np.ndarray:
    return view.luma[view.face & view.in_picture]


def _inside(view: FaceView) -> tuple[np.ndarray, tuple[int, int]]:
    """The part of the luma that is inside the picture, and which pixel of it is the first."""
    rows, columns = view.picture_box
    if min(part.stop - part.start for part in (rows, columns)) < _SMALLEST_SIDE:
        return np.empty((0, 0), np.float32), view.corner
    corner = view.corner[0] + columns.start, view.corner[1] + rows.start
    return view.luma[rows, columns], corner


def _changes(luma: np.ndarray, axis: int) -> np.ndarray:
    """Absolute differences of neighbours along an axis."""
    if axis == 0:
        return cv2.absdiff(luma[1:], luma[:-1])
    return cv2.absdiff(luma[:, 1:], luma[:, :-1])
