"""Self-blended pairs differ where they were blended and nowhere else, and are degraded alike."""

import cv2
import numpy as np
import pytest
import torch

from featurize.assets import BLENDING_LITE0, locate
from featurize.landmarks.people.chips import alignment
from featurize.networks.blending_lite0 import CROP_PADDING, CROP_PX, BlendingLite0
from pretraining.blending_network.architecture import BlendingNetwork, without_normalisation
from pretraining.blending_network.augmentation import (
    done,
    drawn_misplacement,
    drawn_steps,
    misplaced_view,
)
from pretraining.blending_network.crops import ClipCrops
from pretraining.blending_network.export import export
from pretraining.blending_network.self_blending import (
    REGIONS,
    SCHEMA,
    drawn_mask,
    self_blended,
)
from pretraining.blending_network.training import Schedule, as_input, drawn_pairs, trained
from pretraining.blending_network.worlds import World
from tests.test_featurize.faces import photograph

SEEDS = range(40)


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    """A picture of 256 px around a face, and its landmarks."""
    picture, points = photograph()
    middle = points[:, :2].mean(axis=0)
    to_frame = np.column_stack([np.eye(2) * 1.0, middle - 127.5])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(picture, to_frame, (256, 256), flags=flags)
    return cut, (points[:, :2] - to_frame[:, 2]).astype(np.float32)


