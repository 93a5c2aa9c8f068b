"""How much of a face is another one in the next frame, once its motion is taken out.

A face that is drawn anew for every frame flickers where a filmed one only moves. Whether a part
changes much is told against another part of the same two frames, which went through the same camera
and the same compression. All are NaN where a part has too few pixels or is cut by the picture's
border, the face is smaller than 32 pixels between the eyes, the frames are more than 0.125 s apart,
or the second is the first shown again.
"""

import math

import cv2
import numpy as np

from featurize.declaration import pair_signal
from featurize.frame_features.texture.zones import (
    ROUNDING_VARIANCE,
    Zone,
    around,
    inner,
    mouth,
    ratio_db,
    ring,
)
from featurize.frame_features.transitions.face_pair import FacePair
from featurize.frame_features.transitions.parts import eyes, skin

DETAIL_IOD = 0.2
"""What is called detail is what is left of a picture without its mean over such squares."""

SMALLEST_MOVE_PX = 0.02
"""What the flow cannot tell from no motion; added to both sides of ratios, squared."""

_REFERENCE = "after Gu et al. 2021 (inconsistency in space and time), motion compensated"
_CONFOUNDERS = (
    *("frame rate", "motion blur", "occlusion by turning", "expression", "compression"),
    *("blended or interpolated frames", "face size"),
)


def _squares(pair: FacePair) -> np.ndarray:
    return pair.residual**2


def _mean_square(pair: FacePair, part: Zone) -> float:
    return part.mean(pair.derived(_squares))


def _ratio(pair: FacePair, one: Zone, other: Zone) -> float:
    if not one.n_pixels or not other.n_pixels:
        return math.nan
    return ratio_db(_mean_square(pair, one), _mean_square(pair, other), ROUNDING_VARIANCE)


@pair_signal(unit="levels", reference=_REFERENCE, confounded_by=("camera noise", *_CONFOUNDERS))
def residual_inner_levels(pair: FacePair) -> float:
    """Change of the inner face from frame to frame that motion does not explain.

    ``sqrt(pi / 2)`` times the mean absolute residual, in levels of 255: ``sqrt(2) s`` for noise of
    standard deviation s, 0 for a face that only moves.
    """
    part = pair.zone(inner)
    if not part.n_pixels:
        return math.nan
    return math.sqrt(math.pi / 2) * part.mean(np.abs(pair.residual))


@pair_signal(unit="dB", reference=_REFERENCE, confounded_by=("background", *_CONFOUNDERS))
def residual_inner_to_around_db(pair: FacePair) -> float:
    """Unexplained change of the inner face over that of what is around the face.

    ``10 log10`` of the mean squared residuals.
    """
    return _ratio(pair, pair.zone(inner), pair.zone(around))


@pair_signal(unit="dB", reference=_REFERENCE, confounded_by=("background", *_CONFOUNDERS))
def residual_ring_to_inner_db(pair: FacePair) -> float:
    """Unexplained change at the border of the face over that of the inner face.

    ``10 log10`` of the mean squared residuals, within 0.08 interocular distances of the contour and
    0.12 or more inside it: a mask that is blended in anew for every frame trembles.
    """
    return _ratio(pair, pair.zone(ring), pair.zone(inner))


@pair_signal(unit="dB", reference=_REFERENCE, confounded_by=("blinks", "glasses", *_CONFOUNDERS))
def residual_eyes_to_inner_db(pair: FacePair) -> float:
    """Unexplained change of the eyes over that of the inner face.

    ``10 log10`` of the mean squared residuals, in the contours of the lids enlarged by half.
    """
    return _ratio(pair, pair.zone(eyes), pair.zone(inner))


@pair_signal(unit="dB", reference=_REFERENCE, confounded_by=("speech", "beard", *_CONFOUNDERS))
def residual_mouth_to_inner_db(pair: FacePair) -> float:
    """Unexplained change of the mouth over that of the inner face.

    ``10 log10`` of the mean squared residuals, in the outer contour of the lips enlarged by a
    quarter.
    """
    return _ratio(pair, pair.zone(mouth), pair.zone(inner))


