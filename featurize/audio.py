"""The sound of a video as the level of speech over time: enough to ask whether the mouth follows.

The sound itself is never kept. It is decoded a packet at a time, so that a long video needs no more
memory than the levels themselves.
"""

import math
from array import array
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from featurize import limits
from featurize.container import Container
from featurize.media_file import MediaFile, local_file
from featurize.types import Sound

STEP_S = 0.01
"""Time for which a level is taken: shorter than any sound of speech, longer than a voice's period
but for the deepest."""

FLOOR_DB = -90.0
"""Level of silence, and of time for which there is no sound: just under the step of 16 bits."""

BAND_HZ = (150.0, 4000.0)
"""What of the sound is speech: the telephone's band and a little more below; rumble, hum and the
hiss of coders lie outside."""

LONGEST_GAP_S = 600.0
"""A time stamp that leaps further is damaged: the sound goes on where it was."""

_FILTER_ORDER = 2
# The passband ends so far below half the sampling rate.
_BELOW_NYQUIST = 0.9
# A decoder that has given nothing after so many damaged packets will not.
_MOST_DAMAGED = 1000
# Stamps are rounded, to milliseconds in Matroska, and those of live recordings jitter by some
# hundredths of a second: less than this is no gap.
_STAMP_TOLERANCE_S = 0.1

# Full scale, and zero, of the formats that decoders give; each also comes in planes.
_FORMATS = {
    "u8": (128.0, 128.0),
    "s16": (32768.0, 0.0),
    "s32": (2147483648.0, 0.0),
    "flt": (1.0, 0.0),
    "dbl": (1.0, 0.0),
}


def read_sound(path: str | Path | MediaFile) -> Sound | None:
    """The level of a video's sound in the band of speech.

    The first audio stream with a decoder is mixed to one channel by the mean, filtered to
    :data:`BAND_HZ` (Butterworth, of second order at each end) and squared; the mean square of each
    :data:`STEP_S` is the level, against full scale: a tone of full scale has -3 dB. Damaged packets
    are left out. Time without sound between the first and the last one is silent. Sound beyond
    :data:`featurize.limits.MAX_DURATION_S` is not read: no video goes on for so long.

    Parameters
    ----------
    path : str, Path or MediaFile
        A video file that FFmpeg can open, or its address.

    Returns
    -------
    Sound or None
        On the clock of the frames; each value stands at the middle of its time. None when there is
        no sound, or none that can be decoded.

    Raises
    ------
    VideoMissingError, VideoEmptyError, VideoUnreadableError, VideoTooLargeError
        When the file itself cannot be opened.
    OptionError, OutputError
        As for :func:`featurize.media_file.local_file`.
    """
    with local_file(path) as media, Container(media) as container:
        streams = [s for s in container.streams.audio if s.codec_context is not None]
        if not streams:
            return None
        # Runs of a dataset use one process per core; threads inside FFmpeg would only compete.
        streams[0].codec_context.thread_count = 1
        levels = _Levels()
        for frame in _frames(container, streams[0]):
            levels.add(frame)
            if levels.duration_s > limits.MAX_DURATION_S:
                break
        return levels.sound()


