"""A network that PyTorch runs on aligned crops."""

from collections.abc import Callable
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.schema import Schema
from featurize.networks.crops import (
    CROP_PADDING,
    aligned_width_px,
    crop_settings,
    face_crop,
)
from featurize.networks.device import CUDA_BATCH, computing, in_batches, load_torch
from featurize.networks.facts import NetworkFacts
from featurize.networks.failures import on_faces, refuse_not_finite

if TYPE_CHECKING:
    import torch


class TorchNetwork:
    """Crops through a function of tensors: on the CPU one at a time, on a GPU in batches.

    One at a time is fastest on one core, and what a face gives cannot depend on others.

    Parameters
    ----------
    facts : NetworkFacts
        Its name and size.
    compute : callable
        ``(n, 3, 224, 224)`` float32 in [0, 1], red first, to ``(n, n_dims)``, on the device.
    device : str
        ``"cpu"`` or ``"cuda"``.
    min_face_width_px : float
        Smallest face, see :func:`featurize.networks.crops.aligned_width_px`.
    packages : tuple of str
        Distributions besides PyTorch whose versions may change results.

    Attributes
    ----------
    facts : NetworkFacts
        As given.
    settings : dict
        All that changes its results.
    """

    def __init__(
        self,
        facts: NetworkFacts,
        compute: "Callable[[torch.Tensor], torch.Tensor]",
        device: str,
        min_face_width_px: float,
        packages: tuple[str, ...] = (),
    ) -> None:
        self.facts = facts
        self.settings: dict[str, object] = {
            "sha256": facts.sha256,
            **{package: metadata.version(package) for package in ("torch", *packages)},
            "device": device,
            **crop_settings(CROP_PADDING, min_face_width_px),
        }
        self._compute = compute
        self._device = device
        self._min_face_width_px = min_face_width_px

    def crop(self, frame: Frame, points_px: np.ndarray, schema: Schema) -> np.ndarray | None:
        """``(224, 224, 3)`` uint8; None for a face that is too small, or whose place is unknown."""
        if not aligned_width_px(points_px, schema) >= self._min_face_width_px:
            return None
        return face_crop(frame, points_px, schema)

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """``(n, 224, 224, 3)`` uint8 to ``(n, n_dims)`` float32.

        Raises
        ------
        NetworkFailedError
            When the network fails, or gives numbers that are not finite.
        """
        if len(crops) == 0:
            return np.empty((0, self.facts.n_dims), np.float32)
        return in_batches(self.embed_batch, crops, CUDA_BATCH if self._device == "cuda" else 1)

    def embed_batch(self, crops: np.ndarray) -> np.ndarray:
        """The same in one go, as a GPU does it."""
        torch = load_torch()
        with on_faces(self.facts.name), computing():
            channels_first = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))
            pictures = torch.from_numpy(channels_first).to(self._device).to(torch.float32)
            values = self._compute(pictures / 255).to("cpu", torch.float32).numpy()
            refuse_not_finite(values)
            return values
