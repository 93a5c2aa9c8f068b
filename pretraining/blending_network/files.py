"""Which network has not seen what, and where it is."""

from pathlib import Path

N_FOLDS = 3
"""Parts of the sources of which each has a network that has not seen it."""


def network_file(folder: Path, fold: int) -> Path:
    """Return the file of the network that has not seen a fold.

    That of fold :data:`N_FOLDS` has seen all.
    """
    return folder / ("blending_lite0.onnx" if fold == N_FOLDS else f"fold{fold}.onnx")
