"""Mouths that follow a sound by a known time, or do not follow it at all."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from featurize.audio import FLOOR_DB, read_sound
from featurize.declaration import Recording
from featurize.registry import compute_signals
from featurize.types import LandmarkTrack, Sound
from featurize.video_features.voice import voice_features
from tests.test_featurize.test_audio import mux
from tests.test_featurize.tracks import POINTS, make_track

NAMES = [feature.name for feature in voice_features.features]
RATE_HZ = 16000


def envelope(duration_s: float, seed: int = 0, hz: float = 1000.0) -> tuple[np.ndarray, np.ndarray]:
    """Loudness of made-up speech in [0, 1]: syllables of random strength, and two pauses."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(-1, duration_s + 1, 1 / hz)
    wave = gaussian_filter1d(rng.normal(size=len(time_s)), 0.045 * hz)
    wave = np.clip(wave / wave.std() * 0.35 + 0.4, 0, 1)
    for start in (0.3 * duration_s, 0.7 * duration_s):
        wave[(time_s > start) & (time_s < start + 0.09 * duration_s)] = 0
    return time_s, gaussian_filter1d(wave, 0.02 * hz)


def sound_of(time_s: np.ndarray, loudness: np.ndarray) -> Sound:
    """The level that such loudness has, in steps of 10 ms."""
    start_s, end_s = max(0.0, time_s[0]), time_s[-1]
    grid_s = np.arange(start_s + 0.005, end_s, 0.01)
    power = np.interp(grid_s, time_s, (0.3 * loudness) ** 2 / 2)
    return Sound(grid_s[0], 0.01, np.maximum(10 * np.log10(power + 1e-12), FLOOR_DB))


def recording(
    time_s: np.ndarray, gap_iod: np.ndarray, sound: Sound | None, start_s: float = 0.0
) -> Recording:
    points = np.zeros((len(time_s), 1, 3), np.float32)
    confidence = np.ones(len(time_s), np.float32)
    track = LandmarkTrack(points, start_s + time_s, confidence, "mediapipe478", (64, 64))
    return Recording(track, {"mouth__lip_gap_iod": gap_iod}, None, sound)


def mouth_of(
    frames_s: np.ndarray, time_s: np.ndarray, loudness: np.ndarray, lag_s: float
) -> np.ndarray:
    """A mouth that opens up to 0.2 iod, so much later than the sound."""
    return 0.02 + 0.2 * np.interp(frames_s - lag_s, time_s, loudness)


def features(lag_s: float = 0.0, fps: float = 25, duration_s: float = 8, **changes) -> dict:
    time_s, loudness = envelope(duration_s)
    frames_s = np.arange(round(duration_s * fps)) / fps
    gap_iod = mouth_of(frames_s, time_s, loudness, lag_s)
    if "noise_iod" in changes:
        gap_iod = gap_iod + np.random.default_rng(1).normal(0, changes["noise_iod"], len(frames_s))
    if "missing" in changes:
        gap_iod[changes["missing"]] = np.nan
    return voice_features(recording(frames_s, gap_iod, sound_of(time_s, loudness)))


@pytest.mark.parametrize("fps", [24, 30000 / 1001, 60])
@pytest.mark.parametrize("lag_s", [-0.3, 0.0, 0.12])
def test_a_lag_is_found_within_two_thousandths_of_a_second(fps: float, lag_s: float) -> None:
    found = features(lag_s, fps)
    assert found["voice__opening_x_level__lag_s"] == pytest.approx(lag_s, abs=0.002)
    assert found["voice__opening_x_level__correlation"] > 0.8
    assert found["voice__opening_x_level__beyond_chance"] > 3


def test_in_sync_is_as_good_as_it_gets() -> None:
    found = features(0.0)
    best = found["voice__opening_x_level__correlation"]
    assert found["voice__opening_x_level__correlation_in_sync"] == pytest.approx(best, abs=0.01)
    late = features(0.2)
    assert late["voice__opening_x_level__correlation_in_sync"] < best - 0.3


@pytest.mark.parametrize("lag_s", [0.0, 0.12])
def test_speed_follows_by_the_same_time_where_syllables_open_and_close(lag_s: float) -> None:
    """The speed of a mouth that opens and closes with bursts of sound is high around each."""
    time_s = np.arange(-1, 11, 0.001)
    starts_s = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.1, 20))
    loudness = sum(np.exp(-(((time_s - start) / 0.08) ** 2)) for start in starts_s)
    frames_s = np.arange(300) / 30
    gap_iod = mouth_of(frames_s, time_s, loudness, lag_s)
    found = voice_features(recording(frames_s, gap_iod, sound_of(time_s, loudness)))
    assert found["voice__speed_x_level__lag_s"] == pytest.approx(lag_s, abs=0.02)
    assert found["voice__speed_x_level__correlation"] > 0.5


