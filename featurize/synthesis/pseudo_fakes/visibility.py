"""Whether a manipulation can be seen: what nobody can see to have changed must not be called fake.

Judged is what goes into the chain of degradations, so that a version is dropped or kept whatever
becomes of it there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from featurize.synthesis.manipulations.face_box import FaceBox
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.masks import hull_mask

CHANGED_LEVELS = 8.0
"""A pixel counts as changed when red, green or blue, as means over 3 x 3 pixels, differ by more:
twice what H.264 at crf 34 loses of a picture on average."""

MOST_CHANGED = 0.05
"""Share of the frames, those that change most, over which a video is judged: in five seconds, one
blink that is not there."""

LEAST_SHARE = 0.015
"""Share of the face's pixels that must have changed there, on average. On four clips of talking
people a real blink that was taken away changed 2.4 to 4.7 %; eyes laid over those of somebody who
did not blink 0.3 to 2.5 %, and of 40 draws of absent blinks 12 are under the limit. Of 12 draws of
self-blended faces one is, at 0.2 %; other methods change 8 % and more."""


@dataclass(frozen=True)
class Visibility:
    """Looks at manipulated frames as they pass.

    Attributes
    ----------
    clip : FaceClip
        The authentic frames.
    """

    clip: FaceClip
    _shares: list[float] = field(default_factory=list, init=False, repr=False)

    def watched(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass the frames of the clip's manipulated version on, one after the other."""
        for now, frame in enumerate(frames):
            if self.clip.shown[now]:
                self._shares.append(self._share(now, frame))
            yield frame

    @property
    def changed_share(self) -> float:
        """Share of the face's pixels that changed, over the frames that did most; 0 for none."""
        n = max(1, round(MOST_CHANGED * len(self._shares)))
        return float(np.mean(sorted(self._shares)[-n:])) if self._shares else 0.0

    @property
    def is_seen(self) -> bool:
        """Whether what has passed so far has visibly changed."""
        return self.changed_share >= LEAST_SHARE

    def _share(self, now: int, frame: np.ndarray) -> float:
        points = self.clip.points_px[now]
        box = FaceBox.around(points, 0.0, self.clip.size_px)
        if box.is_empty:
            return 0.0
        inside = hull_mask(box.within(points), box.size) > 0.5
        new, old = (
            cv2.blur(box.cut(rgb).astype(np.float32), (3, 3))
            for rgb in (frame, self.clip.frames[now])
        )
        changed = (np.abs(new - old) > CHANGED_LEVELS).any(axis=2)
        return float(changed[inside].mean()) if inside.any() else 0.0
