"""The networks of MediaPipe's face bundle, run one by one on one thread.

MediaPipe's own graph runs them too, but cannot be told to leave out what is not needed: it converts
every frame at full size, searches for faces in every frame while there are fewer than asked for,
and lets its threads hop between cores. The networks, their inputs and the regions they look at are
the same here (Kartynnik et al. 2019, Real-time Facial Surface Geometry from Monocular Video;
Grishchenko et al. 2020, Attention Mesh; Bazarevsky et al. 2019, BlazeFace).
"""

import contextlib
import os
import sys
import zipfile
from collections.abc import Iterator

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from featurize.assets import FACE_LANDMARKER, locate

CROP_PX = 256
"""Side of the square picture that the mesh network reads."""

DETECTOR_PX = 128
"""Side of the square picture that the face detector reads."""

# The landmarks that the blendshape network reads, in its order.
_BLENDSHAPE_POINTS = np.array(
    [
        *(0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63),
        *(65, 66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132),
        *(133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161),
        *(162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263),
        *(267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310),
        *(311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373),
        *(374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398),
        *(400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477),
    ]
)


class FaceMesh:
    """478 landmarks and 52 expression coefficients of a face in a crop; a detector of faces.

    Raises
    ------
    ModelFileError
        When the model file is missing or damaged.
    """

    def __init__(self) -> None:
        with zipfile.ZipFile(locate(FACE_LANDMARKER)) as bundle, _native_chatter_silenced():
            self._mesh = _Network(bundle.read("face_landmarks_detector.tflite"))
            self._blendshapes = _Network(bundle.read("face_blendshapes.tflite"))
            self._detector = _Network(bundle.read("face_detector.tflite"))

    def landmarks(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        """Landmarks of the face in a crop, and how sure the network is that there is one.

        Parameters
        ----------
        crop : numpy.ndarray
            ``(256, 256, 3)`` uint8, red first: the face upright, filling two thirds.

        Returns
        -------
        points : numpy.ndarray
            ``(478, 3)`` float32 in pixels of the crop, z in the same scale.
        presence : float
            Log-odds that the crop shows a face.
        """
        points, presence = self._mesh(crop, "Identity", "Identity_1", scale=1 / 255)
        return points.reshape(-1, 3), presence.item()

    def blendshapes(self, points_px: np.ndarray) -> np.ndarray:
        """``(52,)`` float32 coefficients in [0, 1] from ``(478, 3)`` landmarks."""
        (coefficients,) = self._blendshapes(
            points_px[_BLENDSHAPE_POINTS, :2], "StatefulPartitionedCall:0"
        )
        return coefficients.copy()

    def faces(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Raw answers of the face detector.

        Parameters
        ----------
        picture : numpy.ndarray
            ``(128, 128, 3)`` uint8, red first.

        Returns
        -------
        boxes : numpy.ndarray
            ``(896, 16)`` float32: for each anchor centre x, y, width, height and six keypoints
            (x, y), in pixels of the picture from the anchor's centre.
        scores : numpy.ndarray
            ``(896,)`` float32 log-odds of a face.
        """
        boxes, scores = self._detector(
            picture, "regressors", "classificators", scale=2 / 255, shift=-1
        )
        return boxes[0].copy(), scores[0, :, 0].copy()


class _Network:
    """A TFLite model on one thread."""

    def __init__(self, model: bytes) -> None:
        self._interpreter = Interpreter(model_content=model, num_threads=1)
        self._interpreter.allocate_tensors()
        self._memory = self._interpreter.tensor(self._interpreter.get_input_details()[0]["index"])
        self._outputs = {
            output["name"]: output["index"] for output in self._interpreter.get_output_details()
        }

    def __call__(
        self, values: np.ndarray, *outputs: str, scale: float = 1, shift: float = 0
    ) -> list[np.ndarray]:
        """Outputs by name for ``values * scale + shift``."""
        # Written in place; no reference to the network's memory may outlive this statement.
        np.multiply(values, np.float32(scale), out=self._memory()[0])
        if shift:
            memory = self._memory()
            memory += np.float32(shift)
            del memory
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(self._outputs[name]) for name in outputs]


@contextlib.contextmanager
def _native_chatter_silenced() -> Iterator[None]:
    """Keep the start-up notes of LiteRT's C++ side off the terminal.

    They are written to file descriptor 2 before any log level can be set, once per process, and
    would tear the progress bar apart. Errors still reach the caller as Python exceptions.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)
