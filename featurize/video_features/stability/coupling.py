"""Whether jitter is one and the same all over the face, and from frame to frame.

Blur, compression and a camera shake the whole face at once, and a landmark finder errs anew in
every frame. A part that is drawn by itself trembles by itself; what is drawn from smooth
coefficients errs alike in successive frames.
"""

from collections.abc import Sequence

import numpy as np

from featurize.declaration import Recording, summary
from featurize.landmarks.schema import SCHEMES
from featurize.scratch import let_go, scratch
from featurize.video_features.stability.rigid_residual import RigidResidual, rigid_residual
from featurize.video_features.stability.slow_and_fast import slow_and_fast
from featurize.video_features.statistics import pearson

TOGETHER = (("nose", "mouth"), ("mouth", "outline"))
STRENGTHS = (("eyes", "mouth"), ("mouth", "outline"))
SUCCESSIVE = ("brows", "nose", "mouth")
_SIDES = (("mouth", "left_"), ("mouth", "right_"))
_SHIFTED = (*((region, "") for region in ("nose", "mouth", "outline")), *_SIDES)
_STRONG = ("eyes", "mouth", "outline")

# Jitter of points that stand still but for the rounding of float32 pixels.
_ROUNDING_IOD = 1e-6


@summary(
    family="stability",
    reference="common-mode and independent landmark noise; LRNet's temporal evidence (Sun et al. "
    "2021)",
    confounded_by=("speech", "blinks", "blur", "compression", "frame rate", "face size"),
    features={
        f"jitter_{first}_{second}__together": (
            "1",
            f"Correlation of the displacements of {first} and {second} by jitter",
        )
        for first, second in TOGETHER
    }
    | {
        "jitter_mouth_left_right__together": (
            "1",
            "Correlation of the displacements of both sides of the mouth by jitter",
        )
    }
    | {
        f"jitter_{first}_{second}__strength_pearson": (
            "1",
            f"Correlation over time of the strengths of jitter of {first} and {second}",
        )
        for first, second in STRENGTHS
    }
    | {
        f"jitter_{region}__successive": (
            "1",
            f"Autocorrelation of the jitter of the {region} from frame to frame",
        )
        for region in SUCCESSIVE
    },
)
def jitter_coupling(recording: Recording) -> dict[str, float]:
    """Correlations of jitter between regions, between sides, and between successive frames.

    With ``f`` the fast part of the residual (see the jitter of the same family) and ``m`` its mean
    over the points of a region: together is ``sum(m1 m2) / sqrt(sum |m1|^2 sum |m2|^2)`` over
    frames and both axes; strength is Pearson's correlation of the logarithms of ``mean |f|^2``;
    successive is ``2 sum f[t] f[t+1] / sum (|f[t]|^2 + |f[t+1]|^2)`` over all pairs of successive
    frames, with the fast part of the least window, seven frames at any frame rate: of white noise
    the cubic takes the slow part away and leaves -24/49. All in [-1, 1]; of white noise, together
    lies between 0 and 0.6, as the fit of the head's motion errs for all regions alike. NaN of a
    face that stands still, and when it is never seen for 0.28 s on end (at least seven frames,
    which below 25 frames per second take longer); successive, for eight frames in a row.
    """
    residual = rigid_residual(recording)
    regions = SCHEMES[recording.track.schema].regions
    names = regions["face"]
    members = {
        (region, side): [names.index(name) for name in regions[region] if name.startswith(side)]
        for region, side in (*_SHIFTED, *((region, "") for region in _STRONG))
    }
    n_frames = residual.n_frames
    shifts = {of: scratch((n_frames, 2)) for of in _SHIFTED}
    powers = {region: scratch((n_frames,)) for region in _STRONG}
    n = 0
    for parts in slow_and_fast(
        lambda frames: residual.of(names, frames), residual.known(names), recording.time_s
    ):
        here, n = slice(n, n + len(parts.fast)), n + len(parts.fast)
        for of in _SHIFTED:
            shifts[of][here] = parts.fast[:, members[of]].mean(axis=1)
            let_go(shifts[of])
        for region in _STRONG:
            fast = parts.fast[:, members[region, ""]]
            powers[region][here] = np.mean(np.sum(fast**2, axis=2), axis=1)
            let_go(powers[region])
    shift = {of: array[:n] for of, array in shifts.items()}
    power = {region: array[:n] for region, array in powers.items()}
    values: dict[str, float] = {}
    for first, second in TOGETHER:
        values[f"jitter_{first}_{second}__together"] = _together(
            shift[first, ""], shift[second, ""]
        )
    values["jitter_mouth_left_right__together"] = _together(*(shift[of] for of in _SIDES))
    for first, second in STRENGTHS:
        strengths = (np.log(np.maximum(power[of], _ROUNDING_IOD**2)) for of in (first, second))
        values[f"jitter_{first}_{second}__strength_pearson"] = pearson(*strengths)
    for region in SUCCESSIVE:
        values[f"jitter_{region}__successive"] = _successive(
            residual, regions[region], residual.known(names), recording.time_s
        )
    return {f"stability__{name}": value for name, value in values.items()}


def _successive(
    residual: RigidResidual, names: Sequence[str], known: np.ndarray, time_s: np.ndarray
) -> float:
    """Autocorrelation of the fast part of some points from one frame to the next.

    The window has the same number of frames at any frame rate: a longer one takes less of the slow
    part of noise away, and the autocorrelation would tell the frame rate.
    """
    pairs, product, power = 0, 0.0, 0.0
    for parts in slow_and_fast(lambda frames: residual.of(names, frames), known, time_s, 0):
        before, after = parts.fast[:-1], parts.fast[1:]
        pairs += before[..., 0].size
        product += float(np.sum(before * after))
        power += float(np.sum(before**2) + np.sum(after**2)) / 2
    return product / power if power > _ROUNDING_IOD**2 * pairs else float("nan")


def _together(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of displacements ``(n, 2)`` about zero."""
    powers = np.sum(first**2), np.sum(second**2)
    if not min(powers) > _ROUNDING_IOD**2 * len(first):
        return float("nan")
    return float(np.sum(first * second) / np.sqrt(powers[0] * powers[1]))
