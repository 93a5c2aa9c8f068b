"""Landmark stability: what still moves when the head's own motion is taken out.

A pasted or generated face trembles against its own skull from frame to frame; a filmed one does so
only by the noise of the landmark finder.
"""

import numpy as np
from scipy.signal import savgol_filter

from featurize.declaration import Recording, summary
from featurize.frame_features.points import fit_rotation
from featurize.landmarks.schema import SCHEMES
from featurize.types import LandmarkTrack
from featurize.video_features.sampling import stretches
from featurize.video_features.statistics import percentile, ratio, rms

REGIONS = ("eyes", "irises", "brows", "nose", "mouth", "outline")
SMOOTHING_WINDOW_S = 0.28
"""Motion slower than this window follows is expression; what is left of it is jitter."""

_REFERENCE = "landmark jitter after Sun et al. 2021 (LRNet), with rigid motion removed in 3-D"
_CONFOUNDERS = ("face size", "blur", "compression", "frame rate", "head speed", "identity")


def rigid_residual_iod(track: LandmarkTrack) -> tuple[np.ndarray, tuple[str, ...]]:
    """Place of each named point after the head's rigid motion is removed.

    Every frame is laid onto the clip's mean face by the rotation, translation and scale that fit
    its rigid points best (Umeyama 1991), in three dimensions. What is left is expression and
    jitter.

    Returns
    -------
    numpy.ndarray
        ``(n_frames, n_names, 2)`` offsets from the clip's mean face in the frontal plane of the
        face, to the subject's left and up, in interocular distances; NaN where the face is missing.
    tuple of str
        Names of the points.
    """
    schema = SCHEMES[track.schema]
    names = tuple(schema.points)
    points = track.points_px[:, schema.indices(names)].astype(np.float64) * [1, -1, -1]
    present = track.present
    residual = np.full((*points.shape[:2], 2), np.nan)
    if not present.any():
        return residual, names
    rigid = [names.index(name) for name in schema.rigid_cm]
    # Onto the average face first, then twice onto the clip's own mean face, which looks ahead too.
    own = np.full(points.shape[1:], np.nan)
    own[rigid] = [*schema.rigid_cm.values()]
    for _ in range(3):
        aligned = _aligned(points[present], own, rigid)
        own = _mean_of_known(aligned)
    outer = [names.index("right_eye_outer"), names.index("left_eye_outer")]
    iod = np.linalg.norm(np.diff(own[outer], axis=0))
    residual[present] = (aligned - own)[..., :2] / iod
    return residual, names


def _mean_of_known(faces: np.ndarray) -> np.ndarray:
    """Mean over the frames of each point where it is known, ``(p, 3)``; NaN where it never is."""
    known = np.isfinite(faces)
    count = known.sum(axis=0)
    total = np.where(known, faces, 0).sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _aligned(faces: np.ndarray, reference: np.ndarray, rigid: list[int]) -> np.ndarray:
    """Lay faces ``(n, p, 3)`` onto a reference ``(p, 3)`` by their rigid points."""
    target = reference[rigid] - reference[rigid].mean(axis=0)
    centred = faces - faces[:, rigid].mean(axis=1, keepdims=True)
    turned = np.einsum("npi,nij->npj", centred, fit_rotation(faces[:, rigid], target))
    source = turned[:, rigid]
    scale = np.sum(source * target, axis=(1, 2)) / np.sum(source**2, axis=(1, 2))
    return turned * scale[:, None, None]


def jitter_iod(residual: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Fast part of the residual: what a local cubic over 0.28 s does not follow.

    Parameters
    ----------
    residual : numpy.ndarray
        ``(n_frames, n_points, 2)`` from :func:`rigid_residual_iod`.
    time_s : numpy.ndarray
        ``(n_frames,)``.

    Returns
    -------
    numpy.ndarray
        ``(n_frames, n_points)`` length of the fast part, interocular distances. NaN where any of
        the points is missing, and at both ends of a stretch, where the window does not fit.
    """
    fast = np.full(residual.shape[:2], np.nan)
    for stretch in stretches(np.isfinite(residual).all(axis=(1, 2)), time_s):
        piece = residual[stretch]
        step_s = float(np.median(np.diff(time_s[stretch])))
        # At least seven frames: a cubic through five follows almost any noise.
        window = max(7, round(SMOOTHING_WINDOW_S / step_s) | 1)
        if len(piece) < window:
            continue
        rest = np.linalg.norm(piece - savgol_filter(piece, window, 3, axis=0), axis=2)
        half = window // 2
        fast[stretch][half : len(piece) - half] = rest[half : len(piece) - half]
    return fast


@summary(
    family="stability",
    reference=_REFERENCE,
    confounded_by=_CONFOUNDERS,
    features={
        f"jitter_{region}_iod__{statistic}": (unit, f"{meaning} of the {region}")
        for region in (*REGIONS, "face")
        for statistic, unit, meaning in (
            ("rms", "iod", "Frame-to-frame jitter after rigid motion is removed,"),
            ("p95", "iod", "Jitter in the worst frames after rigid motion is removed,"),
        )
    }
    | {
        f"jitter_{region}__over_outline": (
            "1",
            f"Jitter of the {region} over jitter of the outline",
        )
        for region in REGIONS
        if region != "outline"
    }
    | {
        "jitter_face__burstiness": ("1", "Worst-frame jitter over typical jitter of the face"),
        "residual_face_iod__rms": ("iod", "All motion left when rigid motion is removed"),
    },
)
def landmark_stability(recording: Recording) -> dict[str, float]:
    """Rigid-motion-compensated jitter per region, in interocular distances.

    NaN when the face is never seen for seven frames in a row.
    """
    residual, names = rigid_residual_iod(recording.track)
    of_region = {
        region: residual[:, [names.index(name) for name in members]]
        for region, members in SCHEMES[recording.track.schema].regions.items()
    }
    levels = {
        region: _level_per_frame(jitter_iod(of_region[region], recording.time_s))
        for region in (*REGIONS, "face")
    }
    values: dict[str, float] = {}
    for region, level in levels.items():
        values[f"stability__jitter_{region}_iod__rms"] = rms(level)
        values[f"stability__jitter_{region}_iod__p95"] = percentile(level, 95)
    for region in REGIONS:
        if region != "outline":
            values[f"stability__jitter_{region}__over_outline"] = ratio(
                rms(levels[region]), rms(levels["outline"])
            )
    values["stability__jitter_face__burstiness"] = ratio(
        percentile(levels["face"], 95), percentile(levels["face"], 50)
    )
    face = of_region["face"]
    moved = face[np.isfinite(face).all(axis=(1, 2))]
    values["stability__residual_face_iod__rms"] = rms(np.linalg.norm(moved, axis=2))
    return values


def _level_per_frame(fast: np.ndarray) -> np.ndarray:
    """Root mean square over the points, for each frame in which all are known."""
    return np.sqrt(np.mean(fast[np.isfinite(fast).all(axis=1)] ** 2, axis=1))
