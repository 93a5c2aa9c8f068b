"""The typical faults of a face swap, put on a scripted performance.

The inner face of a driver, who may not blink when the script does, is softened, recoloured and
pasted over the authentic frame, a little beside its place in every frame, with a blurred edge. The
pasted face carries no grain: the camera's is only around it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from featurize.synthesis.performer import Performer
from featurize.synthesis.script import Script


@dataclass(frozen=True)
class FaceSwapFaults:
    """How bad a face swap is. Lengths are in distances between the pupils.

    The defaults are a coarse swap, plain to see: it trembles more than any that
    :func:`random_faults` draws, and it never blinks.

    Attributes
    ----------
    jitter_iod : float
        Standard deviation, per axis, of the pasted face's distance from its true place; drawn for
        each frame independently of the others.
    jitter_rotation_deg, jitter_scale : float
        The same for its rotation in the image and its relative size.
    face_resolution : float
        Pixels between the pupils at which the pasted face was made; the lower, the softer.
    colour_shift : tuple of float
        Added to red, green and blue of the pasted face, in levels of 255.
    edge_iod : float
        Standard deviation of the blur of the blending edge.
    blinks : bool
        Whether the pasted face blinks with the script.
    seed : int
        Draws the jitter; 0 or above.
    """

    jitter_iod: float = 0.018
    jitter_rotation_deg: float = 0.6
    jitter_scale: float = 0.012
    face_resolution: float = 24.0
    colour_shift: tuple[float, float, float] = (9.0, 2.0, -7.0)
    edge_iod: float = 0.05
    blinks: bool = False
    seed: int = 0


def random_faults(seed: int) -> FaceSwapFaults:
    """Draw a face swap of some quality, every second one with blinks; same seed, same faults."""
    rng = np.random.default_rng(seed)
    return FaceSwapFaults(
        jitter_iod=float(rng.uniform(0.001, 0.012)),
        jitter_rotation_deg=float(rng.uniform(0.05, 0.5)),
        jitter_scale=float(rng.uniform(0.001, 0.008)),
        face_resolution=float(rng.uniform(18.0, 32.0)),
        colour_shift=tuple(float(v) for v in rng.uniform(-9.0, 9.0, 3)),
        edge_iod=float(rng.uniform(0.03, 0.08)),
        blinks=bool(rng.random() < 0.5),
        seed=seed,
    )


def manipulated_frame(
    performer: Performer, script: Script, time_s: float, faults: FaceSwapFaults
) -> np.ndarray:
    """Film one moment of a performance with a swapped face.

    Parameters
    ----------
    performer : Performer
        Who performs.
    script : Script
        What the authentic performance is; head motion and speech of the pasted face are the same.
    time_s : float
        When. Jitter depends on it and on the seed, not on which frames were filmed before.
    faults : FaceSwapFaults
        What is wrong with the swap.

    Returns
    -------
    numpy.ndarray
        ``(size_px, size_px, 3)`` uint8; outside the face the same bytes as
        :meth:`Performer.frame`.
    """
    state = script.at(time_s)
    driver_script = script if faults.blinks else script.without_blinks()
    view = performer.view(state)
    authentic = performer.add_grain(performer.draw(view, state), time_s)
    driver = performer.draw(view, driver_script.at(time_s))
    region = performer.face_region(view, faults.edge_iod)

    small = faults.face_resolution / performer.interocular_px
    if small < 1:
        driver = cv2.resize(driver, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
    side = (performer.size_px, performer.size_px)
    driver = cv2.resize(driver, side, interpolation=cv2.INTER_CUBIC)
    misplaced = _misplacement(performer, region, time_s, faults)
    driver = cv2.warpAffine(driver, misplaced, side, borderMode=cv2.BORDER_REPLICATE)
    region = cv2.warpAffine(region, misplaced, side)[..., None]
    pasted = np.clip(driver + np.array(faults.colour_shift, np.float32), 0, 255)
    return np.round(authentic * (1 - region) + pasted * region).astype(np.uint8)


def _misplacement(
    performer: Performer, region: np.ndarray, time_s: float, faults: FaceSwapFaults
) -> np.ndarray:
    """Return the ``(2, 3)`` map by which the pasted face of one frame misses its place."""
    # A spawn key, because zeros at the end of a list of seeds change nothing: at 0 s the jitter
    # would come from the very numbers that random_faults draws from.
    tick = round(time_s * 90_000)
    rng = np.random.default_rng(np.random.SeedSequence(faults.seed, spawn_key=(tick,)))
    shift = rng.normal(0, faults.jitter_iod, 2) * performer.interocular_px
    turn_deg = rng.normal(0, faults.jitter_rotation_deg)
    scale = 1 + rng.normal(0, faults.jitter_scale)
    moments = cv2.moments(region)
    centre = (moments["m10"] / moments["m00"], moments["m01"] / moments["m00"])
    misplaced = cv2.getRotationMatrix2D(centre, turn_deg, scale)
    misplaced[:, 2] += shift
    return misplaced