def _detail(pair: FacePair) -> np.ndarray:
    """Squared detail of the second frame."""
    side = 2 * round(DETAIL_IOD * pair.second.iod_px / 2) + 1
    luma = pair.second.luma
    return (luma - cv2.blur(luma, (side, side))) ** 2


def _unexplained_db(pair: FacePair, part: Zone) -> float:
    if not part.n_pixels:
        return math.nan
    detail = part.mean(pair.derived(_detail))
    return ratio_db(_mean_square(pair, part), detail, ROUNDING_VARIANCE)


@pair_signal(unit="dB", reference=_REFERENCE, confounded_by=("head motion", "beard", *_CONFOUNDERS))
def unexplained_skin_db(pair: FacePair) -> float:
    """Share of the skin's detail that is another one in the next frame.

    ``10 log10`` of the mean squared residual over the mean square of the detail: of luma less its
    mean over squares of 0.2 interocular distances. The skin is the inner face without eyes, brows
    and mouth. Does not change with contrast.
    """
    return _unexplained_db(pair, pair.zone(skin))


@pair_signal(unit="dB", reference=_REFERENCE, confounded_by=("head motion", "hair", *_CONFOUNDERS))
def unexplained_ring_db(pair: FacePair) -> float:
    """Share of the detail at the border of the face that is another one in the next frame.

    As for the skin, within 0.08 interocular distances of the contour.
    """
    return _unexplained_db(pair, pair.zone(ring))


@pair_signal(
    unit="%",
    reference="after Gu et al. 2021 (inconsistency in space and time), of brightness",
    confounded_by=("flickering light", "automatic exposure", "background", *_CONFOUNDERS),
)
def brightness_skin_to_around_percent(pair: FacePair) -> float:
    """Change of the skin's brightness against that of what is around the face.

    Absolute difference of the relative changes of mean luma from frame to frame, in percent; light
    that flickers on both alike is no difference. Of the first frame what was moved is compared.
    """
    parts = [pair.zone(part) for part in (skin, around)]
    if not all(part.n_pixels for part in parts):
        return math.nan
    changes = [
        math.log((part.mean(pair.second.luma) + 1) / (part.mean(pair.followed) + 1))
        for part in parts
    ]
    return 100 * abs(changes[0] - changes[1])


def _swim_px(pair: FacePair, part: Zone) -> float:
    """Root mean square of a part's flow less the affine motion that fits it best."""
    if not part.n_pixels:
        return math.nan
    rows, columns = np.nonzero(part.mask)
    flow = pair.flow_px[part.box][rows, columns].T.astype(np.float64)
    # Around their middle, so that the sums are the same wherever the part is.
    places = np.stack([np.ones(len(rows)), columns - columns.mean(), rows - rows.mean()])
    # Sums in one order: products of matrices are summed by threads.
    squares = np.einsum("in,jn->ij", places, places)
    fitted = np.linalg.solve(squares, np.einsum("in,jn->ij", places, flow))
    left = flow - np.einsum("in,ij->jn", places, fitted)
    return math.sqrt(np.mean(np.sum(left**2, axis=0)))


def _swim_of_skin(pair: FacePair) -> float:
    return _swim_px(pair, pair.zone(skin))


_SWIM_REFERENCE = "after Amerini et al. 2019 (optical flow fields), as what affine motion leaves"


@pair_signal(unit="iod/s", reference=_SWIM_REFERENCE, confounded_by=_CONFOUNDERS)
def swim_skin_iod_per_s(pair: FacePair) -> float:
    """Speed at which places of the skin move against each other.

    Root mean square of the optical flow less the affine motion of the whole skin, in interocular
    distances per second.
    """
    return pair.derived(_swim_of_skin) / max(pair.second.iod_px, 1.0) / pair.step_s


@pair_signal(unit="dB", reference=_SWIM_REFERENCE, confounded_by=("speech", *_CONFOUNDERS))
def swim_mouth_to_skin_db(pair: FacePair) -> float:
    """Motion inside the mouth over that inside the skin.

    ``20 log10`` of the root mean square of the optical flow less each part's own affine motion.
    """
    one, other = _swim_px(pair, pair.zone(mouth)), pair.derived(_swim_of_skin)
    return ratio_db(one**2, other**2, SMALLEST_MOVE_PX**2)
