"""One video and a detector in, a score with its reasons out."""

import math
import os
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

import featurize
from featurize.errors import NoFaceError, TooShortError
from models.detector import MAX_MISSING, MAX_UNSEEN, Detector, load_detector
from models.errors import NoDetectorError
from models.versions import installed_versions
from models.video_score import FaceScore, Reason, VideoScore

_QUALITY = ("n_frames", "face_rate", "duration_s", "fps", "face_width_px")
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
        When a feature of the detector is missing.
    """
    inputs = detector.matrix(rows)
    faces = tuple(
        FaceScore(
            face=i,
            probability=float(probability),
            verdict=detector.verdict(probability, unseen_share),
            face_rate=_number(rows.iloc[i], "face_rate"),
        )
        for i, (probability, unseen_share) in enumerate(
            zip(expit(detector.log_odds(inputs)), detector.unseen_share(inputs), strict=True)
        )
    )
    main = rows.iloc[0]
    quality = {name: _number(main, name) for name in _QUALITY}
    return VideoScore(
        path=path,
        probability=faces[0].probability,
        verdict=faces[0].verdict,
        reasons=explain(rows.iloc[[0]], detector),
        faces=faces,
        quality=quality,
        warnings=(
            *_remarks(main),
            *_range_warnings(inputs[[0]], detector),
            *_conditioning_warnings(inputs[[0]], detector),
            *_face_warnings(faces),
            *_quality_warnings(quality),
            *_origin_warnings(main, detector),
        ),
    )


def explain(row: pd.DataFrame, detector: Detector) -> tuple[Reason, ...]:
    """Return the signals that moved the score most, the strongest first.

    The contribution of a signal is how much the calibrated log-odds change when all its features,
    every statistic on the left and on the right, are replaced by the medians of the authentic
    training videos, everything else left as it is. (A detector conditioned on quality knows better:
    they are replaced by what authentic video of the same quality shows.) Feature by feature would
    hide it: the others still say the same. That holds for any classifier and is exact for what it
    says; but where several signals tell the same, each alone seems to matter little, and
    contributions do not add up to the score. Of the features of a signal, the one that alone moves
    the score most in the same direction is shown.

    Parameters
    ----------
    row : pandas.DataFrame
        One row of features.
    detector : Detector
        What scored it.
    """
    values = detector.matrix(row)
    ordinary = detector.ordinary(values)
    measured = np.isfinite(values[:, : len(detector.columns)]) & np.isfinite(ordinary)
    signals: dict[str, list[int]] = {}
    for column in np.flatnonzero(measured[0]):
        signals.setdefault(_subject(detector.columns[column]), []).append(int(column))
    moved = _contributions(values, ordinary, list(signals.values()), detector)
    depends = _depends_on_quality(detector)
    described = featurize.describe_features().set_index("name")
    reasons = []
    for i in np.argsort(-np.abs(moved), kind="stable")[:_N_REASONS]:
        # Not "smaller than": NaN, where there is no score, has no reasons either.
        if not abs(moved[i]) >= _SMALLEST_CONTRIBUTION:
            break
        columns = list(signals.values())[i]
        alone = _contributions(values, ordinary, [[column] for column in columns], detector)
        column = columns[int(np.argmax(alone * np.sign(moved[i])))]
        name = detector.columns[column]
        known = name in described.index
        low, median, high = detector.real_quantiles[column]
        reasons.append(
            Reason(
                feature=name,
                value=float(values[0, column]),
                unit=str(described.loc[name, "unit"]) if known else "",
                meaning=str(described.loc[name, "meaning"]) if known else "",
                real_low=float(low),
                real_median=float(median),
                real_high=float(high),
                contribution=float(moved[i]),
                n_features=len(columns),
                usual=float(ordinary[0, column]) if depends[column] else math.nan,
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
    """Return ``(len(replaced),)`` log-odds lost when those columns are made ordinary."""
    variants = np.tile(values, (len(replaced) + 1, 1))
    for variant, columns in zip(variants[1:], replaced, strict=True):
        variant[columns] = ordinary[0, columns]
    log_odds = detector.log_odds(variants)
    return log_odds[0] - log_odds[1:]


def _subject(feature: str) -> str:
    """What a feature speaks of: its signal without the statistic and without the side."""
    signal = feature.rpartition("__")[0]
    return "_".join(word for word in signal.split("_") if word not in ("left", "right"))


def _number(row: pd.Series, name: str) -> float:
    value = pd.to_numeric(row.get(name), errors="coerce")
    return float("nan") if value is None or pd.isna(value) else float(value)


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
    told = [
        f"{', '.join(names)} {taken}"
        for of_row, taken in (
            (
                conditioner.unknown_quality(inputs)[0],
                "unknown, taken as the median video's",
            ),
            (conditioner.unseen_quality(inputs)[0], "beyond all authentic training videos"),
        )
        if (names := [n for n, found in zip(detector.covariates, of_row, strict=True) if found])
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
    missing = float(detector.missing_share(inputs)[0])
    not_measured = f"{missing:.0%} of the features could not be measured in this video"
    if missing > MAX_MISSING:
        return [f"{not_measured}: that is too many to judge it by the others."]
    warnings = [f"{not_measured}."] if missing > _MUCH_MISSING else []
    unseen = float(detector.unseen_share(inputs)[0])
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