@pytest.fixture(scope="module")
def clip(face) -> ClipCrops:
    picture, points_px = face
    return ClipCrops(np.stack([picture, picture // 2]), np.stack([points_px, points_px]))


class TestSelfBlending:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_outside_the_mask_a_pair_is_the_same_to_the_bit(self, face, seed: int) -> None:
        pair = self_blended(*face, np.random.default_rng(seed))
        assert pair.mask.dtype == np.float32
        assert 0 <= pair.mask.min() <= pair.mask.max() <= 1
        differs = (pair.authentic != pair.blended).any(axis=2)
        assert not differs[pair.mask == 0].any()
        assert differs.any()

    def test_the_authentic_one_is_the_picture_itself_as_often_as_not(self, face) -> None:
        same = [
            np.array_equal(self_blended(*face, np.random.default_rng(seed)).authentic, face[0])
            for seed in range(100)
        ]
        assert 30 < sum(same) < 70

    def test_masks_lie_on_the_face_and_leave_the_edge_of_the_picture(self, face) -> None:
        picture, points_px = face
        square_px = np.hypot(*alignment(points_px, SCHEMA, 1.0, 0.0)[:, 0])
        x, y = points_px.T
        hull = np.array([x.min(), y.min(), x.max(), y.max()])
        for seed in SEEDS:
            mask = drawn_mask(picture.shape[:2], points_px, square_px, np.random.default_rng(seed))
            rows, columns = np.nonzero(mask > mask.max() / 2)
            reach = np.array([columns.min(), rows.min(), columns.max(), rows.max()]) - hull
            assert (reach * [-1, -1, 1, 1] < 0.35 * square_px).all()

    def test_regions_are_drawn_as_often_as_said_and_leave_some_for_boxes(self) -> None:
        assert 0 < 1 - sum(share for share, _ in REGIONS.values()) < 0.2
        for _, indices in REGIONS.values():
            assert len(set(indices.tolist())) >= 20
            assert indices.max() < SCHEMA.n_points

    def test_the_seed_decides_everything(self, face) -> None:
        one, same, other = (self_blended(*face, np.random.default_rng(seed)) for seed in (5, 5, 6))
        assert np.array_equal(one.blended, same.blended)
        assert not np.array_equal(one.blended, other.blended)

    def test_neither_the_picture_nor_the_points_are_written_into(self, face) -> None:
        before = [part.copy() for part in face]
        for seed in SEEDS:
            self_blended(*face, np.random.default_rng(seed))
        assert all(np.array_equal(*parts) for parts in zip(before, face, strict=True))


class TestAugmentation:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_what_is_alike_before_is_alike_after(self, face, seed: int) -> None:
        picture, points_px = face
        rng = np.random.default_rng(seed)
        steps = [*drawn_steps(rng), misplaced_view(points_px, drawn_misplacement(rng))]
        seen = done(picture, steps)
        assert seen.shape == (CROP_PX, CROP_PX, 3)
        assert seen.dtype == np.uint8
        assert np.array_equal(done(picture.copy(), steps), seen)

    def test_the_view_is_about_that_of_use_and_mirrored_half_the_time(self, face) -> None:
        picture, points_px = face
        blob = np.zeros_like(picture)
        eye = points_px[SCHEMA.points["right_eye_outer"]]
        cv2.circle(blob, eye.round().astype(int).tolist(), 6, (255, 255, 255), -1)
        place = (0.1206 + CROP_PADDING) / (1 + 2 * CROP_PADDING) * CROP_PX
        sides = []
        for seed in range(60):
            off = drawn_misplacement(np.random.default_rng(seed))
            seen = misplaced_view(points_px, off)(blob)
            column = np.nonzero(seen[:, :, 0] > 128)[1].mean()
            sides.append(column > CROP_PX / 2)
            assert min(column, CROP_PX - 1 - column) == pytest.approx(place, abs=0.1 * CROP_PX)
        assert 15 < sum(sides) < 45

    def test_pairs_are_pairs(self, clip) -> None:
        authentic, blended = drawn_pairs([clip], [], 6, np.random.default_rng(0))
        assert authentic.shape == blended.shape == (6, CROP_PX, CROP_PX, 3)
        levels = authentic.astype(float), blended.astype(float)
        for one, other in zip(*levels, strict=True):
            # The corners of the crop are beyond the face: there is nothing of the blend in them.
            assert np.abs(one - other)[:12, :12].mean() < 2
            assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.8

    def test_every_other_pair_is_of_a_world_seen_from_the_same_place(self, face, clip) -> None:
        picture, points_px = face
        moved_px = 20
        # The fake is darker, and its face lies elsewhere in the picture.
        darker = np.roll(picture // 2, moved_px, axis=1)
        fake = ClipCrops(darker[None], points_px[None] + np.float32([moved_px, 0]))
        world = World(ClipCrops(picture[None], points_px[None]), (fake,))
        n_alike = []
        for seed in range(8):
            pair = drawn_pairs([clip], [world], 2, np.random.default_rng(seed))
            one, other = (crops[1].astype(float) for crops in pair)
            middle = slice(CROP_PX // 4, -CROP_PX // 4)
            seen = np.corrcoef(one[middle, middle].ravel(), other[middle, middle].ravel())[0, 1]
            assert seen > 0.9
            assert other.mean() < 0.75 * one.mean()
            n_alike.append(np.abs(one / 2 - other)[middle, middle].mean() < 2)
        assert 0 < sum(n_alike) < 8  # half of them are degraded once more

    def test_a_world_is_seen_no_longer_than_its_shortest_fake(self, face, clip) -> None:
        picture, points_px = face
        white, black = np.full_like(picture, 255), np.zeros_like(picture)
        points = np.stack([points_px] * 3)
        authentic = ClipCrops(np.stack([black, white, white]), points)
        world = World(authentic, (ClipCrops(black[None], points[:1]),))
        for seed in range(8):
            one, other = drawn_pairs([clip], [world], 2, np.random.default_rng(seed))
            assert np.abs(one[1].astype(float) - other[1]).mean() < 30


class TestTraining:
    def test_rates_rise_then_fall_to_nothing(self) -> None:
        schedule = Schedule(n_steps=100, rate=1.0, n_warm_up=10)
        rates = np.array([schedule.rate_at(step) for step in range(101)])
        assert np.argmax(rates) in (9, 10)
        assert rates.max() == pytest.approx(1.0)
        assert (np.diff(rates[10:]) < 0).all()
        assert rates[100] == pytest.approx(0.0, abs=1e-12)

    def test_the_seed_decides_what_is_learnt(self, clip) -> None:
        schedule = Schedule(n_steps=2, n_pairs=2, n_warm_up=1)
        heads = [trained([clip], [], schedule, seed).head.weight for seed in (3, 3, 4)]
        assert torch.equal(heads[0], heads[1])
        assert not torch.equal(heads[0], heads[2])

    def test_normalisation_can_be_left_out(self, clip) -> None:
        network = any_network()
        crops = as_input(np.concatenate(drawn_pairs([clip], [], 2, np.random.default_rng(0))))
        with torch.inference_mode():
            whole, plain = network(crops), without_normalisation(network)(crops)
        assert torch.allclose(whole, plain, atol=1e-3)

    def test_what_opencv_reads_is_what_was_trained(self, clip, tmp_path) -> None:
        network = any_network()
        paths = [tmp_path / "one.onnx", tmp_path / "two.onnx"]
        for path in paths:
            export(network, path)
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert paths[0].stat().st_size == pytest.approx(_shipped_bytes(), rel=0.01)
        crops = np.concatenate(drawn_pairs([clip], [], 4, np.random.default_rng(0)))
        with torch.inference_mode():
            expected = network(as_input(crops)).numpy()
        said = BlendingLite0(path=paths[0]).embed(crops)[:, 0]
        assert np.ptp(expected) > 0.1
        assert said == pytest.approx(expected, abs=0.02)


def _shipped_bytes() -> int:
    return locate(BLENDING_LITE0).stat().st_size


def any_network() -> BlendingNetwork:
    """Weights from ImageNet with a drawn head."""
    torch.manual_seed(0)
    network = BlendingNetwork().eval()
    torch.nn.init.normal_(network.head.weight, 0, 0.05)
    return network


def test_crops_come_back_from_their_file(clip, tmp_path) -> None:
    clip.save(tmp_path / "clip.npz")
    again = ClipCrops.load(tmp_path / "clip.npz")
    assert np.array_equal(again.pictures, clip.pictures)
    assert np.array_equal(again.points_px, clip.points_px)
