"""Memory does not grow with the length of a video, and neither is anything lost by that."""

import errno
import gc
import mmap
import os
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from featurize import scratch as scratch_module
from featurize.declaration import KeptSignals, Recording
from featurize.errors import NoRoomError, OutputError
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.storage.spool import MappedArrays
from featurize.registry import (
    MEASURED_SIGNALS,
    SIGNALS,
    SUMMARIES,
    apply_functionals,
    compute_signals,
    compute_video_features,
)
from featurize.scratch import let_go, scratch
from featurize.types import LandmarkTrack, Sound
from featurize.video_features import functionals, pulse, pulse_signals, sampling
from tests.test_featurize.tracks import make_track, turn

FPS = 30.0
MEASURES = PixelObserver(MEASURED_SIGNALS).names
MOST_BYTES_A_FRAME = 120
"""Ten hours at 30 frames per second are then 130 MB."""


def performance() -> dict[str, np.ndarray]:
    """Arrays of 20 s of a face that turns, speaks, blinks and lacks a few frames."""

    def shape(t: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        face[[14, 17, 84, 314, 87, 317, 88, 318], 1] -= 5 + 5 * np.sin(2 * np.pi * 1.3 * t)
        closed = np.sin(np.pi * (t % 3.1) / 0.2) if t % 3.1 < 0.2 else 0.0
        upper, lower = [159, 158, 160, 386, 385, 387], [145, 144, 153, 374, 373, 380]
        face[upper] += 0.9 * closed * (face[lower] - face[upper])
        return face

    def blendshapes(times_s: np.ndarray) -> np.ndarray:
        swing = np.sin(2 * np.pi * np.outer(times_s, 0.1 + 0.01 * np.arange(52)))
        return 0.3 + 0.2 * swing + np.random.default_rng(1).normal(0, 0.005, swing.shape)

    track = make_track(
        duration_s=20,
        fps=FPS,
        rotation=lambda t: turn(12 * np.sin(0.7 * t), 5 * np.sin(1.1 * t), 3 * np.sin(0.4 * t)),
        shape=shape,
        noise_px=0.15,
        blendshapes=blendshapes,
        missing=slice(300, 304),
    )
    read = np.random.default_rng(0).normal(100, 3, (track.n_frames, len(MEASURES)))
    read[np.arange(track.n_frames) % 15 != 0, 32:] = np.nan
    return {**track.arrays, "appearance": read.astype(np.float32)}


@pytest.fixture(scope="module")
def long_track() -> Callable[[int], tuple[LandmarkTrack, Sound]]:
    """The performance again and again, in a file, as landmarks of long videos are."""
    arrays = performance()
    length = len(arrays["confidence"])

    def of(n_frames: int) -> tuple[LandmarkTrack, Sound]:
        mapped = MappedArrays({name: a.shape[1:] for name, a in arrays.items()}, n_frames)
        for first in range(0, n_frames, length):
            for name, values in arrays.items():
                mapped.write(name, first, values[: n_frames - first])
        time_s = np.arange(n_frames) / FPS
        track = LandmarkTrack(
            **mapped.arrays(),
            time_s=time_s,
            schema="mediapipe478",
            frame_size_px=(512, 512),
            measures=MEASURES,
        )
        level_db = -30 + 15 * np.sin(2 * np.pi * 1.3 * np.arange(0, time_s[-1], 0.01))
        return track, Sound(0.005, 0.01, level_db.astype(np.float32))

    return of


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is called long is shortened, so that a minute is treated as hours are."""
    monkeypatch.setattr(scratch_module, "MOST_IN_MEMORY", 1 << 12)
    monkeypatch.setattr(scratch_module, "BLOCK_FRAMES", 64)
    for module in (sampling, functionals):
        monkeypatch.setattr(module, "GROUP_VALUES", 1 << 11)
    for module in (pulse, pulse_signals):
        monkeypatch.setattr(module, "GROUP", 16)


def stages(track: LandmarkTrack, sound: Sound) -> Iterator[tuple[str, Callable[[], object]]]:
    kept: list[Recording] = []
    yield "signals", lambda: kept.append(compute_signals(track, sound=sound))
    (recording,) = kept
    for signals, applied in SIGNALS:
        columns = [signal.column for signal in signals[:3]]
        yield columns[0], lambda c=columns, a=applied: apply_functionals(recording, c, a)
    for summary in SUMMARIES:
        yield summary.function.__name__, lambda s=summary: s(recording)


def peaks(track: LandmarkTrack, sound: Sound) -> dict[str, int]:
    """The most memory that numbers take in each stage, what is kept from those before included."""
    found = {}
    tracemalloc.start()
    try:
        for name, stage in stages(track, sound):
            gc.collect()
            tracemalloc.reset_peak()
            stage()
            found[name] = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return found


@pytest.mark.usefixtures("small_limits")
def test_memory_for_each_further_frame_is_bounded(long_track) -> None:
    # Both are cut into pieces of the same length; the first, short one makes tables.
    peaks(*long_track(600))
    short, long = (peaks(*long_track(n_frames)) for n_frames in (2048, 4096))
    growth = {name: (long[name] - short[name]) / 2048 for name in short}
    assert {name: b for name, b in growth.items() if b > MOST_BYTES_A_FRAME} == {}


def test_in_pieces_or_at_once_the_features_are_the_same(long_track, request) -> None:
    track, sound = long_track(1800)
    at_once = compute_video_features(compute_signals(track, sound=sound))
    request.getfixturevalue("small_limits")
    in_pieces = compute_video_features(compute_signals(track, sound=sound))
    assert sum(np.isfinite(list(at_once.values()))) > 900
    for name, value in at_once.items():
        assert in_pieces[name] == pytest.approx(value, rel=1e-6, abs=1e-9, nan_ok=True), name


class TestScratch:
    def test_short_arrays_are_in_memory_and_long_ones_in_a_file(self) -> None:
        def lies_in_a_file(array: np.ndarray) -> bool:
            while isinstance(array, np.ndarray):
                array = array.base
            return isinstance(array, mmap.mmap)

        assert not lies_in_a_file(scratch((10, 3)))
        assert lies_in_a_file(scratch((300_000, 3)))

    @pytest.mark.parametrize("n", [0, 10, 300_000])
    def test_it_begins_with_zeros_and_keeps_what_is_written_when_let_go(self, n: int) -> None:
        array = scratch((n, 3), np.float32)
        assert array.shape == (n, 3)
        assert not array.any()
        array[:, 1] = np.arange(n)
        let_go(array[: n // 2])
        np.testing.assert_array_equal(array[:, 1], np.arange(n, dtype=np.float32))

    @pytest.mark.parametrize(
        ("number", "kind"),
        [(errno.ENOSPC, NoRoomError), (errno.EDQUOT, NoRoomError), (errno.EROFS, OutputError)],
    )
    def test_a_full_disk_is_one_sentence(
        self, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[OutputError]
    ) -> None:
        def fails(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(scratch_module.os, "posix_fallocate", fails)
        with pytest.raises(OutputError, match=rf"{os.strerror(number)}.*TMPDIR") as caught:
            scratch((1 << 20,))
        assert type(caught.value) is kind


def test_kept_signals_are_read_only_rows_by_name() -> None:
    signals = KeptSignals(["a", "b"], np.arange(6.0).reshape(2, 3))
    assert list(signals) == ["a", "b"]
    np.testing.assert_array_equal(signals["b"][1:], [4, 5])
    with pytest.raises(ValueError, match="read-only"):
        signals["a"][0] = 1
