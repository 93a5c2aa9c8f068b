"""Why to trust an answer less: what featurize remarked, what was not measured, what is unlike."""

import numpy as np
import pandas as pd

from models.detector import MAX_UNSEEN, Detector
from models.detector_parts import serial_members, takes_convolutions
from models.quality_range import OutsideRange, QualityCheck
from models.reason_wording import factor_text
from models.table.known import MAX_MISSING, MAX_MISSING_STEPS
from models.table.lacking import networks_of
from models.table.matrix import is_by_hand
from models.versions import installed_versions
from models.video_score import FaceScore

# Below these the features are known to be shaky: eyelids of few pixels, statistics of few frames.
_SIZE, _SMALL_FACE_PX = "face_width_px", 80
_TOO_SMALL = f"{_SMALL_FACE_PX} px eyes and mouth are measured poorly"
_FEW_FRAMES = 50
_LOW_FACE_RATE = 0.5
# Shares of the features from which on they are mentioned; few videos reach them.
_MUCH_UNSEEN = 0.05
_MUCH_MISSING = 0.05
# Of a network of which a larger share is missing, nothing is known.
_MOSTLY = 0.5


def caveats(
    rows: pd.DataFrame,
    inputs: np.ndarray,
    faces: tuple[FaceScore, ...],
    quality: dict[str, float],
    detector: Detector,
) -> tuple[str, ...]:
    """Return why to trust the score of the main face less, one sentence each.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of the main face.
    inputs : numpy.ndarray
        ``(n_rows, n_inputs)``, what the detector takes of them.
    faces : tuple of FaceScore
        Of every face, the main one first.
    quality : dict of str to float
        As in :class:`models.video_score.VideoScore`.
    detector : Detector
        What scored it.
    """
    # Of windows that are not scored it does not matter at which quality they are.
    scored = inputs[detector.known(inputs)]
    checked = detector.quality(scored)
    size_is_told = any(found.name == _SIZE for found in checked.outside)
    return (
        *_remarks(rows.iloc[0]),
        *_reason_warnings(inputs, detector),
        *_range_warnings(inputs, detector),
        *_network_warnings(inputs, detector),
        *map(_outside_warning, checked.outside),
        *_window_warnings(scored, checked, detector),
        *_conditioning_warnings(checked),
        *_face_warnings(faces, detector),
        *_quality_warnings(quality, size_is_told),
        *_origin_warnings(rows.iloc[0], detector),
    )


def _remarks(row: pd.Series) -> list[str]:
    """Return what featurize had to say about the video: it was cut off, frames are damaged."""
    remark = row.get("reason")
    return [str(remark).strip()] if isinstance(remark, str) and remark.strip() else []


def _reason_warnings(inputs: np.ndarray, detector: Detector) -> list[str]:
    """Return what the score owes to signals over time, of which there are no single reasons."""
    if not detector.columns:
        return [
            "The detector judges signals over time as a whole: it has no single reasons to tell."
        ]
    added = detector.series_log_odds(inputs)
    if not detector.series or np.isnan(added).all():
        return []
    added = float(np.nanmean(added))
    return [
        f"{' and '.join(serial_members(detector.pipeline))} judge signals over time as a whole and "
        f"have no single reasons to tell: what they say {'raises' if added > 0 else 'lowers'} the "
        f"odds of a fake by a factor of {factor_text(added)}."
    ]


def _network_warnings(inputs: np.ndarray, detector: Detector) -> list[str]:
    """Return a warning for each network of which most is missing that was usual in training."""
    usual = np.isfinite(detector.seen_range).all(axis=1)
    unknown = np.isnan(inputs[:, : len(detector.columns)]).all(axis=0)
    silent = []
    for network in detector.networks:
        its = usual & [networks_of([column]) == (network,) for column in detector.columns]
        if its.any() and unknown[its].mean() > _MOSTLY:
            silent.append(network)
    return [
        f"The network {name} said nothing of this face (too small?): its part is taken from the "
        "median training video."
        for name in silent
    ]


def _face_warnings(faces: tuple[FaceScore, ...], detector: Detector) -> list[str]:
    if faces[0].verdict == "fake":
        return []
    called = "The verdict speaks of the main face only: face {0.face} is called fake, with "
    would_be = (
        "The verdict speaks of the main face only: face {0.face} would be called fake, but its "
        "quality, or what it shows, is too unlike the training videos for a verdict; "
    )
    return [
        f"{(called if face.verdict == 'fake' else would_be).format(face)}"
        f"probability {face.probability:.2f}."
        for face in faces[1:]
        if face.probability >= detector.thresholds.fake
    ]


