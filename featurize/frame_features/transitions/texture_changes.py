"""How much measures of texture change from one frame to the next.

The measures are those of :mod:`featurize.frame_features.texture`, read in both frames at the same
places of the face, so that what changes are pixels and not masks. NaN as for these, and as for
:mod:`featurize.frame_features.transitions.differences`.
"""

import math

from featurize.declaration import PixelSignal, pair_signal
from featurize.frame_features.texture.residual import residual_correlation
from featurize.frame_features.texture.sharpness import (
    noise_inner_levels,
    sharpness_inner_to_ring_db,
    sharpness_mouth_to_inner_db,
)
from featurize.frame_features.texture.spectrum import spectrum_top_deviation_db
from featurize.frame_features.texture.zones import ROUNDING_VARIANCE, ratio_db
from featurize.frame_features.transitions.face_pair import FacePair

_CONFOUNDERS = (
    *("motion blur", "frame rate", "quality that differs from frame to frame", "focus"),
    *("expression", "face size"),
)


def _change(pair: FacePair, signal: PixelSignal) -> float:
    if not pair.is_known:
        return math.nan
    return abs(signal.read(pair.second) - signal.read(pair.first))


def _pair_reference(signal: PixelSignal) -> str:
    return f"{signal.reference}; from frame to frame"


@pair_signal(
    unit=spectrum_top_deviation_db.unit,
    reference=_pair_reference(spectrum_top_deviation_db),
    confounded_by=_CONFOUNDERS,
)
def change_of_spectrum_top_db(pair: FacePair) -> float:
    """Absolute change of the inner face's highest frequencies from frame to frame.

    Of how far they lie above the power law of the lower ones.
    """
    return _change(pair, spectrum_top_deviation_db)


@pair_signal(
    unit=residual_correlation.unit,
    reference=_pair_reference(residual_correlation),
    confounded_by=_CONFOUNDERS,
)
def change_of_residual_correlation(pair: FacePair) -> float:
    """Absolute change of how neighbouring noise residuals correlate from frame to frame.

    Of the correlation of a pixel's residual with that of the next one, over the inner face.
    """
    return _change(pair, residual_correlation)


@pair_signal(
    unit="dB",
    reference=_pair_reference(sharpness_inner_to_ring_db),
    confounded_by=_CONFOUNDERS,
)
def change_of_sharpness_inner_to_ring_db(pair: FacePair) -> float:
    """Absolute change of the inner face's sharpness against its border's from frame to frame.

    Of ``10 log10`` of the ratio of mean squared Laplacians.
    """
    return _change(pair, sharpness_inner_to_ring_db)


@pair_signal(
    unit="dB",
    reference=_pair_reference(sharpness_mouth_to_inner_db),
    confounded_by=("speech", *_CONFOUNDERS),
)
def change_of_sharpness_mouth_to_inner_db(pair: FacePair) -> float:
    """Absolute change of the mouth's sharpness against the inner face's from frame to frame.

    Of ``10 log10`` of the ratio of mean squared Laplacians.
    """
    return _change(pair, sharpness_mouth_to_inner_db)


@pair_signal(unit="dB", reference=_pair_reference(noise_inner_levels), confounded_by=_CONFOUNDERS)
def change_of_noise_inner_db(pair: FacePair) -> float:
    """Absolute change of the inner face's noise from frame to frame.

    ``20 log10`` of the standard deviations' ratio, without its sign.
    """
    if not pair.is_known:
        return math.nan
    one, other = (noise_inner_levels.read(view) for view in (pair.second, pair.first))
    return abs(ratio_db(one**2, other**2, ROUNDING_VARIANCE))
