"""What is read off the pixels while the video passes: which frames, and in which order."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from featurize.declaration import PixelSignal
from featurize.frame import Frame
from featurize.frame_features import repeats, skin
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.skin_pixels import patch_colours
from featurize.landmarks.detection import FaceDetection
from featurize.landmarks.schema import Schema

SAMPLE_STEP_S = 0.5
"""Texture is read off the first frame of each such stretch of time: it changes little from frame to
frame, and costs as much as a landmark."""

MEASURES_VERSION = 1
"""Raised when the code comes to read other values off the same pixels, or other levels off the same
sound (:mod:`featurize.audio`); what stores hold is then measured again."""


class PixelObserver:
    """Read measures off the faces of one video, frame by frame.

    Parameters
    ----------
    signals : sequence of PixelSignal
        Read off sampled frames.
    """

    def __init__(self, signals: Sequence[PixelSignal]) -> None:
        self._signals = tuple(signals)
        self._sampled: dict[int, int] = {}
        self._repeats = repeats.RepeatMeter()
        read = (signal.column for signal in self._signals)
        self._names = (*skin.MEASURES, *repeats.MEASURES, *read)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the measures, in their order."""
        return self._names

    @property
    def settings(self) -> dict[str, object]:
        """Everything that changes measures besides video and landmarks, as JSON can hold it."""
        return {"version": MEASURES_VERSION, "names": self.names, "step_s": SAMPLE_STEP_S}

    def measure(
        self, frame: Frame, faces: Mapping[int, FaceDetection], schema: Schema
    ) -> dict[int, np.ndarray]:
        """Measures of each face of the next frame, by trail.

        Returns
        -------
        dict of int to numpy.ndarray
            ``(n_measures,)`` float32; NaN where nothing was read.
        """
        stretch = math.floor(frame.time_s / SAMPLE_STEP_S + 1e-6)
        n_skin, n_repeats = len(skin.MEASURES), len(repeats.MEASURES)
        picture = self._repeats.measure(frame)
        measured = {}
        for trail, face in faces.items():
            values = np.full(len(self.names), np.nan, np.float32)
            if face.crop is not None:
                values[:n_skin] = patch_colours(
                    face.crop, face.points_px, schema, frame.size_px
                ).ravel()
            values[n_skin : n_skin + n_repeats] = picture
            if self._sampled.get(trail) != stretch:
                self._sampled[trail] = stretch
                view = FaceView(frame, face.points_px, schema)
                values[n_skin + n_repeats :] = [signal.read(view) for signal in self._signals]
            measured[trail] = values
        # Faces that are lost for some frames have had their sample; earlier stretches are over.
        self._sampled = {t: sampled for t, sampled in self._sampled.items() if sampled == stretch}
        return measured
