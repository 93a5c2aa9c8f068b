"""A user's own network, as a TorchScript file.

Such a file is a program: PyTorch runs what is written in it. Use only files that you trust.
Nothing is unpickled, so a file that is no TorchScript is refused unread.
"""

import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from featurize.errors import ModelFileError, OptionError
from featurize.networks.crops import CROP_PX
from featurize.networks.device import computing, load_torch, torch_device
from featurize.networks.facts import NetworkFacts
from featurize.networks.failures import (
    FAULTS,
    BreachError,
    refuse_not_finite,
    what_failed,
)
from featurize.networks.torch_network import TorchNetwork

if TYPE_CHECKING:
    import torch

MAX_DIMS = 4096
"""Numbers per face: as many columns are made of them, twice."""

MIN_FACE_WIDTH_PX = 64.0
"""As for EfficientNet-Lite0, which reads the same crops."""

TOLERANCE = 1e-3
"""How far what a network says of a face may depend on the other faces of a batch: as a share of the
largest number it says."""

_NAME_CHARACTERS = 40


def torchscript_network(spec: str, device: str = "auto") -> TorchNetwork:
    """A network from a file, loaded and tried.

    The file holds a module saved by ``torch.jit.save`` that takes float32 ``(n, 3, 224, 224)``, red
    first, from 0 to 1, and gives ``(n, d)`` numbers, ``d`` at most :data:`MAX_DIMS`. What it gives
    for a face must not depend on chance or on the other faces of the batch.

    Parameters
    ----------
    spec : str
        Path of the file.
    device : str
        One of :data:`featurize.networks.device.DEVICES`.

    Raises
    ------
    OptionError
        When the file cannot be read, PyTorch is missing, or there is no such device.
    ModelFileError
        When the file is no TorchScript, or not of that kind.
    """
    load_torch()
    chosen = torch_device(device)
    try:
        found = Path(spec).stat()
    except OSError as error:
        raise _unreadable(spec, error) from error
    return _loaded(spec, found.st_size, found.st_mtime_ns, chosen)


@lru_cache
def _loaded(spec: str, _size: int, _mtime_ns: int, device: str) -> TorchNetwork:
    torch = load_torch()
    try:
        content = Path(spec).read_bytes()
    except OSError as error:
        raise _unreadable(spec, error) from error
    try:
        with warnings.catch_warnings():
            # Deprecated in PyTorch, but the format that users' files are in.
            warnings.simplefilter("ignore", DeprecationWarning)
            module = torch.jit.load(io.BytesIO(content), map_location=device).eval()
    except (RuntimeError, ValueError, torch.jit.Error) as error:
        raise ModelFileError(
            f"{spec} is not a TorchScript file: save the network with torch.jit.save. A pickle or "
            "a state_dict, as torch.save writes, is never loaded."
        ) from error
    network = _UserNetwork(module)
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{_plain(Path(spec).stem)}_{sha256[:8]}"
    try:
        n_dims = _tried(network, device)
    except FAULTS as error:
        raise ModelFileError(
            f"{spec} {what_failed(error)}: it must take float32 (n, 3, {CROP_PX}, {CROP_PX}), red "
            f"first, from 0 to 1, and give (n, d) numbers, d at most {MAX_DIMS}, each row by its "
            "picture alone; save it after .eval()."
        ) from error
    facts = NetworkFacts(name, n_dims, sha256, spec)
    return TorchNetwork(facts, network, device, MIN_FACE_WIDTH_PX)


def _unreadable(spec: str, error: OSError) -> OptionError:
    return OptionError(f"The network {spec} cannot be read: {error.strerror}.")


def _plain(stem: str) -> str:
    """As part of a column: single underscores, because two part its family from its signal."""
    plain = re.sub(r"[^a-z0-9]+", "_", stem.lower())[:_NAME_CHARACTERS].strip("_")
    return plain or "network"


@dataclass
class _UserNetwork:
    """The module of a file, whose every answer is looked at; ``n_dims`` is known from the first.

    It raises one of :data:`featurize.networks.failures.FAULTS`.
    """

    module: "torch.jit.ScriptModule"
    n_dims: int | None = None

    def __call__(self, pictures: "torch.Tensor") -> "torch.Tensor":
        torch = load_torch()
        try:
            values = self.module(pictures)
        except torch.jit.Error as error:  # what the module itself raises
            raise RuntimeError(str(error)) from error
        if not isinstance(values, torch.Tensor):
            raise BreachError(f"gives a {type(values).__name__}, not a tensor")
        shape = tuple(values.shape)
        if len(shape) != 2 or shape[0] != len(pictures) or not 1 <= shape[1] <= MAX_DIMS:
            raise BreachError(f"gives {shape} for {tuple(pictures.shape)}")
        if not values.is_floating_point():
            raise BreachError(f"gives {values.dtype}, not floating-point numbers")
        if self.n_dims not in (None, shape[1]):
            raise BreachError("does not always give as many numbers")
        self.n_dims = shape[1]
        return values.float()


def _tried(network: _UserNetwork, device: str) -> int:
    """Numbers per face, when the network keeps to the contract."""
    torch = load_torch()
    pictures = np.random.default_rng(0).random((4, 3, CROP_PX, CROP_PX), np.float32)
    pictures[2], pictures[3] = 0, 1
    batch = torch.from_numpy(pictures).to(device)
    with computing():
        # A network may write into what it is given.
        singles = [network(one.clone()) for one in batch.split(1)]
        again, together = network(batch[:1].clone()), network(batch.clone())
    alone = torch.cat(singles)
    for values in (alone, together):
        refuse_not_finite(values.cpu().numpy())
    if not torch.equal(again, singles[0]):
        raise BreachError("gives other numbers for the same picture each time")
    if (together - alone).abs().max() > TOLERANCE * alone.abs().max():
        raise BreachError("gives numbers that depend on the other pictures of the batch")
    return alone.shape[1]
