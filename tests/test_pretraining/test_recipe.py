"""Which rows are learnt from, and which features are chosen."""

import numpy as np
import pandas as pd
import pytest

from pretraining import recipe
from pretraining.kinds import is_authentic, is_pseudo_fake
from tests.test_pretraining.made_up import corpus


def _with_effects(table: pd.DataFrame) -> pd.DataFrame:
    """Three features of pseudo-fakes: the same sign everywhere, one per source, of the source."""
    rng = np.random.default_rng(5)
    is_fake = is_pseudo_fake(table).to_numpy()
    sign = np.where(table["source"] % 2, 1.0, -1.0)
    noise = rng.normal(0, 1, (3, len(table)))
    return table.assign(
        eyes__steady__median=1.0 * is_fake + noise[0],
        eyes__turning__median=2.0 * is_fake * sign + noise[1],
        eyes__source__median=5.0 * sign + noise[2],
    )


@pytest.fixture
def only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "N_COLUMNS", 1)


def test_an_effect_that_holds_in_every_source_goes_before_a_larger_one_that_turns(only_one):
    rows = recipe.training_rows(_with_effects(corpus()))
    assert recipe.chosen_columns(rows) == ["eyes__steady__median"]


def test_the_sign_and_unit_of_a_feature_do_not_matter(only_one):
    table = _with_effects(corpus())
    table["eyes__steady__median"] = 40.0 - 0.001 * table["eyes__steady__median"]
    assert recipe.chosen_columns(recipe.training_rows(table)) == ["eyes__steady__median"]


def test_without_pseudo_fakes_all_features_that_vary_are_learnt_from():
    table = _with_effects(corpus()).assign(eyes__constant__median=1.0)
    rows = recipe.training_rows(table, pseudo_fakes=False)
    assert recipe.chosen_columns(rows) == [
        "eyes__source__median",
        "eyes__steady__median",
        "eyes__turning__median",
        "mouth__one__median",
        "mouth__two__median",
    ]


def test_clips_as_they_are_are_not_learnt_from_beside_degraded_ones():
    table = corpus()
    assert (recipe.training_rows(table)["round"] >= 0).all()
    alone = table[table["round"] < 0]
    assert len(recipe.training_rows(alone)) == len(alone)


def test_rows_of_every_wanted_kind_are_learnt_from():
    table = corpus()
    degraded = table.assign(round=0)
    assert len(recipe.training_rows(degraded)) == len(table)
    rows = recipe.training_rows(degraded, real_fakes=False)
    assert (is_authentic(rows) | is_pseudo_fake(rows)).all()
    assert set(rows["label"]) == {"real", "fake"}


def test_what_the_network_says_is_learnt_from_in_any_case(only_one):
    table = _with_effects(corpus())
    noise = np.random.default_rng(2).normal(0, 1, (2, len(table)))
    names = ["cnn__blending_lite0_0000__mean", "cnn__blending_lite0_0000__std"]
    rows = recipe.training_rows(table.assign(**dict(zip(names, noise, strict=True))))
    columns = recipe.chosen_columns(rows)
    assert columns == [*names, "eyes__steady__median"]
    assert recipe.fitted(rows, columns).columns == tuple(columns)
