"""Where a video lies: a file of this machine, or an address from which it is fetched.

Addresses are those of fsspec (``s3://``, ``gs://``, ``https://``, ``zip://a.mp4::s3://x.zip``).
fsspec is imported only when there is one, and is told nothing but the address: keys, regions and
the like are read from its own configuration and environment.

People are told an address without its password and its query, which may be a signature: errors end
in logs and tables. A path, with everything in it, stands in the column ``path`` as it was given.
"""

import contextlib
import hashlib
import lzma
import os
import re
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import Any, TypeVar

from featurize import limits
from featurize.errors import (
    FeaturizeError,
    OptionError,
    VideoEmptyError,
    VideoError,
    VideoMissingError,
    VideoTooLargeError,
    VideoUnreachableError,
    VideoUnreadableError,
)
from featurize.temporary import (
    cannot_write,
    is_no_room,
    refuse_without_room,
    temporary_folder,
)

State = tuple[int | str, ...]
"""What changes when a file is written or replaced."""

WAITS_S = (0.5, 2.0)
"""Before the second and the third try of what the network has failed."""

_Got = TypeVar("_Got")

_URL = re.compile(r"([a-z][a-z0-9+.-]*::)*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=//)([^/@:]*):[^/@]*(?=@)")
_QUERY = re.compile(r"\?.*?(?=::|$)")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
_PROTOCOL = re.compile(r"(?:^|::)([a-z][a-z0-9+.-]*)(?=://|::)", re.IGNORECASE)
_BLOCK_BYTES = 1 << 20
# What they open is named by a file that may be anybody's, or by an address within the address.
_REFUSED = {"dvc", "generic", "reference"}
_EXTRAS = {
    **{"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"},
    **{"http": "remote", "https": "remote"},
}
# Of the content, which the next try finds the same.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, tarfile.TarError),
    *(EOFError, NotImplementedError),
)
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