def _frames(container: Container, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Decode packet by packet, so that a damaged packet costs itself and not the rest."""
    packets = container.packets(stream)
    n_damaged = n_frames = 0
    while n_frames or n_damaged < _MOST_DAMAGED:
        try:
            frames = next(packets).decode()
        except (StopIteration, av.error.EOFError):
            return
        except av.error.FFmpegError:
            n_damaged += 1
            continue
        n_frames += len(frames)
        yield from frames


class _Levels:
    """Levels of consecutive frames of sound, which may leave gaps and change their rate."""

    def __init__(self) -> None:
        self._levels_db = array("f")
        self._start_s = math.nan
        self._end_s = math.nan
        self._rate_hz = 0
        # Frames that follow each other are filtered together: each by itself takes twice as long.
        self._waiting: list[np.ndarray] = []
        self._n_waiting, self._waiting_from_s = 0, math.nan
        # Sum and number of squares in the stretch that is not full yet.
        self._energy, self._n = 0.0, 0

    @property
    def duration_s(self) -> float:
        """From the start to the end of what was added; NaN when nothing was."""
        return self._end_s - self._start_s

    def add(self, frame: av.AudioFrame) -> None:
        """Take the next frame; one of an unknown format or rate is left out."""
        rate_hz = frame.sample_rate
        if frame.format.name.removesuffix("p") not in _FORMATS or rate_hz < 4 * BAND_HZ[0]:
            return
        samples = _mono(frame)
        if not samples.size:
            return
        time_s = self._time_of(frame)
        if rate_hz != self._rate_hz or time_s != self._end_s or self._n_waiting > rate_hz / 4:
            self._hear()
            self._waiting_from_s = time_s
            if rate_hz != self._rate_hz or time_s > self._end_s:
                self._begin(rate_hz, samples[0])
        self._waiting.append(samples)
        self._n_waiting += len(samples)
        self._end_s = time_s + len(samples) / rate_hz

    def _hear(self) -> None:
        """Filter what is waiting, and count it."""
        if not self._waiting:
            return
        samples = np.concatenate(self._waiting)
        self._waiting, self._n_waiting = [], 0
        filtered, self._state = sosfilt(self._filter, samples, zi=self._state)
        times_s = self._waiting_from_s + np.arange(len(samples)) / self._rate_hz
        places = (times_s - self._start_s) / STEP_S
        self._count(np.floor(places + 1e-6).astype(np.int64), filtered**2)

    def sound(self) -> Sound | None:
        """What was heard; None when nothing was."""
        self._hear()
        if math.isnan(self._start_s):
            return None
        self._close(len(self._levels_db) + 1)
        levels_db = np.array(self._levels_db, np.float32)
        return Sound(self._start_s + STEP_S / 2, STEP_S, levels_db)

    def _time_of(self, frame: av.AudioFrame) -> float:
        """Time of the frame's first sample: by its stamp where that says something else."""
        stamp_s = math.nan if frame.pts is None else float(frame.pts * frame.time_base)
        if math.isnan(self._start_s):
            self._start_s = self._end_s = 0.0 if math.isnan(stamp_s) else stamp_s
        gap_s = stamp_s - self._end_s
        goes_on = not _STAMP_TOLERANCE_S < abs(gap_s) < LONGEST_GAP_S
        return self._end_s if goes_on else stamp_s

    def _begin(self, rate_hz: int, first: float) -> None:
        """Set the filter to rest at the first sample, so that the start is not heard as a click."""
        high_hz = min(BAND_HZ[1], _BELOW_NYQUIST * rate_hz / 2)
        self._rate_hz = rate_hz
        self._filter = butter(
            _FILTER_ORDER, (BAND_HZ[0], high_hz), "bandpass", fs=rate_hz, output="sos"
        )
        self._state = sosfilt_zi(self._filter) * first

    def _count(self, places: np.ndarray, squares: np.ndarray) -> None:
        """Add squares to their stretches; what belongs to one that is closed is left out."""
        known = (places >= len(self._levels_db)) & (places < limits.MAX_DURATION_S / STEP_S)
        places, squares = places[known], squares[known]
        if not places.size:
            return
        self._close(int(places[0]))
        first = int(places[0])
        energies = np.bincount(places - first, squares)
        numbers = np.bincount(places - first)
        energies[0] += self._energy
        numbers[0] += self._n
        self._energy, self._n = float(energies[-1]), int(numbers[-1])
        self._levels_db.extend(_level_db(energies[:-1], numbers[:-1]).tolist())

    def _close(self, place: int) -> None:
        """Close all stretches before a place; those without sound are silent."""
        if place > len(self._levels_db):
            level_db = _level_db(np.array([self._energy]), np.array([self._n]))
            self._levels_db.append(float(level_db[0]))
            self._energy, self._n = 0.0, 0
            self._levels_db.extend([FLOOR_DB] * (place - len(self._levels_db)))


def _mono(frame: av.AudioFrame) -> np.ndarray:
    """``(n_samples,)`` mean of the channels, 1 at full scale, beyond which nothing goes."""
    full_scale, zero = _FORMATS[frame.format.name.removesuffix("p")]
    samples = frame.to_ndarray()
    if samples.dtype.kind == "f":
        samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0)
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    return np.clip((samples.mean(axis=0, dtype=np.float64) - zero) / full_scale, -1.0, 1.0)


def _level_db(energies: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    power = energies / np.maximum(numbers, 1)
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
