"""Aligned faces and their embeddings: the same as dlib's own, whichever scheme names the points."""

import cv2
import dlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.data import astronaut

from featurize.assets import SHAPE_PREDICTOR_68, locate
from featurize.frame import Frame
from featurize.landmarks.people.chips import CHIP_PX, face_chip, face_look, frontality, standardised
from featurize.landmarks.people.identity import embed_faces
from featurize.landmarks.schema import MEDIAPIPE_478, SCHEMES
from featurize.synthesis.photograph import load_photograph
from tests.test_featurize.stage import smooth_noise
from tests.test_featurize.tracks import neutral_face, turn

FACE = load_photograph().points["face"]


def moved(scale: float, roll_deg: float, shift_px: tuple[float, float]) -> tuple[Frame, np.ndarray]:
    """The photograph and its landmarks, turned, scaled and shifted."""
    matrix = cv2.getRotationMatrix2D((225, 110), -roll_deg, scale)
    matrix[:, 2] += shift_px
    picture = cv2.warpAffine(astronaut(), matrix, (512, 512), flags=cv2.INTER_AREA)
    points = FACE.copy()
    points[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return Frame(0, 0.0, picture), points


class TestChips:
    def test_eyes_and_nose_are_where_dlib_wants_them(self) -> None:
        # A picture whose red and green say where each pixel is.
        ramp = np.zeros((256, 256, 3), np.uint8)
        ramp[..., 0], ramp[..., 1] = np.arange(256)[None, :], np.arange(256)[:, None]
        face = neutral_face() * [1, -1, 1] * 0.8 + [128, 128, 0]
        chip = face_chip(Frame(0, 0.0, ramp), face, MEDIAPIPE_478).astype(float)
        assert chip.shape == (CHIP_PX, CHIP_PX, 3)
        eyes = face[MEDIAPIPE_478.indices(("right_eye_outer", "left_eye_outer")), :2]
        # dlib's places with its padding of a quarter.
        places = (np.array([(0.1206, 0.2137), (0.8596, 0.2135)]) + 0.25) / 1.5 * CHIP_PX
        for eye, place in zip(eyes, places, strict=True):
            column, row = np.round(place).astype(int)
            assert chip[row, column, :2] == pytest.approx(eye, abs=6)

    @given(
        scale=st.floats(0.5, 1.6),
        roll_deg=st.floats(-40, 40),
        shift_px=st.tuples(st.floats(-30, 30), st.floats(-20, 60)),
    )
    def test_place_size_and_turn_do_not_matter(self, scale, roll_deg, shift_px) -> None:
        here = face_chip(*moved(1.0, 0.0, (0, 0)), MEDIAPIPE_478)
        there = face_chip(*moved(scale, roll_deg, shift_px), MEDIAPIPE_478)
        middle = np.s_[30:120, 30:120]
        assert standardised(here[middle]) @ standardised(there[middle]) > 0.97

    def test_a_face_half_beyond_the_border_is_right_where_there_is_a_picture(self) -> None:
        ramp = np.repeat((np.arange(300) // 2).astype(np.uint8)[None, :, None], 200, axis=0)
        frame = Frame(0, 0.0, np.repeat(ramp, 3, axis=2))
        face = neutral_face() * [1, -1, 1] + [0, 100, 0]
        chip = face_chip(frame, face, MEDIAPIPE_478).astype(float)
        assert chip.shape == (CHIP_PX, CHIP_PX, 3)
        inside = chip[CHIP_PX // 2, CHIP_PX // 2 + 10 :, 0]
        assert (np.diff(inside) >= 0).all()
        assert inside[-1] - inside[0] > 10


class TestLooks:
    def test_length_is_one_and_mean_zero(self) -> None:
        look = face_look(*moved(1.0, 0.0, (0, 0)), MEDIAPIPE_478)
        assert np.linalg.norm(look) == pytest.approx(1, abs=1e-5)
        assert look.mean() == pytest.approx(0, abs=1e-5)

    def test_light_does_not_matter_but_who_it_is_does(self) -> None:
        frame, points = moved(1.0, 0.0, (0, 0))
        look = face_look(frame, points, MEDIAPIPE_478)
        darker = Frame(0, 0.0, (frame.rgb * 0.5 + 20).astype(np.uint8))
        assert look @ face_look(darker, points, MEDIAPIPE_478) > 0.99
        clouds = (smooth_noise(0, (512, 512), 30)[..., None] * [200, 200, 200]).astype(np.uint8)
        assert look @ face_look(Frame(0, 0.0, clouds), points, MEDIAPIPE_478) < 0.6

    def test_a_picture_without_contrast(self) -> None:
        grey = Frame(0, 0.0, np.full((512, 512, 3), 90, np.uint8))
        assert not face_look(grey, FACE, MEDIAPIPE_478).any()


@pytest.mark.parametrize("roll_deg", [0, 30, -70])
def test_frontality_falls_with_yaw_alone(roll_deg: float) -> None:
    def of(yaw_deg: float) -> float:
        face = neutral_face() @ (turn(roll_deg=roll_deg) @ turn(yaw_deg=yaw_deg)).T
        return frontality(face * [1, -1, 1], MEDIAPIPE_478)

    assert of(0) > 0.9
    assert of(0) > of(20) > of(40) >= 0
    assert of(25) == pytest.approx(of(-25), abs=0.1)


class TestEmbedding:
    def test_agrees_with_dlibs_own_alignment(self) -> None:
        picture = astronaut()
        (box, *_) = dlib.get_frontal_face_detector()(picture, 0)
        shape = dlib.shape_predictor(str(locate(SHAPE_PREDICTOR_68)))(picture, box)
        by_dlib = dlib.get_face_chip(picture, shape, CHIP_PX, 0.25)
        points_68 = np.array([(p.x, p.y, 0) for p in shape.parts()], float)
        chips = [
            by_dlib,
            face_chip(Frame(0, 0.0, picture), FACE, MEDIAPIPE_478),
            face_chip(Frame(0, 0.0, picture), points_68, SCHEMES["dlib68"]),
        ]
        reference, *ours = embed_faces(np.stack(chips))
        assert reference.shape == (128,)
        for embedding in ours:
            assert np.linalg.norm(embedding - reference) < 0.2

    def test_the_same_face_smaller_and_turned_is_near_another_thing_is_not(self) -> None:
        clouds = (smooth_noise(1, (CHIP_PX, CHIP_PX), 20)[..., None] * COLOUR).astype(np.uint8)
        chips = [
            face_chip(*moved(1.0, 0.0, (0, 0)), MEDIAPIPE_478),
            face_chip(*moved(0.6, 25.0, (0, 0)), MEDIAPIPE_478),
            clouds,
        ]
        face, again, thing = embed_faces(np.stack(chips))
        assert np.linalg.norm(face - again) < 0.25
        assert np.linalg.norm(face - thing) > 0.5

    def test_nothing_to_embed(self) -> None:
        assert embed_faces(np.empty((0, CHIP_PX, CHIP_PX, 3), np.uint8)).shape == (0, 128)

    def test_every_scheme_names_the_points_of_the_alignment(self) -> None:
        frame = Frame(0, 0.0, astronaut())
        for schema in SCHEMES.values():
            points = np.random.default_rng(0).uniform(100, 200, (schema.n_points, 3))
            assert face_chip(frame, points, schema).shape == (CHIP_PX, CHIP_PX, 3)


COLOUR = np.array([220, 180, 160])
