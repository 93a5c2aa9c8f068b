"""Which trails are of one person.

What :mod:`.following` says certainly continues is joined first. All else is decided by face
embeddings, for all trails at once: the links from trail to later trail that are the closest in sum
(a path cover by linear assignment, as in tracking by detection: Zhang, Li, Nevatia 2008, Global
Data Association for Multi-Object Tracking Using Network Flows). A link that is not much better than
its alternatives is not made: two tracks of one person are a lesser harm than one track of two.
"""

from array import array
from collections.abc import Callable, MutableSequence, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

SAME_PERSON_DISTANCE = 0.5
"""Most distance of embeddings within a person. dlib tells single pictures apart best at 0.6. On 52
clips, 0.5 would take 0.5 % of 1 310 pairs of different people for one (0.6: 2.6 %), and for two
0.7 % of 288 pairs of moments of one clip, of means of two moments none."""

MIN_MARGIN = 0.1
"""Links are made when the next best way to make them is longer by this in sum."""

MOST_AT_ONCE = 1000
"""So many chains are linked at a time, about as many as ten hours have that are seldom cut, and so
many people are looked for in what follows. Where there are more chains, those of each such stretch
of time are linked, and joined to the people of the time before; where there are more people, those
seen for the shortest time are not joined to anybody any more."""

LONG_CROWDED_S = 1.0
"""A face that overlaps another for so long is told by its embedding; a shorter time is bridged."""


@dataclass
class Trail:
    """What is remembered of a trail: two numbers a frame.

    Attributes
    ----------
    number : int
        Increasing from 0.
    continues : int or None
    crowded : bool
        As in :class:`featurize.landmarks.people.following.Sighting`.
    frames, rows : sequence of int
        Frames in which the face is seen, and where its landmarks are kept.
    duration_s : float
        From its first frame to its last.
    prominence : float
        Sum over frames of the width of the face, weighted by how central it is.
    """

    number: int
    continues: int | None
    crowded: bool
    frames: MutableSequence[int] = field(default_factory=lambda: array("q"))
    rows: MutableSequence[int] = field(default_factory=lambda: array("q"))
    duration_s: float = 0.0
    prominence: float = 0.0


@dataclass(frozen=True)
class _Chain:
    """Trails that certainly continue each other."""

    trails: list[Trail]
    embedding: np.ndarray | None = None

    @property
    def first_frame(self) -> int:
        return self.trails[0].frames[0]

    @property
    def last_frame(self) -> int:
        return self.trails[-1].frames[-1]

    @property
    def n_frames(self) -> int:
        return sum(len(trail.frames) for trail in self.trails)


def people(
    trails: Sequence[Trail], embeddings_of: Callable[[list[int]], dict[int, np.ndarray]]
) -> list[list[Trail]]:
    """Sort the trails of a video by person.

    Parameters
    ----------
    trails : sequence of Trail
        All of them, by number.
    embeddings_of : Callable
        ``(n_portraits, n_dimensions)`` embeddings by number of trail; asked once, for those trails
        that need it, if any. Trails it leaves out are joined to no other.

    Returns
    -------
    list of list of Trail
        One list per person, in order of time; nobody is in two places at once. Short trails of
        overlapping faces are left out where it cannot be told whose they are.
    """
    bridges, others = [], []
    for trail in trails:
        is_bridge = trail.crowded and trail.duration_s < LONG_CROWDED_S
        (bridges if is_bridge else others).append(trail)
    clear, unclear = _by_other_times(_chained(others))
    chains = clear
    if unclear:
        found = embeddings_of([trail.number for chain in unclear for trail in chain.trails])
        chains = clear + [_Chain(chain.trails, _embedding(chain, found)) for chain in unclear]
    known = [chain for chain in chains if chain.embedding is not None]
    paths = [[chain] for chain in chains if chain.embedding is None]
    paths += _linked(known)
    persons = [
        sorted((trail for chain in path for trail in chain.trails), key=lambda t: t.frames[0])
        for path in paths
    ]
    if not persons:
        return [[trail] for trail in bridges]
    _bridge(persons, bridges)
    return persons


