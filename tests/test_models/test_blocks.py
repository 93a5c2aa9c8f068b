import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from models.errors import SettingError
from models.learning.blocks import CompressedBlocks, network_blocks
from models.table.matrix import feature_columns
from models.validation import cross_validate


def test_what_a_network_says_stands_side_by_side_in_a_table():
    names = [f"cnn__{net}_{i:04d}__{s}" for net in "ab" for i in range(3) for s in ("mean", "std")]
    names += ["cnn__a_change__max", "blinks__n__mean", "eyes__ear__std", "cnn_like__x__mean"]
    columns = feature_columns(reversed(names))
    blocks = network_blocks(columns)
    assert [columns[start][5] for start, _ in blocks] == ["a", "b"]
    assert [stop - start for start, stop in blocks] == [7, 6]
    inside = {name for start, stop in blocks for name in columns[start:stop]}
    assert inside == {name for name in names if name.startswith("cnn__")}
    assert network_blocks(["eyes__ear__std"]) == ()


def test_few_components_tell_what_many_columns_say_alike():
    """A block of two hidden factors is told whole by two components; others stay as they are."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(200, 2))
    X = np.hstack([rng.normal(size=(200, 3)), factors @ rng.normal(size=(2, 50)), factors])
    told = CompressedBlocks(((3, 53),), 2).fit_transform(X)
    assert told.shape == (200, 7)
    np.testing.assert_array_equal(told[:, :5], X[:, [0, 1, 2, 53, 54]])
    from_told = np.linalg.lstsq(told[:, 5:], X[:, 3:53] - X[:, 3:53].mean(axis=0))[0]
    np.testing.assert_allclose(told[:, 5:] @ from_told, X[:, 3:53] - X[:, 3:53].mean(axis=0))


def test_new_rows_are_told_by_the_components_of_the_training_rows():
    X = np.random.default_rng(1).normal(size=(30, 12))
    fitted = CompressedBlocks(((0, 4), (4, 10)), 3).fit(X)
    told = fitted.transform(X)
    assert told.shape == (30, 8)
    np.testing.assert_allclose(fitted.transform(X[4:5])[0], told[4])
    # Never more than there are rows.
    assert CompressedBlocks(((0, 12),), 8).fit_transform(X[:5]).shape == (5, 5)


def test_a_block_of_no_more_columns_than_components_is_left_as_it_is():
    X = np.random.default_rng(1).normal(size=(30, 12))
    small = CompressedBlocks(((1, 4), (4, 12)), 8).fit(X)
    np.testing.assert_array_equal(small.transform(X), X)
    assert small.compressors_ == []
    mixed = CompressedBlocks(((1, 4), (4, 12)), 7).fit_transform(X)
    assert mixed.shape == (30, 11)
    np.testing.assert_array_equal(mixed[:, :4], X[:, :4])
    alone = CompressedBlocks(((0, 8),), 7).fit_transform(X[:, 4:])
    np.testing.assert_allclose(mixed[:, 4:], alone)


@pytest.mark.parametrize("is_linear", [True, False])
def test_what_components_say_is_shared_by_the_columns_that_move_them(is_linear):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(40, 9)) @ rng.normal(size=(9, 9))
    fitted = CompressedBlocks(((2, 8),), 3).fit(X)
    usual, rows = X[:5], X[5:10].copy()
    rows[:, 3] = usual[:, 3]
    slope = np.array([1.0, -2.0, 3.0, 0.5, 2.0, -1.0])
    terms = slope * (fitted.transform(rows) - fitted.transform(usual))
    shared = fitted.shared(terms, rows, usual, np.full(terms.shape, is_linear))
    np.testing.assert_allclose(shared.sum(axis=1), terms.sum(axis=1))
    np.testing.assert_array_equal(shared[:, [0, 1, 8]], terms[:, :3])
    assert (shared[:, 3] == 0).all()
    if is_linear:
        for column in range(2, 8):
            changed = rows.copy()
            changed[:, column] = usual[:, column]
            lost = (fitted.transform(rows) - fitted.transform(changed)) @ slope
            np.testing.assert_allclose(shared[:, column], lost)
    else:
        # No share is larger than all that components say.
        limit = np.abs(terms[:, 3:]).sum(axis=1, keepdims=True)
        assert (np.abs(shared[:, 2:8]) <= limit * (1 + 1e-12)).all()
        # Where no column moves it, all get the same.
        even = fitted.shared(np.ones((5, 6)), usual, usual, np.zeros((5, 6), bool))
        np.testing.assert_allclose(even[:, 2:8], 0.5)


@pytest.mark.parametrize("blocks", [((2, 2),), ((3, 1),), ((0, 7),), ((0, 4), (3, 5)), ((-1, 2),)])
def test_blocks_that_are_none_are_named(blocks):
    with pytest.raises(SettingError, match="within 6 columns"):
        CompressedBlocks(blocks).fit(np.zeros((4, 6)))
    with pytest.raises(SettingError, match="one component"):
        CompressedBlocks(((0, 2),), 0).fit(np.zeros((4, 6)))


@parametrize_with_checks([CompressedBlocks()])
def test_scikit_learn_s_own_checks_pass(estimator, check):
    check(estimator)


def test_a_network_is_told_by_few_components_in_every_classifier_of_features():
    """A thousand columns of noise beside a feature that knows: they would drown it in a kernel."""
    rng = np.random.default_rng(3)
    is_fake = np.arange(80) % 2
    table = pd.DataFrame(
        rng.normal(size=(80, 1000)), columns=[f"cnn__n_{i:04d}__mean" for i in range(1000)]
    )
    for number in range(8):
        table[f"eyes__{number}__mean"] = is_fake + rng.normal(size=80) / 2
    table = table.assign(
        path=[f"{i}.mp4" for i in range(80)],
        label=np.where(is_fake, "fake", "real"),
        group=[str(i // 2) for i in range(80)],
    )
    report = cross_validate(table, classifier="svm", audit=False)
    metrics = report.metrics.set_index("metric")["value"]
    assert metrics["auc_pooled"] > 0.97


def test_a_network_that_said_nothing_in_training_is_no_matter():
    X = np.hstack([np.random.default_rng(4).normal(size=(20, 2)), np.zeros((20, 3))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = CompressedBlocks(((2, 5),), 2).fit_transform(X)
    np.testing.assert_array_equal(told, np.hstack([X[:, :2], np.zeros((20, 2))]))
