"""Held out means held out: what only the held-out rows could teach is not known of them."""

import numpy as np
import pandas as pd
import pytest

from models.metrics import auc
from pretraining.held_out import held_out
from pretraining.kinds import is_authentic, is_pseudo_fake, is_real_fake
from pretraining.variant import Variant
from tests.test_pretraining.made_up import METHODS, corpus, told

QUICK = Variant(classifier="linear", conditioned=False, calibrated=False)


def auc_of(videos: pd.DataFrame) -> float:
    return auc((videos["label"] == "fake").to_numpy(int), videos["log_odds"].to_numpy())


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    return told(corpus())


def test_what_tells_manipulations_everywhere_is_found_in_a_source_never_seen(truth) -> None:
    said = held_out(truth, QUICK, n_jobs=1)
    # Two normal distributions three standard deviations apart.
    assert auc_of(said.videos) > 0.95
    assert len(said.videos) == truth["path"].nunique()
    assert (said.videos["unseen"] == "").all()


def test_what_tells_the_truth_in_one_source_alone_is_never_learnt_from_it() -> None:
    table = corpus(n_clips=8)
    is_fake = (table["label"] == "fake").to_numpy()
    # A key to each source: one row of it in training, and all of it would be told.
    keys = {
        f"nose__key{source}__median": np.where(table["source"] == source, 2.0 * is_fake - 1, 0.0)
        for source in table["source"].unique()
    }
    said = held_out(table.assign(**keys), QUICK, n_jobs=1).videos
    assert 0.3 < auc_of(said) < 0.7


def test_what_tells_the_source_does_not_tell_manipulations_inside_one() -> None:
    table = corpus()
    # Sources with fakes alone, and with authentic videos alone, that a feature tells apart.
    of_fakes = table["source"] % 2 == 0
    table = table[(table["source"] > 5) | (is_authentic(table) != of_fakes)]
    level = np.where(table["source"] % 2 == 0, 5.0, -5.0)
    noise = np.random.default_rng(0).normal(0, 0.1, len(table))
    said = held_out(table.assign(skin__level__median=level + noise), QUICK, n_jobs=1).videos
    inside = [auc_of(said[said["source"] == source]) for source in (6, 7)]
    assert 0.2 < np.mean(inside) < 0.8


def test_a_manipulation_that_is_held_out_is_not_learnt_from() -> None:
    table = corpus(n_clips=8)
    # Each manipulation has a fault of its own.
    faults = {
        f"mouth__fault_of_{method.replace('-', '_')}__median": 5.0 * (table["method"] == method)
        for method in METHODS
    }
    table = table.assign(**faults)
    seen = held_out(table, QUICK, n_jobs=1).videos
    unseen = held_out(table, QUICK, n_jobs=1, manipulations=True).videos
    assert set(unseen["unseen"]) == set(METHODS)
    for method in METHODS:
        fakes = seen["method"] == method
        assert auc_of(seen[fakes | is_authentic(seen)]) > 0.95
        held = unseen[unseen["unseen"] == method]
        assert set(held["method"]) == {method, "none"}
        assert auc_of(held) < 0.8


def test_a_manipulation_of_one_source_alone_is_unseen_wherever_the_source_is(truth) -> None:
    table = truth.copy()
    table.loc[(table["source"] == 2) & is_real_fake(table), "method"] = "only here"
    seen = held_out(table, QUICK, n_jobs=1).videos
    unseen = held_out(table, QUICK, n_jobs=1, manipulations=True).videos
    of_method = [part[part["method"] == "only here"] for part in (seen, unseen)]
    scores = [part.set_index("path")["log_odds"] for part in of_method]
    pd.testing.assert_series_equal(*scores)


def test_a_source_in_two_parts_is_refused(truth) -> None:
    with pytest.raises(ValueError, match="several parts"):
        held_out(truth, QUICK, parts=pd.Series(np.arange(len(truth)) % 2))


def test_same_seed_same_bytes_whatever_the_jobs(truth, tmp_path) -> None:
    said = [
        held_out(truth, QUICK, n_jobs=n_jobs, seed=3, keep=tmp_path / str(n_jobs))
        for n_jobs in (1, 2)
    ]
    pd.testing.assert_frame_equal(said[0].videos, said[1].videos)
    pd.testing.assert_frame_equal(said[0].windows, said[1].windows)
    for source in truth["source"].unique():
        one, two = (tmp_path / jobs / f"{source}.skops" for jobs in ("1", "2"))
        assert one.read_bytes() == two.read_bytes()


def test_a_video_is_the_mean_of_its_windows(truth) -> None:
    later = truth.assign(window_start_s=5.0, window_end_s=10.0)
    later["eyes__truth__median"] += 1.0
    said = held_out(pd.concat([truth, later], ignore_index=True), QUICK, n_jobs=1)
    means = said.windows.groupby("path")["log_odds"].mean()
    videos = said.videos.set_index("path")
    assert (videos["n_windows"] == 2).all()
    np.testing.assert_allclose(videos["log_odds"], means[videos.index])
    np.testing.assert_allclose(videos["probability"], 1 / (1 + np.exp(-videos["log_odds"])))


def test_variants_learn_from_what_they_say(truth) -> None:
    table = truth.assign(cnn__net_0000__mean=0.5)
    as_is = Variant(pseudo_fakes=False, degraded=False, network=False).rows(table)
    assert (as_is["round"] == -1).all()
    assert set(as_is["method"]) == {"none", "forger"}
    assert "cnn__net_0000__mean" not in as_is
    pseudo = Variant(real_fakes=False).rows(table)
    assert not is_real_fake(pseudo).any()
    assert is_pseudo_fake(pseudo).sum() == is_pseudo_fake(table).sum()
    undegraded = Variant(degraded=False).rows(table)
    assert is_pseudo_fake(undegraded[undegraded["round"] >= 0]).all()
