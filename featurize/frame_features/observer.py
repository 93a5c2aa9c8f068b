"""What is read off the pixels while the video passes: which frames, and in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from featurize.declaration import PairSignal, PixelSignal
from featurize.frame import Frame
from featurize.frame_features import repeats, skin
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.skin_pixels import patch_colours
from featurize.frame_features.transitions.face_pair import FacePair
from featurize.landmarks.detection import FaceDetection
from featurize.landmarks.schema import Schema
from featurize.sampled_frames import SAMPLE_STEP_S, are_neighbours, stretch_of

MEASURES_VERSION = 2
"""Raised when the code comes to read other values off the same pixels, or other levels off the same
sound (:mod:`featurize.audio`); what stores hold is then measured again."""


@dataclass(frozen=True)
class _Sample:
    """A face in the frame before."""

    frame: Frame
    points_px: np.ndarray
    view: FaceView


class PixelObserver:
    """Read measures off the faces of one video, frame by frame.

    Textures are read off the first frame of each stretch of time that shows the face; in every
    other stretch, of even number, transitions are read off that frame and its neighbour, the next.

    Parameters
    ----------
    signals : sequence of PixelSignal or PairSignal
        Read off sampled frames, and off pairs of a sampled frame and the one right after it. What
        is read off a pair is a measure of the second frame.
    """

    def __init__(self, signals: Sequence[PixelSignal | PairSignal]) -> None:
        self._of_views = tuple(s for s in signals if isinstance(s, PixelSignal))
        self._of_pairs = tuple(s for s in signals if isinstance(s, PairSignal))
        self._sampled: dict[int, int] = {}
        self._before: dict[int, _Sample] = {}
        self._repeats = repeats.RepeatMeter()
        read = (signal.column for signal in (*self._of_views, *self._of_pairs))
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
        stretch = int(stretch_of(frame.time_s))
        n_skin, n_repeats = len(skin.MEASURES), len(repeats.MEASURES)
        of_views = slice(n_skin + n_repeats, n_skin + n_repeats + len(self._of_views))
        of_pairs = slice(of_views.stop, None)
        picture = self._repeats.measure(frame)
        before, self._before = self._before, {}
        measured = {}
        for trail, face in faces.items():
            values = np.full(len(self.names), np.nan, np.float32)
            if face.crop is not None:
                values[:n_skin] = patch_colours(
                    face.crop, face.points_px, schema, frame.size_px
                ).ravel()
            values[n_skin : of_views.start] = picture
            if trail in before and are_neighbours(before[trail].frame.time_s, frame.time_s):
                pair = _pair(before[trail], frame, face)
                values[of_pairs] = [signal.read(pair) for signal in self._of_pairs]
            if self._sampled.get(trail) != stretch:
                self._sampled[trail] = stretch
                view = FaceView(frame, face.points_px, schema)
                values[of_views] = [signal.read(view) for signal in self._of_views]
                if self._of_pairs and stretch % 2 == 0:
                    self._before[trail] = _Sample(frame, face.points_px, view)
            measured[trail] = values
        # Faces that are lost for some frames have had their sample; earlier stretches are over.
        self._sampled = {t: sampled for t, sampled in self._sampled.items() if sampled == stretch}
        return measured


def _pair(before: _Sample, frame: Frame, face: FaceDetection) -> FacePair:
    move_px = np.median((face.points_px - before.points_px)[:, :2], axis=0)
    return FacePair(before.frame, frame, before.view, move_px)
