"""Learning from signals over time: what is found, and what is put up with."""

import subprocess
import sys
import tracemalloc
import types
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from models.errors import SettingError, TableError
from models.learning.convolutions import ConvolutionFeatures
from models.learning.frame_mean import FrameMean
from models.learning.series import frame_steps, sequence_steps
from models.learning.signals import bridged, robust_spread
from models.metrics import auc
from models.table.series import series_columns, series_layout

N_SIGNALS, N_STEPS = 3, 40
OURS = [
    f"models.learning.{name}"
    for name in ("convolutions.ConvolutionFeatures", "frame_mean.FrameMean")
]


def expected_failures(estimator):
    if isinstance(estimator, FrameMean):
        return {
            "check_sample_weight_equivalence_on_dense_data": (
                "spreads go by steps, whatever their weight"
            ),
            "check_classifiers_train": (
                "its classes differ in level, and here a row is one signal told from its mean"
            ),
        }
    return {}


@parametrize_with_checks(
    [ConvolutionFeatures(n_kernels=168), FrameMean()],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_s_own_checks_pass(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def made(name, seed=0):
    steps = {"sequences": sequence_steps, "frames": frame_steps}[name]
    return Pipeline(steps(N_SIGNALS, N_STEPS, seed))


def walks(n, seed):
    """``(n, n_signals, n_steps)``: each goes up slowly and comes down at once, again and again."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 1, (n, N_SIGNALS, 1))
    teeth = (np.arange(N_STEPS) / rng.uniform(9, 12, (n, N_SIGNALS, 1)) + phase) % 1
    return teeth + rng.normal(0, 0.1, teeth.shape) + rng.normal(0, 1, (n, N_SIGNALS, 1))


def auc_of_new_rows(name, windows, y, **settings):
    """Trained on the first half of the rows, asked of the second."""
    X, half = windows.reshape(len(windows), -1), len(windows) // 2
    pipeline = made(name).set_params(**settings).fit(X[:half], y[:half])
    return auc(y[half:], pipeline.decision_function(X[half:]))


def test_what_comes_first_is_found_by_sequences_and_not_in_single_steps():
    windows, y = walks(160, 1), np.arange(160) % 2
    # Backwards in time every step is the same and every statistic of the window is.
    windows[y == 1] = windows[y == 1][:, :, ::-1]
    assert auc_of_new_rows("sequences", windows, y) > 0.95
    assert 0.3 < auc_of_new_rows("frames", windows, y) < 0.7


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_what_single_steps_show_is_found_by_both(name):
    windows, y = walks(160, 2), np.arange(160) % 2
    jumps = np.random.default_rng(3).random(windows.shape) < 0.15
    windows += 2 * jumps * y[:, None, None]
    assert auc_of_new_rows(name, windows, y) > 0.95


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_how_a_face_is_built_is_not_looked_at(name):
    windows, y = walks(160, 4), np.arange(160) % 2
    windows += 3 * y[:, None, None]
    assert 0.3 < auc_of_new_rows(name, windows, y) < 0.7


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_labels_that_mean_nothing_are_not_learnt(name):
    windows = walks(160, 5)
    found = [
        auc_of_new_rows(name, windows, np.random.default_rng(seed).permutation(160) % 2)
        for seed in range(5)
    ]
    assert abs(np.mean(found) - 0.5) < 0.12


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_the_same_seed_gives_the_same_decisions_and_another_does_not(name):
    windows, y = walks(60, 6), np.arange(60) % 2
    X = windows.reshape(60, -1)
    settings = {"model__n_most": 300} if name == "frames" else {}
    first, again, other = (
        made(name, seed).set_params(**settings).fit(X, y).decision_function(X)
        for seed in (3, 3, 2**32 - 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-6


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_the_generator_that_numpy_shares_is_left_alone(name):
    X, y = walks(20, 7).reshape(20, -1), np.arange(20) % 2
    before = np.random.mtrand.get_state()[1].copy()
    made(name).fit(X, y).decision_function(X)
    np.testing.assert_array_equal(np.random.mtrand.get_state()[1], before)


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_steps_signals_and_windows_that_are_missing_are_put_up_with(name):
    windows, y = walks(160, 8), np.arange(160) % 2
    windows[y == 1] = windows[y == 1][:, :, ::-1]
    windows += (np.random.default_rng(3).random(windows.shape) < 0.2) * y[:, None, None]
    holes = np.random.default_rng(9).random(windows.shape) < 0.1
    windows[holes] = np.nan
    windows[:, 1] = np.nan  # as dlib has no irises
    windows[::7, :, 30:] = np.nan  # the end of a video
    windows[::11, 2] = np.nan
    windows[5] = np.nan
    assert auc_of_new_rows(name, windows, y) > 0.85
    fitted = made(name).fit(windows.reshape(160, -1), y)
    assert np.isfinite(fitted.decision_function(windows.reshape(160, -1))).all()
    nothing = np.full((2, N_SIGNALS * N_STEPS), np.nan)
    at_rest = np.tile(np.arange(N_SIGNALS)[:, None], N_STEPS).reshape(1, -1)
    unknown = fitted.decision_function(nothing)
    np.testing.assert_allclose(unknown, fitted.decision_function(at_rest)[[0, 0]], atol=1e-9)


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_constant_signals_and_tables_of_nothing_are_put_up_with(name):
    windows, y = walks(40, 10), np.arange(40) % 2
    windows[:, 0] = 0.3
    X = windows.reshape(40, -1)
    assert np.isfinite(made(name).fit(X, y).decision_function(X)).all()
    for value in (np.nan, 7.0, 1e38):
        X = np.full((40, N_SIGNALS * N_STEPS), value)
        assert np.isfinite(made(name).fit(X, y).decision_function(X)).all()


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_rows_are_decided_on_each_by_itself(name):
    X, y = walks(300, 11).reshape(300, -1), np.arange(300) % 2
    fitted = made(name).fit(X[:50], y[:50])
    together = fitted.decision_function(X)
    alone = np.concatenate([fitted.decision_function(row[None]) for row in X[[0, 280]]])
    np.testing.assert_allclose(together[[0, 280]], alone, atol=1e-9)
    doubled = fitted.decision_function(X[[3, 9, 3, 3]])
    np.testing.assert_allclose(doubled, together[[3, 9, 3, 3]], atol=1e-9)


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_rows_of_no_weight_teach_nothing(name):
    windows, y = walks(120, 12), np.arange(120) % 2
    windows += 2 * (np.random.default_rng(3).random(windows.shape) < 0.15) * y[:, None, None]
    X, told, weight = windows.reshape(120, -1), y.copy(), np.ones(120)
    told[:40] = 1 - told[:40]
    weight[:40] = 0
    fitted = made(name).fit(X[:80], told[:80], model__sample_weight=weight[:80])
    assert auc(y[80:], fitted.decision_function(X[80:])) > 0.9


def test_a_share_of_many_steps_is_enough():
    windows, y = walks(160, 13), np.arange(160) % 2
    windows += 2 * (np.random.default_rng(3).random(windows.shape) < 0.15) * y[:, None, None]
    assert auc_of_new_rows("frames", windows, y, model__n_most=400) > 0.9


@pytest.mark.parametrize("name", ["sequences", "frames"])
def test_a_file_brings_back_the_same_and_names_no_type_but_ours(name):
    X, y = walks(40, 14).reshape(40, -1), np.arange(40) % 2
    fitted = made(name).fit(X, y)
    before = skops.io.dumps(fitted)
    expected = fitted.decision_function(X)
    assert set(skops.io.get_untrusted_types(data=before)) <= {*OURS, "numpy.dtype"}
    loaded = skops.io.loads(before, trusted=[*OURS, "numpy.dtype"])
    np.testing.assert_array_equal(loaded.decision_function(X), expected)
    np.testing.assert_array_equal(clone(loaded).fit(X, y).decision_function(X), expected)
    assert len(skops.io.dumps(loaded)) == pytest.approx(len(before), rel=0.01)


@pytest.mark.parametrize(
    "damage",
    [
        {"examples_": np.zeros((0, N_SIGNALS, N_STEPS), np.float32)},
        {"examples_": np.zeros((4, N_SIGNALS, N_STEPS - 20), np.float32)},
        {"examples_": np.zeros((4, 1, N_STEPS), np.float32)},
        {"examples_": np.zeros((4, N_SIGNALS, N_STEPS))},
        {"examples_": np.full((4, N_SIGNALS, N_STEPS), np.nan, np.float32)},
        {"examples_": np.full((4, N_SIGNALS, N_STEPS), np.inf, np.float32)},
        {"examples_": np.array([None, "x"], object)},
        {"spread_": np.ones(7)},
        {"n_signals": 7},
        {"n_signals": 1},
        {"n_kernels": 10**15},
        {"n_kernels": -5},
    ],
    ids=str,
)
def test_what_a_damaged_file_holds_is_looked_at_before_it_is_used(damage):
    X, y = walks(20, 15).reshape(20, -1), np.arange(20) % 2
    fitted = made("sequences").fit(X, y)
    loaded = skops.io.loads(skops.io.dumps(fitted), trusted=[*OURS, "numpy.dtype"])
    for name, value in damage.items():
        setattr(loaded[0], name, value)
    with pytest.raises(ValueError, match=r"signals|windows"):
        loaded.decision_function(X)


def test_several_threads_may_ask_at_once():
    X, y = walks(120, 16).reshape(120, -1), np.arange(120) % 2
    fitted = made("sequences").fit(X, y)
    expected = fitted.decision_function(X)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(fitted.decision_function, [X] * 8):
            np.testing.assert_array_equal(found, expected)


def test_without_what_the_extra_installs_one_sentence_says_so(monkeypatch):
    X, y = walks(20, 17).reshape(20, -1), np.arange(20) % 2
    for missing in ("sktime", "numba"):
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, missing, None)
            with pytest.raises(SettingError, match=rf"{missing}.*deepfake-biometrics\[sequences\]"):
                made("sequences").fit(X, y)
            made("frames").fit(X, y)


def test_where_nothing_compiled_can_be_kept_one_sentence_says_so(monkeypatch):
    class Unwritable(types.ModuleType):
        def __getattr__(self, name):
            raise RuntimeError("cannot cache function '_PPV': no locator available for file")

    # Where numba says so when there is neither a folder of sktime's nor one of the user's.
    compiled = "sktime.transformations.rocket._minirocket_multi_numba"
    monkeypatch.setitem(sys.modules, compiled, Unwritable(compiled))
    with pytest.raises(SettingError, match="NUMBA_CACHE_DIR"):
        made("sequences").fit(walks(4, 0).reshape(4, -1), [0, 1, 0, 1])


def test_nothing_heavy_is_imported_before_it_is_needed():
    script = (
        "import sys, models.learning.series, models.detector_parts; "
        "print([name for name in ('sktime', 'numba', 'torch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_many_signals_and_one_late_step_are_counted_and_not_listed():
    """A few megabytes of names must not become a hundred million of them."""
    columns = [*(f"series__s{i}__000" for i in range(100_000)), "series__t__999"]
    tracemalloc.start()
    with pytest.raises(TableError, match="lack 99900999 of 100001000") as error:
        series_layout(columns)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200e6
    assert len(str(error.value)) < 300


def test_settings_out_of_range_are_refused_in_one_sentence():
    X, y = np.zeros((4, 10)), [0, 1, 0, 1]
    for n_signals in (0, 3):
        for estimator in (ConvolutionFeatures(n_signals), FrameMean(n_signals)):
            with pytest.raises(SettingError, match="signals do not share 10 columns"):
                estimator.fit(X, y)
    with pytest.raises(SettingError, match="number of kernels"):
        ConvolutionFeatures(n_kernels=0).fit(X)
    for steps in (sequence_steps, frame_steps):
        with pytest.raises(SettingError, match="--series"):
            steps(0, 10, 0)


def test_names_of_the_features_that_come_out():
    convolve = ConvolutionFeatures(2, n_kernels=200).fit(np.arange(80.0).reshape(4, 20))
    names = convolve.get_feature_names_out()
    # MiniRocket has 84 patterns, each of them as often as the others.
    assert len(names) == convolve.transform(np.zeros((1, 20))).shape[1] == 168
    assert names[0] == "convolutionfeatures0"


def test_missing_steps_are_bridged_by_a_line_and_by_the_nearest_at_the_ends():
    nan = np.nan
    rows = np.array([[[nan, 1, nan, nan, 4, nan], [nan] * 6, [5, 4, 3, 2, 1, 0]]], float)
    expected = [[[1, 1, 2, 3, 4, 4], [nan] * 6, [5, 4, 3, 2, 1, 0]]]
    np.testing.assert_allclose(bridged(rows), expected)
    assert np.isnan(rows[0, 0, 0])


def test_spread_is_that_of_the_bulk_and_of_what_rests_its_deviation():
    rng = np.random.default_rng(0)
    values = np.stack([rng.normal(0, 3, (50, 200)), np.zeros((50, 200))], axis=1)
    values[0, 0, :5] = 1e6
    values[:, 1, :2] = 1.0
    rest = np.sqrt(0.01 * 0.99)
    np.testing.assert_allclose(robust_spread(values), [3, rest], rtol=0.05)


def test_the_layout_is_read_off_the_names_whatever_their_order():
    columns = [*series_columns(["yaw_deg", "ear_left"], 3), "path", "eyes__ear_left__std"]
    assert series_layout(columns) == series_layout(columns[::-1]) == (("ear_left", "yaw_deg"), 3)
    assert series_layout(["path", "eyes__ear_left__std"]) is None


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (series_columns(["a", "b"], 3)[:-1], r"lack 1 of 6 columns \('series__b__002'\)"),
        (series_columns(["a"], 3)[1:], r"lack 1 of 3 columns \('series__a__000'\)"),
        (["series__a__000", "series__a__002"], r"lack 1 of 3"),
        (["series__a__00"], "not as 'series__a__00'"),
        (["series__a__0001"], "three digits"),
        (["series__000"], "three digits"),
        (["series____000"], "three digits"),
        (["series__a__std"], "three digits"),
        (["series__a__٠٠٠"], "three digits"),
    ],
)
def test_a_layout_with_holes_or_strange_names_is_refused(columns, told):
    with pytest.raises(TableError, match=told) as error:
        series_layout(columns)
    assert "featurize run" in str(error.value)
    assert "\n" not in str(error.value)
