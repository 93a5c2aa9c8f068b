"""Whether the mouth moves with the sound: how closely, how late, and whether it rests in silence.

A mouth that was made or moved to match a sound follows it too well, too little, or late; a mouth
under a sound that is not its own follows it no better than chance.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import detrend

from featurize.declaration import Recording, summary
from featurize.scratch import blocks, scratch
from featurize.types import Sound
from featurize.video_features.functionals import collect
from featurize.video_features.sampling import GRID_HZ, Segment, derivative, segments
from featurize.video_features.statistics import centred_pearson, ratio, rms

MOST_LAG_S = 0.5
"""How late or early the mouth is looked for; sound is out of step for any viewer long before."""

MIN_TOGETHER_S = 2.5
"""Face and sound must be known together for so long: some ten syllables."""

SYLLABLE_BAND_HZ = (2.0, 8.0)

STILL_IOD_PER_S = 0.05
"""A mouth that opens and closes slower stands still."""

_AUDIBLE_DB = -60.0
_RANGE_DB = 40.0
_MIN_SPREAD_DB = 2.0
_SPEECH_DB = 20.0
_SILENCE_DB = 30.0
_SMOOTHING_S = 0.04
_TREND_S = 2.0
_SPEED_WINDOW_S = 0.16
_PAUSE_S = 0.15
_FAR_S = 1.0
_MOST_SHIFTS = 100
_COHERENCE_WINDOW_S = 1.0
_MIN_WINDOWS = 4
_TINY = 1e-12
_MIN_SHIFTS = 10
_MOST_LAG = round(MOST_LAG_S * GRID_HZ)
# Of speech, and of silence, that is compared.
_MIN_COMPARED_S = 0.5

_NAMES = {"opening": "mouth opening", "speed": "speed of mouth opening and closing"}


@summary(
    family="voice",
    reference=(
        "Chandrasekaran et al. 2009 (mouth opening and envelope); Chung & Zisserman 2016 (lag and "
        "strength against other lags), with the level of sound for learned features"
    ),
    confounded_by=(
        *("music and other speakers", "speech off camera", "sound out of step", "frame rate"),
        *("small faces", "clip length", "expression without speech"),
    ),
    features={
        name: described
        for signal, words in _NAMES.items()
        for name, described in {
            f"{signal}_x_level__correlation": (
                "1",
                f"Highest correlation of {words} with the level of sound within 0.5 s",
            ),
            f"{signal}_x_level__lag_s": ("s", f"How much later than the sound {words} follows"),
            f"{signal}_x_level__correlation_in_sync": (
                "1",
                f"Correlation of {words} with the level of sound at the same time",
            ),
            f"{signal}_x_level__beyond_chance": (
                "1",
                f"Standard deviations by which {words} follows the sound better than shifted sound",
            ),
        }.items()
    }
    | {
        "syllables__coherence": (
            "1",
            "Share of mouth opening between 2 and 8 Hz that the level of sound explains linearly",
        ),
        "still_in_speech__share": ("1", "Share of speech during which the mouth stands still"),
        "silence_to_speech__speed_ratio": (
            "1",
            "Speed of the mouth in silence over that in speech",
        ),
        "speech__share": ("1", "Share of time with sound as loud as speech"),
    },
)
def voice_features(recording: Recording) -> dict[str, float]:
    """How the gap between the lips goes with the level of sound in the band of speech.

    Both are brought to 50 Hz; the level keeps its upper 40 dB below the loud parts, and both lose
    their mean over 2 s around. ``correlation`` is the highest Pearson correlation over lags within
    +-0.5 s; ``lag_s``, from the parabola through it and its neighbours, is positive when the mouth
    comes after the sound, and says little where ``beyond_chance`` is low. ``beyond_chance`` is
    ``(correlation - mean) / std`` of the correlations with sound that is shifted in a circle by 1 s
    or more. Coherence is Welch's over windows of 1 s, less what as many windows show by chance; 0
    for none, 1 for all. Speech is less than 20 dB below the loud parts; silence is more than 30 dB
    below them, and 0.15 s away from louder sound; the mouth stands still below 0.05 iod/s.

    NaN without sound, with sound that does not rise and fall, and when face and sound are known
    together for less than 2.5 s; the ratio also with less than half a second of either speech or
    silence, the coherence without four windows.
    """
    values = {feature.name: np.nan for feature in voice_features.features}
    pair = None if recording.sound is None else _aligned(recording, recording.sound)
    if pair is None:
        return values
    for name, mouth in (("opening", pair.opening), ("speed", np.abs(pair.velocity))):
        followed = _following(_without_trend(mouth), _without_trend(pair.level_db))
        values |= {f"voice__{name}_x_level__{what}": value for what, value in followed.items()}
    values["voice__syllables__coherence"] = _coherence(pair.opening, pair.level_now_db)
    values["voice__speech__share"] = float(np.mean(pair.is_speech[pair.is_known]))
    known = np.isfinite(pair.velocity)
    in_speech = pair.velocity[known & pair.is_speech]
    in_silence = pair.velocity[known & pair.is_silent]
    if len(in_speech) >= _MIN_COMPARED_S * GRID_HZ:
        still = np.abs(in_speech) < STILL_IOD_PER_S
        values["voice__still_in_speech__share"] = float(np.mean(still))
        if len(in_silence) >= _MIN_COMPARED_S * GRID_HZ:
            values["voice__silence_to_speech__speed_ratio"] = ratio(rms(in_silence), rms(in_speech))
    return values


@dataclass(frozen=True)
class _Pair:
    """Mouth and sound on one grid at :data:`GRID_HZ`, ``(n,)`` each; NaN where unknown.

    The level goes on for the longest lag before and behind the others.
    """

    opening: np.ndarray
    velocity: np.ndarray
    level_db: np.ndarray
    is_speech: np.ndarray
    is_silent: np.ndarray

    @property
    def level_now_db(self) -> np.ndarray:
        return self.level_db[_MOST_LAG:-_MOST_LAG]

    @property
    def is_known(self) -> np.ndarray:
        return np.isfinite(self.opening) & np.isfinite(self.level_now_db)


def _aligned(recording: Recording, sound: Sound) -> _Pair | None:
    """Mouth and sound together; None when there is too little of either."""
    signals = collect(recording, ["mouth__lip_gap_iod"])
    pieces = segments(signals.values, signals.time_s)
    audible_db = sound.level_db[sound.level_db > _AUDIBLE_DB]
    if not pieces or len(audible_db) * sound.step_s < _MIN_COMPARED_S:
        return None
    start_s, last = pieces[0].start_s, pieces[-1]
    n = int((last.start_s + last.duration_s - start_s) * GRID_HZ + 1e-6)
    loud_db = float(np.percentile(audible_db, 95))
    raw_db = scratch(sound.level_db.shape)
    np.maximum(sound.level_db, loud_db - _RANGE_DB, out=raw_db, dtype=np.float64)
    heard_db = scratch((2, len(raw_db)))
    # Of odd size, as an even one would shift the level by half a step.
    size = 2 * round(_SMOOTHING_S / 2 / sound.step_s) + 1
    uniform_filter1d(raw_db, size, output=heard_db[0], mode="nearest")
    pause = 2 * round(_PAUSE_S / sound.step_s) + 1
    maximum_filter1d(heard_db[0], pause, output=heard_db[1], mode="nearest")
    grid_s, level_db = scratch((n + 2 * _MOST_LAG,)), scratch((2, n + 2 * _MOST_LAG))
    time_s, reach_s = scratch(raw_db.shape), sound.step_s / 2 + 1e-6
    time_s[:] = sound.time_s
    for block in blocks(len(grid_s)):
        here_s = start_s + np.arange(block.start - _MOST_LAG, block.stop - _MOST_LAG) / GRID_HZ
        is_heard = (here_s >= time_s[0] - reach_s) & (here_s <= time_s[-1] + reach_s)
        before, after = np.searchsorted(time_s, here_s[[0, -1]])
        # Two values more on either side, so that there are some beside the sound, too.
        near = slice(max(before - 2, 0), after + 2)
        for placed_db, known_db in zip(level_db, heard_db, strict=True):
            now_db = np.interp(here_s, time_s[near], known_db[near])
            placed_db[block] = np.where(is_heard, now_db, np.nan)
        grid_s[block] = here_s
    now = slice(_MOST_LAG, -_MOST_LAG)
    pair = _Pair(
        opening=_placed(pieces, grid_s[now], 0),
        velocity=_placed(pieces, grid_s[now], 1),
        level_db=level_db[0],
        is_speech=level_db[0, now] > loud_db - _SPEECH_DB,
        is_silent=level_db[1, now] < loud_db - _SILENCE_DB,
    )
    known_db = pair.level_now_db[pair.is_known]
    too_little = len(known_db) < MIN_TOGETHER_S * GRID_HZ or known_db.std() < _MIN_SPREAD_DB
    return None if too_little else pair


def _placed(pieces: list[Segment], grid_s: np.ndarray, order: int) -> np.ndarray:
    """A signal of one column, or its time derivative, on a grid; NaN between the pieces."""
    placed = scratch((len(grid_s),))
    placed[:] = np.nan
    for piece in pieces:
        values = derivative(piece, order, _SPEED_WINDOW_S) if order else piece.values
        cut = (len(piece.values) - len(values)) // 2
        if not len(values):
            continue
        time_s = piece.start_s + (cut + np.arange(len(values))) / GRID_HZ
        inside = slice(*np.searchsorted(grid_s, (time_s[0] - 1e-6, time_s[-1] + 1e-6)))
        placed[inside] = np.interp(grid_s[inside], time_s, values[:, 0])
    return placed


def _without_trend(values: np.ndarray) -> np.ndarray:
    """Values less the mean of what is known of them around."""
    known = np.isfinite(values)
    size = round(_TREND_S * GRID_HZ) + 1
    left, number = scratch(values.shape), scratch(values.shape)
    uniform_filter1d(np.where(known, values, 0.0), size, output=left, mode="constant")
    uniform_filter1d(known.astype(np.float64), size, output=number, mode="constant")
    left /= np.maximum(number, 0.5 / size, out=number)
    return np.subtract(values, left, out=left)


def _following(mouth: np.ndarray, level_db: np.ndarray) -> dict[str, float]:
    """How a mouth follows the level, which begins and ends the longest lag beyond it."""
    n = len(mouth)
    lags = np.arange(-_MOST_LAG, _MOST_LAG + 1)
    near = np.array([_correlation(mouth, level_db[_MOST_LAG - lag :][:n]) for lag in lags])
    level_now_db = level_db[_MOST_LAG : _MOST_LAG + n]
    least = round(_FAR_S * GRID_HZ)
    shifts = np.unique(np.linspace(least, n - least, _MOST_SHIFTS).astype(int))
    far = np.array([_correlation(mouth, np.roll(level_now_db, shift)) for shift in shifts])
    far = far[np.isfinite(far)]
    found = dict.fromkeys(("correlation", "lag_s", "correlation_in_sync", "beyond_chance"), np.nan)
    if np.isnan(near).all():
        return found
    best = int(np.nanargmax(near))
    found["correlation"] = float(near[best])
    found["lag_s"] = float(lags[best] + _vertex(near[max(0, best - 1) : best + 2])) / GRID_HZ
    found["correlation_in_sync"] = float(near[_MOST_LAG])
    if len(far) >= _MIN_SHIFTS:
        found["beyond_chance"] = ratio(near[best] - far.mean(), far.std())
    return found


def _correlation(mouth: np.ndarray, level_db: np.ndarray) -> float:
    """Pearson correlation where both are known; NaN when that is too seldom."""
    known = np.isfinite(mouth) & np.isfinite(level_db)
    if np.count_nonzero(known) < 0.5 * MIN_TOGETHER_S * GRID_HZ:
        return float("nan")
    first, second = mouth[known], level_db[known]
    first -= first.mean()
    second -= second.mean()
    return centred_pearson(first, second)


def _vertex(near: np.ndarray) -> float:
    """Where the parabola through three values is highest, from the middle one; 0 without three."""
    if len(near) < 3 or np.isnan(near).any():
        return 0.0
    before, here, after = near
    return 0.5 * ratio(after - before, 2 * here - before - after) if after != before else 0.0


def _coherence(opening: np.ndarray, level_db: np.ndarray) -> float:
    """Squared coherence in the syllable band, by power, less its bias."""
    size = round(_COHERENCE_WINDOW_S * GRID_HZ)
    known = np.isfinite(opening) & np.isfinite(level_db)
    starts = np.arange(0, len(known) - size + 1, size // 2)
    starts = starts[[known[start : start + size].all() for start in starts]]
    if len(starts) < _MIN_WINDOWS:
        return float("nan")
    window = np.hanning(size + 1)[:size]
    frequency_hz = np.fft.rfftfreq(size, 1 / GRID_HZ)
    band = (frequency_hz >= SYLLABLE_BAND_HZ[0]) & (frequency_hz <= SYLLABLE_BAND_HZ[1])

    def spectra(values: np.ndarray) -> np.ndarray:
        parts = [
            np.fft.rfft(detrend(np.stack([values[s : s + size] for s in some])) * window)[:, band]
            for some in (starts[block] for block in blocks(len(starts)))
        ]
        return np.concatenate(parts)

    mouth, sound = spectra(opening), spectra(level_db)
    power, loudness = np.sum(np.abs(mouth) ** 2, axis=0), np.sum(np.abs(sound) ** 2, axis=0)
    together = np.abs(np.sum(mouth * np.conj(sound), axis=0)) ** 2
    explained = ratio(float(np.sum(together / np.maximum(loudness, _TINY))), float(power.sum()))
    # Hann windows that overlap by half count for 0.95 of as many that do not (Welch 1967).
    chance = 1 / (0.95 * len(starts))
    return (explained - chance) / (1 - chance)
