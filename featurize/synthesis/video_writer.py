"""Frames to an mp4 file, with explicit presentation times; the same frames give the same bytes."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from featurize.synthesis.errors import SynthesisError

# 90 kHz is the clock of MPEG: it hits 24, 25, 29.97, 30, 50 and 60 fps within 6 microseconds.
_TIME_BASE = Fraction(1, 90_000)
# One thread, and no macroblock tree: its AVX-512 code (x264 of PyAV 18) gives the same frames other
# bytes from run to run.
_X264 = "threads=1:no-mbtree=1"


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    times_s: Iterable[float],
    *,
    crf: int = 18,
    rotation_deg: int = 0,
) -> None:
    """Write frames as H.264 in mp4, without sound.

    Parameters
    ----------
    path : str or Path
        File to write; an existing one is replaced.
    frames : iterable of numpy.ndarray
        ``(height, width, 3)`` uint8, red first; all of one size, both sides even.
    times_s : iterable of float
        Presentation time of each frame in seconds, increasing from 0 or later. They need not be
        evenly spaced: the file then has a variable frame rate.
    crf : int
        Constant rate factor of x264, 0 (lossless) to 51 (worst); 23 and 40 are the "c23" and
        "c40" of FaceForensics++.
    rotation_deg : int
        Turn, counter-clockwise, that a player is told to apply before showing the frames: 0, 90,
        180 or 270, as phones write it.

    Raises
    ------
    SynthesisError
        When there is no time, times do not increase or a side of the frame is odd.
    """
    pts = np.round(np.asarray(list(times_s), np.float64) * _TIME_BASE.denominator).astype(np.int64)
    if len(pts) == 0 or np.any(np.diff(pts) <= 0):
        raise SynthesisError(
            "times_s must hold at least one time and increase from frame to frame."
        )
    step_s = float(np.median(np.diff(pts))) / _TIME_BASE.denominator if len(pts) > 1 else 1 / 25
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(1 / step_s).limit_denominator(1001))
        stream.options = {"crf": str(crf), "preset": "veryfast", "x264-params": _X264}
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = _TIME_BASE
        stream.codec_context.thread_count = 1
        for rgb, when in zip(frames, pts, strict=True):
            if not stream.codec_context.is_open:
                if rgb.shape[0] % 2 or rgb.shape[1] % 2:
                    raise SynthesisError(
                        f"Both sides of a frame must be even, not {rgb.shape[:2]}."
                    )
                stream.height, stream.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame.pts = int(when)
            frame.time_base = _TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
