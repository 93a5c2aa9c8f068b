"""Eyelids, gaze and jaw: redraws parts of the head's texture for one moment.

Everything is a backward map: for each texture pixel, which pixel of the texture at rest it
shows. Lids and lips slide *over* what lies behind them, which stays where it is, so a closing
lid hides the eyeball and an opening mouth uncovers a dark inside.
"""

import cv2
import numpy as np

from featurize.synthesis.photograph import HEAD_BOX, TEXTURE_SCALE
from featurize.synthesis.script import State
from featurize.synthesis.subject import Subject

# Landmark numbers along each line, from image left to image right.
_RIGHT_EYE = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
    468,
)
_LEFT_EYE = (
    (362, 398, 384, 385, 386, 387, 388, 466, 263),
    (362, 382, 381, 380, 374, 373, 390, 249, 263),
    473,
)
_UPPER_LIP = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER_LIP = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
# Around brows, cheeks and mouth: what a face swap replaces.
_INNER_FACE = (70, 105, 334, 300, 356, 454, 361, 364, 394, 200, 169, 135, 132, 234, 127)

# Shares of the distance between the pupils.
_LASHES = 0.055
_LID_FOLD = 0.17
_JAW_DROP = 0.42
_GAZE_REACH = 0.09
# Share of the gap between the lips of the (smiling) photograph that stays at opening 0.
_LIPS_CLOSED = 0.12
_CAVITY_RGB = (46.0, 17.0, 17.0)
_TONGUE_RGB = (84.0, 38.0, 38.0)


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)


