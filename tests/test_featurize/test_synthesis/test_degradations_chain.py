import subprocess
import sys
from collections import Counter

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.synthesis import SynthesisError
from featurize.synthesis.degradations import DEGRADATIONS, STRENGTHS, Chain, Encoder, Film
from tests.test_featurize.test_synthesis.degradation_films import panned

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed):
    return Chain.drawn(np.random.default_rng(seed))


def size_and_times(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return frames[0].width, frames[0].height, [frame.time for frame in frames]


@given(SEEDS)
def test_the_same_generator_draws_the_same_chain(seed):
    assert drawn(seed) == drawn(seed)
    assert drawn(seed).description == drawn(seed).description


@given(SEEDS)
def test_a_description_says_what_happens(seed):
    chain = drawn(seed)
    *steps, last = chain.description.replace("+", " ").split(" ")
    assert [tuple(step.split(":")) for step in steps] == [
        (step.name, str(step.strength)) for step in chain.steps
    ]
    assert last.startswith(f"{chain.encoder.codec}-")
    assert all(name.partition(":")[0] in DEGRADATIONS for name in steps)


def test_most_chains_are_mild_and_end_in_h264():
    chains = [drawn(seed) for seed in range(2000)]
    last = Counter(chain.encoder.codec for chain in chains)
    assert last["h264"] > 0.75 * len(chains)
    assert set(last) == {"h264", "h265", "vp9", "mpeg4"}
    assert all(15 <= c.encoder.quality <= 40 for c in chains if c.encoder.codec == "h264")
    hard = [any(step.strength == 3 for step in chain.steps) for chain in chains]
    assert 0.02 < np.mean(hard) < 0.2
    assert np.mean([len(chain.steps) for chain in chains]) < 2.5
    # Whatever a detector is judged on, a trained one has met.
    used = {step.name for chain in chains for step in chain.steps}
    assert used == set(DEGRADATIONS) - {"double-compression"}


@pytest.mark.parametrize("seed", range(12))
def test_a_written_film_has_even_sides_and_big_faces(tmp_path, seed):
    chain = drawn(seed)
    chain.write(tmp_path / "film.mp4", panned(8, width=256, height=256), seed)
    width, height, times = size_and_times(tmp_path / "film.mp4")
    assert width % 2 == height % 2 == 0
    hard = any(step.strength == 3 for step in chain.steps)
    assert min(width, height) >= (128 if hard else 192)
    assert abs(times[-1] - times[0] - 7 / 25) <= 1 / 10


def test_the_same_seeds_are_the_same_bytes_in_another_process(tmp_path):
    script = (
        "import sys, numpy as np\n"
        "from featurize.synthesis.degradations import Chain\n"
        "from tests.test_featurize.test_synthesis.degradation_films import panned\n"
        "for seed in range(4):\n"
        "    chain = Chain.drawn(np.random.default_rng(seed))\n"
        "    chain.write(f'{sys.argv[1]}/other{seed}.mp4', panned(10), seed)\n"
    )
    for seed in range(4):
        drawn(seed).write(tmp_path / f"{seed}.mp4", panned(10), seed)
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    for seed in range(4):
        here, there = (tmp_path / f"{name}.mp4" for name in (seed, f"other{seed}"))
        assert here.read_bytes() == there.read_bytes(), drawn(seed).description


def test_another_seed_is_another_noise(tmp_path):
    chain = Chain.single("noise", 3, np.random.default_rng(0))
    for seed in (0, 1):
        chain.write(tmp_path / f"{seed}.mp4", panned(3), seed)
    assert (tmp_path / "0.mp4").read_bytes() != (tmp_path / "1.mp4").read_bytes()


def test_steps_of_one_chain_have_seeds_of_their_own():
    noise = DEGRADATIONS["noise"](1, "gaussian", 3.0, True)
    film = Film(np.full((1, 64, 64, 3), 127, np.uint8), np.zeros(1))
    noisy = next(iter(Chain((noise, noise)).film(film, 0))).astype(float)
    # The same noise twice would have twice the deviation, not sqrt(2) times.
    assert noisy.std() == pytest.approx(3 * np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_single_degradations_end_well_encoded(tmp_path, name, strength):
    chain = Chain.single(name, strength, np.random.default_rng(1))
    assert chain.description == f"{name}:{strength} h264-crf18"
    film = panned(5)
    chain.write(tmp_path / "film.mp4", film, 0)
    before = np.array(list(chain.film(film, 0)), np.float32)
    with av.open(str(tmp_path / "film.mp4")) as container:
        after = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert np.shape(after) == before.shape
    # The good encoder loses little of the degraded film; of noise, at the last strength, most.
    assert 10 * np.log10(255**2 / np.mean((after - before) ** 2)) > 26


def test_an_encoder_that_fails_says_so_in_a_sentence(tmp_path):
    """x265 takes no pictures of 8 x 8 pixels; that a disk is full is another matter."""
    film = Film(np.zeros((2, 8, 8, 3), np.uint8), np.arange(2) / 25)
    with pytest.raises(SynthesisError, match="The encoder libx265 failed"):
        Chain(encoder=Encoder("h265", 26)).write(tmp_path / "film.mp4", film, 0)
    with pytest.raises(OSError, match="No such file"):
        Chain().write(tmp_path / "nowhere" / "film.mp4", panned(3), 0)


def test_nothing_but_an_encoder():
    assert Chain().description == "h264-crf18"
    assert Chain(encoder=Encoder("mpeg4", 5)).description == "mpeg4-q5"


def test_unknown_names_are_refused_with_those_that_there_are():
    with pytest.raises(SynthesisError, match="no degradation 'rain'; there are h264, h265"):
        Chain.single("rain", 1, np.random.default_rng(0))


def test_a_film_with_odd_sides_is_refused(tmp_path):
    with pytest.raises(SynthesisError, match="even"):
        Chain().write(tmp_path / "film.mp4", panned(3, width=95), 0)
