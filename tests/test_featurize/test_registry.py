"""The catalogue: every feature listed is computed, every feature computed is listed."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featurize import describe_features
from featurize.frame_features.observer import PixelObserver
from featurize.registry import (
    FRAME_SIGNALS,
    MEASURED_SIGNALS,
    compute_signals,
    compute_video_features,
    video_features,
)
from featurize.types import Sound, VideoInfo
from tests.test_featurize.tracks import POINTS, make_track, turn


@pytest.fixture(scope="module")
def computed() -> dict[str, float]:
    rng = np.random.default_rng(0)

    def shapes(time_s: np.ndarray) -> np.ndarray:
        return 0.3 + 0.2 * np.sin(np.outer(time_s, np.linspace(1, 9, 52)) + rng.uniform(0, 6, 52))

    track = make_track(
        duration_s=12,
        rotation=lambda t: turn(10 * np.sin(2 * t), 5 * np.sin(3 * t), 4 * np.sin(t)),
        shift_px=lambda t: (5 * np.sin(2 * t), 3 * np.sin(3 * t)),
        noise_px=0.4,
        blendshapes=shapes,
    )
    measures = PixelObserver(MEASURED_SIGNALS).names
    appearance = rng.uniform(20, 200, (track.n_frames, len(measures))).astype(np.float32)
    track = replace(track, appearance=appearance, measures=measures)
    info = VideoInfo(Path("clip.mp4"), 512, 512, 25.0, 12.0, "h264", 1e6)
    level_db = np.where(np.arange(1200) // 40 % 2, -20, -50) + rng.normal(0, 3, 1200)
    sound = Sound(0.0, 0.01, level_db.astype(np.float32))
    return compute_video_features(compute_signals(track, info, sound))


def test_computed_and_described_are_the_same_in_the_same_order(computed) -> None:
    assert list(computed) == describe_features()["name"].tolist()


def test_names_are_unique_and_well_formed() -> None:
    names = describe_features()["name"]
    assert names.is_unique
    pattern = re.compile(r"[a-z]+(_[a-z]+)*__[a-z0-9_]+__[a-z0-9_]+")
    assert [name for name in names if not pattern.fullmatch(name)] == []


def test_every_feature_says_what_it_is() -> None:
    table = describe_features()
    assert table.columns.tolist() == [
        "name",
        "family",
        "unit",
        "meaning",
        "reference",
        "confounded_by",
    ]
    for column in table.columns:
        assert (table[column].str.len() > 0).all(), column
    assert (table["family"] == table["name"].str.partition("__")[0]).all()


def test_units_in_names_agree_with_the_unit_column() -> None:
    endings = {"deg": "deg", "iod": "iod", "cm": "cm"}
    for feature in video_features():
        signal, _, statistic = feature.name.partition("__")[2].partition("__")
        ending = signal.rpartition("_")[2]
        if ending in endings and statistic in ("median", "std", "iqr", "p05", "p95", "rms"):
            assert feature.unit == endings[ending], feature.name


def test_a_full_recording_leaves_nothing_unknown(computed) -> None:
    unknown = {name for name, value in computed.items() if not np.isfinite(value)}
    # This performer never blinks and looks straight ahead, so there is nothing to time.
    timed = ("eyes__blink__", "eyes__saccade__")
    assert {name for name in unknown if not name.startswith(timed)} == set()
    assert computed["eyes__blink__rate_per_min"] == 0


def test_families() -> None:
    families = set(describe_features()["family"])
    assert families == {
        "geometry",
        "eyes",
        "mouth",
        "head_pose",
        "expression",
        "stability",
        "correlation",
        "texture",
        "transitions",
        "pulse",
        "lighting",
        "voice",
        "quality",
    }


@pytest.mark.parametrize("signal", FRAME_SIGNALS, ids=lambda signal: signal.column)
def test_docstring_has_meaning_and_formula(signal) -> None:
    meaning, _, rest = signal.function.__doc__.partition("\n\n")
    assert meaning.strip().endswith(".")
    assert len(rest.strip()) > 20


@pytest.mark.parametrize("n_frames", [1, 2, 257, 513])
def test_signals_do_not_depend_on_the_pieces_they_are_computed_in(n_frames: int) -> None:
    """Bit for bit: the value of a frame depends on no other frame."""
    track = make_track(
        duration_s=n_frames / 25,
        rotation=lambda t: turn(10 * np.sin(2 * t), 5 * np.sin(3 * t), 4 * np.sin(t)),
        noise_px=0.4,
        missing=slice(20, 25) if n_frames > 25 else None,
    )
    flow_px = track.points_px[:, list(POINTS.values()), :2] + np.float32(0.3)
    track = replace(track, flow_px=flow_px, blendshapes=np.abs(flow_px[:, :52, 0] / 600))
    signals = compute_signals(track).signals
    for signal in FRAME_SIGNALS:
        assert signals[signal.column].tobytes() == signal(track).tobytes(), signal.column


@pytest.mark.parametrize(
    "scene",
    [
        {"duration_s": 0.04},
        {"duration_s": 0.5},
        {"duration_s": 2},
        {"duration_s": 2, "missing": slice(0, 50)},
        {"duration_s": 2, "missing": slice(0, None, 2)},
        {"duration_s": 2, "fps": 12},
        {"duration_s": 2, "fps": 120},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("error")
def test_poor_recordings_give_numbers_or_nan_without_warnings(scene) -> None:
    found = compute_video_features(compute_signals(make_track(noise_px=0.3, **scene)))
    assert list(found) == describe_features()["name"].tolist()
    assert not any(np.isinf(value) for value in found.values())
