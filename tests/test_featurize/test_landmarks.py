"""Schemes of named points, model files, shapes of tracks."""

import struct
import zipfile

import numpy as np
import pytest

from featurize.assets import FACE_LANDMARKER, MODELS_VARIABLE, locate
from featurize.errors import ModelFileError, TrackError, UnknownBackendError
from featurize.extraction import LandmarkOptions
from featurize.landmarks.detection import overlap
from featurize.landmarks.schema import BLENDSHAPE_NAMES, MEDIAPIPE_478, SCHEMES, mirror_name
from featurize.types import LandmarkTrack
from tests.test_featurize.tracks import neutral_face


@pytest.mark.parametrize("schema", SCHEMES.values(), ids=SCHEMES.keys())
class TestSchemes:
    def test_each_point_has_one_name(self, schema) -> None:
        numbers = list(schema.points.values())
        assert len(set(numbers)) == len(numbers)
        assert 0 <= min(numbers) <= max(numbers) < schema.n_points

    def test_every_point_has_its_mirror(self, schema) -> None:
        assert {mirror_name(name) for name in schema.points} == set(schema.points)
        here, there = schema.mirror
        swap = dict(zip(here.tolist(), there.tolist(), strict=True))
        assert all(swap[swap[index]] == index for index in swap)

    def test_regions_are_made_of_points_and_are_symmetric(self, schema) -> None:
        for region, names in schema.regions.items():
            assert names or region == "irises"
            assert {mirror_name(name) for name in names} == set(names)
            assert set(names) <= set(schema.points)


def test_names_are_where_they_say_on_a_real_frontal_face() -> None:
    face = neutral_face()
    at = {name: face[index] for name, index in MEDIAPIPE_478.points.items()}
    for name, (x, _, _) in at.items():
        if name.startswith("left_"):
            assert x > 0, f"{name} is not on the subject's left"
        elif name.startswith("right_"):
            assert x < 0, f"{name} is not on the subject's right"
    iod = at["left_eye_outer"][0] - at["right_eye_outer"][0]
    for name, (x, y, _) in at.items():
        partner = at[mirror_name(name)]
        assert abs(x + partner[0]) < 0.2 * iod, f"{name} and its mirror are not opposite"
        assert abs(y - partner[1]) < 0.2 * iod, f"{name} and its mirror are not level"
    down = ["forehead_top", "glabella", "nasion", "nose_tip", "subnasale"]
    down += ["lip_upper_outer_middle", "lip_lower_outer_middle", "chin"]
    heights = [at[name][1] for name in down]
    assert heights == sorted(heights, reverse=True)
    for side in ("left", "right"):
        for number in range(1, 8):
            assert at[f"{side}_eye_upper_{number}"][1] > at[f"{side}_eye_lower_{number}"][1]
        assert abs(at[f"{side}_iris_edge_1"][0]) > abs(at[f"{side}_iris_centre"][0])
        assert abs(at[f"{side}_iris_edge_3"][0]) < abs(at[f"{side}_iris_centre"][0])


def test_named_points_are_where_the_canonical_face_of_the_bundle_has_them() -> None:
    with zipfile.ZipFile(locate(FACE_LANDMARKER)) as bundle:
        data = bundle.read("geometry_pipeline_metadata_landmarks.binarypb")
    # Vertices are floats behind the tag 0x1d: x, y, z, u, v.
    numbers, at = [], data.index(b"\x1d")
    while data[at] == 0x1D:
        numbers.append(struct.unpack("<f", data[at + 1 : at + 5])[0])
        at += 5
    vertices = np.reshape(numbers, (-1, 5))[:, :3]
    for name, place_cm in MEDIAPIPE_478.average_cm.items():
        assert place_cm == pytest.approx(vertices[MEDIAPIPE_478.points[name]], abs=1e-3), name
        mirrored_cm = MEDIAPIPE_478.average_cm[mirror_name(name)]
        assert place_cm == pytest.approx((-mirrored_cm[0], *mirrored_cm[1:]), abs=1e-3)


def test_there_are_52_different_blendshapes() -> None:
    assert len(set(BLENDSHAPE_NAMES)) == len(BLENDSHAPE_NAMES) == 52


