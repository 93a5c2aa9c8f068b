"""A video file becomes a stream of upright frames with presentation times, one in memory at a time.

FFmpeg (through PyAV) decodes. Rotation metadata and non-square pixels are applied here, so that no
later stage needs to know of them.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

from featurize.errors import (
    NoVideoStreamError,
    VideoEmptyError,
    VideoMissingError,
    VideoUnreadableError,
)
from featurize.types import Frame, VideoInfo

# A container may declare a frame or two too many; fewer than this share is a damaged file.
COMPLETE_SHARE = 0.95


class VideoReader:
    """Open a video and iterate over its frames.

    Use it as a context manager. Iterating twice starts again from the first frame.

    Parameters
    ----------
    path : str or Path
        Any file FFmpeg reads. Never a URL: only local files are opened.

    Attributes
    ----------
    info : VideoInfo
        What the container declares.
    n_frames : int
        Frames yielded so far.
    n_damaged : int
        Packets or pictures so far that could not be decoded whole. They are left out.
    n_repeated : int
        Pictures so far whose presentation time was not later than that of the one before; a player
        would never show both. They are left out.

    Raises
    ------
    VideoMissingError, VideoEmptyError, VideoUnreadableError, NoVideoStreamError
        When there is nothing to decode.

    Examples
    --------
    >>> with VideoReader("clip.mp4") as video:      # doctest: +SKIP
    ...     for frame in video:
    ...         print(frame.time_s, frame.rgb.shape)
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._container = _open(self._path)
        self._stream = self._container.streams.video[0]
        # Runs of a dataset use one process per core; threads inside FFmpeg would only compete.
        self._stream.codec_context.thread_count = 1
        self._first = self._first_picture()
        self.info = self._declared()
        self._restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        self._container.seek(0)
        self._restart()
        last_time_s = -math.inf
        for picture in self._pictures():
            time_s = self._time_of(picture, last_time_s)
            if time_s <= last_time_s:
                self.n_repeated += 1
                continue
            last_time_s = time_s
            yield Frame(self.n_frames, time_s, self._upright(picture))
            self.n_frames += 1

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the results should know about the frames read so far."""
        remarks = []
        declared = self._stream.frames
        if declared and self.n_frames + self.n_repeated < COMPLETE_SHARE * declared:
            remarks.append(
                f"The file ends early or is damaged: {self.n_frames} of {declared} declared frames "
                "could be read."
            )
        elif self.n_damaged:
            remarks.append(f"{self.n_damaged} damaged frames were left out.")
        if self.n_repeated:
            remarks.append(f"{self.n_repeated} frames with repeated time stamps were left out.")
        return tuple(remarks)

    def _restart(self) -> None:
        self.n_frames = 0
        self.n_damaged = 0
        self.n_repeated = 0

    def _pictures(self) -> Iterator[av.VideoFrame]:
        """Decode packet by packet, so that a damaged packet costs itself and not the rest."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                pictures = packet.decode()
            except StopIteration:
                return
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self.n_damaged += 1
                if self.n_damaged > 1000 and not self.n_frames:
                    return
                continue
            for picture in pictures:
                if picture.is_corrupt:
                    self.n_damaged += 1
                else:
                    yield picture

    def _first_picture(self) -> av.VideoFrame:
        self._restart()
        for picture in self._pictures():
            return picture
        raise VideoUnreadableError(
            f"No frame of {self._path} could be decoded: convert it with FFmpeg or leave it out."
        )

    def _time_of(self, picture: av.VideoFrame, last_time_s: float) -> float:
        if picture.pts is not None:
            return float(picture.pts * picture.time_base)
        # Streams without time stamps (raw H.264) are played at the declared rate.
        step_s = 1 / self.info.fps if self.info.fps > 0 else 1 / 25
        return 0.0 if math.isinf(last_time_s) else last_time_s + step_s

    def _upright(self, picture: av.VideoFrame) -> np.ndarray:
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        width = round(picture.width * aspect)
        rgb = picture.to_ndarray(format="rgb24", width=width, height=picture.height)
        quarter_turns = round(picture.rotation / 90)
        return np.ascontiguousarray(np.rot90(rgb, quarter_turns))

    def _declared(self) -> VideoInfo:
        stream, container = self._stream, self._container
        height, width = self._upright(self._first).shape[:2]
        if stream.duration is not None:
            duration_s = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            duration_s = container.duration / av.time_base
        else:
            duration_s = math.nan
        bit_rate = stream.bit_rate or container.bit_rate
        return VideoInfo(
            path=self._path,
            width_px=width,
            height_px=height,
            fps=float(stream.average_rate or math.nan),
            duration_s=duration_s,
            codec=stream.codec_context.name,
            bit_rate_bps=float(bit_rate) if bit_rate else math.nan,
        )


def _open(path: Path) -> av.container.InputContainer:
    if not path.exists():
        raise VideoMissingError(f"There is no file {path}: check the path.")
    if not path.is_file():
        raise VideoUnreadableError(f"{path} is not a file: give the path of one video.")
    if path.stat().st_size == 0:
        raise VideoEmptyError(f"{path} is empty (0 bytes): copy or download it again.")
    try:
        # "file:" keeps FFmpeg from reading a protocol into a name such as "concat:a.mp4", and the
        # whitelist keeps a playlist from fetching anything from elsewhere.
        container = av.open(f"file:{path.resolve()}", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise VideoUnreadableError(
            f"{path} is not a video that FFmpeg can read ({error.__class__.__name__}): "
            "check that the file is complete and really a video."
        ) from error
    if not container.streams.video:
        container.close()
        raise NoVideoStreamError(f"{path} holds no moving picture, only sound or data.")
    return container
