import tempfile

import av
import numpy as np
import pytest

from featurize.synthesis import SynthesisError
from featurize.synthesis.degradations import Encoder, Film
from featurize.synthesis.degradations import encoder as encoder_module
from featurize.synthesis.degradations.codecs import DoubleCompression
from featurize.synthesis.degradations.social_network import SocialNetwork
from tests.test_featurize.test_synthesis.degradation_films import mse, numbered, panned

CODECS = {"h264": ("h264", 23), "h265": ("hevc", 26), "vp9": ("vp9", 32), "mpeg4": ("mpeg4", 4)}


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
        return pictures, np.array([frame.time for frame in frames]), stream.codec_context


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("fps", [24, 30000 / 1001, 60])
def test_frames_sizes_and_times_come_back(tmp_path, codec, fps):
    name, quality = CODECS[codec]
    film = panned(12, width=98, height=66, fps=fps)
    Encoder(codec, quality).write(tmp_path / "film.mp4", film)
    pictures, time_s, context = decoded(tmp_path / "film.mp4")
    assert context.name == name
    assert pictures.shape == film.frames.shape
    np.testing.assert_allclose(time_s, film.time_s, atol=2e-5)
    assert mse(pictures, film.frames) < 100


@pytest.mark.parametrize("codec", CODECS)
def test_uneven_times_come_back(tmp_path, codec):
    time_s = np.array([0.0, 0.04, 0.11, 0.125, 0.48, 0.5])
    film = Film(panned(6).frames, time_s)
    Encoder(codec, CODECS[codec][1]).write(tmp_path / "film.mp4", film)
    np.testing.assert_allclose(decoded(tmp_path / "film.mp4")[1], time_s, atol=2e-5)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("width", "height"), [(96, 64), (250, 222)])
def test_the_same_film_is_the_same_bytes(tmp_path, codec, width, height):
    contents = set()
    for turn in range(3):
        Encoder(codec, CODECS[codec][1]).write(
            tmp_path / f"{turn}.mp4", panned(15, width=width, height=height)
        )
        contents.add((tmp_path / f"{turn}.mp4").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize("preset", ["superfast", "veryfast", "faster"])
@pytest.mark.parametrize("baseline", [True, False])
def test_each_preset_repeats_its_bytes(tmp_path, preset, baseline):
    encoder = Encoder("h264", 30, preset, baseline, keyframe_every=5)
    for name in ("a.mp4", "b.mp4"):
        encoder.write(tmp_path / name, panned(12))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    context = decoded(tmp_path / "a.mp4")[2]
    assert ("Baseline" in context.profile) == baseline


def test_key_frames_come_as_often_as_they_should(tmp_path):
    Encoder("h264", 23, keyframe_every=5).write(tmp_path / "film.mp4", panned(20))
    with av.open(str(tmp_path / "film.mp4")) as container:
        keys = [k for k, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    assert np.diff([*keys, 20]).max() <= 5


@pytest.mark.parametrize("codec", CODECS)
def test_a_lower_quality_is_worse_and_smaller(tmp_path, codec):
    film = panned(8)
    sizes, errors = [], []
    for quality in (4, 16, 30):
        Encoder(codec, quality).write(tmp_path / "film.mp4", film)
        sizes.append((tmp_path / "film.mp4").stat().st_size)
        errors.append(mse(decoded(tmp_path / "film.mp4")[0], film.frames))
    assert sizes[0] > sizes[1] > sizes[2]
    assert errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("codec", CODECS)
def test_through_a_file_and_back(tmp_path, codec):
    film = panned(9)
    encoder = Encoder(codec, CODECS[codec][1])
    encoder.write(tmp_path / "film.mp4", film)
    again = encoder.again(film)
    np.testing.assert_array_equal(again.time_s, film.time_s)
    np.testing.assert_array_equal(np.stack(list(again)), decoded(tmp_path / "film.mp4")[0])


@pytest.mark.parametrize("all_of_it", [True, False])
def test_the_temporary_file_goes(tmp_path, monkeypatch, all_of_it):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pictures = iter(Encoder("h264", 23).again(panned(9)))
    next(pictures)
    assert list(tmp_path.iterdir())
    if all_of_it:
        list(pictures)
    else:
        del pictures
    assert not list(tmp_path.iterdir())


def test_twice_is_worse_than_once():
    film = panned(8)
    encoder = Encoder("h264", 28)
    once = mse(np.stack(list(encoder.again(film))), film.frames)
    other = Encoder("h264", 28, preset="superfast")
    twice = mse(np.stack(list(DoubleCompression(2, encoder, other).film(film, 0))), film.frames)
    assert twice > once


@pytest.mark.parametrize(("width", "height"), [(95, 64), (96, 63)])
@pytest.mark.parametrize("codec", CODECS)
def test_odd_sides_are_refused(tmp_path, codec, width, height):
    with pytest.raises(SynthesisError, match="even"):
        Encoder(codec, 20).write(tmp_path / "film.mp4", panned(2, width=width, height=height))
    with pytest.raises(SynthesisError, match="even"):
        list(Encoder(codec, 20).again(panned(2, width=width, height=height)))


@pytest.mark.parametrize(
    ("codec", "quality"), [("h264", 52), ("h264", -1), ("mpeg4", 0), ("vp9", 64), ("av1", 30)]
)
def test_encoders_that_there_are_not(codec, quality):
    with pytest.raises(SynthesisError, match=r"must be|there are"):
        Encoder(codec, quality)


def test_a_build_without_the_encoder_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setitem(encoder_module._LIBRARIES, "h265", "libx265-left-out")
    with pytest.raises(SynthesisError, match="no encoder libx265-left-out: install"):
        Encoder("h265", 26).write(tmp_path / "film.mp4", panned(2))
    assert not (tmp_path / "film.mp4").exists()


def test_times_too_close_for_the_clock_are_refused(tmp_path):
    film = Film(panned(2).frames, np.array([0.0, 1e-7]))
    with pytest.raises(SynthesisError, match="apart"):
        Encoder().write(tmp_path / "film.mp4", film)


@pytest.mark.parametrize("strength", [1, 2, 3])
def test_a_social_network_makes_films_small_and_slow(strength):
    kind = SocialNetwork.drawn(np.random.default_rng(0), strength)
    frames = np.zeros((8, 1080 // 2, 1920 // 2, 3), np.uint8)
    film = kind.film(Film(frames, np.arange(8) / 60), 0)
    height, width = next(iter(film)).shape[:2]
    assert width == {1: 720, 2: 540, 3: 360}[strength]
    assert height == pytest.approx(width * 9 / 16, abs=1)
    assert 1 / film.step_s == pytest.approx(30)
    assert film.n_frames == 4


@pytest.mark.parametrize(("always_30", "n_frames"), [(True, 12), (False, 10)])
def test_slow_films_are_sent_as_they_are_or_at_30_fps(always_30, n_frames):
    kind = SocialNetwork(1, 720, always_30, Encoder(), Encoder(baseline=True))
    film = kind.film(numbered(10, fps=25), 0)
    assert film.n_frames == n_frames
    assert next(iter(film)).shape == (16, 16, 3)
