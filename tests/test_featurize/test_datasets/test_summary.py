"""What the summary of a manifest says, and what it warns of."""

import json
from pathlib import Path

import pandas as pd
import pytest

from featurize.datasets.listing import Listing
from featurize.datasets.summary import cautions, summarise
from featurize.manifest import MANIFEST_COLUMNS
from tests.test_featurize.test_datasets.command import (
    FFPP,
    run,
)
from tests.test_featurize.test_datasets.trees import grow, write


def test_summary_counts_and_names(tmp_path: Path) -> None:
    root = grow(tmp_path / "ff", *FFPP, *(f"odd {i}.mp4" for i in range(7)))
    for split, pairs in {"train": [["000", "003"]], "val": [["001", "870"]], "test": []}.items():
        write(root / "splits" / f"{split}.json", json.dumps(pairs))
    lines = run("ffpp", root, "-o", tmp_path / "m.csv").splitlines()
    assert lines[0] == "5 videos of FaceForensics++ in 2 groups of people and sources"
    assert lines[1:3] == ["label: 3 real, 2 fake", "split: 4 train, 1 val"]
    table = [line.split() for line in lines[4:8]]
    assert table == [
        ["(authentic)", "Deepfakes"],
        ["FaceForensics++"],
        ["c23", "3", "1"],
        ["c40", "0", "1"],
    ]
    n_missing = 997 + 3 + 3  # originals at c23, and three fakes each at c23 and c40
    assert f"missing (named by the data set, not there): {n_missing}" in lines
    assert f"  and {n_missing - 5} more" in lines
    surplus = lines.index("surplus (there, and of no name that was published): 7")
    assert lines[surplus + 1 : surplus + 7] == [
        *(f"  odd {i}.mp4" for i in range(5)),
        "  and 2 more",
    ]
    assert lines[-1] == f"Written to {tmp_path / 'm.csv'}."


N_PAIRS = 21
"""One more than few groups with fakes."""


def pairs(**columns: object) -> pd.DataFrame:
    """An authentic video and a fake of each of 21 people: nothing to warn of."""
    people = [f"person {i:02d}" for i in range(N_PAIRS)]
    fair = {
        **dict.fromkeys(MANIFEST_COLUMNS, ""),
        "label": ["real"] * N_PAIRS + ["fake"] * N_PAIRS,
        "group": people * 2,
        "dataset": "D",
        "compression": "c23",
    }
    return pd.DataFrame({**fair, **columns})


def listing(official: bool = False) -> Listing:
    return Listing("D", (), (), (), has_official_split=official)


def half(value: str, other: str) -> list[str]:
    return [value] * N_PAIRS + [other] * N_PAIRS


def test_summary_of_a_clean_data_set_has_no_lists() -> None:
    text = summarise(pairs(), listing())
    assert "missing" not in text
    assert "note" not in text
    assert f"split: {2 * N_PAIRS} none" in text


def test_one_video_and_one_group_are_not_plural() -> None:
    assert summarise(pairs()[:1], listing()).startswith("1 video of D in 1 group of people")


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"label": "fake"}, "All videos are fake: nothing can be trained on them."),
        ({"label": ""}, "All videos are without a label: nothing can be trained on them."),
        (
            {"compression": ["c23"] * (N_PAIRS + 1) + ["c40"] * (N_PAIRS - 1)},
            "At c40 there are only fake videos, so the compression tells the label",
        ),
        (
            {"compression": ["c23"] * (N_PAIRS + 1) + [""] * (N_PAIRS - 1)},
            "At no level there are only fake videos, so the compression tells the label",
        ),
        (
            {"group": ["a"] * (N_PAIRS + 5) + [f"b {i:02d}" for i in range(N_PAIRS - 5)]},
            "Groups with fakes: 17 of 17, and the largest (a) holds 62% of the videos; so folds "
            "that share nobody are unequal and figures on fakes rest on few groups.",
        ),
        (
            {"group": [f"a {i}" for i in range(N_PAIRS)] + ["b"] * N_PAIRS},
            "Groups with fakes: 1 of 22, and the largest (b) holds 50% of the videos; so figures "
            "on fakes rest on few groups.",
        ),
    ],
)
def test_cautions(columns: dict[str, object], sentence: str) -> None:
    assert cautions(pairs(), listing()) == []
    (caution,) = cautions(pairs(**columns), listing())
    assert caution.startswith(sentence)


def test_fakes_without_a_level_beside_others_with_one_are_told_by_it() -> None:
    told = cautions(pairs(compression=half("c23", "")), listing())
    assert [caution.partition(" videos,")[0] for caution in told] == [
        "At no level there are only fake",
        "At c23 there are only real",
    ]
    assert cautions(pairs(compression=""), listing()) == []


def test_few_groups_with_fakes_are_told_for_every_data_set() -> None:
    for n_people, is_few in ((N_PAIRS, False), (N_PAIRS - 1, True)):
        manifest = pairs().query(f"group < 'person {n_people:02d}'")
        told = cautions(manifest, listing())
        assert bool(told) == is_few
        assert all(f"Groups with fakes: {n_people} of {n_people}," in caution for caution in told)


def test_a_large_group_is_not_said_to_come_from_swaps() -> None:
    (caution,) = cautions(pairs(group="a", dataset=half("D", "E")), listing())
    assert "100% of the videos, joining D, E;" in caution
    assert "swapped" not in caution


@pytest.mark.parametrize("official", [True, False])
def test_splits_are_called_official_only_where_they_are(official: bool) -> None:
    (caution,) = cautions(pairs(split=half("train", "test")), listing(official))
    assert f"({'person 00, person 01, '}" in caution
    assert ("several official splits: 21" in caution) == official
    assert ("as published" in caution) == official
    # Where another data set is on the other side, nobody has published that.
    (caution,) = cautions(
        pairs(split=half("train", "test"), dataset=half("D", "E")), listing(official)
    )
    assert caution.startswith("Groups with videos in several splits: 21")
    assert "as published" not in caution
