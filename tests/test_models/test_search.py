import json

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.feature_selection import SelectPercentile, f_classif
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight

from models import train
from models.detector_file import load_detector
from models.errors import HoldOutError
from models.learning.balanced_fit import fit_balanced
from models.learning.calibration import CalibratedByGroup
from models.learning.conditioning import QualityConditioner
from models.learning.group_folds import GroupFolds, group_folds
from models.learning.search import GRIDS, choose, fit_chosen
from models.learning.video_rows import VideoRows
from models.learning.vote import SoftVote
from tests.test_models.conftest import made


class Column(ClassifierMixin, BaseEstimator):
    """Hands one column on as its decision value; learns nothing."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X[:, self.column]


def people(n_groups=24, per_group=4, seed=0):
    """Noise in which only column 2 tells the fakes; groups of one class, of both each third."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), per_group)
    y = group % 2
    y = np.where((group % 3 == 0) & (np.arange(len(y)) % 2 == 0), 1 - y, y)
    X = rng.normal(size=(len(y), 5))
    X[:, 2] += 2.0 * y
    return X, y, group


def searching(name):
    """One of the classifiers with its grid; the trees fewer, for time."""
    calibrated = made(name, 3, 0, search=True)[-1].set_params(n_folds=3)
    return (
        calibrated.set_params(estimator__model__n_estimators=20)
        if name == "xgboost"
        else calibrated
    )


def rows_of(X, y, group, videos=None):
    return VideoRows.checked(X, y, group, videos)


def test_the_setting_that_ranks_held_out_groups_best_is_chosen():
    rows = rows_of(*people())
    grid = {"column__column": [0, 1, 2, 3, 4]}
    assert choose(make_pipeline(Column()), grid, rows, 0) == {"column__column": 2}


def test_among_equals_the_first_is_chosen():
    X, y, group = people()
    X[:, 4] = X[:, 2]
    for order in ([2, 4, 0], [4, 2, 0]):
        found = choose(make_pipeline(Column()), {"column__column": order}, rows_of(X, y, group), 0)
        assert found == {"column__column": order[0]}


