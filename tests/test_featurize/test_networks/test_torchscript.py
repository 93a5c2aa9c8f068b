"""A user's own network: what is accepted, what is refused, and that nothing is unpickled."""

import hashlib
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from featurize.errors import ModelFileError, NetworkFailedError, OptionError
from featurize.networks.network import facts_of, network_facts, open_network
from featurize.networks.torchscript import MAX_DIMS
from tests.test_featurize.test_networks.photographs import SCHEMA, moved, nobody

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


class Means(torch.nn.Module):
    """Mean of each colour."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3))


class Convolution(torch.nn.Module):
    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(channels, 8, 5, 2)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layer(pictures)).mean((2, 3))


class Flattens(Convolution):
    """Views need the channels first in memory."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.layer(pictures).view(pictures.shape[0], -1)[:, :7]


class WritesIntoItsInput(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mul_(2).mean((2, 3))


class OneNumberEach(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((1, 2, 3))


class OneNumber(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean()


class Doubles(torch.nn.Module):
    """Beyond single precision."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3)).double() * 1e300


class MoreWhenWhite(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        n_dims = 3 if float(pictures.min()) > 0.5 else 2
        return pictures.mean((2, 3))[:, :n_dims]


class FeatureMap(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures


class Pair(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return pictures.mean((2, 3)), pictures.mean((2, 3))


class MeanOfAll(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3)).mean(0, keepdim=True)


class Nothing(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3))[:, :0]


class TooMuch(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.flatten(1)[:, :5000]


class Labels(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3)).argmax(1, keepdim=True)


class DividesByContrast(torch.nn.Module):
    """Not a number for a picture of one colour."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3)) / pictures.std((2, 3))


class MinusMeanOfBatch(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3)) - pictures.mean((0, 2, 3))


class Noisy(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3)) + torch.rand(pictures.shape[0], 3)


class TwoInputs(torch.nn.Module):
    def forward(self, pictures: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
        return (pictures + more).mean((2, 3))


class Raises(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if pictures.shape[0] == 4:
            raise ValueError("only by threes")
        return pictures.mean((2, 3))


class NoForward(torch.nn.Module):
    @torch.jit.export
    def embed(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3))


class LosesItsWay(torch.nn.Module):
    """Fails on a picture that is almost, not quite, black."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        means = pictures.mean((2, 3))
        dark = (means > 0) & (means < 0.1)
        return torch.where(dark, torch.full_like(means, float("nan")), means)


class GivesUp(torch.nn.Module):
    """Raises an exception for such a picture."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        means = pictures.mean((2, 3))
        if 0 < float(means[0, 0]) < 0.1:
            raise ValueError("too dark")
        return means


class OneNumberMore(torch.nn.Module):
    """Has other numbers for such a picture."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        means = pictures.mean((2, 3))
        return torch.cat([means, means], 1) if 0 < float(means[0, 0]) < 0.1 else means


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., str]:
    def save(module: torch.nn.Module, name: str = "net.pt") -> str:
        torch.jit.save(torch.jit.script(module), tmp_path / name)
        return str(tmp_path / name)

    return save


class TestAccepted:
    def test_pictures_come_red_first_from_0_to_1(self, saved) -> None:
        network = open_network(saved(Means()))
        crops = np.full((2, 224, 224, 3), [255, 0, 51], np.uint8)
        crops[1] = 0
        assert network.embed(crops) == pytest.approx(np.array([[1, 0, 0.2], [0, 0, 0]]), abs=1e-6)

    @pytest.mark.parametrize("module", [Convolution(), Flattens(), WritesIntoItsInput()])
    def test_results_are_those_of_one_crop_at_a_time(self, saved, module) -> None:
        network = open_network(saved(module))
        frame, points = moved()
        crop = network.crop(frame, points, SCHEMA)
        crops = np.stack([crop, crop[:, ::-1], nobody(224)])
        values = network.embed(crops)
        assert values.dtype == np.float32
        assert values.shape == (3, network.facts.n_dims)
        for crop, value in zip(crops, values, strict=True):
            assert np.array_equal(network.embed(crop[None]), value[None])
        assert network.embed_batch(crops) == pytest.approx(values, abs=1e-3)
        assert network.embed(crops[:0]).shape == (0, network.facts.n_dims)

    def test_running_it_often_changes_nothing(self, saved) -> None:
        """TorchScript rewrites code that has run a few times."""
        network = open_network(saved(Convolution()))
        crops = nobody(224)[None]
        first = network.embed(crops)
        assert all(np.array_equal(network.embed(crops), first) for _ in range(5))

    @pytest.mark.parametrize(
        ("name", "plain"),
        [
            ("My Net__v2.final.PT", "my_net_v2_final"),
            ("Größe.pt", "gr_e"),
            ("___.pt", "network"),
            ("x" * 90 + ".pt", "x" * 40),
        ],
    )
    def test_its_name_can_stand_in_a_column(self, saved, name: str, plain: str) -> None:
        path = saved(Means(), name)
        sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        facts = network_facts(path)
        assert (facts.name, facts.n_dims) == (f"{plain}_{sha256[:8]}", 3)
        assert (facts.sha256, facts.spec) == (sha256, path)
        assert facts == open_network(path).facts

    def test_a_changed_file_is_another_network(self, saved) -> None:
        before = network_facts(saved(Means()))
        after = network_facts(saved(Convolution()))
        assert before.spec == after.spec
        assert before.name != after.name
        assert (before.n_dims, after.n_dims) == (3, 8)

    def test_dropout_of_a_scripted_network_is_switched_off(self, saved) -> None:
        training = torch.nn.Sequential(Means(), torch.nn.Dropout(0.5)).train()
        network = open_network(saved(training))
        white = np.full((1, 224, 224, 3), 255, np.uint8)
        assert network.embed(white) == pytest.approx(np.ones((1, 3)), abs=1e-6)

    def test_one_file_by_two_paths_is_one_network(self, saved, tmp_path: Path) -> None:
        path = saved(Means())
        (tmp_path / "folder").mkdir()
        other = str(tmp_path / "folder" / ".." / "net.pt")
        with pytest.raises(OptionError, match="the same network"):
            facts_of((path, "dlib-resnet", other))


class TestRefused:
    @pytest.mark.parametrize(
        ("module", "why"),
        [
            (OneNumberEach(), r"gives \(1,\) for \(1, 3, 224, 224\)"),
            (OneNumber(), r"gives \(\) for"),
            (Doubles(), "not finite"),
            (MoreWhenWhite(), "always give as many numbers"),
            (FeatureMap(), r"gives \(1, 3, 224, 224\) for"),
            (Pair(), "gives a tuple, not a tensor"),
            (MeanOfAll(), r"gives \(1, 3\) for \(4, 3, 224, 224\)"),
            (Nothing(), r"gives \(1, 0\)"),
            (TooMuch(), rf"gives \(1, 5000\).*at most {MAX_DIMS}"),
            (Labels(), "int64, not floating-point"),
            (DividesByContrast(), "not finite"),
            (MinusMeanOfBatch(), "depend on the other pictures"),
            (Noisy(), "other numbers for the same picture"),
            (Convolution(channels=1), "cannot be run .*expected input"),
            (TwoInputs(), "cannot be run .*more"),
            (Raises(), "cannot be run .*only by threes"),
            (NoForward(), "cannot be run"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_does_not_keep_to_the_contract(self, saved, module, why: str) -> None:
        path = saved(module)
        with pytest.raises(ModelFileError, match=why) as caught:
            network_facts(path)
        sentence = str(caught.value)
        assert sentence.startswith(path)
        assert "\n" not in sentence
        assert "(n, 3, 224, 224)" in sentence

    def test_dropout_that_was_traced_while_training(self, tmp_path: Path) -> None:
        training = torch.nn.Sequential(Means(), torch.nn.Dropout(0.5)).train()
        traced = torch.jit.trace(training, torch.rand(2, 3, 224, 224), check_trace=False)
        torch.jit.save(traced, tmp_path / "net.pt")
        with pytest.raises(ModelFileError, match=r"after \.eval\(\)"):
            network_facts(str(tmp_path / "net.pt"))

    @pytest.mark.parametrize(
        ("module", "why"),
        [
            (LosesItsWay(), "gives numbers that are not finite"),
            (GivesUp(), "cannot be run .*too dark"),
            (OneNumberMore(), "does not always give as many numbers"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_a_face_on_which_it_fails_is_no_fault_of_the_file(self, saved, module, why) -> None:
        network = open_network(saved(module))
        dark = np.full((1, 224, 224, 3), 9, np.uint8)
        with pytest.raises(NetworkFailedError, match=rf"^The network net_\w+ {why}") as caught:
            network.embed(dark)
        assert "\n" not in str(caught.value)
        assert network.embed(dark * 9).shape == (1, 3)

    @pytest.mark.parametrize(
        "content",
        [b"", b"not a network", b"PK\x03\x04 and no more", pickle.dumps({"layer": [1.0]})],
        ids=["empty", "text", "broken archive", "pickle"],
    )
    def test_other_files(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "net.pt"
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"not a TorchScript file.*torch\.jit\.save"):
            network_facts(str(path))

    @pytest.mark.parametrize("zipped", [True, False])
    @pytest.mark.parametrize("kept", ["state_dict", "module"])
    def test_what_torch_save_writes_is_not_loaded(
        self, tmp_path: Path, zipped: bool, kept: str
    ) -> None:
        module = Convolution()
        what = module.state_dict() if kept == "state_dict" else module
        torch.save(what, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
        with pytest.raises(ModelFileError, match="never loaded"):
            open_network(str(tmp_path / "net.pt"))

    @pytest.mark.parametrize("zipped", [True, False])
    def test_a_pickle_that_would_act_does_not(self, tmp_path: Path, zipped: bool) -> None:
        trace = tmp_path / "trace"

        class Acts:
            def __reduce__(self) -> tuple[object, ...]:
                return Path.touch, (trace,)

        torch.save(Acts(), tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
        with pytest.raises(ModelFileError):
            open_network(str(tmp_path / "net.pt"))
        assert not trace.exists()

    def test_half_a_file(self, saved) -> None:
        path = Path(saved(Convolution()))
        path.write_bytes(path.read_bytes()[:-500])
        with pytest.raises(ModelFileError, match="not a TorchScript file"):
            network_facts(str(path))

    @pytest.mark.parametrize("spec", ["", "efficientnet", "no/such.pt", ".", "a\0b"])
    def test_what_is_no_file(self, spec: str) -> None:
        known = re.escape("dlib-resnet, efficientnet-lite0 or blending-lite0, or the path")
        with pytest.raises(OptionError, match=known):
            network_facts(spec)
        with pytest.raises(OptionError, match=known):
            open_network(spec)