def _chained(trails: list[Trail]) -> list[_Chain]:
    """Join clear trails that certainly continue each other."""
    chain_of: dict[int, list[Trail]] = {}
    for trail in trails:
        earlier = chain_of.get(trail.continues)
        if earlier is None or trail.crowded or earlier[-1].crowded:
            earlier = []
        earlier.append(trail)
        chain_of[trail.number] = earlier
    return [_Chain(list(trails)) for trails in {id(c): c for c in chain_of.values()}.values()]


def _by_other_times(chains: list[_Chain]) -> tuple[list[_Chain], list[_Chain]]:
    """Chains beside which all others are seen; and those before or after which any other is.

    Only these could be of the same person as another.
    """
    first_end = min((chain.last_frame for chain in chains), default=0)
    last_start = max((chain.first_frame for chain in chains), default=0)
    clear, unclear = [], []
    for chain in chains:
        is_unclear = first_end < chain.first_frame or chain.last_frame < last_start
        (unclear if is_unclear else clear).append(chain)
    return clear, unclear


def _linked(chains: list[_Chain]) -> list[list[_Chain]]:
    """Chains by person, :data:`MOST_AT_ONCE` at a time."""
    nodes = sorted(chains, key=lambda chain: chain.first_frame)
    found: list[list[_Chain]] = []
    closed: list[list[_Chain]] = []
    for first in range(0, len(nodes), MOST_AT_ONCE):
        found = _merged(found + _paths(nodes[first : first + MOST_AT_ONCE]))
        if len(found) > MOST_AT_ONCE:
            found.sort(key=lambda path: sum(chain.n_frames for chain in path), reverse=True)
            closed += found[MOST_AT_ONCE:]
            found = found[:MOST_AT_ONCE]
    return found + closed


def _embedding(chain: _Chain, found: dict[int, np.ndarray]) -> np.ndarray | None:
    """Mean embedding of a chain; None without one, or when it seems to hold two people."""
    portraits = [found[trail.number] for trail in chain.trails if trail.number in found]
    if not portraits:
        return None
    portraits = np.concatenate(portraits)
    if chain.trails[0].crowded and cdist(portraits, portraits).max() > SAME_PERSON_DISTANCE:
        return None
    return portraits.mean(axis=0)


def _paths(nodes: list[_Chain]) -> list[list[_Chain]]:
    """Chains, in order of time, that follow each other, by the links that are the best in sum."""
    gain = _gains(nodes)
    following = _sure(_best_links(gain), gain, _meetings(nodes))
    paths: list[list[_Chain]] = []
    # With the sum of its embeddings.
    path_of: dict[int, tuple[list[_Chain], np.ndarray]] = {}
    for number, chain in enumerate(nodes):
        path, total = path_of.get(number, ([], np.zeros_like(chain.embedding)))
        # One link after the other may lead far away from the person it began with.
        if path and np.linalg.norm(total / len(path) - chain.embedding) > SAME_PERSON_DISTANCE:
            path, total = [], np.zeros_like(chain.embedding)
        if not path:
            paths.append(path)
        path.append(chain)
        if following[number] >= 0:
            path_of[int(following[number])] = path, total + chain.embedding
    return paths


def _gains(nodes: list[_Chain]) -> np.ndarray:
    """How much nearer than the limit each later chain is to each earlier one; -inf to no later."""
    embeddings = np.array([chain.embedding for chain in nodes])
    first = np.array([chain.first_frame for chain in nodes])
    last = np.array([chain.last_frame for chain in nodes])
    gain = SAME_PERSON_DISTANCE - cdist(embeddings, embeddings)
    gain[last[:, None] >= first] = -np.inf
    return gain


def _best_links(gain: np.ndarray) -> np.ndarray:
    """For each chain the one that follows it, or -1: the links of the largest gain in sum."""
    rows, columns = linear_sum_assignment(np.maximum(gain, 0), maximize=True)
    return np.where(gain[rows, columns] > 0, columns, -1)


def _meetings(nodes: list[_Chain]) -> np.ndarray:
    """``(n, n)`` bool: which chains are seen at the same time, so are of different people."""
    first = np.array([chain.first_frame for chain in nodes])
    last = np.array([chain.last_frame for chain in nodes])
    meets = (first[:, None] <= last) & (last[:, None] >= first)
    np.fill_diagonal(meets, False)
    return meets


