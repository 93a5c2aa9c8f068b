import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student_t
from sklearn import metrics as reference

from models import metrics

HALF = np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ([0.1, 0.2, 0.3, 0.4], 1.0),
        ([0.4, 0.3, 0.2, 0.1], 0.0),
        ([0.5, 0.5, 0.5, 0.5], 0.5),
        # Of four pairs of a fake and a real, three are in order.
        ([0.1, 0.3, 0.2, 0.4], 0.75),
        # Two pairs in order, two ties.
        ([0.1, 0.3, 0.3, 0.3], 0.75),
    ],
)
def test_auc_is_the_share_of_pairs_in_order(score, expected):
    assert metrics.auc(HALF, np.array(score)) == pytest.approx(expected)


def test_average_precision_of_known_rankings():
    # From the top: fake, real, fake, real. Precision at the fakes: 1/1 and 2/3.
    assert metrics.average_precision(
        np.array([1, 0, 1, 0]), np.array([4.0, 3.0, 2.0, 1.0])
    ) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.average_precision(HALF, np.zeros(4)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("score", "expected"), [([1, 2, 3, 4], 0.0), ([4, 3, 2, 1], 1.0), ([1, 1, 1, 1], 0.5)]
)
def test_equal_error_rate_of_perfect_inverted_and_blind_scores(score, expected):
    assert metrics.equal_error_rate(HALF, np.array(score, float)) == pytest.approx(expected)


def test_equal_error_rate_where_one_in_five_is_on_the_wrong_side():
    is_fake = np.repeat([0, 1], 5)
    score = np.array([1, 2, 3, 4, 10, 0, 6, 7, 8, 9], float)
    assert metrics.equal_error_rate(is_fake, score) == pytest.approx(0.2)


def test_tpr_at_fpr_counts_fakes_above_the_allowed_reals():
    is_fake = np.r_[np.zeros(100, int), np.ones(4, int)]
    # Fakes above all reals, above all but one, above all but five, below all.
    score = np.r_[np.arange(100.0), 99.5, 98.5, 94.5, -1.0]
    assert metrics.tpr_at_fpr(is_fake, score, fpr=0.0) == pytest.approx(0.25)
    assert metrics.tpr_at_fpr(is_fake, score, fpr=0.01) == pytest.approx(0.5)
    assert metrics.tpr_at_fpr(is_fake, score, fpr=0.05) == pytest.approx(0.75)


def test_metrics_of_probabilities_in_closed_form():
    p = np.array([0.2, 0.6, 0.6, 1.0])
    assert metrics.brier_score(HALF, p) == pytest.approx((0.04 + 0.36 + 0.16 + 0) / 4)
    assert metrics.balanced_accuracy(HALF, p) == pytest.approx(0.75)
    assert metrics.log_loss(HALF, np.full(4, 0.5)) == pytest.approx(np.log(2))
    assert np.isfinite(metrics.log_loss(HALF, np.array([1.0, 1.0, 0.0, 0.0])))


def test_calibration_error_of_a_forecast_that_is_off_by_a_fifth():
    is_fake = np.array([1, 1, 1, 0, 0] * 4)
    assert metrics.expected_calibration_error(is_fake, np.full(20, 0.62)) == pytest.approx(0.02)
    assert metrics.expected_calibration_error(is_fake, np.full(20, 0.8)) == pytest.approx(0.2)


def test_within_group_auc_ignores_shifts_between_groups():
    groups = np.array(["a", "a", "b", "b", "c"])
    is_fake = np.array([0, 1, 0, 1, 1])
    score = np.array([10.0, 11.0, -11.0, -10.0, 0.0])
    assert metrics.mean_auc_within_groups(is_fake, score, groups, np.zeros(5)) == 1.0
    assert metrics.auc(is_fake, score) < 1


def test_within_group_auc_compares_no_scores_of_different_classifiers():
    """Each group's fakes were scored in another fold than its reals, as with methods held out."""
    is_fake, groups = np.tile([0, 1], 10), np.repeat(np.arange(10), 2)
    score = np.where(is_fake == 1, -5.0, 5.0)
    assert np.isnan(metrics.mean_auc_within_groups(is_fake, score, groups, is_fake))
    assert metrics.mean_auc_within_groups(is_fake, score, groups, groups) == 0.0
    # Group 0 has a fold with both classes.
    folds = np.r_[7, 7, is_fake[2:]]
    measured = metrics.measure(is_fake, -score, np.full(20, 0.5), groups, folds)
    row = measured.set_index("metric").loc["auc_within_group"]
    assert row["value"] == 1.0
    assert (row["n_counted"], row["n_all"]) == (1, 19)
    assert np.isnan([row["low"], row["high"]]).all()


