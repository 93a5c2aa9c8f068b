"""Our transformers and classifiers among scikit-learn's own: its checks, searches and pipelines."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_selection import f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import (
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

from models.classifiers import TABULAR, VOTES
from models.errors import HoldOutError, ModelsError, SettingError, TableError
from models.learning.calibration import CalibratedByGroup
from models.learning.conditioning import QualityConditioner
from models.learning.group_folds import GroupFolds, group_folds
from models.learning.kernel_machine import RadialSVC
from models.learning.preprocessing import BestShare, ClippedRobustScaler, TakeColumns
from models.learning.vote import SoftVote, Stacking
from models.metrics import auc
from tests.test_models.conftest import made

NAMES = [*TABULAR, *VOTES]


def calibrated(classifier=None, **settings):
    return CalibratedByGroup(make_pipeline(classifier or SVC()), **settings)


def expected_failures(estimator):
    if isinstance(estimator, QualityConditioner):
        reason = "y says which rows are authentic, 0, and the rows of this check have no 0"
        checks = ["check_estimators_dtypes", "check_fit2d_1sample"]
        # With a covariate there is no feature left, which is told as this check wants it.
        checks += [] if estimator.n_covariates else ["check_fit2d_1feature"]
        return dict.fromkeys(checks, reason)
    if isinstance(estimator, RadialSVC):
        # scikit-learn expects the same of its own SVC.
        reason = "the width of the kernel and the landmarks go by rows, whatever their weight"
        return {"check_sample_weight_equivalence_on_dense_data": reason}
    if isinstance(estimator, CalibratedByGroup):
        # The checks pass where the probability of 0.5 happens to lie at a decision value of zero.
        reason = "predict goes by the probability; a decision value of zero is no threshold"
        checks = {
            "LogisticRegression": "check_classifiers_train",
            "MLPClassifier": "check_classifiers_train",
            "XGBClassifier": "check_classifiers_classes",
        }
        classifier = type(estimator.estimator[-1]).__name__
        return {checks[classifier]: reason} if classifier in checks else {}
    return {}


@parametrize_with_checks(
    [
        ClippedRobustScaler(),
        BestShare(),
        BestShare(percentile=50),
        QualityConditioner(),
        QualityConditioner(1),
        RadialSVC(),
        RadialSVC(n_exact=0, n_landmarks=20),
        calibrated(),
        calibrated(grid={"svc__C": [1.0, 0.1]}),
        made("svm")[-1],
        made("mlp")[-1],
        made("xgboost")[-1].set_params(estimator__model__n_estimators=10),
        made("linear")[-1],
        SoftVote([("machine", calibrated()), ("logistic", calibrated(LogisticRegression()))]),
        Stacking([("machine", calibrated()), ("logistic", calibrated(LogisticRegression()))]),
        TakeColumns(),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_s_own_checks_pass(estimator, check):
    with warnings.catch_warnings():
        # Some checks are skipped, or warn of what they try on purpose.
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
        check_set_output_transform_pandas,
    ],
)
@pytest.mark.parametrize(
    "transformer",
    [ClippedRobustScaler(), BestShare(percentile=50), QualityConditioner(1), TakeColumns(0, 1)],
)
@pytest.mark.filterwarnings("ignore:X .* feature names")
def test_names_of_columns_are_as_scikit_learn_wants_them(check, transformer):
    check(type(transformer).__name__, transformer)


def people(n=60, n_features=5, seed=0):
    rng = np.random.default_rng(seed)
    y, group = np.arange(n) % 2, np.arange(n) // 3
    return rng.normal(size=(n, n_features)) + y[:, None], y, group


def test_a_pipeline_that_puts_out_pandas_keeps_the_names():
    X, y, group = people()
    X = np.column_stack([X, np.full(60, 7.0), np.exp(X[:, 0])])
    names = [f"family__f{i}__std" for i in range(5)]
    frame = pd.DataFrame(X, columns=[*names, "family__constant__std", "fps"])
    steps = [
        ("condition", QualityConditioner(1)),
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
        ("scale", ClippedRobustScaler()),
        ("select", BestShare()),
    ]
    plain = Pipeline(steps).fit(X, y, condition__groups=group)
    pipeline = clone(plain).set_output(transform="pandas").fit(frame, y, condition__groups=group)
    found = pipeline.transform(frame)
    assert list(found.columns) == names
    assert list(pipeline.get_feature_names_out()) == names
    assert list(pipeline["condition"].feature_names_in_) == list(frame.columns)
    np.testing.assert_array_equal(found.to_numpy(), plain.transform(X))


@pytest.mark.parametrize("name", NAMES)
def test_a_table_with_other_columns_than_in_training_is_refused(name):
    X, y, group = people()
    frame = pd.DataFrame(X, columns=list("abcde"))
    pipeline = quick(name).fit(frame, y, classify__groups=group)
    assert list(pipeline[-1].feature_names_in_) == list("abcde")
    for other in (frame[list("edcba")], frame.rename(columns={"a": "z"})):
        with pytest.raises(ValueError, match="feature names"):
            pipeline.predict_proba(other)


def quick(name, **settings):
    """The classifier of that name, its trees fewer for time."""
    pipeline = made(name, 0, **settings)
    parameters = [key for key in pipeline.get_params() if key.endswith("__n_estimators")]
    return pipeline.set_params(**dict.fromkeys(parameters, 10))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("search", [False, True])
def test_cloning_keeps_every_nested_parameter(name, search):
    pipeline = made(name, 3, 2, search)
    member = "classify__svm" if name in VOTES else "classify"
    pipeline.set_params(**{f"{member}__estimator__condition__penalty": 7.5})
    twin = clone(pipeline)
    one, two = (
        {key: value for key, value in p.get_params().items() if not hasattr(value, "get_params")}
        for p in (pipeline, twin)
    )
    assert one[f"{member}__estimator__condition__penalty"] == 7.5
    plain = {key for key, value in one.items() if isinstance(value, int | float | str | bool)}
    assert len(plain) > 15
    assert {key: repr(one[key]) for key in plain} == {key: repr(two[key]) for key in plain}


def test_parameters_of_a_member_of_the_vote_are_searched_by_name():
    X, y, group = people()
    vote = SoftVote([("a", calibrated()), ("b", calibrated(LogisticRegression()))])
    grid = {"a__estimator__svc__C": [0.1, 10.0]}
    found = GridSearchCV(vote, grid, cv=GroupFolds(3), scoring="roc_auc")
    found.fit(X, y, groups=group)
    best = found.best_params_["a__estimator__svc__C"]
    assert best == found.best_estimator_.members_["a"].estimator_[-1].C
    with pytest.raises(ValueError, match="Invalid parameter"):
        vote.set_params(nobody__estimator__svc__C=1)


@pytest.mark.parametrize("name", ["svm", "committee"])
def test_scikit_learn_s_cross_validation_is_that_by_hand(name):
    """Groups reach the calibration of each fold, row by row."""
    X, y, group = people()
    folds = GroupFolds(3, seed=2)
    params = {"classify__groups": group}
    found = cross_val_predict(
        quick(name), X, y, groups=group, cv=folds, params=params, method="predict_proba"
    )
    for train, test in group_folds(y, group, 3, 2):
        fitted = quick(name).fit(X[train], y[train], classify__groups=group[train])
        np.testing.assert_array_equal(found[test], fitted.predict_proba(X[test]))


def test_a_grid_search_over_our_pipeline_takes_groups_and_settings_of_any_step():
    X, y, group = people()
    grid = {
        "classify__estimator__model__C": [0.01, 3.0],
        "classify__estimator__scale__limit": [1.0, 2.0],
        "classify__n_folds": [2, 3],
    }
    found = GridSearchCV(made("svm"), grid, cv=GroupFolds(3), scoring="roc_auc")
    found.fit(X, y, groups=group, classify__groups=group)
    assert found.best_score_ > 0.9
    assert set(found.best_params_) == set(grid)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_without_any_value_changes_nothing(name):
    X, y, group = people()
    X[:, 0] = X[:, 0].round()
    idle = np.column_stack([X, np.full(60, np.nan)])
    one = quick(name).fit(X, y, classify__groups=group)
    two = quick(name).fit(idle, y, classify__groups=group)
    if name == "svm":
        np.testing.assert_array_equal(two.decision_function(idle), one.decision_function(X))
    # New videos may well have what no video of the training had.
    idle[:, 5] = 1e9
    known = two.decision_function(idle)
    idle[:, 5] = np.nan
    np.testing.assert_array_equal(two.decision_function(idle), known)


@pytest.mark.parametrize("search", [False, True])
@pytest.mark.parametrize("name", ["svm", "mlp", "xgboost"])
def test_a_feature_known_in_one_group_only_is_no_obstacle(name, search):
    """In the fold that holds out this group the feature has no value at all."""
    X, y, group = people(36)
    X[:, 1] = np.where(group == 5, X[:, 1], np.nan)
    X[:, 2] = np.where(y == 1, X[:, 2], np.nan)
    fitted = quick(name, search=search).fit(X, y, classify__groups=group)
    assert np.isfinite(fitted.decision_function(X)).all()
    assert np.isfinite(fitted[-1].oof_decision_).all()


@pytest.mark.parametrize("search", [False, True])
def test_conditioning_bears_features_known_in_one_group_only(search):
    X, y, group = people(36)
    X = np.column_stack([X, np.exp(X[:, 0]), np.full(36, np.nan)])
    X[:, 1] = np.where(group == 5, X[:, 1], np.nan)
    X[:, 2] = np.where(y == 1, X[:, 2], np.nan)
    fitted = quick("svm", n_covariates=2, search=search).fit(X, y, classify__groups=group)
    assert np.isfinite(fitted.decision_function(X)).all()


@given(st.integers(2, 4), st.integers(1, 30), st.integers(0, 999))
def test_features_are_ranked_as_by_the_f_test(n_classes, n_features, seed):
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(n_classes), rng.integers(n_classes, size=20)]
    X = rng.normal(size=(len(y), n_features)) + rng.normal(size=n_features) * y[:, None]
    f, _ = f_classif(X, y)
    chosen = BestShare(percentile=40).fit(X, y)
    assert (np.argsort(chosen.between_share_) == np.argsort(f)).all()
    # The share b of the variance and F are the same, told differently.
    b = chosen.between_share_
    np.testing.assert_allclose(b / (1 - b) * (len(y) - n_classes) / (n_classes - 1), f)
    best = np.sort(np.argsort(-f)[: max(1, int(0.4 * n_features))])
    np.testing.assert_array_equal(chosen.get_support(indices=True), best)


@given(st.integers(0, 999))
def test_in_the_choice_a_row_of_weight_three_is_three_rows(seed):
    rng = np.random.default_rng(seed)
    X, y, _ = people(30, 8, seed)
    times = rng.integers(4, size=30)
    times[:2] = 1
    again = np.repeat(np.arange(30), times)
    weighted = BestShare(percentile=50).fit(X, y, sample_weight=0.1 * times)
    np.testing.assert_allclose(
        weighted.between_share_, BestShare().fit(X[again], y[again]).between_share_, rtol=1e-9
    )


@pytest.mark.filterwarnings("error")
def test_constant_features_are_the_last_to_be_chosen_and_equals_come_in_order():
    """A mean of 0.1 is not 0.1 to the last bit: what is constant must not seem to vary."""
    X, y, _ = people(61, 9)
    X[:, 0] = 0.1
    X[:, 3] = 1e6 + 0.3
    X[:, 5], X[:, 7] = y, 3 - 0.1 * y
    X[:, 6] = X[:, 2] = -X[:, 1]
    chosen = BestShare(percentile=12).fit(X, y, sample_weight=1 / 3 + 0.1 * y)
    share = chosen.between_share_
    assert share[0] == share[3] == 0
    assert share[5] == share[7] == 1
    assert share[1] == share[2] == share[6]
    np.testing.assert_array_equal(chosen.get_support(indices=True), [5])
    keeps = {
        n: set(
            BestShare(percentile=min(100, 100 * n / 9 + 0.1)).fit(X, y).get_support(indices=True)
        )
        for n in range(1, 10)
    }
    assert keeps[2] == {5, 7}
    assert all(keeps[n] < keeps[n + 1] for n in range(1, 9))
    assert keeps[9] - keeps[8] == {3}
    assert keeps[8] - keeps[7] == {0}
    # Of the three equals the first comes first.
    entered = {i: min(n for n in keeps if i in keeps[n]) for i in (1, 2, 6)}
    assert entered[2] == entered[1] + 1 == entered[6] - 1
    constant = BestShare(percentile=1).fit(np.ones((6, 3)), np.arange(6) % 2)
    np.testing.assert_array_equal(constant.get_support(indices=True), [0])


@pytest.mark.parametrize("percentile", [0, -5, 100.1, np.nan])
def test_a_share_of_features_out_of_range_is_named(percentile):
    X, y, _ = people()
    with pytest.raises(SettingError, match="at most 100"):
        BestShare(percentile).fit(X, y)


def test_a_feature_that_parts_the_classes_exactly_is_selected_without_a_warning():
    X, y, group = people()
    X[:, 3] = y
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = quick("svm", search=True).fit(X, y, classify__groups=group)
    assert auc(y, fitted.decision_function(X)) == 1.0


BAD = {
    "one class": (lambda X, y, g: (X, np.zeros_like(y), g), HoldOutError, "1 class"),
    "three classes": (lambda X, y, g: (X, np.arange(60) % 3, g), HoldOutError, "3 classes"),
    "two rows": (lambda X, y, g: (X[:2], y[:2], g[:2]), HoldOutError, "at least two groups"),
    "two rows, two groups": (lambda X, y, g: (X[:2], y[:2], y[:2]), HoldOutError, "not 1 and 1"),
    "constant": (lambda X, y, g: (np.ones_like(X), y, g), TableError, "No feature differs"),
    "no value": (lambda X, y, g: (X * np.nan, y, g), TableError, "No feature differs"),
    "inf": (lambda X, y, g: (np.where(X > 1, np.inf, X), y, g), TableError, "infinity"),
    "short groups": (lambda X, y, g: (X, y, g[:59]), TableError, "one group for each"),
}


@pytest.mark.parametrize("search", [False, True])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_learnt_from_is_named_in_one_sentence(bad, name, search):
    spoil, error, said = BAD[bad]
    X, y, group = spoil(*people())
    with pytest.raises(error, match=said) as raised:
        quick(name, search=search).fit(X, y, classify__groups=group)
    assert isinstance(raised.value, ModelsError)
    assert "\n" not in str(raised.value)


def test_infinity_in_new_videos_is_named():
    X, y, group = people()
    fitted = made("svm").fit(X, y, classify__groups=group)
    X[3, 1] = -np.inf
    with pytest.raises(TableError, match="infinity"):
        fitted.predict_proba(X)


@pytest.mark.parametrize("n_covariates", [-1, 5, 6])
def test_covariates_must_leave_a_feature(n_covariates):
    X, y, _ = people()
    with pytest.raises(SettingError, match="covariates"):
        QualityConditioner(n_covariates).fit(X, y)


def test_without_covariates_features_are_told_in_deviations_above_authentic_video():
    X, y, _ = people(20_000)
    z = QualityConditioner().fit(X, y).transform(X)
    assert z.shape == X.shape
    np.testing.assert_allclose(np.median(z[y == 0], axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.std(z[y == 0], axis=0), 1, atol=0.05)
    np.testing.assert_allclose(np.median(z[y == 1], axis=0), 1, atol=0.1)
