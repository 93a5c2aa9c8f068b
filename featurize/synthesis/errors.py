"""What can be wrong with the orders given to the performer."""

from featurize.errors import FeaturizeError


class SynthesisError(FeaturizeError, ValueError):
    """A script, a frame size, a list of times or a data set that cannot be rendered or written."""
