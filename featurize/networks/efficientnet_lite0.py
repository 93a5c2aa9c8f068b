"""EfficientNet-Lite0: what a network that learnt to name things sees in a face and around it."""

from featurize.assets import EFFICIENTNET_LITE0, locate
from featurize.errors import OptionError
from featurize.networks.device import load_torch, torch_device
from featurize.networks.facts import NetworkFacts
from featurize.networks.torch_network import TorchNetwork

MIN_FACE_WIDTH_PX = 64.0
"""Narrower faces have no crop.

Measured as for :data:`featurize.networks.dlib_resnet.MIN_FACE_WIDTH_PX`: a face moves by 2.9
(median) from where it was when it is shrunk to 120 px, by 3.7 at 96 px, 4.5 at 80 px, 5.8 at 64 px,
7.5 at 48 px, 10.1 at 30 px, 12.3 at 20 px. Crops of different people are 13.3 apart (median), those
of one person in two frames of a clip 6.2. So from 64 px on half the frames move less than two
frames of a clip differ, and less than half the way to another person; 94 in 100 nearest crops of
another frame were the same person's, 84 at 48 px, 67 at 30 px. The network reads detail, and detail
is what goes: the more the faces of a table differ in size, the more of these features is size.
"""

FACTS = NetworkFacts("efficientnet_lite0", 1280, EFFICIENTNET_LITE0.sha256, "efficientnet-lite0")

# As in training (tensorflow/tpu, efficientnet/lite/efficientnet_lite_builder.py). The package's
# example has ImageNet's mean and deviation; with these the network is surer of what it sees.
_MEAN, _SCALE = 127.0, 128.0


def efficientnet_lite0(device: str = "auto") -> TorchNetwork:
    """The network up to its last feature map, averaged over the picture.

    Trained on ImageNet by Tan and Le (2019; the Lite variant by Liu, 2020), not on faces.

    Parameters
    ----------
    device : str
        One of :data:`featurize.networks.device.DEVICES`.

    Raises
    ------
    OptionError
        When PyTorch or the package with the architecture is missing, or there is no such device.
    ModelFileError
        When the file with the weights is missing or damaged.
    """
    torch = load_torch()
    chosen = torch_device(device)
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise OptionError(
            'efficientnet-lite0 needs its architecture: pip install "deepfake-biometrics[cnn]" '
            f"({error})."
        ) from error
    weights = torch.load(locate(EFFICIENTNET_LITE0), map_location="cpu", weights_only=True)
    model = EfficientNet.from_name(FACTS.spec)
    model.load_state_dict(weights)
    model = model.eval().to(chosen, memory_format=torch.channels_last)

    def compute(pictures: torch.Tensor) -> torch.Tensor:
        # Colours last in memory halve the time of the convolutions.
        levels = (pictures * 255).contiguous(memory_format=torch.channels_last)
        return model.extract_features((levels - _MEAN) / _SCALE).mean((2, 3))

    return TorchNetwork(FACTS, compute, chosen, MIN_FACE_WIDTH_PX, ("efficientnet_lite_pytorch",))
