"""Where a video lies: a file of this machine, or an address from which it is fetched.

Addresses are those of fsspec (``s3://``, ``gs://``, ``https://``, ``zip://a.mp4::s3://x.zip``).
fsspec is imported only when there is one, and is told nothing but the address: keys, regions and
the like are read from its own configuration and environment.

People are told an address without its password and its query, which may be a signature: errors end
in logs and tables. A path, with everything in it, stands in the column ``path`` as it was given.
"""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import Any

from featurize import limits
from featurize.errors import (
    OptionError,
    OutputError,
    VideoEmptyError,
    VideoMissingError,
    VideoTooLargeError,
    VideoUnreadableError,
)

State = tuple[int | str, ...]
"""What changes when a file is written or replaced."""

_URL = re.compile(r"([a-z][a-z0-9+.-]*::)*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=//)([^/@:]*):[^/@]*(?=@)")
_QUERY = re.compile(r"\?.*?(?=::|$)")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
_BLOCK_BYTES = 1 << 20
# What file systems say of a file that may differ although its content does not.
_NOT_OF_THE_CONTENT = {"name", "url", "nlink", "islink", "destination", "partial"}


@dataclass(frozen=True)
class MediaFile:
    """A video as a file of this machine.

    Attributes
    ----------
    path : Path
        Where it is to be opened.
    origin : str or Path
        Where it comes from: the same path, or the address as it was given.
    state : tuple of int or str, or None
        That of the address before it was fetched, see :func:`state_of`; None for a file that was
        here already.
    """

    path: Path
    origin: str | Path
    state: State | None = None

    @property
    def name(self) -> str:
        """What people are told: the path as it was given, the address without its secrets."""
        return shown(self.origin)

    @property
    def suffix(self) -> str:
        """Ending of its name, which helps to know what it is; empty when there is no plain one."""
        return _plain_suffix(self.path.name)


def is_url(path: str | Path) -> bool:
    """Whether a path is an address to fetch from: ``scheme://...``; a Path never is."""
    return isinstance(path, str) and _URL.match(path) is not None


def located(folder: Path, path: str) -> str | Path:
    """A path of a manifest: an address as it is, anything else from the manifest's folder on."""
    return path if is_url(path) else folder / path


