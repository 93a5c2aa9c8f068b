"""Patches of skin: where they lie, whose colours are read, and when nothing is."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.frame import Frame
from featurize.frame_features.observer import PixelObserver
from featurize.frame_features.skin import MEASURES, PATCHES, patch_corners_px
from featurize.frame_features.skin_pixels import patch_colours
from featurize.landmarks.detection import FaceCrop, FaceDetection, Region
from featurize.landmarks.dlib68.points import AVERAGE_FACE_CM
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478, Schema, mirror_name
from tests.test_featurize.tracks import turn

SCHEMES = pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda s: s.name)
NAMES = tuple(PATCHES)
MIDDLE_PX = np.array([320.0, 240.0])
SIZE_PX = (640, 480)
# Upright axes to those of a picture.
TO_PICTURE = np.array([1, -1, -1])


def average_face(
    schema: Schema, px_per_cm: float = 12.0, head: np.ndarray | None = None
) -> np.ndarray:
    """``(n_points, 3)`` landmarks of the average face in the middle of the picture."""
    head = np.eye(3) if head is None else head
    points = np.full((schema.n_points, 3), np.nan)
    names = [name for name in AVERAGE_FACE_CM if name in schema.points]
    places = np.array([AVERAGE_FACE_CM[name] for name in names])
    points[schema.indices(names)] = places @ head.T * TO_PICTURE * px_per_cm
    points[:, :2] += MIDDLE_PX
    return points


def crop_of(
    rgb: np.ndarray, side_px: float = 440.0, roll_rad: float = 0.0, size: int = 256
) -> FaceCrop:
    to_frame = Region(tuple(MIDDLE_PX), side_px, roll_rad).to_frame(size)
    return FaceCrop(Frame(0, 0.0, rgb).crop(to_frame, (size, size)), to_frame)


def colours(rgb: np.ndarray, points: np.ndarray, schema: Schema, **crop: float) -> dict:
    found = patch_colours(crop_of(rgb, **crop), points, schema, SIZE_PX)
    assert found.shape == (len(NAMES), 3)
    assert found.dtype == np.float32
    return dict(zip(NAMES, found, strict=True))


def ramps() -> np.ndarray:
    """Red grows to the right and green downwards, by a level in four pixels; blue stays."""
    x, y = np.meshgrid(np.arange(SIZE_PX[0]) / 4, np.arange(SIZE_PX[1]) / 4)
    return np.rint(np.stack([x, y, np.full_like(x, 77)], axis=2)).astype(np.uint8)


def known(found: dict) -> set[str]:
    return {name for name, colour in found.items() if np.isfinite(colour).all()}


@SCHEMES
@given(
    yaw_deg=st.floats(-60, 60),
    pitch_deg=st.floats(-40, 40),
    roll_deg=st.floats(-180, 180),
    px_per_cm=st.floats(0.5, 40),
)
@settings(max_examples=30, deadline=None)
def test_patches_turn_with_the_head(schema, yaw_deg, pitch_deg, roll_deg, px_per_cm) -> None:
    head = turn(yaw_deg, pitch_deg, roll_deg)
    found = patch_corners_px(average_face(schema, px_per_cm, head), schema)
    for corners, patch in zip(found, PATCHES.values(), strict=True):
        truth = (patch.corners_cm @ head.T * TO_PICTURE * px_per_cm)[:, :2] + MIDDLE_PX
        assert corners == pytest.approx(truth, abs=1e-6 * px_per_cm + 1e-9)


def test_patches_lie_where_their_names_say() -> None:
    places = {name: patch.centre_cm for name, patch in PATCHES.items()}
    brow, eye, chin = (
        AVERAGE_FACE_CM[name] for name in ("left_brow_upper_3", "left_eye_lower_3", "chin")
    )
    for name, (x, y, _) in places.items():
        assert np.sign(x) == {"left": 1, "right": -1}.get(name.rpartition("_")[2], 0)
        half = PATCHES[name].size_cm[1] / 2
        if name.startswith("forehead"):
            assert y - half > brow[1]
        elif name == "neck":
            assert y + half < chin[1]
        else:
            assert chin[1] < y < eye[1]


def test_no_two_patches_share_a_pixel() -> None:
    covered = np.zeros((480, 640), int)
    for corners in patch_corners_px(average_face(DLIB_68), DLIB_68):
        mask = np.zeros((480, 640), np.uint8)
        cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 1)
        covered += mask
    assert covered.max() == 1


@SCHEMES
@pytest.mark.parametrize("size", [180, 256, 700])
@pytest.mark.parametrize("roll_deg", [-35, 0, 60])
def test_colour_is_that_of_the_place_however_the_crop_lies(schema, size, roll_deg) -> None:
    """The mean of a ramp over a patch is its value in the patch's middle."""
    points = average_face(schema)
    found = colours(ramps(), points, schema, roll_rad=np.radians(roll_deg), size=size)
    assert known(found) == set(NAMES)
    for name, corners in zip(NAMES, patch_corners_px(points, schema), strict=True):
        x, y = corners.mean(axis=0) / 4
        assert found[name] == pytest.approx((x, y, 77), abs=0.6), name


def test_a_patch_has_its_own_colour_and_nothing_of_the_others() -> None:
    points = average_face(MEDIAPIPE_478)
    rgb = np.zeros((480, 640, 3), np.uint8)
    painted = np.random.default_rng(0).integers(40, 255, (len(NAMES), 3))
    for corners, colour in zip(
        patch_corners_px(points, MEDIAPIPE_478), painted.tolist(), strict=True
    ):
        grown = corners.mean(axis=0) + (corners - corners.mean(axis=0)) * 1.2
        cv2.fillConvexPoly(rgb, np.rint(grown).astype(np.int32), colour)
    found = colours(rgb, points, MEDIAPIPE_478)
    for name, colour in zip(NAMES, painted, strict=True):
        assert found[name] == pytest.approx(colour, abs=1), name


