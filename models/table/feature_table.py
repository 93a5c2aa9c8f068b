"""A feature table, from a file or from memory, checked once and turned into training data."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from models.errors import TableError
from models.table.covariates import COVARIATES, covariate_columns
from models.table.feature_file import TEXT_COLUMNS, check_unique, named, read_feature_file
from models.table.known import (
    MAX_MISSING,
    MAX_MISSING_STEPS,
    enough_features,
    missing_steps,
)
from models.table.matrix import chosen_columns, feature_columns, feature_matrix
from models.table.series import series_columns, series_layout
from models.table.training_table import ALL, LABELS, TrainingTable
from models.versions import PACKAGE, installed_versions

# Meta columns that say how a video was taken and packed, as the family ``quality`` does.
MEASURED_META = ("duration_s", "face_rate", "face_width_px", "fps", "n_frames")
# In a table with these columns a row is a window of a video.
WINDOW_COLUMNS = ("window_start_s", "window_end_s")
# Windows of a table are of one length, up to the rounding of a file.
_SAME_LENGTH_S = 1e-3


def read_training_table(
    source: str | os.PathLike | pd.DataFrame,
    condition_on_quality: bool = False,
    most_missing: float = MAX_MISSING,
    series: bool = False,
    features: bool = True,
    columns: Sequence[str] | None = None,
) -> TrainingTable:
    """Read and check a feature table.

    Only rows with ``status`` ``ok`` and ``face`` 0 are used: the label of a video speaks of its
    main face. Rows without a label are left out and counted in ``remarks``, and so are rows of
    which too little is known of what is learnt from, see :mod:`models.table.known`: no detector
    scores such a row. An empty ``group`` makes the video a group of its own. Blanks around the
    names of columns do not count.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV file as ``python -m featurize run`` writes it, or the same in memory. ``path`` and
        ``label`` are needed; ``status``, ``face`` and the other meta columns are optional;
        columns without a double underscore that are not known are ignored. With
        ``window_start_s`` and ``window_end_s`` a row is a window of a video.
    condition_on_quality : bool
        Whether the measures of quality, see :data:`models.table.covariates.COVARIATES`, are
        covariates. A feature among them is then no feature.
    most_missing : float
        Rows that lack a larger share of the features are left out. To be changed only for a table
        of few features, whose rows were chosen by another.
    series : bool
        Whether to read the signals themselves too, where the table has them: columns ``series__``
        that ``python -m featurize run --window 5 --series`` writes. They take much memory, and
        only some classifiers look at them. Rows that lack more than
        :data:`models.table.known.MAX_MISSING_STEPS` of the time steps are then left out.
    features : bool
        Whether anything learns from features; else no row is left out for lack of them.
    columns : sequence of str, optional
        The features to learn from, all of them by default. Rows are judged by what is known of
        these alone.

    Raises
    ------
    TableError
        When the table cannot be read, a column is missing or named twice, there is no measure of
        quality to condition on, a feature that is asked for is not there, a label is neither
        ``real`` nor ``fake``, only one class is left, a video or a window occurs twice, windows of
        a video disagree, no feature varies, or a part of the signals is missing.
    """
    frame, sha256 = (
        (source, "")
        if isinstance(source, pd.DataFrame)
        else read_feature_file(Path(source), series=series)
    )
    frame = frame.set_axis(frame.columns.map(lambda name: str(name).strip()), axis=1)
    check_unique(frame.columns)
    window = WINDOW_COLUMNS if set(WINDOW_COLUMNS) & set(frame.columns) else ()
    for name in ("path", "label", *window):
        if name not in frame.columns:
            raise _missing_column(name, frame.columns)
    meta = pd.DataFrame(
        {
            name: frame[name].astype("str").where(frame[name].notna(), "").str.strip()
            if name in frame.columns
            else pd.Series("", index=frame.index, dtype="str")
            for name in TEXT_COLUMNS
        }
    )
    meta["label"] = meta["label"].str.lower()
    if ((meta["method"] == ALL) & (meta["label"] == "fake")).any():
        raise TableError(
            f"A method is called {ALL!r}, which is what all of them together are called here: give "
            "it another name in the column 'method'."
        )
    spans = feature_matrix(frame, window)
    usable, remarks = _usable_rows(frame, meta, spans)
    frame, spans, meta = _in_order(frame, spans, meta, usable)
    covariates = []
    if condition_on_quality:
        # What no video tells is no measure of quality.
        covariates = covariate_columns(frame.columns[frame.notna().any()])
        if not covariates:
            raise TableError(
                "The table has no measure of quality to condition the features on, such as "
                f"{COVARIATES[0]}: make it with `python -m featurize run`, or do not condition."
            )
    present = [name for name in feature_columns(frame.columns) if name not in covariates]
    if not present:
        raise TableError(
            "The table has no feature column: a feature's name has a double underscore, such as "
            "eyes__blink__rate_per_min."
        )
    columns = present if columns is None else chosen_columns(present, columns, covariates)
    values = feature_matrix(frame, columns)
    n_infinite = int(np.isnan(values).sum()) - int(frame[columns].isna().sum().sum())
    if n_infinite:
        remarks.append(
            f"{n_infinite} infinite values, or such as single precision does not hold, are treated "
            "as missing."
        )
    layout = series_layout(frame.columns) if series and window else None
    signals, n_steps = layout or ((), 0)
    in_time = feature_matrix(frame, series_columns(signals, n_steps))
    measured = np.ones(len(frame), dtype=bool)
    if signals:
        measured = missing_steps(in_time, n_steps) <= MAX_MISSING_STEPS
        remarks += _remarks_on_missing(meta, measured, MAX_MISSING_STEPS, "time steps")
    if features:
        # Of the rows that are left, as a detector learns from these what is usually known.
        kept = np.flatnonzero(measured)
        enough = enough_features(values[kept], columns, most_missing)
        known = meta.iloc[kept]
        remarks += _remarks_on_missing(known, enough, most_missing, "features")
        measured[kept] = enough
    n_left_out = _n_left_out(meta, measured)
    if not measured.all():
        if signals and features:
            remarks.append(
                "Rows are those that what learns from features and what learns from time steps can "
                "both score, so that all figures are of the same videos."
            )
        values, in_time, spans = values[measured], in_time[measured], spans[measured]
        frame, meta = frame[measured], meta[measured].reset_index(drop=True)
    videos = pd.factorize(meta["path"])[0]
    _check_learnable(in_time if signals and not features else values, meta, remarks)
    quality = sorted(
        name for name in frame.columns if name.startswith("quality__") or name in MEASURED_META
    )
    groups, of_groups = _groups(meta, videos)
    return TrainingTable(
        features=values,
        columns=tuple(columns),
        covariates=feature_matrix(frame, covariates),
        covariate_columns=tuple(covariates),
        quality=feature_matrix(frame, quality),
        quality_columns=tuple(quality),
        series=in_time,
        signals=signals,
        n_steps=n_steps,
        is_fake=(meta["label"] == "fake").to_numpy(dtype=int),
        groups=groups,
        group_given=(meta["group"] != "").to_numpy(),
        videos=videos,
        window_s=_window_s(spans) if window else None,
        meta=meta.assign(group=groups),
        n_left_out=n_left_out,
        remarks=(*remarks, *of_groups, *_remarks_on_versions(meta)),
        sha256=sha256,
    )


def _in_order(
    frame: pd.DataFrame, spans: np.ndarray, meta: pd.DataFrame, usable: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    """Return the usable rows sorted by path and window: subsampling sees rows by their number."""
    rows = np.flatnonzero(usable)
    keys = [*spans[rows, :1].T, meta["path"].to_numpy(dtype=str)[rows]]
    rows = rows[np.lexsort(keys)]
    return frame.iloc[rows], spans[rows], meta.iloc[rows].reset_index(drop=True)


def _n_left_out(meta: pd.DataFrame, measured: np.ndarray) -> tuple[int, int]:
    """Return how many real and how many fake videos have no row that is kept."""
    videos = meta.drop_duplicates("path")
    gone = videos["label"][~videos["path"].isin(meta["path"][measured])]
    return int((gone == "real").sum()), int((gone == "fake").sum())


def _remarks_on_missing(
    meta: pd.DataFrame, enough: np.ndarray, most_missing: float, things: str
) -> list[str]:
    if enough.all():
        return []
    n_real, n_fake = _n_left_out(meta, enough)
    return [
        f"{(~enough).sum()} rows lack more than {100 * most_missing:.0f} % of the {things} and are "
        f"left out; {n_real} real and {n_fake} fake videos have no other. A detector says "
        "`unknown` of such a video."
    ]


def _window_s(spans: np.ndarray) -> float:
    """Return the length of the windows, or say that they have not one length."""
    lengths_s = spans[:, 1] - spans[:, 0]
    if lengths_s.min() <= 0 or np.ptp(lengths_s) > _SAME_LENGTH_S:
        raise TableError(
            f"Windows must all be of one length, not of {lengths_s.min():g} to "
            f"{lengths_s.max():g} s: make the table anew with one `--window`."
        )
    return round(float(lengths_s[0]), 3)


def _missing_column(name: str, columns: pd.Index) -> TableError:
    if name in WINDOW_COLUMNS:
        return TableError(
            f"The table has no column {name!r} beside {(set(WINDOW_COLUMNS) - {name}).pop()!r}: "
            "make the table of windows anew."
        )
    alike = [found for found in columns if found.lower() == name]
    if alike:
        return TableError(f"The table has a column {alike[0]!r}: call it {name!r}.")
    return TableError(
        f"The table has no column {name!r}: make it with `python -m featurize run` from a "
        "manifest with the columns path and label."
    )


def _groups(meta: pd.DataFrame, videos: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return ``(n_rows,)`` the group of each row, and what to know of them."""
    for name in ("group", "label", "method", "dataset", "compression", "split"):
        spellings = meta[name].groupby(videos).nunique()
        if (spellings > 1).any():
            several = meta["path"][np.isin(videos, spellings.index[spellings > 1])].unique()
            raise TableError(
                f"The windows of {named(several)} do not have one {name}: give all windows of a "
                "video the same."
            )
    without = (meta["group"] == "").to_numpy()
    remarks = []
    if without.any():
        remarks.append(
            f"{len(np.unique(videos[without]))} videos have no group and count as a group of their "
            "own: if some show the same person or source, the figures are too good."
        )
    return np.where(without, meta["path"], meta["group"]).astype(str), remarks


