"""Lighting: a known light on known patches is found again, turning heads and all."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.declaration import Recording
from featurize.frame_features import lighting
from featurize.frame_features.head_pose import yaw_deg
from featurize.frame_features.skin import MEASURES, PATCHES
from featurize.registry import LIGHTING_SIGNALS
from featurize.types import LandmarkTrack, pieces
from featurize.video_features.lighting import covariation, light_and_turns
from tests.test_featurize.skins import mirrored_patch, with_skin
from tests.test_featurize.tracks import make_track, mirrored, turn

pytestmark = pytest.mark.filterwarnings("error")

SKIN = np.array([0.45, 0.30, 0.22])
Head = Callable[[float], np.ndarray]


def sways(t: float) -> np.ndarray:
    """By 15 degrees to either side, with a nod."""
    return turn(15 * np.sin(2 * np.pi * 0.5 * t), 4 * np.sin(2 * np.pi * 0.3 * t))


def still(_: float) -> np.ndarray:
    return np.eye(3)


def stored(linear: np.ndarray) -> np.ndarray:
    """Levels of a video that stand for some light."""
    return 255 * np.clip(linear, 0, 1) ** (1 / 2.2)


def direction(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """Unit vector to the light: image right, up, to the viewer."""
    a, e = np.radians([azimuth_deg, elevation_deg])
    return np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])


def lit(
    light: np.ndarray,
    head: Head = still,
    fps: float = 25.0,
    duration_s: float = 4.0,
    ambient: float = 0.0,
    painted: bool = False,
    brightness: Callable[[np.ndarray], np.ndarray] = np.ones_like,
    noise: float = 0.0,
    missing: slice | None = None,
) -> LandmarkTrack:
    """A face of one colour under one distant light, by Lambert's law; the neck looks ahead.

    A painted one keeps the shades of a frontal face, however the head turns.
    """
    track = make_track(duration_s, fps, head, missing=missing, flow_noise_px=None)
    rng = np.random.default_rng(3)
    level = brightness(track.time_s)[:, None]
    colours = {}
    for name, patch in PATCHES.items():
        moves = still if painted or name == "neck" else head
        facing = np.array([moves(t) @ patch.unit_normal @ light for t in track.time_s])
        shade = (np.clip(facing, 0, None) + ambient)[:, None] * level
        shade = shade * (1 + noise * rng.normal(size=shade.shape))
        colours[name] = stored(SKIN * shade)
    return with_skin(track, colours)


def recording(track: LandmarkTrack) -> Recording:
    signals = {signal.column: signal(track) for signal in (*LIGHTING_SIGNALS, yaw_deg)}
    return Recording(track, signals)


def turns(track: LandmarkTrack) -> dict[str, float]:
    values = light_and_turns(recording(track))
    return {name.removeprefix("lighting__"): value for name, value in values.items()}


def covaries(track: LandmarkTrack) -> list[float]:
    """With forehead, jowls and neck."""
    return list(covariation(recording(track)).values())


@given(
    azimuth=st.floats(-25, 25),
    elevation=st.floats(-20, 20),
    yaw=st.floats(-10, 10),
    pitch=st.floats(-10, 10),
    roll=st.floats(-40, 40),
)
@settings(max_examples=40, deadline=None)
def test_the_light_is_found_however_the_head_is_turned(azimuth, elevation, yaw, pitch, roll):
    """As long as it shines on every patch."""
    head = turn(yaw, pitch, roll)
    track = lit(direction(azimuth, elevation), lambda _: head, duration_s=0.08)
    assert lighting.light_azimuth_deg(track) == pytest.approx(azimuth, abs=1)
    assert lighting.light_elevation_deg(track) == pytest.approx(elevation, abs=1)
    assert lighting.light_fit_residual(track) == pytest.approx(0, abs=1e-3)


def test_light_from_all_around_makes_it_look_more_frontal() -> None:
    seen = [
        lighting.light_azimuth_deg(lit(direction(30, 0), ambient=ambient))[0]
        for ambient in (0.0, 0.3, 1.0)
    ]
    assert seen[0] == pytest.approx(30, abs=0.5)
    assert seen[0] > seen[1] > seen[2] > 0


def test_shading_says_which_side_is_brighter() -> None:
    from_left = lit(direction(25, 0))
    assert (lighting.shading_left_right(from_left) > 0.1).all()
    assert (lighting.shading_top_bottom(lit(direction(0, 30))) > 0.1).all()
    assert lighting.shading_left_right(lit(direction(0, 20))) == pytest.approx(0, abs=1e-6)


def test_patches_of_other_colours_are_no_single_light() -> None:
    track = lit(direction(10, 10))
    spotted = track.appearance.copy()
    spotted[:, MEASURES.index("skin__chin_red") :][:, :3] *= 0.6
    residual = lighting.light_fit_residual(replace(track, appearance=spotted))
    assert (residual > 0.1).all()


@pytest.mark.parametrize("factor", [0.3, 0.9])
def test_brightness_does_not_matter(factor: float) -> None:
    track = lit(direction(20, 15), sways, noise=0.02)
    darker = replace(track, appearance=track.appearance * np.float32(factor))
    for signal in LIGHTING_SIGNALS:
        assert signal(darker) == pytest.approx(signal(track), abs=1e-3), signal.name
    for name, value in turns(track).items():
        assert turns(darker)[name] == pytest.approx(value, abs=1e-3), name
    assert covaries(darker) == pytest.approx(covaries(track), abs=1e-3)


def test_a_mirror_turns_the_light_round() -> None:
    track = lit(direction(20, 15), sways, noise=0.01)
    names = tuple(_mirrored_measure(name) for name in MEASURES)
    other = replace(mirrored(_with_flow(track)), appearance=track.appearance, measures=names)
    for signal in LIGHTING_SIGNALS:
        sign = -1 if signal.name in ("shading_left_right", "light_azimuth_deg") else 1
        assert signal(other) == pytest.approx(sign * signal(track), abs=1e-2), signal.name
    for name, value in turns(track).items():
        # Yaw and shading both change their signs.
        assert turns(other)[name] == pytest.approx(value, abs=1e-2), name
    assert covaries(other) == pytest.approx(covaries(track), abs=1e-6)


def _with_flow(track: LandmarkTrack) -> LandmarkTrack:
    return replace(track, flow_px=make_track(4.0).flow_px)


def _mirrored_measure(name: str) -> str:
    patch, _, channel = name.removeprefix("skin__").rpartition("_")
    return f"skin__{mirrored_patch(patch)}_{channel}"


def test_under_a_fixed_light_shading_follows_the_head() -> None:
    found = turns(lit(direction(0, 10), sways))
    assert found["shading_with_yaw__correlation"] < -0.99
    # Closed form in front: sides at angles of +-a shade as tan(a) * tan(yaw), here for small yaw.
    sides = [PATCHES[f"{place}_left"].unit_normal for place in ("forehead", "cheek", "jowl")]
    across, _, out = np.sum(sides, axis=0)
    slope = -np.radians(1) * across / out
    assert found["shading_with_yaw__slope_per_deg"] == pytest.approx(slope, rel=0.15)
    assert found["shading_with_yaw__residual"] < 0.02
    assert found["light_wander_deg__median"] < 0.5
    assert found["light_wander__scene_to_head"] < 0.1


def test_a_painted_face_takes_its_light_along() -> None:
    found = turns(lit(direction(20, 10), sways, painted=True, noise=0.01))
    assert abs(found["shading_with_yaw__correlation"]) < 0.4
    assert found["shading_with_yaw__slope_per_deg"] == pytest.approx(0, abs=1e-3)
    # Half of the time a sine is beyond 0.71 of its amplitude of 15 degrees.
    assert found["light_wander_deg__median"] == pytest.approx(10.6, abs=1.5)
    assert found["light_wander__scene_to_head"] > 5


def test_the_same_at_24_30_and_60_frames_a_second() -> None:
    def flickers(t: np.ndarray) -> np.ndarray:
        return 0.7 + 0.1 * np.sin(2 * np.pi * 2.5 * t) + 0.1 * np.sin(2 * np.pi * 1.3 * t)

    slow, usual, fast = (
        lit(direction(15, 10), sways, fps, duration_s=6, brightness=flickers)
        for fps in (24, 29.97, 60)
    )
    for name, value in turns(usual).items():
        tolerance = 0.03 * abs(value) + 0.02
        assert turns(slow)[name] == pytest.approx(value, abs=tolerance), name
        assert turns(fast)[name] == pytest.approx(value, abs=tolerance), name
    assert covaries(slow) == pytest.approx(covaries(usual), abs=0.03)
    assert covaries(fast) == pytest.approx(covaries(usual), abs=0.03)


def test_light_that_flickers_reaches_every_part() -> None:
    def flickers(t: np.ndarray) -> np.ndarray:
        return 0.7 + 0.1 * np.sin(2 * np.pi * 2.5 * t)

    assert covaries(lit(direction(0, 10), brightness=flickers)) == pytest.approx([1] * 3, abs=1e-3)


def test_parts_that_flicker_by_themselves() -> None:
    track = lit(direction(0, 10), duration_s=20)
    rng = np.random.default_rng(0)
    own = rng.normal(1, 0.03, (track.n_frames, len(PATCHES))).repeat(3, axis=1)
    alone = covaries(replace(track, appearance=(track.appearance * own).astype(np.float32)))
    assert alone == pytest.approx([0] * 3, abs=0.25)
    opposite = np.ones_like(own)
    wave = 0.05 * np.sin(2 * np.pi * 2 * track.time_s)
    opposite[:, :] += wave[:, None]
    jowls = [number for number, name in enumerate(MEASURES) if "jowl" in name]
    opposite[:, jowls] -= 2 * wave[:, None]
    found = covaries(replace(track, appearance=(track.appearance * opposite).astype(np.float32)))
    assert found == pytest.approx([1, -1, 1], abs=0.01)


def test_slow_changes_of_one_part_are_let_be() -> None:
    """A shadow that creeps over the neck is no flicker."""
    track = lit(direction(0, 10), brightness=lambda t: 0.7 + 0.1 * np.sin(2 * np.pi * 2 * t))
    creeps = np.ones_like(track.appearance)
    neck = [number for number, name in enumerate(MEASURES) if "neck" in name]
    creeps[:, neck] -= 0.02 * track.time_s[:, None].astype(np.float32)
    assert covaries(replace(track, appearance=track.appearance * creeps))[2] > 0.95


@pytest.mark.parametrize(("own_hz", "passed"), [(0.2, 0.058), (10.0, 0.0)], ids=["slow", "noise"])
def test_changes_count_that_last_from_a_tenth_to_a_whole_second(own_hz: float, passed: float):
    """Common ones of 2 Hz; the neck has others of its own, as strong, slower or faster.

    Of a wave of f Hz a moving mean over T s leaves sinc(f * T), here less the mean over 1 s.
    """
    track = lit(direction(0, 10), fps=50, duration_s=20, brightness=lambda t: np.full_like(t, 0.7))
    strength = 0.05
    change = np.tile(strength * np.sin(2 * np.pi * 2 * track.time_s)[:, None], len(MEASURES))
    neck = [number for number, name in enumerate(MEASURES) if "neck" in name]
    change[:, neck] += 4 * strength * np.cos(2 * np.pi * own_hz * track.time_s)[:, None]
    levels = np.exp(change).astype(np.float32)
    found = covaries(replace(track, appearance=track.appearance * levels))
    expected = 1 / np.hypot(1, 4 * passed / np.sinc(0.2))
    assert found == pytest.approx([1, 1, expected], abs=0.01)


@pytest.mark.parametrize("fps", [8, 12, 24, 25, 29.97, 30, 50, 60])
def test_two_seconds_show_what_varies_together_at_any_frame_rate(fps: float) -> None:
    def flickers(t: np.ndarray) -> np.ndarray:
        return 0.7 + 0.1 * np.sin(2 * np.pi * 2 * t)

    found = covaries(lit(direction(0, 10), fps=fps, duration_s=2, brightness=flickers))
    assert found == pytest.approx([1] * 3, abs=1e-3)
    short = covaries(lit(direction(0, 10), fps=fps, duration_s=1.75, brightness=flickers))
    assert np.isnan(short).all()


def test_colour_of_face_against_neck() -> None:
    track = make_track(0.2, flow_noise_px=None)
    cheeks = dict.fromkeys(("cheek_left", "cheek_right"), stored(np.array([0.4, 0.24, 0.16])))
    track = with_skin(track, {**cheeks, "neck": stored(np.array([0.15, 0.12, 0.03]))})
    assert lighting.face_to_neck_redness(track) == pytest.approx(0.5 - 0.5, abs=1e-6)
    stops = np.log2(np.dot([0.2126, 0.7152, 0.0722], [0.4, 0.24, 0.16]) / 0.119883)
    assert lighting.face_to_neck_brightness_stops(track) == pytest.approx(stops, abs=1e-4)
    red = with_skin(track, {**cheeks, "neck": stored(np.array([0.2, 0.2, 0.1]))})
    assert lighting.face_to_neck_redness(red) == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize(
    ("track", "why"),
    [
        (make_track(3.0), "nothing was measured"),
        (make_track(3.0, missing=slice(0, None)), "no face"),
        (with_skin(make_track(3.0), dict.fromkeys(PATCHES, np.zeros(3))), "black"),
        (with_skin(make_track(0.04), dict.fromkeys(PATCHES, np.full(3, 90))), "one frame"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unknown_where_there_is_nothing_to_measure(track: LandmarkTrack, why: str) -> None:
    assert all(np.isnan(value) for value in turns(track).values()), why
    assert all(np.isnan(value) for value in covaries(track)), why


@pytest.mark.parametrize("level", [1.0, 90.0, 255.0])
def test_one_constant_colour_everywhere(level: float) -> None:
    track = with_skin(make_track(4, rotation=sways), dict.fromkeys(PATCHES, np.full(3, level)))
    assert lighting.shading_left_right(track) == pytest.approx(0, abs=1e-12)
    assert lighting.face_to_neck_brightness_stops(track) == pytest.approx(0, abs=1e-12)
    assert all(np.isnan(value) for value in covaries(track))
    assert np.isnan(turns(track)["shading_with_yaw__correlation"])


def test_a_head_that_keeps_still_shows_nothing_of_turns() -> None:
    found = turns(lit(direction(20, 10), noise=0.01))
    unknown = {name for name, value in found.items() if np.isnan(value)}
    assert unknown == {name for name in found if name != "light_wander_deg__median"}


def test_patches_that_are_hidden_for_a_while_are_a_gap() -> None:
    whole = lit(direction(10, 10), sways)
    part = lit(direction(10, 10), sways, missing=slice(40, 45))
    for name, value in turns(whole).items():
        assert turns(part)[name] == pytest.approx(value, abs=0.03 + 0.1 * abs(value)), name
    for signal in LIGHTING_SIGNALS:
        values = signal(part)
        assert np.isnan(values[40:45]).all()
        assert np.isfinite(np.delete(values, slice(40, 45))).all()


@pytest.mark.parametrize("n_frames", [257, 513])
def test_signals_do_not_depend_on_the_pieces_they_are_computed_in(n_frames: int) -> None:
    """Bit for bit, as all frame signals."""
    track = lit(direction(10, 10), sways, duration_s=n_frames / 25, noise=0.05)
    for signal in LIGHTING_SIGNALS:
        parts = [signal(track.part(piece)) for piece in pieces(n_frames)]
        assert np.concatenate(parts).tobytes() == signal(track).tobytes(), signal.name


def test_luminances_of_a_long_track_take_little_more_than_themselves() -> None:
    track = with_skin(make_track(80, flow_noise_px=None), dict.fromkeys(PATCHES, np.full(3, 90)))
    tracemalloc.start()
    values = lighting.luminances(track)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * values.nbytes


def test_the_direction_of_light_is_computed_once_for_both_its_angles() -> None:
    track = lit(direction(20, 10), duration_s=0.2)
    assert lighting.light_directions(track) is lighting.light_directions(track)
