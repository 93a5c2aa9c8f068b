"""From a file to one track per person: they come and go, swap places, are cut to, turn away."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from featurize import extract_landmarks
from featurize.frame import Frame
from featurize.synthesis import Performer, Sampled, Script, State, write_video
from featurize.types import LandmarkTrack
from tests.test_featurize.stage import smooth_noise
from tests.test_featurize.test_crossing import (
    Portrait,
    astronaut_at,
    film,
    grace_hopper_at,
    performer_at,
    whose,
)
from tests.test_featurize.test_extraction import (
    FPS,
    differences_iod,
    landmarks_of,
    scaled,
    the_track,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("people")


def person(track: LandmarkTrack, cast: list[Portrait]) -> int:
    """The one of the cast who is followed; fails when there is another in any frame."""
    (number,) = set(whose(track, cast).tolist())
    return number


SIZE_PX = (480, 270)


def slid(portrait: np.ndarray, x_px: float) -> np.ndarray:
    """A portrait as high as the picture, its left edge at x, before clouds."""
    clouds = (smooth_noise(5, SIZE_PX, 6)[..., None] * 180).astype(np.uint8)
    picture = np.repeat(clouds, 3, axis=2)
    shift = np.array([[1.0, 0, x_px], [0, 1, 0]])
    cv2.warpAffine(portrait, shift, SIZE_PX, dst=picture, borderMode=cv2.BORDER_TRANSPARENT)
    return picture


def test_leaves_on_one_side_and_returns_on_the_other(folder) -> None:
    """One person, one track; right or missing while only part of the face is in the picture."""
    portrait = Performer(270).render(State())
    times_s = np.arange(115) / FPS
    x_px = np.interp(times_s, [0.4, 1.8, 1.81, 2.8, 4.2], [110, 400, -200, -200, 90])
    write_video(folder / "leaves.mp4", (slid(portrait, x) for x in x_px), times_s)
    track = the_track(folder / "leaves.mp4")
    here = landmarks_of(slid(portrait, 110))
    truth = here + (x_px - 110)[:, None, None] * np.array([1, 0, 0])
    low, high = truth[..., 0].min(axis=1), truth[..., 0].max(axis=1)
    inside = (np.clip(high, 0, SIZE_PX[0]) - np.clip(low, 0, SIZE_PX[0])) / (high - low)
    seen = track.present
    assert not seen[inside < 0.4].any()
    # Whoever comes in is found when it is next looked for, whoever goes is followed.
    searched = (times_s > 2.8) & (times_s < 3.8)
    assert seen[(inside > 0.7) & ~searched].all()
    assert seen[times_s >= 3.8].all()
    error = differences_iod(track.points_px[seen], truth[seen])
    assert np.median(error) < 0.01
    assert error.max() < 0.05
    assert (track.confidence[inside == 0] == 0).all()


def test_a_cut_every_second_between_two_people(folder) -> None:
    cast = [astronaut_at(lambda _: 280), grace_hopper_at(lambda _: 370)]
    times_s = np.arange(60) / 15
    shots: list[Frame] = []
    for second in range(4):
        shots += film([cast[second % 2]], times_s[15 * second : 15 * second + 15])
    write_video(folder / "cuts.mp4", [frame.rgb for frame in shots], times_s)
    tracks = extract_landmarks(folder / "cuts.mp4")
    assert sorted(person(track, cast) for track in tracks) == [0, 1]
    for track in tracks:
        mine = times_s.astype(int) % 2 == person(track, cast)
        assert not track.present[~mine].any()
        assert set(np.flatnonzero(mine & ~track.present)) <= {15, 30, 45}


def test_two_who_swap_places_from_one_frame_to_the_next(folder) -> None:
    cast = [
        astronaut_at(lambda t: 200 if t < 1.3 else 440),
        grace_hopper_at(lambda t: 440 if t < 1.3 else 200),
    ]
    times_s = np.arange(39) / 15
    write_video(folder / "swap.mp4", [f.rgb for f in film(cast, times_s)], times_s)
    tracks = extract_landmarks(folder / "swap.mp4", min_duration_s=0.5)
    assert {person(track, cast) for track in tracks} == {0, 1}
    # They may be joined over the swap or not, but each is somewhere in nearly every frame.
    for number in (0, 1):
        seen = np.any([t.present for t in tracks if person(t, cast) == number], axis=0)
        assert (~seen).sum() <= 2


def test_somebody_else_after_a_gap(folder) -> None:
    """At the same place, without a frame in between: nothing but the face tells."""
    cast = [astronaut_at(lambda _: 300), grace_hopper_at(lambda _: 340)]
    times_s = np.arange(30) / 15 + 4 * (np.arange(30) >= 15)
    shots = [*film(cast[:1], times_s[:15]), *film(cast[1:], times_s[15:])]
    write_video(folder / "gap.mp4", [frame.rgb for frame in shots], times_s)
    tracks = extract_landmarks(folder / "gap.mp4", min_duration_s=0.5)
    assert sorted(person(track, cast) for track in tracks) == [0, 1]
    for track in tracks:
        mine = (times_s > 4) == bool(person(track, cast))
        assert not track.present[~mine].any()
        # The first frame of the second may be left out, as after a cut.
        assert set(np.flatnonzero(mine & ~track.present)) <= {15}


def test_rows_of_little_confidence_have_no_points(folder) -> None:
    """A head that turns to profile and back is lost in between, and one track all the time."""
    performer = Performer(256)
    yaw_deg = Sampled((0.3, 1.0, 1.3, 2.0), (0.0, 65.0, 65.0, 0.0))
    script = Script(2.0, yaw_deg=yaw_deg)
    times_s = script.frame_times(FPS)
    frames = (performer.frame(script, float(time_s)) for time_s in times_s)
    write_video(folder / "profile.mp4", frames, times_s)
    track = the_track(folder / "profile.mp4")
    doubtful = track.confidence < 0.5
    turned = np.array([script.at(float(time_s)).yaw_deg for time_s in times_s])
    for name, values in track.arrays.items():
        assert name == "confidence" or np.isnan(values[doubtful]).all(), name
    assert track.present.tolist() == (~doubtful).tolist()
    assert doubtful[turned >= 60].all()
    assert not doubtful[turned <= 30].any()
    assert (track.confidence[doubtful] > 0).any(), "what is known of it is kept"


def test_a_small_distant_face(folder: Path) -> None:
    """Of 7.5 % of the height of the picture, walking."""
    portrait = Performer(320, identity_seed=3).render(State())
    large = landmarks_of(portrait)
    side_px = round(0.075 * 720 * 320 / np.ptp(large[:, 1]))
    small = cv2.resize(portrait, (side_px, side_px), interpolation=cv2.INTER_AREA)
    frames, truth = [], []
    for number in range(20):
        x, y = 200 + 10 * number, 400 - 5 * number
        frames.append(np.full((720, 1280, 3), 90, np.uint8))
        frames[-1][y : y + side_px, x : x + side_px] = small
        truth.append(scaled(large, side_px / 320) + np.array([x, y, 0]))
    write_video(folder / "distant.mp4", frames, np.arange(20) / FPS)
    track = the_track(folder / "distant.mp4")
    assert track.present.all()
    assert differences_iod(track.points_px, np.array(truth)).max() < 0.04


@pytest.fixture(scope="module")
def company(folder: Path) -> Path:
    """A large astronaut in the middle, Grace Hopper smaller at the side, another for 0.4 s."""
    times_s = np.arange(24) / 15
    three = [
        replace(astronaut_at(lambda t: 300 + 10 * t), width_px=130.0),
        replace(grace_hopper_at(lambda t: 90 + 5 * t), width_px=80.0),
        replace(performer_at(lambda _: 540, identity_seed=3), width_px=80.0),
    ]
    frames = [*film(three, times_s[:6]), *film(three[:2], times_s[6:])]
    write_video(folder / "company.mp4", [frame.rgb for frame in frames], times_s)
    return folder / "company.mp4"


@pytest.mark.parametrize(
    ("options", "expected_x_px"),
    [
        ({}, [310, 100]),
        ({"min_duration_s": 0.4}, [310, 100, 540]),
        ({"min_duration_s": 0.4, "max_faces": 2}, [310, 100]),
        ({"faces": "main", "min_duration_s": 0.4}, [310]),
        ({"max_faces": 1}, [310]),
        ({"min_duration_s": 60.0}, [310]),
        ({"backend": "dlib"}, [310, 100]),
    ],
    ids=str,
)
def test_who_is_followed(company, options, expected_x_px) -> None:
    tracks = extract_landmarks(company, **options)
    middles = [float(np.nanmedian(track.points_px[..., 0])) for track in tracks]
    assert middles == pytest.approx(expected_x_px, abs=20)
    assert all(track.present[1:].all() for track in tracks[:2])
    assert all(track.n_frames == 24 for track in tracks)
