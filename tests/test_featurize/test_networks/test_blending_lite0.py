"""The network that looks for blending: without PyTorch, always the same, its file and no other."""

import hashlib
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from featurize.assets import BLENDING_LITE0, MODELS_VARIABLE, locate
from featurize.errors import ModelFileError, NetworkFailedError, OptionError
from featurize.frame import Frame
from featurize.networks.blending_lite0 import CROP_PX, FACTS, MIN_FACE_WIDTH_PX, BlendingLite0
from featurize.networks.network import network_facts, open_network
from tests.test_contracts.test_house import run
from tests.test_featurize.faces import face_points
from tests.test_featurize.test_networks.photographs import SCHEMA, crops_for, moved


@pytest.fixture(scope="module")
def network() -> BlendingLite0:
    return BlendingLite0()


@pytest.fixture(scope="module")
def crops(network: BlendingLite0) -> np.ndarray:
    return crops_for(network)


class TestFile:
    def test_is_the_one_that_is_named_and_small(self) -> None:
        content = locate(BLENDING_LITE0).read_bytes()
        assert hashlib.sha256(content).hexdigest() == FACTS.sha256
        assert len(content) <= 10_000_000

    def test_another_one_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        content = bytearray(locate(BLENDING_LITE0).read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / BLENDING_LITE0.name).write_bytes(content)
        monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
        with pytest.raises(ModelFileError, match=r"is not the blending_lite0\.onnx"):
            BlendingLite0()

    @pytest.mark.parametrize("share", [0.0, 0.5])
    def test_what_is_no_whole_onnx_file_is_refused(self, share: float, tmp_path: Path) -> None:
        content = locate(BLENDING_LITE0).read_bytes()
        damaged = tmp_path / "fold0.onnx"
        damaged.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ModelFileError, match=r"fold0\.onnx is not an ONNX model"):
            BlendingLite0(path=damaged)

    def test_a_file_given_is_known_by_its_own_digest(self, tmp_path: Path, crops) -> None:
        same = tmp_path / "fold0.onnx"
        same.write_bytes(locate(BLENDING_LITE0).read_bytes())
        given = BlendingLite0(path=same)
        assert given.facts == FACTS
        assert np.array_equal(given.embed(crops[:1]), BlendingLite0().embed(crops[:1]))


class TestAnswers:
    def test_one_number_a_face(self, network, crops) -> None:
        values = network.embed(crops)
        assert values.shape == (len(crops), 1)
        assert values.dtype == np.float32
        assert len(np.unique(values)) == len(crops)
        assert network_facts("blending-lite0") == network.facts == FACTS

    def test_the_same_bytes_whatever_the_company_and_the_threads(self, network, crops) -> None:
        values = network.embed(crops)
        before = cv2.getNumThreads()
        cv2.setNumThreads(2)
        again = np.concatenate([BlendingLite0().embed(crops[[i]]) for i in range(len(crops))])
        assert cv2.getNumThreads() == 2
        cv2.setNumThreads(before)
        assert again.tobytes() == values.tobytes()
        assert network.embed(crops[::-1]).tobytes() == values[::-1].tobytes()

    def test_crops_are_not_written_into(self, network, crops) -> None:
        kept = crops.copy()
        network.embed(crops)
        assert np.array_equal(crops, kept)

    def test_what_is_no_crop_is_refused_unread(self, network) -> None:
        with pytest.raises(NetworkFailedError, match=r"reads \(160, 160, 3\), not \(8, 8, 5\)"):
            network.embed(np.zeros((1, 8, 8, 5), np.uint8))

    def test_what_opencv_raises_is_a_fault_of_that_video(self, crops) -> None:
        broken = BlendingLite0()
        broken._net = cv2.dnn.Net()
        with pytest.raises(NetworkFailedError, match=r"^The network blending_lite0 cannot be run"):
            broken.embed(crops[:1])

    def test_runs_where_there_is_no_torch(self, tmp_path: Path, network, crops) -> None:
        np.save(tmp_path / "crops.npy", crops)
        program = f"""
import sys
sys.modules["torch"] = sys.modules["onnx"] = sys.modules["efficientnet_lite_pytorch"] = None
import numpy as np
from featurize.networks.network import open_network
values = open_network("blending-lite0").embed(np.load({str(tmp_path / "crops.npy")!r}))
print(values.tobytes().hex())
"""
        result = run(sys.executable, "-c", program)
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip() == network.embed(crops).tobytes().hex()

    def test_there_is_no_gpu_for_it(self) -> None:
        with pytest.raises(OptionError, match=re.escape("blending-lite0 runs on OpenCV")):
            open_network("blending-lite0", "cuda")
        assert open_network("blending-lite0", "auto").settings["device"] == "cpu"


class TestCrops:
    def test_the_whole_outline_is_on_it(self, network) -> None:
        frame, points = moved()
        marked = frame.rgb // 2
        for column, row in (
            points[SCHEMA.indices(SCHEMA.regions["outline"]), :2].round().astype(int)
        ):
            marked[row - 2 : row + 3, column - 2 : column + 3] = (255, 0, 255)
        crop = network.crop(Frame(0, 0.0, marked), points, SCHEMA).astype(int)
        rows, columns = np.nonzero((crop[..., 0] > 180) & (crop[..., 1] < 80))
        for places in (rows, columns):
            assert 4 < places.min() < CROP_PX / 4
            assert CROP_PX * 3 / 4 < places.max() < CROP_PX - 4

    def test_a_face_that_is_too_small_has_none(self, network) -> None:
        picture = Frame(0, 0.0, np.zeros((400, 400, 3), np.uint8))
        assert network.crop(picture, face_points(MIN_FACE_WIDTH_PX / 2, (200, 200)), SCHEMA) is None
