"""Every degradation there is, by name, in a fixed order."""

from featurize.synthesis.degradations.codecs import H264, H265, MPEG4, VP9, DoubleCompression
from featurize.synthesis.degradations.degradation import Degradation
from featurize.synthesis.degradations.focus import Blur, Sharpen
from featurize.synthesis.degradations.geometry import Enlarging, Letterbox, Scaling
from featurize.synthesis.degradations.light import Brightness, Colour, Contrast
from featurize.synthesis.degradations.noise import Noise
from featurize.synthesis.degradations.occluder import Occluder
from featurize.synthesis.degradations.social_network import SocialNetwork
from featurize.synthesis.degradations.timing import DroppedFrames, FrameRate

DEGRADATIONS: dict[str, type[Degradation]] = {
    kind.name: kind
    for kind in (
        H264,
        H265,
        VP9,
        MPEG4,
        DoubleCompression,
        Scaling,
        Enlarging,
        FrameRate,
        DroppedFrames,
        Brightness,
        Contrast,
        Colour,
        Blur,
        Sharpen,
        Noise,
        Occluder,
        Letterbox,
        SocialNetwork,
    )
}
