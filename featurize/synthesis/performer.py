"""Renders a face that does what a script says: head turns, blinks, speech, gaze.

The head is a relief: over each point of the photograph, how near to the viewer it is. It is
turned rigidly about a point in the neck, seen by a pinhole camera, and drawn by following each
pixel's line of sight to the first point of the relief it meets, so that a nose hides the cheek
behind it. The neck bends between the turned head and the still shoulders.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from featurize.synthesis.camera import PIVOT, Camera, texture_coordinates
from featurize.synthesis.errors import SynthesisError
from featurize.synthesis.expression import ExpressiveHead
from featurize.synthesis.photograph import FRAME_BOX
from featurize.synthesis.script import Script, State
from featurize.synthesis.subject import Subject, make_subject

# Standard deviation of the grain in levels of 255, and how far its pattern is shifted about.
_GRAIN = 1.6
_GRAIN_ROOM = 64
# How the head is held on the photograph.
_PHOTO_POSE_DEG = (-0.8, -10.5, 2.3)
# Between these rows of the photograph the neck bends.
_NECK_ROWS = (158.0, 192.0)
# The neck is further from the camera at its top, so narrower, by this share.
_NECK_TAPER = 0.12


def check_size_px(size_px: int) -> None:
    """Raise :class:`SynthesisError` for a side of frames that cannot be encoded or tracked."""
    if size_px < 64 or size_px % 2:
        raise SynthesisError(f"size_px must be even and at least 64, not {size_px}.")


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """Matrix that turns a frontal head: first roll, then pitch, then yaw.

    Parameters
    ----------
    yaw_deg, pitch_deg, roll_deg : float
        Signs as in :class:`featurize.synthesis.script.Script`.

    Returns
    -------
    numpy.ndarray
        ``(3, 3)``, for axes x right, y up, z towards the viewer: the axes of MediaPipe's facial
        transformation matrix.
    """
    y, p, r = np.radians([yaw_deg, -pitch_deg, -roll_deg])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


@dataclass(frozen=True)
class View:
    """What each pixel of a frame sees of a head held in some way.

    Attributes
    ----------
    x, y : numpy.ndarray
        ``(size_px, size_px)`` float32: position on the head's texture.
    behind : numpy.ndarray
        ``(size_px, size_px, 3)`` uint8: neck, shoulders and backdrop.
    """

    x: np.ndarray
    y: np.ndarray
    behind: np.ndarray


class Performer:
    """A person who performs scripts in front of a camera.

    Parameters
    ----------
    size_px : int
        Side of the square frames; even.
    identity_seed : int or None
        Which person, see :func:`featurize.synthesis.subject.make_subject`.

    Raises
    ------
    SynthesisError
        When ``size_px`` is odd or below 64.
    """

    def __init__(self, size_px: int = 320, identity_seed: int | None = None) -> None:
        check_size_px(size_px)
        self.size_px = size_px
        self.subject: Subject = make_subject(identity_seed)
        self._head = ExpressiveHead(self.subject)
        side = (size_px, size_px)
        self._plate = cv2.resize(self.subject.plate, side, interpolation=cv2.INTER_AREA)
        self._camera = Camera(size_px)
        grain_side = size_px + _GRAIN_ROOM
        rng = np.random.default_rng(identity_seed or 0)
        grain = rng.normal(0, _GRAIN, (grain_side, grain_side, 3))
        self._grain = np.round(grain).astype(np.int16)

    @property
    def interocular_px(self) -> float:
        """Distance between the pupils in a frame, facing the camera at scale 1."""
        return self.subject.interocular_px * self.size_px / FRAME_BOX[2]

    def frame(self, script: Script, time_s: float) -> np.ndarray:
        """Film one moment of a performance: the rendered face with the grain of a camera.

        Parameters
        ----------
        script : Script
            What is performed.
        time_s : float
            When. Grain depends on it, so a frame is the same whichever frames were filmed before.

        Returns
        -------
        numpy.ndarray
            ``(size_px, size_px, 3)`` uint8, red first.
        """
        return self.add_grain(self.render(script.at(time_s)), time_s)

    def render(self, state: State) -> np.ndarray:
        """Draw the face in a given state, without grain; shape as in :meth:`frame`."""
        return self.draw(self.view(state), state)

    def view(self, state: State) -> View:
        """Find what each pixel sees when the head is held as in ``state``."""
        if self.subject.mirrored:
            state = state.mirrored()
        head_to_camera, shift = self._placement(state)
        x, y = self._camera.trace(self.subject.relief, head_to_camera, shift)
        return View(x, y, _over(self._bent_neck(head_to_camera, shift), self._plate))

    def draw(self, view: View, state: State) -> np.ndarray:
        """Draw a head seen as in ``view`` with the expression of ``state``."""
        if self.subject.mirrored:
            state = state.mirrored()
        head = cv2.remap(self._head.texture(state), view.x, view.y, cv2.INTER_LINEAR)
        return self._turned(_over(head, view.behind))

    def face_region(self, view: View, edge_iod: float) -> np.ndarray:
        """Return where the inner face, from brows to lower lip, is seen.

        Parameters
        ----------
        view : View
            How the head is held.
        edge_iod : float
            Standard deviation of the blur of the region's edge, in distances between the pupils.

        Returns
        -------
        numpy.ndarray
            ``(size_px, size_px)`` float32 in [0, 1].
        """
        region = self._head.inner_face(edge_iod)
        return self._turned(cv2.remap(region, view.x, view.y, cv2.INTER_LINEAR))

    def add_grain(self, frame: np.ndarray, time_s: float) -> np.ndarray:
        """Add the camera's grain of that moment to a frame."""
        rng = np.random.default_rng(round(time_s * 90_000))
        top, left = rng.integers(0, _GRAIN_ROOM, 2)
        grain = self._grain[top : top + self.size_px, left : left + self.size_px]
        return cv2.add(frame, grain, dtype=cv2.CV_8U)

    def _turned(self, image: np.ndarray) -> np.ndarray:
        """Swap left and right if the person is mirrored."""
        return cv2.flip(image, 1) if self.subject.mirrored else image

    def _placement(self, state: State) -> tuple[np.ndarray, np.ndarray]:
        """Matrix (with scale) about the pivot and shift, in image axes x right, y down."""
        flip = np.diag([1.0, -1.0, 1.0])
        turn = rotation(state.yaw_deg, state.pitch_deg, state.roll_deg)
        turn = turn @ rotation(*_PHOTO_POSE_DEG).T
        shift = np.array([state.shift_right_iod, state.shift_down_iod, 0.0])
        return flip @ turn @ flip * state.scale, shift * self.subject.interocular_px

    def _bent_neck(self, head_to_camera: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Draw the neck, moved with the head at its top and still at its foot."""
        top = np.array([PIVOT[0], _NECK_ROWS[0], -38.0])
        moved = head_to_camera @ (top - PIVOT) + PIVOT + shift - top
        x, y = self._camera.flat()
        first, last = _NECK_ROWS
        share = np.clip((last - y) / (last - first), 0, 1.4)
        share = np.where(share < 1, share * share * (3 - 2 * share), 1.0)
        x, y = x - moved[0] * share, y - moved[1] * share
        x = x + (x - top[0]) * (_NECK_TAPER * share)
        return cv2.remap(self.subject.neck, *texture_coordinates(x, y), cv2.INTER_LINEAR)


def _over(layer: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Put a layer (colour times alpha, alpha) over a frame."""
    uncovered = cv2.cvtColor(255 - layer[..., 3], cv2.COLOR_GRAY2RGB)
    return cv2.add(layer[..., :3], cv2.multiply(frame, uncovered, scale=1 / 255.0))
