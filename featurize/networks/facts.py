"""What is known of a network before it is opened."""

from dataclasses import dataclass

IDENTITY_NETWORK = "dlib_resnet"
"""Name of the network by which people are told apart."""

IDENTITY_SPEC = "dlib-resnet"
"""What the user calls it."""


@dataclass(frozen=True)
class NetworkFacts:
    """A network by name.

    Attributes
    ----------
    name : str
        As in the columns of a table: lower case letters, digits and single underscores.
    n_dims : int
        Numbers that it gives of a face.
    sha256 : str
        Digest of the file with its weights.
    spec : str
        What the user calls it: one of :data:`featurize.networks.network.BUILT_IN`, or the path of
        a file.
    """

    name: str
    n_dims: int
    sha256: str
    spec: str
