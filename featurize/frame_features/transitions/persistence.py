"""Whether the finest detail of one frame is there again in the next, and what it sticks to.

A camera's noise is another one in every frame. Pores, hair and painted texture stick to the face;
what is laid over the picture, or what a codec has copied from the frame before, sticks to the
screen. NaN as for :mod:`featurize.frame_features.transitions.differences`, and where a part has no
detail.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np

from featurize.declaration import pair_signal
from featurize.frame_features.texture.sharpness import IMMERKAER
from featurize.frame_features.texture.zones import Zone, around, inner
from featurize.frame_features.transitions.face_pair import FacePair
from featurize.frame_features.transitions.parts import eyes, skin

_REFERENCE = "after Cozzolino et al. 2019 (noise residuals over time), by Immerkær's filter of 1996"
_CONFOUNDERS = (
    *("compression", "blocks copied by the codec", "temporal denoising", "camera noise", "blur"),
    *("frame rate", "face size"),
)


def _fine(luma: np.ndarray) -> np.ndarray:
    return cv2.filter2D(luma, cv2.CV_32F, IMMERKAER)


def _fine_now(pair: FacePair) -> np.ndarray:
    return _fine(pair.second.luma)


def _fine_followed(pair: FacePair) -> np.ndarray:
    return _fine(pair.followed)


def _fine_standing(pair: FacePair) -> np.ndarray:
    return _fine(pair.standing)


def _correlation(
    pair: FacePair, part: Zone, fine_before: Callable[[FacePair], np.ndarray]
) -> float:
    if not part.n_pixels:
        return math.nan
    one, other = (part.of(pair.derived(fine)) for fine in (fine_before, _fine_now))
    one, other = one - one.mean(), other - other.mean()
    # Sums of products, not products of vectors: these are summed by threads, each time otherwise.
    size = math.sqrt(float(np.sum(one**2)) * float(np.sum(other**2)))
    return float(np.sum(one * other)) / size if size > 0 else math.nan


def _held(pair: FacePair, part: Zone) -> float:
    return _correlation(pair, part, _fine_followed)


def _held_of_inner(pair: FacePair) -> float:
    return _held(pair, pair.zone(inner))


def _grip(pair: FacePair, part: Zone) -> float:
    return _held(pair, part) - _correlation(pair, part, _fine_standing)


@pair_signal(unit="1", reference=_REFERENCE, confounded_by=("beard", "make-up", *_CONFOUNDERS))
def held_inner(pair: FacePair) -> float:
    """How much of the finest detail of the inner face is there again in the next frame.

    Correlation of the pixels of both frames after Immerkær's filter, moved with the face: 0 for
    noise, 1 for a face that only moves.
    """
    return pair.derived(_held_of_inner)


@pair_signal(
    unit="1", reference=_REFERENCE, confounded_by=("beard", "hair and background", *_CONFOUNDERS)
)
def held_inner_less_around(pair: FacePair) -> float:
    """Difference in how much of the finest detail is there again, of the inner face less around it.

    Correlations as for the inner face alone.
    """
    return pair.derived(_held_of_inner) - _held(pair, pair.zone(around))


@pair_signal(unit="1", reference=_REFERENCE, confounded_by=("how far it moves", *_CONFOUNDERS))
def grip_skin(pair: FacePair) -> float:
    """Whether the finest detail of the skin moves with the face or stays on the screen.

    Correlation as for what is there again, less the same without moving: positive for what sticks
    to a face that moves, negative for what sticks to the screen, 0 for noise and for a face that
    keeps still.
    """
    return _grip(pair, pair.zone(skin))


@pair_signal(unit="1", reference=_REFERENCE, confounded_by=("how far they move", *_CONFOUNDERS))
def grip_eyes(pair: FacePair) -> float:
    """Whether the finest detail of the eyes moves with the face or stays on the screen.

    Difference of two correlations, as for the skin.
    """
    return _grip(pair, pair.zone(eyes))


@pair_signal(unit="1", reference=_REFERENCE, confounded_by=("background", *_CONFOUNDERS))
def grip_around(pair: FacePair) -> float:
    """Whether the finest detail around the face moves with what it shows or stays on the screen.

    Difference of two correlations, as for the skin.
    """
    return _grip(pair, pair.zone(around))