def test_a_held_out_name_counts_once_however_many_folds_it_took():
    # Name a: a fold of 4 pairs in order and one of 1 pair not in order. Name b: half in order.
    is_fake = np.array([0, 0, 1, 1, 0, 1, 0, 0, 1, 1])
    score = np.array([1, 2, 3, 4, 9, 8, 1, 4, 2, 3], float)
    folds = np.array([1, 1, 1, 1, 2, 2, 3, 3, 4, 3])
    names = np.array(["a"] * 6 + ["b"] * 4)
    assert metrics.mean_auc_of_held_out(is_fake, score, folds, names) == pytest.approx(
        (4 / 5 + 1 / 2) / 2
    )
    # Drawn twice, a counts twice.
    weight = np.where(names == "a", 2.0, 1.0)[None]
    drawn = metrics.mean_auc_of_held_out(is_fake, score, folds, names, weight)
    assert drawn[0] == pytest.approx((2 * 4 / 5 + 1 / 2) / 3)
    without_b = metrics.mean_auc_of_held_out(is_fake, score, folds, names, weight - 1)
    assert without_b[0] == pytest.approx(4 / 5)
    measured = metrics.measure(is_fake, score, np.full(10, 0.5), folds, folds, names)
    row = measured.set_index("metric").loc["auc_mean_of_folds"]
    assert (row["n_counted"], row["n_all"]) == (2, 2)


@pytest.mark.parametrize(("n_clusters", "known"), [(4, False), (5, True)])
def test_fewer_than_five_clusters_give_no_interval(n_clusters, known):
    rng = np.random.default_rng(0)
    is_fake, cluster = np.arange(60) % 2, np.arange(60) % n_clusters
    score = rng.normal(size=60) + is_fake
    measured = metrics.measure(
        is_fake, score, 1 / (1 + np.exp(-score)), np.arange(60), np.zeros(60), clusters=cluster
    ).set_index("metric")
    assert np.isfinite(measured.loc["auc_pooled", "value"])
    assert np.isfinite(measured.loc["auc_pooled", ["low", "high"]].astype(float)).all() == known


def test_pooling_folds_of_different_class_shares_misleads_and_the_figures_beside_it_do_not():
    """A classifier trained without a fold leans against the class that is common in it.

    Each fold is ranked without a mistake; but where nine in ten are fake all scores are low.
    """
    is_fake = np.array([1] * 9 + [0] + [1] + [0] * 9)
    fold = np.repeat([0, 1], 10)
    score = np.where(fold == 0, -10.0, 10.0) + is_fake
    measured = metrics.measure(is_fake, score, 1 / (1 + np.exp(-score)), fold, fold)
    value = measured.set_index("metric")["value"]
    # In order are 9 * 1 pairs within the first fold, 1 * 9 in the second, 1 * 1 across.
    assert value["auc_pooled"] == pytest.approx(19 / 100)
    assert value["auc_mean_of_folds"] == 1.0
    assert value["auc_within_group"] == 1.0


def test_decision_values_of_different_folds_are_compared_after_calibration_only():
    """The same ranking in two folds, one of which has scores a hundred times as high."""
    is_fake = np.tile([0, 0, 1, 1], 2)
    fold = np.repeat([0, 1], 4)
    probability = np.tile([0.1, 0.6, 0.4, 0.9], 2)
    score = np.where(fold == 0, 1.0, 100.0) * probability
    value = metrics.measure(is_fake, score, probability, np.arange(8), fold).set_index("metric")
    for pooled in ("auc_pooled", "auc_mean_of_folds"):
        assert value.loc[pooled, "value"] == 0.75
    assert value.loc["equal_error_rate", "value"] == 0.5
    assert value.loc["average_precision", "value"] == pytest.approx((1 + 2 / 3) / 2, abs=0.02)


def test_intervals_of_a_mean_are_those_of_students_t():
    """What expanded percentiles are made for: means of draws from a normal sample."""
    rng = np.random.default_rng(0)
    for k in (5, 12, 100):
        sample = rng.normal(size=k)
        sample = (sample - sample.mean()) / sample.std(ddof=1)
        weights = rng.multinomial(k, np.full(k, 1 / k), size=200_000)
        low, high = np.percentile(weights @ sample / k, metrics.interval_levels(k))
        half = student_t.ppf(0.975, k - 1) / np.sqrt(k)
        assert (high - low) / 2 == pytest.approx(half, rel=0.15)


