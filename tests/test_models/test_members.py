"""Members of a vote: which may be asked for, what each weighs, what is fitted once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from models import cross_validate, load_detector, train
from models.classifier_options import checked_members
from models.classifiers import DEFAULT_MEMBERS
from models.errors import DetectorError, SettingError, UnknownClassifierError
from models.evaluation import held_out
from models.learning.calibration import CalibratedByGroup, fit_sigmoid
from models.learning.vote import SoftVote, Stacking, fit_weights
from tests.test_models.conftest import made, make_table
from tests.test_models.test_calibration import Echo


def echoes(n, **options):
    return [(f"n{i}", CalibratedByGroup(make_pipeline(Echo(i)), **options)) for i in range(n)]


def told(n_videos, noise, seed=0):
    """What members say of videos of known classes, each with its own noise."""
    rng = np.random.default_rng(seed)
    is_fake = np.arange(n_videos) % 2
    return (2.0 * is_fake - 1)[:, None] + np.array(noise) * rng.normal(
        size=(n_videos, len(noise))
    ), is_fake


class TestWeights:
    def test_members_that_say_the_same_weigh_the_same(self):
        values, is_fake = told(60, [1.0])
        np.testing.assert_allclose(fit_weights(np.repeat(values, 4, 1), is_fake, 60), 0.25)

    def test_independent_members_of_known_noise_weigh_as_the_best_mean_wants(self):
        """The log-odds of the mean are best with weights in proportion to 1 / variance."""
        values, is_fake = told(100_000, [1.0, 2.0])
        np.testing.assert_allclose(fit_weights(values, is_fake, 100_000), [0.8, 0.2], atol=0.02)

    def test_who_is_mostly_wrong_weighs_nothing(self):
        values, is_fake = told(400, [1.0, 1.0])
        values[:, 1] *= -1
        np.testing.assert_allclose(fit_weights(values, is_fake, 400), [1, 0], atol=1e-6)

    def test_the_fewer_groups_the_nearer_the_weights(self):
        values, is_fake = told(400, [0.8, 3.0])
        first = [fit_weights(values, is_fake, n)[0] for n in (2, 10, 50, 400)]
        assert 0.5 < first[0] < first[1] < first[2] < first[3] < 1

    @pytest.mark.parametrize("values", [np.zeros((10, 3)), np.tile([1.0, -2.0, 5.0], (10, 1))])
    def test_where_nobody_tells_anything_all_weigh_the_same(self, values):
        weights = fit_weights(values, np.arange(10) % 2, 10)
        np.testing.assert_allclose(weights, 1 / 3, atol=1e-6)

    @settings(deadline=None, max_examples=50)
    @given(st.integers(0, 10_000), st.permutations([0, 1, 2]))
    def test_they_are_shares_and_do_not_depend_on_the_order(self, seed, order):
        values, is_fake = told(40, [1.0, 3.0, 10.0], seed)
        weights = fit_weights(values, is_fake, 40)
        assert (weights >= 0).all()
        assert weights.sum() == pytest.approx(1)
        again = fit_weights(values[:, order], is_fake, 40)
        np.testing.assert_allclose(again, weights[list(order)], atol=1e-3)


class TestStacking:
    def test_it_ranks_by_the_weighed_log_odds_of_its_members(self):
        values, y = told(80, [1.0, 3.0, 3.0])
        stacking = Stacking(echoes(3)).fit(values, y)
        assert stacking.weights_["n0"] == max(stacking.weights_.values())
        own = stacking.member_log_odds(values)
        for name, member in stacking.members_.items():
            np.testing.assert_array_equal(expit(own[name]), member.predict_proba(values)[:, 1])
        mean = sum(stacking.weights_[name] * own[name] for name in own)
        np.testing.assert_allclose(stacking.decision_function(values), mean)
        assert stacking.slope_ > 0

    def test_held_out_scores_do_not_know_their_own_class(self):
        """Whatever the videos of a fold are, weights and sigmoids for them are of the others."""
        values, y = told(60, [1.0, 2.0, 4.0])
        groups = np.arange(60) // 2 * 2 + y
        plain = Stacking(echoes(3, seed=4)).fit(values, y, groups=groups)
        fold = next(iter(plain.members_.values())).oof_fold_
        # Two videos of the fold change places: what is said at each value stays.
        here = np.flatnonzero(fold == 2)
        real, fake = here[y[here] == 0][0], here[y[here] == 1][0]
        swapped = values.copy()
        swapped[[real, fake]] = values[[fake, real]]
        other = Stacking(echoes(3, seed=4)).fit(swapped, y, groups=groups)
        np.testing.assert_array_equal(other.members_["n0"].oof_fold_, fold)
        np.testing.assert_array_equal(
            other.oof_decision_[[fake, real]], plain.oof_decision_[[real, fake]]
        )
        outside = fold != 2
        assert (other.oof_decision_[outside] != plain.oof_decision_[outside]).any()

    def test_noise_is_stacked_no_surer_than_one_member(self):
        found = {"one": 0, "stacking": 0}
        for seed in range(10):
            noise = np.random.default_rng(seed).normal(size=(80, 3))
            stacking = Stacking(echoes(3)).fit(noise, np.arange(80) % 2)
            found["one"] += stacking.members_["n0"].slope_ > 1e-6
            found["stacking"] += stacking.slope_ > 1e-6
        assert 2 <= found["one"] <= 8
        assert found["stacking"] <= 6

    def test_with_two_folds_members_weigh_the_same(self):
        values, y = told(40, [1.0, 5.0])
        stacking = Stacking(echoes(2, n_folds=2)).fit(values, y)
        assert stacking.weights_ == {"n0": 0.5, "n1": 0.5}

    def test_windows_count_as_their_videos(self):
        values, y = told(60, [1.0, 2.0])
        once = Stacking(echoes(2)).fit(values, y)
        times = np.where(np.arange(60) % 3 == 0, 4, 1)
        of = np.repeat(np.arange(60), times)
        often = Stacking(echoes(2)).fit(values[of], y[of], videos=of)
        np.testing.assert_allclose(list(often.weights_.values()), list(once.weights_.values()))
        assert often.slope_ == pytest.approx(once.slope_)

    @pytest.mark.parametrize("vote", [SoftVote, Stacking])
    def test_members_that_were_fitted_before_are_not_fitted_again(self, vote):
        values, y = told(40, [1.0, 2.0])
        members = [
            ("a", CalibratedByGroup(make_pipeline(SVC()))),
            ("b", CalibratedByGroup(make_pipeline(LogisticRegression()))),
        ]
        plain = vote(members).fit(values, y)
        again = vote(members).fit(values, y, fitted=plain.members_)
        assert all(again.members_[name] is plain.members_[name] for name in plain.members_)
        np.testing.assert_array_equal(again.predict_proba(values), plain.predict_proba(values))
        other = [members[0], ("b", CalibratedByGroup(make_pipeline(SVC()), seed=5))]
        with pytest.raises(SettingError, match="the same groups together"):
            vote(other).fit(values, y)

    def test_the_second_sigmoid_is_that_of_the_held_out_scores(self):
        values, y = told(60, [1.0, 2.0])
        stacking = Stacking(echoes(2)).fit(values, y)
        assert (stacking.slope_, stacking.intercept_) == fit_sigmoid(stacking.oof_decision_, y)


class TestAsked:
    def test_by_default_those_of_features(self):
        assert checked_members(None, ["committee"]) == DEFAULT_MEMBERS
        assert checked_members(None, ["svm", "mlp"]) == ()
        assert checked_members(" svm, frames ", ["stacking"]) == ("svm", "frames")
        assert checked_members(["mlp", "svm"], ["svm", "committee"]) == ("mlp", "svm")

    @pytest.mark.parametrize(
        ("members", "classifier", "error", "said"),
        [
            ("svm", "committee", SettingError, "at least two members, not 1"),
            ("", "stacking", SettingError, "at least two members, not 0"),
            ("svm,mlp,svm", "committee", SettingError, r"\(svm\)"),
            (("svm", "forest"), "committee", UnknownClassifierError, "'forest'"),
            (("svm", "committee"), "stacking", UnknownClassifierError, "'committee'"),
            ("svm,mlp", "svm", SettingError, "committee and stacking have members, not svm"),
        ],
    )
    def test_what_cannot_be_is_named_in_one_sentence(self, table, members, classifier, error, said):
        for ask in (train, lambda *a, **k: cross_validate(a[0], classifier=a[1], **k)):
            with pytest.raises(error, match=said):
                ask(table, classifier, members=members)

    def test_members_are_stated(self):
        table = make_table(n_groups=8)
        detector = train(table, "committee", members=("mlp", "svm"))
        assert detector.provenance["members"] == ["mlp", "svm"]
        assert detector.provenance["weights"] == detector.member_weights == {}
        assert list(detector.member_log_odds(table)) == ["mlp", "svm"]
        assert train(table, "svm").provenance["members"] == []
        once = {"n_folds": 2, "audit": False}
        report = cross_validate(table, classifier="stacking", members="svm,mlp", **once)
        assert report.settings["members"] == "svm, mlp"
        assert cross_validate(table, classifier="svm", **once).settings["members"] == "none"

    def test_in_a_cross_validation_each_is_fitted_once(self, monkeypatch):
        table = make_table(n_groups=8)
        fits = []

        class Counted(CalibratedByGroup):
            def fit(self, *args, **kwargs):
                fits.append(len(args[0]))
                return super().fit(*args, **kwargs)

        def counting(name):
            return lambda *args: _counted(maker[name](*args), Counted)

        maker = dict(held_out.MAKERS)
        monkeypatch.setattr(held_out, "MAKERS", {name: counting(name) for name in maker})
        names = ["committee", "svm", "stacking"]
        report = cross_validate(table, classifier=names, members="svm,mlp", n_folds=2, audit=False)
        assert list(dict.fromkeys(report.scores["classifier"])) == names
        # Two members, two folds.
        assert len(fits) == 2 * 2


def _counted(pipeline, kind):
    last = pipeline[-1]
    if isinstance(last, CalibratedByGroup):
        pipeline.steps[-1] = ("classify", kind(**last.get_params(deep=False)))
    else:
        last.members = [(n, kind(**m.get_params(deep=False))) for n, m in last.members]
    return pipeline


def test_weights_that_are_none_are_refused(table, tmp_path):
    detector = train(table, "stacking", members="svm,mlp")
    detector.save(tmp_path / "d.skops")
    assert load_detector(tmp_path / "d.skops").member_weights == detector.member_weights
    for weights in ({"svm": 1.0}, {"svm": 2.0, "mlp": -1.0}, {"svm": 0.5, "mlp": 0.6}, {}):
        detector.pipeline[-1].weights_ = weights
        detector.save(tmp_path / "d.skops")
        with pytest.raises(DetectorError, match="damaged"):
            load_detector(tmp_path / "d.skops")


def test_stacking_finds_the_planted_signal_in_new_people(table):
    new = make_table(21)
    p = train(table, "stacking").predict_proba(new)
    known, is_fake = ~np.isnan(p), (new["label"] == "fake").to_numpy()
    assert p[known & is_fake].mean() > p[known & ~is_fake].mean() + 0.3


def test_a_maker_of_one_classifier_takes_members_and_does_not_look_at_them():
    assert repr(made("svm", members=("mlp",))) == repr(made("svm"))