def looked_at(path: str | Path) -> tuple[State | None, int | None]:
    """What changes when a file is written or replaced, and its size, without reading it.

    Of a file its mode, size and times; of an address a digest of what its file system tells of it:
    size, entity tag, checksum, time. A server that tells nothing but a size is believed. One
    question answers both.

    Returns
    -------
    state : tuple of int or str, or None
        None when there is nothing, or nothing within reach.
    n_bytes : int or None
        0 when there is nothing to work on; None where the size is not known.

    Raises
    ------
    OptionError
        When the package is missing that reads such addresses.
    """
    if is_url(path):
        try:
            remote = _Remote(path)
        except VideoUnreachableError:
            return None, None
        except VideoError:
            return None, 0
        return remote.state, remote.n_bytes
    try:
        found = os.stat(path)  # noqa: PTH116  a million times
    except (OSError, ValueError):  # gone, out of reach, or no name that a file can have
        return None, 0
    state = (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return state, found.st_size if S_ISREG(found.st_mode) else None


def state_of(path: str | Path) -> State | None:
    """The state alone, see :func:`looked_at`.

    Raises
    ------
    OptionError
        When the package is missing that reads such addresses.
    """
    return looked_at(path)[0]


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
        When the address holds no file, or none that can be read.
    VideoUnreachableError
        When the network or a server fails, three times where another try may help.
    VideoTooLargeError
        When it holds more than :data:`featurize.limits.MAX_BYTES`.
    OptionError
        When the package is missing that reads such addresses.
    OutputError
        When the temporary folder cannot be written; a NoRoomError when it has no room.
    """
    if isinstance(path, MediaFile):
        yield path
    elif not is_url(path):
        yield MediaFile(Path(path), Path(path))
    else:
        remote = _Remote(path)
        remote.check()
        with _temporary(remote.suffix) as copy:
            _patiently(partial(remote.fetch, copy))
            yield MediaFile(copy, path, remote.state)


class _Remote:
    """What an address holds, as its file system tells."""

    def __init__(self, url: str) -> None:
        self.name = shown(url)
        _refuse_what_names_others(url, self.name)
        self._system, self._path, self._info = _patiently(partial(_found, url, self.name))
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
            refuse_without_room(self.name, self.n_bytes)

    def fetch(self, copy: Path) -> None:
        """Copy the content; how long it is told to be is not relied on."""
        with temporary_folder(), contextlib.ExitStack() as stack:
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


def _refuse_what_names_others(url: str, name: str) -> None:
    """Refuse addresses of which one cannot tell what would be opened, before anything is."""
    for protocol in _PROTOCOL.findall(url):
        if protocol.lower() in _REFUSED:
            raise VideoUnreadableError(
                f"{name} is not opened: {protocol}:// opens whatever files and addresses the "
                "content of another names; give the address of the video itself."
            )


def _found(url: str, name: str) -> tuple[Any, str, dict[str, Any]]:
    """The file system of an address, its path there, and what is told of it."""
    with _asking(name, url):
        from fsspec.core import url_to_fs

        try:
            # An archive keeps its list of contents, which may be another by now.
            system, path = url_to_fs(url, skip_instance_cache="::" in url)
        except ValueError as error:
            raise VideoUnreadableError(
                f"{name} is of no kind of address that fsspec knows: check the part before ://, or "
                "give a file of such a name as ./name."
            ) from error
        return system, path, system.info(path)


def _patiently(ask: Callable[[], _Got]) -> _Got:
    """Try again what the network has failed, where another answer can be hoped for."""
    for wait_s in WAITS_S:
        try:
            return ask()
        except VideoUnreachableError as error:
            if not _may_pass(_beneath(error.__cause__)):
                raise
        time.sleep(wait_s)
    return ask()


def _may_pass(error: BaseException | None) -> bool:
    status = _http_status(error)
    if status is not None:
        return status >= 500 or status in (408, 429)
    # Nobody answers sooner for having been asked again; the wait was minutes.
    return not isinstance(error, PermissionError | TimeoutError)


@contextlib.contextmanager
def _asking(name: str, url: str = "") -> Iterator[None]:
    """Turn whatever a file system raises into one sentence, without the secrets it may quote."""
    try:
        yield
    except FeaturizeError:
        raise
    except ImportError as error:
        raise OptionError(_what_to_install(name, url, error)) from error
    except Exception as error:  # each file system has errors of its own library
        raise _told(name, _beneath(error)) from error


def _told(name: str, error: BaseException) -> FeaturizeError:
    if is_no_room(error):  # for a cache of fsspec's
        return cannot_write(error)
    if isinstance(error, FileNotFoundError) or _http_status(error) in (404, 410):
        return VideoMissingError(f"There is no {name}: check the address.")
    kind = VideoUnreadableError if isinstance(error, _DAMAGE) else VideoUnreachableError
    return kind(
        f"{name} cannot be fetched ({_in_short(error)}): check the address and who may read it."
    )


def _beneath(error: BaseException) -> BaseException:
    """What was really wrong: fsspec says of any error of HTTP that there is no file."""
    cause = error.__cause__
    of_the_network = isinstance(cause, OSError) or type(cause).__module__.startswith("aiohttp.")
    if isinstance(error, FileNotFoundError) and of_the_network:
        return _beneath(cause)
    return error


def _http_status(error: BaseException | None) -> int | None:
    status = getattr(error, "status", None)
    return status if isinstance(status, int) else None


def _in_short(error: BaseException) -> str:
    status = _http_status(error)
    if status is not None:
        return f"HTTP status {status}"
    return getattr(error, "strerror", None) or type(error).__name__


def _what_to_install(name: str, url: str, error: ImportError) -> str:
    extras = [
        _EXTRAS[found] for found in map(str.lower, _PROTOCOL.findall(url)) if found in _EXTRAS
    ]
    if (error.name or "").partition(".")[0] == "fsspec":
        extras.append("remote")
    how = f"pip install 'deepfake-biometrics[{extras[0]}]'" if extras else f"install it ({error})"
    return f"{name} is an address, and the package that reads such addresses is missing: {how}."


@contextlib.contextmanager
def _temporary(suffix: str) -> Iterator[Path]:
    with temporary_folder():
        handle, name = tempfile.mkstemp(suffix, "video-")
        os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _plain_suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if _SUFFIX.fullmatch(suffix) else ""
