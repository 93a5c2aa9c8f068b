"""EfficientNet-Lite0 that has learnt to see whether a face was blended into its picture."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from featurize.assets import BLENDING_LITE0, locate
from featurize.errors import ModelFileError
from featurize.frame import Frame
from featurize.landmarks.people.chips import alignment
from featurize.landmarks.schema import Schema
from featurize.networks.crops import aligned_width_px, crop_settings
from featurize.networks.device import chosen_device, in_batches
from featurize.networks.facts import NetworkFacts
from featurize.networks.failures import BreachError, on_faces, refuse_not_finite

CROP_PX = 160
"""Side of a crop. The face is 118 px wide on it."""

CROP_PADDING = 0.35
"""What a crop shows on each side of dlib's square from brows to mouth, as a share of its side: the
outline of the face and some 10 % around it, since that is where a face is blended in."""

MIN_FACE_WIDTH_PX = 64.0
"""Narrower faces have no crop.

Measured on faces of clips held out from training, each beside itself blended, both made smaller
afterwards: the area under the ROC curve of single crops is 0.80 at 118 px, 0.75 at 96 px, 0.70 at
64 px, 0.64 at 48 px, 0.60 at 36 px.
"""

FACTS = NetworkFacts("blending_lite0", 1, BLENDING_LITE0.sha256, "blending-lite0")

_CROP_SHAPE = (CROP_PX, CROP_PX, 3)
_MEAN, _SCALE = 127.0, 128.0


class BlendingLite0:
    """Log-odds that a face was blended into its picture, by one aligned crop.

    Trained on authentic clips alone: crops beside themselves blended into themselves (Shiohara and
    Yamasaki 2022), and frames of clips beside those of pseudo-fakes made of them, see
    ``pretraining/blending_network``. OpenCV computes it, on one thread of the CPU.

    Parameters
    ----------
    device : str
        One of :data:`featurize.networks.device.DEVICES`.
    path : Path, optional
        Another file of the same kind, as training leaves one for each fold; without it the one that
        comes with this package.

    Attributes
    ----------
    facts : NetworkFacts
        Its name and size.
    settings : dict
        All that changes its results.

    Raises
    ------
    OptionError
        When a GPU is asked for.
    ModelFileError
        When the model file is missing or damaged.
    """

    def __init__(self, device: str = "auto", path: Path | None = None) -> None:
        chosen = chosen_device(
            device, has_cuda=False, without=f"{FACTS.spec} runs on OpenCV, on the CPU alone"
        )
        content = (locate(BLENDING_LITE0) if path is None else path).read_bytes()
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        except cv2.error as error:
            raise ModelFileError(f"{path} is not an ONNX model that OpenCV can read.") from error
        self.facts = replace(FACTS, sha256=hashlib.sha256(content).hexdigest())
        self.settings: dict[str, object] = {
            "sha256": self.facts.sha256,
            "device": chosen,
            "crop_px": CROP_PX,
            **crop_settings(CROP_PADDING, MIN_FACE_WIDTH_PX),
        }

    def crop(self, frame: Frame, points_px: np.ndarray, schema: Schema) -> np.ndarray | None:
        """``(160, 160, 3)`` uint8; None for a face smaller than :data:`MIN_FACE_WIDTH_PX`."""
        if not aligned_width_px(points_px, schema) >= MIN_FACE_WIDTH_PX:
            return None
        to_frame = alignment(points_px, schema, CROP_PX, CROP_PADDING)
        return frame.crop(to_frame, (CROP_PX, CROP_PX))

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """``(n, 160, 160, 3)`` uint8 to ``(n, 1)`` float32: above 0 where blending is likelier.

        Raises
        ------
        NetworkFailedError
            When the network fails, or gives numbers that are not finite.
        """
        if len(crops) == 0:
            return np.empty((0, FACTS.n_dims), np.float32)
        with on_faces(FACTS.name), _one_thread():
            if crops.shape[1:] != _CROP_SHAPE:  # OpenCV would read on beyond the end
                raise BreachError(f"reads {_CROP_SHAPE}, not {crops.shape[1:]}")
            values = in_batches(self._log_odds, crops, 1)
            refuse_not_finite(values)
        return values

    def _log_odds(self, crops: np.ndarray) -> np.ndarray:
        levels = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)
        self._net.setInput((levels - _MEAN) / _SCALE)
        try:
            return self._net.forward().reshape(len(crops), FACTS.n_dims).copy()
        except cv2.error as error:  # an Exception and nothing nearer
            raise RuntimeError(str(error)) from error


@contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
