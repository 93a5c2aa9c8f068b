from itertools import pairwise

import numpy as np
import pytest

from featurize.synthesis import (
    Blink,
    Constant,
    FaceSwapFaults,
    Performer,
    Script,
    State,
    SynthesisError,
    manipulated_frame,
    random_faults,
    random_script,
    rotation,
)

SIZE = 192


@pytest.fixture(scope="module")
def performer():
    return Performer(SIZE)


def difference(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max(axis=2)


@pytest.mark.parametrize("size_px", [64, 192, 320])
def test_frames_are_square_uint8_rgb(size_px):
    frame = Performer(size_px).frame(random_script(0, 1.0), 0.5)
    assert frame.shape == (size_px, size_px, 3)
    assert frame.dtype == np.uint8


@pytest.mark.parametrize("size_px", [0, 62, 321])
def test_sizes_that_cannot_be_encoded_or_tracked_are_refused(size_px):
    with pytest.raises(SynthesisError, match="size_px"):
        Performer(size_px)


def test_a_frame_depends_on_script_and_time_alone(performer):
    script = random_script(4, 2.0)
    forwards = [performer.frame(script, t) for t in (0.2, 0.7, 1.5)]
    other = Performer(SIZE)
    backwards = [other.frame(script, t) for t in (1.5, 0.7, 0.2)][::-1]
    np.testing.assert_array_equal(forwards, backwards)


def test_the_same_motion_at_any_frame_rate(performer):
    script = random_script(5, 2.0)
    times_24, times_60 = script.frame_times(24), script.frame_times(60)
    shared = np.intersect1d(np.round(times_24, 9), np.round(times_60, 9))
    assert len(shared) == 24
    at_24 = {round(t, 9): t for t in times_24}
    at_60 = {round(t, 9): t for t in times_60}
    for t in shared[:6]:
        np.testing.assert_array_equal(
            performer.frame(script, at_24[t]), performer.frame(script, at_60[t])
        )


def test_the_backdrop_stands_still(performer):
    script = random_script(6, 2.0)
    a, b = (performer.render(script.at(t)) for t in (0.1, 1.3))
    edge = SIZE // 12
    for side in (np.s_[:, :edge], np.s_[:, -edge:]):
        np.testing.assert_array_equal(a[side], b[side])
    assert difference(a, b).max() > 40


def test_the_head_leaves_no_ghost_behind(performer):
    # Far to the side, what was covered shows the smooth backdrop: no hair, no eyes, no skin.
    away = performer.render(State(shift_right_iod=2.0))
    middle = away[SIZE // 8 : SIZE // 2, SIZE // 3 : SIZE // 2].astype(float)
    assert middle.std(axis=(0, 1)).max() < 12


def test_blinking_changes_the_eyes_and_nothing_else(performer):
    script = Script(3.0, blinks=(Blink(1.0),))
    peak_s = script.blinks[0].peak_s
    changed = difference(
        performer.frame(script, peak_s), performer.frame(script.without_blinks(), peak_s)
    )
    rows, columns = np.nonzero(changed)
    assert changed.max() > 60
    assert rows.min() > 0.28 * SIZE
    assert rows.max() < 0.50 * SIZE
    assert columns.min() > 0.30 * SIZE
    assert columns.max() < 0.70 * SIZE


def test_deeper_blinks_cover_more_of_the_iris(performer):
    open_eye = performer.render(State())
    covered = [
        (difference(performer.render(State(eye_closure=depth)), open_eye) > 12).sum()
        for depth in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert covered[0] == 0
    assert np.all(np.diff(covered) > 0)


def test_rotation_signs_follow_the_house_rules():
    nose, crown = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    assert (rotation(20, 0, 0) @ nose)[0] == pytest.approx(np.sin(np.radians(20)))
    assert (rotation(0, 20, 0) @ nose)[1] == pytest.approx(np.sin(np.radians(20)))
    # The subject's left shoulder is at image right.
    assert (rotation(0, 0, 20) @ crown)[0] == pytest.approx(np.sin(np.radians(20)))
    turned = rotation(10, -5, 7)
    np.testing.assert_allclose(turned @ turned.T, np.eye(3), atol=1e-12)


def test_identities_differ_and_are_repeatable():
    state = State(yaw_deg=5)
    frames = [Performer(SIZE, seed).render(state) for seed in (None, 1, 2, 1)]
    np.testing.assert_array_equal(frames[1], frames[3])
    assert difference(frames[0], frames[1]).mean() > 5
    assert difference(frames[1], frames[2]).mean() > 5


def test_a_manipulated_frame_differs_only_inside_the_face(performer):
    script = Script(3.0, yaw_deg=Constant(10.0), blinks=(Blink(1.0),))
    faults = FaceSwapFaults(seed=3)
    for time_s in (0.0, 0.5, script.blinks[0].peak_s):
        authentic = performer.frame(script, time_s)
        changed = difference(authentic, manipulated_frame(performer, script, time_s, faults))
        reach = 2.0 * performer.interocular_px
        rows, columns = np.nonzero(changed)
        assert changed.max() > 10
        assert np.ptp(rows) < 2 * reach
        assert np.ptp(columns) < 2 * reach
        outside = changed.copy()
        outside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 0
        assert not outside.any()
        assert not changed[: SIZE // 5].any()
        assert not changed[-SIZE // 4 :].any()


def test_a_swapped_face_moves_against_its_place_and_does_so_repeatably(performer):
    script = Script(3.0)
    still = FaceSwapFaults(jitter_iod=0, jitter_rotation_deg=0, jitter_scale=0)
    shaky = FaceSwapFaults(seed=1)

    def moves(faults):
        frames = [manipulated_frame(performer, script, number / 25, faults) for number in range(9)]
        # Grain differs between the frames; a shift of the face is far stronger.
        return [np.percentile(difference(a, b), 99.5) for a, b in pairwise(frames)]

    assert np.median(moves(shaky)) > 2 * np.median(moves(still))
    assert min(moves(shaky)) > max(moves(still))
    np.testing.assert_array_equal(
        manipulated_frame(performer, script, 0.4, shaky),
        manipulated_frame(performer, script, 0.4, shaky),
    )


def test_a_swapped_face_is_softer_than_the_authentic_one(performer):
    script = Script(1.0)
    soft = FaceSwapFaults(
        jitter_iod=0,
        jitter_rotation_deg=0,
        jitter_scale=0,
        colour_shift=(0, 0, 0),
        face_resolution=12,
    )
    face = np.s_[int(0.35 * SIZE) : int(0.6 * SIZE), int(0.4 * SIZE) : int(0.6 * SIZE)]

    def detail(frame):
        grey = frame[face].mean(axis=2)
        return np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()

    authentic = performer.frame(script, 0.2)
    assert detail(manipulated_frame(performer, script, 0.2, soft)) < 0.75 * detail(authentic)


def test_a_swapped_face_blinks_only_if_it_is_to(performer):
    script = Script(3.0, blinks=(Blink(1.0),))

    def moved(time_s):
        blinking, staring = (
            manipulated_frame(performer, script, time_s, FaceSwapFaults(blinks=blinks))
            for blinks in (True, False)
        )
        return difference(blinking, staring)

    rows, _ = np.nonzero(moved(script.blinks[0].peak_s))
    assert moved(script.blinks[0].peak_s).max() > 60
    assert rows.min() > 0.28 * SIZE
    assert rows.max() < 0.50 * SIZE
    assert not moved(0.5).any()


def test_a_swapped_face_carries_no_grain(performer):
    script = Script(1.0)
    in_place = FaceSwapFaults(jitter_iod=0, jitter_rotation_deg=0, jitter_scale=0)
    a, b = (manipulated_frame(performer, script, t, in_place) for t in (0.2, 0.6))
    cheeks_and_nose = np.s_[
        int(0.42 * SIZE) : int(0.48 * SIZE), int(0.46 * SIZE) : int(0.54 * SIZE)
    ]
    assert not difference(a, b)[cheeks_and_nose].any()
    assert (difference(a, b)[: SIZE // 5] > 0).mean() > 0.5


def test_a_swap_is_coarse_by_default_and_finer_when_drawn():
    drawn = [random_faults(seed) for seed in range(200)]
    coarse = FaceSwapFaults()
    for name in ("jitter_iod", "jitter_rotation_deg", "jitter_scale"):
        assert max(getattr(faults, name) for faults in drawn) < getattr(coarse, name)
    assert not coarse.blinks
    assert 0.4 < np.mean([faults.blinks for faults in drawn]) < 0.6
    assert random_faults(3) == random_faults(3) != random_faults(4)
