"""How much must be known of a row: the same in training, in cross-validation and in scoring."""

import numpy as np
import pandas as pd
import pytest

import featurize
from models import cross_validate, train
from models.audit.sources import with_all_quality
from models.classifier_options import remarks_on_options
from models.errors import SettingError
from models.scoring import score_rows
from models.table.feature_table import read_training_table
from models.table.known import MAX_MISSING_STEPS, enough_features, missing_steps
from models.table.matrix import watched_columns
from tests.test_models.conftest import make_table
from tests.test_models.series_tables import N_STEPS, series_table

N_DIMS = 60
SAID = "is done for svm only: frames take signals over time as they are."
CNN = [f"cnn__dlib_resnet_{i:04d}__{s}" for i in range(N_DIMS) for s in ("mean", "std")]


def with_network(table, seed=5):
    values = np.random.default_rng(seed).normal(size=(len(table), len(CNN)))
    return pd.concat([table, pd.DataFrame(values, table.index, CNN)], axis=1)


def by_hand(table):
    return [c for c in table if "__" in c and not c.startswith(("quality__", "cnn__", "series__"))]


@pytest.fixture(scope="module")
def both():
    return with_network(make_table(n_groups=24))


@pytest.fixture(scope="module")
def of_both(both):
    return train(both, "svm")


def told(rows, detector):
    return score_rows("clip.mp4", rows, detector, featurize.describe_features())


class TestNetworks:
    def test_they_are_looked_at_only_where_there_is_nothing_else(self):
        columns = ["a__b", CNN[0], "c__d"]
        known = np.array([True, True, False])
        assert watched_columns(columns, known).tolist() == [True, False, False]
        assert watched_columns(columns, ~known).tolist() == [False, False, True]
        assert watched_columns(columns, np.array([False, True, False])).tolist() == [
            False,
            True,
            False,
        ]
        assert watched_columns((), np.zeros(0, dtype=bool)).tolist() == []

    def test_what_is_missing_of_the_face_is_not_hidden_by_a_network(self, both, of_both):
        row = both.iloc[[0]].copy()
        row[by_hand(both)[3:]] = np.nan
        assert of_both.missing_share(of_both.matrix(row)) == [10 / 13]
        score = told(row, of_both)
        assert score.verdict == "unknown"
        assert any(
            warning.startswith("77% of the features that are not a network's could not be measured")
            for warning in score.warnings
        )

    def test_what_is_unlike_all_training_is_not_hidden_by_a_network(self, both, of_both):
        row = both.iloc[[0]].copy()
        row[by_hand(both)] = 1e9
        assert of_both.unseen_share(of_both.matrix(row)) == [1.0]
        score = told(row, of_both)
        assert score.verdict == "uncertain"
        assert any("no verdict is given" in warning for warning in score.warnings)

    def test_a_network_that_says_nothing_is_named_and_makes_nothing_unknown(self, both, of_both):
        row = both.iloc[[0]].copy()
        whole = told(row, of_both)
        row[CNN] = np.nan
        score = told(row, of_both)
        assert np.isfinite(score.probability)
        warning = (
            "The network dlib_resnet said nothing of this face (too small?): its part is taken "
            "from the median training video."
        )
        assert [w for w in score.warnings if w not in whole.warnings] == [warning]
        row[CNN[: N_DIMS * 2 - 10]] = both[CNN[: N_DIMS * 2 - 10]].iloc[[0]]
        assert warning not in told(row, of_both).warnings

    def test_where_there_is_nothing_else_a_network_decides_what_is_known(self, both):
        alone = both.drop(columns=by_hand(both))
        detector = train(alone, "svm")
        row = alone.iloc[[0]].copy()
        row[CNN[:30]] = np.nan
        assert detector.missing_share(detector.matrix(row)) == [0.25]
        assert np.isnan(detector.predict_proba(row)).all()

    def test_training_leaves_out_what_the_detector_refuses(self, both):
        spoilt = both.copy()
        spoilt.loc[[4, 9], by_hand(both)[1:]] = np.nan
        spoilt.loc[[5, 6, 7], CNN] = np.nan
        read = read_training_table(spoilt)
        gone = set(spoilt["path"]) - set(read.meta["path"])
        assert gone == {"clip_004.mp4", "clip_009.mp4"}
        refused = np.isnan(train(spoilt, "svm").predict_proba(spoilt))
        assert set(spoilt["path"][refused]) == gone

    def test_what_few_videos_say_to_a_network_does_not_make_features_unusual(self, both):
        """The usual of each is found by itself: a network that hardly ever speaks has none."""
        rare = both.copy()
        rare.loc[rare.index[3:], CNN] = np.nan
        row = rare.iloc[[10]]
        detector = train(rare, "svm")
        assert np.isfinite(detector.predict_proba(row)).all()
        assert not any("said nothing" in warning for warning in told(row, detector).warnings)

    def test_the_audit_asks_for_gaps_of_the_others(self, both):
        spoilt = both.copy()
        spoilt.loc[spoilt["label"] == "fake", CNN] = np.nan
        for table in (both, spoilt):
            shares = with_all_quality(read_training_table(table)).quality[:, -1]
            plain = read_training_table(table[[c for c in table if c not in CNN]])
            np.testing.assert_array_equal(shares, np.isnan(plain.features).mean(axis=1))


def cut(rows, share):
    """The same with the second window of each video cut off after so many of its steps."""
    spoilt = rows.copy()
    steps = [c for c in rows if c.startswith("series__") and int(c[-3:]) >= share * N_STEPS]
    spoilt.loc[spoilt["window_start_s"] > 0, steps] = np.nan
    return spoilt


