"""Tracks whose patches of skin have known colours."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from featurize.frame_features.skin import MEASURES, PATCHES
from featurize.landmarks.schema import mirror_name
from featurize.types import LandmarkTrack


def with_skin(track: LandmarkTrack, colours: Mapping[str, np.ndarray]) -> LandmarkTrack:
    """The track with ``(n_frames, 3)`` or ``(3,)`` colours of patches; others were not seen."""
    appearance = np.full((track.n_frames, len(PATCHES), 3), np.nan, np.float32)
    for number, name in enumerate(PATCHES):
        if name in colours:
            appearance[:, number] = colours[name]
    appearance[~track.present] = np.nan
    flat = appearance.reshape(track.n_frames, -1)
    return replace(track, appearance=flat, measures=MEASURES)


def mirrored_patch(name: str) -> str:
    """The patch on the other side of the face.

    Examples
    --------
    >>> mirrored_patch("cheek_left"), mirrored_patch("chin")
    ('cheek_right', 'chin')
    """
    stem, _, side = name.rpartition("_")
    if side not in ("left", "right"):
        return name
    return f"{stem}_{mirror_name(side + '_').removesuffix('_')}"