def _sure(following: np.ndarray, gain: np.ndarray, meets: np.ndarray) -> np.ndarray:
    """Take back links that could about as well be swapped with that of a face seen beside.

    Faces seen beside each other are of different people, so with one link goes the other.
    """
    before = np.full(len(following), -1)
    linked = np.flatnonzero(following >= 0)
    before[following[linked]] = linked

    def gain_of(start: int, end: int) -> float:
        return gain[start, end] if start >= 0 and end >= 0 else 0.0

    sure = following.copy()
    for start in linked:
        end = following[start]
        rivals = {(int(k), int(following[k])) for k in np.flatnonzero(meets[start])}
        rivals |= {(int(before[k]), int(k)) for k in np.flatnonzero(meets[end])}
        for other_start, other_end in rivals:
            as_linked = gain[start, end] + gain_of(other_start, other_end)
            swapped = gain_of(start, other_end) + gain_of(other_start, end)
            if as_linked - swapped < MIN_MARGIN:
                sure[start] = -1
    return sure


def _merged(paths: list[list[_Chain]]) -> list[list[_Chain]]:
    """Join paths of one person, the nearest first.

    The best links in sum may leave a person in pieces; what a whole path has in common tells that
    better than any two of its chains. A path is joined to another only where nobody seen beside the
    one is about as near to the other.
    """
    apart = _apart(paths)
    means = np.array([_mean(path) for path in paths])
    distance = cdist(means, means)
    np.fill_diagonal(distance, np.inf)
    distance[apart] = np.inf
    # Distances of pairs that are not refused, and the least of each row: most stay as they are.
    open_, gone = distance.copy(), np.zeros(len(paths), bool)
    least = open_.min(axis=1)
    while True:
        one = int(np.argmin(least))
        other, nearest = int(np.argmin(open_[one])), least[one]
        if nearest > SAME_PERSON_DISTANCE:
            return [path for path in paths if path]
        rivals = np.append(distance[apart[one], other], distance[apart[other], one])
        if (rivals < nearest + MIN_MARGIN).any():
            open_[[one, other], [other, one]] = np.inf
            least[[one, other]] = open_[[one, other]].min(axis=1)
            continue
        paths[one], paths[other] = paths[one] + paths[other], []
        gone[other] = True
        apart[one] |= apart[other]
        apart[:, one] = apart[one]
        means[one] = _mean(paths[one])
        to_one = np.where(apart[one] | gone, np.inf, np.linalg.norm(means - means[one], axis=1))
        to_one[one] = np.inf
        changed = (least >= open_[:, one]) | (least >= open_[:, other]) | (least > to_one)
        for of_pairs in (distance, open_):
            of_pairs[one], of_pairs[:, one] = to_one, to_one
            of_pairs[other], of_pairs[:, other] = np.inf, np.inf
        changed[[one, other]] = True
        least[changed] = open_[changed].min(axis=1)


def _apart(paths: list[list[_Chain]]) -> np.ndarray:
    """``(n_paths, n_paths)`` bool: of which paths any two chains are seen at the same time."""
    apart = np.zeros((len(paths), len(paths)), bool)
    spans = [(c.first_frame, c.last_frame, number) for number, p in enumerate(paths) for c in p]
    going_on: list[tuple[int, int]] = []
    for first_frame, last_frame, number in sorted(spans):
        # No more than faces are followed at a time.
        going_on = [other for other in going_on if other[0] >= first_frame]
        for _, other in going_on:
            apart[number, other] = apart[other, number] = True
        going_on.append((last_frame, number))
    return apart


def _mean(path: list[_Chain]) -> np.ndarray:
    return np.mean([chain.embedding for chain in path], axis=0)


def _bridge(persons: list[list[Trail]], bridges: list[Trail]) -> None:
    """Give a person the time in between during which somebody was near, if it ends as it began."""
    person_of = {trail.number: person for person in persons for trail in person}
    after = {
        trail.continues: person
        for person in persons
        for trail in person
        if trail.continues is not None
    }
    for bridge in bridges:
        person = person_of.get(bridge.continues)
        if person is not None and person is after.get(bridge.number):
            person.append(bridge)
    for person in persons:
        person.sort(key=lambda trail: trail.frames[0])
