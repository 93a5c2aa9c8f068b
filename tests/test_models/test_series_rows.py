"""Rows that carry signals over time: what is read of them, who looks at them, what is kept."""

import importlib
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models import cross_validate, load_detector, train
from models.classifier_options import all_names
from models.classifiers import MAKERS, SERIAL, TABULAR
from models.errors import (
    DetectorError,
    FeatureMismatchError,
    NotInstalledError,
    SettingError,
    TableError,
)
from models.learning.inputs import Inputs, inputs_of
from models.learning.preprocessing import TakeColumns
from models.table.feature_table import read_training_table
from tests.test_models.conftest import make_table
from tests.test_models.series_tables import LENGTH_S, N_STEPS, SIGNALS, series_table

MIXED = ("svm", "sequences", "frames")


@pytest.fixture(scope="module")
def rows():
    return series_table(n_groups=24)


@pytest.fixture(scope="module")
def mixed(rows):
    return train(rows, "stacking", members=MIXED)


def plain(table):
    return table[[name for name in table if not name.startswith("series__")]]


class TestTables:
    @pytest.mark.parametrize("ending", ["csv", "parquet"])
    def test_series_are_read_where_asked_for_and_are_never_features(self, rows, ending, tmp_path):
        path = tmp_path / f"f.{ending}"
        rows.to_csv(path, index=False) if ending == "csv" else rows.to_parquet(path)
        without, with_series = read_training_table(path), read_training_table(path, series=True)
        assert without.columns == with_series.columns == read_training_table(plain(rows)).columns
        assert not any(name.startswith("series__") for name in without.columns)
        assert (without.signals, without.n_steps) == ((), 0)
        assert without.series.shape == (without.n_rows, 0)
        assert (with_series.signals, with_series.n_steps) == (SIGNALS, N_STEPS)
        np.testing.assert_array_equal(without.inputs, with_series.inputs)
        where = with_series.meta.reset_index().groupby("path").head(1)
        of_first = rows[rows["window_start_s"] == 0].set_index("path").loc[where["path"]]
        found = with_series.series[where["index"]]
        np.testing.assert_allclose(found[:, 0], of_first["series__jaw_open__000"], rtol=1e-12)
        np.testing.assert_allclose(found[:, -1], of_first["series__yaw_deg__024"], rtol=1e-12)

    def test_blocks_come_in_order_and_only_where_asked_for(self, rows):
        table = read_training_table(rows, condition_on_quality=False, series=True)
        layout, X = inputs_of(table, features=True, series=True)
        assert X.shape == (table.n_rows, layout.n_tabular + layout.n_series)
        np.testing.assert_array_equal(X[:, : layout.n_features], table.features)
        np.testing.assert_array_equal(X[:, layout.n_tabular :], table.series)
        assert inputs_of(table, features=False, series=True)[1] is table.series
        assert inputs_of(table, features=True, series=False)[0] == Inputs(len(table.columns))

    def test_a_mean_over_windows_keeps_no_series(self, rows):
        by_video = read_training_table(rows, series=True).per_video()
        assert by_video.series.shape == (by_video.n_videos, 0)
        assert by_video.signals == ()

    def test_a_signal_without_all_of_its_steps_is_named(self, rows):
        with pytest.raises(TableError, match="series__yaw_deg__007"):
            read_training_table(rows.drop(columns="series__yaw_deg__007"), series=True)


