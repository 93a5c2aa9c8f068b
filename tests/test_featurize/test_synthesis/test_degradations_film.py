import numpy as np
import pytest

from featurize.synthesis import SynthesisError
from featurize.synthesis.degradations import DEGRADATIONS, Film
from tests.test_featurize.test_synthesis.degradation_films import mse, numbered, panned

# These keep the picture as it is; what they do to its size and time has tests of its own.
KEEP_THE_PICTURE = {"enlarging", "letterbox", "frame-rate", "dropped-frames"}


@pytest.mark.parametrize(
    "time_s", [[], [0.0, 0.0], [0.1, 0.0], [-0.1, 0.0], [0.0, np.nan], [[0.0, 0.1]]]
)
def test_times_that_cannot_be(time_s):
    with pytest.raises(SynthesisError, match="time_s of a film must"):
        Film(np.zeros((2, 16, 16, 3), np.uint8), np.array(time_s))


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (np.zeros((2, 16, 16, 3), np.uint8), "3 times has 2 frames"),
        (np.zeros((4, 16, 16, 3), np.uint8), "3 times has more frames"),
        (np.zeros((3, 16, 16), np.uint8), "uint8"),
        (np.zeros((3, 16, 16, 3), np.float32), "uint8"),
        ([np.zeros((16, k, 3), np.uint8) for k in (16, 16, 18)], "one size"),
    ],
)
def test_frames_that_cannot_be(frames, sentence):
    with pytest.raises(SynthesisError, match=sentence):
        list(Film(frames, np.arange(3) / 25))


def test_a_film_lasts_until_its_last_picture_is_gone():
    assert numbered(50, fps=25).duration_s == pytest.approx(2.0)
    assert numbered(1).duration_s == pytest.approx(1 / 25)


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("strength", [0, 4, "2"])
def test_there_are_three_strengths(name, strength):
    with pytest.raises(SynthesisError, match="1, 2 or 3"):
        DEGRADATIONS[name].drawn(np.random.default_rng(0), strength)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_the_same_seeds_give_the_same_film(name):
    def degraded(drawn_by, seed):
        film = panned(30)
        kind = DEGRADATIONS[name].drawn(np.random.default_rng(drawn_by), 2)
        result = kind.film(film, seed)
        return kind, np.stack(list(result)), result.time_s

    kind, frames, time_s = degraded(5, 8)
    kind_again, frames_again, time_again_s = degraded(5, 8)
    assert kind == kind_again
    np.testing.assert_array_equal(frames, frames_again)
    np.testing.assert_array_equal(time_s, time_again_s)
    assert len(frames) == len(time_s)


@pytest.mark.parametrize("name", [name for name in DEGRADATIONS if name not in KEEP_THE_PICTURE])
def test_the_stronger_the_further_from_the_original(name):
    film = panned(6, width=240, height=240)
    original = np.stack(list(film))

    def error(strength):
        errors = []
        for seed in range(6):
            kind = DEGRADATIONS[name].drawn(np.random.default_rng(seed), strength)
            if name == "scaling":
                kind = type(kind)(strength, kind.factor, True, kind.interpolation)
            after = kind.film(film, seed)
            # Where frames were repeated, by the one on the screen at that time.
            shown = np.searchsorted(after.time_s, film.time_s + 1e-6, side="right") - 1
            errors.append(mse(np.stack(list(after))[shown], original))
        return np.mean(errors)

    mild, plain, hard = (error(strength) for strength in (1, 2, 3))
    assert 0 < mild < plain < hard


@pytest.mark.parametrize(
    "name", ["brightness", "noise", "blur", "occluder", "scaling", "letterbox"]
)
def test_pictures_come_one_by_one(name):
    read = []

    def camera():
        for k in range(50):
            read.append(k)
            yield np.full((64, 64, 3), 100, np.uint8)

    kind = DEGRADATIONS[name].drawn(np.random.default_rng(0), 1)
    degraded = iter(kind.film(Film(camera(), np.arange(50) / 25), 0))
    assert read == []
    next(degraded)
    assert len(read) <= 2


@pytest.mark.parametrize("name", ["noise", "occluder", "dropped-frames", "frame-rate", "colour"])
def test_what_is_in_the_picture_does_not_matter(name):
    authentic, manipulated = panned(40), panned(40)
    manipulated.frames[:, 20:40, 30:60] //= 2
    kind = DEGRADATIONS[name].drawn(np.random.default_rng(3), 3)
    one, other = kind.film(authentic, 4), kind.film(manipulated, 4)
    np.testing.assert_array_equal(one.time_s, other.time_s)
    one, other = np.stack(list(one)), np.stack(list(other))
    outside = np.ones(one.shape[1:3], bool)
    outside[20:40, 30:60] = False
    np.testing.assert_array_equal(one[:, outside], other[:, outside])
    assert mse(one, other) > 0


@pytest.mark.parametrize(
    "name", ["brightness", "noise", "occluder", "blur", "letterbox", "sharpen"]
)
def test_the_given_frames_are_left_as_they_are(name):
    film = panned()
    before = film.frames.copy()
    list(DEGRADATIONS[name].drawn(np.random.default_rng(1), 3).film(film, 1))
    np.testing.assert_array_equal(film.frames, before)
