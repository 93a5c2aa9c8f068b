"""What can be asked for besides, and what cannot: told before any video is opened."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from featurize import describe_features, featurize_dataset, featurize_video
from featurize.__main__ import app
from featurize.errors import ModelFileError, OptionError
from featurize.feature_options import BASE_FEATURES, FeatureOptions
from featurize.registry import video_features

BASE = describe_features()["name"].tolist()


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, []),
        ({"cnn": "dlib-resnet"}, ["dlib-resnet"]),
        ({"cnn": ["efficientnet-lite0"], "identity": True}, ["efficientnet-lite0", "dlib-resnet"]),
        ({"cnn": ("dlib-resnet",), "identity": True}, ["dlib-resnet"]),
        ({"identity": True}, ["dlib-resnet"]),
        ({"series": True, "window_s": 2.0}, []),
    ],
)
def test_every_network_runs_once(asked: dict, names: list[str]) -> None:
    options = FeatureOptions(**asked)
    assert list(options.specs) == names
    assert [facts.spec for facts in options.networks] == names
    assert len(options.cnn_networks) == len(options.cnn)


def test_columns_are_added_after_those_of_every_table() -> None:
    found = describe_features(
        cnn=("efficientnet-lite0", "dlib-resnet"), identity=True, series=True, window_s=2.0
    )
    names, families = found["name"].tolist(), found["family"].tolist()
    assert names[: len(BASE)] == BASE
    assert list(dict.fromkeys(families[len(BASE) :])) == ["cnn", "identity", "series"]
    cnn = [name for name in names if name.startswith("cnn__")]
    assert len(cnn) == 2 * 1280 + 3 + 2 * 128 + 3
    assert cnn[0] == "cnn__efficientnet_lite0_0000__mean"
    assert cnn[-1] == "cnn__dlib_resnet_change__max"
    assert sum(name.startswith("series__") for name in names) == 32 * 25
    assert len(set(names)) == len(names)
    assert describe_features()["name"].tolist() == BASE


def test_every_column_that_can_be_asked_for_is_described() -> None:
    options = FeatureOptions("dlib-resnet", True, True, 30.0)
    for feature in video_features(options)[len(BASE) :]:
        assert feature.name.startswith(f"{feature.family}__")
        assert feature.meaning
        assert feature.reference
        assert feature.unit
        assert feature.confounded_by


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"cnn": ("dlib-resnet", "dlib-resnet")}, "dlib-resnet is named twice"),
        ({"series": True}, "Series are written for windows of 2 to 30 s"),
        ({"series": True, "window_s": 31.0}, "Series are written for windows of 2 to 30 s"),
        ({"series": True, "window_s": 1.0}, "A window must be at least 2 s"),
        ({"device": "gpu"}, "device is one of auto, cpu, cuda, not 'gpu'"),
        ({"cnn": "resnet50"}, "There is no network 'resnet50'"),
        ({"cnn": Path("nowhere.pt")}, "There is no network 'nowhere.pt'"),
    ],
)
def test_what_cannot_be_is_refused_before_a_video_is_opened(
    tmp_path: Path, wrong: dict, sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence):
        featurize_video(tmp_path / "nowhere.mp4", **wrong)
    out = tmp_path / "f.csv"
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(OptionError, match=sentence):
        featurize_dataset(tmp_path, out, n_jobs=1, **wrong)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4"]


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_one_file_by_two_names_is_one_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    torch.jit.save(
        torch.jit.script(torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())),
        "net.pt",
    )
    with pytest.raises(OptionError, match=r"^net\.pt and \./net\.pt are the same network"):
        describe_features(cnn=("net.pt", "./net.pt"))


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ModelFileError, match=r"net\.pt"):
        featurize_video(tmp_path / "nowhere.mp4", cnn=tmp_path / "net.pt")


def test_a_network_that_is_not_installed_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from featurize.networks import network

    network._built_in.cache_clear()
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(OptionError, match=r"pip install .deepfake-biometrics\[cnn\]"):
        featurize_dataset(tmp_path, cnn="efficientnet-lite0")
    monkeypatch.undo()
    network._built_in.cache_clear()


def test_files_are_named_by_their_whole_path_to_workers() -> None:
    options = FeatureOptions(("net.pt", "/far/net.pt", "dlib-resnet"))
    assert options.files == ("net.pt", "/far/net.pt")
    assert options.in_folder("/here").cnn == ("/here/net.pt", "/far/net.pt", "dlib-resnet")


def test_settings_without_networks_name_none() -> None:
    assert BASE_FEATURES.settings == {
        **{"window_s": None, "cnn": [], "identity": False, "series": False, "networks": {}}
    }


def test_settings_tell_a_network_by_its_weights_device_and_version() -> None:
    settings = FeatureOptions(identity=True).settings
    (said_by,) = settings["networks"].values()
    assert settings["cnn"] == []
    assert {"sha256", "device", "dlib"} <= said_by.keys()


class TestCommandLine:
    def test_features_lists_what_is_asked_for(self) -> None:
        asked = ["features", "--csv", "--cnn", "dlib-resnet", "--identity"]
        result = CliRunner().invoke(app, [*asked, "--series", "--window", "2"])
        known = describe_features(cnn="dlib-resnet", identity=True, series=True, window_s=2.0)
        assert len(result.output.splitlines()) == len(known) + 1
