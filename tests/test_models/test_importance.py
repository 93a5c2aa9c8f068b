import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib import Parallel, delayed

from models.evaluation.importance import (
    _exchanged,
    family_importance,
    family_of,
    permuted_decisions,
)
from models.learning.group_folds import group_folds
from models.metrics import auc, draws
from tests.test_models.conftest import made


def people(seed=0, n=160, strength=2.0, twin=False):
    """``eyes`` carries all, in two columns; ``noise`` nothing; ``twin`` repeats ``eyes``."""
    rng = np.random.default_rng(seed)
    y, group = np.arange(n) % 2, np.arange(n) // 4
    signal = strength * y + rng.normal(size=n)
    columns = {
        "eyes__blink__rate": signal,
        "eyes__blink__std": -signal + 0.1 * rng.normal(size=n),
        "noise__a__std": rng.normal(size=n),
        "noise__b__std": rng.normal(size=n),
        "noise__c__std": rng.normal(size=n),
    }
    if twin:
        columns["gaze__a__std"] = signal + 0.1 * rng.normal(size=n)
        columns["gaze__b__std"] = -signal + 0.1 * rng.normal(size=n)
    return np.column_stack(list(columns.values())), list(columns), y, group


def importance(X, columns, y, group, seed=0, n_jobs=1, n_repeats=5):
    """Of a support vector machine, five folds of groups held out."""
    splits = group_folds(y, group, 5, seed)

    def one_fold(train, test):
        fitted = made("svm", seed).fit(X[train], y[train], classify__groups=group[train])
        return fitted.decision_function(X[test]), permuted_decisions(
            fitted, X[test], columns, seed, n_repeats
        )

    outcomes = Parallel(n_jobs=n_jobs, backend="threading")(
        delayed(one_fold)(*split) for split in splits
    )
    order = np.concatenate([test for _, test in splits])
    folds = np.repeat(np.arange(len(splits)), [len(test) for _, test in splits])
    decision = np.concatenate([decision for decision, _ in outcomes])
    permuted = {
        name: np.hstack([of_fold[name] for _, of_fold in outcomes]) for name in outcomes[0][1]
    }
    found = family_importance(y[order], decision, permuted, columns, group[order], folds, seed=seed)
    return found.set_index("family"), np.mean(
        [auc(y[order][folds == i], decision[folds == i]) for i in range(len(splits))]
    )


def test_a_family_that_carries_all_takes_the_auc_down_to_chance():
    found, value = importance(*people())
    assert value > 0.85
    assert found.index[0] == "eyes"
    assert list(found["n_features"]) == [2, 3]
    assert found.loc["eyes", "auc_drop"] == pytest.approx(value - 0.5, abs=0.05)
    assert found.loc["eyes", "low"] > 0.25


def test_the_interval_of_noise_holds_zero():
    """Nineteen times in twenty, of people whom one fitted classifier has not seen."""
    X, columns, y, group = people(99)
    fitted = made("svm", 0).fit(X, y, classify__groups=group)
    n_hold, n_seeds = 0, 30
    for seed in range(n_seeds):
        X, columns, y, group = people(seed)
        permuted = permuted_decisions(fitted, X, columns, seed)
        decision = fitted.decision_function(X)
        found = family_importance(
            y, decision, permuted, columns, group, np.zeros(len(y)), n_resamples=200, seed=seed
        )
        noise = found.set_index("family").loc["noise"]
        assert noise["low"] < noise["auc_drop"] < noise["high"]
        n_hold += noise["low"] <= 0 <= noise["high"]
    assert n_hold >= 27


def test_families_that_tell_the_same_share_the_fall():
    alone, _ = importance(*people())
    shared, _ = importance(*people(twin=True))
    both = shared.loc[["eyes", "gaze"], "auc_drop"]
    assert (both < 0.6 * alone.loc["eyes", "auc_drop"]).all()
    assert both["eyes"] == pytest.approx(both["gaze"], abs=0.05)