def _quality_warnings(quality: dict[str, float], size_is_told: bool) -> list[str]:
    warnings = []
    if quality["face_width_px"] < _SMALL_FACE_PX and not size_is_told:
        warnings.append(
            f"The face is only {quality['face_width_px']:.0f} px wide; below {_TOO_SMALL}."
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


def _outside_warning(found: OutsideRange) -> str:
    """Return that a measure of quality is outside, and what is known to come of it."""
    is_small = found.name == _SIZE and found.value < min(found.low, _SMALL_FACE_PX)
    return f"{found.sentence} Below {_TOO_SMALL}." if is_small else found.sentence


def _window_warnings(scored: np.ndarray, checked: QualityCheck, detector: Detector) -> list[str]:
    """Return a warning where single windows are of a quality that as a whole has no verdict."""
    n_far = sum(any(one.is_far for one in detector.outside_range(row[None])) for row in scored)
    if checked.is_too_far or not n_far:
        return []
    return [
        f"{n_far} of {len(scored)} windows are of a quality too far from that of the training "
        "videos, and count as the others do: read the score with care."
    ]


def _conditioning_warnings(checked: QualityCheck) -> list[str]:
    """Return a warning where the quality of the video is not known."""
    if not checked.unknown:
        return []
    follows = "no verdict is given" if checked.is_too_far else "the score may be off"
    return [
        f"What is usual at the quality of this video is not known ({', '.join(checked.unknown)} "
        f"unknown, taken as the median video's): {follows}."
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
    convolved = takes_convolutions(detector.pipeline)
    for name in ("scikit-learn", "xgboost", *(("sktime",) if convolved else ())):
        trained = detector.provenance["versions"].get(name, "")
        here = installed.get(name, "")
        if trained and trained != here:
            warnings.append(
                f"The detector was trained with {name} {trained}, installed is {here}: the score "
                "may be off."
            )
    return warnings


def _features(detector: Detector) -> str:
    """Return what the features are that are looked at: a network's only if there are no others."""
    mixed = len(set(is_by_hand(detector.columns))) > 1
    return "features that are not a network's" if mixed else "features"


def _range_warnings(inputs: np.ndarray, detector: Detector) -> list[str]:
    """Return warnings where the video is unlike what the detector has seen."""
    scored = detector.known(inputs)
    things = [
        (what, share(inputs), most)
        for taken, what, share, most in (
            (detector.columns, _features(detector), detector.missing_share, MAX_MISSING),
            (detector.series, "time steps", detector.missing_steps, MAX_MISSING_STEPS),
        )
        if taken
    ]
    not_measured = "{:.0%} of the {} could not be measured in this video"
    lacking = [(what, missing, most) for what, missing, most in things if (missing > most).any()]
    if not scored.any():
        return [
            f"{not_measured.format(missing.mean(), what)}: that is too many to judge it by the "
            "others."
            for what, missing, _ in lacking
        ]
    warnings = []
    if lacking:
        told = " or ".join(f"{most:.0%} of the {what}" for what, _, most in lacking)
        warnings.append(
            f"{np.count_nonzero(~scored)} of {len(scored)} windows are left out: more than {told} "
            "could not be measured in them."
        )
    # Measured in one window, a feature is measured in the video.
    in_none = np.where(np.isnan(inputs[scored]).all(axis=0), np.nan, 0.0)
    of_features = float(detector.missing_share(in_none[None])[0])
    # The last window of a clip is mostly cut off, so the median one tells.
    of_steps = float(np.quantile(detector.missing_steps(inputs[scored]), 0.5, method="lower"))
    warnings += [
        f"{not_measured.format(missing, what)}."
        for what, missing in ((_features(detector), of_features), ("time steps", of_steps))
        if missing > _MUCH_MISSING
    ]
    unseen = float(detector.unseen_share(inputs[scored]).mean())
    if unseen > _MUCH_UNSEEN:
        result = (
            "no verdict is given on a video so unlike the training videos."
            if unseen > MAX_UNSEEN
            else "the video is unlike the training videos and the score is a guess at best."
        )
        warnings.append(
            f"{unseen:.0%} of the {_features(detector)} lie outside everything seen in training: "
            f"{result}"
        )
    return warnings
