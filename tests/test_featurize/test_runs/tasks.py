"""What worker processes of these tests do: what the name of the video says.

Little is imported, so that a process which takes the place of a crashed one is there at once.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

WORK = f"{__name__}:work"
HANG_S = 600


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Crash, hang or grow as the video is called; say that it is empty otherwise."""
    path = Path(request["path"])
    behave(path)
    meta = {"face": 0, "status": "empty", "reason": f"{path.name} was looked at."}
    if path.stem == "fine":
        meta |= {"status": "ok", "n_frames": 30, "duration_s": 1.0}
    n_rows = 100_000 if path.stem == "long" else 1
    return {"rows": [{"meta": meta, "features": None}] * n_rows}


def behave(path: Path) -> None:
    """Do what the name says."""
    with path.with_suffix(".seen").open("a") as seen:
        seen.write("x")
    what = path.stem.split("-")[0]
    if what == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "killed" or (what == "once" and times_seen(path) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "cluster" and times_seen(path) == 1:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(HANG_S)
    elif what == "alone":
        (path.parent / "busy").mkdir()  # fails where another is busy, too
        time.sleep(0.3)
        (path.parent / "busy").rmdir()
    elif what == "slow":
        time.sleep(2)
    elif what == "hangs":
        path.with_suffix(".pid").write_text(str(os.getpid()))
        time.sleep(HANG_S)
    elif what == "grows":
        kept = []
        while True:
            kept.append(bytearray(os.urandom(1 << 10) * (8 << 10)))
            time.sleep(0.01)


def times_seen(path: Path) -> int:
    """How often a worker began with a video."""
    seen = path.with_suffix(".seen")
    return len(seen.read_text()) if seen.exists() else 0
