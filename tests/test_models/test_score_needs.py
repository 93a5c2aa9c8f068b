"""What a detector was trained on is measured of a video without being asked for."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import featurize
from featurize.errors import FeaturizeError
from featurize.networks.network import network_facts
from models import score_video, train
from models.__main__ import app
from models.errors import FeatureMismatchError
from models.reasons import explain
from tests.test_models.conftest import SIGNAL, make_table

torch = pytest.importorskip("torch")
# TorchScript is what users have; there is no other format that runs without their code.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


class Colours(torch.nn.Module):
    """Mean of each colour, times a factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, pictures):
        return self.factor * pictures.mean(dim=(2, 3))


def saved(folder, factor=1.0, name="My Net.pt"):
    folder.mkdir(exist_ok=True)
    torch.jit.save(torch.jit.trace(Colours(factor), torch.zeros(1, 3, 224, 224)), folder / name)
    return folder / name


def with_columns(*names):
    """The usual table, with further columns that say what the first says."""
    table = make_table()
    signal = table[SIGNAL]
    return table.assign(**{name: signal + 0.01 * i for i, name in enumerate(names)})


def dimensions(network, n=2):
    return [f"cnn__{network}_{i:04d}__{s}" for i in range(n) for s in ("mean", "std")]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def by_network(network):
    """A detector trained with a network of the user's, and with one that is built in."""
    name = network_facts(str(network)).name
    return train(with_columns(*dimensions(name), *dimensions("dlib_resnet")), "svm")


@pytest.mark.parametrize(
    ("columns", "measured"),
    [
        (["identity__step_distance__median"], {"identity": True, "cnn": ()}),
        (dimensions("dlib_resnet"), {"identity": False, "cnn": ("dlib-resnet",)}),
        (
            ["cnn__efficientnet_lite0_change__mean", *dimensions("dlib_resnet")],
            {"identity": False, "cnn": ("dlib-resnet", "efficientnet-lite0")},
        ),
    ],
)
def test_what_is_built_in_is_measured_where_it_was_trained_on(video, columns, measured):
    table = with_columns(*columns)
    video["rows"] = table.iloc[[0]]
    score = score_video("clip.mp4", train(table, "svm"), device="cpu")
    assert score.verdict != "unknown"
    asked = {**video["options"], "cnn": tuple(sorted(video["options"]["cnn"]))}
    assert {name: asked[name] for name in measured} == measured
    assert (video["options"]["series"], video["options"]["device"]) == (False, "cpu")


def test_a_network_of_the_users_is_run_where_its_file_is_given(video, by_network, network):
    video["rows"] = with_columns(*by_network.columns).iloc[[0]]
    for given in (network, str(network), [str(network)], [network, "dlib-resnet"]):
        score_video("clip.mp4", by_network, cnn=given)
        assert sorted(video["options"]["cnn"]) == sorted([str(network), "dlib-resnet"])


def refused(by_network, cnn):
    with pytest.raises(FeatureMismatchError) as error:
        score_video("clip.mp4", by_network, cnn=cnn)
    (line,) = str(error.value).splitlines()
    return line


def test_a_network_that_is_not_needed_is_not_run_and_it_is_said(video, detector, network):
    given = ["dlib-resnet", str(network)]
    score = score_video("clip.mp4", detector, cnn=given)
    assert video["options"]["cnn"] == ()
    assert [w for w in score.warnings if "not run" in w] == [
        f"The detector was not trained with the network {name}: it was not run."
        for name in sorted(given)
    ]


@pytest.mark.parametrize("given", ["nowhere/typo.pt", "dlib_resnett"])
def test_a_network_that_there_is_not_is_refused_though_none_is_needed(video, detector, given):
    with pytest.raises(FeaturizeError, match=given):
        score_video("clip.mp4", detector, cnn=given)
    assert "options" not in video


def test_where_no_file_is_given_the_network_is_named(video, by_network, network):
    line, name = refused(by_network, ()), network_facts(str(network)).name
    assert line.startswith(f"The detector was trained with the network {name}, a TorchScript file")
    assert line.endswith("in the shell by --cnn PATH.")
    assert refused(by_network, "dlib-resnet") == line
    assert "options" not in video


def test_another_network_is_refused_even_by_the_same_name(video, by_network, tmp_path):
    other = saved(tmp_path, factor=2.0)
    line = refused(by_network, [other])
    assert f"which is not {other} ({network_facts(str(other)).name})" in line
    assert "options" not in video


def test_the_same_network_by_another_name_is_told_apart(video, by_network, network, tmp_path):
    renamed = tmp_path / "net2.pt"
    renamed.write_bytes(network.read_bytes())
    assert refused(by_network, [renamed]).endswith(
        f"{renamed} is that file by another name: call it my_net.pt again."
    )


def test_on_the_command_line_a_network_is_asked_for_in_one_line(by_network, tmp_path):
    by_network.save(tmp_path / "my.skops")
    arguments = ["score", "clip.mp4", "--detector", str(tmp_path / "my.skops")]
    for given, said in (([], "by --cnn PATH."), (["--cnn", "nowhere.pt"], "nowhere.pt")):
        result = CliRunner().invoke(app, [*arguments, *given])
        assert result.exit_code == 2
        (line,) = result.stderr.splitlines()
        assert said in line


def test_all_that_a_network_says_is_one_reason(by_network, network):
    table = with_columns(*by_network.columns)
    rows = table[table["label"] == "fake"].iloc[[0]]
    described = featurize.describe_features(cnn=("dlib-resnet", str(network)))
    reasons = explain(rows, by_network, described).reasons
    told = [reason for reason in reasons if reason.feature.startswith("cnn__")]
    assert sorted(reason.n_features for reason in told) == [4, 4]
    assert all(reason.meaning and reason.unit for reason in told)


def test_of_a_large_network_a_dimension_is_told_that_speaks_for_the_score():
    """A hundred dimensions say nothing and one is far off, whichever it is."""
    rng, names = np.random.default_rng(0), dimensions("efficientnet_lite0", 60)
    table = make_table()
    noise = pd.DataFrame(rng.normal(size=(len(table), len(names))), table.index, names)
    told = names[77]
    noise[told] += 6 * (table["label"] == "fake")
    table = pd.concat([table.drop(columns=[SIGNAL]), noise], axis=1)
    trained = train(table, "svm")
    row = table[table["label"] == "fake"].iloc[[0]]
    described = featurize.describe_features(cnn=("efficientnet-lite0",))
    first, *_ = explain(row, trained, described).reasons
    assert (first.feature, first.n_features) == (told, 120)
    assert first.contribution > 0
