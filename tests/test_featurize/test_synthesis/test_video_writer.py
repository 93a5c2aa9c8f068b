from fractions import Fraction

import av
import numpy as np
import pytest

from featurize.synthesis import SynthesisError, write_video


def grey_frames(count, height=64, width=96):
    return [np.full((height, width, 3), 20 + 30 * k, np.uint8) for k in range(count)]


def read(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [f.time for f in frames], [f.to_ndarray(format="rgb24") for f in frames], frames


@pytest.mark.parametrize("fps", [24, Fraction(30000, 1001), 60])
def test_times_come_back(tmp_path, fps):
    times = [float(k / Fraction(fps)) for k in range(7)]
    write_video(tmp_path / "clip.mp4", grey_frames(7), times)
    found, _, _ = read(tmp_path / "clip.mp4")
    np.testing.assert_allclose(found, times, atol=1e-5)


def test_uneven_times_come_back(tmp_path):
    times = [0.0, 0.040, 0.110, 0.125, 0.480, 0.500]
    write_video(tmp_path / "clip.mp4", grey_frames(6), times)
    found, _, _ = read(tmp_path / "clip.mp4")
    np.testing.assert_allclose(found, times, atol=1e-5)


def test_pictures_come_back_in_order_and_nearly_unchanged(tmp_path):
    frames = grey_frames(6)
    frames[2][:32, :48] = (250, 40, 40)
    write_video(tmp_path / "clip.mp4", frames, np.arange(6) / 25, crf=10)
    _, found, _ = read(tmp_path / "clip.mp4")
    for written, came_back in zip(frames, found, strict=True):
        assert np.abs(written.astype(int) - came_back).mean() < 4


def test_the_same_frames_are_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, grey_frames(6), np.arange(6) / 25)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_rotation_is_written(tmp_path, turn):
    write_video(tmp_path / "clip.mp4", grey_frames(3), np.arange(3) / 25, rotation_deg=turn)
    _, _, frames = read(tmp_path / "clip.mp4")
    assert frames[0].rotation % 360 == turn


def test_a_path_with_spaces_and_other_letters(tmp_path):
    path = tmp_path / "mein Gesicht Ω.mp4"
    write_video(path, grey_frames(3), np.arange(3) / 25)
    assert len(read(path)[0]) == 3


def test_a_single_frame(tmp_path):
    write_video(tmp_path / "clip.mp4", grey_frames(1), [0.0])
    assert read(tmp_path / "clip.mp4")[0] == [0.0]


@pytest.mark.parametrize("times", [[], [0.0, 0.0], [0.1, 0.0], [0.0, 1e-7]])
def test_times_that_do_not_increase_are_refused(tmp_path, times):
    with pytest.raises(SynthesisError, match="increase"):
        write_video(tmp_path / "clip.mp4", grey_frames(len(times)), times)


def test_odd_sides_are_refused(tmp_path):
    with pytest.raises(SynthesisError, match="even"):
        write_video(tmp_path / "clip.mp4", grey_frames(2, width=95), [0.0, 0.1])
