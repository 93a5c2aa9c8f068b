import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from featurize import describe_features
from models.errors import TableError
from models.learning.conditioning import QualityConditioner, _left_out
from models.metrics import auc
from models.table.covariates import COVARIATES, covariate_columns
from tests.test_models.conftest import WIDTH


def planted(n=200, seed=0, noise=0.1, shift=0.0):
    """Jitter of ``3 - 2 log(width) + noise``; the second half are fakes with ``shift`` more."""
    rng = np.random.default_rng(seed)
    width = np.exp(rng.uniform(np.log(60), np.log(400), n))
    y = (np.arange(n) >= n // 2).astype(int)
    jitter = 3 - 2 * np.log(width) + noise * rng.normal(size=n) + shift * y
    unrelated = rng.normal(size=n)
    return np.column_stack([jitter, unrelated, width]), y


def test_a_planted_dependence_on_quality_is_taken_out():
    """The residual is the noise over its spread, and the fakes' shift is what is left."""
    X, y = planted(4000, shift=0.5)
    z = QualityConditioner(1).fit(X, y).transform(X)
    assert z.shape == (4000, 2)
    noise = (X[:, 0] - 3 + 2 * np.log(X[:, 2])) / 0.1
    np.testing.assert_allclose(z[:, 0], noise, atol=0.35)
    assert np.median(z[y == 1, 0]) == pytest.approx(5, abs=0.3)
    assert np.std(z[y == 0, 0]) == pytest.approx(1, abs=0.1)
    assert abs(np.corrcoef(z[y == 0, 0], np.log(X[y == 0, 2]))[0, 1]) < 0.1


def test_with_few_videos_a_shift_hidden_by_quality_comes_to_light():
    X, y = planted(120, noise=0.2, shift=0.5)
    z = QualityConditioner(1).fit(X, y).transform(X)
    assert auc(y, X[:, 0]) < 0.7
    assert auc(y, z[:, 0]) > 0.85


def test_what_authentic_video_of_a_quality_shows_is_told_in_the_feature_s_own_unit():
    X, y = planted(4000, shift=0.5)
    expected = QualityConditioner(1).fit(X, y).expected(X)
    np.testing.assert_allclose(expected[:, 0], 3 - 2 * np.log(X[:, 2]), atol=0.05)


def test_a_feature_that_does_not_depend_on_quality_is_only_scaled():
    X, y = planted()
    fitted = QualityConditioner(1).fit(X, y)
    assert fitted.slope_[0, 0] < 0
    assert fitted.slope_[0, 1] == 0
    z = fitted.transform(X)[:, 1]
    assert np.corrcoef(z, X[:, 1])[0, 1] == pytest.approx(1)


def test_noise_does_not_become_a_copy_of_the_quality():
    """Slopes of noise would write the quality into features that know nothing of it."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    # Fakes are of another quality; most of the last 100 columns is one value.
    quality = np.exp(rng.normal(size=(200, 4)) + 0.8 * y[:, None])
    features = rng.normal(size=(200, 400))
    features[:, 300:] = np.where(rng.random((200, 100)) < 0.8, 0.0, features[:, 300:])
    z = (
        QualityConditioner(4)
        .fit(np.hstack([features, quality]), y)
        .transform(np.hstack([features, quality]))
    )
    correlation = [
        abs(np.corrcoef(z[:, i], quality_of_one)[0, 1])
        for quality_of_one in np.log(quality).T
        for i in range(400)
    ]
    untouched = [
        abs(np.corrcoef(features[:, i], quality_of_one)[0, 1])
        for quality_of_one in np.log(quality).T
        for i in range(400)
    ]
    assert np.mean(correlation) < 1.1 * np.mean(untouched)


def test_changing_the_fakes_changes_nothing():
    X, y = planted()
    changed = np.where((y == 1)[:, None], 1e6 * X**2, X)
    one, two = QualityConditioner(1).fit(X, y), QualityConditioner(1).fit(changed, y)
    np.testing.assert_array_equal(one.transform(X), two.transform(X))


def test_a_few_wild_values_do_not_bend_what_is_expected():
    X, y = planted(400)
    wild = X.copy()
    wild[np.flatnonzero(y == 0)[:6], 0] = 1e4
    difference = QualityConditioner(1).fit(X, y).expected(X) - QualityConditioner(1).fit(
        wild, y
    ).expected(X)
    assert np.abs(difference[:, 0]).max() < 0.1


@given(st.floats(1e-6, 1e6))
def test_the_unit_of_a_covariate_does_not_matter(unit):
    X, y = planted(60)
    scaled = X * [1, 1, unit]
    np.testing.assert_allclose(
        QualityConditioner(1).fit(scaled, y).transform(scaled),
        QualityConditioner(1).fit(X, y).transform(X),
        rtol=1e-6,
        atol=1e-9,
    )


@given(st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_the_unit_and_the_zero_of_a_feature_do_not_matter(unit, zero):
    X, y = planted(60)
    changed = X.copy()
    changed[:, 0] = unit * (X[:, 0] + zero)
    np.testing.assert_allclose(
        QualityConditioner(1).fit(changed, y).transform(changed),
        QualityConditioner(1).fit(X, y).transform(X),
        rtol=1e-4,
        atol=1e-6,
    )


def test_missing_features_stay_missing_and_move_nothing_else():
    X, y = planted(400)
    gaps = X.copy()
    gaps[np.random.default_rng(1).random(400) < 0.3, 0] = np.nan
    fitted = QualityConditioner(1).fit(gaps, y)
    z = fitted.transform(gaps)
    np.testing.assert_array_equal(np.isnan(z), np.isnan(gaps[:, :2]))
    # The gaps tell nothing: the line is that of the videos that were measured.
    known = ~np.isnan(gaps[:, 0])
    alone = QualityConditioner(1).fit(gaps[known], y[known])
    np.testing.assert_allclose(fitted.expected(X)[:, 0], alone.expected(X)[:, 0], atol=0.05)


def test_missing_quality_counts_as_that_of_the_median_video():
    X, y = planted(202)
    fitted = QualityConditioner(1).fit(X, y)
    row = X[[0]]
    unknown, median = row.copy(), row.copy()
    unknown[0, 2] = np.nan
    median[0, 2] = np.median(X[y == 0, 2])
    np.testing.assert_allclose(fitted.transform(unknown), fitted.transform(median), rtol=1e-6)


def test_quality_beyond_all_seen_is_not_extrapolated():
    X, y = planted()
    fitted = QualityConditioner(1).fit(X, y)
    rows = X[[0, 0]]
    rows[:, 2] = 1e5, 1e9
    np.testing.assert_array_equal(*fitted.expected(rows))


@pytest.mark.parametrize("value", [25.0, 0.0, np.nan])
def test_quality_that_is_constant_or_never_known_changes_nothing(value):
    """A second covariate that says nothing; and one alone leaves features only scaled."""
    X, y = planted()
    idle = np.column_stack([X, np.full(len(X), value)])
    np.testing.assert_allclose(
        QualityConditioner(2).fit(idle, y).transform(idle),
        QualityConditioner(1).fit(X, y).transform(X),
        rtol=1e-9,
    )
    alone = QualityConditioner(1).fit(idle[:, [0, 1, 3]], y)
    assert not alone.slope_.any()
    assert np.isfinite(alone.transform(idle[:, [0, 1, 3]])).all()


def test_features_never_measured_on_authentic_video_and_constant_ones_are_harmless():
    X, y = planted()
    odd = np.column_stack([np.where(y == 0, np.nan, 2.0), np.full(len(X), 7.0), X])
    z = QualityConditioner(1).fit(odd, y).transform(odd)
    np.testing.assert_array_equal(z[y == 1, 0], 2.0)
    np.testing.assert_array_equal(z[:, 1], 0.0)


def test_without_authentic_video_nothing_is_usual():
    X, y = planted()
    with pytest.raises(TableError, match="authentic"):
        QualityConditioner(1).fit(X, np.ones_like(y))


def test_one_authentic_video_is_enough_not_to_fail():
    X, y = planted()
    z = QualityConditioner(1).fit(X[99:], y[99:]).transform(X)
    np.testing.assert_allclose(z, X[:, :2] - X[99, :2])


def test_it_is_a_scikit_learn_transformer():
    conditioner = QualityConditioner(2, penalty=3.0, least_gain=0.2, limit=1.0)
    twin = clone(conditioner)
    assert twin.get_params() == conditioner.get_params()
    assert twin is not conditioner
    X, y = planted()
    names = QualityConditioner(1).fit(X, y).get_feature_names_out(["jitter", "other", WIDTH])
    assert list(names) == ["jitter", "other"]


def people(n_people, n_clips, within, seed=0, depends=0.0):
    """Clips of people whose 300 features and 3 measures of quality were drawn independently.

    The first 20 features change by ``depends`` with the first measure; clips of one person differ
    by ``within`` of what people differ by.
    """
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n_people), n_clips)

    def drawn(n_columns):
        of_person = rng.normal(size=(n_people, n_columns))[person]
        return of_person + within * rng.normal(size=(len(person), n_columns))

    features, quality = drawn(300), drawn(3)
    features[:, :20] += depends * quality[:, :1]
    return np.hstack([features, np.exp(quality)]), np.zeros(len(person)), person


@pytest.mark.parametrize(
    ("n_people", "n_clips", "within"), [(12, 9, 0.0), (12, 9, 0.3), (3, 30, 0.3), (2, 50, 0.0)]
)
def test_what_tells_a_person_is_not_foretold_by_how_the_person_is_filmed(n_people, n_clips, within):
    """A hundred clips of a few people are a few samples, and no more, of what quality does."""
    X, y, person = people(n_people, n_clips, within)
    fitted = QualityConditioner(3).fit(X, y, person)
    assert (fitted.slope_ != 0).any(axis=0).mean() < 0.2
    # New people, in whom nothing is to be foretold: the expectation is no worse than the middle.
    new, _, _ = people(400, 1, within, seed=1)
    features = new[:, :-3]
    missed = ((features - fitted.expected(new)) ** 2).sum()
    assert missed < 1.06 * ((features - fitted.center_) ** 2).sum()


def test_a_dependence_that_holds_from_person_to_person_is_kept():
    X, y, person = people(30, 4, 0.5, depends=2.0)
    fitted = QualityConditioner(3).fit(X, y, person)
    assert (fitted.slope_[0, :20] != 0).all()
    new, _, _ = people(400, 1, 0.5, seed=1, depends=2.0)
    told = np.corrcoef(new[:, 0], fitted.expected(new)[:, 0])[0, 1]
    assert told > 0.8


def test_without_groups_every_row_is_a_group_of_its_own():
    X, y, _ = people(100, 1, 0.3, depends=1.0)
    X[::7, 2] = np.nan
    alone = QualityConditioner(3).fit(X, y)
    named = QualityConditioner(3).fit(X, y, [f"person {i}" for i in range(100)])
    np.testing.assert_array_equal(alone.slope_, named.slope_)
    np.testing.assert_array_equal(alone.transform(X), named.transform(X))


def test_the_order_of_rows_and_the_names_of_groups_do_not_matter():
    X, y, person = people(15, 4, 0.5, depends=1.0)
    order = np.random.default_rng(2).permutation(len(X))
    one = QualityConditioner(3).fit(X, y, person)
    two = QualityConditioner(3).fit(X[order], y, 100 - person[order])
    np.testing.assert_allclose(one.slope_, two.slope_, rtol=1e-6, atol=1e-9)


def test_residuals_without_a_group_are_those_of_a_fit_without_it():
    """By the leverages in one go, and by a ridge on the other groups: the same share is kept."""
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(8), [1, 2, 3, 4, 5, 6, 7, 8])
    terms = rng.normal(size=(36, 3))[person] + 0.3 * rng.normal(size=(36, 3))
    terms -= terms.mean(axis=0)
    values = terms[:, :1] + rng.normal(size=(36, 5))
    solve = np.linalg.solve(terms.T @ terms + 5 * np.eye(3), terms.T)
    centred = values - values.mean(axis=0)
    residual = centred - terms @ (solve @ centred)
    known = np.ones_like(values, dtype=bool)
    found = _left_out(residual, known, terms, solve, person)
    for group in range(8):
        left = person == group
        other = np.column_stack([terms, np.ones(36)])[~left]
        normal = other.T @ other + np.diag([5.0, 5.0, 5.0, 0.0])
        weights = np.linalg.solve(normal, other.T @ values[~left])
        expected = values[left] - np.column_stack([terms, np.ones(36)])[left] @ weights
        np.testing.assert_allclose(found[left], expected, rtol=1e-8)


@pytest.mark.parametrize("n_known", [0, 1, 2, 5])
def test_one_group_and_hardly_any_values_are_no_evidence_of_a_dependence(n_known):
    X, y, _ = people(40, 1, 0.0, depends=2.0)
    X[n_known:, 0] = np.nan
    fitted = QualityConditioner(3).fit(X, y, np.zeros(40))
    assert not fitted.slope_.any()
    assert np.isfinite(fitted.transform(X)[:, 1:]).all()
    assert np.isfinite(QualityConditioner(3).fit(X, y).slope_).all()


def test_which_quality_is_unknown_is_told_for_each_measure():
    X, y = planted(400)
    X = np.column_stack([X, np.full(400, np.nan)])
    fitted = QualityConditioner(2).fit(X, y)
    rows = X[:5].copy()
    rows[:, 2] = [200.0, np.nan, 1e6, 1e-3, X[y == 0, 2].max()]
    np.testing.assert_array_equal(fitted.unknown_quality(rows)[:, 0], [0, 1, 0, 0, 0])
    # What no authentic video told is missed in none.
    assert not fitted.unknown_quality(rows)[:, 1].any()


def test_every_covariate_is_a_column_that_featurize_writes():
    written = {"face_width_px", "fps", *describe_features()["name"]}
    assert set(COVARIATES) <= written


def test_covariates_keep_their_order_whatever_that_of_the_table():
    assert covariate_columns(reversed([*COVARIATES, "path"])) == list(COVARIATES)