def test_frame_rates_agree() -> None:
    tables = [features(0.1, fps, noise_iod=0.002) for fps in (24, 30000 / 1001, 60)]
    for name in NAMES:
        values = [table[name] for table in tables]
        assert values == pytest.approx([values[0]] * 3, rel=0.15, abs=0.06), name


def test_somebody_elses_sound_is_followed_by_chance_alone() -> None:
    """Over many pairs, strength is that of shifted sound, and lags are anywhere."""
    frames_s = np.arange(200) / 25
    strength, lags_s, coherence = [], [], []
    for seed in range(30):
        time_s, loudness = envelope(8, seed)
        _, other = envelope(8, seed + 100)
        # Pauses at the same times would be a reason to move together.
        gap_iod = mouth_of(frames_s, time_s, np.roll(other, 1700), 0)
        found = voice_features(recording(frames_s, gap_iod, sound_of(time_s, loudness)))
        strength.append(found["voice__opening_x_level__correlation"])
        lags_s.append(found["voice__opening_x_level__lag_s"])
        coherence.append(found["voice__syllables__coherence"])
    assert np.median(strength) < 0.4
    assert np.std(lags_s) > 0.15
    assert abs(np.mean(coherence)) < 0.05


def test_coherence_is_high_for_a_mouth_that_follows_and_less_for_a_noisy_one() -> None:
    coherence = [
        features(0.0, noise_iod=noise_iod)["voice__syllables__coherence"]
        for noise_iod in (0.0, 0.03, 0.3)
    ]
    assert coherence[0] > 0.6
    assert coherence[0] > coherence[1] > coherence[2]


def test_a_mouth_that_stands_still_while_it_is_heard() -> None:
    time_s, loudness = envelope(8)
    frames_s = np.arange(200) / 25
    gap_iod = mouth_of(frames_s, time_s, loudness, 0)
    gap_iod[100:] = gap_iod[100]
    sound = sound_of(time_s, loudness)
    found = voice_features(recording(frames_s, gap_iod, sound))
    moving = features()["voice__still_in_speech__share"]
    assert moving < 0.15
    # Of the second half, pauses are left out.
    assert 0.35 < found["voice__still_in_speech__share"] - moving / 2 < 0.6


def test_speed_in_silence_against_speech() -> None:
    assert features()["voice__silence_to_speech__speed_ratio"] < 0.1
    time_s, loudness = envelope(8)
    frames_s = np.arange(200) / 25
    chewing = 0.1 + 0.05 * np.sin(2 * np.pi * 3 * frames_s)
    found = voice_features(recording(frames_s, chewing, sound_of(time_s, loudness)))
    assert found["voice__silence_to_speech__speed_ratio"] == pytest.approx(1, abs=0.15)


def test_share_of_speech() -> None:
    time_s = np.arange(0, 10, 0.001)
    # Loud, 15 dB less, 25 dB less and silent: speech is what is less than 20 dB below the loud.
    parts = np.searchsorted([0.6, 1.0, 1.5], time_s % 2, side="right")
    loudness = 0.5 * np.array([1, 10 ** (-15 / 20), 10 ** (-25 / 20), 0])[parts]
    frames_s = np.arange(250) / 25
    gap_iod = mouth_of(frames_s, time_s, loudness, 0)
    found = voice_features(recording(frames_s, gap_iod, sound_of(time_s, loudness)))
    assert found["voice__speech__share"] == pytest.approx(0.5, abs=0.03)


def test_louder_sound_larger_mouths_and_later_clocks_change_nothing() -> None:
    time_s, loudness = envelope(8)
    frames_s = np.arange(200) / 25
    gap_iod = mouth_of(frames_s, time_s, loudness, 0.1)
    sound = sound_of(time_s, loudness)
    plain = voice_features(recording(frames_s, gap_iod, sound))
    louder = Sound(sound.start_s, 0.01, np.maximum(sound.level_db + 9, FLOOR_DB))
    later = Sound(sound.start_s + 100, 0.01, sound.level_db)
    for changed in (
        recording(frames_s, gap_iod, louder),
        recording(frames_s, gap_iod, later, start_s=100.0),
    ):
        assert voice_features(changed) == pytest.approx(plain, abs=1e-3)
    wider = voice_features(recording(frames_s, 3 * gap_iod, sound))
    for name in NAMES:
        if "still" not in name:
            assert wider[name] == pytest.approx(plain[name], abs=1e-6), name


def test_a_gap_of_frames_without_the_face() -> None:
    found, whole = features(0.12, missing=slice(80, 110)), features(0.12)
    assert found["voice__opening_x_level__lag_s"] == pytest.approx(0.12, abs=0.015)
    for name in NAMES:
        assert found[name] == pytest.approx(whole[name], rel=0.3, abs=0.15), name


