"""Rows of the feature table: what a table is made of, and how rows become one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from featurize import __version__
from featurize.extraction import LandmarkOptions
from featurize.feature_options import BASE_FEATURES, FeatureOptions
from featurize.manifest import MANIFEST_COLUMNS
from featurize.registry import video_features
from featurize.windows import WINDOW_COLUMNS

META_COLUMNS: tuple[str, ...] = (
    *("path", "face", *(column for column in MANIFEST_COLUMNS if column != "path")),
    *("status", "reason", "n_frames", "face_rate", "duration_s", "fps", "face_width_px"),
    *("landmarks_backend", "featurize_version"),
)
"""Columns that come before the features in every table. A table of windows has
:data:`featurize.windows.WINDOW_COLUMNS` after ``face``, and its numbers speak of the window:
``n_frames, face_rate, duration_s, fps`` and ``face_width_px``."""

# Held by Python: names of files may be any bytes, and pyarrow, where it is, takes UTF-8 alone.
_TEXT = pd.StringDtype("python", na_value=np.nan)


@dataclass(frozen=True)
class Row:
    """One row of the feature table, as it travels between processes.

    Attributes
    ----------
    meta : dict
        Values of :func:`meta_columns`, as far as they are known.
    features : numpy.ndarray
        ``(n_features,)`` float64, in the order of :func:`featurize.registry.video_features`; NaN
        where unknown. Names would make a row of a hundred kilobytes out of one of eight.
    """

    meta: dict[str, object]
    features: np.ndarray


def failed_row(
    status: str, reason: str, options: LandmarkOptions, features: FeatureOptions = BASE_FEATURES
) -> Row:
    """The row of a video that could not be used."""
    meta = {"face": 0, "status": status, "reason": reason, **origin(options)}
    return Row(meta, np.full(len(video_features(features)), np.nan))


def origin(options: LandmarkOptions) -> dict[str, object]:
    """What a row says of how it was made."""
    return {"landmarks_backend": options.name, "featurize_version": __version__}


def meta_columns(window_s: float | None) -> list[str]:
    """Columns before the features: :data:`META_COLUMNS`, of windows :data:`WINDOW_COLUMNS` too."""
    path, face, *others = META_COLUMNS
    return [path, face, *(WINDOW_COLUMNS if window_s is not None else ()), *others]


def as_table(rows: list[Row], features: FeatureOptions = BASE_FEATURES) -> pd.DataFrame:
    """Rows as a table with every column of the contract, in its order; unknown values are NaN."""
    numbers = ("n_frames", "face_rate", "duration_s", "fps", "face_width_px", *WINDOW_COLUMNS)
    meta = {}
    for column in meta_columns(features.window_s):
        values = [row.meta.get(column) for row in rows]
        if column in numbers:
            meta[column] = np.array(values, float)
        elif column == "face":
            meta[column] = np.array(values, int)
        else:
            texts = ["" if value is None else str(value) for value in values]
            meta[column] = pd.array(texts, dtype=_TEXT)
    names = [feature.name for feature in video_features(features)]
    values_of_all = pd.DataFrame(np.stack([row.features for row in rows]), columns=names)
    return pd.concat([pd.DataFrame(meta), values_of_all], axis=1)
