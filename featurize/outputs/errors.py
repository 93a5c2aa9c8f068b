"""What can be wrong with tables that are to be joined."""

from featurize.errors import FeaturizeError


class JoinError(FeaturizeError):
    """Tables that are no shards of one table, are damaged, or lack the files written with them."""