@pytest.mark.parametrize(("first_s", "last_s"), [(1.0, 20.0), (-5.0, 7.0), (1.5, 6.5)])
def test_sound_that_covers_only_a_part_of_the_video(first_s: float, last_s: float) -> None:
    time_s, loudness = envelope(8)
    frames_s = np.arange(200) / 25
    gap_iod = mouth_of(frames_s, time_s, loudness, 0.12)
    sound = sound_of(time_s, loudness)
    there = (sound.time_s >= first_s) & (sound.time_s <= last_s)
    part = Sound(sound.time_s[there][0], 0.01, sound.level_db[there])
    found = voice_features(recording(frames_s, gap_iod, part))
    assert found["voice__opening_x_level__lag_s"] == pytest.approx(0.12, abs=0.01)


SILENCE = Sound(0.005, 0.01, np.full(800, FLOOR_DB, np.float32))
HUM = Sound(0.005, 0.01, np.full(800, -20, np.float32))
CLICK = Sound(0.005, 0.01, np.r_[np.full(799, FLOOR_DB), -10].astype(np.float32))
ELSEWHERE = Sound(60.0, 0.01, sound_of(*envelope(8)).level_db)
SHORT = Sound(0.005, 0.01, sound_of(*envelope(8)).level_db[:200])
NOTHING = Sound(0.0, 0.01, np.empty(0, np.float32))


@pytest.mark.parametrize(
    "sound",
    [None, SILENCE, HUM, CLICK, ELSEWHERE, SHORT, NOTHING],
    ids=["none", "silence", "hum", "click", "elsewhere", "short", "nothing"],
)
@pytest.mark.filterwarnings("error")
def test_unknown_without_sound_that_rises_and_falls_with_the_face_in_view(sound) -> None:
    frames_s = np.arange(200) / 25
    gap_iod = mouth_of(frames_s, *envelope(8), 0)
    found = voice_features(recording(frames_s, gap_iod, sound))
    assert list(found) == NAMES
    assert np.isnan(list(found.values())).all()


@pytest.mark.parametrize("n_frames", [0, 1, 5, 55, 70, 200])
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.filterwarnings("error")
def test_few_frames_give_numbers_or_nan(n_frames: int, step: int) -> None:
    frames_s = np.arange(n_frames) / 25
    gap_iod = mouth_of(frames_s, *envelope(8), 0)
    gap_iod[::step] = np.nan if step > 1 else gap_iod[::step]
    found = voice_features(recording(frames_s, gap_iod, sound_of(*envelope(8))))
    assert not np.isinf(list(found.values())).any()
    if n_frames < 60 or step > 1:
        assert np.isnan(list(found.values())).all()


@pytest.mark.filterwarnings("error")
def test_a_mouth_that_never_moves_has_no_correlation() -> None:
    frames_s = np.arange(200) / 25
    found = voice_features(recording(frames_s, np.full(200, 0.02), sound_of(*envelope(8))))
    assert found["voice__still_in_speech__share"] == 1
    assert np.isnan(found["voice__opening_x_level__correlation"])
    assert np.isnan(found["voice__speed_x_level__lag_s"])


@pytest.mark.parametrize(("fps", "codec", "name"), [(24, "aac", "v.mp4"), (60, "flac", "v.mkv")])
def test_from_a_file_to_a_lag(tmp_path: Path, fps: float, codec: str, name: str) -> None:
    """Noise whose loudness is known, through a coder and back, beside lips that follow it."""
    time_s, loudness = envelope(8)
    sample_s = np.arange(8 * RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(3).uniform(-1, 1, len(sample_s))
    samples = 0.5 * np.interp(sample_s, time_s, loudness) * noise
    sample_format = "fltp" if codec == "aac" else "s16"
    path = mux(tmp_path / name, [(0, samples)], codec=codec, sample_format=sample_format)
    track = speaking_track(fps, time_s, loudness, lag_s=0.12)
    found = voice_features(compute_signals(track, None, read_sound(path)))
    assert found["voice__opening_x_level__lag_s"] == pytest.approx(0.12, abs=0.01)
    assert found["voice__opening_x_level__correlation"] > 0.8


def speaking_track(
    fps: float, time_s: np.ndarray, loudness: np.ndarray, lag_s: float
) -> LandmarkTrack:
    """A face whose lower lip moves down as the mouth opens."""
    lower = POINTS["lip_lower_inner_middle"]
    upper = POINTS["lip_upper_inner_middle"]

    def shape(t: float, face: np.ndarray) -> np.ndarray:
        moved = face.copy()
        moved[lower] = face[upper] - [0, 2 + 40 * np.interp(t - lag_s, time_s, loudness), 0]
        return moved

    return make_track(duration_s=8, fps=fps, shape=shape)


def test_three_seconds_are_enough_for_all_but_a_comparison_with_silence() -> None:
    found = features(duration_s=3, fps=25)
    unknown = {name for name, value in found.items() if np.isnan(value)}
    assert unknown == {"voice__silence_to_speech__speed_ratio"}