class TestClassifiers:
    @pytest.mark.parametrize("name", TABULAR)
    def test_who_looks_at_features_says_bit_for_bit_the_same_beside_series(self, rows, name):
        table = read_training_table(rows, series=True)
        of_rows = {"classify__groups": table.groups, "classify__videos": table.videos}
        told = []
        for series in (False, True):
            layout, X = inputs_of(table, True, series)
            fitted = MAKERS[name](layout, 0).fit(X, table.is_fake, **of_rows)
            told.append(fitted.predict_proba(X))
        np.testing.assert_array_equal(*told)

    def test_signals_tell_what_features_do_not(self, rows):
        report = cross_validate(rows, "group", MIXED, n_folds=2, audit=False)
        metrics = report.metrics[report.metrics["metric"] == "auc_mean_of_folds"]
        value = metrics.set_index("classifier")["value"]
        assert list(value.index) == list(MIXED)
        assert value["sequences"] > 0.9
        assert value["frames"] < 0.8
        assert value["svm"] < 0.75

    def test_all_are_those_that_the_table_serves(self, rows):
        of_features = [*TABULAR, "committee", "stacking"]
        assert all_names(read_training_table(rows)) == (of_features, [])
        assert all_names(read_training_table(rows, series=True)) == ([*of_features, *SERIAL], [])

    def test_weights_find_the_member_that_knows(self, mixed):
        weights = mixed.member_weights
        assert list(weights) == list(MIXED)
        assert sum(weights.values()) == pytest.approx(1)
        assert min(weights.values()) >= 0
        assert max(weights, key=weights.get) == "sequences"
        assert mixed.provenance["weights"] == weights

    def test_importance_tells_of_the_block_a_classifier_looks_at(self):
        names, rows = ["svm", "frames", "committee"], series_table(n_groups=12)
        report = cross_validate(
            rows, "group", names, n_folds=2, audit=False, importance=True, members="svm,frames"
        )
        families = report.importance.groupby("classifier")["family"].agg(set)
        assert families["frames"] == {"series"}
        assert families["svm"] == {"eyes", "noise"}
        assert families["committee"] == {"eyes", "noise", "series"}
        of_series = report.importance[report.importance["family"] == "series"]
        assert set(of_series["n_features"]) == {len(SIGNALS) * N_STEPS}

    @pytest.mark.parametrize(
        "ask",
        [
            lambda t: train(t, "sequences"),
            lambda t: train(t, "committee", members="svm,frames"),
            lambda t: cross_validate(t, classifier="frames"),
        ],
    )
    @pytest.mark.parametrize("make", [make_table, lambda: plain(series_table())])
    def test_a_table_without_signals_is_refused_in_one_sentence(self, ask, make):
        with pytest.raises(TableError, match="--window 5 --series") as raised:
            ask(make())
        assert str(raised.value).count(". ") == 0

    def test_without_the_package_all_leaves_sequences_out_and_says_so(self, monkeypatch):
        rows = series_table(n_groups=8, n_windows=1)
        monkeypatch.setattr("models.learning.convolutions.find_spec", lambda name: None)
        with pytest.raises(SettingError, match=r"deepfake-biometrics\[sequences\]"):
            train(rows, "sequences")
        report = cross_validate(rows, "group", "all", n_folds=2, audit=False, members="svm,frames")
        names = [*TABULAR, "committee", "stacking", "frames"]
        assert list(dict.fromkeys(report.scores["classifier"])) == names
        assert any("sequences is left out" in remark for remark in report.remarks)


