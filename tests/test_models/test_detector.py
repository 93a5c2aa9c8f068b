import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import load_detector, train
from models.classifiers import TABULAR, VOTES
from models.errors import (
    FeatureMismatchError,
    SettingError,
    TableError,
    UnknownClassifierError,
)
from models.training import choose_thresholds
from tests.test_models.conftest import SIGNAL, make_table


@pytest.mark.parametrize("classifier", [*TABULAR, *VOTES])
def test_saved_and_loaded_it_says_bit_for_bit_the_same(classifier, tmp_path):
    table = make_table(2)
    detector = train(table, classifier)
    path = tmp_path / "größe mit leerzeichen.skops"
    detector.save(path)
    loaded = load_detector(path)
    new = make_table(11)
    np.testing.assert_array_equal(loaded.predict_proba(new), detector.predict_proba(new))
    np.testing.assert_array_equal(loaded.decision_function(new), detector.decision_function(new))
    assert loaded.thresholds == detector.thresholds
    assert loaded.columns == detector.columns
    assert loaded.provenance == detector.provenance
    np.testing.assert_array_equal(loaded.real_quantiles, detector.real_quantiles)
    # Saved again, and trained again, it is the same file.
    loaded.save(tmp_path / "again.skops")
    train(make_table(2), classifier).save(tmp_path / "retrained.skops")
    assert (tmp_path / "again.skops").read_bytes() == path.read_bytes()
    assert (tmp_path / "retrained.skops").read_bytes() == path.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [path.name, "again.skops", "retrained.skops"]
    )


def test_another_seed_is_another_detector():
    table = make_table(2)
    one, two = train(table, "mlp", seed=0), train(table, "mlp", seed=1)
    assert not np.array_equal(one.predict_proba(table), two.predict_proba(table))


def test_it_finds_the_planted_signal_in_new_people(committee):
    new = make_table(21)
    p = committee.predict_proba(new)
    known = ~np.isnan(p)
    assert known.mean() > 0.95
    p, fake = p[known], (new["label"] == "fake").to_numpy()[known]
    assert p[fake].mean() > p[~fake].mean() + 0.3
    assert ((p >= 0) & (p <= 1)).all()


def test_order_of_columns_and_foreign_columns_do_not_matter(detector, table):
    changed = table[table.columns[::-1]].assign(foreign__column__mean="text", note="hello")
    np.testing.assert_array_equal(detector.predict_proba(changed), detector.predict_proba(table))


def test_missing_columns_are_named(detector, table):
    with pytest.raises(FeatureMismatchError, match=SIGNAL):
        detector.predict_proba(table.drop(columns=SIGNAL))


def test_text_in_a_feature_is_named(detector, table):
    with pytest.raises(TableError, match=SIGNAL):
        detector.predict_proba(table.assign(**{SIGNAL: "high"}))


@pytest.mark.parametrize("name", ["detector", "committee"])
def test_a_row_that_lacks_more_than_a_fifth_of_the_features_is_unknown_not_guessed(
    name, request, table
):
    """Of 13 features 2 may be missing. What is put in for the others would be scored instead."""
    trained = request.getfixturevalue(name)
    columns = list(trained.columns)
    rows = pd.concat([table.iloc[[0]].assign(**dict.fromkeys(columns, 0.5))] * 14)
    for n_missing in range(14):
        rows.iloc[n_missing, [rows.columns.get_loc(c) for c in columns[:n_missing]]] = np.nan
    for said in (trained.predict_proba(rows), trained.decision_function(rows)):
        assert list(np.isnan(said)) == [False] * 3 + [True] * 11
    assert trained.verdict(trained.predict_proba(rows)[5]) == "unknown"
    rows.iloc[0, rows.columns.get_loc(columns[3])] = np.inf
    assert np.isfinite(trained.predict_proba(rows)[0])


def test_features_that_were_never_measured_in_training_are_not_missed(table):
    names = [f"gaze__g{i}__mean" for i in range(20)]
    trained = train(table.assign(**dict.fromkeys(names, np.nan)), "svm")
    new = table.assign(**dict.fromkeys(names, np.nan))
    measured = new[[c for c in trained.columns if c not in names]]
    few = measured.isna().mean(axis=1).to_numpy() <= 0.2
    assert few.mean() > 0.9
    np.testing.assert_array_equal(np.isfinite(trained.predict_proba(new)), few)


def test_what_is_unlike_anything_seen_is_never_called_real_or_fake(detector):
    limits = detector.thresholds
    for probability in (0.0, limits.real, limits.fake, 1.0):
        assert detector.verdict(probability, 0.2) in ("real", "fake")
        assert detector.verdict(probability, 0.21) == "uncertain"
    assert detector.verdict(np.nan, 0.5) == "unknown"
    row = np.full((1, len(detector.columns)), 1e6)
    row[0, 0] = np.nan
    assert detector.unseen_share(row) == [1.0]
    assert detector.unseen_share(detector.seen_range.T).tolist() == [0.0, 0.0]
    row[0, 1:7] = detector.real_quantiles[1:7, 1]
    assert detector.unseen_share(row) == [0.5]


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
)
def test_at_most_one_in_twenty_held_out_videos_gets_the_wrong_verdict(real, fake):
    real, fake = np.array(real), np.array(fake)
    limits = choose_thresholds(
        np.r_[real, fake], np.r_[np.zeros(len(real), int), np.ones(len(fake), int)]
    )
    assert limits.real <= limits.fake
    assert (real >= limits.fake).sum() <= 0.05 * len(real)
    assert (fake <= limits.real).sum() <= 0.05 * len(fake)


def test_verdicts_follow_the_thresholds(detector):
    limits = detector.thresholds
    assert detector.verdict(limits.fake) == "fake"
    assert detector.verdict(limits.real) == "real"
    assert detector.verdict((limits.fake + limits.real) / 2) == "uncertain"


def test_real_quantiles_are_those_of_authentic_training_videos(detector, table):
    real = table.loc[table["label"] == "real", SIGNAL]
    np.testing.assert_allclose(
        detector.real_quantiles[detector.columns.index(SIGNAL)], real.quantile([0.05, 0.5, 0.95])
    )


def test_provenance_says_where_it_came_from(table, tmp_path):
    path = tmp_path / "features.csv"
    table.to_csv(path, index=False)
    made = train(path, "svm", seed=4).provenance
    assert made["classifier"] == "svm"
    assert made["seed"] == 4
    assert len(made["table_sha256"]) == 64
    assert made["n_real"] + made["n_fake"] == made["n_videos"] == len(table)
    assert made["featurize_version"] == "0.1.0"
    assert made["landmarks_backend"] == "mediapipe"


def test_an_unknown_classifier_is_named(table):
    with pytest.raises(UnknownClassifierError, match="forest"):
        train(table, "forest")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_named(table, seed):
    with pytest.raises(SettingError, match="seed"):
        train(table, "svm", seed=seed)
