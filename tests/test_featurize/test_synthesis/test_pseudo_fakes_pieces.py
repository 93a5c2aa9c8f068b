"""Which stretch of a video is worked on, and how it comes into memory."""

import cv2
import numpy as np
import pytest

from featurize.synthesis import Performer, random_script, write_video
from featurize.synthesis.pseudo_fakes.piece import (
    FaceTooSmallError,
    SceneCutsError,
    load_piece,
)

FPS = 10.0
SIZE_PX = 192


def test_pieces_are_upright_even_and_not_larger_than_needed(tmp_path):
    times_s = np.arange(26) / FPS
    performer, script = Performer(SIZE_PX, 1), random_script(1, 3.0)
    small = [performer.frame(script, time_s) for time_s in times_s]
    large = (cv2.resize(rgb, (1344, 1344), interpolation=cv2.INTER_CUBIC) for rgb in small)
    write_video(tmp_path / "large.mp4", large, times_s)
    write_video(tmp_path / "small.mp4", small, times_s)
    turned = (np.rot90(rgb, 1) for rgb in small)
    write_video(tmp_path / "turned.mp4", turned, times_s, rotation_deg=270)
    plain = load_piece(tmp_path / "small.mp4", 0.5, 5.2, None)
    scaled = load_piece(tmp_path / "large.mp4", 0.5, 5.2, None)
    upright = load_piece(tmp_path / "turned.mp4", 0.5, 5.2, None)
    assert plain.size_px == upright.size_px == (SIZE_PX, SIZE_PX)
    assert scaled.size_px == (1280, 1280)
    assert plain.n_frames == scaled.n_frames == 26
    factor = 1280 / SIZE_PX
    for clip, times in ((scaled, factor), (upright, 1.0)):
        apart_px = np.abs(clip.points_px / times - plain.points_px)
        assert np.nanmedian(apart_px) < 0.01 * SIZE_PX
    assert np.abs(np.float32(upright.frames) - plain.frames).mean() < 4


@pytest.mark.parametrize("start", [0.0, 0.5, 0.999])
def test_a_piece_begins_in_its_share_of_the_clip_and_shows_what_was_there(tmp_path, start):
    times_s = 0.1 + np.arange(40) / FPS
    performer, script = Performer(SIZE_PX, 2), random_script(2, 4.2)
    frames = [performer.frame(script, time_s) for time_s in times_s]
    for number, rgb in enumerate(frames):
        rgb[:16, : 4 * (number + 1)] = 255  # each picture shows its number
        rgb[:16, 4 * (number + 1) :] = 0
    write_video(tmp_path / "clip.mp4", frames, times_s, crf=5)
    clip = load_piece(tmp_path / "clip.mp4", start, 2.5, None)
    assert clip.n_frames == 25
    assert clip.time_s == pytest.approx(np.arange(25) / FPS, abs=1e-3)
    shown = np.round((clip.frames[:, 8, :, 1] > 127).sum(axis=1) / 4) - 1
    first = int(start * 16)  # of 40 frames 16 can be the first of 25
    np.testing.assert_array_equal(shown, first + np.arange(25))


def test_a_face_too_small_for_a_manipulation_to_be_seen_is_refused(tmp_path):
    times_s = np.arange(26) / FPS
    performer, script = Performer(SIZE_PX, 1), random_script(1, 3.0)
    frames = np.full((26, 128, 128, 3), 90, np.uint8)
    for whole, time_s in zip(frames, times_s, strict=True):
        rgb = performer.frame(script, time_s)
        whole[40:88, 40:88] = cv2.resize(rgb, (48, 48), interpolation=cv2.INTER_AREA)
    write_video(tmp_path / "small.mp4", frames, times_s)
    with pytest.raises(FaceTooSmallError, match="pixels apart") as refused:
        load_piece(tmp_path / "small.mp4", 0.0, 5.2, None)
    assert refused.value.status == "face_too_small"


def test_a_piece_is_where_the_face_is(tmp_path):
    """Of 6 s the face is there from 2.5 s on: pieces that show it in less than half are not."""
    times_s = np.arange(60) / FPS
    performer, script = Performer(SIZE_PX, 1), random_script(1, 6.0)
    empty = np.full((SIZE_PX, SIZE_PX, 3), 90, np.uint8)
    frames = (empty if t < 2.45 else performer.frame(script, t) for t in times_s)
    write_video(tmp_path / "late.mp4", frames, times_s)
    for start in (0.0, 0.999):
        clip = load_piece(tmp_path / "late.mp4", start, 2.5, tmp_path / "store")
        shows = (clip.frames[:, ::8, ::8].std(axis=(1, 2, 3)) > 5).mean()
        assert clip.n_frames == 25
        assert clip.shown.mean() >= 0.5
        assert shows == (1.0 if start else pytest.approx(0.5, abs=0.1))


def shots_of(lengths):
    """Shots of two people in turn, on backgrounds of their own, each picture with its shot."""
    frames, now = [], 0
    scripts = [(Performer(SIZE_PX, person), random_script(person, 8.0)) for person in (1, 2)]
    grounds = np.random.default_rng(0).integers(0, 255, (len(lengths), 6, 6, 3), np.uint8)
    for shot, length in enumerate(lengths):
        performer, script = scripts[shot % 2]
        ground = cv2.resize(grounds[shot], (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC)
        for _ in range(length):
            rgb = performer.frame(script, now / FPS)
            rgb[: SIZE_PX // 3] = rgb[: SIZE_PX // 3] // 3 + ground[: SIZE_PX // 3] // 3 * 2
            rgb[:16] = 10 + 60 * shot
            frames.append(rgb)
            now += 1
    return frames


def shots_shown(clip):
    return set(np.round((clip.frames[:, 6, 40].mean(axis=1) - 10) / 60).astype(int))


def test_a_piece_is_of_one_shot(tmp_path):
    frames = shots_of((34, 34, 34))
    write_video(tmp_path / "film.mp4", frames, np.arange(len(frames)) / FPS, crf=5)
    shots = []
    for start in (0.0, 0.3, 0.6, 0.999):
        clip = load_piece(tmp_path / "film.mp4", start, 2.5, tmp_path / "store")
        assert clip.n_frames == 25
        shots.append(shots_shown(clip))
    assert all(len(shown) == 1 for shown in shots)
    assert set.union(*shots) == {0, 1, 2}


def test_where_no_shot_is_long_enough_the_longest_is_the_piece(tmp_path):
    frames = shots_of((20, 38, 30))
    write_video(tmp_path / "film.mp4", frames, np.arange(len(frames)) / FPS, crf=5)
    for start in (0.0, 0.9):
        clip = load_piece(tmp_path / "film.mp4", start, 5.2, tmp_path / "store")
        assert shots_shown(clip) == {1}
        # The end is left out: were it a dissolve, it would show what comes.
        assert 32 <= clip.n_frames <= 35


def test_a_film_of_short_shots_is_refused(tmp_path):
    frames = shots_of((18, 18, 18, 18))
    write_video(tmp_path / "film.mp4", frames, np.arange(len(frames)) / FPS, crf=5)
    with pytest.raises(SceneCutsError, match=r"without a cut: leave it out") as refused:
        load_piece(tmp_path / "film.mp4", 0.5, 5.2, tmp_path / "store")
    assert refused.value.status == "scene_cuts"
