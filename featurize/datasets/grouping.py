"""Which videos belong together: all that share a person or a source, directly or by others."""

from collections.abc import Iterable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def group_names(identities: Iterable[frozenset[str]]) -> list[str]:
    """Name the group of each video.

    Two videos are of one group when they share an identity, or when a chain of videos leads from
    one to the other in which each shares an identity with the next: the connected components of
    the graph of videos and identities, in linear time.

    Parameters
    ----------
    identities : iterable of frozenset of str
        The people and sources of each video, one at least.

    Returns
    -------
    list of str
        The first in alphabetical order of all identities of the group. It depends neither on the
        order of the videos nor on how many show an identity.

    Examples
    --------
    >>> pair, other = frozenset({"ffpp/000", "ffpp/003"}), frozenset({"ffpp/001"})
    >>> group_names([frozenset({"ffpp/003"}), other, pair])
    ['ffpp/000', 'ffpp/001', 'ffpp/000']
    """
    of_videos = list(identities)
    names = sorted(frozenset().union(*of_videos))
    number = {name: i for i, name in enumerate(names)}
    first = np.array([number[min(some)] for some in of_videos], dtype=np.intp)
    links = np.array(
        [
            (start, number[name])
            for start, some in zip(first, of_videos, strict=True)
            for name in some
        ],
        dtype=np.intp,
    ).reshape(-1, 2)
    graph = coo_array((np.ones(len(links), bool), tuple(links.T)), shape=(len(names), len(names)))
    _, component = connected_components(graph, directed=False)
    # Names are sorted, so where a component first occurs is its first name.
    _, smallest = np.unique(component, return_index=True)
    return [names[smallest[component[start]]] for start in first]