def test_the_interval_is_paired():
    """Draws differ widely in AUC, but not in the fall of what falls alike in each of them."""
    rng = np.random.default_rng(0)
    y, group = np.arange(60) % 2, np.arange(60) // 2
    decision = y + rng.normal(size=60)
    permuted = {"idle": np.stack([decision, 3 * decision + 1])}
    found = family_importance(y, decision, permuted, ["idle__x__std"], group, np.zeros(60))
    assert (found.loc[0, ["auc_drop", "low", "high"]] == 0).all()


def test_the_number_of_processes_and_repeating_change_nothing():
    made = people()
    one, _ = importance(*made)
    for other in (importance(*made)[0], importance(*made, n_jobs=3)[0]):
        np.testing.assert_array_equal(other.to_numpy(), one.to_numpy())
    another, _ = importance(*made, seed=1)
    assert another.loc["noise", "auc_drop"] != one.loc["noise", "auc_drop"]


def test_columns_of_a_family_are_exchanged_together_and_the_inputs_left_as_they_are():
    """The sum of a family's columns is that of another row; covariates at the end stay."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 5))
    columns = ["a__x__std", "b__x__std", "a__y__std", "b__y__std"]
    before = X.copy()
    found = permuted_decisions(Sum(), X, columns, seed=3, n_repeats=4)
    np.testing.assert_array_equal(X, before)
    assert list(found) == ["a", "b"]
    rest = {"a": X[:, [1, 3, 4]].sum(axis=1), "b": X[:, [0, 2, 4]].sum(axis=1)}
    own = {"a": X[:, [0, 2]].sum(axis=1), "b": X[:, [1, 3]].sum(axis=1)}
    for family, decisions in found.items():
        assert decisions.shape == (4, 30)
        for decision in decisions:
            exchanged = decision - rest[family]
            np.testing.assert_allclose(np.sort(exchanged), np.sort(own[family]))
            assert (np.abs(exchanged - own[family]) > 1e-9).all()


class Sum:
    def decision_function(self, X):
        return X.sum(axis=1)


class Recording(Sum):
    """Keeps what it was asked to score."""

    def __init__(self):
        self.asked = []

    def decision_function(self, X):
        self.asked.append(X.copy())
        return super().decision_function(X)


def test_equal_windows_are_worth_what_the_whole_video_is():
    """To whom one family matters, it matters as much however often the same is measured."""
    X, columns, y, group = people(3)
    train, test = np.flatnonzero(group < 20), np.flatnonzero(group >= 20)
    fitted = made("svm", 0).fit(X[train], y[train], classify__groups=group[train])
    X, y, group = X[test], y[test], group[test]
    decision, folds = fitted.decision_function(X), np.zeros(len(y))
    cut = np.repeat(np.arange(len(y)), 20)
    whole = permuted_decisions(fitted, X, columns, 5)
    windows = permuted_decisions(fitted, X[cut], columns, 5, videos=cut)
    tables = []
    for permuted in (whole, windows):
        found = family_importance(y, decision, permuted, columns, group, folds, n_resamples=50)
        tables.append(found.set_index("family"))
    np.testing.assert_allclose(tables[1].to_numpy(), tables[0].to_numpy(), atol=1e-12)
    assert tables[0].loc["eyes", "auc_drop"] > 0.2


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 99))
def test_windows_get_those_of_one_other_video_from_its_first_on(videos, seed):
    """However many windows each has and however they are mixed; a lone video keeps its own."""
    videos = np.array(videos)
    X = np.column_stack([np.arange(len(videos)), np.zeros(len(videos))])
    pipeline = Recording()
    found = permuted_decisions(pipeline, X, ["a__x__std", "b__x__std"], seed, 2, videos)["a"]
    names = np.unique(videos)
    for asked, decision in zip(pipeline.asked[:2], found, strict=True):
        source = asked[:, 0].astype(int)
        givers = []
        for video in names:
            given_by = np.unique(videos[source[videos == video]])
            assert len(given_by) == 1
            givers.append(given_by[0])
            windows = np.flatnonzero(videos == given_by[0])
            n_windows = (videos == video).sum()
            np.testing.assert_array_equal(source[videos == video], np.resize(windows, n_windows))
        assert sorted(givers) == list(names)
        assert len(names) == 1 or (np.array(givers) != names).all()
        expected = [source[videos == video].mean() for video in names]
        np.testing.assert_allclose(decision, expected)


def test_whole_videos_with_and_without_names_are_the_same():
    X, columns, y, group = people(n=40)
    fitted = made("svm", 0).fit(X, y, classify__groups=group)
    plain = permuted_decisions(fitted, X, columns, 1)
    named = permuted_decisions(fitted, X, columns, 1, videos=3 * np.arange(40) + 7)
    for family in plain:
        np.testing.assert_array_equal(named[family], plain[family])


@given(st.integers(2, 50), st.integers(0, 99))
def test_every_row_gets_the_values_of_another_and_gives_its_own_once(n, seed):
    source = _exchanged(n, np.random.default_rng(seed))
    assert sorted(source) == list(range(n))
    assert (source != np.arange(n)).all()


def test_few_clusters_give_no_interval_and_folds_of_one_class_no_figure():
    y, folds = np.array([0, 1, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2])
    decision = y.astype(float)
    permuted = {"a": np.zeros((2, 6))}
    found = family_importance(y, decision, permuted, ["a__x__std"], np.arange(6) % 4, folds)
    assert found.loc[0, "auc_drop"] == pytest.approx(0.5)
    assert np.isnan(found.loc[0, ["low", "high"]].to_numpy(float)).all()
    one = family_importance(np.ones(6), decision, permuted, ["a__x__std"], np.arange(6), folds)
    assert np.isnan(one.loc[0, "auc_drop"])


def two_classes(n_fake_groups, n_real_groups=30, seed=0):
    """Two videos of each group, in one fold; the family ``a`` is all that was known."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_fake_groups + n_real_groups), 2)
    y = (group < n_fake_groups).astype(int)
    decision = y + rng.normal(size=len(y))
    return y, decision, {"a": rng.normal(size=(3, len(y)))}, group


