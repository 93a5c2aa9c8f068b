"""Every feature, explicitly and in order.

A signal or summary that is not listed here is not computed.
"""

from collections.abc import Sequence
from dataclasses import astuple, fields
from functools import cache
from pathlib import Path

import pandas as pd

from featurize.declaration import (
    FrameSignal,
    KeptSignals,
    PairSignal,
    PixelSignal,
    Recording,
    Summary,
    VideoFeature,
)
from featurize.feature_options import BASE_FEATURES, FeatureOptions
from featurize.frame_features import eyes, geometry, head_pose, lighting, mouth, quality, stability
from featurize.frame_features.expression import BLENDSHAPE_SIGNALS
from featurize.frame_features.texture import (
    border,
    irises,
    residual,
    sharpness,
    spectrum,
    teeth,
)
from featurize.frame_features.transitions import differences, persistence, texture_changes
from featurize.scratch import let_go, scratch
from featurize.types import LandmarkTrack, Sound, VideoInfo, pieces
from featurize.video_features.blinks import blink_features
from featurize.video_features.correlations import pairwise_correlations
from featurize.video_features.expression_dynamics import expression_dynamics
from featurize.video_features.expression_timing import expression_timing
from featurize.video_features.functionals import (
    DISTANCE_FUNCTIONALS,
    EXPRESSION_FUNCTIONALS,
    MOTION_FUNCTIONALS,
    NOISE_FUNCTIONALS,
    QUALITY_FUNCTIONALS,
    SAMPLE_FUNCTIONALS,
    THICKNESS_FUNCTIONALS,
    TRANSITION_FUNCTIONALS,
    Functional,
    apply_functionals,
)
from featurize.video_features.gaze import gaze_dynamics, iris_consistency
from featurize.video_features.head_motion import head_trajectory
from featurize.video_features.identity import identity_features
from featurize.video_features.lighting import (
    LIGHTING_FUNCTIONALS,
    covariation,
    light_and_turns,
)
from featurize.video_features.micro_expressions import micro_expressions
from featurize.video_features.mouth_opening import mouth_closure, mouth_rhythm
from featurize.video_features.mouth_shape import mouth_shape
from featurize.video_features.pooled import cnn_summary
from featurize.video_features.pulse import pulse_agreement, pulse_rate
from featurize.video_features.quality import recording_quality
from featurize.video_features.series import series_features, series_steps, series_values
from featurize.video_features.stability.bone_lengths import bone_lengths
from featurize.video_features.stability.coupling import jitter_coupling
from featurize.video_features.stability.inner_face import inner_against_outline
from featurize.video_features.stability.jitter import landmark_jitter
from featurize.video_features.stability.spectrum import residual_spectra
from featurize.video_features.voice import voice_features

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

MOTION_SIGNALS: tuple[FrameSignal, ...] = (
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
    eyes.iris_diameter_left_iod,
    eyes.iris_diameter_right_iod,
    mouth.mar,
    mouth.lip_gap_iod,
    mouth.lip_corner_height_iod,
    head_pose.yaw_deg,
    head_pose.pitch_deg,
    head_pose.roll_deg,
    head_pose.translation_x_cm,
    head_pose.translation_y_cm,
    head_pose.translation_z_cm,
)
"""What moves with face and head: its level, spread, tails, speed, jerk and spectrum count."""

THICKNESS_SIGNALS: tuple[FrameSignal, ...] = (
    mouth.upper_lip_thickness_iod,
    mouth.lower_lip_thickness_iod,
)
"""What should stay as thick as it is: level and constancy count."""

NOISE_SIGNALS: tuple[FrameSignal, ...] = (
    head_pose.pose_disagreement_deg,
    head_pose.yaw_disagreement_deg,
    head_pose.pitch_disagreement_deg,
    head_pose.roll_disagreement_deg,
    head_pose.place_disagreement_iod,
    stability.flow_disagreement_face_iod,
    stability.flow_disagreement_eyes_iod,
    stability.flow_disagreement_brows_iod,
    stability.flow_disagreement_nose_iod,
    stability.flow_disagreement_mouth_iod,
    stability.flow_disagreement_outline_iod,
)
"""Errors from frame to frame: how large they are counts, their derivatives say the same again."""

