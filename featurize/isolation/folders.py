"""Temporary folders of workers: made by the keeper, removed by whoever outlives the other."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

PREFIX = "featurize-worker-"

LEFT_BEHIND_S = 3600.0
"""A folder that is older and that no worker holds was left by a keeper and a worker killed both."""


def make_folder() -> Path:
    """Make a temporary folder for a worker. The first call removes those that were left behind.

    Raises
    ------
    OSError
        When there is no place for it.
    """
    remove_left_behind()
    return Path(tempfile.mkdtemp(prefix=PREFIX))


@cache
def remove_left_behind() -> None:
    """Remove folders whose worker and keeper were both killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(OSError):  # in use, somebody else's, or just gone
            if time.time() - folder.stat().st_mtime < LEFT_BEHIND_S:
                continue
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)