def _remarks_on_versions(meta: pd.DataFrame) -> list[str]:
    remarks = [
        f"The table mixes several values of {name}: rows of one may differ from rows of another "
        "for no other reason; make the table anew."
        for name in ("featurize_version", "landmarks_backend")
        if len(set(meta[name])) > 1
    ]
    here = installed_versions().get(PACKAGE, "")
    others = sorted(set(meta["featurize_version"]) - {"", here})
    if others and here:
        remarks.append(
            f"The table was made by featurize {', '.join(others)}, and {here} is installed here: "
            "videos scored here may be measured otherwise; make the table anew."
        )
    return remarks


def _usable_rows(
    frame: pd.DataFrame, meta: pd.DataFrame, spans: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Return which rows can be learnt from, and what was left out.

    ``spans`` ``(n_rows, 2)`` are start and end of each window, ``(n_rows, 0)`` where there are
    none.
    """
    if not len(frame):
        raise TableError("The table has no rows: make it with `python -m featurize run`.")
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
    unknown = usable & ~label.isin([*LABELS, ""]).to_numpy()
    if unknown.any():
        raise TableError(
            f"A label must be real or fake, not {named(sorted(set(label[unknown])))}: correct "
            f"{named(meta['path'][unknown])}."
        )
    unlabelled = usable & (label == "").to_numpy()
    if unlabelled.any():
        n_videos = meta["path"][unlabelled].nunique()
        remarks.append(f"{n_videos} videos are left out because they have no label.")
    usable = usable & ~unlabelled
    if np.isnan(spans[usable]).any():
        raise TableError(
            "Some windows have no start or no end: fill in window_start_s and window_end_s, or "
            "make the table anew."
        )
    key = pd.DataFrame(spans[:, :1]).assign(path=meta["path"].to_numpy())[usable]
    doubled = key["path"][key.duplicated()]
    if len(doubled):
        unit = "windows" if spans.shape[1] else "videos"
        raise TableError(
            f"{len(doubled)} {unit} occur twice ({named(sorted(set(doubled)))}): keep one row "
            "of each, or the same video counts several times."
        )
    return usable, remarks


def _check_learnable(features: np.ndarray, meta: pd.DataFrame, remarks: list[str]) -> None:
    absent = [name for name in LABELS if not (meta["label"] == name).any()]
    if absent:
        raise TableError(
            f"None of the {meta['path'].nunique()} usable videos is labelled "
            f"{' or '.join(absent)}: a classifier needs examples of both classes. "
            f"{' '.join(remarks)}".rstrip()
        )
    lowest = np.where(np.isnan(features), np.inf, features).min(axis=0)
    highest = np.where(np.isnan(features), -np.inf, features).max(axis=0)
    if not (highest > lowest).any():
        raise TableError(
            "No feature differs between the videos, so there is nothing to learn from: check "
            "that the table was made from these videos."
        )
