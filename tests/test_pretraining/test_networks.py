"""Networks of folds: worlds cut out of a corpus, and each data set's network has not seen it."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from featurize.assets import BLENDING_LITE0, locate
from featurize.synthesis import Script
from pretraining import networks
from pretraining.blending_network.__main__ import learnt_from
from pretraining.blending_network.export import export
from pretraining.blending_network.worlds import world_crops
from pretraining.corpus import Place, make_corpus
from pretraining.folds import source_folds
from pretraining.networks import (
    make_networks,
    network_of_datasets,
    network_to_ship,
    with_networks,
)
from tests.test_featurize.conftest import film
from tests.test_pretraining.test_blending_network import any_network

NAMES = ("fold0.onnx", "fold1.onnx", "fold2.onnx", "blending_lite0.onnx")
COLUMN = "cnn__blending_lite0_0000__mean"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "clip.mp4", Script(duration_s=5.0), fps=20)


@pytest.fixture
def place(clip: Path, tmp_path: Path) -> Place:
    """Six data sets of one clip each, all of them the same film."""
    rows = [
        {
            "path": str(copied(clip, tmp_path / f"{n}.mp4")),
            "label": label,
            "group": f"g{n}",
            "method": method,
            "dataset": f"d{n}",
        }
        for n, (label, method) in enumerate([("real", "none"), ("fake", "forger")] * 3)
    ]
    manifest = tmp_path / "clips.csv"
    pd.DataFrame(rows).to_csv(manifest, index=False)
    return Place(manifest, tmp_path / "work", 1)


def copied(clip: Path, to: Path) -> Path:
    return Path(shutil.copyfile(clip, to))


def a_world(clip: Path, fakes: list[Path], name: str = "0/a") -> pd.DataFrame:
    rows = [{"path": str(clip), "label": "real", "method": "none"}]
    rows += [{"path": str(fake), "label": "fake", "method": "pseudo-swap"} for fake in fakes]
    return pd.DataFrame(rows).assign(world=name, dataset="d")


def test_a_world_needs_its_original_and_a_fake(clip: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.mp4"
    one, two, three, four, five = (copied(clip, tmp_path / f"{n}.mp4") for n in range(5))
    table = pd.concat(
        [
            a_world(one, [two, missing]),
            a_world(three, [tmp_path / "also missing.mp4"], "0/no-fake"),
            a_world(tmp_path / "gone.mp4", [four], "0/no-original"),
            # What the manifest calls a fake has no original.
            a_world(five, [], "0/forged").assign(label="fake", method="forger"),
        ],
        ignore_index=True,
    )
    folder = tmp_path / "crops"
    found = world_crops(table, folder, store=tmp_path / "store", n_jobs=1)
    assert list(found) == ["0/a"]
    assert len(found["0/a"].fakes) == 1
    kept = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    again = world_crops(table, folder, store=tmp_path / "store", n_jobs=1)
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == kept
    assert np.array_equal(again["0/a"].authentic.pictures, found["0/a"].authentic.pictures)


def test_each_row_is_told_by_the_network_of_its_fold(place: Place, monkeypatch) -> None:
    table = make_corpus(place, 0)
    asked = []

    def train(command: list[str], check: bool) -> None:
        asked.append(command)
        fold = int(command[command.index("--only") + 1])
        network = any_network()
        network.head.bias.data += fold
        export(network, Path(command[command.index("-o") + 1]) / NAMES[fold])

    monkeypatch.setattr(networks.subprocess, "run", train)
    make_networks(place, table)
    make_networks(place, table)
    assert len(asked) == networks.N_FOLDS + 1
    told = with_networks(place, table)
    folds = source_folds(pd.read_csv(place.manifest), networks.N_FOLDS)
    fold_of = {f"d{n}": fold for n, fold in enumerate(folds)}
    assert sorted(set(fold_of.values())) == [0, 1, 2]
    # The same film of all: what is added to a network's answer is all that differs.
    expected = told[COLUMN].iloc[0] + told["dataset"].map(fold_of) - fold_of[told["dataset"][0]]
    assert np.allclose(told[COLUMN], expected, atol=1e-4)
    made = network_to_ship(place, table)
    assert made.name == "blending_lite0.onnx"
    shutil.copyfile(locate(BLENDING_LITE0), made)
    assert network_to_ship(place, table) is None
    for dataset, file in network_of_datasets(place, table).items():
        assert file.name == f"fold{fold_of[dataset]}.onnx"
    # Clips that are dealt otherwise have networks of their own.
    listed = pd.read_csv(place.manifest)
    listed.assign(dataset=listed["dataset"].replace("d1", "d0")).to_csv(place.manifest, index=False)
    make_networks(place, table)
    assert len(asked) == 2 * (networks.N_FOLDS + 1)


def test_a_network_learns_from_nothing_of_its_fold() -> None:
    labels = ["real", "fake"] * 6
    manifest = pd.DataFrame(
        {"dataset": [f"d{n}" for n in range(12)], "group": range(12), "label": labels}
    )
    clips = {row: f"clip of d{row}" for row in range(12)}
    worlds = [(f"d{n}", f"world of d{n}") for n in range(12)]
    folds = source_folds(manifest, networks.N_FOLDS)
    for fold in range(networks.N_FOLDS):
        seen, others = learnt_from(manifest, fold, 0, clips, worlds)
        kept = [n for n in range(12) if folds[n] != fold]
        assert 0 < len(kept) < 12
        assert seen == [f"clip of d{n}" for n in kept]
        assert others == [f"world of d{n}" for n in kept]
    assert learnt_from(manifest, networks.N_FOLDS, 0, clips, worlds)[0] == list(clips.values())
