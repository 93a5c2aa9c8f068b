"""The level of sound: of tones and bursts that are known, in any format, on the frames' clock."""

import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from featurize.audio import FLOOR_DB, STEP_S, read_sound
from featurize.errors import VideoEmptyError, VideoMissingError, VideoUnreadableError
from featurize.types import Sound
from featurize.video import VideoReader

RATE_HZ = 16000
CLOCK = Fraction(1, 90_000)


def tone(hz: float, duration_s: float, rate_hz: int = RATE_HZ, amplitude: float = 0.5):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(duration_s * rate_hz)) / rate_hz)


def burst(start_s: float, end_s: float, duration_s: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A tone of 1 kHz from one time to another, and nothing else."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return tone(1000, duration_s, rate_hz) * ((time_s >= start_s) & (time_s < end_s))


def mux(
    path: Path,
    sound: list[tuple[float, np.ndarray]],
    frames: list[tuple[float, np.ndarray]] | None = None,
    *,
    codec: str = "pcm_s16le",
    sample_format: str = "s16",
    layout: str = "mono",
    rate_hz: int = RATE_HZ,
) -> Path:
    """Write pieces of sound, the same in each channel, and pictures, each at its time."""
    options = {"strict": "-2"}
    with av.open(str(path), "w") as container:
        if frames:
            video = container.add_stream("libx264", rate=25)
            video.height, video.width = frames[0][1].shape[:2]
            video.pix_fmt = "yuv420p"
            video.time_base = video.codec_context.time_base = CLOCK
        audio = container.add_stream(codec, rate=rate_hz, options=options)
        audio.codec_context.layout, audio.codec_context.format = layout, sample_format
        resampler = av.AudioResampler(
            sample_format, layout, rate_hz, audio.codec_context.frame_size or 1000
        )
        for time_s, picture in frames or ():
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time_s / CLOCK), CLOCK
            container.mux(video.encode(frame))
        if frames:
            container.mux(video.encode())
        n_channels = av.AudioLayout(layout).nb_channels
        for start_s, samples in sound:
            planes = np.repeat(samples[None].astype(np.float32), n_channels, axis=0)
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
            frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
            frame.pts = round(start_s * rate_hz)
            if len(sound) > 1:
                # A resampler would fill the gaps.
                part = av.AudioResampler(sample_format, layout, rate_hz)
                container.mux([p for f in part.resample(frame) for p in audio.encode(f)])
            else:
                for resampled in (*resampler.resample(frame), *resampler.resample(None)):
                    container.mux(audio.encode(resampled))
        container.mux(audio.encode())
    return path


def heard_s(sound: Sound, threshold_db: float = -20) -> tuple[float, float]:
    """When the sound begins and ends to be loud."""
    loud = np.flatnonzero(sound.level_db > threshold_db)
    half = sound.step_s / 2
    return sound.time_s[loud[0]] - half, sound.time_s[loud[-1]] + half


def flashes(start_s: float, end_s: float, duration_s: float, first_s: float = 0.0):
    """Black frames, white between two times."""
    times_s = first_s + np.arange(round(duration_s * 25)) / 25
    white, black = np.full((32, 48, 3), 255, np.uint8), np.zeros((32, 48, 3), np.uint8)
    return [(t, white if start_s <= t + 1e-6 < end_s else black) for t in times_s]


@pytest.mark.parametrize("amplitude", [0.9, 0.5, 0.05])
def test_a_tone_has_the_level_of_its_mean_square(tmp_path: Path, amplitude: float) -> None:
    mux(tmp_path / "a.wav", [(0, tone(800, 1.0, amplitude=amplitude))])
    sound = read_sound(tmp_path / "a.wav")
    assert len(sound.level_db) == 100
    assert sound.step_s == STEP_S
    expected_db = 10 * np.log10(amplitude**2 / 2)
    assert sound.level_db[3:] == pytest.approx(expected_db, abs=0.2)


@pytest.mark.parametrize(("hz", "least_db"), [(25, 25), (50, 15), (10000, 15), (15000, 25)])
def test_what_is_no_speech_is_filtered_out(tmp_path: Path, hz: float, least_db: float) -> None:
    mux(tmp_path / "a.wav", [(0, tone(hz, 1.0, 44100))], rate_hz=44100)
    level_db = np.median(read_sound(tmp_path / "a.wav").level_db)
    assert level_db < 10 * np.log10(0.5**2 / 2) - least_db


def test_an_offset_is_no_sound(tmp_path: Path) -> None:
    mux(tmp_path / "a.wav", [(0, np.full(RATE_HZ, 0.5))])
    assert read_sound(tmp_path / "a.wav").level_db.max() < -80