LIGHTING_SIGNALS: tuple[FrameSignal, ...] = (
    lighting.shading_left_right,
    lighting.shading_top_bottom,
    lighting.light_azimuth_deg,
    lighting.light_elevation_deg,
    lighting.light_fit_residual,
    lighting.face_to_neck_redness,
    lighting.face_to_neck_brightness_stops,
)
"""Light on the patches of skin that are measured in every frame: where it is and how it changes."""

PIXEL_SIGNALS: tuple[PixelSignal, ...] = (
    spectrum.spectrum_slope,
    spectrum.spectrum_top_deviation_db,
    spectrum.spectrum_checkerboard_db,
    residual.residual_std_levels,
    residual.residual_tails,
    residual.residual_correlation,
    residual.cooccurrence_entropy_bit,
    residual.cooccurrence_direction,
    sharpness.sharpness_inner_to_ring_db,
    sharpness.sharpness_inner_to_around_db,
    sharpness.sharpness_mouth_to_inner_db,
    sharpness.noise_inner_levels,
    sharpness.noise_inner_to_ring_db,
    sharpness.noise_inner_to_around_db,
    sharpness.chroma_noise_inner_to_around_db,
    border.border_colour_step_de,
    border.border_gradient_db,
    border.border_seam_db,
    irises.iris_colour_difference_de,
    irises.iris_hue_difference_de,
    irises.iris_highlight_levels,
    irises.iris_highlight_overlap,
    irises.iris_highlight_distance,
    teeth.teeth_detail_db,
)
"""What is read off the pixels of sampled frames."""

TRANSITION_SIGNALS: tuple[PairSignal, ...] = (
    differences.residual_inner_levels,
    differences.residual_inner_to_around_db,
    differences.residual_ring_to_inner_db,
    differences.residual_eyes_to_inner_db,
    differences.residual_mouth_to_inner_db,
    differences.unexplained_skin_db,
    differences.unexplained_ring_db,
    differences.brightness_skin_to_around_percent,
    differences.swim_skin_iod_per_s,
    differences.swim_mouth_to_skin_db,
    persistence.held_inner,
    persistence.held_inner_less_around,
    persistence.grip_skin,
    persistence.grip_eyes,
    persistence.grip_around,
    texture_changes.change_of_spectrum_top_db,
    texture_changes.change_of_residual_correlation,
    texture_changes.change_of_sharpness_inner_to_ring_db,
    texture_changes.change_of_sharpness_mouth_to_inner_db,
    texture_changes.change_of_noise_inner_db,
)
"""What changes from a sampled frame to the one right after it."""

QUALITY_SIGNALS: tuple[PixelSignal, ...] = (
    quality.blur,
    quality.blockiness,
    quality.noise_sigma_levels,
    quality.face_luma_levels,
    quality.face_contrast_levels,
)
"""What is read off the same pixels to say how good they are: their level is enough."""

SIGNALS: tuple[tuple[tuple[FrameSignal, ...], tuple[Functional, ...]], ...] = (
    (DISTANCE_SIGNALS, DISTANCE_FUNCTIONALS),
    (MOTION_SIGNALS, MOTION_FUNCTIONALS),
    (BLENDSHAPE_SIGNALS, EXPRESSION_FUNCTIONALS),
    (THICKNESS_SIGNALS, THICKNESS_FUNCTIONALS),
    (NOISE_SIGNALS, NOISE_FUNCTIONALS),
    (LIGHTING_SIGNALS, LIGHTING_FUNCTIONALS),
    (PIXEL_SIGNALS, SAMPLE_FUNCTIONALS),
    (TRANSITION_SIGNALS, TRANSITION_FUNCTIONALS),
    (QUALITY_SIGNALS, QUALITY_FUNCTIONALS),
)
"""Groups of signals, each with what it is summed up by."""

FRAME_SIGNALS: tuple[FrameSignal, ...] = tuple(
    signal for signals, _ in SIGNALS for signal in signals
)
"""One value per frame each."""

MEASURED_SIGNALS: tuple[PixelSignal | PairSignal, ...] = tuple(
    signal for signal in FRAME_SIGNALS if isinstance(signal, PixelSignal | PairSignal)
)
"""Those that are read off pixels while the video passes."""

SUMMARIES: tuple[Summary, ...] = (
    blink_features,
    gaze_dynamics,
    iris_consistency,
    head_trajectory,
    landmark_jitter,
    jitter_coupling,
    residual_spectra,
    bone_lengths,
    inner_against_outline,
    mouth_rhythm,
    mouth_closure,
    mouth_shape,
    expression_dynamics,
    micro_expressions,
    expression_timing,
    pairwise_correlations,
    pulse_agreement,
    light_and_turns,
    covariation,
    voice_features,
    recording_quality,
    pulse_rate,
)
"""Several values per video each, beyond the functionals of every frame signal."""


