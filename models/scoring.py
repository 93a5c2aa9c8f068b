"""One video and a detector in, a score with its reasons out."""

import math
import os
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

import featurize
from featurize.errors import NoFaceError, TooShortError
from models.detector import MAX_UNSEEN, Detector, load_detector, mean_of_known
from models.errors import NoDetectorError
from models.table.feature_table import MAX_MISSING
from models.versions import installed_versions
from models.video_score import FaceScore, Reason, VideoScore, WindowScore

_QUALITY = ("n_frames", "face_rate", "duration_s", "fps", "face_width_px")
# Of windows, the whole video is their sum.
_ADDED_UP = ("n_frames", "duration_s")
_N_REASONS = 6
_SMALLEST_CONTRIBUTION = 0.01

# Below these the features are known to be shaky: eyelids of few pixels, statistics of few frames.
_SMALL_FACE_PX = 80
_FEW_FRAMES = 50
_LOW_FACE_RATE = 0.5
# Shares of the features from which on they are mentioned; few videos reach them.
_MUCH_UNSEEN = 0.05
_MUCH_MISSING = 0.05


def score_video(
    path: str | os.PathLike,
    detector: Detector | str | os.PathLike | None = None,
    **featurize_options: Any,
) -> VideoScore:
    """Say how likely a video is manipulated, and why.

    The answer speaks of the main face; the others are scored in ``faces``. Where a readable
    video has no face or too few frames of one (statuses ``no_face`` and ``too_short``), the verdict
    is ``unknown`` and the reason is in ``warnings``: never a guess. The same holds where too
    many of the features could not be measured.

    With a detector that was trained on windows the video is measured in windows of the same
    length, and its score is that of the mean of their decision values.

    Parameters
    ----------
    path : path
        A video file.
    detector : Detector or path
        Made by :func:`models.train`.
    **featurize_options
        Passed on to :func:`featurize.featurize_video`; the same as for the training table.

    Raises
    ------
    NoDetectorError
        When no detector is given.
    DetectorError
        When the detector cannot be loaded.
    FeatureMismatchError
        When the features of the video are not those the detector was trained on.
    featurize.errors.VideoError
        When the file itself cannot be used: statuses ``missing``, ``empty``, ``unreadable`` and
        ``no_video_stream``.
    """
    if detector is None:
        raise NoDetectorError(
            "There is no detector to score with: train one with `python -m models train "
            "features.csv -o my.skops` and pass it as detector."
        )
    if not isinstance(detector, Detector):
        detector = load_detector(detector)
    if detector.window_s is not None:
        featurize_options = {"window_s": detector.window_s, **featurize_options}
    try:
        rows = featurize.featurize_video(path, **featurize_options)
    except (NoFaceError, TooShortError) as error:
        return VideoScore(
            path=os.fspath(path),
            probability=float("nan"),
            verdict="unknown",
            reasons=(),
            faces=(),
            quality=dict.fromkeys(_QUALITY, float("nan")),
            warnings=(str(error),),
        )
    return score_rows(os.fspath(path), rows, detector)


def score_rows(path: str, rows: pd.DataFrame, detector: Detector) -> VideoScore:
    """Score the feature rows of one video, the main face first.

    Raises
    ------
    FeatureMismatchError
        When a feature of the detector is missing, or rows are whole videos where it was trained on
        windows, or the other way round.
    """
    inputs, face_of = detector.matrix(rows), detector.faces_of(rows)
    log_odds = detector.log_odds(inputs)
    # Of windows that are not scored it does not matter what they show.
    unseen = np.where(np.isnan(log_odds), np.nan, detector.unseen_share(inputs))
    faces = tuple(
        FaceScore(
            face=i,
            probability=float(probability),
            verdict=detector.verdict(probability, unseen_share),
            face_rate=_median(rows[face_of == i], "face_rate"),
        )
        for i, (probability, unseen_share) in enumerate(
            zip(
                expit(mean_of_known(log_odds, face_of)),
                mean_of_known(unseen, face_of),
                strict=True,
            )
        )
    )
    is_main = face_of == 0
    main, inputs = rows[is_main], inputs[is_main]
    quality = {name: _median(main, name) for name in _QUALITY}
    quality |= {name: float(_numbers(main, name).sum(skipna=False)) for name in _ADDED_UP}
    return VideoScore(
        path=path,
        probability=faces[0].probability,
        verdict=faces[0].verdict,
        reasons=explain(main, detector),
        faces=faces,
        quality=quality,
        warnings=(
            *_remarks(main.iloc[0]),
            *_range_warnings(inputs, detector),
            *_conditioning_warnings(inputs, detector),
            *_face_warnings(faces),
            *_quality_warnings(quality),
            *_origin_warnings(main.iloc[0], detector),
        ),
        timeline=tuple(
            WindowScore(*span, float(value))
            for span, value in zip(_spans(main, detector), log_odds[is_main], strict=False)
        ),
    )


