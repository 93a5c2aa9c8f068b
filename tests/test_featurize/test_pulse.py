"""Pulse: known rates and phases are found, light is no pulse, and no pulse agrees with nothing."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from featurize.declaration import Recording
from featurize.extraction import LandmarkOptions, extract
from featurize.frame_features.observer import PixelObserver
from featurize.synthesis import Performer, Script, Sines, write_video
from featurize.types import LandmarkTrack
from featurize.video_features.pulse import pulse_agreement, pulse_rate
from featurize.video_features.pulse_signals import REGIONS, find_pulses, region_colours
from tests.test_featurize.skins import mirrored_patch, with_skin
from tests.test_featurize.tracks import make_track

pytestmark = pytest.mark.filterwarnings("error")

SKIN = np.array([190.0, 140.0, 110.0])
# How a heartbeat changes red, green and blue of skin, relative to each (Wang et al. 2017).
BLOOD = np.array([0.33, 0.77, 0.53])
AMPLITUDE = 0.01

Wave = Callable[[np.ndarray], np.ndarray]


def beats(bpm: float, lag_deg: float = 0.0) -> Wave:
    return lambda t: np.sin(2 * np.pi * bpm / 60 * t - np.radians(lag_deg))


def skin_track(
    forehead: Wave,
    left: Wave,
    right: Wave,
    fps: float = 25.0,
    duration_s: float = 10.0,
    light: Wave = lambda t: np.ones_like(t),
    skin: np.ndarray = SKIN,
    glint: Wave = np.zeros_like,
    noise: float = 0.0,
    seed: int = 0,
    missing: slice | None = None,
) -> LandmarkTrack:
    """A still face whose three regions beat as told under a common light.

    A glint is white light that the surface mirrors, in levels: the same in each channel.
    """
    track = make_track(duration_s, fps, missing=missing, flow_noise_px=None)
    rng = np.random.default_rng(seed)
    colours = {}
    for region, wave in zip(REGIONS, (forehead, left, right), strict=True):
        pulse = AMPLITUDE * wave(track.time_s)[:, None] * BLOOD
        for patch in REGIONS[region]:
            colours[patch] = skin * light(track.time_s)[:, None] * (1 + pulse)
            colours[patch] += glint(track.time_s)[:, None]
            colours[patch] = colours[patch] + rng.normal(0, 1, (track.n_frames, 3)) * noise
    return with_skin(track, colours)


def features(track: LandmarkTrack) -> dict[str, float]:
    recording = Recording(track, {})
    return {
        name.partition("__")[2]: value
        for name, value in (pulse_agreement(recording) | pulse_rate(recording)).items()
    }


def together(bpm: float, **options: object) -> LandmarkTrack:
    return skin_track(beats(bpm), beats(bpm), beats(bpm), **options)


AGREEMENTS = (
    "agreement_forehead_cheek_left__median",
    "agreement_forehead_cheek_right__median",
    "agreement_cheeks__median",
)
SNRS = tuple(f"snr_{region}_db__median" for region in REGIONS)


@pytest.mark.parametrize("fps", [12, 24, 29.97, 60, 120])
@pytest.mark.parametrize("bpm", [54, 72, 131])
def test_a_common_pulse_is_found_at_any_frame_rate(fps: float, bpm: float) -> None:
    found = features(together(bpm, fps=fps))
    assert found["pulse_rate_bpm__median"] == pytest.approx(bpm, abs=2)
    assert all(found[name] > 10 for name in SNRS)
    assert all(found[name] > 0.99 for name in AGREEMENTS)
    assert found["phase_locking__mean"] > 0.99
    assert found["phase_difference_deg__median"] < 1
    assert found["rate_difference_bpm__median"] == 0
    assert found["rate_change_bpm__median"] <= 3
    assert found["pos_to_chrom__correlation"] > 0.95


def test_features_are_the_same_at_24_30_and_60_frames_a_second() -> None:
    slow, usual, fast = (
        features(skin_track(beats(80), beats(80, 50), beats(95), fps=fps, duration_s=10.5))
        for fps in (24, 29.97, 60)
    )
    for name, value in usual.items():
        tolerance = 1.0 if name in SNRS else 3.0 if "bpm" in name or "deg" in name else 0.03
        assert slow[name] == pytest.approx(value, abs=tolerance), name
        assert fast[name] == pytest.approx(value, abs=tolerance), name


@pytest.mark.parametrize(
    "light",
    [
        lambda t: 1 + 0.04 * t,
        lambda t: 1 + 0.2 * np.sin(2 * np.pi * 0.25 * t),
        # Five times as strong as the pulse, in the middle of the band.
        lambda t: 1 + 0.05 * np.sin(2 * np.pi * 1.9 * t),
    ],
    ids=["drift", "slow", "in band"],
)
def test_changes_of_the_light_are_no_pulse(light: Wave) -> None:
    found = features(together(72, light=light))
    assert found["pulse_rate_bpm__median"] == pytest.approx(72, abs=2)
    assert all(found[name] > 10 for name in SNRS)
    # Nor do they make faces without a pulse agree: what is left of them is noise.
    dead = skin_track(np.zeros_like, np.zeros_like, np.zeros_like, light=light, noise=0.2, seed=1)
    assert all(abs(features(dead)[name]) < 0.5 for name in AGREEMENTS)


@pytest.mark.parametrize("skin", [SKIN, np.array([170.0, 120.0, 110.0])], ids=["warm", "pale"])
def test_a_glint_that_comes_and_goes_is_no_pulse(skin: np.ndarray) -> None:
    """Each channel changes by another share, so only a weight taken from the data cancels it."""

    def glint(t: np.ndarray) -> np.ndarray:
        return 10 * np.sin(2 * np.pi * 1.9 * t)

    found = features(together(72, skin=skin, glint=glint))
    assert found["pulse_rate_bpm__median"] == pytest.approx(72, abs=2)
    assert all(found[name] > 15 for name in SNRS)
    # Both methods, each with its own weight, find the same.
    assert found["pos_to_chrom__correlation"] > 0.95


@pytest.mark.parametrize("bpm", [60, 90, 150])
def test_a_clean_pulse_is_not_its_own_noise(bpm: float) -> None:
    found = features(together(bpm))
    assert all(found[name] > 25 for name in SNRS)


@pytest.mark.parametrize("share_db", [-6, -12, -20])
def test_signal_to_noise_of_two_waves_is_the_ratio_of_their_powers(share_db: float) -> None:
    """Of 1 and 3.1 Hz, the second so far away that it is no part of the pulse or its double."""

    def wave(t: np.ndarray) -> np.ndarray:
        return beats(60)(t) + 10 ** (share_db / 20) * beats(186, 70)(t)

    found = features(skin_track(wave, wave, wave, fps=60))
    assert [found[name] for name in SNRS] == pytest.approx([-share_db] * 3, abs=1)


@pytest.mark.parametrize("noise", [0.1, 0.2, 0.4])
def test_signal_to_noise_of_a_pulse_in_white_noise(noise: float) -> None:
    """Noise of 60 frames a second has its power spread over 30 Hz.

    Of a pulse of 1 Hz the half lobes of 0.526 Hz around it and its double cover the band up to
    2.526 Hz, so what counts as noise lies from there to 4 Hz, where the band pass (of third order,
    applied twice) ends.
    """
    rng = np.random.default_rng(0)

    def wave(t: np.ndarray) -> np.ndarray:
        return beats(60)(t) + noise * rng.normal(size=len(t))

    def passed(f_hz: np.ndarray) -> np.ndarray:
        return (1 + ((f_hz**2 - 0.7 * 4) / (f_hz * (4 - 0.7))) ** 6) ** -2.0

    rest_hz = np.linspace(2 + 2 / 3.8, 4, 101)
    power = noise**2 / 30 * np.mean(passed(rest_hz)) * np.ptp(rest_hz)
    expected = 10 * np.log10(0.5 * passed(np.array(1.0)) / power)
    found = features(skin_track(wave, wave, wave, fps=60, duration_s=60))
    assert [found[name] for name in SNRS] == pytest.approx([expected] * 3, abs=1)


@pytest.mark.parametrize("duration_s", [4.1, 4.7, 6.0, 20.0])
def test_both_methods_find_the_same_pulse_however_long_the_video(duration_s: float) -> None:
    found = features(together(72, duration_s=duration_s, noise=0.02))
    assert found["pos_to_chrom__correlation"] > 0.99


@pytest.mark.parametrize("lag_deg", [0, 45, 90, 150])
def test_a_lag_lowers_agreement_as_its_cosine(lag_deg: float) -> None:
    found = features(skin_track(beats(90), beats(90, lag_deg), beats(90)))
    cosine = np.cos(np.radians(lag_deg))
    assert found["agreement_forehead_cheek_left__median"] == pytest.approx(cosine, abs=0.03)
    assert found["agreement_cheeks__median"] == pytest.approx(cosine, abs=0.03)
    assert found["agreement_forehead_cheek_right__median"] > 0.99
    # Two of three pairs are out of phase.
    assert found["phase_difference_deg__median"] == pytest.approx(lag_deg * 2 / 3, abs=2)
    # A constant lag is a lock.
    assert found["phase_locking__mean"] > 0.99


def test_regions_with_rates_of_their_own() -> None:
    found = features(skin_track(beats(66), beats(90), beats(114)))
    assert found["rate_difference_bpm__median"] == pytest.approx(48, abs=3)
    assert all(abs(found[name]) < 0.1 for name in AGREEMENTS)


def test_no_pulse_agrees_with_nothing_however_short_the_video() -> None:
    """Chance gives 0 on average, for a few windows as for many."""
    for duration_s in (7.0, 30.0):
        found = [
            features(
                skin_track(
                    *[np.zeros_like] * 3, noise=0.3, seed=seed, duration_s=duration_s, fps=20
                )
            )
            for seed in range(30)
        ]
        for name in (*AGREEMENTS, "phase_locking__mean"):
            values = np.array([one[name] for one in found])
            assert abs(values.mean()) < 4 * values.std() / np.sqrt(30) + 0.02, name
        assert np.mean([one["phase_difference_deg__median"] for one in found]) == pytest.approx(
            90, abs=12
        )


def test_noise_drowns_the_pulse() -> None:
    clear, noisy, drowned = (features(together(72, noise=noise)) for noise in (0.1, 0.5, 10.0))
    for name in (*SNRS, *AGREEMENTS):
        assert clear[name] > noisy[name] > drowned[name], name


def test_a_changing_rate_is_no_steady_one() -> None:
    def sweep(t: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * (1.0 * t + 0.1 * t**2 / 2))

    # By 0.1 Hz a second, which is 6 beats a minute from a window to the next.
    found = features(skin_track(sweep, sweep, sweep, duration_s=14))
    assert found["rate_change_bpm__median"] == pytest.approx(6, abs=1.5)
    assert found["rate_difference_bpm__median"] == 0


def test_a_rate_changes_from_a_second_to_the_next_not_across_a_gap() -> None:
    """Seen for 4.4 s, hidden for 2 s, with 60 and 120 beats a minute in turn."""
    shown_s, period_s = 4.4, 6.4

    def wave(t: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * np.where((t // period_s).astype(int) % 2, 2.0, 1.0) * t)

    track = skin_track(wave, wave, wave, duration_s=40)
    appearance = track.appearance.copy()
    appearance[track.time_s % period_s > shown_s] = np.nan
    hidden = features(replace(track, appearance=appearance))
    assert np.isnan(hidden["rate_change_bpm__median"])
    assert hidden["phase_locking__mean"] > 0.9


def test_brightness_does_not_matter() -> None:
    track = skin_track(beats(75), beats(75, 60), beats(75, 20), noise=0.2)
    darker = replace(track, appearance=track.appearance * np.float32(0.37))
    for name, value in features(track).items():
        assert features(darker)[name] == pytest.approx(value, abs=1e-3), name


def test_a_mirror_swaps_the_cheeks() -> None:
    track = skin_track(beats(75), beats(75, 70), beats(75, 20), noise=0.2)
    here = features(track)
    there = features(
        replace(track, measures=tuple(_mirrored_measure(name) for name in track.measures))
    )
    swapped = {"cheek_left": "cheek_right", "cheek_right": "cheek_left"}
    for name, value in here.items():
        other = next((name.replace(a, b) for a, b in swapped.items() if a in name), name)
        assert there[other] == pytest.approx(value, abs=1e-9), name
    assert here[AGREEMENTS[0]] != pytest.approx(here[AGREEMENTS[1]], abs=0.05)


def _mirrored_measure(name: str) -> str:
    patch, _, channel = name.removeprefix("skin__").rpartition("_")
    return f"skin__{mirrored_patch(patch)}_{channel}"


def test_a_gap_is_not_bridged() -> None:
    whole = features(together(72, duration_s=16))
    gap = features(together(72, duration_s=16, missing=slice(190, 205)))
    for name, value in whole.items():
        assert gap[name] == pytest.approx(value, abs=3 if "bpm" in name or "db" in name else 0.02)
    track = together(72, duration_s=16, missing=slice(190, 205))
    stretches = find_pulses(region_colours(track), track.time_s).pos
    assert [len(stretch) for stretch in stretches] == [379, 389]


@pytest.mark.parametrize(
    ("scene", "why"),
    [
        ({"duration_s": 2.0}, "two seconds"),
        ({"duration_s": 12.0, "missing": slice(None, None, 50)}, "never 4 s in one piece"),
        ({"duration_s": 12.0, "missing": slice(0, None)}, "no face"),
        ({"duration_s": 12.0, "fps": 6.0}, "6 Hz cannot carry 4 Hz"),
        ({"duration_s": 0.04}, "one frame"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unknown_when_there_is_too_little(scene: dict, why: str) -> None:
    assert all(np.isnan(value) for value in features(together(72, **scene)).values()), why


@pytest.mark.parametrize("fps", [8, 12, 24, 25, 29.97, 30, 50, 60])
def test_what_is_known_depends_on_the_length_and_not_on_the_frame_rate(fps: float) -> None:
    four, six = (features(together(72, fps=fps, duration_s=length_s)) for length_s in (4.0, 6.0))
    unknown = {name for name, value in four.items() if np.isnan(value)}
    assert unknown == {"phase_locking__mean", "rate_change_bpm__median"}
    assert all(np.isfinite(value) for value in six.values())
    assert np.isnan(list(features(together(72, fps=fps, duration_s=3.7)).values())).all()


def test_a_long_video_takes_memory_in_proportion() -> None:
    """10 minutes, whose colours are 2 MB on the common grid."""
    track = together(72, fps=8, duration_s=600)
    tracemalloc.start()
    found = features(track)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found["pulse_rate_bpm__median"] == pytest.approx(72, abs=2)
    assert peak < 20e6
    assert kept < 1e6


@pytest.mark.parametrize("level", [0.0, 1e-3, 120.0, 255.0])
def test_a_constant_colour_has_no_pulse(level: float) -> None:
    track = make_track(10, flow_noise_px=None)
    colours = dict.fromkeys((p for patches in REGIONS.values() for p in patches), np.full(3, level))
    assert all(np.isnan(value) for value in features(with_skin(track, colours)).values())


def test_one_constant_region_leaves_what_the_others_say() -> None:
    found = features(skin_track(np.zeros_like, beats(72), beats(72)))
    assert found["agreement_cheeks__median"] > 0.99
    assert np.isnan(found["agreement_forehead_cheek_left__median"])


def test_a_track_without_skin_has_no_pulse() -> None:
    assert all(np.isnan(value) for value in features(make_track(10)).values())


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], dict[str, float]]:
    """Features of a rendered clip of 5 s whose skin beats at 84 a minute, or each place by itself.

    The head sways and the clip is compressed.
    """
    script = Script(duration_s=5.0, yaw_deg=Sines((4.0,), (0.3,), (0.0,)))
    performer = Performer(256)
    times_s = script.frame_times(15)
    plain = [performer.frame(script, t) for t in times_s]

    def film(alive: bool) -> dict[str, float]:
        path: Path = tmp_path_factory.mktemp("pulse") / f"{alive}.mp4"
        rng = np.random.default_rng(5)
        pictures = []
        for t, picture in zip(times_s, plain, strict=True):
            # Slowly varying over the face, so a fake's regions go different ways.
            field = np.full((256, 256), np.sin(2 * np.pi * 84 / 60 * t))
            if not alive:
                field = cv2.resize(rng.normal(0, 1, (6, 6)), (256, 256))
            change = 1 + 0.02 * field[..., None] * BLOOD
            pictures.append(np.clip(np.rint(picture * change), 0, 255).astype(np.uint8))
        write_video(path, pictures, times_s, crf=15)
        (track,) = extract(path, LandmarkOptions(), PixelObserver(())).tracks
        return features(track)

    return film


def test_the_pulse_of_a_filmed_face(filmed) -> None:
    real, fake = filmed(True), filmed(False)
    assert real["pulse_rate_bpm__median"] == pytest.approx(84, abs=2)
    for name in AGREEMENTS:
        assert real[name] > 0.8
        assert fake[name] < 0.5
    assert all(real[name] > fake[name] + 3 for name in SNRS)