def state_of(path: str | Path) -> State | None:
    """What changes when a file is written or replaced, without reading it.

    Of a file its mode, size and times; of an address a digest of what its file system tells of it:
    size, entity tag, checksum, time. A server that tells nothing but a size is believed.

    Returns
    -------
    tuple of int or str, or None
        None when there is nothing, or nothing within reach.

    Raises
    ------
    OptionError
        When the package is missing that reads such addresses.
    """
    if is_url(path):
        try:
            return _Remote(path).state
        except (VideoMissingError, VideoUnreadableError):
            return None
    found = _stat(path)
    return found and (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def size_of(path: str | Path) -> int | None:
    """Bytes of a file or of what an address holds; None where that is not known.

    Raises
    ------
    OptionError
        When the package is missing that reads such addresses.
    """
    if is_url(path):
        try:
            return _Remote(path).n_bytes
        except (VideoMissingError, VideoUnreadableError):
            return None
    found = _stat(path)
    return found.st_size if found and S_ISREG(found.st_mode) else None


def shown(path: str | Path) -> str:
    """A path as people are told it: of an address neither the password nor the query."""
    if not is_url(path):
        return str(path)
    return _QUERY.sub("?***", _PASSWORD.sub(r"\1:***", path))


@contextlib.contextmanager
def local_file(path: "str | Path | MediaFile") -> Iterator[MediaFile]:
    """A video as a file of this machine, for as long as the context lasts.

    What an address holds is copied to the temporary folder, a block at a time, and removed
    afterwards. A path is passed on unseen: whoever opens it says what is wrong with it.

    Raises
    ------
    VideoMissingError, VideoEmptyError, VideoUnreadableError
        When the address holds no file, or cannot be read.
    VideoTooLargeError
        When it holds more than :data:`featurize.limits.MAX_BYTES`.
    OptionError
        When the package is missing that reads such addresses.
    OutputError
        When the temporary folder cannot be written.
    """
    if isinstance(path, MediaFile):
        yield path
    elif not is_url(path):
        yield MediaFile(Path(path), Path(path))
    else:
        remote = _Remote(path)
        remote.check()
        with _temporary(remote.suffix) as copy:
            remote.fetch(copy)
            yield MediaFile(copy, path, remote.state)


class _Remote:
    """What an address holds, as its file system tells."""

    def __init__(self, url: str) -> None:
        self.name = shown(url)
        with _asking(self.name):
            self._system, self._path = _file_system_of(url, self.name)
            self._info: dict[str, Any] = self._system.info(self._path)
        self.n_bytes: int | None = self._info.get("size")
        self.suffix = _plain_suffix(PurePosixPath(self._path.partition("?")[0]).name)

    @property
    def state(self) -> State:
        """A digest of what is told of the content."""
        told = {k: str(v) for k, v in self._info.items() if k not in _NOT_OF_THE_CONTENT}
        digest = hashlib.sha256(repr(sorted(told.items())).encode(errors="surrogatepass"))
        return ("url", digest.hexdigest())

    def check(self) -> None:
        """Refuse what need not be fetched."""
        if self._info.get("type") == "directory":
            raise VideoUnreadableError(f"{self.name} is a folder: give the address of one video.")
        if self.n_bytes == 0:
            raise VideoEmptyError(f"{self.name} is empty (0 bytes): copy or upload it again.")
        if self.n_bytes is not None:
            self._refuse_more_than_most(self.n_bytes)

    def fetch(self, copy: Path) -> None:
        """Copy the content; how long it is told to be is not relied on."""
        with _writing(), contextlib.ExitStack() as stack:
            target = stack.enter_context(copy.open("wb"))
            with _asking(self.name):
                source = stack.enter_context(self._system.open(self._path, "rb"))
            n_bytes = 0
            while True:
                with _asking(self.name):
                    block = source.read(_BLOCK_BYTES)
                if not block:
                    break
                n_bytes += len(block)
                self._refuse_more_than_most(n_bytes)
                target.write(block)

    def _refuse_more_than_most(self, n_bytes: int) -> None:
        if n_bytes > limits.MAX_BYTES:
            raise VideoTooLargeError(
                f"{self.name} holds more than the {limits.MAX_BYTES / 2**30:g} GiB that are "
                "fetched: cut it into parts, or copy it to this machine and give its path."
            )


def _file_system_of(url: str, name: str) -> tuple[Any, str]:
    """The file system of an address, and its path there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise OptionError(
            f"{name} is an address, and fsspec, which reads addresses, is not installed: "
            "pip install fsspec (with s3fs for s3://, gcsfs for gs://, aiohttp for https://)."
        ) from error
    try:
        # An archive keeps its list of contents, which may be another by now.
        return url_to_fs(url, skip_instance_cache="::" in url)
    except ValueError as error:
        raise VideoUnreadableError(
            f"{name} is of no kind of address that fsspec knows: check the part before ://, or "
            "give a file of such a name as ./name."
        ) from error


@contextlib.contextmanager
def _asking(name: str) -> Iterator[None]:
    """Turn whatever a file system raises into one sentence, without the secrets it may quote."""
    try:
        yield
    except (OptionError, VideoUnreadableError):
        raise
    except ImportError as error:
        raise OptionError(
            f"The package that reads addresses such as {name} is not installed: pip install s3fs "
            "for s3://, gcsfs for gs://, aiohttp for https://."
        ) from error
    except FileNotFoundError as error:
        raise VideoMissingError(f"There is no {name}: check the address.") from error
    except Exception as error:  # each file system has errors of its own library
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise VideoUnreadableError(
            f"{name} cannot be fetched ({cause}): check the address and who may read it."
        ) from error


@contextlib.contextmanager
def _temporary(suffix: str) -> Iterator[Path]:
    with _writing():
        handle, name = tempfile.mkstemp(suffix, "video-")
        os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The temporary folder cannot be written ({error.strerror or error}): make room, or "
            "name another folder in the environment variable TMPDIR."
        ) from error


def _plain_suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if _SUFFIX.fullmatch(suffix) else ""


def _stat(path: str | Path) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except (OSError, ValueError):  # gone, out of reach, or no name that a file can have
        return None