class _Patch:
    """A rectangle of the texture with coordinates along and across a line of the face.

    ``along`` runs from the middle between two corner points to the right, ``across`` down; both
    in pixels of the photograph.
    """

    def __init__(
        self, corners: np.ndarray, left: float, right: float, above: float, below: float
    ) -> None:
        self.origin = corners.mean(axis=0)
        self.axis = (corners[1] - corners[0]) / np.linalg.norm(corners[1] - corners[0])
        box = self.origin + np.array([(-left, -above), (right, below)])
        box = np.round((box - HEAD_BOX[:2]) * TEXTURE_SCALE).astype(int)
        limit = np.array(HEAD_BOX[2:]) * TEXTURE_SCALE
        (self.x0, self.y0), (self.x1, self.y1) = np.clip(box, 0, limit)
        columns, rows = np.meshgrid(np.arange(self.x0, self.x1), np.arange(self.y0, self.y1))
        x = (columns + 0.5) / TEXTURE_SCALE - 0.5 + HEAD_BOX[0] - self.origin[0]
        y = (rows + 0.5) / TEXTURE_SCALE - 0.5 + HEAD_BOX[1] - self.origin[1]
        self.along = (x * self.axis[0] + y * self.axis[1]).astype(np.float32)
        self.across = (y * self.axis[0] - x * self.axis[1]).astype(np.float32)
        self.columns, self.rows = columns.astype(np.float32), rows.astype(np.float32)

    @property
    def window(self) -> tuple[slice, slice]:
        """Where the patch lies in the texture."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def local(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates along and across of points of the photograph."""
        x, y = (points - self.origin).T
        return x * self.axis[0] + y * self.axis[1], y * self.axis[0] - x * self.axis[1]

    def line(self, points: np.ndarray) -> np.ndarray:
        """Height across of a line through points, at every pixel; level outside its ends."""
        along, across = self.local(points)
        fine = np.linspace(along[0], along[-1], 200)
        curve = np.interp(fine, along, across)
        curve = cv2.GaussianBlur(curve[None], (0, 0), 5.0, borderType=cv2.BORDER_REPLICATE)[0]
        return np.interp(self.along, fine, curve).astype(np.float32)

    def shifted(self, texture: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Texture pixels that lie ``along`` and ``across`` (in photograph pixels) away."""
        x = self.columns + (along * self.axis[0] - across * self.axis[1]) * TEXTURE_SCALE
        y = self.rows + (along * self.axis[1] + across * self.axis[0]) * TEXTURE_SCALE
        x, y = x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)
        return cv2.remap(texture, x, y, cv2.INTER_LINEAR)


class _Eye:
    """One eye."""

    def __init__(
        self, landmarks: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...], pupil: int
    ) -> None:
        points = landmarks[:, :2]
        self.iod = float(np.linalg.norm(points[473] - points[468]))
        corners = points[[upper[0], upper[-1]]]
        reach = 0.36 * self.iod
        self.patch = _Patch(corners, reach, reach, reach, reach)
        self.upper = self.patch.line(points[list(upper)])
        self.lower = np.maximum(self.patch.line(points[list(lower)]), self.upper)
        pupil_along, _ = self.patch.local(points[[pupil]])
        half = np.linalg.norm(corners[1] - corners[0]) / 2
        from_pupil = (self.patch.along - pupil_along[0]) / (half * 0.9)
        self.gaze_weight = np.clip(1 - from_pupil**2, 0, 1).astype(np.float32) ** 2

    def draw(self, rest: np.ndarray, texture: np.ndarray, closure: float, gaze: float) -> None:
        """Redraw the eye in ``texture`` from ``rest``."""
        if closure == 0 and gaze == 0:
            return
        across, lashes, fold = self.patch.across, _LASHES * self.iod, _LID_FOLD * self.iod
        opening = self.lower - self.upper
        rise = 0.12 * closure * opening
        drop = closure * 0.90 * opening
        lid, floor = self.upper + drop, self.lower - rise

        # Lid: lashes move as one, the skin from them up to the fold is stretched.
        above = lid - across
        skin = np.maximum(fold - lashes, 1e-3)
        stretch = np.clip((fold + drop - above) / (skin + drop), 0.0, 1.0)
        source = np.where(above < 0, 0.0, -drop * stretch)
        # Lower lid: the same, the other way up.
        below = across - floor
        source = np.where(below > 0, rise * np.clip(1 - below / fold, 0, 1), source)
        eyeball = (above < 0) & (below <= 0)
        sideways = np.where(eyeball, -gaze * _GAZE_REACH * self.iod * self.gaze_weight, 0.0)
        texture[self.patch.window] = self.patch.shifted(rest, sideways, source)


class _Mouth:
    """Lips, chin and what is seen between the lips."""

    def __init__(self, landmarks: np.ndarray) -> None:
        points = landmarks[:, :2]
        self.iod = float(np.linalg.norm(points[473] - points[468]))
        corners = points[[_UPPER_LIP[0], _UPPER_LIP[-1]]]
        self.patch = _Patch(corners, 1.5 * self.iod, 1.5 * self.iod, 0.2 * self.iod, 2.0 * self.iod)
        self.upper = self.patch.line(points[list(_UPPER_LIP)])
        self.lower = np.maximum(self.patch.line(points[list(_LOWER_LIP)]), self.upper)
        half = np.linalg.norm(corners[1] - corners[0]) / 2
        self.lip_share = np.sqrt(np.clip(1 - (self.patch.along / half) ** 2, 0, 1))
        self.jaw_share = np.exp(-((self.patch.along / (0.85 * self.iod)) ** 4))
        self.gap = float((self.lower - self.upper).max())

    def draw(self, rest: np.ndarray, texture: np.ndarray, opening: float) -> None:
        """Redraw mouth and jaw in ``texture`` from ``rest``."""
        across = self.patch.across
        travel = opening * _JAW_DROP * self.iod - (1 - opening) * (1 - _LIPS_CLOSED) * self.gap
        if travel >= 0:
            lip = self.lower + travel * self.lip_share
        else:
            lip = self.lower + travel / self.gap * (self.lower - self.upper)
        below = across - lip
        reach = 0.35 * self.iod + 1.6 * max(travel, 0.0)
        jaw = _smoothstep(below / reach)
        moved = (lip - self.lower) * (1 - jaw) + travel * self.jaw_share * jaw
        source = np.where(below >= 0, -moved, 0.0)
        drawn = self.patch.shifted(rest, 0.0, source)

        inside = (across > self.upper) & (below < 0) & (self.lip_share > 0)
        cavity = np.where(inside, _smoothstep((across - self.lower + 2.0) / 2.0), 0.0)[..., None]
        tongue = _smoothstep(1 + below / (0.22 * self.iod))[..., None]
        colour = np.array(_CAVITY_RGB) * (1 - tongue) + np.array(_TONGUE_RGB) * tongue
        drawn[..., :3] = np.round(drawn[..., :3] * (1 - cavity) + colour * cavity)
        texture[self.patch.window] = drawn


class ExpressiveHead:
    """The head's texture with eyelids, gaze and jaw that can be moved.

    Parameters
    ----------
    subject : Subject
        Whose head.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._rest = subject.head
        self._eyes = [_Eye(subject.landmarks, *lines) for lines in (_RIGHT_EYE, _LEFT_EYE)]
        self._mouth = _Mouth(subject.landmarks)

    def texture(self, state: State) -> np.ndarray:
        """Texture of the head, like ``Subject.head``, with the expression of ``state``."""
        texture = self._rest.copy()
        for eye in self._eyes:
            eye.draw(self._rest, texture, state.eye_closure, state.gaze_right)
        self._mouth.draw(self._rest, texture, state.mouth_opening)
        return texture

    def inner_face(self, edge_iod: float) -> np.ndarray:
        """Region from the brows to below the lower lip, over the head's texture.

        Parameters
        ----------
        edge_iod : float
            Standard deviation of the blur of its edge, in distances between the pupils.

        Returns
        -------
        numpy.ndarray
            ``(h, w)`` float32 in [0, 1].
        """
        corners = self._subject.landmarks[list(_INNER_FACE), :2]
        hull = cv2.convexHull(((corners - HEAD_BOX[:2] + 0.5) * TEXTURE_SCALE).astype(np.float32))
        region = np.zeros(self._rest.shape[:2], np.uint8)
        cv2.fillConvexPoly(region, np.round(hull).astype(np.int32), 255)
        sigma = max(edge_iod * self._subject.interocular_px * TEXTURE_SCALE, 0.5)
        return cv2.GaussianBlur(region, (0, 0), sigma).astype(np.float32) / 255
