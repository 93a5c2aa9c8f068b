"""How much each region of the face trembles, before and after expression is taken out as well."""

from collections.abc import Mapping, Sequence

import numpy as np

from featurize.declaration import Recording, summary
from featurize.landmarks.schema import SCHEMES
from featurize.scratch import let_go, scratch
from featurize.types import pieces
from featurize.video_features.functionals import MIN_FRAMES
from featurize.video_features.stability.expression_motion import ExpressionMotion
from featurize.video_features.stability.rigid_residual import RigidResidual, rigid_residual
from featurize.video_features.stability.slow_and_fast import slow_and_fast
from featurize.video_features.statistics import percentile, rms

REGIONS = ("eyes", "brows", "nose", "mouth", "outline", "face")
OVER_OUTLINE = ("eyes", "nose", "mouth")
SECOND_DIFFERENCES = ("mouth", "face")
"""Of the other regions it says the same as jitter: their rank correlations are above 0.96."""

WHITE_NOISE_GAIN = 1 + 4 + 1
"""The power of the second difference of white noise over that of the noise."""

# A clip whose points stand still moves by the rounding of float32 pixels.
_ROUNDING_IOD = 1e-6


class RegionLevels:
    """Root mean squares over the points of each region, frame by frame.

    Parameters
    ----------
    members : Mapping of str to sequence of int
        Which points make a region.
    n_frames : int
        The most frames there can be.
    """

    def __init__(self, members: Mapping[str, Sequence[int]], n_frames: int) -> None:
        self._members = members
        self._levels = dict(zip(members, scratch((len(members), n_frames)), strict=True))
        self._n_levels = dict.fromkeys(members, 0)

    def add(self, offsets: np.ndarray) -> None:
        """Further frames, ``(n, n_points, 2)``; one without one of the points has no level."""
        squares = np.sum(offsets**2, axis=2)
        for region, points in self._members.items():
            if points:
                level = np.sqrt(np.mean(squares[:, points], axis=1))
                level, first = level[np.isfinite(level)], self._n_levels[region]
                self._n_levels[region] += len(level)
                self._levels[region][first : self._n_levels[region]] = level
                let_go(self._levels[region])

    def of(self, region: str) -> np.ndarray:
        """Levels of a region in order of time; empty when it has no points."""
        return self._levels[region][: self._n_levels[region]]

    def rms(self, region: str) -> float:
        """Over all frames; NaN of none."""
        return rms(self.of(region))

    def burstiness(self, region: str) -> float:
        """The 95th percentile of the levels over their median."""
        return _quotient(percentile(self.of(region), 95), percentile(self.of(region), 50))


