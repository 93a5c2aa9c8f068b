"""What is measured of each face, beyond the features that every table has."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from featurize.errors import OptionError
from featurize.networks.device import check_device
from featurize.networks.facts import IDENTITY_SPEC
from featurize.windows import MIN_WINDOW_S, check_window

if TYPE_CHECKING:
    from featurize.networks.facts import NetworkFacts
    from featurize.networks.network import Network

MAX_SERIES_S = 30.0
"""Longest windows whose signals are written step by step: 375 columns for each signal."""


@dataclass(frozen=True)
class FeatureOptions:
    """What is measured of each face.

    Attributes
    ----------
    cnn : tuple of str
        Networks whose features are added to the table: one of
        :data:`featurize.networks.network.BUILT_IN`, or the path of a TorchScript file.
    identity : bool
        Add how stable the face is as the face of one person, by
        :data:`featurize.networks.facts.IDENTITY_NETWORK`.
    series : bool
        Add signals step by step, for classifiers that look at sequences. Needs windows.
    window_s : float or None
        Length of the windows to measure instead of whole videos, see
        :func:`featurize.windows.windows`.
    device : str
        One of :data:`featurize.networks.device.DEVICES`.

    Raises
    ------
    OptionError
        When values make no sense, or not together. Whether networks can be run is another
        question, see :meth:`check`.
    """

    cnn: tuple[str, ...] = ()
    identity: bool = False
    series: bool = False
    window_s: float | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "cnn", _specs(self.cnn))
        check_window(self.window_s)
        check_device(self.device)
        for spec in self.cnn:
            if self.cnn.count(spec) > 1:
                raise OptionError(f"The network {spec} is named twice: name each once.")
        if self.series and (self.window_s is None or self.window_s > MAX_SERIES_S):
            raise OptionError(
                f"Series are written for windows of {MIN_WINDOW_S:g} to {MAX_SERIES_S:g} s: give "
                "such a length (window_s, --window)."
            )

    def check(self) -> None:
        """See that every network can be run here, before any video is opened.

        Raises
        ------
        OptionError, ModelFileError
            What is missing or wrong, in a sentence.
        """
        self.opened()

    @property
    def specs(self) -> tuple[str, ...]:
        """Every network that runs, as it was named: those of ``cnn``, and that of identity."""
        by_identity = (IDENTITY_SPEC,) if self.identity else ()
        return tuple(dict.fromkeys((*self.cnn, *by_identity)))

    @property
    def files(self) -> tuple[str, ...]:
        """Files among the networks."""
        if not self.cnn:
            return ()
        from featurize.networks.network import BUILT_IN

        return tuple(spec for spec in self.cnn if spec not in BUILT_IN)

    def in_folder(self, folder: str | Path) -> Self:
        """The same with whole paths of files, from a folder on."""
        whole = (str(Path(folder, spec)) if spec in self.files else spec for spec in self.cnn)
        return replace(self, cnn=tuple(whole))

    @cached_property
    def networks(self) -> "tuple[NetworkFacts, ...]":
        """Facts of every network that runs, as they were when they were first asked for.

        Raises
        ------
        OptionError, ModelFileError
            When there is no such network, it cannot be used, or two are the same.
        """
        if not self.specs:
            return ()
        from featurize.networks.network import facts_of

        return facts_of(self.specs)

    @property
    def cnn_networks(self) -> "tuple[NetworkFacts, ...]":
        """Those of them that have features of their own."""
        return self.networks[: len(self.cnn)]

    def opened(self) -> "tuple[Network, ...]":
        """Every network that runs, ready to run, and still as :attr:`networks` says.

        Raises
        ------
        OptionError, ModelFileError
            When one cannot be run here, or its file has changed.
        """
        if not self.specs:
            return ()
        from featurize.networks.network import open_network

        found = tuple(open_network(spec, self.device) for spec in self.specs)
        for network, before in zip(found, self.networks, strict=True):
            if network.facts != before:
                raise changed(before.spec)
        return found

    @cached_property
    def settings(self) -> dict[str, object]:
        """Everything that changes features besides the landmarks, as JSON can hold it.

        Raises
        ------
        OptionError, ModelFileError
            When a network cannot be run here.
        """
        return {
            "window_s": None if self.window_s is None else float(self.window_s),
            "cnn": [facts.name for facts in self.cnn_networks],
            "identity": bool(self.identity),
            "series": bool(self.series),
            "networks": {network.facts.name: network.settings for network in self.opened()},
        }


def changed(spec: str) -> OptionError:
    """The error of a network whose file was replaced: columns of two would be one."""
    return OptionError(
        f"The network {spec} has changed since the run began: put the old file back to go on, or "
        "begin again, and every video is done by the network as it is now."
    )


def _specs(cnn: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """Names of networks as a tuple; one by itself is one."""
    several = (cnn,) if isinstance(cnn, (str, Path)) else cnn
    return tuple(str(spec) for spec in several)


BASE_FEATURES = FeatureOptions()
"""What every table of whole videos has."""
