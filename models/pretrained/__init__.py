"""The detector that comes with the package: what a video is scored with unless told otherwise."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from models.detector import Detector
from models.detector_file import load_detector
from models.errors import NoDetectorError

_FILE = "detector.skops"


@cache
def default_detector() -> Detector:
    """Return the detector that comes with the package, read once.

    ``models/pretrained/MODEL_CARD.md`` says what it was trained on, and what it cannot do.

    Raises
    ------
    NoDetectorError
        When the installation does not contain it.
    DetectorError
        When its file is damaged.
    """
    file = _folder() / _FILE
    if not file.is_file():
        raise NoDetectorError(
            "No detector was given, and this installation comes without one: train one with "
            "`python -m models train features.csv -o my.skops` and pass it as detector, in the "
            "shell by --detector my.skops."
        )
    with resources.as_file(file) as path:
        return load_detector(path)


def _folder() -> Traversable:
    return resources.files(__name__)