def test_what_only_tells_the_group_is_not_chosen():
    """A column of the group's number ranks rows of known groups perfectly, new ones not at all."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(30), 4)
    y = rng.permutation(np.repeat([0, 1], 15))[group]
    X = np.hstack([np.eye(30)[group], rng.normal(size=(120, 1)) + 1.2 * y[:, None]])
    pick = {"of_group": np.arange(30), "true": [30]}
    grid = {"columns__names": [pick["of_group"], pick["true"]]}
    pipeline = Pipeline([("columns", Columns()), ("model", SVC())])
    assert choose(pipeline, grid, rows_of(X, y, group), 0)["columns__names"] is pick["true"]


class Columns(BaseEstimator):
    def __init__(self, names=()):
        self.names = names

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, self.names]


def test_a_long_video_counts_as_one_in_the_choice():
    """Of the windows most speak for column 0, of the videos most for column 1."""
    n = 40
    y, group = np.arange(n) % 2, np.arange(n)
    X = np.zeros((n, 2))
    X[:, 1] = y
    X[:4, 1] = 1 - y[:4]
    X[:4, 0] = y[:4]
    rows = np.r_[np.arange(n), np.repeat(np.arange(4), 200)]
    grid = {"column__column": [0, 1]}
    windows = X[rows], y[rows], group[rows]
    by_video = choose(make_pipeline(Column()), grid, rows_of(*windows, rows), 0)
    by_window = choose(make_pipeline(Column()), grid, rows_of(*windows, np.arange(len(rows))), 0)
    assert (by_video["column__column"], by_window["column__column"]) == (1, 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_choice_is_that_of_a_plain_grid_search_over_the_same_folds(seed):
    """Steps that all candidates share are fitted once, which must not change anything."""
    rng = np.random.default_rng(seed)
    X, y, group = people(30, 2, seed)
    X[:, 2] -= 1.2 * y
    X = np.hstack([X, rng.normal(size=(60, 40)) * np.exp(rng.normal(size=40))])
    X[rng.random(X.shape) < 0.1] = np.nan
    pipeline = made("svm", search=True)[-1].estimator
    grid = {"model__C": [3.0, 0.3, 0.03], "select__percentile": [100, 50, 20, 10, 5]}
    reference = GridSearchCV(
        Balanced(clone(pipeline).set_params(model=SVC()).steps),
        grid,
        scoring=make_scorer(roc_auc_score, response_method="decision_function"),
        cv=GroupFolds(3, seed),
        refit=False,
    )
    reference.fit(X, y, groups=group)
    assert choose(pipeline, grid, rows_of(X, y, group), seed) == reference.best_params_


class Balanced(Pipeline):
    """Both classes weigh the same."""

    def fit(self, X, y):
        weight = compute_sample_weight("balanced", y)
        return super().fit(X, y, select__sample_weight=weight, model__sample_weight=weight)


@pytest.mark.parametrize("n_windows", [30, 3000])
def test_a_long_video_counts_as_one_in_the_choice_of_features(n_windows):
    """Column 0 tells fakes; in column 5 one fake video of many windows is odd, as it may be."""
    rng = np.random.default_rng(0)
    n = 60
    videos = np.r_[np.arange(n), np.full(n_windows, n)]
    y = np.r_[np.arange(n) % 2, np.ones(n_windows, dtype=int)]
    X = rng.normal(size=(len(y), 20))
    X[:n, 0] += 2 * y[:n]
    X[n:, 5] += 5
    pipeline = made("svm", search=True)[-1].estimator.set_params(select__percentile=5)
    fitted = fit_balanced(pipeline, rows_of(X, y, videos, videos))
    np.testing.assert_array_equal(fitted["select"].get_support(indices=True), [0])


def test_conditioning_is_told_the_groups_of_its_own_rows():
    rng = np.random.default_rng(0)
    X, y, group = people()
    quality = rng.normal(size=(len(y), 2))
    X[:, :2] += quality
    X = np.hstack([X, np.exp(quality)])
    fitted = made("svm", 0, 2, search=True).fit(X, y, classify__groups=group)[-1]
    found = fitted.estimator_[0].transform(X)
    np.testing.assert_array_equal(found, QualityConditioner(2).fit(X, y, group).transform(X))
    assert (found != QualityConditioner(2).fit(X, y).transform(X)).any()


@pytest.mark.parametrize("name", ["svm", "mlp", "xgboost"])
def test_nothing_held_out_has_a_part_in_the_choice_or_in_the_decisions(name):
    """Wild values in other held-out groups, and leaving all of them away, change no decision."""
    X, y, group = people(16, 2)
    plain = searching(name).fit(X, y, groups=group)
    held_out = np.flatnonzero(plain.oof_fold_ == 0)
    train = plain.oof_fold_ != 0
    rng = np.random.default_rng(9)
    poisoned = X.copy()
    poisoned[held_out[1:]] = 1e3 * rng.normal(size=(len(held_out) - 1, 5))
    other = searching(name).fit(poisoned, y, groups=group)
    np.testing.assert_array_equal(other.oof_fold_, plain.oof_fold_)
    assert other.oof_decision_[held_out[0]] == plain.oof_decision_[held_out[0]]
    # And a fit that was never given the held-out rows and their labels decides the same.
    alone, _ = fit_chosen(plain.estimator, plain.grid, rows_of(X, y, group).part(train), 3)
    decided = (
        alone.decision_function(X)
        if name == "svm"
        else np.log(alone.predict_proba(X)[:, 1] / alone.predict_proba(X)[:, 0])
    )
    np.testing.assert_allclose(decided[held_out], plain.oof_decision_[held_out], rtol=1e-4)


@pytest.mark.parametrize("name", sorted(GRIDS))
def test_a_search_starts_from_what_is_used_without_one(name):
    searched = made(name, search=True)[-1]
    plain = made(name, 0)[-1].estimator.get_params()
    first = {parameter: values[0] for parameter, values in searched.grid.items()}
    assert first.pop("select__percentile") == 100
    assert first == {parameter: plain[parameter] for parameter in first}


def test_with_too_few_groups_to_compare_settings_the_first_is_taken():
    X, y, _ = people(4, 4)
    group = np.array([0, 1, 2, 3])[2 * y + np.arange(16) % 2]
    fitted = made("svm", search=True).fit(X, y, classify__groups=group)[-1]
    assert fitted.oof_decision_.shape == (16,)
    one = rows_of(X, y, np.where(y == 1, 1, group))
    assert choose(fitted.estimator, fitted.grid, one, 0) == {
        "model__C": 3.0,
        "select__percentile": 100,
    }


def test_a_noisy_table_is_cut_down_and_a_plain_one_of_use_in_whole_is_not():
    rng = np.random.default_rng(0)
    y, group = np.arange(120) % 2, np.arange(120) // 2
    noisy = np.hstack([rng.normal(size=(120, 3)) + 0.8 * y[:, None], rng.normal(size=(120, 400))])
    fitted = made("svm", search=True).fit(noisy, y, classify__groups=group)[-1]
    assert fitted.chosen_["select__percentile"] < 100
    assert set(fitted.chosen_) == set(GRIDS["svm"])
    kept = fitted.estimator_["select"].get_support()
    assert kept[:3].all()


def test_a_searched_detector_is_saved_small_and_says_the_same(table, tmp_path):
    from models.table.feature_table import read_training_table

    data = read_training_table(table)
    pipeline = made("svm", search=True)
    pipeline.fit(data.inputs, data.is_fake, classify__groups=data.groups)
    plain = train(table, "svm")
    searched = type(plain)(**{**vars(plain), "pipeline": pipeline})
    searched.save(tmp_path / "searched.skops")
    plain.save(tmp_path / "plain.skops")
    again = load_detector(tmp_path / "searched.skops")
    np.testing.assert_array_equal(again.decision_function(table), searched.decision_function(table))
    assert again.pipeline[-1].chosen_ == pipeline[-1].chosen_
    sizes = [(tmp_path / f"{name}.skops").stat().st_size for name in ("searched", "plain")]
    assert sizes[0] < 1.5 * sizes[1]


def test_a_vote_says_what_each_of_its_members_chose():
    X, y, group = people()
    settings = {"a": {"column__column": [0, 2]}, "b": {"column__column": [2, 1]}, "c": None}
    members = [
        (name, CalibratedByGroup(make_pipeline(Column()), grid=grid))
        for name, grid in settings.items()
    ]
    vote = SoftVote(members).fit(X, y, groups=group)
    assert vote.chosen_ == {"a: column__column": 2, "b: column__column": 2}
    assert SoftVote(members[2:]).fit(X, y, groups=group).chosen_ == {}


def test_a_detector_says_what_was_chosen_for_it(table, tmp_path):
    """In plain types, as the file of a detector and any other program can hold."""
    plain = train(table, "svm").provenance
    assert (plain["searched"], plain["chosen"]) == (False, {})
    searched = train(table, "svm", search=True)
    made = searched.provenance
    fitted = searched.pipeline[-1].estimator_.get_params()
    assert made["searched"] is True
    assert made["chosen"] == {parameter: fitted[parameter] for parameter in GRIDS["svm"]}
    assert json.loads(json.dumps(made)) == made
    assert json.loads(json.dumps(GRIDS)) == GRIDS
    searched.save(tmp_path / "model.skops")
    assert load_detector(tmp_path / "model.skops").provenance == made


def test_the_same_seed_chooses_the_same():
    X, y, group = people()
    one, two = (searching("xgboost").fit(X, y, groups=group) for _ in range(2))
    assert one.chosen_ == two.chosen_
    np.testing.assert_array_equal(one.oof_decision_, two.oof_decision_)


def test_group_folds_are_a_scikit_learn_splitter():
    X, y, group = people()
    splitter = GroupFolds(4, seed=1)
    folds = list(splitter.split(X, np.where(y == 1, "fake", "real"), group))
    # "fake" sorts before "real": the classes change places, the shares do not.
    for (train_rows, test_rows), (a, b) in zip(folds, group_folds(1 - y, group, 4, 1), strict=True):
        np.testing.assert_array_equal(train_rows, a)
        np.testing.assert_array_equal(test_rows, b)
    assert splitter.get_n_splits(X, y, group) == 4
    decided = cross_val_predict(SVC(), X, y, groups=group, cv=splitter, method="decision_function")
    assert roc_auc_score(y, decided) > 0.8


@pytest.mark.parametrize(
    "given", [{}, {"y": np.arange(4) % 2}, {"y": np.arange(4), "groups": np.arange(4)}]
)
def test_what_the_splitter_needs_is_named(given):
    with pytest.raises(HoldOutError, match="groups"):
        list(GroupFolds().split(np.zeros((4, 1)), **given))


def test_a_user_s_own_grid_and_selection_work():
    X, y, group = people()
    pipeline = Pipeline([("select", SelectPercentile(f_classif)), ("model", SVC())])
    grid = {"select__percentile": [20, 100], "model__kernel": ["linear", "rbf"]}
    fitted = CalibratedByGroup(pipeline, grid=grid).fit(X, y, groups=group)
    assert set(fitted.chosen_) == set(grid)
    assert {k: fitted.estimator_.get_params()[k] for k in grid} == fitted.chosen_
