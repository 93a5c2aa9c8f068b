import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from models.learning.kernel_machine import RadialSVC
from models.metrics import auc
from tests.test_models.conftest import made


@pytest.fixture(autouse=True)
def _one_thread():
    """The package's own fits use one as well."""
    with threadpool_limits(limits=1):
        yield


def rows(n=200, n_features=6, n_classes=2, seed=0):
    """Classes a little apart, and a weight for each row."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    return rng.normal(size=(n, n_features)) + y[:, None], y, rng.uniform(0.1, 3.0, n)


def ring(n, seed):
    """Class 1 lies around class 0: no linear machine tells them apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = rng.normal(size=(n, 4))
    X *= ((1.0 + y + 0.3 * rng.normal(size=n)) / np.linalg.norm(X, axis=1))[:, None]
    return X, y


@pytest.mark.parametrize("C", [3.0, 0.3])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_up_to_the_limit_it_is_the_exact_machine_to_the_bit(C, n_classes):
    X, y, weight = rows(n_classes=n_classes)
    own = RadialSVC(C=C, n_exact=200).fit(X, y, sample_weight=weight)
    exact = SVC(C=C, kernel="rbf", gamma="scale").fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(own.decision_function(X), exact.decision_function(X))
    np.testing.assert_array_equal(own.predict(X), exact.predict(X))
    above = RadialSVC(C=C, n_exact=199).fit(X, y, sample_weight=weight)
    assert (above.decision_function(X) != exact.decision_function(X)).any()


def test_the_usual_classifier_is_exact_on_the_usual_table():
    X, y, weight = rows(600)
    machine = clone(made("svm", 5)[-1].estimator[-1]).fit(X, y, sample_weight=weight)
    exact = SVC(C=3.0, kernel="rbf", gamma="scale").fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(machine.decision_function(X), exact.decision_function(X))


@pytest.mark.parametrize("C", [3.0, 0.3])
def test_with_every_row_a_landmark_the_condition_of_the_optimum_holds(C):
    """The best machine of squared errors is a sum of kernels, each by the error of its row.

    Setting the gradient of ``|f|^2 / 2 + b^2 / 2 + C sum w max(0, 1 - y f)^2`` to zero gives
    ``f(x) = sum a k(x, x_i) + b`` with ``a = 2 C w y max(0, 1 - y f)`` and ``b = sum a``.
    """
    X, y, weight = rows()
    machine = RadialSVC(C=C, n_exact=0, n_landmarks=1000).fit(X, y, sample_weight=weight)
    decision = machine.decision_function(X)
    sign = 2 * y - 1
    a = 2 * C * weight * sign * np.maximum(0, 1 - sign * decision)
    new, _, _ = rows(seed=1)
    kernel = rbf_kernel(new, X, gamma=1 / (6 * X.var()))
    np.testing.assert_allclose(
        machine.decision_function(new), kernel @ a + a.sum(), atol=0.02 * decision.std()
    )


def test_a_tenth_of_the_rows_as_landmarks_ranks_nearly_as_the_exact_machine():
    X, y = ring(1000, seed=0)
    new_X, new_y = ring(2000, seed=1)
    exact = RadialSVC(C=3.0).fit(X, y)
    close = RadialSVC(C=3.0, n_exact=999, n_landmarks=100).fit(X, y)
    linear = SVC(kernel="linear").fit(X, y)
    of = {m: auc(new_y, m.decision_function(new_X)) for m in (exact, close, linear)}
    assert of[linear] < 0.6
    assert of[exact] > 0.95
    assert of[close] == pytest.approx(of[exact], abs=0.01)


@pytest.mark.parametrize("n_exact", [1000, 0])
def test_a_row_without_weight_pulls_nothing(n_exact):
    X, y, weight = rows()
    weight[::5] = 0
    turned = np.where(weight == 0, 1 - y, y)
    one, two = (
        RadialSVC(n_exact=n_exact, n_landmarks=50).fit(X, labels, sample_weight=weight)
        for labels in (y, turned)
    )
    np.testing.assert_allclose(two.decision_function(X), one.decision_function(X), atol=1e-6)


@pytest.mark.parametrize("n_exact", [1000, 0])
def test_classes_by_name_are_told_apart(n_exact):
    X, y, weight = rows(n_classes=3)
    names = np.array(["studio", "film", "web"])[y]
    machine = RadialSVC(n_exact=n_exact, n_landmarks=50).fit(2 * X, names, sample_weight=weight)
    assert list(machine.classes_) == ["film", "studio", "web"]
    assert machine.decision_function(2 * X).shape == (200, 3)
    assert (machine.predict(2 * X) == names).mean() > 0.85


def test_landmarks_are_drawn_by_the_seed():
    X, y, _ = rows()
    one, two, other = (
        RadialSVC(n_exact=0, n_landmarks=20, seed=seed).fit(X, y).decision_function(X)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_rows_that_do_not_differ_give_one_value():
    _, y, _ = rows()
    machine = RadialSVC(n_exact=0, n_landmarks=20).fit(np.ones((200, 6)), y)
    assert np.ptp(machine.decision_function(np.ones((5, 6)))) == 0


def test_a_search_and_a_calibration_run_over_the_approximated_machine():
    X, y, _ = rows(240)
    pipeline = made("svm", search=True)
    pipeline.set_params(
        classify__n_folds=2,
        classify__estimator__model__n_exact=50,
        classify__estimator__model__n_landmarks=30,
    )
    fitted = pipeline.fit(X, y, classify__groups=np.arange(240) // 4)[-1]
    assert fitted.chosen_["model__C"] == fitted.estimator_["model"].C
    assert auc(y, fitted.oof_decision_) > 0.9
    landmarks = fitted.estimator_["model"].machine_["landmarks"]
    assert len(landmarks.components_) == 30
