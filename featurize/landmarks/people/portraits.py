"""The few best pictures of each followed face, in case it must be told later who it was.

Embedding a face takes as long as following it for half a second. So pictures are kept, little
memory as they take, and embedded only when a decision needs it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.people.chips import face_chip, frontality
from featurize.landmarks.people.following import Sighting
from featurize.landmarks.schema import Schema

Embedder = Callable[[np.ndarray], np.ndarray]
"""``(n, 150, 150, 3)`` uint8 aligned pictures to ``(n, n_dimensions)`` embeddings."""

MAX_PER_TRAIL = 3
"""Portraits of a trail, spread in time."""

MAX_KEPT = 120
"""Portraits in memory, 67 kB each; with more, those of trails that have ended are embedded."""

MIN_DURATION_S = 0.3
"""Shorter trails are not embedded."""

FREE_EMBEDDINGS, EMBEDDINGS_PER_S = 30, 1.0
"""How many faces are embedded at most: so many, and so many for each second of video."""

FEW_EMBEDDINGS = 8
"""Several portraits of a trail are embedded while there are fewer than this in all."""

_FIRST_WINDOW_S = 0.5
# A portrait is replaced only by one that is better by this factor: each costs a crop.
_CLEARLY_BETTER = 1.1


@dataclass
class _Page:
    """The portraits of one trail: the best of each of a few windows of time."""

    first_s: float
    last_s: float
    window_s: float = _FIRST_WINDOW_S
    best: dict[int, tuple[float, np.ndarray]] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        return self.last_s - self.first_s

    def window(self, time_s: float) -> int:
        """Number of the window that a time falls in; windows double until there are few."""
        while (time_s - self.first_s) // self.window_s >= MAX_PER_TRAIL:
            self.window_s *= 2
            halves, self.best = self.best, {}
            for number, portrait in halves.items():
                rival = self.best.get(number // 2)
                if rival is None or portrait[0] > rival[0]:
                    self.best[number // 2] = portrait
        return int((time_s - self.first_s) // self.window_s)

    def portraits(self) -> list[np.ndarray]:
        """Pictures, best first."""
        ranked = sorted(self.best.values(), key=lambda portrait: portrait[0], reverse=True)
        return [picture for _, picture in ranked]


class Album:
    """Portraits and embeddings of the trails of one video.

    Parameters
    ----------
    schema : Schema
        Scheme of the landmarks, by which portraits are aligned.
    embed : Callable
        Turns portraits into embeddings, such as :func:`.identity.embed_faces`.
    """

    def __init__(self, schema: Schema, embed: Embedder) -> None:
        self._schema = schema
        self._embed = embed
        self._pages: dict[int, _Page] = {}
        self._embeddings: dict[int, np.ndarray] = {}
        self._n_embedded = 0
        self._time_s = 0.0

    def add(self, frame: Frame, sightings: Iterable[Sighting]) -> None:
        """Take the faces of the next frame."""
        self._time_s = frame.time_s
        shown = set()
        for sighting in sightings:
            shown.add(sighting.trail)
            page = self._pages.setdefault(sighting.trail, _Page(frame.time_s, frame.time_s))
            page.last_s = frame.time_s
            points = sighting.detection.points_px
            quality = sighting.detection.confidence * frontality(points, self._schema)
            window = page.window(frame.time_s)
            if window not in page.best or quality > _CLEARLY_BETTER * page.best[window][0]:
                page.best[window] = (quality, face_chip(frame, points, self._schema))
        if sum(len(page.best) for page in self._pages.values()) > MAX_KEPT:
            self._settle([trail for trail in self._pages if trail not in shown])

    def embeddings(self, trails: Sequence[int]) -> dict[int, np.ndarray]:
        """Embed trails, as far as :data:`EMBEDDINGS_PER_S` allows.

        Parameters
        ----------
        trails : sequence of int
            Numbers of trails. With few, several portraits of each are embedded.

        Returns
        -------
        dict of int to numpy.ndarray
            ``(n_portraits, n_dimensions)`` by trail; trails that are too short, and the shortest
            when there are too many, are left out.
        """
        n_each = int(np.clip(FEW_EMBEDDINGS // max(len(trails), 1), 1, MAX_PER_TRAIL))
        self._embed_longest(trails, n_each)
        return {trail: self._embeddings[trail] for trail in trails if trail in self._embeddings}

    def _settle(self, ended: list[int]) -> None:
        """Make room: nothing of trails that have ended stays but an embedding."""
        self._embed_longest(ended, n_each=1)
        for trail in ended:
            del self._pages[trail]

    def _embed_longest(self, trails: Iterable[int], n_each: int) -> None:
        pages = {
            trail: page
            for trail in trails
            if trail not in self._embeddings
            and (page := self._pages.get(trail))
            and page.duration_s >= MIN_DURATION_S
        }
        for trail in sorted(pages, key=lambda trail: pages[trail].duration_s, reverse=True):
            portraits = pages[trail].portraits()[:n_each]
            allowed = FREE_EMBEDDINGS + EMBEDDINGS_PER_S * self._time_s
            if self._n_embedded + len(portraits) > allowed:
                break
            self._n_embedded += len(portraits)
            self._embeddings[trail] = self._embed(np.stack(portraits))
