"""What the networks of the folds say of videos that none of them has learnt from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from featurize.declaration import Recording
from featurize.embedding import with_samples
from featurize.errors import VideoError
from featurize.extraction import LandmarkOptions, extract
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.storage.store import LandmarkStore
from featurize.networks.blending_lite0 import FACTS, BlendingLite0
from featurize.registry import MEASURED_SIGNALS
from featurize.types import LandmarkTrack
from featurize.video_features.pooled import cnn_summary
from featurize.video_source import VideoSource
from featurize.windows import WINDOW_COLUMNS, windows

SUMMARY = cnn_summary(FACTS.name, FACTS.n_dims)


def fold_columns(
    table: pd.DataFrame,
    folds: pd.Series,
    nets: Mapping[int, Path],
    *,
    store: str | Path | None = None,
) -> pd.DataFrame:
    """Columns ``cnn__blending_lite0_...`` with each row by the network of its own fold.

    Parameters
    ----------
    table : pandas.DataFrame
        A feature table, of whole videos or of windows, or a manifest: rows with ``path``, and the
        bounds of the window if it has any.
    folds : pandas.Series
        The fold of each row, with the index of the table: that of the authentic clip which the
        video is, or was made of.
    nets : Mapping[int, Path]
        For each fold the ONNX file of the network that has not seen it.
    store : str or Path, optional
        Folder of landmarks, which keeps what networks say too.

    Returns
    -------
    pandas.DataFrame
        float64 with the index of the table, as ``--cnn blending-lite0`` writes them; NaN in rows
        whose ``status`` is not ok, in those of other faces than the main one, and where the video
        cannot be read.

    Raises
    ------
    KeyError
        When a fold has no network.
    """
    kept = None if store is None else LandmarkStore(store)
    asked = {fold: _Asked((BlendingLite0("cpu", path),)) for fold, path in nets.items()}
    names = [feature.name for feature in SUMMARY.features]
    columns = pd.DataFrame(np.nan, table.index, names)
    usable = table[table["status"] == "ok"] if "status" in table else table
    usable = usable[usable["face"] == 0] if "face" in usable else usable
    for (path, fold), rows in usable.groupby(["path", folds.loc[usable.index]]):
        try:
            track = _track(path, asked[fold], kept)
        except VideoError:
            continue
        for index, row in rows.iterrows():
            part = None if track is None else _part(track, row)
            if part is not None:
                columns.loc[index] = SUMMARY(Recording(part, {}))
    return columns


@dataclass(frozen=True)
class _Asked:
    """Networks as :func:`featurize.embedding.with_samples` asks for them."""

    networks: tuple[BlendingLite0, ...]

    @property
    def specs(self) -> tuple[str, ...]:
        return tuple(network.facts.spec for network in self.networks)

    def opened(self) -> tuple[BlendingLite0, ...]:
        return self.networks


def _track(path: str, asked: _Asked, store: LandmarkStore | None) -> LandmarkTrack | None:
    """The main face with what the networks say of it; None without a face."""
    with VideoSource(path) as source:
        found = extract(source, LandmarkOptions(), PixelObserver(MEASURED_SIGNALS), store)
        main = replace(found, tracks=found.tracks[:1])
        return with_samples(source, main, asked, store).tracks[0] if main.tracks else None


def _part(track: LandmarkTrack, row: pd.Series) -> LandmarkTrack | None:
    """The window of a row; the whole track where the table has no windows."""
    if WINDOW_COLUMNS[0] not in row:
        return track
    start_s, end_s = (float(row[name]) for name in WINDOW_COLUMNS)
    for found_s, frames in windows(track.time_s, round(end_s - start_s, 6)):
        if abs(found_s - start_s) < 1e-3:
            return track.cut(frames)
    return None
