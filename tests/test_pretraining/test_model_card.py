"""The card holds every figure that was measured, and none that was not."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from pretraining import model_card as module
from pretraining.ablation import ablation
from pretraining.figures import all_figures
from pretraining.held_out import HeldOut, held_out
from pretraining.model_card import data_facts, detector_facts, model_card
from pretraining.tables import cell_text, table_text
from pretraining.variant import Variant
from tests.test_pretraining.made_up import corpus, told

QUICK = Variant(classifier="linear", conditioned=False)


@pytest.fixture(scope="module")
def facts(tmp_path_factory) -> dict[str, object]:
    table = told(corpus(6))
    said: HeldOut = held_out(table, QUICK, n_jobs=1)
    file = tmp_path_factory.mktemp("made") / "detector.skops"
    detector = QUICK.fitted(table, 0)
    detector.save(file)
    manifest = table[table["round"] < 0].assign(
        source_repo=lambda rows: "someone/" + rows["dataset"], commit="abc123", licence="MIT"
    )
    figure = {"value": 0.123, "low": 0.045, "high": 0.678}
    row = {"strength": 2, "n_videos": 17, "auc": figure, "change": figure}
    return {
        "command": "make pretrained CLIPS=clips.csv ROUNDS=7",
        "data": data_facts(manifest, table),
        "detector": detector_facts(detector, file),
        "figures": all_figures(said.videos, said.videos.assign(unseen="forger")),
        "ablation": ablation({"full recipe": said.videos, "quick": said.videos}),
        "robustness": {
            "n_real": 41,
            "n_fake": 43,
            "piece_s": 2.71,
            "baseline": figure,
            "degradations": [{"degradation": "blur", **row}],
            "adversary": [{"adversary": "smoothing", **row}],
        },
    }


def leaves(value: object) -> Iterator[object]:
    """Figures, numbers and texts of plain data."""
    if isinstance(value, dict) and set(value) == {"value", "low", "high"}:
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def test_the_card_holds_every_figure(facts) -> None:
    card = model_card(facts)
    for leaf in leaves(facts):
        plain = str(leaf) if isinstance(leaf, float) and str(leaf) in card else cell_text(leaf)
        assert plain in card, leaf


def test_the_template_has_no_figure_of_its_own() -> None:
    text = (Path(module.__file__).parent / "model_card.md.jinja").read_text()
    prose = re.sub(r"\{[{%].*?[%}]\}", "", text, flags=re.DOTALL)
    # The level of the intervals, and the name of a digest, are no results.
    prose = prose.replace("95 %", "").replace("sha256", "")
    assert not re.search(r"\d", prose)


def test_another_measurement_is_another_card(facts) -> None:
    other = {"value": 0.987, "low": None, "high": None}
    changed = facts | {"robustness": facts["robustness"] | {"baseline": other}}
    assert "0.987" not in model_card(facts)
    assert "0.987" in model_card(changed)
    assert model_card(facts) == model_card(facts)


def test_data_are_counted_by_source(facts) -> None:
    clips = facts["data"]["clips"]
    assert [row["source_repo"] for row in clips] == [f"someone/d{k}" for k in range(6)]
    assert {(row["n_authentic"], row["n_fakes"], row["methods"]) for row in clips} == {
        (6, 6, "forger")
    }
    counts = {row["videos"]: row for row in facts["data"]["counts"]}
    assert (counts["authentic"]["n_as_they_are"], counts["authentic"]["n_degraded"]) == (36, 36)
    assert counts["pseudo-fakes"]["n_degraded"] == 72
    assert len(facts["data"]["pseudo_fakes"]) == len(MANIPULATIONS)


def test_a_source_without_a_licence_says_so() -> None:
    table = corpus(2)
    clips = data_facts(table[table["round"] < 0], table)["clips"]
    assert [row["licence"] for row in clips] == ["not told"]


def test_cells_cannot_break_the_table() -> None:
    text = table_text([{"method": "a|b\nc", "n_videos": np.int64(3)}])
    assert len(text.splitlines()) == 3
    assert "a\\|b c" in text
    assert table_text([]) == ""
