"""One video and a detector in, a score with its reasons out."""

import os
from typing import Any

import numpy as np
import pandas as pd

import featurize
from featurize.errors import NoFaceError, TooShortError
from models.detector import Detector, load_detector
from models.errors import NoDetectorError
from models.video_score import FaceScore, Reason, VideoScore

_QUALITY = ("n_frames", "face_rate", "duration_s", "fps", "face_width_px")
_N_REASONS = 6
_SMALLEST_CONTRIBUTION = 0.01

# Below these the features are known to be shaky: eyelids of few pixels, statistics of few frames.
_SMALL_FACE_PX = 80
_FEW_FRAMES = 50
_LOW_FACE_RATE = 0.5
_MUCH_UNSEEN = 0.05
_MUCH_MISSING = 0.2


def score_video(
    path: str | os.PathLike,
    detector: Detector | str | os.PathLike | None = None,
    **featurize_options: Any,
) -> VideoScore:
    """Say how likely a video is manipulated, and why.

    The answer speaks of the main face; the others are scored in ``faces``. Where a readable
    video has no face or too few frames of one (statuses ``no_face`` and ``too_short``), the verdict
    is ``unknown`` and the reason is in ``warnings``: never a guess.

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
    probabilities = detector.predict_proba(rows)
    faces = tuple(
        FaceScore(
            face=i,
            probability=float(probability),
            verdict=detector.verdict(probability),
            face_rate=_number(rows.iloc[i], "face_rate"),
        )
        for i, probability in enumerate(probabilities)
    )
    main = rows.iloc[[0]]
    quality = {name: _number(main.iloc[0], name) for name in _QUALITY}
    return VideoScore(
        path=path,
        probability=faces[0].probability,
        verdict=faces[0].verdict,
        reasons=explain(main, detector),
        faces=faces,
        quality=quality,
        warnings=(
            *_quality_warnings(quality),
            *_origin_warnings(main, detector),
            *_range_warnings(detector.matrix(main)[0], detector),
        ),
    )


def explain(row: pd.DataFrame, detector: Detector) -> tuple[Reason, ...]:
    """Return the features that moved the score most, the strongest first, one for each signal.

    The contribution of a feature is how much the calibrated log-odds change when its value is
    replaced by the median of the authentic training videos, everything else left as it is. That
    holds for any classifier and is exact for what it says; but where several features tell the
    same, each alone seems to matter little, and contributions do not add up to the score. Of the
    statistics of one signal, and of its left and right, only the strongest is told: the others
    say the same again.

    Parameters
    ----------
    row : pandas.DataFrame
        One row of features.
    detector : Detector
        What scored it.
    """
    values = detector.matrix(row)[0]
    medians = detector.real_quantiles[:, 1]
    replaceable = np.flatnonzero(np.isfinite(values) & np.isfinite(medians))
    if len(replaceable) == 0:
        return ()
    variants = np.tile(values, (len(replaceable) + 1, 1))
    variants[1 + np.arange(len(replaceable)), replaceable] = medians[replaceable]
    log_odds = detector.log_odds(variants)
    contributions = log_odds[0] - log_odds[1:]
    order = np.argsort(-np.abs(contributions), kind="stable")
    described = featurize.describe_features().set_index("name")
    reasons: list[Reason] = []
    told: set[str] = set()
    for i in order[np.abs(contributions[order]) >= _SMALLEST_CONTRIBUTION]:
        column = replaceable[i]
        name = detector.columns[column]
        if _subject(name) in told or len(reasons) == _N_REASONS:
            continue
        told.add(_subject(name))
        known = name in described.index
        low, median, high = detector.real_quantiles[column]
        reasons.append(
            Reason(
                feature=name,
                value=float(values[column]),
                unit=str(described.loc[name, "unit"]) if known else "",
                meaning=str(described.loc[name, "meaning"]) if known else "",
                real_low=float(low),
                real_median=float(median),
                real_high=float(high),
                contribution=float(contributions[i]),
            )
        )
    return tuple(reasons)


def _subject(feature: str) -> str:
    """What a feature speaks of: its signal without the statistic and without the side."""
    signal = feature.rpartition("__")[0]
    return "_".join(word for word in signal.split("_") if word not in ("left", "right"))


def _number(row: pd.Series, name: str) -> float:
    value = pd.to_numeric(row.get(name), errors="coerce")
    return float("nan") if value is None or pd.isna(value) else float(value)


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


def _origin_warnings(row: pd.DataFrame, detector: Detector) -> list[str]:
    """Return a warning where the features were not made as those of the training table."""
    warnings = []
    for name in ("featurize_version", "landmarks_backend"):
        trained = str(detector.provenance.get(name, ""))
        here = str(row[name].iloc[0]) if name in row.columns else ""
        if trained and here and here not in trained.split(", "):
            warnings.append(
                f"The detector was trained on features of {name} {trained}, these are of {here}: "
                "the score may be off."
            )
    return warnings


def _range_warnings(values: np.ndarray, detector: Detector) -> list[str]:
    """Return warnings where the video is unlike what the detector has seen."""
    warnings = []
    low, high = detector.seen_range.T
    seen = np.isfinite(low)
    missing = np.isnan(values[seen]).mean()
    if missing > _MUCH_MISSING:
        warnings.append(f"{missing:.0%} of the features could not be measured in this video.")
    known = seen & ~np.isnan(values)
    if known.any():
        unseen = ((values < low) | (values > high))[known].mean()
        if unseen > _MUCH_UNSEEN:
            warnings.append(
                f"{unseen:.0%} of the features lie outside everything seen in training: the video "
                "is unlike the training videos and the score is a guess at best."
            )
    return warnings
