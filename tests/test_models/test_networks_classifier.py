"""The classifier of what networks say: it hears nothing else, and leaves the rest to others."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from models import train
from models.classifier_options import all_names, taken_inputs
from models.errors import SettingError, TableError
from models.evaluation.held_out import Plan, _fitted
from models.learning.blocks import TakeBlocks
from models.learning.inputs import Inputs
from models.table.feature_table import read_training_table
from models.validation import cross_validate
from tests.test_models.conftest import make_table, quality_table

N_COLUMNS = 20  # more than components are kept


@pytest.fixture(scope="module")
def table():
    """Two networks know, of which one has many columns; so does what is measured by hand."""
    table = quality_table()
    rng = np.random.default_rng(5)
    is_fake = (table["label"] == "fake").to_numpy()
    told = {"cnn__a_0000__mean": is_fake + rng.normal(size=len(table))}
    hidden = rng.normal(size=(len(table), 3)) + is_fake[:, None]
    many = hidden @ rng.normal(size=(3, N_COLUMNS)) + rng.normal(size=(len(table), N_COLUMNS))
    told |= {f"cnn__b_{i:04d}__mean": many[:, i] for i in range(N_COLUMNS)}
    return table.assign(**told)


@pytest.fixture(scope="module")
def stacked(table):
    return train(table, "stacking", members="xgboost,networks", condition_on_quality=True)


def moved(detector, table, of_networks: bool) -> np.ndarray:
    """Inputs with other values in the columns that networks say, or in all others."""
    inputs = detector.matrix(table)
    for column, name in enumerate(detector.columns):
        if name.startswith("cnn__") == of_networks:
            inputs[:, column] = inputs[::-1, column]
    return inputs


@pytest.mark.parametrize("search", [False, True])
def test_it_hears_networks_alone(table, search) -> None:
    detector = train(table, "networks", search=search)
    inputs = detector.matrix(table)
    log_odds = detector.log_odds(inputs)
    assert np.ptp(log_odds) > 1
    assert all(name.startswith("cnn__") for name in detector.columns)
    assert not np.allclose(detector.log_odds(moved(detector, table, True)), log_odds)


@pytest.mark.parametrize("votes", ["stacking", "committee"])
def test_where_it_has_a_vote_the_others_hear_what_is_measured_by_hand(table, votes) -> None:
    detector = train(table, votes, members="xgboost,networks")
    calibrated = detector.pipeline[-1]
    inputs = detector.matrix(table)
    before = calibrated.member_log_odds(inputs)
    networks_moved = calibrated.member_log_odds(moved(detector, table, True))
    hand_moved = calibrated.member_log_odds(moved(detector, table, False))
    np.testing.assert_array_equal(networks_moved["xgboost"], before["xgboost"])
    assert not np.allclose(networks_moved["networks"], before["networks"])
    np.testing.assert_array_equal(hand_moved["networks"], before["networks"])
    assert not np.allclose(hand_moved["xgboost"], before["xgboost"])


def test_without_it_the_others_hear_everything(table) -> None:
    detector = train(table, "stacking", members="xgboost,linear")
    before = detector.pipeline[-1].member_log_odds(detector.matrix(table))
    after = detector.pipeline[-1].member_log_odds(moved(detector, table, True))
    assert all(not np.allclose(before[name], after[name]) for name in before)


def test_terms_of_both_add_up(table, stacked) -> None:
    inputs = stacked.matrix(table)
    told = stacked.contributions(inputs)
    summed = told.base + told.terms.sum(axis=1)
    np.testing.assert_allclose(summed, stacked.log_odds(inputs), atol=1e-4)
    # What the networks say is the member's log-odds, by its weight, but for the base.
    of_networks = [name.startswith("cnn__") for name in stacked.columns]
    calibrated = stacked.pipeline[-1]
    said = calibrated.member_log_odds(inputs)["networks"]
    share = calibrated.slope_ * calibrated.weights_["networks"]
    rest = told.terms[:, of_networks].sum(axis=1) - share * said
    assert np.ptp(rest) == pytest.approx(0, abs=1e-6)


def test_both_know_more_than_each(table) -> None:
    by_hand = table[[name for name in table if not name.startswith("cnn__")]]
    value = {}
    for name, part in (("networks", table), ("xgboost", by_hand), ("stacking", table)):
        members = "xgboost,networks" if name == "stacking" else None
        report = cross_validate(part, "group", name, n_folds=3, audit=False, members=members)
        metrics = report.metrics.set_index("metric")["value"]
        value[name] = metrics["auc_mean_of_folds"]
    assert 0.7 < max(value["networks"], value["xgboost"]) < value["stacking"]


@pytest.mark.parametrize("votes", ["stacking", "committee"])
def test_cross_validation_measures_the_vote_that_is_trained(table, votes) -> None:
    names = [votes, "xgboost", "networks"]
    members = ("xgboost", "networks")
    layout, X = taken_inputs(read_training_table(table), names, members)
    rows = read_training_table(table)
    plan = Plan(tuple(names), 0, False, False, members)
    fitted = _fitted(plan, layout, X, rows.is_fake, rows.groups, rows.videos)
    trained = train(table, votes, members=members)
    by_validation = fitted[votes][-1].member_log_odds(X)
    by_training = trained.pipeline[-1].member_log_odds(trained.matrix(table))
    for name in members:
        np.testing.assert_array_equal(by_validation[name], by_training[name])
    # Alone it hears everything.
    assert "hear" not in fitted["xgboost"][-1].estimator_.named_steps


def test_without_an_answer_of_the_network_it_has_none(table) -> None:
    detector = train(table, "networks")
    assert all(name.startswith("cnn__") for name in detector.columns)
    silent = table.assign(**dict.fromkeys(detector.columns, np.nan))
    assert np.isnan(detector.log_odds(detector.matrix(silent))).all()


def test_beside_networks_the_others_need_something_by_hand(table) -> None:
    columns = [name for name in table if name.startswith("cnn__")]
    with pytest.raises(TableError, match="by hand"):
        train(table, "stacking", members="xgboost,networks", columns=columns)


def test_all_are_those_that_the_table_serves(table) -> None:
    with_networks, _ = all_names(read_training_table(table))
    without, _ = all_names(read_training_table(make_table()))
    assert set(with_networks) - set(without) == {"networks"}


@pytest.mark.parametrize(
    "ask",
    [
        lambda t: train(t, "networks"),
        lambda t: train(t, "stacking", members="xgboost,networks"),
        lambda t: cross_validate(t, classifier="networks"),
    ],
)
def test_a_table_of_no_network_is_refused_in_one_sentence(ask) -> None:
    with pytest.raises(TableError, match="--cnn blending-lite0") as raised:
        ask(make_table())
    assert str(raised.value).count(". ") == 0


@parametrize_with_checks([TakeBlocks(), TakeBlocks(((0, 1),), inside=True)])
def test_scikit_learn_s_own_checks_pass(estimator, check) -> None:
    check(estimator)


def test_columns_of_blocks_or_all_others() -> None:
    X = np.arange(12.0).reshape(2, 6)
    blocks = ((1, 3), (4, 5))
    inside = TakeBlocks(blocks, inside=True).fit_transform(X)
    np.testing.assert_array_equal(inside, X[:, [1, 2, 4]])
    np.testing.assert_array_equal(TakeBlocks(blocks).fit_transform(X), X[:, [0, 3, 5]])
    layout = Inputs(6, blocks=blocks, heard="networks")
    assert layout.blocks_heard == ((0, 2), (2, 3))
    with pytest.raises(SettingError, match="leave some"):
        TakeBlocks(((0, 6),)).fit(X)
