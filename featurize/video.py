"""A video file becomes a stream of upright frames with presentation times, one in memory at a time.

FFmpeg (through PyAV) decodes. Rotation metadata, non-square pixels and changes of size on the way
are applied here, so that no later stage needs to know of them.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
from av.video.reformatter import VideoReformatter

from featurize.container import open_container, packets_of
from featurize.decoded_picture import DecodedPicture
from featurize.errors import NoVideoStreamError, VideoUnreadableError
from featurize.frame import Frame
from featurize.picture import FittedPicture, Picture
from featurize.types import VideoInfo

# A container may declare a frame or two too many; less than this share of its time is damage.
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
        Pictures so far whose time was not later than that of the one before; a player would never
        show both. They are left out.
    n_resized : int
        Frames so far of another upright size than the first. They are scaled evenly and centred in
        the size of the first, their edges going on beside them, so that all points are in the same
        pixels.
    n_interlaced : int
        Frames so far that the stream marks as woven from two fields. They are given as they are.

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
        self._container, self._stream = _open(self._path)
        self._reformatter = VideoReformatter()
        self._restart()
        try:
            self._declared_s = _duration_s(self._stream)
            self.info = self._declared(self._first_picture())
        finally:
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        # Opened anew, because raw streams and streams that start before 0 cannot seek to the start.
        self._container.close()
        self._container, self._stream = _open(self._path)
        self._restart()
        clock = _Clock(1 / self.info.fps if self.info.fps > 0 else 1 / 25)
        for picture in self._pictures():
            time_s = clock.time_of(picture)
            if time_s is None:
                self.n_repeated += 1
                continue
            frame = Frame(self.n_frames, time_s, self._in_size(self._upright(picture)))
            self.n_interlaced += picture.interlaced_frame
            self.n_frames += 1
            self._read_s = clock.shown_s
            yield frame

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the results should know about the frames read so far."""
        remarks = []
        if self._read_s < COMPLETE_SHARE * self._declared_s:
            remarks.append(
                f"The file ends early or is damaged: {self._read_s:.2f} of "
                f"{self._declared_s:.2f} declared seconds could be read."
            )
        if self.n_damaged:
            remarks.append(f"{self.n_damaged} damaged frames were left out.")
        if self.n_repeated:
            remarks.append(f"{self.n_repeated} frames with repeated time stamps were left out.")
        if self.n_resized:
            remarks.append(
                f"{self.n_resized} of {self.n_frames} frames are of another size than the first: "
                f"they were fitted into {self.info.width_px} x {self.info.height_px} pixels."
            )
        if self.n_interlaced:
            remarks.append(
                f"{self.n_interlaced} of {self.n_frames} frames are interlaced: the fine texture "
                "of faces that move is combed."
            )
        return tuple(remarks)

    def _restart(self) -> None:
        self.n_frames = 0
        self.n_damaged = 0
        self.n_repeated = 0
        self.n_resized = 0
        self.n_interlaced = 0
        self._read_s = 0.0
        self._aspect: Fraction | None = None
        self._coded_aspect: Fraction | None = None

    def _pictures(self) -> Iterator[av.VideoFrame]:
        """Decode packet by packet, so that a damaged packet costs itself and not the rest."""
        packets = packets_of(self._container, self._stream)
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
        for picture in self._pictures():
            return picture
        raise VideoUnreadableError(
            f"No frame of {self._path} could be decoded: convert it with FFmpeg or leave it out."
        )

    def _upright(self, picture: av.VideoFrame) -> DecodedPicture:
        coded = self._stream.codec_context.sample_aspect_ratio
        if self._aspect is None:
            self._aspect = self._stream.sample_aspect_ratio or Fraction(1)
            self._coded_aspect = coded
        elif picture.key_frame and coded != self._coded_aspect:
            # What the container says of its pixels no longer holds. Pictures before the key frame
            # may come out of the decoder after it has read of the change.
            self._aspect, self._coded_aspect = coded or Fraction(1), coded
        return DecodedPicture(picture, self._aspect, self._reformatter)

    def _in_size(self, picture: DecodedPicture) -> Picture:
        size_px = self.info.width_px, self.info.height_px
        if picture.size_px == size_px:
            return picture
        self.n_resized += 1
        return FittedPicture(picture, size_px)

    def _declared(self, first: av.VideoFrame) -> VideoInfo:
        stream, container = self._stream, self._container
        width, height = self._upright(first).size_px
        duration_s = self._declared_s
        if math.isnan(duration_s) and container.duration is not None:
            duration_s = container.duration / av.time_base
        # MPEG-1 streams of variable rate declare the highest there could be.
        bit_rate = min(filter(None, (stream.bit_rate, container.bit_rate)), default=0)
        return VideoInfo(
            path=self._path,
            width_px=width,
            height_px=height,
            fps=float(stream.average_rate or math.nan),
            duration_s=duration_s,
            codec=stream.codec_context.name,
            bit_rate_bps=float(bit_rate) if bit_rate else math.nan,
        )


