"""Videos in, one row of face-biometric features per face and video out.

The names below are the public door; everything is loaded on first use, so importing the
package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["describe_features", "extract_landmarks", "featurize_dataset", "featurize_video"]

_HOMES = {
    "describe_features": "featurize.registry",
    "extract_landmarks": "featurize.pipeline",
    "featurize_dataset": "featurize.table",
    "featurize_video": "featurize.pipeline",
}

if TYPE_CHECKING:
    from featurize.pipeline import extract_landmarks, featurize_video
    from featurize.registry import describe_features
    from featurize.table import featurize_dataset


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'featurize' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
