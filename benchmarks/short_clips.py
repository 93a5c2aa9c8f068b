"""Clips of about a second in many containers and codecs: what mutated videos are made from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from featurize.synthesis import Performer, random_script

FPS = 25
_RATE_HZ = 48_000


@dataclass(frozen=True)
class Form:
    """How a clip is written: name of the file, container, codecs."""

    name: str
    container: str
    video: str
    sound: str = ""
    pixels: str = "yuv420p"
    container_options: dict[str, str] = field(default_factory=dict)
    video_options: dict[str, str] = field(default_factory=dict)


_X264 = {"preset": "ultrafast", "crf": "23", "x264-params": "threads=1"}
_VPX = {"deadline": "realtime", "cpu-used": "8", "threads": "1"}

FORMS: tuple[Form, ...] = (
    Form("h264.mp4", "mp4", "libx264", video_options=_X264),
    Form("h264_aac.mp4", "mp4", "libx264", "aac", video_options=_X264),
    Form(
        *("fragments.mp4", "mp4", "libx264", "aac"),
        container_options={"movflags": "frag_keyframe+empty_moov"},
        video_options=_X264 | {"g": "10"},
    ),
    Form("h264_opus.mkv", "matroska", "libx264", "libopus", video_options=_X264),
    Form("vp9.webm", "webm", "libvpx-vp9", video_options=_VPX),
    Form("vp8_opus.webm", "webm", "libvpx", "libopus", video_options=_VPX),
    Form("mpeg4_mp3.avi", "avi", "mpeg4", "libmp3lame"),
    Form("mjpeg_pcm.mov", "mov", "mjpeg", "pcm_s16le", "yuvj420p"),
    Form("h264_aac.ts", "mpegts", "libx264", "aac", video_options=_X264),
    Form("flv1_mp3.flv", "flv", "flv", "libmp3lame"),
    Form("mpeg2_mp2.mpg", "mpeg", "mpeg2video", "mp2"),
    Form("wmv2.wmv", "asf", "wmv2"),
    Form("picture.gif", "gif", "gif", pixels="rgb8"),
    Form("raw.y4m", "yuv4mpegpipe", "wrapped_avframe"),
)
"""Every kind that featurize meets, with sound and without."""


def write_short_clips(
    folder: Path, forms: Sequence[Form] = FORMS, size_px: int = 160, duration_s: float = 1.2
) -> list[Path]:
    """Write one performance in every form.

    Parameters
    ----------
    folder : Path
        Where to; it must be there.
    forms : sequence of Form
        In which containers and codecs.
    size_px : int
        Side of the square frames.
    duration_s : float
        Length. A video shorter than a second has no row of features.

    Returns
    -------
    list of Path
        The clips, in the order of ``forms``. The same arguments give the same bytes.
    """
    performer, script = Performer(size_px), random_script(seed=7, duration_s=duration_s)
    pictures = [performer.frame(script, n / FPS) for n in range(round(duration_s * FPS))]
    paths = [folder / form.name for form in forms]
    for form, path in zip(forms, paths, strict=True):
        _write(path, form, pictures)
    return paths


def _write(path: Path, form: Form, pictures: list[np.ndarray]) -> None:
    options = {"fflags": "+bitexact"} | form.container_options
    with av.open(str(path), "w", format=form.container, options=options) as container:
        stream = container.add_stream(form.video, rate=FPS, options=dict(form.video_options))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = form.pixels
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        sound = container.add_stream(form.sound, rate=_RATE_HZ) if form.sound else None
        for number, rgb in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=form.pixels)
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
            if sound is not None:
                container.mux(sound.encode(_noise(number)))
        for each in (stream, sound):
            if each is not None:
                container.mux(each.encode())


def _noise(number: int) -> av.AudioFrame:
    """Sound of one frame's length, louder and softer by turns."""
    n = _RATE_HZ // FPS
    rng = np.random.default_rng(number)
    wave = rng.standard_normal((1, n * 2)) * 2000 * (1 + np.sin(number))
    frame = av.AudioFrame.from_ndarray(wave.astype(np.int16), format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = _RATE_HZ, number * n, Fraction(1, _RATE_HZ)
    return frame


def write_copies(clips: Sequence[Path], folder: Path, n: int) -> None:
    """Fill a folder with ``n`` copies of clips in turn, each a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = [clip.read_bytes() for clip in clips]
    for number in range(n):
        clip = clips[number % len(clips)]
        (folder / f"{number:05d}{clip.suffix}").write_bytes(contents[number % len(clips)])
