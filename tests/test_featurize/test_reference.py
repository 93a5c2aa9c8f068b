"""Photographs of a person against faces of a video: every verdict, and who is who."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.errors import OptionError, ReferencePhotoError
from featurize.extraction import make_backend
from featurize.frame import Frame
from featurize.networks.network import open_network
from featurize.reference import (
    DIFFERENT_FROM,
    NOT_AUTHENTIC,
    SAME_UP_TO,
    PhotoFaces,
    Reference,
)
from featurize.synthesis import Performer, Script, Sines
from featurize.types import FaceSamples
from tests.test_featurize.pictures import HER, STORED, encoded, saved, with_orientation


def off(embedding: np.ndarray, distance: float, axis: int = 0) -> np.ndarray:
    moved = embedding.copy()
    moved[axis] += distance
    return moved


@dataclass
class Face:
    """What is compared of a recording: times, and samples twice a second."""

    time_s: np.ndarray
    samples: dict[str, FaceSamples] = field(default_factory=dict)

    @property
    def track(self) -> "Face":
        return self


def face_of(*embeddings: np.ndarray) -> Face:
    frames = np.arange(len(embeddings)) * 12
    values = np.array(embeddings, np.float32).reshape(-1, 128)
    time_s = np.arange(12 * max(len(embeddings), 1)) / 24
    return Face(time_s, {"dlib_resnet": FaceSamples(frames, values)})


ANYBODY = np.linspace(-0.2, 0.2, 128)
HERS = Reference((PhotoFaces("her.jpg", ANYBODY[None]),))


class TestVerdicts:
    @pytest.mark.parametrize(
        ("distance", "verdict"),
        [
            (0.0, "same"),
            (SAME_UP_TO - 0.01, "same"),
            (SAME_UP_TO + 0.01, "uncertain"),
            (DIFFERENT_FROM - 0.01, "uncertain"),
            (DIFFERENT_FROM + 0.01, "different"),
            (2.0, "different"),
        ],
    )
    def test_by_distance(self, distance: float, verdict: str) -> None:
        match = HERS.compare([face_of(*[off(ANYBODY, distance)] * 5)])
        assert match.verdict == verdict
        assert match.distance == pytest.approx(distance, abs=1e-6)
        assert (match.same_up_to, match.different_from) == (SAME_UP_TO, DIFFERENT_FROM)
        assert match.n_photos == 1

    def test_the_limits_leave_room_below_that_of_dlib(self) -> None:
        assert SAME_UP_TO < DIFFERENT_FROM <= 0.6

    def test_the_median_over_time_counts_and_every_sample_is_shown(self) -> None:
        ways = (0.1, 0.2, 0.3, 0.9, 0.2)
        match = HERS.compare([face_of(*(off(ANYBODY, way) for way in ways))])
        assert match.distances == pytest.approx(ways, abs=1e-6)
        assert match.time_s == pytest.approx((0, 0.5, 1, 1.5, 2))
        assert match.distance == pytest.approx(0.2, abs=1e-6)
        assert match.verdict == "same"
        # One sample in five is somebody else's.
        assert any("20%" in warning for warning in match.warnings)

    def test_the_same_person_is_never_called_authentic(self) -> None:
        near, far = (HERS.compare([face_of(*[off(ANYBODY, way)] * 5)]) for way in (0.1, 0.9))
        assert NOT_AUTHENTIC in near.warnings
        assert far.warnings == ()

    def test_neighbours_do_not_count_twice(self) -> None:
        embeddings = np.array([off(ANYBODY, way) for way in (0.1, 0.9, 0.2, 0.3, 0.9)], np.float32)
        samples = FaceSamples(np.array([0, 1, 12, 24, 25]), embeddings)
        match = HERS.compare([Face(np.arange(48) / 24, {"dlib_resnet": samples})])
        assert match.distances == pytest.approx((0.1, 0.2, 0.3), abs=1e-6)

    def test_the_face_that_fits_best(self) -> None:
        faces = [face_of(*[off(ANYBODY, way)] * 4) for way in (0.9, 0.3, 0.5)]
        assert HERS.compare(faces).face == 1
        # A face that could not be embedded keeps its number.
        assert HERS.compare([Face(np.arange(48) / 24), *faces]).face == 2

    @pytest.mark.parametrize(
        "faces",
        [
            [],
            [Face(np.arange(48) / 24)],
            [face_of()],
            [face_of(ANYBODY, ANYBODY)],
        ],
    )
    def test_nothing_to_compare_is_unknown_and_says_why(self, faces: list[Face]) -> None:
        match = HERS.compare(faces)
        assert match.verdict == "unknown"
        assert np.isnan(match.distance)
        assert (match.face, match.time_s, match.distances) == (0, (), ())
        (reason,) = match.warnings
        assert ("no face" in reason) == (not faces)

    def test_three_samples_are_enough(self) -> None:
        assert HERS.compare([face_of(*[ANYBODY] * 3)]).verdict == "same"

    def test_photographs_are_averaged(self) -> None:
        """Two photographs that are off in opposite ways show the person in the middle."""
        photos = (off(ANYBODY, 0.25), off(ANYBODY, -0.25))
        reference = Reference(tuple(PhotoFaces(str(i), p[None]) for i, p in enumerate(photos)))
        match = reference.compare([face_of(*[ANYBODY] * 4)])
        assert match.distance == pytest.approx(0, abs=1e-6)
        assert match.n_photos == 2

    def test_of_a_group_photograph_the_face_that_fits(self) -> None:
        group = PhotoFaces("group.jpg", np.array([off(ANYBODY, 0.9), off(ANYBODY, 0.1)]))
        match = Reference((group,)).compare([face_of(*[ANYBODY] * 4)])
        assert match.distance == pytest.approx(0.1, abs=1e-6)
        assert any("group.jpg shows 2 faces" in warning for warning in match.warnings)

    def test_photographs_of_different_people_are_told_of(self) -> None:
        strange = PhotoFaces("strange.jpg", off(ANYBODY, 0.8)[None])
        match = Reference((*HERS.photos, strange)).compare([face_of(*[ANYBODY] * 4)])
        (warning,) = (text for text in match.warnings if "different people" in text)
        assert "her.jpg" in warning
        assert "strange.jpg" in warning

    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 2**31), n_photos=st.integers(1, 4), n_faces=st.integers(1, 3))
    def test_the_axes_and_the_order_do_not_matter(
        self, seed: int, n_photos: int, n_faces: int
    ) -> None:
        rng = np.random.default_rng(seed)
        photos = rng.normal(0, 0.05, (n_photos, 2, 128))
        faces = rng.normal(0, 0.05, (n_faces, 5, 128))
        axis = rng.normal(size=128)
        turn = np.eye(128) - 2 * np.outer(axis, axis) / (axis @ axis)

        def match(photos: np.ndarray, faces: np.ndarray):
            reference = Reference(tuple(PhotoFaces("p", photo) for photo in photos))
            return reference.compare([face_of(*face) for face in faces])

        usual, turned = match(photos, faces), match(photos @ turn, faces @ turn)
        assert turned.face == usual.face
        assert turned.distances == pytest.approx(usual.distances, abs=1e-5)
        backwards = match(photos[::-1, ::-1], faces[::-1])
        assert backwards.face == n_faces - 1 - usual.face
        assert backwards.distance == pytest.approx(usual.distance, abs=1e-6)


@pytest.fixture(scope="module")
def astronaut_reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    path = tmp_path_factory.mktemp("reference") / "astronaut.png"
    path.write_bytes(encoded(HER))
    return Reference.of([path])


def distance_to(reference: Reference, other: Reference) -> float:
    (photo,), (other_photo,) = reference.photos, other.photos
    return float(np.linalg.norm(photo.embeddings[0] - other_photo.embeddings[0]))


class TestPhotographs:
    """The embeddings of 45 people's faces move by 0.25 from frame to frame of a video."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda rgb: rgb[:, ::-1],
            lambda rgb: cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
            lambda rgb: cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
            lambda rgb: np.dstack([cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)] * 3),
        ],
        ids=["mirrored", "larger", "smaller", "grey"],
    )
    def test_the_same_photograph_is_the_same_person(
        self, tmp_path: Path, astronaut_reference: Reference, change
    ) -> None:
        changed = Reference.of(str(saved(tmp_path, np.ascontiguousarray(change(HER)))))
        assert distance_to(astronaut_reference, changed) < 0.25

    def test_a_photograph_that_was_held_sideways(
        self, tmp_path: Path, astronaut_reference: Reference
    ) -> None:
        jpeg = encoded(STORED[6](HER), ".jpg")
        held = Reference.of([saved(tmp_path, with_orientation(jpeg, 6), "held.jpg")])
        assert distance_to(astronaut_reference, held) < 0.25

    def test_a_photograph_without_a_face_is_named(self, tmp_path: Path) -> None:
        landscape = saved(tmp_path, np.full((200, 300, 3), 120, np.uint8), "landscape.png")
        with pytest.raises(ReferencePhotoError, match=r"landscape\.png shows no face"):
            Reference.of([saved(tmp_path, HER, "her.png"), landscape])

    def test_a_face_that_is_too_small(self, tmp_path: Path) -> None:
        small = cv2.resize(HER, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
        with pytest.raises(ReferencePhotoError, match="less than 40 pixels wide"):
            Reference.of([saved(tmp_path, small)])

    def test_no_photograph_at_all(self) -> None:
        with pytest.raises(ReferencePhotoError, match="at least one"):
            Reference.of([])

    def test_two_faces_on_one_photograph(
        self, tmp_path: Path, astronaut_reference: Reference
    ) -> None:
        face = HER[:260, 90:360]
        darker = (cv2.flip(face, 1) * 0.7).astype(np.uint8)
        two = Reference.of([saved(tmp_path, np.hstack([face, darker]))])
        assert two.photos[0].embeddings.shape == (2, 128)
        (hers,) = astronaut_reference.photos[0].embeddings
        match = two.compare([face_of(*[hers] * 4)])
        assert match.verdict == "same"
        assert any("shows 2 faces" in warning for warning in match.warnings)

    def test_a_device_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match="abacus"):
            Reference.of([saved(tmp_path, HER)], device="abacus")

    def test_the_performer_of_her_photograph_is_her(self, astronaut_reference: Reference) -> None:
        """Rendering, relief and grain cost her a third of a unit, and never the verdict."""
        performer, network = Performer(256), open_network("dlib-resnet")
        script = Script(duration_s=2.0, yaw_deg=Sines((10.0,), (0.5,), (0.0,)))
        crops = []
        with make_backend("mediapipe") as backend:
            for number in range(3):
                frame = Frame(number, number / 2, performer.frame(script, number / 2))
                face = backend.fit(frame, backend.search(frame, thorough=True)[0])
                crops.append(network.crop(frame, face.points_px, backend.schema))
        match = astronaut_reference.compare([face_of(*network.embed(np.stack(crops)))])
        assert match.verdict == "same"
        assert max(match.distances) < SAME_UP_TO