def video_features(options: FeatureOptions = BASE_FEATURES) -> tuple[VideoFeature, ...]:
    """Description of every feature column, in the order of the table.

    Raises
    ------
    OptionError, ModelFileError
        When a network of the options cannot be used.
    """
    window_s = options.window_s if options.series else None
    return _described(_added_summaries(options), window_s)


@cache
def _described(added: tuple[Summary, ...], series_s: float | None) -> tuple[VideoFeature, ...]:
    of_signals = (
        functional.describe(signal)
        for signals, functionals in SIGNALS
        for signal in signals
        for functional in functionals
    )
    of_summaries = (feature for summary in (*SUMMARIES, *added) for feature in summary.features)
    series = () if series_s is None else series_features(series_steps(series_s))
    return (*of_signals, *of_summaries, *series)


def _added_summaries(options: FeatureOptions) -> tuple[Summary, ...]:
    """What is measured only where it is asked for, in the order of the table."""
    networks = (cnn_summary(facts.name, facts.n_dims) for facts in options.cnn_networks)
    return (*networks, *((identity_features,) if options.identity else ()))


def describe_features(
    *,
    cnn: str | Path | Sequence[str | Path] = (),
    identity: bool = False,
    series: bool = False,
    window_s: float | None = None,
) -> pd.DataFrame:
    """What every column of the feature table means.

    Parameters
    ----------
    cnn, identity, series, window_s
        What was asked for besides the features of every table, see
        :func:`featurize.featurize_video`.

    Returns
    -------
    pandas.DataFrame
        One row per feature in table order: ``name``, ``family``, ``unit``, ``meaning``,
        ``reference`` and ``confounded_by`` (what else moves the value, comma-separated).

    Raises
    ------
    OptionError, ModelFileError
        When options make no sense, or a network cannot be used.
    """
    options = FeatureOptions(cnn, identity, series, window_s)
    columns = [field.name for field in fields(VideoFeature)]
    features = [astuple(feature) for feature in video_features(options)]
    table = pd.DataFrame(features, columns=columns)
    table["confounded_by"] = table["confounded_by"].map(", ".join)
    return table


def compute_signals(
    track: LandmarkTrack, info: VideoInfo | None = None, sound: Sound | None = None
) -> Recording:
    """Every frame signal of a track, computed piece by piece so that a long track needs no more.

    Raises
    ------
    OutputError
        When the temporary folder, in which the signals of a long track lie, cannot be written.
    """
    values = scratch((len(FRAME_SIGNALS), track.n_frames))
    for piece in pieces(track.n_frames):
        part = track.part(piece)
        for number, signal in enumerate(FRAME_SIGNALS):
            values[number, piece] = signal(part)
        let_go(values)
    signals = KeptSignals([signal.column for signal in FRAME_SIGNALS], values)
    return Recording(track, signals, info, sound)


def compute_video_features(
    recording: Recording,
    options: FeatureOptions = BASE_FEATURES,
    start_s: float | None = None,
) -> dict[str, float]:
    """Every video feature of a recording, by column name in table order; NaN where unknown.

    Parameters
    ----------
    recording : Recording
        One face over a video, or over a window of it.
    options : FeatureOptions
        What is measured. Features of networks are NaN where its track has no samples of theirs.
    start_s : float, optional
        Where the window begins, on the clock of ``recording.time_s``; with its first frame when
        not given. It matters for series alone.

    Raises
    ------
    OptionError, ModelFileError
        When a network of the options cannot be used.
    """
    values: dict[str, float] = {}
    for group, functionals in SIGNALS:
        values |= apply_functionals(recording, [signal.column for signal in group], functionals)
    for summary in (*SUMMARIES, *_added_summaries(options)):
        values |= summary(recording)
    if options.series:
        start_s = float(recording.time_s[0]) if start_s is None else start_s
        columns = series_features(series_steps(options.window_s))
        steps = series_values(recording, start_s, options.window_s).ravel()
        values |= {column.name: step for column, step in zip(columns, steps.tolist(), strict=True)}
    return {feature.name: values[feature.name] for feature in video_features(options)}
