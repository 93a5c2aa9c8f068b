"""A feature table, from a file or from memory, checked once and turned into training data."""

import csv
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.conditioning import COVARIATES, covariate_columns
from models.errors import FeatureMismatchError, TableError

_TEXT_COLUMNS = (
    "path",
    "label",
    "group",
    "method",
    "dataset",
    "compression",
    "split",
    "status",
    "reason",
    "landmarks_backend",
    "featurize_version",
)
_MISSING_NUMBERS = ["", "NA", "N/A", "<NA>", "NaN", "nan", "None", "NULL", "null"]
_LABELS = ("real", "fake")
_N_NAMED = 5


@dataclass(frozen=True)
class TrainingTable:
    """The rows of a feature table that can be learnt from, one per video.

    Attributes
    ----------
    features : numpy.ndarray
        ``(n_videos, n_features)`` float64; NaN where a value is missing or infinite.
    columns : tuple of str
        ``(n_features,)`` names of the features, sorted.
    covariates : numpy.ndarray
        ``(n_videos, n_covariates)`` float64, the quality at which each video was measured; no
        column where features are not conditioned on it.
    covariate_columns : tuple of str
        ``(n_covariates,)`` their names.
    is_fake : numpy.ndarray
        ``(n_videos,)`` int, 1 for a manipulated video and 0 for an authentic one.
    groups : numpy.ndarray
        ``(n_videos,)`` str. Videos of one group share a person or a source and are never
        split between training and test.
    meta : pandas.DataFrame
        ``path, label, group, method, dataset, compression`` and the other text columns of the
        table, empty text where missing, in the order of ``features``.
    remarks : tuple of str
        What was left out or filled in, one sentence each.
    sha256 : str
        Of the file; empty when the table came from memory.
    """

    features: np.ndarray
    columns: tuple[str, ...]
    covariates: np.ndarray
    covariate_columns: tuple[str, ...]
    is_fake: np.ndarray
    groups: np.ndarray
    meta: pd.DataFrame
    remarks: tuple[str, ...]
    sha256: str

    @property
    def inputs(self) -> np.ndarray:
        """What a classifier takes: features, then covariates, ``(n_videos, n_inputs)``."""
        return np.hstack([self.features, self.covariates])

    @property
    def n_videos(self) -> int:
        """Number of videos."""
        return len(self.is_fake)

    @property
    def n_groups(self) -> int:
        """Number of different groups."""
        return len(np.unique(self.groups))

    def spelled(self, column: str) -> str:
        """Return the different values of a text column, sorted and joined by commas."""
        return ", ".join(sorted(set(self.meta[column]) - {""}))