@summary(
    family="stability",
    reference="landmark jitter after Sun et al. 2021 (LRNet), with rigid motion removed in 3-D "
    "(Umeyama 1991), and expression by principal components of the clip",
    confounded_by=("face size", "blur", "compression", "frame rate", "head speed", "identity"),
    features={
        f"jitter_{region}_iod__rms": (
            "iod",
            f"Frame-to-frame jitter after rigid motion is removed, of the {region}",
        )
        for region in (*REGIONS, "irises")
    }
    | {
        "jitter_face_iod__p95": ("iod", "Jitter of the face in the worst frames"),
        "jitter_face__burstiness": ("1", "Worst-frame jitter over typical jitter of the face"),
        "residual_face_iod__rms": ("iod", "All motion left when rigid motion is removed"),
    }
    | {
        f"unexplained_jitter_{region}_iod__rms": (
            "iod",
            f"Jitter of the {region} that goes in no direction of the clip's own expressions",
        )
        for region in REGIONS
    }
    | {
        f"unexplained_jitter_{region}__over_outline": (
            "1",
            f"Unexplained jitter of the {region} over that of the outline",
        )
        for region in OVER_OUTLINE
    }
    | {
        "unexplained_jitter_face__burstiness": (
            "1",
            "Worst-frame unexplained jitter over typical unexplained jitter of the face",
        ),
    }
    | {
        f"second_difference_{region}_iod__rms": (
            "iod",
            f"Second difference of the {region} from frame to frame, as the noise that makes it",
        )
        for region in SECOND_DIFFERENCES
    },
)
def landmark_jitter(recording: Recording) -> dict[str, float]:
    """Jitter per region that neither the head's rigid motion nor expression explains.

    Lengths are in interocular distances, at least 0. Jitter is what a local cubic over 0.28 s does
    not follow: ``sqrt(mean |fast|^2 / kept)`` over points and frames. ``kept`` is the share of the
    power of white noise that the cubic leaves (2/3 in seven frames, 0.87 in seventeen), so that
    noise has its own length at any frame rate. Unexplained jitter is the same less
    its projection onto the eight leading principal components of the slow motion of the whole face:
    a blink or a syllable that is too fast for the cubic still moves the points as blinks and
    syllables do. The second difference is ``sqrt(mean |p[t-1] - 2 p[t] + p[t+1]|^2 / 6)`` of the
    same residual: the length of the noise at any frame rate if noise is all there is; of motion it
    keeps the more, the fewer frames there are per second.

    NaN when the face is never seen for 0.28 s on end (at least seven frames, which below 25 frames
    per second take longer; two more for the second difference); what expression has to do with,
    for fewer than 25 frames after the ends of each sighting are cut; all motion, for fewer than
    twelve frames of the face; irises, where the landmark scheme has none; quotients of a face that
    stands still to the last bit.
    """
    residual = rigid_residual(recording)
    regions, time_s = SCHEMES[recording.track.schema].regions, recording.time_s
    face = regions["face"]
    names = (*face, *regions["irises"])
    members = {
        region: [names.index(name) for name in regions[region]] for region in (*REGIONS, "irises")
    }
    expression = ExpressionMotion.of(residual, face, time_s)
    jitter, differences, unexplained = (
        RegionLevels({region: members[region] for region in of}, residual.n_frames)
        for of in (members, SECOND_DIFFERENCES, REGIONS)
    )
    for parts in slow_and_fast(
        lambda frames: residual.of(names, frames), residual.known(face), time_s
    ):
        jitter.add(parts.noise)
        differences.add(np.diff(parts.slow + parts.fast, 2, axis=0) / np.sqrt(WHITE_NOISE_GAIN))
        if expression is not None:
            unexplained.add(expression.removed_from(parts.noise[:, : len(face)]))
    values = {f"jitter_{region}_iod__rms": jitter.rms(region) for region in (*REGIONS, "irises")}
    values |= {
        "jitter_face_iod__p95": percentile(jitter.of("face"), 95),
        "jitter_face__burstiness": jitter.burstiness("face"),
        "residual_face_iod__rms": _residual_rms(residual, face),
        "unexplained_jitter_face__burstiness": unexplained.burstiness("face"),
    }
    for region in REGIONS:
        values[f"unexplained_jitter_{region}_iod__rms"] = unexplained.rms(region)
    for region in SECOND_DIFFERENCES:
        values[f"second_difference_{region}_iod__rms"] = differences.rms(region)
    for region in OVER_OUTLINE:
        values[f"unexplained_jitter_{region}__over_outline"] = _quotient(
            unexplained.rms(region), unexplained.rms("outline")
        )
    return {f"stability__{name}": value for name, value in values.items()}


def _residual_rms(residual: RigidResidual, names: Sequence[str]) -> float:
    moved = np.empty(residual.n_frames)
    for piece in pieces(residual.n_frames):
        moved[piece] = np.mean(np.sum(residual.of(names, piece) ** 2, axis=2), axis=1)
    moved = moved[np.isfinite(moved)]
    return rms(np.sqrt(moved)) if len(moved) >= MIN_FRAMES else float("nan")


def _quotient(length_iod: float, other_iod: float) -> float:
    return length_iod / other_iod if other_iod > _ROUNDING_IOD else float("nan")
