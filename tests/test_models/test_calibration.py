import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import LeaveOneOut
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from models.classifiers import TABULAR, VOTES
from models.errors import HoldOutError
from models.learning.calibration import CalibratedByGroup, fit_sigmoid
from models.learning.vote import SoftVote
from models.metrics import auc
from tests.test_models.conftest import made


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.floats(-1e3, 1e3, allow_subnormal=False)),
        min_size=2,
        max_size=50,
    ).filter(lambda rows: len({row[0] for row in rows}) == 2)
)
def test_probability_never_falls_when_the_decision_value_rises(rows):
    is_fake, decision = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    slope, intercept = fit_sigmoid(decision, is_fake)
    assert slope >= 0
    p = expit(slope * np.sort(decision) + intercept)
    assert (np.diff(p) >= 0).all()
    assert ((p >= 0) & (p <= 1)).all()


def test_a_known_sigmoid_is_recovered():
    rng = np.random.default_rng(0)
    decision = rng.normal(scale=2, size=50_000)
    is_fake = (rng.random(50_000) < expit(1.5 * decision - 0.7)).astype(int)
    slope, intercept = fit_sigmoid(decision, is_fake)
    assert slope == pytest.approx(1.5, abs=0.05)
    assert intercept == pytest.approx(-0.7, abs=0.05)


@pytest.mark.parametrize("decision", [np.zeros(10), -np.arange(10.0)])
def test_values_without_or_against_the_truth_give_the_share_of_fakes(decision):
    is_fake = (np.arange(10) >= 4).astype(int)
    slope, intercept = fit_sigmoid(decision, is_fake)
    assert slope == pytest.approx(0, abs=1e-9)
    assert expit(intercept) == pytest.approx(0.6, abs=0.05)


def samples(n, seed):
    """A weak signal among many features."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 30)) + 0.2 * y[:, None], y


def test_plain_sigmoid_calibration_turns_the_ranking_round_and_ours_does_not():
    """Leaving one out of few, the classifier leans away from the class left out.

    The held-out decision values then run against the truth, though the classifier itself ranks
    new videos rightly.
    """
    X, y = samples(12, seed=1)
    new_X, new_y = samples(2000, seed=99)
    machine = SVC(kernel="linear")
    plain = CalibratedClassifierCV(machine, cv=list(LeaveOneOut().split(X)), ensemble=False)
    plain.fit(X, y)
    own = CalibratedByGroup(make_pipeline(machine), n_folds=12).fit(X, y)
    right = auc(new_y, machine.fit(X, y).decision_function(new_X))
    assert right > 0.6
    assert auc(new_y, plain.predict_proba(new_X)[:, 1]) == pytest.approx(1 - right, abs=1e-3)
    assert auc(new_y, own.decision_function(new_X)) == pytest.approx(right)
    assert auc(new_y, own.predict_proba(new_X)[:, 1]) >= 0.5


def test_held_out_decisions_do_not_know_their_group():
    """A feature that only names the group separates the classes in training and not held out."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(20), 5)
    y = rng.permutation(np.repeat([0, 1], 10))[group]
    X = np.eye(20)[group] + rng.normal(scale=0.01, size=(100, 20))
    fitted = CalibratedByGroup(make_pipeline(SVC())).fit(X, y, groups=group)
    assert auc(y, fitted.decision_function(X)) == 1.0
    assert auc(y, fitted.oof_decision_) < 0.7
    careless = CalibratedByGroup(make_pipeline(SVC())).fit(X, y)
    assert auc(y, careless.oof_decision_) > 0.95


@pytest.mark.parametrize("name", [*TABULAR, *VOTES])
def test_every_classifier_is_a_scikit_learn_pipeline(name):
    rng = np.random.default_rng(1)
    y = np.array(["real", "fake"])[np.arange(40) % 2]
    X = rng.normal(size=(40, 6)) + 2.0 * (y == "real")[:, None]
    # A constant column, an empty one, a gap and a wild value.
    X[:, 0], X[:, 1], X[3, 2], X[4, 3] = 5.0, np.nan, np.nan, 1e12
    pipeline = clone(made(name, 7))
    assert pipeline.get_params()["classify"].get_params()
    pipeline.fit(X, y)
    p = pipeline.predict_proba(X)
    assert list(pipeline.classes_) == ["fake", "real"]
    assert p.shape == (40, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (pipeline.predict(X) == y).mean() > 0.9
    again = clone(pipeline).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), p)
    one = pipeline[-1].members_["svm"] if name in VOTES else pipeline[-1]
    assert list(one.estimator_[:2].get_feature_names_out()) == ["x2", "x3", "x4", "x5"]


def test_the_vote_ranks_by_the_mean_of_its_members():
    rng = np.random.default_rng(2)
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 4)) + y[:, None]
    members = [(f"c{c}", CalibratedByGroup(make_pipeline(SVC(C=c)))) for c in (0.1, 1.0, 10.0)]
    vote = SoftVote(members).fit(X, y)
    mean = np.mean([m.predict_proba(X)[:, 1] for m in vote.members_.values()], axis=0)
    np.testing.assert_allclose(expit(vote.decision_function(X)), mean)
    assert vote.slope_ >= 0


def test_too_few_groups_to_calibrate_are_named():
    X, y = samples(12, seed=1)
    with pytest.raises(HoldOutError, match="at least two groups"):
        CalibratedByGroup(make_pipeline(SVC())).fit(X, y, groups=y)


@pytest.mark.parametrize("name", ["svm", "mlp", "xgboost"])
def test_held_out_decisions_do_not_depend_on_what_is_measured_in_other_held_out_videos(name):
    """A median or a scale that had seen them would carry one held-out video to another."""
    rng = np.random.default_rng(3)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 5)) + y[:, None]
    X[rng.random(X.shape) < 0.2] = np.nan
    plain = made(name, 0).fit(X, y)[-1]
    held_out = np.flatnonzero(plain.oof_fold_ == 0)
    changed = X.copy()
    changed[held_out[1:]] = 100 * rng.normal(size=(len(held_out) - 1, 5))
    other = made(name, 0).fit(changed, y)[-1]
    assert other.oof_fold_[held_out[0]] == 0
    assert other.oof_decision_[held_out[0]] == plain.oof_decision_[held_out[0]]


def test_a_vote_of_noise_is_no_surer_than_one_member():
    """Sigmoids that saw the rows they vote on would find signal in noise nearly always."""
    found = {"one": 0, "vote": 0}
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(size=(80, 3))
        members = [(f"n{i}", CalibratedByGroup(make_pipeline(Echo(i)))) for i in range(3)]
        vote = SoftVote(members).fit(noise, np.arange(80) % 2)
        found["one"] += vote.members_["n0"].slope_ > 1e-6
        found["vote"] += vote.slope_ > 1e-6
    assert 10 <= found["one"] <= 30
    assert found["vote"] <= 24


class Echo(ClassifierMixin, BaseEstimator):
    """Hands one column on as its decision value."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X[:, self.column]