class TestDetector:
    @pytest.mark.parametrize("name", SERIAL)
    def test_of_signals_alone_needs_no_feature(self, rows, name, tmp_path):
        detector = train(rows, name)
        assert (detector.columns, detector.covariates) == ((), ())
        assert len(detector.series) == len(SIGNALS) * N_STEPS
        assert detector.needs_series
        features = [c for c in rows if "__" in c and not c.startswith("series__")]
        bare = rows.drop(columns=features)
        p = detector.predict_proba(bare)
        np.testing.assert_array_equal(p, detector.predict_proba(rows))
        assert np.isfinite(p).all()
        detector.save(tmp_path / "d.skops")
        np.testing.assert_array_equal(load_detector(tmp_path / "d.skops").predict_proba(bare), p)
        own = detector.member_log_odds(bare)
        assert list(own) == [name]
        np.testing.assert_array_equal(own[name], detector.log_odds(detector.matrix(bare)))
        assert detector.member_weights == {}

    def test_a_window_without_a_face_is_unknown(self, rows):
        detector = train(rows, "frames")
        some = rows.head(1).copy()
        steps = [c for c in rows if c.startswith("series__")]
        known = [c for c in steps if int(c[-3:]) < 0.4 * N_STEPS]
        # One signal that a backend does not have is not missed.
        some[[c for c in steps if "yaw" in c]] = np.nan
        assert detector.missing_steps(detector.matrix(some)) == [0.0]
        some[[c for c in steps if c not in known]] = np.nan
        assert np.isfinite(detector.decision_function(some)).all()
        some[known[0]] = np.nan
        some[[c for c in steps if c.endswith("000")]] = np.nan
        assert np.isnan(detector.decision_function(some)).all()
        assert np.isnan(detector.member_log_odds(some)["frames"]).all()

    def test_a_package_that_does_not_load_is_no_damage(self, mixed, rows, tmp_path, monkeypatch):
        mixed.save(tmp_path / "d.skops")
        monkeypatch.setitem(sys.modules, "sktime.transformations.rocket", None)
        for ask in (lambda: load_detector(tmp_path / "d.skops"), lambda: train(rows, "sequences")):
            with pytest.raises(NotInstalledError, match=r"cannot be loaded.*\[sequences\]"):
                ask()

    def test_where_compiled_code_cannot_be_kept_it_is_said(self, mixed, tmp_path, monkeypatch):
        mixed.save(tmp_path / "d.skops")

        def fit(self, X):
            raise RuntimeError("cannot cache function '_fit': no locator available for file 'x'")

        rocket = importlib.import_module("sktime.transformations.rocket")
        monkeypatch.setattr(rocket.MiniRocketMultivariate, "fit", fit)
        with pytest.raises(NotInstalledError, match="NUMBA_CACHE_DIR"):
            load_detector(tmp_path / "d.skops")

    def test_members_are_told_one_by_one(self, rows, mixed, tmp_path):
        mixed.save(tmp_path / "d.skops")
        loaded = load_detector(tmp_path / "d.skops")
        told = mixed.member_log_odds(rows)
        assert list(told) == list(MIXED)
        weighed = sum(mixed.member_weights[name] * told[name] for name in MIXED)
        np.testing.assert_allclose(weighed, mixed.decision_function(rows), rtol=1e-9)
        for name, values in loaded.member_log_odds(rows).items():
            np.testing.assert_array_equal(values, told[name])
        unknown = rows.assign(**dict.fromkeys(mixed.columns, np.nan)).head(2)
        assert all(np.isnan(values).all() for values in mixed.member_log_odds(unknown).values())

    def test_a_table_without_series_is_refused_with_the_option(self, rows, mixed):
        with pytest.raises(FeatureMismatchError, match="--series"):
            mixed.predict_proba(plain(rows))
        with pytest.raises(FeatureMismatchError, match=rf"--window {LENGTH_S:g} --series"):
            mixed.predict_proba(make_table())

    def test_quality_is_told_apart_from_series(self, rows):
        made = train(rows, "committee", condition_on_quality=True, members="frames,svm")
        inputs = made.matrix(rows)
        assert made.covariates
        assert made.quality(inputs).unknown == ()
        assert made.ordinary_band(inputs).shape == (len(rows), len(made.columns), 2)
        assert made.outside_range(inputs) == ()
        assert made.ordinary(inputs).shape == (len(rows), len(made.columns))
        without = train(plain(rows), "svm")
        assert without.quality(without.matrix(rows)).unknown == ()

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda d: {"series": d.series[::-1]},
            lambda d: {"series": (*d.series[:-1], "series__yaw_deg__099")},
            lambda d: {"series": tuple(name[8:] for name in d.series)},
            lambda d: {"series": d.series[:-1]},
            lambda d: {"series": ()},
        ],
    )
    def test_series_that_do_not_fit_are_refused(self, mixed, tmp_path, spoil):
        replace(mixed, **spoil(mixed)).save(tmp_path / "d.skops")
        with pytest.raises(DetectorError, match="damaged"):
            load_detector(tmp_path / "d.skops")

    @pytest.mark.parametrize(
        ("member", "attribute", "value"),
        [
            ("svm", "stop", 3),
            ("sequences", "start", 0),
            ("frames", "n_signals", 25),
            ("sequences", "n_signals", 10),
            ("sequences", "n_kernels", 10**9),
            ("sequences", "examples_", np.zeros((3, 2, 7), dtype=np.float32)),
            ("sequences", "spread_", np.ones(9)),
            ("frames", "machine_", None),
        ],
    )
    def test_damaged_steps_are_refused(self, rows, tmp_path, member, attribute, value):
        made = train(rows.iloc[:48], "committee", members=MIXED)
        steps = made.pipeline[-1].members_[member].estimator_.named_steps.values()
        step = next(one for one in steps if hasattr(one, attribute))
        setattr(step, attribute, value)
        made.save(tmp_path / "d.skops")
        with pytest.raises(DetectorError, match="damaged"):
            load_detector(tmp_path / "d.skops")


def test_columns_are_handed_on_as_they_are_and_must_be_there():
    X = np.arange(12.0).reshape(3, 4)
    X[1, 2] = np.nan
    taken = TakeColumns(1, 3).fit(X).transform(X)
    np.testing.assert_array_equal(taken, X[:, 1:3])
    assert taken.flags["C_CONTIGUOUS"]
    frame = pd.DataFrame(X, columns=list("abcd"))
    assert list(TakeColumns(1, 3).fit(frame).get_feature_names_out()) == ["b", "c"]
    for start, stop in ((2, 5), (-1, 2), (2, 2)):
        with pytest.raises(SettingError, match="in 4"):
            TakeColumns(start, stop).fit(X)
