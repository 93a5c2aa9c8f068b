"""Every feature, explicitly and in order.

A signal or summary that is not listed here is not computed.
"""

from collections.abc import Iterator
from dataclasses import astuple, fields
from functools import cache

import numpy as np
import pandas as pd

from featurize.declaration import FrameSignal, Recording, Summary, VideoFeature
from featurize.frame_features import eyes, geometry, head_pose, mouth, stability
from featurize.frame_features.expression import BLENDSHAPE_SIGNALS
from featurize.types import LandmarkTrack, pieces
from featurize.video_features.blinks import blink_features
from featurize.video_features.correlations import pairwise_correlations
from featurize.video_features.expression_dynamics import expression_dynamics
from featurize.video_features.functionals import (
    DISTANCE_FUNCTIONALS,
    FUNCTIONALS,
    apply_functionals,
)
from featurize.video_features.head_motion import head_trajectory
from featurize.video_features.stability import landmark_stability

DISTANCE_SIGNALS: tuple[FrameSignal, ...] = (
    geometry.eye_spacing_iod,
    geometry.pupil_distance_iod,
    geometry.cheekbone_distance_iod,
    geometry.nose_width_iod,
    geometry.nose_length_iod,
    geometry.mouth_width_iod,
    geometry.jaw_width_iod,
    geometry.face_height_iod,
    geometry.upper_face_width_to_height,
    geometry.jaw_to_cheekbone_width,
    geometry.mouth_to_nose_width,
    geometry.lower_to_whole_height,
)
"""Lengths and ratios of lengths, which also get a coefficient of variation."""

FRAME_SIGNALS: tuple[FrameSignal, ...] = (
    *DISTANCE_SIGNALS,
    geometry.asymmetry_eyes_iod,
    geometry.asymmetry_brows_iod,
    geometry.asymmetry_nose_iod,
    geometry.asymmetry_mouth_iod,
    geometry.asymmetry_outline_iod,
    eyes.ear_left,
    eyes.ear_right,
    eyes.ear_difference,
    eyes.gaze_x_left,
    eyes.gaze_y_left,
    eyes.gaze_x_right,
    eyes.gaze_y_right,
    eyes.gaze_disagreement,
    mouth.mar,
    mouth.lip_gap_iod,
    mouth.lip_corner_height_iod,
    head_pose.yaw_deg,
    head_pose.pitch_deg,
    head_pose.roll_deg,
    head_pose.translation_x_cm,
    head_pose.translation_y_cm,
    head_pose.translation_z_cm,
    stability.flow_disagreement_face_iod,
    stability.flow_disagreement_eyes_iod,
    stability.flow_disagreement_brows_iod,
    stability.flow_disagreement_nose_iod,
    stability.flow_disagreement_mouth_iod,
    stability.flow_disagreement_outline_iod,
    *BLENDSHAPE_SIGNALS,
)
"""One value per frame each."""

SUMMARIES: tuple[Summary, ...] = (
    blink_features,
    head_trajectory,
    landmark_stability,
    expression_dynamics,
    pairwise_correlations,
)
"""Several values per video each, beyond the functionals of every frame signal."""


@cache
def video_features() -> tuple[VideoFeature, ...]:
    """Description of every feature column, in the order of the table."""
    return tuple(_described())


def _described() -> Iterator[VideoFeature]:
    for signal in FRAME_SIGNALS:
        for functional in FUNCTIONALS:
            yield functional.describe(signal)
    for signal in DISTANCE_SIGNALS:
        for functional in DISTANCE_FUNCTIONALS:
            yield functional.describe(signal)
    for summary in SUMMARIES:
        yield from summary.features


def describe_features() -> pd.DataFrame:
    """What every column of the feature table means.

    Returns
    -------
    pandas.DataFrame
        One row per feature in table order: ``name``, ``family``, ``unit``, ``meaning``,
        ``reference`` and ``confounded_by`` (what else moves the value, comma-separated).
    """
    columns = [field.name for field in fields(VideoFeature)]
    table = pd.DataFrame([astuple(feature) for feature in video_features()], columns=columns)
    table["confounded_by"] = table["confounded_by"].map(", ".join)
    return table


def compute_signals(track: LandmarkTrack) -> Recording:
    """Every frame signal of a track, computed piece by piece so that a long track needs no more."""
    signals = {signal.column: np.empty(track.n_frames) for signal in FRAME_SIGNALS}
    for piece in pieces(track.n_frames):
        part = track.part(piece)
        for signal in FRAME_SIGNALS:
            signals[signal.column][piece] = signal(part)
    return Recording(track, signals)


def compute_video_features(recording: Recording) -> dict[str, float]:
    """Every video feature of a recording, by column name in table order; NaN where unknown."""
    values = apply_functionals(recording, [s.column for s in FRAME_SIGNALS], FUNCTIONALS)
    values |= apply_functionals(
        recording, [s.column for s in DISTANCE_SIGNALS], DISTANCE_FUNCTIONALS
    )
    for summary in SUMMARIES:
        values |= summary(recording)
    return {feature.name: values[feature.name] for feature in video_features()}