@pytest.mark.parametrize(
    ("name", "codec", "sample_format", "layout", "rate_hz"),
    [
        ("a.wav", "pcm_u8", "u8", "mono", 8000),
        ("a.wav", "pcm_s16le", "s16", "mono", 8000),
        ("a.wav", "pcm_s32le", "s32", "stereo", 48000),
        ("a.wav", "pcm_f32le", "flt", "5.1", 48000),
        ("a.wav", "pcm_f64le", "dbl", "stereo", 96000),
        ("a.mkv", "flac", "s16", "stereo", 44100),
        ("a.mkv", "vorbis", "fltp", "stereo", 44100),
        ("a.mkv", "aac", "fltp", "5.1", 48000),
        ("a.mp4", "aac", "fltp", "stereo", 44100),
        ("a.mp4", "aac", "fltp", "mono", 8000),
        ("a.mp3", "libmp3lame", "s16p", "stereo", 44100),
        ("a.webm", "libopus", "flt", "mono", 48000),
        ("a.ts", "mp2", "s16", "stereo", 32000),
    ],
)
def test_any_format_has_the_same_level_at_the_same_time(
    tmp_path: Path, name: str, codec: str, sample_format: str, layout: str, rate_hz: int
) -> None:
    path = mux(
        tmp_path / name,
        [(0, burst(0.5, 1.5, 2.0, rate_hz))],
        codec=codec,
        sample_format=sample_format,
        layout=layout,
        rate_hz=rate_hz,
    )
    sound = read_sound(path)
    start_s, end_s = heard_s(sound)
    assert end_s - start_s == pytest.approx(1.0, abs=0.03)
    loud_db = np.median(sound.level_db[sound.level_db > -20])
    # AAC leaves nothing of a tone in the channel of low frequencies, which is one of six.
    expected_db = 10 * np.log10(0.5**2 / 2)
    expected_db += 20 * np.log10(5 / 6) if (codec, layout) == ("aac", "5.1") else 0
    assert loud_db == pytest.approx(expected_db, abs=0.5)


@pytest.mark.parametrize(
    ("name", "codec", "sample_format"),
    [
        ("v.mp4", "aac", "fltp"),
        ("v.mov", "pcm_s16le", "s16"),
        ("v.mkv", "pcm_s16le", "s16"),
        ("v.ts", "mp2", "s16"),
        ("v.avi", "pcm_s16le", "s16"),
    ],
)
def test_sound_is_on_the_clock_of_the_frames(
    tmp_path: Path, name: str, codec: str, sample_format: str
) -> None:
    path = mux(
        tmp_path / name,
        [(0, burst(1.0, 1.4, 2.0))],
        flashes(1.0, 1.4, 2.0),
        codec=codec,
        sample_format=sample_format,
    )
    with VideoReader(path) as video:
        flash_s = [frame.time_s for frame in video if frame.rgb.mean() > 128]
    start_s, end_s = heard_s(read_sound(path))
    # AVI has no clock but that of decoding, a frame or two before that of showing.
    tolerance_s = 0.1 if name.endswith("avi") else 0.02
    assert start_s == pytest.approx(flash_s[0], abs=tolerance_s)
    assert end_s == pytest.approx(flash_s[-1] + 0.04, abs=tolerance_s)


@pytest.mark.parametrize(("video_s", "sound_s"), [(0.0, 0.7), (0.7, 0.0)])
def test_sound_may_begin_after_or_before_the_frames(
    tmp_path: Path, video_s: float, sound_s: float
) -> None:
    path = mux(tmp_path / "v.mkv", [(sound_s, tone(500, 1.0))], flashes(0, 9, 1.0, first_s=video_s))
    with VideoReader(path) as video:
        first_frame_s = next(iter(video)).time_s
    sound = read_sound(path)
    assert sound.time_s[0] - first_frame_s == pytest.approx(sound_s - video_s, abs=0.02)
    assert len(sound.level_db) == pytest.approx(100, abs=1)


@pytest.mark.parametrize("gap_s", [0.15, 1.0])
def test_a_gap_is_silent_and_what_follows_keeps_its_time(tmp_path: Path, gap_s: float) -> None:
    on_s = 0.5 + gap_s
    pieces = [(0.0, tone(500, 0.5)), (on_s, tone(500, 0.5))]
    sound = read_sound(mux(tmp_path / "v.mkv", pieces))
    assert len(sound.level_db) == pytest.approx(100 * (on_s + 0.5), abs=1)
    gap = (sound.time_s > 0.52) & (sound.time_s < on_s - 0.02)
    assert (sound.level_db[gap] == FLOOR_DB).all()
    end_s = on_s + 0.48
    there = (sound.time_s < 0.48) | ((sound.time_s > on_s + 0.02) & (sound.time_s < end_s))
    assert sound.level_db[there][5:] == pytest.approx(-9.03, abs=0.2)
    assert heard_s(sound) == pytest.approx((0.0, on_s + 0.5), abs=0.02)


@pytest.mark.parametrize("late_s", [0.03, 0.08])
def test_time_stamps_that_jitter_cut_no_holes(tmp_path: Path, late_s: float) -> None:
    """Sound without a gap, in packets of 0.2 s whose stamps are early or late."""
    jitter_s = np.random.default_rng(0).choice([-late_s, late_s], 15)
    jitter_s[0] = 0
    samples = tone(500, 3.0).reshape(15, -1)
    pieces = [(0.2 * n + jitter_s[n], part) for n, part in enumerate(samples)]
    sound = read_sound(mux(tmp_path / "v.mkv", pieces))
    assert len(sound.level_db) == 300
    assert sound.level_db[5:] == pytest.approx(-9.03, abs=0.2)


