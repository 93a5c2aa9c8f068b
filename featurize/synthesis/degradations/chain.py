"""All that happens to a film between camera and file, drawn as videos are found in the wild."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from featurize.synthesis.degradations.catalogue import DEGRADATIONS
from featurize.synthesis.degradations.codecs import drawn_encoder
from featurize.synthesis.degradations.degradation import STRENGTHS, Degradation
from featurize.synthesis.degradations.encoder import Encoder
from featurize.synthesis.degradations.film import Film
from featurize.synthesis.errors import SynthesisError

_GOOD = Encoder("h264", quality=18)
_STRENGTH_WEIGHTS = (0.62, 0.29, 0.09)


@dataclass(frozen=True)
class _Origin:
    """A kind of collection: how often it is drawn, and what is usual in it.

    ``before`` is how often the film was encoded before, by camera or video site; ``altered`` is a
    factor on how often anything else happens to it. ``last`` are the codecs of the files, with
    weights and the range of their quality.
    """

    weight: float
    before: float
    altered: float
    last: tuple[tuple[float, str, int, int], ...]
    always: tuple[str, ...] = ()


# The presets here lose 1 to 2 dB more than x264's own at the same factor, hence 32 to 39 for c40.
# What the ranges stand for: c23 of FaceForensics++, of DeepFakeDetection and of collections of web
# videos such as Celeb-DF; their c40; phones, as in DFDC; films passed on by social networks; old
# collections of small films, such as UADFV.
_ORIGINS = (
    _Origin(
        0.40, 0.6, 1.0, ((0.88, "h264", 17, 27), (0.06, "h265", 22, 28), (0.06, "vp9", 26, 36))
    ),
    _Origin(0.16, 0.7, 0.7, ((1.0, "h264", 32, 39),)),
    _Origin(0.20, 0.4, 1.8, ((0.88, "h264", 20, 32), (0.12, "h265", 24, 32))),
    _Origin(0.15, 0.0, 0.7, ((0.9, "h264", 19, 28), (0.1, "vp9", 30, 38)), ("social-network",)),
    _Origin(0.09, 0.3, 1.0, ((0.6, "mpeg4", 2, 8), (0.4, "h264", 20, 30))),
)
_CODECS_BEFORE = {"h264": 0.8, "vp9": 0.1, "h265": 0.05, "mpeg4": 0.05}

# How often each happens, in the order in which they happen. Of the alternatives in a group at most
# one does.
_AT_THE_CAMERA = (
    (("occluder", 0.03),),
    (("brightness", 0.07), ("contrast", 0.07), ("colour", 0.1)),
    (("blur", 0.1),),
    (("noise", 0.14),),
    (("sharpen", 0.07),),
)
_AFTERWARDS = (
    (("scaling", 0.14), ("enlarging", 0.07)),
    (("letterbox", 0.04),),
    (("frame-rate", 0.08), ("dropped-frames", 0.06)),
)


@dataclass(frozen=True)
class Chain:
    """What happens to a film between camera and file.

    It never looks at faces or labels: an authentic film and a manipulated version of it, of the
    same times and size, go through the very same steps with the same noise and the same losses.

    Attributes
    ----------
    steps : tuple of Degradation
        In the order in which they happen.
    encoder : Encoder
        How the file is encoded at last.

    Examples
    --------
    >>> Chain.single("noise", 2, np.random.default_rng(0)).description
    'noise:2 h264-crf18'
    """

    steps: tuple[Degradation, ...] = ()
    encoder: Encoder = _GOOD

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw a chain as the collections have it on which detectors are judged.

        Most are mild: one or two encoders and little else. Sides stay even. No step makes the
        shorter side smaller than 192 px, but for one of strength 3, which stops at 128 px.

        Parameters
        ----------
        rng : numpy.random.Generator
            In the same state, the same chain.
        """
        origin = _ORIGINS[_pick(rng, [origin.weight for origin in _ORIGINS])]
        steps = _drawn_steps(rng, _AT_THE_CAMERA, origin.altered)
        if rng.random() < origin.before:
            codec = list(_CODECS_BEFORE)[_pick(rng, list(_CODECS_BEFORE.values()))]
            steps.append(_drawn_step(rng, codec))
        steps += _drawn_steps(rng, _AFTERWARDS, origin.altered)
        steps += [_drawn_step(rng, name) for name in origin.always]
        _, codec, best, worst = origin.last[_pick(rng, [last[0] for last in origin.last])]
        return cls(tuple(steps), drawn_encoder(rng, codec, best, worst))

    @classmethod
    def single(cls, name: str, strength: int, rng: np.random.Generator) -> Self:
        """Draw one degradation, followed by a good encoder (H.264 with crf 18).

        Parameters
        ----------
        name : str
            Key of :data:`~featurize.synthesis.degradations.DEGRADATIONS`.
        strength : int
            1 mild, 2 plain, 3 hard.
        rng : numpy.random.Generator
            Draws the parameters.

        Raises
        ------
        SynthesisError
            When there is no such degradation or strength.
        """
        if name not in DEGRADATIONS:
            raise SynthesisError(
                f"There is no degradation {name!r}; there are {', '.join(DEGRADATIONS)}."
            )
        return cls((DEGRADATIONS[name].drawn(rng, strength),))

    @property
    def description(self) -> str:
        """Steps with their strengths, then the encoder: ``scaling:2+noise:1 h264-crf28``."""
        steps = "+".join(f"{step.name}:{step.strength}" for step in self.steps)
        return f"{steps} {self.encoder.description}".strip()

    def film(self, film: Film, seed: int) -> Film:
        """Return the film after all steps, as it goes into the last encoder.

        Parameters
        ----------
        film : Film
            What the camera saw.
        seed : int
            Draws what changes from frame to frame, 0 or above.

        Raises
        ------
        SynthesisError
            As the steps do, perhaps only while the film is iterated over.
        """
        for place, step in enumerate(self.steps):
            own = np.random.SeedSequence(seed, spawn_key=(place,))
            film = step.film(film, int(own.generate_state(1)[0]))
        return film

    def write(self, path: str | Path, film: Film, seed: int) -> None:
        """Send a film through all steps into a file; the same film and seed give the same bytes.

        Parameters
        ----------
        path : str or Path
            File to write, mp4; an existing one is replaced.
        film : Film
            What the camera saw; both sides even.
        seed : int
            Draws what changes from frame to frame, 0 or above.

        Raises
        ------
        SynthesisError
            When the film cannot be degraded or encoded so.
        OutputError
            When the temporary folder cannot be written.
        """
        self.encoder.write(path, self.film(film, seed))


def _pick(rng: np.random.Generator, weights: list[float]) -> int:
    return int(rng.choice(len(weights), p=np.divide(weights, sum(weights))))


def _drawn_step(rng: np.random.Generator, name: str) -> Degradation:
    return DEGRADATIONS[name].drawn(rng, STRENGTHS[_pick(rng, list(_STRENGTH_WEIGHTS))])


def _drawn_steps(
    rng: np.random.Generator, groups: tuple[tuple[tuple[str, float], ...], ...], factor: float
) -> list[Degradation]:
    steps = []
    for group in groups:
        left = rng.random()
        for name, probability in group:
            left -= factor * probability
            if left < 0:
                steps.append(_drawn_step(rng, name))
                break
    return steps
