"""Lighting over time: whether the shades of the face move as under one light that stays.

The light of a scene stays where it is while the head turns, and its changes reach face and neck at
once. A face that was painted on, or whose parts are generated, need not know that.
"""

import numpy as np
from scipy.ndimage import uniform_filter1d

from featurize.declaration import Recording, summary
from featurize.frame_features.lighting import light_vectors, luminance, unit
from featurize.scratch import blocks, scratch
from featurize.video_features.functionals import (
    MIN_FRAMES,
    Functional,
    iqr,
    median,
    together,
    where,
)
from featurize.video_features.sampling import GRID_HZ, all_known, joined, segments
from featurize.video_features.statistics import pearson, percentile, ratio

LIGHTING_FUNCTIONALS: tuple[Functional, ...] = (
    Functional("median", "{unit}", median),
    Functional("iqr", "{unit}", iqr),
)
"""Applied to signals of lighting: where they are, and how much they change."""

MIN_YAW_RANGE_DEG = 4.0
"""A head that turns less does not show how its shading follows."""

MIN_FOLLOWED_S = 1.8
"""Covariation is taken over stretches of at least this length: those of a clip of 2 s, whose last
frame lies up to 0.2 s before its end."""

FAST_S = (0.1, 1.0)
"""Changes of luminance count as fast that last longer than a frame or two and shorter than this."""

_AZIMUTH, _ELEVATION = "lighting__light_azimuth_deg", "lighting__light_elevation_deg"
_PARTS = {
    "forehead": ("forehead_left", "forehead_middle", "forehead_right"),
    "jowls": ("jowl_left", "jowl_right"),
    "neck": ("neck",),
}


@summary(
    family="lighting",
    reference="Lambertian shading of a turning head; cf. Kee & Farid 2010 (3-D lighting of faces)",
    confounded_by=("range of head turns", "changes of the light", "hair", "pose error"),
    features={
        "shading_with_yaw__correlation": (
            "1",
            "Correlation of left-right shading with yaw: the side that turns to the light lights "
            "up, so about -1 under a fixed light in front",
        ),
        "shading_with_yaw__slope_per_deg": (
            "1/deg",
            "Change of left-right shading for each degree of yaw",
        ),
        "shading_with_yaw__residual": (
            "1",
            "Standard deviation of what yaw leaves unexplained of left-right shading",
        ),
        "light_wander_deg__median": (
            "deg",
            "Typical angle between the light's direction in the scene and its mean direction",
        ),
        "light_wander__scene_to_head": (
            "1",
            "The same over how far the light wanders as seen from the turning head: below 1 when "
            "the light stays in the scene, 1 and above when it turns with the head",
        ),
    },
)
def light_and_turns(recording: Recording) -> dict[str, float]:
    """How shading follows the head, and how steadily the light stays in the scene.

    All but the wander itself are NaN when yaw ranges over less than 4 degrees (5th to 95th
    percentile). Everything is NaN of too few frames: shading needs 12 in which forehead, cheek and
    jowl of both sides are seen, the wander 12 in which all patches of the face are.
    """
    yaw_deg = recording.signals["head_pose__yaw_deg"]
    shading = recording.signals["lighting__shading_left_right"]
    known = np.isfinite(yaw_deg) & np.isfinite(shading)
    turns = _turns_enough(yaw_deg[known])
    correlation = slope = residual = np.nan
    if turns:
        yaw, shade = yaw_deg[known], shading[known]
        yaw -= yaw.mean()
        shade -= shade.mean()
        correlation = pearson(yaw, shade)
        slope = np.sum(yaw * shade) / np.sum(yaw**2)
        residual = np.std(shade - slope * yaw)
    in_scene = _wander_deg(_scene_directions(recording))
    in_head = _wander_deg(_head_directions(recording))
    return {
        "lighting__shading_with_yaw__correlation": correlation,
        "lighting__shading_with_yaw__slope_per_deg": slope,
        "lighting__shading_with_yaw__residual": residual,
        "lighting__light_wander_deg__median": in_scene,
        "lighting__light_wander__scene_to_head": ratio(in_scene, in_head) if turns else np.nan,
    }


@summary(
    family="lighting",
    reference="one light for face and neck; cf. FakeCatcher (Ciftci, Demir & Yin 2020)",
    confounded_by=("speech", "head motion", "compression", "clothes or hair over the neck"),
    features={
        f"covariation_cheeks_{part}__correlation": (
            "1",
            f"Correlation of fast changes of luminance (0.1 to 1 s) of cheeks and {part}",
        )
        for part in _PARTS
    },
)
def covariation(recording: Recording) -> dict[str, float]:
    """Whether fast changes of brightness come to all parts of face and neck together.

    Of the logarithm of luminance, so that exposure moves all parts alike. NaN where two parts are
    not seen together in a clip of 2 s without a break, or do not change.
    """
    cheeks = luminance(recording.track, "cheek_left", "cheek_right")
    values = {}
    for part, patches in _PARTS.items():
        both = together([cheeks, luminance(recording.track, *patches)])
        for block in blocks(len(both)):
            level = both[block]
            both[block] = np.log(np.where(level > 0, level, np.nan))
        changes = [
            _fast(segment.values)
            for segment in segments(both, recording.time_s)
            if segment.duration_s >= MIN_FOLLOWED_S
        ]
        name = f"lighting__covariation_cheeks_{part}__correlation"
        values[name] = pearson(*joined(changes, 2).T)
    return values


def _turns_enough(yaw_deg: np.ndarray) -> bool:
    if len(yaw_deg) < MIN_FRAMES:
        return False
    low, high = np.percentile(yaw_deg, [5, 95])
    return bool(high - low >= MIN_YAW_RANGE_DEG)


def _scene_directions(recording: Recording) -> np.ndarray:
    """``(n_frames, 3)`` unit vectors towards the light, in picture axes."""
    directions = scratch((len(recording.time_s), 3))
    for block in blocks(len(directions)):
        azimuth, elevation = (
            np.radians(recording.signals[column][block]) for column in (_AZIMUTH, _ELEVATION)
        )
        level = np.cos(elevation)
        right, forward = level * np.sin(azimuth), level * np.cos(azimuth)
        directions[block] = np.stack([right, np.sin(elevation), forward], axis=1)
    return directions


def _head_directions(recording: Recording) -> np.ndarray:
    """``(n_frames, 3)`` the same in the axes of the head."""
    directions, vectors = scratch((len(recording.time_s), 3)), light_vectors(recording.track)
    for block in blocks(len(directions)):
        directions[block] = unit(vectors[block])
    return directions


def _wander_deg(directions: np.ndarray) -> float:
    """Median angle between unit vectors and their mean; NaN of too few."""
    known = where(directions, all_known(directions))
    mean = np.sum([known[block].sum(axis=0) for block in blocks(len(known))], axis=0)
    if len(known) < MIN_FRAMES or not np.any(mean):
        return np.nan
    angles = np.empty(len(known))
    for block in blocks(len(known)):
        cosines = known[block] @ (mean / np.linalg.norm(mean))
        angles[block] = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    return percentile(angles, 50)


def _fast(values: np.ndarray) -> np.ndarray:
    short, long = (round(length_s * GRID_HZ) for length_s in FAST_S)
    changes = scratch(values.shape)
    for number, column in enumerate(values.T):
        changes[:, number] = uniform_filter1d(column, short) - uniform_filter1d(column, long)
    return changes