@pytest.fixture(scope="module")
def rows():
    return series_table(n_groups=16)


class TestTimeSteps:
    def test_a_step_is_missing_where_no_signal_is_known(self):
        series = np.array([[1.0, np.nan, np.nan, 1, 1, np.nan], [1, 1, 1, 1, 1, 1]])
        np.testing.assert_allclose(missing_steps(series, 3), [1 / 3, 0])

    @pytest.mark.parametrize(
        ("classifier", "members"), [("frames", None), ("committee", ("svm", "frames"))]
    )
    @pytest.mark.parametrize(("share", "kept"), [(0.5, True), (0.3, False)])
    def test_what_is_trained_on_is_what_is_scored(self, rows, classifier, members, share, kept):
        """A last window of half a length counts, one of which less is known does not."""
        spoilt = cut(rows, share)
        detector = train(spoilt, classifier, members=members)
        n_scored = int(np.isfinite(detector.decision_function(spoilt)).sum())
        assert detector.provenance["n_rows"] == n_scored
        assert n_scored >= len(spoilt) - 2 if kept else n_scored <= len(spoilt) / 2
        remarks = " ".join(detector.provenance["remarks"])
        assert ("more than 60 % of the time steps" in remarks) != kept
        both = members is not None and not kept
        assert ("can both score, so that all figures are of the same videos" in remarks) == both

    def test_what_takes_no_features_leaves_none_out_for_these(self, rows):
        spoilt = rows.copy()
        spoilt.loc[spoilt.index[:20], by_hand(rows)[1:]] = np.nan
        assert train(spoilt, "frames").provenance["n_rows"] == len(spoilt)
        assert read_training_table(spoilt, series=True).n_rows <= len(spoilt) - 20
        # Nothing varies but the signals, and they are enough.
        still = rows.assign(**dict.fromkeys(by_hand(rows), 1.0))
        assert train(still, "frames").provenance["n_rows"] == len(rows)

    def test_a_classifier_of_features_does_not_ask_for_signals(self, rows):
        blank = rows.assign(**{c: np.nan for c in rows if c.startswith("series__")})
        assert train(blank, "svm").provenance["n_rows"] == read_training_table(rows).n_rows

    def test_figures_of_several_are_of_the_videos_that_all_can_score(self, rows):
        spoilt = rows.copy()
        first, second = (spoilt["path"] == name for name in spoilt["path"].unique()[:2])
        spoilt.loc[first, by_hand(rows)[1:]] = np.nan
        spoilt.loc[second, [c for c in rows if c.startswith("series__")]] = np.nan
        names = {"svm": (True, False), "frames": (False, True), "svm+frames": (True, True)}
        gone = {}
        for name, (features, series) in names.items():
            read = read_training_table(spoilt, features=features, series=series)
            gone[name] = set(spoilt["path"]) - set(read.meta["path"])
        a, b = spoilt["path"].unique()[:2]
        assert gone == {"svm": {a}, "frames": {b}, "svm+frames": {a, b}}
        report = cross_validate(
            spoilt,
            classifier=["svm", "frames"],
            n_folds=2,
            condition_on_quality=True,
            audit=False,
        )
        for name in ("svm", "frames"):
            scored = report.scores["path"][report.scores["classifier"] == name]
            assert set(spoilt["path"]) - set(scored) == {a, b}
        assert any("of the same videos" in remark for remark in report.remarks)
        assert any(f"(condition on quality) {SAID}" in remark for remark in report.remarks)

    def test_the_limit_lets_half_a_window_through(self):
        assert 0.5 < MAX_MISSING_STEPS < 1


def test_rows_are_left_out_until_what_is_usual_stays():
    features = np.full((4, 10), 1.0)
    features[3, :5] = np.nan
    assert enough_features(features, [f"a__{i}" for i in range(10)]).tolist() == [True] * 3 + [
        False
    ]


class TestOptionsOfFeatures:
    @pytest.mark.parametrize("option", ["condition_on_quality", "search"])
    @pytest.mark.parametrize(
        ("classifier", "members"), [("frames", None), ("committee", "frames,sequences")]
    )
    def test_where_nothing_takes_features_they_are_refused(self, option, classifier, members):
        table = series_table(n_groups=8)
        for ask in (train, cross_validate):
            with pytest.raises(SettingError, match=r"nothing to (condition|search)"):
                ask(table, classifier=classifier, members=members, **{option: True})

    def test_beside_others_it_is_said_for_whom_they_are(self):
        table = series_table(n_groups=8)
        made = train(table, "committee", condition_on_quality=True, members="svm,frames")
        assert any(f"(condition on quality) {SAID}" in one for one in made.provenance["remarks"])
        both = remarks_on_options(["svm", "frames"], (), True, True)
        assert [f"(condition on quality or search) {SAID}" in one for one in both] == [True]
        for names in (["svm", "mlp"], ["frames"]):
            assert remarks_on_options(names, (), True, True) == []
        assert remarks_on_options(["svm", "frames"], (), False, False) == []

    def test_a_report_counts_what_its_classifiers_take(self):
        table = series_table(n_groups=8)
        read = read_training_table(table, condition_on_quality=True, series=True)
        report = cross_validate(read, classifier="frames", n_folds=2, audit=False)
        assert report.settings["n_features"] == 0
        assert report.settings["conditioned_on"] == "nothing"
        assert not any("was asked for" in remark for remark in report.remarks)