def explain(rows: pd.DataFrame, detector: Detector) -> tuple[Reason, ...]:
    """Return the signals that moved the score most, the strongest first.

    The contribution of a signal is how much the calibrated log-odds change when all its features,
    every statistic on the left and on the right, are replaced by the medians of the authentic
    training videos, everything else left as it is. (A detector conditioned on quality knows better:
    they are replaced by what authentic video of the same quality shows.) Feature by feature would
    hide it: the others still say the same. That holds for any classifier and is exact for what it
    says; but where several signals tell the same, each alone seems to matter little, and
    contributions do not add up to the score. Of the features of a signal, the one that alone moves
    the score most in the same direction is shown.

    In windows, the signal is replaced in each, and the contribution is the mean over those that are
    scored: as the log-odds of the video are. The value shown is that of the median window, one
    that can be looked up.

    Parameters
    ----------
    rows : pandas.DataFrame
        The row of features of a face, or the rows of its windows.
    detector : Detector
        What scored it.
    """
    values = detector.matrix(rows)
    spans = np.array(_spans(rows, detector))
    scored = np.isfinite(detector.log_odds(values))
    if not scored.any():
        return ()
    values = values[scored]
    ordinary = detector.ordinary(values)
    measured = np.isfinite(values[:, : len(detector.columns)]) & np.isfinite(ordinary)
    signals: dict[str, list[int]] = {}
    for column in np.flatnonzero(measured.any(axis=0)):
        signals.setdefault(_subject(detector.columns[column]), []).append(int(column))
    # What was not measured in a window stays so.
    made_ordinary = np.where(measured, ordinary, np.nan)
    moved = _contributions(values, made_ordinary, list(signals.values()), detector)
    depends = _depends_on_quality(detector)
    described = featurize.describe_features().set_index("name")
    reasons = []
    for i in np.argsort(-np.abs(moved), kind="stable")[:_N_REASONS]:
        if abs(moved[i]) < _SMALLEST_CONTRIBUTION:
            break
        columns = list(signals.values())[i]
        alone = _contributions(values, made_ordinary, [[column] for column in columns], detector)
        column = columns[int(np.argmax(alone * np.sign(moved[i])))]
        name = detector.columns[column]
        known = name in described.index
        low, median, high = detector.real_quantiles[column]
        shown = _median_row(np.where(measured[:, column], values[:, column], np.nan))
        reasons.append(
            Reason(
                feature=name,
                value=float(values[shown, column]),
                unit=str(described.loc[name, "unit"]) if known else "",
                meaning=str(described.loc[name, "meaning"]) if known else "",
                real_low=float(low),
                real_median=float(median),
                real_high=float(high),
                contribution=float(moved[i]),
                n_features=len(columns),
                usual=float(ordinary[shown, column]) if depends[column] else math.nan,
                window=tuple(spans[scored][shown].tolist()) if len(spans) else None,
            )
        )
    return tuple(reasons)


def _depends_on_quality(detector: Detector) -> np.ndarray:
    """Return ``(n_features,)`` bool: whether what is usual is another at another quality."""
    if detector.conditioner is None:
        return np.zeros(len(detector.columns), dtype=bool)
    return (detector.conditioner.slope_ != 0).any(axis=0)


def _contributions(
    values: np.ndarray, ordinary: np.ndarray, replaced: list[list[int]], detector: Detector
) -> np.ndarray:
    """Return ``(len(replaced),)`` log-odds lost on average when those columns are made ordinary."""
    lost = np.zeros(len(replaced))
    # Window by window, for all variants of all would not fit into memory.
    for row, usual in zip(values, ordinary, strict=True):
        variants = np.tile(row, (len(replaced) + 1, 1))
        for variant, columns in zip(variants[1:], replaced, strict=True):
            variant[columns] = usual[columns]
        log_odds = detector.log_odds(variants)
        lost += log_odds[0] - log_odds[1:]
    return lost / len(values)