class _Clock:
    """Increasing presentation times of pictures, in the order in which they come.

    As in FFmpeg's best effort, decoding time stamps stand in for presentation time stamps that are
    missing, or that have gone back more often: AVI numbers B-frames as they are stored.

    Attributes
    ----------
    shown_s : float
        From the start of the first picture to the end of the last one.
    """

    def __init__(self, step_s: float) -> None:
        self.shown_s = 0.0
        self._step_s = step_s
        self._first_s = math.nan
        self._last_s = -math.inf
        self._last_stamp = {"pts": -math.inf, "dts": -math.inf}
        self._n_back = {"pts": 0, "dts": 0}
        self._shift_s: float | None = None

    def time_of(self, picture: av.VideoFrame) -> float | None:
        """Time of the next picture in seconds; None when it is not later than the last."""
        started = not math.isinf(self._last_s)
        # Pictures without time stamps (raw H.264, times before 0, the last ones of a file whose
        # presentation time stamps are wrong) are played at the declared rate.
        time_s = self._last_s + self._step_s if started else 0.0
        stamp = self._stamp_of(picture)
        if stamp is not None:
            stamp_s = float(stamp * picture.time_base)
            if self._shift_s is None:
                # Stamps that begin only after some pictures go on from there.
                self._shift_s = time_s - stamp_s if started else 0.0
            time_s = stamp_s + self._shift_s
        if time_s <= self._last_s:
            return None
        lasts_s = float(picture.duration * picture.time_base) if picture.duration else self._step_s
        self._first_s = self._first_s if started else time_s
        self._last_s = time_s
        self.shown_s = time_s + lasts_s - self._first_s
        return time_s

    def _stamp_of(self, picture: av.VideoFrame) -> int | None:
        stamps = {"pts": picture.pts, "dts": picture.dts}
        for kind, stamp in stamps.items():
            if stamp is not None:
                self._n_back[kind] += stamp <= self._last_stamp[kind]
                self._last_stamp[kind] = stamp
        has_dts = not math.isinf(self._last_stamp["dts"])
        by_dts = has_dts and self._n_back["pts"] > self._n_back["dts"]
        return picture.dts if by_dts or picture.pts is None else picture.pts


def _duration_s(stream: av.VideoStream) -> float:
    return math.nan if stream.duration is None else float(stream.duration * stream.time_base)


def _open(path: Path) -> tuple[av.container.InputContainer, av.VideoStream]:
    container = open_container(path)
    # A cover picture in a sound file is a video stream too, of one frame.
    cover = av.stream.Disposition.attached_pic
    moving = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not moving:
        container.close()
        raise NoVideoStreamError(f"{path} holds no moving picture, only sound or data.")
    if moving[0].codec_context is None:
        container.close()
        raise VideoUnreadableError(
            f"FFmpeg has no decoder for the video in {path}: convert it to H.264 or leave it out."
        )
    # Runs of a dataset use one process per core; threads inside FFmpeg would only compete.
    moving[0].codec_context.thread_count = 1
    return container, moving[0]
