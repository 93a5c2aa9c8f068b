"""Frame by frame through a clip: the face is drawn anew, the rest is left alone."""

from collections.abc import Callable, Iterator

import numpy as np

from featurize.synthesis.manipulations.blending import paste
from featurize.synthesis.manipulations.face_box import FaceBox
from featurize.synthesis.manipulations.face_clip import FaceClip

# Distances between the pupils in the longer extent of a face, roughly.
_IOD_PER_FACE = 2.3


def margin_for(edge_iod: float, moved_iod: float = 0.15) -> float:
    """Margin of a box that holds a blending edge of a width and a mask moved by a distance."""
    return (edge_iod + moved_iod) / _IOD_PER_FACE


def rendered(
    clip: FaceClip,
    margin: float,
    draw: Callable[[int, FaceBox], tuple[np.ndarray, np.ndarray]],
    missed: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Give all frames of a clip, with the face drawn anew where it is shown.

    Parameters
    ----------
    clip : FaceClip
        Not changed.
    margin : float
        Of the box around the face, see :meth:`FaceBox.around`.
    draw : Callable
        Takes the number of the frame and the box; returns the new face, ``(h, w, 3)`` in levels
        of 255, and its mask, ``(h, w)`` in [0, 1], both of the box's size. The mask is brought to
        0 at the edges of the box, but for those that are edges of the frame.
    missed : numpy.ndarray, optional
        ``(n,)`` bool: frames in which the method fails, which show the authentic face.

    Yields
    ------
    numpy.ndarray
        ``(h, w, 3)`` uint8; never the clip's own memory.
    """
    for now, frame in enumerate(clip.frames):
        if not clip.shown[now] or (missed is not None and missed[now]):
            yield np.array(frame)
            continue
        box = FaceBox.around(clip.points_px[now], margin, clip.size_px)
        if box.is_empty:
            yield np.array(frame)
            continue
        face, mask = draw(now, box)
        yield paste(frame, box, face, mask * _fade(box, clip.size_px))


def _fade(box: FaceBox, size_px: tuple[int, int]) -> np.ndarray:
    """1 in the box, falling to 0 over a few pixels towards edges that are not the frame's."""
    across = _rise(box.left == 0, box.right == size_px[0], box.size[0])
    down = _rise(box.top == 0, box.bottom == size_px[1], box.size[1])
    return np.minimum(across, down[:, None])


def _rise(first_is_frame: bool, last_is_frame: bool, n: int) -> np.ndarray:
    width = max(1.0, 0.05 * n)
    place = np.arange(n, dtype=np.float32)
    first = np.ones(n, np.float32) if first_is_frame else np.minimum(1, place / width)
    last = np.ones(n, np.float32) if last_is_frame else np.minimum(1, place[::-1] / width)
    return np.minimum(first, last)