def _median_row(values: np.ndarray) -> int:
    """Return which row has the median value, of two the lower; NaN does not count."""
    known = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
    return int(known[(len(known) - 1) // 2])


def _spans(rows: pd.DataFrame, detector: Detector) -> list[tuple[float, float]]:
    """Return start and end of every window; none without windows."""
    if detector.window_s is None:
        return []
    return list(zip(rows["window_start_s"].tolist(), rows["window_end_s"].tolist(), strict=True))


def _subject(feature: str) -> str:
    """What a feature speaks of: its signal without the statistic and without the side."""
    signal = feature.rpartition("__")[0]
    return "_".join(word for word in signal.split("_") if word not in ("left", "right"))


def _numbers(rows: pd.DataFrame, name: str) -> pd.Series:
    if name not in rows.columns:
        return pd.Series(np.nan, index=rows.index)
    return pd.to_numeric(rows[name], errors="coerce").astype(float)


def _median(rows: pd.DataFrame, name: str) -> float:
    return float(_numbers(rows, name).median())


def _remarks(row: pd.Series) -> list[str]:
    """Return what featurize had to say about the video: it was cut off, frames are damaged."""
    remark = row.get("reason")
    return [str(remark).strip()] if isinstance(remark, str) and remark.strip() else []


def _face_warnings(faces: tuple[FaceScore, ...]) -> list[str]:
    if faces[0].verdict == "fake":
        return []
    return [
        f"The verdict speaks of the main face only: face {face.face} is called fake, with "
        f"probability {face.probability:.2f}."
        for face in faces[1:]
        if face.verdict == "fake"
    ]


def _quality_warnings(quality: dict[str, float]) -> list[str]:
    warnings = []
    if quality["face_width_px"] < _SMALL_FACE_PX:
        warnings.append(
            f"The face is only {quality['face_width_px']:.0f} px wide; below {_SMALL_FACE_PX} px "
            "eyes and mouth are measured poorly."
        )
    n_face_frames = quality["n_frames"] * quality["face_rate"]
    if n_face_frames < _FEW_FRAMES:
        warnings.append(
            f"Only {n_face_frames:.0f} frames show the face; motion is measured poorly on fewer "
            f"than {_FEW_FRAMES}."
        )
    if quality["face_rate"] < _LOW_FACE_RATE:
        warnings.append(f"The face was found in only {quality['face_rate']:.0%} of the frames.")
    return warnings


def _conditioning_warnings(inputs: np.ndarray, detector: Detector) -> list[str]:
    """Return a warning where what is usual at the quality of the video is not known."""
    conditioner = detector.conditioner
    if conditioner is None:
        return []
    unknown, unseen = conditioner.unknown_quality(inputs), conditioner.unseen_quality(inputs)
    told = [
        f"{', '.join(names)} {taken}"
        for of_rows, taken in (
            (unknown, "unknown, taken as the median video's"),
            (unseen, "beyond all authentic training videos"),
        )
        # Of windows, where it is so in most.
        if (names := [detector.covariates[i] for i in np.flatnonzero(of_rows.mean(axis=0) > 0.5)])
    ]
    if not told:
        return []
    return [
        f"What is usual at the quality of this video is not known ({'; '.join(told)}): the score "
        "may be off."
    ]


def _origin_warnings(row: pd.Series, detector: Detector) -> list[str]:
    """Return a warning for each thing that is not as it was in training."""
    warnings = []
    for name in ("featurize_version", "landmarks_backend"):
        trained = str(detector.provenance.get(name, ""))
        here = str(row.get(name, ""))
        if trained and here and here not in trained.split(", "):
            warnings.append(
                f"The detector was trained on features of {name} {trained}, these are of {here}: "
                "the score may be off."
            )
    installed = installed_versions()
    for name in ("scikit-learn", "xgboost"):
        trained = detector.provenance["versions"].get(name, "")
        here = installed.get(name, "")
        if trained and trained != here:
            warnings.append(
                f"The detector was trained with {name} {trained}, installed is {here}: the score "
                "may be off."
            )
    return warnings


def _range_warnings(inputs: np.ndarray, detector: Detector) -> list[str]:
    """Return warnings where the video is unlike what the detector has seen."""
    missing = detector.missing_share(inputs)
    scored = missing <= MAX_MISSING
    not_measured = "{:.0%} of the features could not be measured in this video"
    if not scored.any():
        told = not_measured.format(missing.mean())
        return [f"{told}: that is too many to judge it by the others."]
    warnings = []
    if not scored.all():
        warnings.append(
            f"{np.count_nonzero(~scored)} of {len(scored)} windows are left out: more than "
            f"{MAX_MISSING:.0%} of the features could not be measured in them."
        )
    # Measured in one window, a feature is measured in the video.
    in_none = np.where(np.isnan(inputs[scored]).all(axis=0), np.nan, 0.0)
    missing_in_all = float(detector.missing_share(in_none[None])[0])
    if missing_in_all > _MUCH_MISSING:
        warnings.append(f"{not_measured.format(missing_in_all)}.")
    unseen = float(detector.unseen_share(inputs[scored]).mean())
    if unseen > _MUCH_UNSEEN:
        result = (
            "no verdict is given on a video so unlike the training videos."
            if unseen > MAX_UNSEEN
            else "the video is unlike the training videos and the score is a guess at best."
        )
        warnings.append(
            f"{unseen:.0%} of the features lie outside everything seen in training: {result}"
        )
    return warnings