def test_blendshapes_are_in_the_order_of_the_backend() -> None:
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python import BaseOptions, vision
    from skimage.data import astronaut

    from featurize.assets import locate as find

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(find(FACE_LANDMARKER))),
        output_face_blendshapes=True,
    )
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        photo = Image(image_format=ImageFormat.SRGB, data=astronaut())
        shapes = landmarker.detect(photo).face_blendshapes[0]
    assert [s.category_name.removeprefix("_") for s in shapes] == list(BLENDSHAPE_NAMES)


class TestModelFiles:
    def test_the_packaged_file_is_found(self, monkeypatch) -> None:
        monkeypatch.delenv(MODELS_VARIABLE, raising=False)
        assert locate(FACE_LANDMARKER).name == "face_landmarker.task"

    def test_a_folder_of_ones_own_comes_first(self, monkeypatch, tmp_path) -> None:
        monkeypatch.delenv(MODELS_VARIABLE, raising=False)
        (tmp_path / FACE_LANDMARKER.name).write_bytes(locate(FACE_LANDMARKER).read_bytes())
        monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
        assert locate(FACE_LANDMARKER).parent == tmp_path

    def test_another_content_is_refused(self, monkeypatch, tmp_path) -> None:
        (tmp_path / FACE_LANDMARKER.name).write_bytes(b"something else")
        monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
        with pytest.raises(ModelFileError, match=r"is not the face_landmarker\.task"):
            locate(FACE_LANDMARKER)

    def test_a_missing_package_is_named(self, monkeypatch) -> None:
        from dataclasses import replace

        monkeypatch.delenv(MODELS_VARIABLE, raising=False)
        with pytest.raises(ModelFileError, match="pip install no_such_package_here"):
            locate(replace(FACE_LANDMARKER, package="no_such_package_here"))


@pytest.mark.parametrize(("side", "other"), [("left", "right"), ("right", "left")])
def test_an_iris_outside_its_eye_is_unknown(side: str, other: str) -> None:
    from featurize.landmarks.mediapipe478.backend import without_stray_irises

    face = neutral_face()
    irises = {
        s: [i for name, i in MEDIAPIPE_478.points.items() if name.startswith(f"{s}_iris")]
        for s in (side, other)
    }
    assert np.isfinite(without_stray_irises(face)).all()
    face[irises[side]] += [0, 40, 0]
    seen = without_stray_irises(face)
    assert np.isnan(seen[irises[side]]).all()
    assert np.isfinite(np.delete(seen, irises[side], axis=0)).all()


def test_unknown_backend() -> None:
    with pytest.raises(UnknownBackendError, match=r"'openface'.*mediapipe"):
        LandmarkOptions("openface")


@pytest.mark.parametrize(
    ("other", "expected"),
    [((0, 0, 10, 10), 1), ((10, 0, 20, 10), 0), ((5, 0, 15, 10), 1 / 3), ((0, 0, 5, 5), 0.25)],
)
def test_overlap(other: tuple[float, ...], expected: float) -> None:
    assert overlap((0, 0, 10, 10), other) == pytest.approx(expected)
    assert overlap(other, (0, 0, 10, 10)) == pytest.approx(expected)


class TestTrackShapes:
    def make(self, **changes) -> LandmarkTrack:
        arrays = {
            "points_px": np.zeros((3, 478, 3), np.float32),
            "time_s": np.array([0.0, 0.1, 0.2]),
            "confidence": np.ones(3, np.float32),
            "schema": "mediapipe478",
            "frame_size_px": (10, 10),
        }
        return LandmarkTrack(**(arrays | changes))

    def test_right_shapes(self) -> None:
        assert self.make().n_frames == 3

    @pytest.mark.parametrize(
        "changes",
        [
            {"points_px": np.zeros((3, 478, 2), np.float32)},
            {"points_px": np.zeros((4, 478, 3), np.float32)},
            {"confidence": np.ones(2, np.float32)},
            {"blendshapes": np.zeros((3, 51), np.float32)},
            {"pose": np.zeros((3, 3, 3), np.float32)},
        ],
    )
    def test_wrong_shapes(self, changes) -> None:
        with pytest.raises(TrackError, match="must be"):
            self.make(**changes)

    def test_times_must_increase(self) -> None:
        with pytest.raises(TrackError, match="increase"):
            self.make(time_s=np.array([0.0, 0.1, 0.1]))