def test_a_time_stamp_that_leaps_by_a_day_is_not_believed(tmp_path: Path) -> None:
    pieces = [(0.0, tone(500, 0.5)), (86400.0, tone(500, 0.5))]
    sound = read_sound(mux(tmp_path / "v.mkv", pieces))
    assert len(sound.level_db) == pytest.approx(100, abs=1)


def test_the_rate_may_change_on_the_way(tmp_path: Path) -> None:
    parts = []
    for number, rate_hz in enumerate((48000, 32000)):
        path = tmp_path / f"{number}.mp2"
        samples = tone(1000, 1.0, rate_hz)
        mux(path, [(0, samples)], codec="mp2", layout="mono", rate_hz=rate_hz)
        parts.append(path.read_bytes())
    (tmp_path / "a.mp2").write_bytes(b"".join(parts))
    sound = read_sound(tmp_path / "a.mp2")
    assert 0.9 < len(sound.level_db) * STEP_S / 2.0 < 1.3
    assert np.median(sound.level_db) == pytest.approx(-9.03, abs=1.0)
    assert np.percentile(sound.level_db, 90) < -8


def test_silence_is_the_floor(tmp_path: Path) -> None:
    sound = read_sound(mux(tmp_path / "a.wav", [(0, np.zeros(RATE_HZ))]))
    assert len(sound.level_db) == 100
    assert (sound.level_db == FLOOR_DB).all()


@pytest.mark.parametrize("n_samples", [1, 40, 200])
def test_a_few_milliseconds_are_a_level_or_two(tmp_path: Path, n_samples: int) -> None:
    sound = read_sound(mux(tmp_path / "a.wav", [(0, tone(1000, 1.0)[1 : n_samples + 1])]))
    assert len(sound.level_db) == -(-n_samples // 160)
    assert np.isfinite(sound.level_db).all()


def test_numbers_that_are_none_are_silence(tmp_path: Path) -> None:
    samples = tone(1000, 1.0)
    samples[4000:5000] = np.nan
    samples[6000:6100] = np.inf
    mux(tmp_path / "a.wav", [(0, samples)], codec="pcm_f32le", sample_format="flt")
    level_db = read_sound(tmp_path / "a.wav").level_db
    assert np.isfinite(level_db).all()
    assert level_db.max() < 0
    assert level_db[80] == pytest.approx(-9.03, abs=0.2)


def test_no_sound_is_none(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = 32, 48
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 48, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode()])
    assert read_sound(path) is None


def test_sound_without_a_decoder_is_none(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.wav", [(0, tone(1000, 0.5))])
    content = bytearray(path.read_bytes())
    place = content.index(b"fmt ") + 8
    content[place : place + 2] = b"\xfe\x7f"
    path.write_bytes(content)
    assert read_sound(path) is None


def test_a_file_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    path = mux(tmp_path / "v.mkv", [(0, tone(1000, 2.0))], flashes(1, 2, 2))
    whole = read_sound(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    part = read_sound(path)
    assert 0 < len(part.level_db) < len(whole.level_db)
    n = len(part.level_db) - 1
    np.testing.assert_array_equal(part.level_db[:n], whole.level_db[:n])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("name", "codec", "sample_format"),
    [("v.mp4", "aac", "fltp"), ("v.mkv", "libmp3lame", "s16p"), ("v.ts", "mp2", "s16")],
)
def test_damage_is_no_error(
    tmp_path: Path, name: str, codec: str, sample_format: str, seed: int
) -> None:
    samples = tone(1000, 2.0, 32000)
    path = mux(
        tmp_path / name, [(0, samples)], codec=codec, sample_format=sample_format, rate_hz=32000
    )
    rng = np.random.default_rng(seed)
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    # The head is left as it is, so that there is something to open.
    damaged = rng.integers(1000, len(content), 60 * (seed + 1))
    content[damaged] = rng.integers(0, 256, len(damaged))
    path.write_bytes(content.tobytes())
    try:
        sound = read_sound(path)
    except VideoUnreadableError:
        return
    if sound is not None:
        assert np.isfinite(sound.level_db).all()
        assert (sound.level_db >= FLOOR_DB).all()
        assert (sound.level_db <= 1).all()


def test_what_is_no_file_of_sound_is_refused_as_video_is(tmp_path: Path) -> None:
    with pytest.raises(VideoMissingError):
        read_sound(tmp_path / "none.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoEmptyError):
        read_sound(tmp_path / "empty.mp4")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n")
    with pytest.raises(VideoUnreadableError):
        read_sound(tmp_path / "list.m3u8")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(VideoUnreadableError):
        read_sound(tmp_path / "noise.mp4")


def test_memory_holds_levels_and_not_sound(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.wav", [(0, tone(500, 60.0, 8000))], rate_hz=8000)
    read_sound(path)
    tracemalloc.start()
    try:
        sound = read_sound(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(sound.level_db) == 6000
    # The sound itself is 480 000 samples, in 8 bytes each where it is filtered.
    assert peak_bytes < 500_000
