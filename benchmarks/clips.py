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
