"""Starts ``python -m featurize run`` as a user would, and reads what it wrote."""

import json
import subprocess
import sys
from pathlib import Path
from typing import IO

_TALKING = (
    "from featurize.runs import progress\n"
    "progress.PLAIN_LINE_EVERY_S = 0\n"
    "from featurize.__main__ import main\n"
    "main()"
)
"""The command line, but with a line of progress for every video instead of one a minute."""


def start_run(
    source: Path,
    out: Path,
    *options: str,
    stderr: IO | int | None = subprocess.DEVNULL,
    talking: bool = False,
    environment: dict[str, str] | None = None,
) -> subprocess.Popen:
    """Begin to write the feature table of ``source``; standard output is a pipe.

    With ``talking`` every finished video has its line on standard error.
    """
    start = ["-c", _TALKING] if talking else ["-m", "featurize"]
    command = [sys.executable, *start, "run", str(source), "-o", str(out), *options]
    return subprocess.Popen(  # noqa: S603  its own command
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="replace",
        env=environment,
    )


def finished_run(source: Path, out: Path, *options: str) -> str:
    """Write the feature table of ``source``; what the run said at its end."""
    process = start_run(source, out, *options, stderr=None)
    text, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(process.args)} ended with {process.returncode}.")
    return text


def described(out: Path) -> dict:
    """What ``features.run.json`` beside a table says."""
    return json.loads(out.with_suffix(".run.json").read_text())
