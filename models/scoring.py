"""One video and a detector in, a score with its reasons out."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import expit

import featurize
from featurize.errors import NoFaceError, TooShortError
from models.caveats import caveats
from models.detector import Detector
from models.detector_file import load_detector
from models.errors import FeatureMismatchError
from models.learning.video_rows import mean_of_known
from models.pretrained import default_detector
from models.reasons import explain, window_spans
from models.video_score import FaceScore, VideoScore, WindowScore

if TYPE_CHECKING:
    from featurize.reference import IdentityMatch, Reference

_Path = str | os.PathLike

_QUALITY = ("n_frames", "face_rate", "duration_s", "fps", "face_width_px")
# Of windows, the whole video is their sum.
_ADDED_UP = ("n_frames", "duration_s")


def score_video(
    path: _Path,
    detector: Detector | _Path | None = None,
    *,
    reference: _Path | Sequence[_Path] | None = None,
    cnn: _Path | Sequence[_Path] = (),
    device: str = "auto",
    **featurize_options: Any,
) -> VideoScore:
    """Say how likely a video is manipulated, and why; and whether it shows a person who is known.

    The answer speaks of the main face; the others are scored in ``faces``. Where a readable
    video has no face or too few frames of one (statuses ``no_face`` and ``too_short``), the verdict
    is ``unknown`` and the reason is in ``warnings``: never a guess. The same holds where too
    many of the features could not be measured.

    What the detector was trained on is measured without being asked for: embeddings by the same
    networks, the family ``identity``, signals over time. With a detector that was trained on
    windows the video is measured in windows of the same length, and its score is that of the mean
    of their decision values.

    Parameters
    ----------
    path : path
        A video file.
    detector : Detector or path, optional
        Made by :func:`models.train`; by default the one that comes with the package, see
        :func:`models.pretrained.default_detector`.
    reference : path or sequence of paths, optional
        Photographs of one person. Whether a face of the video is that person is answered in
        ``identity``, whichever face fits best. They are read before the video is.
    cnn : path or sequence of paths
        TorchScript files of the user's networks that the detector was trained with. A network
        that it was not trained with is not run, which is said among the ``warnings``.
    device : {"auto", "cpu", "cuda"}
        Where networks run.
    **featurize_options
        Passed on to :func:`featurize.featurize_video`; the same as for the training table.

    Raises
    ------
    NoDetectorError
        When no detector is given, and none comes with this installation.
    DetectorError
        When the detector cannot be loaded.
    SettingError
        When it judges sequences, and what computes them is not installed.
    FeatureMismatchError
        When the features of the video are not those the detector was trained on, or the file of a
        network it was trained with is not given.
    featurize.errors.ReferencePhotoError
        When a photograph cannot be read, or does not show one face.
    featurize.errors.OptionError, featurize.errors.ModelFileError
        When a network cannot be loaded, or not on that device.
    featurize.errors.VideoError
        When the file itself cannot be used: statuses ``missing``, ``empty``, ``unreadable`` and
        ``no_video_stream``.
    """
    if detector is None:
        detector = default_detector()
    elif not isinstance(detector, Detector):
        detector = load_detector(detector)
    networks, unused = _networks(detector, cnn)
    asked = {
        **({} if detector.window_s is None else {"window_s": detector.window_s}),
        "cnn": networks,
        "identity": detector.needs_identity or reference is not None,
        "series": detector.needs_series,
        "device": device,
    }
    person = None if reference is None else _person(reference, device)
    seen: list[IdentityMatch] = []
    if person is not None:
        asked["see"] = lambda recordings: seen.append(person.compare(recordings))
    try:
        rows = featurize.featurize_video(path, **{**asked, **featurize_options})
    except (NoFaceError, TooShortError) as error:
        return VideoScore(
            path=os.fspath(path),
            probability=float("nan"),
            verdict="unknown",
            reasons=(),
            faces=(),
            quality=dict.fromkeys(_QUALITY, float("nan")),
            warnings=(str(error), *unused),
            identity=person and replace(person.compare([]), warnings=(str(error),)),
        )
    described = featurize.describe_features(cnn=asked["cnn"], identity=asked["identity"])
    score = score_rows(os.fspath(path), rows, detector, described)
    return replace(score, warnings=(*score.warnings, *unused), identity=seen[0] if seen else None)


def score_rows(
    path: str, rows: pd.DataFrame, detector: Detector, described: pd.DataFrame
) -> VideoScore:
    """Score the feature rows of one video, the main face first.

    Parameters
    ----------
    path : str
        Of the video.
    rows : pandas.DataFrame
        Of its faces, or of their windows.
    detector : Detector
        Trained on such rows.
    described : pandas.DataFrame
        What :func:`featurize.describe_features` says of the features.

    Raises
    ------
    FeatureMismatchError
        When a feature of the detector is missing, or rows are whole videos where it was trained on
        windows, or the other way round.
    """
    inputs, face_of = detector.matrix(rows), detector.faces_of(rows)
    log_odds = detector.log_odds(inputs)
    # Of windows that are not scored it does not matter what they show.
    scored = np.isfinite(log_odds)
    unseen = np.where(scored, detector.unseen_share(inputs), np.nan)
    too_far = [
        detector.quality(inputs[scored & (face_of == i)]).is_too_far
        for i in range(face_of.max() + 1)
    ]
    faces = tuple(
        FaceScore(
            face=i,
            probability=float(probability),
            verdict=detector.verdict(probability, unseen_share, too_far[i]),
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
    told = explain(main, detector, described)
    # As the score is: the mean of the windows, then the probability.
    members = {
        name: float(expit(mean_of_known(values, face_of)[0]))
        for name, values in detector.member_log_odds(rows).items()
    }
    return VideoScore(
        path=path,
        probability=faces[0].probability,
        verdict=faces[0].verdict,
        reasons=told.reasons,
        faces=faces,
        quality=quality,
        warnings=caveats(main, inputs, faces, quality, detector),
        timeline=tuple(
            WindowScore(*span, float(value))
            for span, value in zip(window_spans(main, detector), log_odds[is_main], strict=False)
        ),
        members=members,
        weights=detector.member_weights,
        base_log_odds=told.base,
        other_log_odds=told.others,
        unmeasured_log_odds=told.unmeasured,
    )


def _person(photos: _Path | Sequence[_Path], device: str) -> "Reference":
    from featurize.reference import Reference

    return Reference.of(_several(photos), device)


def _several(paths: _Path | Sequence[_Path]) -> list[_Path]:
    return [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)


def _networks(
    detector: Detector, given: _Path | Sequence[_Path]
) -> tuple[tuple[str, ...], list[str]]:
    """Return how to open each network the detector was trained with, its own or one of ``given``.

    Beside that, a warning for each of those given that it was not trained with.

    Raises
    ------
    FeatureMismatchError
        When the file of a network is not among the given ones.
    featurize.errors.OptionError, featurize.errors.ModelFileError
        When one that is given is no network.
    """
    named = sorted({os.fspath(spec) for spec in _several(given)})
    if not (detector.networks or named):
        return (), []
    from featurize.networks.network import BUILT_IN, network_facts

    specs = {network_facts(spec).name: spec for spec in BUILT_IN}
    files = {network_facts(file).name: file for file in named if file not in BUILT_IN}
    for network in detector.networks:
        if network not in specs | files:
            raise FeatureMismatchError(_not_given(network, files))
    specs |= files
    needed = tuple(specs[network] for network in detector.networks)
    unused = [
        f"The detector was not trained with the network {spec}: it was not run."
        for spec in named
        if spec not in needed
    ]
    return needed, unused


def _not_given(network: str, files: dict[str, str]) -> str:
    """Return that the file of a network is needed, and why none of those given is it."""
    stem, _, digest = network.rpartition("_")
    trained = f"The detector was trained with the network {network}, a TorchScript file"
    for name, file in files.items():
        if name.endswith(f"_{digest}"):
            return f"{trained}; {file} is that file by another name: call it {stem}.pt again."
    if not files:
        return f"{trained} of yours: give it by cnn=[PATH], in the shell by --cnn PATH."
    others = ", ".join(f"{file} ({name})" for name, file in files.items())
    return f"{trained}, which is not {others}: give the very file it was trained with."


def _numbers(rows: pd.DataFrame, name: str) -> pd.Series:
    if name not in rows.columns:
        return pd.Series(np.nan, index=rows.index)
    return pd.to_numeric(rows[name], errors="coerce").astype(float)


def _median(rows: pd.DataFrame, name: str) -> float:
    return float(_numbers(rows, name).median())
