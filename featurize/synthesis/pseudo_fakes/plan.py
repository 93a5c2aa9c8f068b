"""What is to be rendered, down to every parameter and seed: a pure function of manifest and seed.

No video is looked at, so a plan can be made, compared and tested without any.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    the path of the clip and what it is for, so that the worlds of a clip do not depend on the other
    clips, but for its donors. The methods of a clip are a shuffled pack of cards of its own: its
    worlds are dealt one after the other, none gets a card twice, and the pack is shuffled anew when
    it is spent. So every method that a clip can do is as likely as any other, in every source, and
    one that needs a donor comes to fewer videos only for want of donors.

    Donors are other persons of the same source and of the same split, if there are splits. Whoever
    splits the videos by person later has to hold ``donor_group`` together with ``group``. Of all
    that could lend the face the one is taken whom a lot of his own makes first: one clip more
    changes no choice but those that fall on it. A method that welcomes a donor gets one half of the
    time.

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
    plan = []
    for clip in clips:
        donors = _donors(clip, authentic)
        usable = [n for n in sorted(methods) if donors or not MANIPULATIONS[n].needs_donor]
        hands = _hands(usable, fakes if clip.label == REAL else 0, _rng(seed, clip.path, "methods"))
        for number, hand in zip(range(worlds), hands, strict=False):
            piece = (clip.path, str(number))
            plan.append(
                World(
                    clip,
                    number,
                    # One in each part of the clip: pieces of a long one do not overlap by chance.
                    start=(number + _rng(seed, *piece, "start").random()) / worlds,
                    chain=chain(_rng(seed, *piece, "chain")),
                    chain_seed=_drawn_seed(_rng(seed, *piece, "chain seed")),
                    fakes=tuple(
                        _fake(name, donors, (str(seed), *piece, name), _rng(seed, *piece, name))
                        for name in hand
                    ),
                )
            )
    return plan


def _donors(clip: Clip, authentic: Sequence[Clip]) -> list[list[Clip]]:
    """Clips that can lend a face, by person: of the same source, so that it tells nothing."""
    alike = (clip.dataset, clip.split)
    persons: dict[str, list[Clip]] = {}
    for other in authentic:
        if (other.dataset, other.split) == alike and other.person != clip.person:
            persons.setdefault(other.person, []).append(other)
    return list(persons.values())


def _hands(usable: Sequence[str], n: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Deal hands of `n`, or of all if there are fewer, from a pack that is shuffled when spent."""
    n, pack = min(n, len(usable)), []
    while True:
        if len(pack) < n:
            fresh = [usable[place] for place in rng.permutation(len(usable))]
            # What is left of the old pack comes first, and not again within the hand.
            pack += sorted(fresh, key=pack.__contains__)
        yield pack[:n]
        pack = pack[n:]


def _fake(
    name: str, donors: list[list[Clip]], place: tuple[str, ...], rng: np.random.Generator
) -> Fake:
    manipulation = MANIPULATIONS[name].drawn(rng)
    seed = _drawn_seed(rng)
    # Drawn whether it is wanted or not: with its first donor a clip gets no other parameters.
    wants_donor = bool(rng.random() < 0.5)
    if not (manipulation.needs_donor or (manipulation.welcomes_donor and donors and wants_donor)):
        return Fake(manipulation, seed)
    # Persons first: one who was filmed often does not lend the face more often.
    person = min(donors, key=lambda clips: _lot(*place, "person", clips[0].person))
    donor = min(person, key=lambda clip: _lot(*place, "donor", clip.path))
    return Fake(manipulation, seed, donor, float(rng.random()))


def _lot(*names: str) -> bytes:
    return hashlib.sha256("\0".join(names).encode()).digest()


def _rng(seed: int, *names: str) -> np.random.Generator:
    """Randomness for one purpose; other names, another stream."""
    key = tuple(np.frombuffer(_lot(*names), "<u4").tolist())
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _drawn_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**63))
