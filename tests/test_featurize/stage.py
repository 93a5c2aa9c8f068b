"""A stage with actors whose place and identity are known, and a backend that sees them.

Actors are textured discs. The backend finds whom a real one would find: a face that is not hidden,
in a region that holds it; in a region that holds two, the one nearer to its middle. Who it was is
written into the z of the landmarks, so a track that mixes people gives itself away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import cv2
import numpy as np

from featurize.frame import Frame
from featurize.landmarks.detection import FaceDetection, Region
from featurize.landmarks.people.following import Follower, Sighting
from featurize.landmarks.people.tracking import FaceLinker
from featurize.landmarks.people.zoom import ZoomedPicture
from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.types import LandmarkTrack
from tests.test_featurize.tracks import neutral_face

SIZE_PX = (640, 360)
FPS = 25.0
REGION_PER_FACE = 1.5
HEAD_PER_FACE = 1.2
COLOURS = np.array(
    [(230, 60, 60), (60, 220, 60), (70, 70, 235), (225, 225, 50), (220, 60, 220), (50, 220, 220)]
)


def smooth_noise(seed: int, size_px: tuple[int, int], grain: int) -> np.ndarray:
    """Grey clouds in [0.35, 1]."""
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(rng.random((grain, grain)), size_px, interpolation=cv2.INTER_CUBIC)
    return 0.35 + 0.65 * np.clip(clouds, 0, 1)


@dataclass(frozen=True)
class Actor:
    """A disc on stage; a larger ``depth`` is further away. Functions of time in seconds."""

    identity: int
    x: Callable[[float], float]
    y: Callable[[float], float] = lambda _: 180.0
    width: float = 100.0
    on_stage: Callable[[float], bool] = lambda _: True
    depth: int = 0
    clear: Callable[[float], float] = lambda _: 1.0  # part of the confidence

    def hides(self, other: "Actor", time_s: float) -> bool:
        """Whether the middle of the other is covered by this one."""
        reach = HEAD_PER_FACE * self.width / 2
        return self.depth < other.depth and self.away_from(other, time_s) < reach

    def away_from(self, other: "Actor", time_s: float) -> float:
        """Distance of the middles."""
        return float(np.linalg.norm(self.place(time_s) - other.place(time_s)))

    def place(self, time_s: float) -> np.ndarray:
        return np.array([self.x(time_s), self.y(time_s)])


@dataclass
class Stage:
    """Actors in front of a backdrop: ``scene`` numbers it over time, None is a black picture."""

    actors: Sequence[Actor]
    scene: Callable[[float], int | None] = lambda _: 0
    size_px: tuple[int, int] = SIZE_PX
    _layers: dict = field(default_factory=dict)

    def frame(self, index: int, time_s: float) -> Frame:
        scene = self.scene(time_s)
        width, height = self.size_px
        if scene is None:
            return Frame(index, time_s, np.zeros((height, width, 3), np.uint8))
        if scene not in self._layers:
            grey = smooth_noise(1000 + scene, self.size_px, 5) * 200
            self._layers[scene] = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
        picture = self._layers[scene].copy()
        for actor in sorted(self.actors, key=lambda actor: -actor.depth):
            if actor.on_stage(time_s):
                self._draw(picture, actor, time_s)
        return Frame(index, time_s, picture)

    def _draw(self, picture: np.ndarray, actor: Actor, time_s: float) -> None:
        side = round(actor.width * HEAD_PER_FACE)
        key = (actor.identity, side)
        if key not in self._layers:
            clouds = smooth_noise(actor.identity, (side, side), 6)[..., None]
            self._layers[key] = (clouds * COLOURS[actor.identity]).astype(np.uint8)
        shift = np.array([[1, 0, actor.x(time_s) - side / 2], [0, 1, actor.y(time_s) - side / 2]])
        mask = np.zeros((side, side), np.uint8)
        cv2.circle(mask, (side // 2, side // 2), side // 2, 255, -1)
        there = cv2.warpAffine(mask, shift, self.size_px) > 127
        picture[there] = cv2.warpAffine(self._layers[key], shift, self.size_px)[there]

    def seen(self, time_s: float) -> list[Actor]:
        """Actors whose face could be found."""
        if self.scene(time_s) is None:
            return []
        shown = [actor for actor in self.actors if actor.on_stage(time_s)]
        return [
            actor
            for actor in shown
            if self._holds(actor, time_s) and not any(o.hides(actor, time_s) for o in shown)
        ]

    def _holds(self, actor: Actor, time_s: float) -> bool:
        width, height = self.size_px
        away = actor.width / 2
        inside_x = away < actor.x(time_s) < width - away
        return inside_x and away < actor.y(time_s) < height - away

    def visible_share(self, actor: Actor, time_s: float) -> float:
        """About how much of a face is not covered by others."""
        covered = [0.0]
        for other in self.actors:
            if other.on_stage(time_s) and other.depth < actor.depth:
                reach = (HEAD_PER_FACE * other.width + actor.width) / 2
                covered.append((reach - actor.away_from(other, time_s)) / actor.width)
        return float(np.clip(1 - max(covered), 0, 1))


FACE = neutral_face() * [1, -1, 1]
FACE = (FACE / np.ptp(FACE[:, 0])).astype(np.float32)


class StageBackend:
    """Sees the actors of a stage. Counts what it is asked for."""

    schema = MEDIAPIPE_478

    def __init__(self, stage: Stage, small_px: float = 40.0) -> None:
        self.stage = stage
        self.small_px = small_px
        self.searches: list[tuple[int, bool]] = []
        self.n_fits = 0
        self.n_zooms = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def search(self, frame: Frame, thorough: bool) -> list[Region]:
        zoomed = isinstance(frame.pixels, ZoomedPicture)
        if zoomed:
            self.n_zooms += 1
        else:
            self.searches.append((frame.index, thorough))
        to_frame = frame.pixels.to_frame if zoomed else np.eye(2, 3)
        found = []
        for actor in self.stage.seen(frame.time_s):
            scale = to_frame[0, 0]
            x, y = (actor.place(frame.time_s) - to_frame[:, 2]) / scale
            width = actor.width / scale
            is_inside = 0 < x < frame.size_px[0] and 0 < y < frame.size_px[1]
            if is_inside and (thorough or width >= self.small_px):
                found.append(Region((x, y), width * REGION_PER_FACE))
        return found

    def fit(self, frame: Frame, region: Region) -> FaceDetection | None:
        self.n_fits += 1

        def away(actor: Actor) -> float:
            return float(np.linalg.norm(actor.place(frame.time_s) - region.centre_px))

        held = [
            a
            for a in self.stage.seen(frame.time_s)
            if away(a) < 0.25 * region.side_px and 0.5 < a.width / region.side_px < 0.85
        ]
        if not held:
            return None
        actor = min(held, key=away)
        points = FACE * actor.width
        points[:, :2] += actor.place(frame.time_s)
        points[:, 2] = actor.identity
        visible = self.stage.visible_share(actor, frame.time_s) * actor.clear(frame.time_s)
        return FaceDetection(points, 0.9 * visible)

    def region_after(self, detection: FaceDetection) -> Region:
        left, top, right, bottom = detection.box_px
        centre = ((left + right) / 2, (top + bottom) / 2)
        return Region(centre, (right - left) * REGION_PER_FACE)


class Recogniser:
    """Embeds a chip by the colours in its middle; other colours are ``apart`` from it."""

    def __init__(self, apart: float = 0.8, noise: float = 0.02) -> None:
        self._apart = apart
        self._rng = np.random.default_rng(0)
        self._noise = noise
        self.n_embedded = 0

    def __call__(self, chips: np.ndarray) -> np.ndarray:
        self.n_embedded += len(chips)
        pixels = chips[:, 50:100:5, 50:100:5].reshape(len(chips), -1, 3)
        palette = COLOURS / np.linalg.norm(COLOURS, axis=1, keepdims=True)
        nearest = np.argmax(pixels @ palette.T, axis=2)
        shares = np.eye(len(COLOURS))[nearest].mean(axis=1)
        at = shares * self._apart / np.sqrt(2)
        return at + self._rng.normal(0, self._noise, at.shape)


def uniform_times(duration_s: float, fps: float = FPS) -> np.ndarray:
    return np.arange(round(duration_s * fps)) / fps


def follow(
    stage: Stage, times_s: Sequence[float], max_faces: int = 3
) -> tuple[list[list[Sighting]], StageBackend]:
    backend = StageBackend(stage)
    follower = Follower(backend, max_faces)
    return [follower.update(stage.frame(n, t)) for n, t in enumerate(times_s)], backend


def perform(
    stage: Stage,
    times_s: Sequence[float],
    recogniser: Recogniser | None = None,
    max_followed: int = 3,
    **options: object,
) -> list[LandmarkTrack]:
    """Film a stage, follow and link its faces."""
    follower = Follower(StageBackend(stage), max_followed)
    with FaceLinker(MEDIAPIPE_478, recogniser or Recogniser()) as linker:
        for number, time_s in enumerate(times_s):
            frame = stage.frame(number, float(time_s))
            linker.add(frame, follower.update(frame))
        return linker.tracks(**options)


def identities(track: LandmarkTrack) -> np.ndarray:
    """Who is seen in each frame; -1 for nobody."""
    return np.where(track.present, track.points_px[:, 0, 2], -1).astype(int)


def who(track: LandmarkTrack) -> int:
    """The one person of a track; fails when there is another in any frame."""
    found = set(identities(track).tolist()) - {-1}
    assert len(found) == 1, f"a track of {found}"
    return found.pop()
