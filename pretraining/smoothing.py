"""An adversary who smooths how a face moves, on landmarks: pixels stay as they are."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.signal import savgol_filter
from threadpoolctl import threadpool_limits

from featurize.extraction import LandmarkOptions, extract
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.schema import SCHEMES
from featurize.landmarks.storage.store import LandmarkStore
from featurize.registry import MEASURED_SIGNALS, compute_signals, compute_video_features
from featurize.types import Extraction, LandmarkTrack
from featurize.windows import windows

SPANS = (3, 5, 9)
"""Frames over which an adversary smooths, from mild to hard."""

_ORDER = 1


def smoothed(track: LandmarkTrack, n_frames: int) -> LandmarkTrack:
    """Smooth points, expression and pose over time, each unbroken sighting by itself.

    By local straight lines (Savitzky and Golay 1964). The flow moves along with the points, so that
    their difference, which is evidence from pixels, remains. Sightings shorter than the window stay
    as they are.

    Parameters
    ----------
    track : LandmarkTrack
        A face.
    n_frames : int
        Length of the window, odd.
    """
    arrays = {
        name: np.array(array)
        for name, array in track.arrays.items()
        if name in ("points_px", "blendshapes", "pose", "flow_px")
    }
    detected = arrays["points_px"].copy()
    for sighting in _sightings(track.present):
        if sighting.stop - sighting.start < n_frames:
            continue
        for name in ("points_px", "blendshapes", "pose"):
            if name in arrays:
                before = arrays[name][sighting]
                after = savgol_filter(before, n_frames, _ORDER, axis=0)
                # Beside a value that is missing, nothing can be fitted.
                arrays[name][sighting] = np.where(np.isnan(after), before, after)
    if "blendshapes" in arrays:
        np.clip(arrays["blendshapes"], 0, 1, out=arrays["blendshapes"])
    if "pose" in arrays:
        known = np.isfinite(arrays["pose"]).all(axis=(1, 2))
        arrays["pose"][known, :3, :3] = _rotations(arrays["pose"][known, :3, :3])
    if "flow_px" in arrays:
        schema = SCHEMES[track.schema]
        moved = (arrays["points_px"] - detected)[:, schema.indices(schema.points), :2]
        arrays["flow_px"] += moved
    return replace(track, **arrays)


def smoothed_rows(
    rows: pd.DataFrame, n_frames: int, *, store: Path, window_s: float, n_jobs: int = -1
) -> pd.DataFrame:
    """Return rows of a feature table as they would be, had the face moved more smoothly.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of main faces, windows of clips whose landmarks are in the store.
    n_frames : int
        As for :func:`smoothed`; 1 to leave them as they are.
    store : Path
        Folder of landmarks.
    window_s : float
        Length of the windows.
    n_jobs : int
        Processes.
    """
    of_clips = Parallel(n_jobs=n_jobs)(
        delayed(_measured)(path, clip, n_frames, store, window_s)
        for path, clip in rows.groupby("path", sort=False)
    )
    return pd.concat(of_clips).loc[rows.index]


def _measured(
    path: str, rows: pd.DataFrame, n_frames: int, store: Path, window_s: float
) -> pd.DataFrame:
    with threadpool_limits(limits=1):
        observer = PixelObserver(MEASURED_SIGNALS)
        found = extract(path, LandmarkOptions(), observer, LandmarkStore(store))
        track = found.tracks[0] if n_frames == 1 else smoothed(found.tracks[0], n_frames)
        spans = dict(windows(track.time_s, window_s))
        values = {
            index: _features(track, spans[start_s], found)
            for index, start_s in rows["window_start_s"].items()
        }
    told = pd.DataFrame.from_dict(values, orient="index")
    told = told[[name for name in told if name in rows]]
    return pd.concat([rows.drop(columns=told.columns), told], axis=1)[rows.columns]


def _features(track: LandmarkTrack, frames: slice, found: Extraction) -> dict[str, float]:
    """Features of a window, cut as :func:`featurize.featurize_video` does."""
    heard = found.sound and found.sound.between(
        -np.inf if frames.start == 0 else track.time_s[frames.start],
        np.inf if frames.stop == track.n_frames else track.time_s[frames.stop],
    )
    return compute_video_features(compute_signals(track.cut(frames), found.info, heard))


def _sightings(present: np.ndarray) -> Iterator[slice]:
    """Unbroken stretches of frames that show the face."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], present, [0]])))
    yield from (slice(*pair) for pair in edges.reshape(-1, 2).tolist())


def _rotations(matrices: np.ndarray) -> np.ndarray:
    """The nearest rotations ``(n, 3, 3)``: means of rotations are none."""
    u, _, v = np.linalg.svd(matrices)
    return u @ v
