"""A video file becomes a stream of upright frames with presentation times, one in memory at a time.

FFmpeg (through PyAV) decodes. Rotation metadata, non-square pixels and changes of size on the way
are applied here, so that no later stage needs to know of them.
"""

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
from av.video.reformatter import VideoReformatter

from featurize import limits
from featurize.container import Container, is_cover, is_too_large, refuse_too_large
from featurize.decoded_picture import DecodedPicture
from featurize.errors import NoVideoStreamError, VideoTooLargeError, VideoUnreadableError
from featurize.frame import Frame
from featurize.media_file import MediaFile, local_file
from featurize.picture import FittedPicture, Picture
from featurize.types import VideoInfo

# A container may declare a frame or two too many; less than this share of its time is damage.
COMPLETE_SHARE = 0.95


class VideoReader:
    """Open a video and iterate over its frames.

    Use it as a context manager: what it fetches from an address is removed at the end. Iterating
    twice starts again from the first frame.

    Parameters
    ----------
    path : str, Path or MediaFile
        Any file FFmpeg reads, or its address, see :mod:`featurize.media_file`.

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
    n_leapt : int
        Pictures so far whose time leaps by more than :data:`featurize.limits.MAX_LEAP_S`. They are
        given as following the one before at the declared rate.

    Raises
    ------
    VideoMissingError, VideoEmptyError, VideoUnreadableError, NoVideoStreamError
        When there is nothing to decode.
    VideoTooLargeError
        When the first picture or the streams are beyond :mod:`featurize.limits`; while iterating,
        when the number of pictures or the time they are shown for is.
    OptionError, OutputError
        As for :func:`featurize.media_file.local_file`.

    Examples
    --------
    >>> with VideoReader("clip.mp4") as video:      # doctest: +SKIP
    ...     for frame in video:
    ...         print(frame.time_s, frame.rgb.shape)
    """

    def __init__(self, path: str | Path | MediaFile) -> None:
        with contextlib.ExitStack() as stack:
            self._media = stack.enter_context(local_file(path))
            self._container, self._stream = _open(self._media)
            self._reformatter = VideoReformatter()
            self._restart()
            try:
                self._declared_s = _duration_s(self._stream)
                self.info = self._declared(self._first_picture())
            finally:
                self._container.close()
            self._fetched = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._container.close()
        self._fetched.close()

    def __iter__(self) -> Iterator[Frame]:
        # Opened anew, because raw streams and streams that start before 0 cannot seek to the start.
        self._container.close()
        self._container, self._stream = _open(self._media)
        self._restart()
        clock = _Clock(1 / self.info.fps if self.info.fps > 1 / limits.MAX_LEAP_S else 1 / 25)
        for picture in self._pictures():
            upright = self._upright(picture)
            if is_too_large(upright.size_px):
                self.n_damaged += 1  # as those are that the decoder refuses for their size
                continue
            time_s = clock.time_of(picture)
            self.n_leapt = clock.n_leapt
            self._refuse_too_long(clock.shown_s)
            if time_s is None:
                self.n_repeated += 1
                continue
            frame = Frame(self.n_frames, time_s, self._in_size(upright))
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
        if self.n_leapt:
            remarks.append(
                f"{self.n_leapt} time stamps leap by more than {limits.MAX_LEAP_S:g} s: they were "
                "replaced by the declared frame rate."
            )
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
        self.n_leapt = 0
        self._read_s = 0.0
        self._aspect: Fraction | None = None
        self._coded_aspect: Fraction | None = None

    def _pictures(self) -> Iterator[av.VideoFrame]:
        """Decode packet by packet, so that a damaged packet costs itself and not the rest."""
        packets = self._container.packets(self._stream)
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
            refuse_too_large(self._media, self._upright(picture).size_px)
            return picture
        raise VideoUnreadableError(
            f"No frame of {self._media.name} could be decoded: convert it with FFmpeg or leave it "
            "out."
        )

    def _refuse_too_long(self, shown_s: float) -> None:
        """By what was read: what a file declares of its length may be wrong."""
        if shown_s > limits.MAX_DURATION_S:
            longer = f"is longer than {limits.MAX_DURATION_S / 3600:g} hours"
        elif self.n_frames + self.n_repeated >= limits.MAX_FRAMES:
            longer = f"has more than {limits.MAX_FRAMES} frames"
        else:
            return
        raise VideoTooLargeError(
            f"{self._media.name} {longer}: cut it into parts with FFmpeg, and list each."
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
        if math.isnan(duration_s) and container.duration_s is not None:
            duration_s = container.duration_s
        # MPEG-1 streams of variable rate declare the highest there could be.
        bit_rate = min(filter(None, (stream.bit_rate, container.bit_rate_bps)), default=0)
        return VideoInfo(
            path=self._media.origin,
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
    missing, or that have gone back more often: AVI numbers B-frames as they are stored. A stamp
    that leaps is not believed: were it taken, all that follow would be earlier, and left out.

    Attributes
    ----------
    shown_s : float
        From the start of the first picture to the end of the last one.
    n_leapt : int
        Stamps that were not believed.
    """

    def __init__(self, step_s: float) -> None:
        self.shown_s = 0.0
        self.n_leapt = 0
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
            if started and stamp_s + self._shift_s > self._last_s + limits.MAX_LEAP_S:
                self.n_leapt += 1
            else:
                time_s = stamp_s + self._shift_s
        if time_s <= self._last_s:
            return None
        lasts_s = float(picture.duration * picture.time_base) if picture.duration else self._step_s
        lasts_s = lasts_s if lasts_s <= limits.MAX_LEAP_S else self._step_s
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


def _open(media: MediaFile) -> tuple[Container, av.VideoStream]:
    with contextlib.ExitStack() as stack:
        container = stack.enter_context(Container(media))
        moving = [stream for stream in container.streams.video if not is_cover(stream)]
        if not moving:
            raise NoVideoStreamError(f"{media.name} holds no moving picture, only sound or data.")
        decoder = moving[0].codec_context
        if decoder is None:
            raise VideoUnreadableError(
                f"FFmpeg has no decoder for the video in {media.name}: convert it to H.264 or "
                "leave it out."
            )
        decoder.options = {"max_pixels": str(limits.MAX_PIXELS)}
        # Runs of a dataset use one process per core; threads inside FFmpeg would only compete.
        decoder.thread_count = 1
        stack.pop_all()
    return container, moving[0]