@pytest.mark.parametrize(("n_fake_groups", "known"), [(1, False), (4, False), (5, True)])
def test_an_interval_needs_five_groups_of_each_class(n_fake_groups, known):
    for y_is in (0, 1):
        y, decision, permuted, group = two_classes(n_fake_groups)
        y = y if y_is else 1 - y
        found = family_importance(y, decision, permuted, ["a__x__std"], group, np.zeros(len(y)))
        assert np.isfinite(found.loc[0, "auc_drop"])
        assert np.isfinite(found.loc[0, ["low", "high"]].to_numpy(float)).all() == known


def test_groups_in_folds_of_one_class_do_not_count_for_an_interval():
    y, decision, permuted, group = two_classes(6)
    folds = np.where(np.isin(group, [0, 1]), 1, 0)
    found = family_importance(y, decision, permuted, ["a__x__std"], group, folds)
    assert np.isnan(found.loc[0, ["low", "high"]].to_numpy(float)).all()


@pytest.mark.parametrize(("n_fake_groups", "wider"), [(5, (1.2, 2.0)), (200, (1.0, 1.05))])
def test_an_interval_of_few_groups_is_wider_than_the_draws(n_fake_groups, wider):
    y, decision, permuted, group = two_classes(n_fake_groups, 200)
    found = family_importance(
        y, decision, permuted, ["a__x__std"], group, np.zeros(len(y)), n_resamples=400, seed=2
    )
    weight = np.vstack(list(draws(group, 400, 2)))
    without = np.mean([auc(y, score, weight) for score in permuted["a"]], axis=0)
    low, high = np.nanpercentile(auc(y, decision, weight) - without, [2.5, 97.5])
    ratio = (found.loc[0, "high"] - found.loc[0, "low"]) / (high - low)
    assert wider[0] < ratio < wider[1]


def test_the_family_is_what_stands_before_the_first_double_underscore():
    assert family_of("head_pose__yaw_deg__iqr") == "head_pose"
