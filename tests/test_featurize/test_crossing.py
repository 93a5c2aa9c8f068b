"""Two real faces that cross, from pixels to tracks, with the networks that ship."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from featurize.frame import Frame
from featurize.landmarks.mediapipe478.backend import MediaPipeBackend
from featurize.landmarks.people.following import Follower
from featurize.landmarks.people.identity import embed_faces
from featurize.landmarks.people.tracking import FaceLinker
from featurize.synthesis import Performer, State
from featurize.types import LandmarkTrack
from tests.test_featurize.stage import smooth_noise

SIZE_PX = (640, 360)


@dataclass(frozen=True)
class Portrait:
    """A head cut out of a picture: where its face is there, and where it is on stage over time."""

    rgb: np.ndarray
    face_middle_px: tuple[float, float]
    face_width_px: float
    x: Callable[[float], float]
    width_px: float = 110.0
    y: float = 180.0

    def over(self, picture: np.ndarray, time_s: float) -> None:
        """Draw the head into a picture, swaying a little."""
        scale = self.width_px / self.face_width_px
        turn = cv2.getRotationMatrix2D(self.face_middle_px, 4 * np.sin(3 * time_s), scale)
        turn[:, 2] += np.array([self.x(time_s), self.y]) - self.face_middle_px
        head = cv2.warpAffine(self.rgb, turn, SIZE_PX, flags=cv2.INTER_AREA)
        mask = np.zeros((SIZE_PX[1], SIZE_PX[0], 1), np.float32)
        centre = (round(self.x(time_s)), round(self.y))
        axes = (round(0.75 * self.width_px), round(0.95 * self.width_px))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1.0, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 2)[..., None]
        picture[:] = np.round(picture * (1 - mask) + head * mask).astype(np.uint8)


def film(portraits: list[Portrait], times_s: np.ndarray) -> Iterator[Frame]:
    """The last portrait is in front."""
    backdrop = np.repeat(smooth_noise(5, SIZE_PX, 6)[..., None] * 180, 3, axis=2).astype(np.uint8)
    for number, time_s in enumerate(times_s):
        picture = backdrop.copy()
        for portrait in portraits:
            portrait.over(picture, float(time_s))
        yield Frame(number, float(time_s), picture)


def tracks_of(frames: Iterator[Frame]) -> list[LandmarkTrack]:
    with MediaPipeBackend() as backend, FaceLinker(backend.schema, embed_faces) as linker:
        follower = Follower(backend, max_faces=3)
        for frame in frames:
            linker.add(frame, follower.update(frame))
        return linker.tracks()


def whose(track: LandmarkTrack, portraits: list[Portrait]) -> np.ndarray:
    """Number of the portrait that is nearest in each frame with a face."""
    x = track.points_px[track.present, :, 0]
    middle = (np.nanmin(x, axis=1) + np.nanmax(x, axis=1))[:, None] / 2
    script = np.array([[p.x(float(t)) for p in portraits] for t in track.time_s[track.present]])
    away = np.abs(middle - script)
    assert away.min(axis=1).max() < 40, "a face where none is"
    return np.argmin(away, axis=1)


def astronaut_at(x: Callable[[float], float]) -> Portrait:
    return Portrait(astronaut(), (224.0, 112.0), 86.0, x)


def grace_hopper_at(x: Callable[[float], float]) -> Portrait:
    cbook = pytest.importorskip("matplotlib.cbook")
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        data = np.frombuffer(file.read(), np.uint8)
    photograph = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return Portrait(photograph, (258.0, 218.0), 160.0, x)


def performer_at(x: Callable[[float], float], identity_seed: int) -> Portrait:
    picture = Performer(320, identity_seed).render(State())
    return Portrait(picture, (160.0, 146.0), 104.0, x)


def assert_nobody_is_taken_for_another(tracks: list[LandmarkTrack], cast: list[Portrait]) -> None:
    for track in tracks:
        # Where one is right behind the other, the nearest is a matter of a few pixels.
        way = np.array([cast[0].x(t) - cast[1].x(t) for t in track.time_s[track.present]])
        assert len(set(whose(track, cast)[np.abs(way) > 20].tolist())) == 1


@pytest.mark.parametrize("in_front", [0, 1])
def test_two_people_who_cross_stay_themselves(in_front: int) -> None:
    cast = [astronaut_at(lambda t: 140 + 120 * t), grace_hopper_at(lambda t: 500 - 120 * t)]
    tracks = tracks_of(film(cast if in_front else cast[::-1], np.arange(75) / 25))
    assert len(tracks) == 2
    assert_nobody_is_taken_for_another(tracks, cast)
    for track in tracks:
        assert track.present[:20].all()
        assert track.present[-20:].all()
    # Whoever is in front is seen all the time but where it could not be told who it is.
    assert max(track.present.mean() for track in tracks) > 0.9


def test_two_whom_the_embedding_takes_for_one_person_are_not_mixed() -> None:
    # Scripted people are made of one photograph: their embeddings are 0.2 to 0.3 apart.
    cast = [
        performer_at(lambda t: 140 + 120 * t, identity_seed=1),
        performer_at(lambda t: 500 - 120 * t, identity_seed=2),
    ]
    tracks = tracks_of(film(cast, np.arange(75) / 25))
    assert len(tracks) >= 2
    assert_nobody_is_taken_for_another(tracks, cast)
    assert sum(track.present[:20].all() for track in tracks) == 2


def test_two_people_in_shot_and_countershot() -> None:
    cast = [astronaut_at(lambda _: 250), grace_hopper_at(lambda _: 380)]

    def shots() -> Iterator[Frame]:
        for number in range(100):
            (frame,) = film([cast[number // 25 % 2]], np.array([number / 25]))
            yield Frame(number, number / 25, frame.rgb)

    tracks = tracks_of(shots())
    assert len(tracks) == 2
    for track in tracks:
        assert len(set(whose(track, cast).tolist())) == 1
        assert track.present.sum() >= 48
