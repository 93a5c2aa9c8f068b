"""Scene cuts: found where two shots are joined, and nowhere else."""

from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from featurize.frame import Frame
from featurize.landmarks.people.cuts import DISSOLVE_STEPS_S, CutDetector
from tests.test_featurize.stage import smooth_noise

FPS = 25


def shot(seed: int, n_frames: int = 50, pan_px: float = 0.0) -> list[np.ndarray]:
    """A room with a disc that moves in it; the camera pans by so many pixels a frame."""
    width = 320 + int(abs(pan_px) * n_frames) + 1
    room = smooth_noise(seed, (width, 180), 9) * 190
    pictures = []
    for number in range(n_frames):
        start = int(abs(pan_px) * number)
        picture = room[:, start : start + 320].copy()
        cv2.circle(picture, (120 + number, 90), 30, 220, -1)
        pictures.append(picture)
    return pictures


def cuts(pictures: Iterable[np.ndarray], fps: float = FPS) -> list[int]:
    detector = CutDetector()
    found = []
    for number, picture in enumerate(pictures):
        grey = np.clip(np.round(picture), 0, 255).astype(np.uint8)
        if detector.update(Frame(number, number / fps, np.repeat(grey[..., None], 3, axis=2))):
            found.append(number)
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pan_px", [0.0, 6.0])
def test_cuts_are_where_shots_are_joined(seed: int, pan_px: float) -> None:
    shots = [shot(10 * seed + number, pan_px=pan_px) for number in range(4)]
    assert cuts(picture for part in shots for picture in part) == [50, 100, 150]


@pytest.mark.parametrize("pan_px", [0.0, 3.0, 6.0])
def test_none_within_a_shot(pan_px: float) -> None:
    assert cuts(shot(1, 100, pan_px)) == []


def test_a_cut_every_second_at_any_frame_rate() -> None:
    for fps in (5, 12, 30):
        pictures = [picture for seed in range(6) for picture in shot(seed, fps)]
        assert cuts(pictures, fps) == [fps * number for number in range(1, 6)]


def test_a_picture_that_becomes_brighter_is_none() -> None:
    for gain in (0.5, 1.15):
        lit = [picture * (gain if 20 <= n < 24 else 1) for n, picture in enumerate(shot(2))]
        assert cuts(lit) == []


def test_a_fade_to_black_and_back_is_none() -> None:
    still = shot(3, 1)[0]
    faded = [still * min(1.0, abs(n - 30) / 10) for n in range(60)]
    assert cuts(faded) == []


def test_another_shot_behind_black_is_one() -> None:
    black = [np.zeros((180, 320))] * 10
    assert cuts([*shot(4), *black, *shot(5)]) == [60]


def test_black_between_parts_of_one_shot_is_none() -> None:
    still = shot(4, 1)
    assert cuts([*still * 20, *[np.zeros((180, 320))] * 10, *still * 20]) == []


@pytest.mark.parametrize("duration_s", [0.4, 0.6, 1.0])
def test_a_dissolve_is_one_change_near_its_middle(duration_s: float) -> None:
    first, second = shot(6, 75), shot(7, 75)
    shares = [np.clip((n / FPS - 1) / duration_s, 0, 1) for n in range(75)]
    mixed = [a * (1 - w) + b * w for a, b, w in zip(first, second, shares, strict=True)]
    found = cuts(mixed)
    assert found
    assert all(1 < n / FPS < 1 + duration_s + 2 * DISSOLVE_STEPS_S[-1] for n in found)
    middle_s = 1 + duration_s / 2
    assert abs(found[0] / FPS - middle_s) <= DISSOLVE_STEPS_S[0] + 2 / FPS


def test_nothing_but_black_or_one_picture() -> None:
    assert cuts([np.zeros((180, 320))] * 20) == []
    assert cuts(shot(8, 1)) == []


@pytest.mark.parametrize("size_px", [(64, 36), (16, 16), (2, 300)])
def test_any_size(size_px: tuple[int, int]) -> None:
    pictures = [cv2.resize(p, size_px) for p in (*shot(9, 10), *shot(10, 10))]
    assert set(cuts(pictures)) <= {10}
