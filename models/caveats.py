"""Why to trust an answer less: what featurize remarked, what was not measured, what is unlike."""

import numpy as np
import pandas as pd

from models.detector import MAX_UNSEEN, Detector
from models.detector_parts import serial_members, takes_convolutions
from models.quality_range import OutsideRange
from models.reason_wording import factor_text
from models.table.known import MAX_MISSING, MAX_MISSING_STEPS
from models.table.lacking import networks_of
from models.table.matrix import is_by_hand
from models.versions import installed_versions
from models.video_score import FaceScore

# Below these the features are known to be shaky: eyelids of few pixels, statistics of few frames.
_SMALL_FACE_PX = 80
_FEW_FRAMES = 50
_LOW_FACE_RATE = 0.5
# Shares of the features from which on they are mentioned; few videos reach them.
_MUCH_UNSEEN = 0.05
_MUCH_MISSING = 0.05
# Of a network of which a larger share is missing, nothing is known; nor of a measure of quality.
_MOSTLY = 0.5


def caveats(
    rows: pd.DataFrame,
    inputs: np.ndarray,
    faces: tuple[FaceScore, ...],
    quality: dict[str, float],
    outside: tuple[OutsideRange, ...],
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
    outside : tuple of OutsideRange
        Its measures of quality that the detector has not seen.
    detector : Detector
        What scored it.
    """
    return (
        *_remarks(rows.iloc[0]),
        *_reason_warnings(inputs, detector),
        *_range_warnings(inputs, detector),
        *_network_warnings(inputs, detector),
        *(found.sentence for found in outside),
        *_conditioning_warnings(inputs, detector),
        *_face_warnings(faces),
        *_quality_warnings(quality, any(found.name == "face_width_px" for found in outside)),
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


def _face_warnings(faces: tuple[FaceScore, ...]) -> list[str]:
    if faces[0].verdict == "fake":
        return []
    return [
        f"The verdict speaks of the main face only: face {face.face} is called fake, with "
        f"probability {face.probability:.2f}."
        for face in faces[1:]
        if face.verdict == "fake"
    ]


def _quality_warnings(quality: dict[str, float], size_is_told: bool) -> list[str]:
    warnings = []
    if quality["face_width_px"] < _SMALL_FACE_PX and not size_is_told:
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
    """Return a warning where the quality of the video is not known."""
    if not detector.covariates:
        return []
    # Of windows, where it is so in most.
    unknown = detector.unknown_quality(inputs).mean(axis=0) > _MOSTLY
    names = [detector.covariates[i] for i in np.flatnonzero(unknown)]
    if not names:
        return []
    return [
        f"What is usual at the quality of this video is not known ({', '.join(names)} unknown, "
        "taken as the median video's): the score may be off."
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
