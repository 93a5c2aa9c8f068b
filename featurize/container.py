"""The one door through which media files are opened: this one file, and nothing that it names.

FFmpeg is not given a path but bytes, read here. So no name is ever read as an address or a pattern,
and a file that is a list of others (a playlist, a list to join, a description of streams, a movie
of references) opens none of them: there is no protocol that it may use.
"""

import errno
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import av

from featurize import limits
from featurize.errors import (
    VideoEmptyError,
    VideoMissingError,
    VideoTooLargeError,
    VideoUnreadableError,
)
from featurize.media_file import MediaFile

# No protocol and no decoder has this name. What FFmpeg opens by itself inherits the list of
# protocols, at any depth.
_NOTHING = "none"


class Container:
    """An open media file, to be closed by :meth:`close` or as a context manager.

    Parameters
    ----------
    media : MediaFile
        The file.

    Attributes
    ----------
    streams : av.container.streams.StreamContainer
        What the file holds.
    duration_s : float or None
        What the file as a whole declares.
    bit_rate_bps : int
        Of the file as a whole; 0 where unknown.

    Raises
    ------
    VideoMissingError, VideoEmptyError, VideoUnreadableError
        When it is not a file that FFmpeg knows.
    VideoTooLargeError
        When its streams or the size that it declares of its pictures are beyond
        :mod:`featurize.limits`, or lists in it ask for more memory than there is.
    """

    def __init__(self, media: MediaFile) -> None:
        _refuse_by_declaration(media)
        self._file, self._container = _opened(media)
        self.streams = self._container.streams
        duration = self._container.duration
        self.duration_s = None if duration is None else duration / av.time_base
        self.bit_rate_bps = self._container.bit_rate

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; whoever still iterates over packets must not go on."""
        self._container.close()
        self._file.close()

    def packets(self, stream: av.stream.Stream) -> Iterator[av.Packet]:
        """Packets of one stream to the end of the file; errors of FFmpeg are passed on."""
        try:
            yield from self._container.demux(stream)
        except IndexError:
            # PyAV at the end of a file in which streams have appeared that it did not know of at
            # the start, as damage makes them appear.
            return


def is_cover(stream: av.stream.Stream) -> bool:
    """Whether a stream is the cover picture of a sound file: a video of one frame."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def is_too_large(size_px: tuple[int, int]) -> bool:
    """Whether pictures of a width and height are beyond the limits."""
    return math.prod(size_px) > limits.MAX_PIXELS or max(size_px) > limits.MAX_SIDE_PX


def refuse_too_large(media: MediaFile, size_px: tuple[int, int]) -> None:
    """Raise VideoTooLargeError when pictures of a width and height are beyond the limits."""
    if is_too_large(size_px):
        raise VideoTooLargeError(
            f"The frames of {media.name} are {size_px[0]} x {size_px[1]} pixels, more than "
            f"{limits.MAX_PIXELS / 2**20:g} million or {limits.MAX_SIDE_PX} in a row: scale them "
            "down with FFmpeg, or leave it out."
        )


def _refuse_by_declaration(media: MediaFile) -> None:
    """Look at what the file says of itself while no decoder may be opened.

    To open a file, FFmpeg decodes the first pictures: of some formats (FLV, MPEG program streams)
    at any size, of others not at a size beyond the limit, which it then forgets.
    """
    file, container = _opened(media, codec_whitelist=_NOTHING)
    try:
        if len(container.streams) > limits.MAX_STREAMS:
            raise _too_many_streams(media)
        for stream in container.streams.video:
            context = stream.codec_context
            if context is not None and not is_cover(stream):
                refuse_too_large(media, (abs(context.width), abs(context.height)))
    finally:
        container.close()
        file.close()


class _File:
    """A file as FFmpeg may read it: failures as FFmpeg knows them from files of its own."""

    def __init__(self, media: MediaFile) -> None:
        self._file = media.path.open("rb", buffering=0)
        # FFmpeg goes by the ending where the content does not tell what it is.
        self.name = f"video{media.suffix}"

    def read(self, n_bytes: int) -> bytes:
        try:
            return self._file.read(n_bytes)
        except OSError as error:
            raise av.error.OSError(error.errno or errno.EIO, error.strerror or "") from error

    def seek(self, offset: int, whence: int) -> int:
        try:
            return self._file.seek(offset, whence)
        except OSError as error:
            # A place that no file has, as damage names them: to FFmpeg no reason to give up.
            return -(error.errno or errno.EINVAL)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


def _opened(media: MediaFile, **options: str) -> tuple[_File, av.container.InputContainer]:
    file = None
    try:
        _refuse_what_is_no_file(media)
        file = _File(media)
        container = av.open(
            file,
            options={
                "protocol_whitelist": _NOTHING,
                "max_pixels": str(limits.MAX_PIXELS),
                "max_streams": str(limits.MAX_STREAMS + 1),
                **options,
            },
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError, OSError, MemoryError) as error:
        if file is not None:
            file.close()
        if isinstance(error, MemoryError):
            raise _too_many_streams(media) from error
        raise VideoUnreadableError(
            f"{media.name} is not a video that FFmpeg can read ({_name_of(error)}): "
            "check that the file is complete and really a video."
        ) from error
    return file, container


def _too_many_streams(media: MediaFile) -> VideoTooLargeError:
    return VideoTooLargeError(
        f"{media.name} has more than {limits.MAX_STREAMS} streams, or lists that no memory holds: "
        "copy its video and one sound to a new file with FFmpeg, or leave it out."
    )


def _refuse_what_is_no_file(media: MediaFile) -> None:
    path: Path = media.path
    if not path.exists():
        raise VideoMissingError(f"There is no file {media.name}: check the path.")
    if not path.is_file():
        raise VideoUnreadableError(f"{media.name} is not a file: give the path of one video.")
    if path.stat().st_size == 0:
        raise VideoEmptyError(f"{media.name} is empty (0 bytes): copy or download it again.")


def _name_of(error: Exception) -> str:
    """The cause in few words; FFmpeg's own text would repeat the path."""
    return getattr(error, "strerror", None) or type(error).__name__
