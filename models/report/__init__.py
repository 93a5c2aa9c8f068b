"""A cross-validation as files that anyone can check: scores, figures as JSON, and a page to read.

======================  =============================================================
``report.html``         one page that needs nothing else, to read, print and send
``metrics.json``        every figure, setting and finding of the audit
``scores.csv``          the held-out score of every video, to work the figures out anew
======================  =============================================================

Where data sets were held out too, ``scores_source_held_out.csv`` has the scores behind the figure
to quote; where none were, a file of that name from an earlier report is removed. The same report
gives the same bytes.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from models.report.files import (
    as_bytes,
    check_folder,
    metric_bytes,
    remove_file,
    score_bytes,
    write_files,
)

if TYPE_CHECKING:
    from models.evaluation.validation_report import ValidationReport

__all__ = ["check_folder", "write_report"]

_OF_SOURCES = "scores_source_held_out.csv"


def write_report(report: "ValidationReport", folder: str | os.PathLike) -> list[Path]:
    """Write the files of a report into ``folder``, which is made if need be.

    Files of an earlier report are replaced.

    Returns
    -------
    list of Path
        The files, the page first.

    Raises
    ------
    ModelsError
        When the folder cannot be written to; ask :func:`check_folder` before the work.
    """
    from models.report.page import page

    check_folder(folder)
    contents = {
        "report.html": as_bytes(page(report)),
        "metrics.json": metric_bytes(report),
        "scores.csv": score_bytes(report.scores),
    }
    if report.source_held_out:
        contents[_OF_SOURCES] = score_bytes(report.source_held_out.scores)
    written = write_files(contents, folder)
    if not report.source_held_out:
        remove_file(_OF_SOURCES, folder)
    return written