@SCHEMES
def test_a_mirror_swaps_left_and_right(schema) -> None:
    points = average_face(schema, head=turn(15, 5, 10))
    flipped = points.copy()
    here, there = schema.mirror
    flipped[here] = points[there]
    flipped[:, 0] = SIZE_PX[0] - 1 - flipped[:, 0]
    rgb = ramps()
    found = colours(rgb, points, schema)
    mirrored = colours(np.ascontiguousarray(rgb[:, ::-1]), flipped, schema)
    for name in NAMES:
        side = name.rpartition("_")[2]
        other = mirror_name(f"{side}_").rstrip("_") if side in ("left", "right") else side
        assert mirrored[name.replace(side, other)] == pytest.approx(found[name], abs=0.6), name


@SCHEMES
def test_what_is_turned_away_is_unknown(schema) -> None:
    found = colours(ramps(), average_face(schema, head=turn(yaw_deg=60)), schema)
    assert {"cheek_left", "jowl_left", "forehead_left"}.isdisjoint(known(found))
    assert {"cheek_right", "jowl_right", "forehead_right", "chin"} <= known(found)
    assert known(colours(ramps(), average_face(schema, head=turn(yaw_deg=175)), schema)) == set()


def test_the_nearer_side_stays_known_the_longer_a_head_turns() -> None:
    sets = [
        known(colours(ramps(), average_face(DLIB_68, head=turn(yaw_deg=yaw)), DLIB_68))
        for yaw in (0, 30, 45, 60, 75)
    ]
    assert sets[0] == set(NAMES)
    assert all(later <= earlier for earlier, later in pairwise(sets))


@SCHEMES
def test_too_few_pixels_are_unknown(schema) -> None:
    # Half a pixel to the centimetre: no patch has 20 pixels, however large the crop is made.
    found = colours(ramps(), average_face(schema, px_per_cm=1.0), schema, side_px=40.0)
    assert known(found) == set()
    # And the other way round: a large face in a tiny crop.
    assert known(colours(ramps(), average_face(schema), schema, size=24)) == set()


@pytest.mark.parametrize("px_per_cm", [2.2, 2.6, 3.0, 3.4, 4.0])
@pytest.mark.parametrize("small", ["picture", "crop"])
def test_twenty_pixels_are_the_least(px_per_cm: float, small: str) -> None:
    """Of the video or of the crop, by area: from the front a patch has the size it is given."""
    if small == "picture":
        found = colours(ramps(), average_face(DLIB_68, px_per_cm), DLIB_68, side_px=120.0)
    else:
        size = round(440 * px_per_cm / 12)
        px_per_cm = 12 * size / 440
        found = colours(ramps(), average_face(DLIB_68), DLIB_68, size=size)
    areas_px = {name: np.prod(patch.size_cm) * px_per_cm**2 for name, patch in PATCHES.items()}
    assert known(found) == {name for name, area_px in areas_px.items() if area_px >= 20}


def test_a_patch_is_seen_up_to_seventy_degrees_from_its_front() -> None:
    """The part of a patch's area that is seen is the cosine of its angle to the line of sight."""
    for yaw_deg in range(0, 90, 3):
        head = turn(yaw_deg)
        facing = {name: (head @ patch.unit_normal)[2] for name, patch in PATCHES.items()}
        found = colours(ramps(), average_face(DLIB_68, head=head), DLIB_68)
        assert known(found) == {name for name, cosine in facing.items() if cosine > 0.35}, yaw_deg


def test_what_lies_beyond_crop_or_picture_is_unknown() -> None:
    points = average_face(DLIB_68)
    assert known(colours(ramps(), points, DLIB_68, side_px=240.0)) == set(NAMES) - {"neck"}
    low = points + np.array([0, 130, 0])
    rgb = ramps()
    to_frame = Region((320.0, 370.0), 440.0).to_frame(256)
    crop = FaceCrop(Frame(0, 0.0, rgb).crop(to_frame, (256, 256)), to_frame)
    found = dict(zip(NAMES, patch_colours(crop, low, DLIB_68, SIZE_PX), strict=True))
    assert known(found) == set(NAMES) - {"neck"}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["unknown", "a point", "a line"])
def test_landmarks_that_are_no_face_give_nothing(kind) -> None:
    points = average_face(DLIB_68)
    if kind == "unknown":
        points[:] = np.nan
    elif kind == "a point":
        points[:] = (320, 240, 0)
    else:
        points[:, 1] = 240
    assert known(colours(ramps(), points, DLIB_68)) == set()


def test_every_frame_of_a_face_with_a_crop_is_measured() -> None:
    points = average_face(DLIB_68)
    face = FaceDetection(points, 1.0, crop=crop_of(ramps()))
    observer = PixelObserver(())
    for index in range(5):
        frame = Frame(index, index / 25, ramps())
        values = observer.measure(frame, {3: face, 4: FaceDetection(points, 1.0)}, DLIB_68)
        columns = [observer.names.index(name) for name in MEASURES]
        expected = patch_colours(face.crop, points, DLIB_68, SIZE_PX).ravel()
        assert values[3][columns].tolist() == expected.tolist()
        assert np.isnan(values[4][columns]).all()