def feature_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that are trained on, sorted.

    A feature's name has a double underscore. The ``quality`` family (face size, blur, bit rate)
    tells the source of a clip rather than its truth and is left out.
    """
    return sorted(
        name for name in map(str, columns) if "__" in name and not name.startswith("quality__")
    )


def feature_matrix(frame: pd.DataFrame, columns: Iterable[str]) -> np.ndarray:
    """Return the named columns as ``(n_rows, n_features)`` float64, infinities as NaN.

    Other columns and the order of the columns do not matter.

    Raises
    ------
    FeatureMismatchError
        When a column is missing.
    TableError
        When a column holds text.
    """
    columns = list(columns)
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise FeatureMismatchError(
            f"The table lacks {len(missing)} of the {len(columns)} columns the detector was "
            f"trained on ({_named(missing)}): make it with the same version of featurize and the "
            "same landmark backend, or train the detector again."
        )
    chosen = frame.loc[:, columns]
    _check_unique(chosen.columns)
    text = [
        name
        for name, column in chosen.items()
        if not pd.api.types.is_numeric_dtype(column) and not column.isna().all()
    ]
    if text:
        raise TableError(
            f"Columns of features and of quality must hold numbers, but {_named(text)} hold text: "
            "correct the table, or rename columns that are not features so that they have no "
            "double underscore."
        )
    # One cast for the whole block; an all-empty column of text becomes NaN on the way.
    matrix = chosen.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    matrix[~np.isfinite(matrix)] = np.nan
    return matrix


def read_training_table(
    source: str | os.PathLike | pd.DataFrame, condition_on_quality: bool = False
) -> TrainingTable:
    """Read and check a feature table.

    Only rows with ``status`` ``ok`` and ``face`` 0 are used: the label of a video speaks of its
    main face. Rows without a label are left out and counted in ``remarks``. An empty ``group``
    makes the video a group of its own.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV file as ``python -m featurize run`` writes it, or the same in memory. ``path`` and
        ``label`` are needed; ``status``, ``face`` and the other meta columns are optional;
        columns without a double underscore that are not known are ignored.
    condition_on_quality : bool
        Whether the measures of quality, see :data:`models.conditioning.COVARIATES`, are covariates.
        A feature among them is then no feature.

    Raises
    ------
    TableError
        When the table cannot be read, a column is missing or named twice, there is no measure of
        quality to condition on, a label is neither ``real`` nor ``fake``, only one class is left, a
        video occurs twice, or no feature varies.
    """
    frame, sha256 = (
        (source, "") if isinstance(source, pd.DataFrame) else read_feature_file(Path(source))
    )
    _check_unique(frame.columns)
    for name in ("path", "label"):
        if name not in frame.columns:
            raise TableError(
                f"The table has no column {name!r}: make it with `python -m featurize run` from "
                "a manifest with the columns path and label."
            )
    meta = pd.DataFrame(
        {
            name: frame[name].astype("str").where(frame[name].notna(), "").str.strip()
            if name in frame.columns
            else pd.Series("", index=frame.index, dtype="str")
            for name in _TEXT_COLUMNS
        }
    )
    usable, remarks = _usable_rows(frame, meta)
    meta = meta[usable].reset_index(drop=True)
    covariates = []
    if condition_on_quality:
        # What no video tells is no measure of quality.
        covariates = covariate_columns(frame.columns[frame[usable].notna().any()])
        if not covariates:
            raise TableError(
                "The table has no measure of quality to condition the features on, such as "
                f"{COVARIATES[0]}: make it with `python -m featurize run`, or do not condition."
            )
    columns = [name for name in feature_columns(frame.columns) if name not in covariates]
    if not columns:
        raise TableError(
            "The table has no feature column: a feature's name has a double underscore, such as "
            "eyes__blink__rate_per_min."
        )
    values = frame.loc[usable, columns]
    features = feature_matrix(values, columns)
    n_infinite = int(np.isnan(features).sum() - values.isna().to_numpy().sum())
    if n_infinite:
        remarks.append(f"{n_infinite} infinite values are treated as missing.")
    _check_learnable(features, meta)

    without_group = (meta["group"] == "").to_numpy()
    if without_group.any():
        remarks.append(
            f"{without_group.sum()} videos have no group and count as a group of their own: if "
            "some show the same person or source, the figures are too good."
        )
    groups = np.where(without_group, meta["path"], meta["group"]).astype(str)
    for name in ("featurize_version", "landmarks_backend"):
        if len(set(meta[name])) > 1:
            remarks.append(f"The table mixes several values of {name}.")
    return TrainingTable(
        features=features,
        columns=tuple(columns),
        covariates=feature_matrix(frame.loc[usable, covariates], covariates),
        covariate_columns=tuple(covariates),
        is_fake=(meta["label"] == "fake").to_numpy(dtype=int),
        groups=groups,
        meta=meta.assign(group=groups),
        remarks=tuple(remarks),
        sha256=sha256,
    )


def read_feature_file(path: Path) -> tuple[pd.DataFrame, str]:
    """Return a feature table as it stands in a CSV file, and the sha256 of the file.

    Raises
    ------
    TableError
        When the file cannot be read, is no CSV file or names a column twice.
    """
    try:
        raw = path.read_bytes()
        with path.open(newline="", encoding="utf-8-sig") as lines:
            header = next(csv.reader(lines), [])
        # pandas renames the second of two equal names instead of saying so.
        _check_unique(pd.Index(header))
        # Numbers may be missing by name; text is taken as it stands, for a person may be called NA.
        missing = {name: _MISSING_NUMBERS for name in header if name not in _TEXT_COLUMNS}
        frame = pd.read_csv(
            path,
            dtype=dict.fromkeys(_TEXT_COLUMNS, "str"),
            keep_default_na=False,
            na_values=missing,
            encoding="utf-8-sig",
            low_memory=False,
        )
    except OSError as error:
        raise TableError(
            f"Cannot read the feature table {str(path)!r}: {error.strerror}."
        ) from error
    except (UnicodeDecodeError, csv.Error, pd.errors.ParserError) as error:
        raise TableError(
            f"{str(path)!r} is not a CSV file: give the table that `python -m featurize run` wrote."
        ) from error
    except pd.errors.EmptyDataError as error:
        raise TableError(
            f"The feature table {str(path)!r} is empty: make it with `python -m featurize run`."
        ) from error
    return frame, hashlib.sha256(raw).hexdigest()


def _check_unique(columns: pd.Index) -> None:
    doubled = sorted(set(columns[columns.duplicated()].astype(str)) - {""})
    if doubled:
        raise TableError(f"The table names columns twice ({_named(doubled)}): keep one of each.")


def _usable_rows(frame: pd.DataFrame, meta: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Return which rows can be learnt from, and what was left out."""
    remarks = []
    usable = np.ones(len(frame), dtype=bool)
    if "status" in frame.columns:
        usable = (meta["status"] == "ok").to_numpy()
        if not usable.all():
            remarks.append(f"{(~usable).sum()} rows are left out because their status is not ok.")
    if "face" in frame.columns:
        usable = usable & (pd.to_numeric(frame["face"], errors="coerce") == 0).to_numpy()
    if not usable.any():
        raise TableError(
            f"None of the {len(frame)} rows is the main face of a video with status ok: see the "
            "column reason of the table for what is wrong with the videos."
        )
    label = meta["label"]
    unknown = usable & ~label.isin([*_LABELS, ""]).to_numpy()
    if unknown.any():
        raise TableError(
            f"A label must be real or fake, not {_named(sorted(set(label[unknown])))}: correct "
            f"{_named(meta['path'][unknown])}."
        )
    unlabelled = usable & (label == "").to_numpy()
    if unlabelled.any():
        remarks.append(f"{unlabelled.sum()} videos are left out because they have no label.")
    usable = usable & ~unlabelled
    doubled = meta["path"][usable][meta["path"][usable].duplicated()]
    if len(doubled):
        raise TableError(
            f"{len(doubled)} videos occur twice ({_named(sorted(set(doubled)))}): keep one row "
            "of each, or the same video counts several times."
        )
    return usable, remarks


def _check_learnable(features: np.ndarray, meta: pd.DataFrame) -> None:
    absent = [name for name in _LABELS if not (meta["label"] == name).any()]
    if absent:
        raise TableError(
            f"None of the {len(meta)} usable videos is labelled {' or '.join(absent)}: a "
            "classifier needs examples of both classes."
        )
    lowest = np.where(np.isnan(features), np.inf, features).min(axis=0)
    highest = np.where(np.isnan(features), -np.inf, features).max(axis=0)
    if not (highest > lowest).any():
        raise TableError(
            "No feature differs between the videos, so there is nothing to learn from: check "
            "that the table was made from these videos."
        )


def _named(names: Iterable[str]) -> str:
    """Return the first few names and how many more there are."""
    names = [repr(str(name)) for name in names]
    more = len(names) - _N_NAMED
    return ", ".join(names[:_N_NAMED]) + (f" and {more} more" if more > 0 else "")