def test_levels_of_many_clusters_are_the_usual_ones():
    assert metrics.interval_levels(10_000) == pytest.approx((2.5, 97.5), abs=0.01)
    assert np.isnan(metrics.interval(np.arange(9.0), 4)).all()
    assert np.isnan(metrics.interval(np.array([]), 9)).all()


def test_the_figure_lies_inside_its_interval_for_calibration_too():
    rng = np.random.default_rng(0)
    p = rng.random(300)
    is_fake = (rng.random(300) < p).astype(int)
    measured = metrics.measure(is_fake, p, p, np.arange(300), np.zeros(300)).set_index("metric")
    row = measured.loc["expected_calibration_error"]
    assert 0 <= row["low"] < row["value"] < row["high"]


def test_one_fake_however_often_drawn_has_no_interval():
    p = np.linspace(0.1, 0.9, 20)
    one = metrics.measure((p > 0.89).astype(int), p, p, np.arange(20), np.zeros(20))
    one = one.set_index("metric")
    assert one.loc["auc_pooled", "value"] == 1.0
    assert np.isnan(one.loc["auc_pooled", ["low", "high"]].astype(float)).all()
    assert np.isfinite(one.loc["log_loss", ["low", "high"]].astype(float)).all()


def test_one_class_gives_nan_and_no_error():
    for is_fake in (np.zeros(4, int), np.ones(4, int)):
        p = np.array([0.1, 0.2, 0.3, 0.4])
        for metric in (
            metrics.auc,
            metrics.average_precision,
            metrics.equal_error_rate,
            metrics.balanced_accuracy,
        ):
            assert np.isnan(metric(is_fake, p))
        assert np.isnan(metrics.tpr_at_fpr(is_fake, p, fpr=0.05))
        twice = [np.r_[x, x] for x in (is_fake, p, p)]
        measured = metrics.measure(*twice, np.arange(8), np.zeros(8), n_resamples=20)
        figures = measured.set_index("metric")[["value", "low", "high"]]
        assert np.isnan(figures.loc["auc_pooled"]).all()
        assert np.isfinite(figures.loc["brier_score"]).all()


labelled_scores = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=4, max_size=40
).filter(lambda rows: len({row[0] for row in rows}) == 2)


@given(labelled_scores)
def test_ranking_metrics_agree_with_scikit_learn(rows):
    is_fake, score = np.array(rows).T
    score = score.astype(float)
    assert metrics.auc(is_fake, score) == pytest.approx(reference.roc_auc_score(is_fake, score))
    assert metrics.average_precision(is_fake, score) == pytest.approx(
        reference.average_precision_score(is_fake, score)
    )


@given(labelled_scores, st.data())
def test_a_weight_of_two_is_the_same_as_the_row_twice(rows, data):
    is_fake, score = np.array(rows).T
    p = score / 6
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(p), max_size=len(p))))
    if len(set(is_fake[times > 0])) < 2:
        return
    repeated = np.repeat(np.arange(len(p)), times)
    for metric in (
        metrics.auc,
        metrics.average_precision,
        metrics.equal_error_rate,
        metrics.balanced_accuracy,
        metrics.brier_score,
        metrics.log_loss,
        metrics.expected_calibration_error,
    ):
        weighted = metric(is_fake, p, times[None].astype(float))[0]
        assert weighted == pytest.approx(metric(is_fake[repeated], p[repeated])), metric.__name__


def test_interval_is_of_groups_not_of_rows():
    """A row repeated ten times within its group makes no figure surer."""
    rng = np.random.default_rng(0)
    is_fake = np.arange(60) % 2
    score = rng.normal(size=60) + is_fake
    p = 1 / (1 + np.exp(-score))
    once = metrics.measure(is_fake, score, p, np.arange(60), np.zeros(60))
    ten = [np.repeat(a, 10) for a in (is_fake, score, p, np.arange(60), np.zeros(60))]
    tenfold = metrics.measure(*ten)
    np.testing.assert_allclose(
        once[["value", "low", "high"]], tenfold[["value", "low", "high"]], atol=1e-12
    )
    auc = once.set_index("metric").loc["auc_pooled"]
    assert auc["low"] < auc["value"] < auc["high"]


def test_same_seed_same_interval():
    args = (HALF, HALF + 0.5, HALF * 0.8 + 0.1, np.arange(4), np.zeros(4))
    assert metrics.measure(*args, seed=3).equals(metrics.measure(*args, seed=3))
