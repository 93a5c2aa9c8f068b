"""All manipulations by name."""

from featurize.synthesis.manipulations.autoencoder import AutoencoderLook
from featurize.synthesis.manipulations.blinks import AbsentBlinks
from featurize.synthesis.manipulations.expression_transfer import ExpressionTransfer
from featurize.synthesis.manipulations.face_swap import FaceSwap
from featurize.synthesis.manipulations.lower_face import LowerFace
from featurize.synthesis.manipulations.manipulation import Manipulation
from featurize.synthesis.manipulations.portrait import GeneratedPortrait
from featurize.synthesis.manipulations.self_blended import SelfBlended
from featurize.synthesis.manipulations.smoothed_motion import SmoothedMotion

MANIPULATIONS: dict[str, type[Manipulation]] = {
    kind.name: kind
    for kind in (
        FaceSwap,
        SelfBlended,
        AutoencoderLook,
        LowerFace,
        ExpressionTransfer,
        AbsentBlinks,
        SmoothedMotion,
        GeneratedPortrait,
    )
}
"""By the name that the column ``method`` bears after ``pseudo-``."""
