"""The door to the networks: by name, or by the path of a TorchScript file."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from featurize.errors import OptionError
from featurize.frame import Frame
from featurize.landmarks.schema import Schema
from featurize.networks import blending_lite0, dlib_resnet, efficientnet_lite0
from featurize.networks.facts import NetworkFacts
from featurize.networks.torchscript import torchscript_network


class Network(Protocol):
    """Turns faces into numbers, each face by itself.

    Attributes
    ----------
    facts : NetworkFacts
        Its name and size.
    settings : dict
        All that changes its results: digest of the weights, versions of packages, device
        (``"cpu"`` or ``"cuda"``), alignment.
    """

    facts: NetworkFacts
    settings: dict[str, object]

    def crop(self, frame: Frame, points_px: np.ndarray, schema: Schema) -> np.ndarray | None:
        """The picture that it reads of a face.

        Parameters
        ----------
        frame : Frame
            A frame of the video.
        points_px : numpy.ndarray
            ``(n_points, 3)`` landmarks of the face in it.
        schema : Schema
            Their scheme.

        Returns
        -------
        numpy.ndarray or None
            ``(side, side, 3)`` uint8; None where the face is too small, or one of the points that
            align it is not known.
        """
        ...

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """What it says of faces; the same for a face whatever the others are.

        Parameters
        ----------
        crops : numpy.ndarray
            ``(n, side, side, 3)`` uint8 from :meth:`crop`; n may be 0.

        Returns
        -------
        numpy.ndarray
            ``(n, n_dims)`` float32.

        Raises
        ------
        NetworkFailedError
            When it fails on one of them, or gives numbers that are not finite.
        """
        ...


_FACTS: Mapping[str, NetworkFacts] = {
    facts.spec: facts
    for facts in (dlib_resnet.FACTS, efficientnet_lite0.FACTS, blending_lite0.FACTS)
}
_MAKERS: Mapping[str, Callable[[str], Network]] = {
    dlib_resnet.FACTS.spec: dlib_resnet.DlibResnet,
    efficientnet_lite0.FACTS.spec: efficientnet_lite0.efficientnet_lite0,
    blending_lite0.FACTS.spec: blending_lite0.BlendingLite0,
}

BUILT_IN: tuple[str, ...] = tuple(_FACTS)
"""Networks that are known by name."""


def network_facts(spec: str) -> NetworkFacts:
    """What is known of a network; a user's file is loaded and tried, on the CPU, to know it.

    Parameters
    ----------
    spec : str
        One of :data:`BUILT_IN`, or the path of a TorchScript file, see
        :func:`featurize.networks.torchscript.torchscript_network`.

    Raises
    ------
    OptionError
        When there is no such network, or what runs it is not installed.
    ModelFileError
        When the file is not what it should be.

    Examples
    --------
    >>> network_facts("dlib-resnet").n_dims
    128
    """
    return _FACTS[spec] if spec in _FACTS else torchscript_network(_file(spec), "cpu").facts


def facts_of(specs: Iterable[str]) -> tuple[NetworkFacts, ...]:
    """:func:`network_facts` of several, which must be several.

    Raises
    ------
    OptionError
        As :func:`network_facts`, and when two are the same.
    ModelFileError
        As :func:`network_facts`.
    """
    found: dict[str, NetworkFacts] = {}
    for spec in specs:
        facts = network_facts(spec)
        if facts.name in found:
            raise OptionError(
                f"{found[facts.name].spec} and {spec} are the same network: name one."
            )
        found[facts.name] = facts
    return tuple(found.values())


def open_network(spec: str, device: str = "auto") -> Network:
    """A network, ready; opened once per process.

    Parameters
    ----------
    spec : str
        As in :func:`network_facts`.
    device : str
        ``"auto"``: the GPU where there is one; ``"cpu"`` or ``"cuda"``: that and no other.

    Raises
    ------
    OptionError
        When there is no such network or device, or what runs the network is not installed.
    ModelFileError
        When a model file is missing, or not what it should be.
    """
    if spec in _MAKERS:
        return _built_in(spec, device)
    return torchscript_network(_file(spec), device)


@cache
def _built_in(spec: str, device: str) -> Network:
    return _MAKERS[spec](device)


def _file(spec: str) -> str:
    if not Path(spec).is_file():
        raise OptionError(
            f"There is no network {spec!r}: name {', '.join(BUILT_IN[:-1])} or {BUILT_IN[-1]}, or "
            "the path of a TorchScript file."
        )
    return spec
