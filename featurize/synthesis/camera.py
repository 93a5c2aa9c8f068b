"""A pinhole camera that sees a turned relief."""

import cv2
import numpy as np

from featurize.synthesis.photograph import FRAME_BOX, HEAD_BOX, TEXTURE_SCALE

# Vertical field of view, that of a portrait lens. At 63 degrees, which MediaPipe's pose solver
# assumes, a head that only moves sideways is taken to turn three times as much as at 40.
CAMERA_FOV_DEG = 40.0
# Point about which the head turns: x, y, relief.
PIVOT = np.array([225.0, 158.0, -45.0])
# Pixels per node of the grid on which lines of sight are followed.
_GRID_STEP = 2
_NEAR, _FAR, _N_STEPS = 34.0, -98.0, 12


class Camera:
    """Pinhole camera before the photograph.

    Parameters
    ----------
    size_px : int
        Side of the frame.
    """

    def __init__(self, size_px: int) -> None:
        self._size_px = size_px
        left, top, side, _ = FRAME_BOX
        self._distance = side / 2 / np.tan(np.radians(CAMERA_FOV_DEG / 2))
        self._centre = np.array([left + side / 2 - 0.5, top + side / 2 - 0.5])
        self._x, self._y = self._positions(size_px)
        self._grid_x, self._grid_y = self._positions(-(-size_px // _GRID_STEP))

    def _positions(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Position on the photograph of each of ``count`` x ``count`` pixels, as row and column."""
        left, top, side, _ = FRAME_BOX
        position = ((np.arange(count) + 0.5) * side / count - 0.5).astype(np.float32)
        return (position + left)[None, :], (position + top)[:, None]

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Position on the photograph of each pixel of the frame."""
        shape = (self._size_px, self._size_px)
        return np.broadcast_to(self._x, shape), np.broadcast_to(self._y, shape)

    def trace(
        self, relief: np.ndarray, head_to_camera: np.ndarray, shift: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Texture coordinates of what each pixel sees of the turned head.

        Parameters
        ----------
        relief : numpy.ndarray
            As in :class:`featurize.synthesis.subject.Subject`.
        head_to_camera : numpy.ndarray
            ``(3, 3)`` rotation times scale, about the pivot.
        shift : numpy.ndarray
            ``(3,)`` shift of the head.

        Returns
        -------
        tuple of numpy.ndarray
            x and y for ``cv2.remap``, float32.
        """
        inverse = np.linalg.inv(head_to_camera).astype(np.float32)
        # A line of sight, in coordinates of the head: start + depth * step.
        away_x = (self._grid_x - self._centre[0]).astype(np.float32)
        away_y = (self._grid_y - self._centre[1]).astype(np.float32)
        origin = inverse @ (-(PIVOT + shift)).astype(np.float32) + PIVOT.astype(np.float32)
        start = [
            inverse[k, 0] * self._grid_x + inverse[k, 1] * self._grid_y + origin[k]
            for k in range(3)
        ]
        step = [
            inverse[k, 2]
            - (inverse[k, 0] * away_x + inverse[k, 1] * away_y) / np.float32(self._distance)
            for k in range(3)
        ]
        left, top = np.float32(HEAD_BOX[0]), np.float32(HEAD_BOX[1])
        start[0] -= left
        start[1] -= top

        def height_above(depth: np.ndarray | np.float32) -> np.ndarray:
            x, y = start[0] + depth * step[0], start[1] + depth * step[1]
            ground = cv2.remap(relief, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            return start[2] + depth * step[2] - ground

        # March inwards until below the surface, then close in on the crossing.
        depths = np.linspace(_NEAR, _FAR, _N_STEPS).astype(np.float32)
        above = height_above(depths[0])
        near, far = np.full_like(above, depths[0]), np.full_like(above, depths[-1])
        near_height, far_height = above, np.full_like(above, -1.0)
        open_ = np.ones(above.shape, bool)
        for depth in depths[1:]:
            height = height_above(depth)
            crossed = open_ & (height <= 0)
            far[crossed], far_height[crossed] = depth, height[crossed]
            open_ &= ~crossed
            near[open_], near_height[open_] = depth, height[open_]
        for _ in range(4):
            middle = near + (far - near) * np.clip(
                near_height / np.maximum(near_height - far_height, 1e-6), 0.05, 0.95
            )
            height = height_above(middle)
            below = height <= 0
            far, far_height = np.where(below, middle, far), np.where(below, height, far_height)
            near, near_height = np.where(below, near, middle), np.where(below, near_height, height)
        depth = near + (far - near) * near_height / np.maximum(near_height - far_height, 1e-6)
        x = self._enlarge(start[0] + depth * step[0])
        y = self._enlarge(start[1] + depth * step[1])
        return texture_coordinates(x + left, y + top)

    def _enlarge(self, grid: np.ndarray) -> np.ndarray:
        """Bring values at the nodes of the grid to every pixel of the frame."""
        # The blur turns the jump at the edge of a nose into a slope, else the edge has steps.
        grid = cv2.GaussianBlur(grid, (0, 0), 1.0)
        side = (self._size_px, self._size_px)
        return cv2.resize(grid, side, interpolation=cv2.INTER_LINEAR)


def texture_coordinates(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of a texture over ``HEAD_BOX`` for positions on the photograph."""
    return (
        ((x - HEAD_BOX[0] + 0.5) * TEXTURE_SCALE - 0.5).astype(np.float32),
        ((y - HEAD_BOX[1] + 0.5) * TEXTURE_SCALE - 0.5).astype(np.float32),
    )
