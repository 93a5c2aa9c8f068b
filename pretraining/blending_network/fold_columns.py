"""What the networks of the folds say of videos that none of them has learnt from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from featurize.declaration import Recording
from featurize.embedding import with_samples
from featurize.errors import VideoError
from featurize.extraction import LandmarkOptions, extract, one_thread
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
    n_jobs: int = 1,
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
    n_jobs : int
        Processes, as in joblib. The result does not depend on it.

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
    names = [feature.name for feature in SUMMARY.features]
    columns = pd.DataFrame(np.nan, table.index, names)
    usable = table[table["status"] == "ok"] if "status" in table else table
    usable = usable[usable["face"] == 0] if "face" in usable else usable
    bounds = usable[[name for name in WINDOW_COLUMNS if name in usable]]
    found = Parallel(n_jobs=n_jobs)(
        delayed(_of_video)(path, nets[fold], rows, store)
        for (path, fold), rows in bounds.groupby([usable["path"], folds.loc[usable.index]])
    )
    for values in found:
        for index, value in values.items():
            columns.loc[index] = value
    return columns


def _of_video(
    path: str, net: Path, rows: pd.DataFrame, store: str | Path | None
) -> dict[object, dict[str, float]]:
    """What is said of each row of a video, by index; nothing of rows that have no face."""
    with one_thread(), threadpool_limits(limits=1):
        try:
            track = _track(path, _asked(net), None if store is None else LandmarkStore(store))
        except VideoError:
            return {}
    parts = {} if track is None else {index: _part(track, row) for index, row in rows.iterrows()}
    return {
        index: SUMMARY(Recording(part, {})) for index, part in parts.items() if part is not None
    }


@dataclass(frozen=True)
class _Asked:
    """Networks as :func:`featurize.embedding.with_samples` asks for them."""

    networks: tuple[BlendingLite0, ...]

    @property
    def specs(self) -> tuple[str, ...]:
        return tuple(network.facts.spec for network in self.networks)

    def opened(self) -> tuple[BlendingLite0, ...]:
        return self.networks


@cache
def _asked(net: Path) -> _Asked:
    """A network, read once in each process."""
    return _Asked((BlendingLite0("cpu", net),))


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
