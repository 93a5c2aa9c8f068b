"""A video that several stages read, fetched at most once."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from featurize.media_file import MediaFile, local_file


class VideoSource:
    """A file, or the address of one that is fetched when it is first asked for.

    Use it as a context manager: what was fetched is removed at the end.

    Parameters
    ----------
    path : str or Path
        A video file, or its address.

    Attributes
    ----------
    path : str or Path
        The same.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self._fetched = contextlib.ExitStack()
        self._media: MediaFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._fetched.close()

    def media(self) -> MediaFile:
        """The video as a file of this machine.

        Raises
        ------
        VideoError, OptionError, OutputError
            As for :func:`featurize.media_file.local_file`.
        """
        if self._media is None:
            self._media = self._fetched.enter_context(local_file(self.path))
        return self._media


@contextlib.contextmanager
def source_of(path: str | Path | VideoSource) -> Iterator[VideoSource]:
    """A video as a source, for as long as the context lasts; one that is a source is passed on."""
    if isinstance(path, VideoSource):
        yield path
    else:
        with VideoSource(path) as source:
            yield source
