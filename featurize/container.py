"""The one door through which media files are opened: local files only, never an address."""

from collections.abc import Iterator
from pathlib import Path

import av

from featurize.errors import VideoEmptyError, VideoMissingError, VideoUnreadableError


def open_container(path: Path) -> av.container.InputContainer:
    """Open a media file to read from it.

    Raises
    ------
    VideoMissingError, VideoEmptyError, VideoUnreadableError
        When it is not a file that FFmpeg knows.
    """
    try:
        _refuse_what_is_no_file(path)
        # "file:" keeps FFmpeg from reading a protocol into a name such as "concat:a.mp4", and the
        # whitelist keeps a playlist from fetching anything from elsewhere.
        return av.open(
            f"file:{path.resolve()}",
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise VideoUnreadableError(
            f"{path} is not a video that FFmpeg can read ({_name_of(error)}): "
            "check that the file is complete and really a video."
        ) from error


def packets_of(
    container: av.container.InputContainer, stream: av.stream.Stream
) -> Iterator[av.Packet]:
    """Packets of one stream to the end of the file; errors of FFmpeg are passed on."""
    try:
        yield from container.demux(stream)
    except IndexError:
        # PyAV at the end of a file in which streams have appeared that it did not know of at the
        # start, as damage makes them appear.
        return


def _refuse_what_is_no_file(path: Path) -> None:
    if not path.exists():
        raise VideoMissingError(f"There is no file {path}: check the path.")
    if not path.is_file():
        raise VideoUnreadableError(f"{path} is not a file: give the path of one video.")
    if path.stat().st_size == 0:
        raise VideoEmptyError(f"{path} is empty (0 bytes): copy or download it again.")


def _name_of(error: Exception) -> str:
    """The cause in few words; FFmpeg's own text would repeat the path."""
    return getattr(error, "strerror", None) or type(error).__name__
