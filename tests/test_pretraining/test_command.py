"""The command: what is kept is not made again, and the same clips give the same bytes."""

from functools import partial
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pretraining import __main__ as command
from pretraining import recipe
from pretraining.variant import FULL
from tests.test_pretraining.made_up import corpus, told

FIGURE = {"value": 0.8, "low": 0.7, "high": 0.9}


@pytest.fixture
def small(monkeypatch, tmp_path: Path) -> Path:
    """A manifest whose corpus is made up, and a recipe that is quick."""
    table = told(corpus(4))
    quick = partial(recipe.fitted, classifier="linear")
    monkeypatch.setattr(recipe, "fitted", quick)
    monkeypatch.setattr(command, "VARIANTS", (FULL,))
    monkeypatch.setattr(command, "N_FOLDS", 2)
    # Networks, films and landmarks have tests of their own.
    monkeypatch.setattr(command, "make_networks", lambda place, table: None)
    monkeypatch.setattr(command, "with_networks", lambda place, table: table)
    monkeypatch.setattr(command, "network_of_datasets", lambda place, table: {})
    monkeypatch.setattr(command, "network_to_ship", lambda place, table: None)
    monkeypatch.setattr(command, "make_corpus", lambda place, rounds: table)
    row = {"strength": 1, "n_videos": 8, "auc": FIGURE, "change": FIGURE}
    rows = {"degradations": [{"degradation": "blur", **row}], "adversary": []}
    facts = {"n_real": 4, "n_fake": 4, "piece_s": 2.6, "baseline": FIGURE, **rows}
    monkeypatch.setattr(command, "robustness", lambda *_, **__: facts)
    manifest = tmp_path / "clips.csv"
    table[table["round"] < 0].to_csv(manifest, index=False)
    return manifest


def run(manifest: Path, work: Path, out: Path) -> None:
    app = typer.Typer()
    app.command()(command.main)
    asked = [str(manifest), "--work", str(work), "-o", str(out), "--rounds", "1", "--jobs", "1"]
    outcome = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output


def test_detector_and_card_are_written_and_the_same_again(small, tmp_path, monkeypatch) -> None:
    outs = [tmp_path / name for name in ("one", "two", "three")]
    run(small, tmp_path / "work", outs[0])
    run(small, tmp_path / "other work", outs[1])
    monkeypatch.setattr(command, "held_out", lambda *_, **__: pytest.fail("held out again"))
    run(small, tmp_path / "work", outs[2])
    for name in (command.DETECTOR, command.CARD):
        made = {(out / name).read_bytes() for out in outs}
        assert len(made) == 1
    card = (outs[0] / command.CARD).read_text()
    assert "CLIPS=clips.csv ROUNDS=1" in card
    assert str(tmp_path) not in card
