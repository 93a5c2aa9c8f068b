"""Feature tables in; cross-validated figures, trained detectors and scored videos out.

The names below are the public door; everything is loaded on first use, so importing the
package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "Detector",
    "ValidationReport",
    "VideoScore",
    "cross_validate",
    "default_detector",
    "load_detector",
    "score_video",
    "train",
]

_HOMES = {
    "Detector": "models.detector",
    "ValidationReport": "models.evaluation.validation_report",
    "VideoScore": "models.video_score",
    "cross_validate": "models.validation",
    "default_detector": "models.pretrained",
    "load_detector": "models.detector_file",
    "score_video": "models.scoring",
    "train": "models.training",
}

if TYPE_CHECKING:
    from models.detector import Detector
    from models.detector_file import load_detector
    from models.evaluation.validation_report import ValidationReport
    from models.pretrained import default_detector
    from models.scoring import score_video
    from models.training import train
    from models.validation import cross_validate
    from models.video_score import VideoScore


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'models' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
