"""What is to be rendered, down to every parameter and seed: a pure function of manifest and seed.

No video is looked at, so a plan can be made, compared and tested without any.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from featurize.synthesis.degradations.chain import Chain
from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from featurize.synthesis.manipulations.manipulation import Manipulation

REAL, FAKE = "real", "fake"
AUTHENTIC = "none"
"""Method of the version of a world that is not manipulated."""

_LONGEST_STEM = 48


@dataclass(frozen=True)
class Clip:
    """A video of the manifest.

    Attributes
    ----------
    path : str
        As the manifest names it: what all draws of the clip depend on.
    place : str or Path
        Where it is opened.
    label, group, method, dataset, split : str
        As the manifest says.
    """

    path: str
    place: str | Path = field(repr=False)
    label: str
    group: str = ""
    method: str = ""
    dataset: str = ""
    split: str = ""

    @property
    def person(self) -> str:
        """Group, or the clip by itself where the manifest knows none."""
        return self.group or self.path

    @property
    def folder(self) -> str:
        """Name of a folder for what is made of the clip: another path, another name."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(self.path).stem)[:_LONGEST_STEM].strip("-")
        digest = hashlib.sha256(self.path.encode()).hexdigest()[:8]
        return f"{stem}-{digest}" if stem else digest


@dataclass(frozen=True)
class Fake:
    """One manipulated version of a piece.

    Attributes
    ----------
    manipulation : Manipulation
        With its parameters.
    seed : int
        Draws what varies from frame to frame.
    donor : Clip or None
        Whose face it takes, where it takes one.
    donor_start : float
        As :attr:`World.start`, of the donor.
    """

    manipulation: Manipulation
    seed: int
    donor: Clip | None = None
    donor_start: float = 0.0

    @property
    def method(self) -> str:
        """What the column ``method`` says."""
        return f"pseudo-{self.manipulation.name}"


@dataclass(frozen=True)
class World:
    """A piece of a clip and one chain of degradations, the same for all versions of the piece.

    Attributes
    ----------
    clip : Clip
        Of which the piece is.
    number : int
        Which of the worlds of the clip, from 0.
    start : float
        Where the piece begins: in [0, 1), the share of the possible beginnings that lie before.
    chain : Chain
        What happens between camera and file.
    chain_seed : int
        Draws what varies in it from frame to frame.
    fakes : tuple of Fake
        Manipulated versions, each of another method; none for a clip that is a fake itself.
    """

    clip: Clip
    number: int
    start: float
    chain: Chain
    chain_seed: int
    fakes: tuple[Fake, ...]

    @property
    def name(self) -> str:
        """The column ``world``, and the folder of its videos."""
        return f"{self.clip.folder}/w{self.number}"

    def rows(self) -> list[dict[str, str]]:
        """Rows of the manifest, the version that is not manipulated first, without the outcome."""
        clip = self.clip
        versions: list[Fake | None] = [None, *self.fakes]
        rows = []
        for fake in versions:
            own = clip.method if clip.label == FAKE else AUTHENTIC
            donor = None if fake is None else fake.donor
            parameters = {} if fake is None else fake.manipulation.parameters()
            rows.append(
                {
                    "path": f"{self.name}/{AUTHENTIC if fake is None else fake.method}.mp4",
                    "label": clip.label if fake is None else FAKE,
                    "group": clip.person,
                    "method": own if fake is None else fake.method,
                    "dataset": clip.dataset,
                    "compression": self.chain.description,
                    "split": clip.split,
                    "world": self.name,
                    "donor_group": "" if donor is None else donor.person,
                    "parameters": json.dumps(parameters, sort_keys=True) if parameters else "",
                }
            )
        return rows


def planned(
    clips: Iterable[Clip],
    *,
    worlds: int,
    fakes: int,
    methods: Sequence[str],
    seed: int,
    chain: Callable[[np.random.Generator], Chain] = Chain.drawn,
) -> list[World]:
    """Draw the worlds of a manifest.

    Whatever the order of the clips, the plan is the same. Each draw has a seed of its own, made of
    the path of the clip and what it is for. Methods are dealt out like cards: a world gets those
    that were dealt least so far, none twice, so all come to much the same number of videos.

    Parameters
    ----------
    clips : iterable of Clip
        No path twice; labels ``real`` or ``fake``.
    worlds, fakes : int
        Worlds of each clip, and manipulated versions in each world of an authentic one: fewer
        where too few methods can do without the donor that there is not.
    methods : sequence of str
        Names of :data:`~featurize.synthesis.manipulations.catalogue.MANIPULATIONS`.
    seed : int
        0 or above.
    chain : callable
        Draws a chain.

    Returns
    -------
    list of World
        In the order of paths and numbers.
    """
    clips = sorted(clips, key=lambda clip: clip.path)
    authentic = [clip for clip in clips if clip.label == REAL]
    dealt = dict.fromkeys(sorted(methods), 0)
    plan = []
    # In the order of their names, clips of one source would be dealt to one after another.
    for clip in sorted(clips, key=lambda clip: _rng(seed, clip.path, "turn").random()):
        donors = _donors(clip, authentic)
        for number in range(worlds):
            piece = (clip.path, str(number))
            hand = []
            if clip.label == REAL:
                usable = [name for name in dealt if donors or not MANIPULATIONS[name].needs_donor]
                hand = _dealt(usable, dealt, fakes, _rng(seed, *piece, "methods"))
            for name in hand:
                dealt[name] += 1
            plan.append(
                World(
                    clip,
                    number,
                    # One in each part of the clip: pieces of a long one do not overlap by chance.
                    start=(number + _rng(seed, *piece, "start").random()) / worlds,
                    chain=chain(_rng(seed, *piece, "chain")),
                    chain_seed=_drawn_seed(_rng(seed, *piece, "chain seed")),
                    fakes=tuple(_fake(name, donors, _rng(seed, *piece, name)) for name in hand),
                )
            )
    return sorted(plan, key=lambda world: (world.clip.path, world.number))


def _donors(clip: Clip, authentic: Sequence[Clip]) -> list[list[Clip]]:
    """Clips that can lend a face, by person: of the same source, so that it tells nothing."""
    persons: dict[str, list[Clip]] = {}
    for other in authentic:
        if other.dataset == clip.dataset and other.person != clip.person:
            persons.setdefault(other.person, []).append(other)
    return list(persons.values())


def _dealt(
    usable: Sequence[str], dealt: dict[str, int], n: int, rng: np.random.Generator
) -> list[str]:
    """The `n` usable methods that were dealt least, ties by lot."""
    lots = dict(zip(usable, rng.random(len(usable)), strict=True))
    return sorted(usable, key=lambda name: (dealt[name], lots[name]))[:n]


def _fake(name: str, donors: list[list[Clip]], rng: np.random.Generator) -> Fake:
    manipulation = MANIPULATIONS[name].drawn(rng)
    seed = _drawn_seed(rng)
    if not manipulation.needs_donor:
        return Fake(manipulation, seed)
    # Persons first: one who was filmed often does not lend the face more often.
    person = donors[rng.integers(len(donors))]
    return Fake(manipulation, seed, person[rng.integers(len(person))], float(rng.random()))


def _rng(seed: int, *names: str) -> np.random.Generator:
    """Randomness for one purpose; other names, another stream."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    key = tuple(np.frombuffer(digest, "<u4").tolist())
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _drawn_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**63))
