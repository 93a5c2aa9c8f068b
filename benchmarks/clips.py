"""Clips to measure on: a scripted performer in a picture of a camera's size."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from featurize.synthesis import Performer, random_script, write_video

FPS = 25.0


def film(path: Path, size_px: tuple[int, int], duration_s: float, face_share: float = 0.8) -> Path:
    """Write a clip of the performer before a wall with grain and slow shadows.

    Parameters
    ----------
    path : Path
        Where to write it.
    size_px : tuple of int
        Width and height.
    duration_s : float
        Length.
    face_share : float
        Side of the performer's square picture against the shorter side of the frame; her face is
        about half as high as that square.
    """
    width, height = size_px
    side = int(min(size_px) * face_share) // 2 * 2
    performer = Performer(side)
    script = random_script(seed=5, duration_s=duration_s)
    rng = np.random.default_rng(0)
    wall = cv2.resize(rng.uniform(90, 170, (9, 16, 3)).astype(np.float32), size_px)
    left, top = (width - side) // 2, height - side
    times_s = [number / FPS for number in range(round(duration_s * FPS))]

    def frames():
        for time_s in times_s:
            grain = cv2.randn(np.empty((height, width, 3), np.float32), 0, 3)
            frame = wall + grain + 8 * np.sin(time_s)
            frame[top:, left : left + side] = performer.frame(script, time_s)
            yield np.clip(frame, 0, 255).astype(np.uint8)

    cv2.setRNGSeed(0)
    write_video(path, frames(), times_s)
    return path


def with_sound(clip: Path, path: Path) -> Path:
    """Write a clip with sound beside its pictures: noise that swells four times a second."""
    rate_hz = 48_000
    rng = np.random.default_rng(0)
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        video = source.streams.video[0]
        pictures = target.add_stream_from_template(video)
        sound = target.add_stream("aac", rate=rate_hz, layout="stereo")
        for packet in source.demux(video):
            if packet.dts is not None:
                packet.stream = pictures
                target.mux(packet)
        time_s = np.arange(round(float(video.duration * video.time_base) * rate_hz)) / rate_hz
        loudness = 0.1 * (1 + np.sin(2 * np.pi * 4 * time_s))
        wave = (rng.standard_normal((2, len(time_s))) * loudness).astype(np.float32)
        for start in range(0, len(time_s), rate_hz):
            part = np.ascontiguousarray(wave[:, start : start + rate_hz])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = rate_hz, start
            target.mux(sound.encode(frame))
        target.mux(sound.encode())
    return path


def repeated(clip: Path, path: Path, n_times: int) -> Path:
    """Write a clip that plays another one several times over; packets are copied, not encoded."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [p for p in source.demux(source.streams.video[0]) if p.dts is not None]
        step = Fraction(1) / Fraction(round(FPS)) / packets[0].time_base
        length = round(len(packets) * step)
        stamps = [(p.pts, p.dts) for p in packets]
        for turn in range(n_times):
            for packet, (pts, dts) in zip(packets, stamps, strict=True):
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                packet.stream = stream
                target.mux(packet)
    return path
