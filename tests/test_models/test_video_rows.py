import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from models.errors import TableError
from models.learning.calibration import CalibratedByGroup, fit_sigmoid
from models.learning.video_rows import VideoRows, mean_by_video
from models.learning.vote import SoftVote
from models.metrics import auc
from tests.test_models.conftest import made


def clips(seed=0, n=40):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 5)) + 0.7 * y[:, None], y, np.arange(n) // 2


@st.composite
def videos_of_rows(draw):
    """Videos of one class and one group each, both classes present, their rows shuffled."""
    n = draw(st.integers(4, 12))
    y = np.array([0, 0, 1, 1, *draw(st.lists(st.integers(0, 1), min_size=n - 4, max_size=n - 4))])
    group = np.array(draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)))
    n_rows = draw(st.lists(st.integers(1, 9), min_size=n, max_size=n))
    rows = np.array(draw(st.permutations(np.repeat(np.arange(n), n_rows).tolist())))
    return y[rows], group[rows], rows


@given(videos_of_rows())
def test_every_class_and_every_video_of_a_class_weighs_the_same(made):
    y, group, video = made
    rows = VideoRows.checked(np.zeros((len(y), 1)), y, group, video)
    weight = rows.weights
    n_videos = len(np.unique(video))
    assert weight.sum() == pytest.approx(n_videos)
    assert weight[y == 1].sum() == pytest.approx(n_videos / 2)
    by_video = np.bincount(video, weight)
    for label in (0, 1):
        of_class = by_video[np.unique(video[y == label])]
        np.testing.assert_allclose(of_class, of_class[0])


@given(videos_of_rows())
def test_the_rows_of_a_video_are_never_parted(made):
    y, _, video = made
    rows = VideoRows.checked(np.zeros((len(y), 1)), y, video, video)
    tested = []
    for train, test in rows.folds(3, 0):
        assert not set(video[train]) & set(video[test])
        assert sorted([*train, *test]) == list(range(len(y)))
        tested.extend(test)
    assert sorted(tested) == list(range(len(y)))


def test_the_mean_of_a_video_is_that_of_its_rows_in_the_order_of_the_videos():
    found = mean_by_video(np.array([1.0, 5.0, 2.0, 3.0]), np.array([7, 2, 7, 7]))
    np.testing.assert_array_equal(found, [5.0, 2.0])


@pytest.mark.parametrize("name", ["svm", "mlp", "xgboost"])
def test_a_video_cut_into_equal_windows_is_the_same_video(name):
    """Each row thrice, said to be of one video, teaches what the row alone does."""
    X, y, group = clips()
    pipeline = made(name, 0)
    # Quartiles of repeated rows lie elsewhere, and random parts of more rows are others.
    pipeline.set_params(classify__estimator__scale="passthrough")
    if name == "xgboost":
        pipeline.set_params(classify__estimator__model__subsample=1.0)
    one = clone(pipeline).fit(X, y, classify__groups=group)
    rows = np.repeat(np.arange(40), 3)
    three = pipeline.fit(X[rows], y[rows], classify__groups=group[rows], classify__videos=rows)
    np.testing.assert_allclose(
        three.decision_function(X), one.decision_function(X), rtol=2e-2, atol=2e-2
    )
    assert three[-1].slope_ == pytest.approx(one[-1].slope_, rel=0.05)


def test_a_video_of_many_windows_does_not_rule_the_others():
    """One wrongly labelled video of 500 windows among 40 of one window each."""
    X, y, _ = clips(n=40)
    rows = np.r_[np.arange(40), np.zeros(499, dtype=int)]
    X[0], new_X, new_y = 3.0, *clips(1, 400)[:2]
    make = make_pipeline(SVC(kernel="linear", C=0.01))
    weighed = CalibratedByGroup(make).fit(X[rows], y[rows], videos=rows)
    counted = CalibratedByGroup(make).fit(X[rows], y[rows], groups=rows)
    assert auc(new_y, weighed.decision_function(new_X)) > 0.8
    assert auc(new_y, counted.decision_function(new_X)) < 0.5


@pytest.mark.parametrize("vote", [False, True])
def test_the_sigmoid_is_that_of_the_mean_decision_values_of_videos(vote):
    X, y, group = clips()
    rows = np.random.default_rng(1).integers(0, 40, size=200)
    rows = np.r_[rows, np.arange(40)]
    noisy = X[rows] + np.random.default_rng(2).normal(size=(240, 5))
    one = CalibratedByGroup(make_pipeline(SVC()))
    model = SoftVote([("a", one), ("b", one)]) if vote else one
    fitted = model.fit(noisy, y[rows], groups=group[rows], videos=rows)
    held_out = [fitted.oof_decision_[rows == video].mean() for video in range(40)]
    expected = fit_sigmoid(np.array(held_out), y)
    np.testing.assert_allclose((fitted.slope_, fitted.intercept_), expected, rtol=1e-6)
    decision = fitted.decision_function(noisy)
    assert decision.shape == (240,)
    np.testing.assert_allclose(fitted.probability(decision), fitted.predict_proba(noisy)[:, 1])


def test_names_of_videos_do_not_matter():
    X, y, group = clips()
    rows = np.repeat(np.arange(40), 2)
    named = [f"clip {number:02d}.mp4" for number in rows]
    fits = [
        CalibratedByGroup(make_pipeline(SVC())).fit(X[rows], y[rows], groups=group[rows], videos=v)
        for v in (rows, named)
    ]
    np.testing.assert_array_equal(fits[0].oof_decision_, fits[1].oof_decision_)
    assert fits[0].slope_ == fits[1].slope_


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"groups": np.arange(40)}, "in one group"),
        ({"videos": np.arange(40) % 2}, "of one class"),
        ({"videos": np.arange(39)}, "one video for each of the 40 rows"),
        ({"groups": np.zeros((40, 2))}, "one group for each of the 40 rows"),
    ],
)
def test_videos_and_groups_that_do_not_fit_are_named(wrong, said):
    X, _, pair = clips()
    y = np.repeat([0, 1], 20)
    with pytest.raises(TableError, match=said):
        CalibratedByGroup(make_pipeline(SVC())).fit(X, y, **({"videos": pair} | wrong))
