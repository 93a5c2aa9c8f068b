"""Made-up feature tables whose truth is known."""

import importlib

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

import featurize
from models.classifiers import MAKERS
from models.learning.inputs import Inputs

SIGNAL = "eyes__blink__rate_per_min"
WIDTH, SPEED = "face_width_px", "head_pose__angular_speed_deg_per_s__median"
JITTER = "stability__jitter__median"


def made(name, seed=0, n_covariates=0, search=False, **members):
    """The classifier of that name for a table without signals over time."""
    return MAKERS[name](Inputs(1, n_covariates), seed, search, **members)


def make_table(
    seed=0, n_groups=40, per_group=2, signal=4.0, fake_share=0.4, n_noise=12, group_offset=1.0
):
    """A table in which fakes have a higher ``SIGNAL``; every group shifts every feature.

    Every group is of one class except each fourth, which holds both.
    """
    rng = np.random.default_rng(seed)
    n = n_groups * per_group
    group = np.repeat(np.arange(n_groups), per_group)
    is_fake = (np.arange(n_groups) < round(fake_share * n_groups)).astype(int)
    rng.shuffle(is_fake)
    is_fake = is_fake[group]
    mixed = (group % 4 == 0) & (np.arange(n) % per_group == 0)
    is_fake = np.where(mixed, 1 - is_fake, is_fake)
    columns = [SIGNAL, *(f"noise__n{i:02d}__std" for i in range(n_noise))]
    offsets = rng.normal(scale=group_offset, size=(n_groups, len(columns)))
    features = rng.normal(size=(n, len(columns))) + offsets[group]
    features[:, 0] += signal * is_fake
    # Heavy tails and gaps, as measured features have them; not so many that a row is left out.
    features[:, 1] = np.exp(3 * features[:, 1])
    gaps = rng.random(features.shape) < 0.03
    features[gaps & (gaps.cumsum(axis=1) <= 0.2 * len(columns))] = np.nan
    table = pd.DataFrame(features, columns=columns)
    table["quality__face_width_px__mean"] = 100.0 + 50 * is_fake
    methods = np.array(["swap", "lips", "reenact"])[group % 3]
    meta = {
        "path": [f"clip_{i:03d}.mp4" for i in range(n)],
        "face": 0,
        "label": np.where(is_fake == 1, "fake", "real"),
        "group": [f"person_{g:02d}" for g in group],
        "method": np.where(is_fake == 1, methods, "none"),
        "dataset": np.array(["studio", "web"])[group % 2],
        "compression": np.array(["c23", "c40"])[np.arange(n) % 2],
        "status": "ok",
        "n_frames": 250,
        "face_rate": 1.0,
        "duration_s": 10.0,
        "fps": 25.0,
        "face_width_px": 180.0,
        "landmarks_backend": "mediapipe",
        "featurize_version": "0.1.0",
    }
    return pd.concat([pd.DataFrame(meta), table], axis=1)


def quality_table(seed=0, shift=1.0):
    """A table in which jitter depends on the width of the face, and fakes have ``shift`` more."""
    table = make_table(seed, n_groups=60, signal=0.0, group_offset=0.0)
    rng = np.random.default_rng(seed)
    n = len(table)
    table[WIDTH] = np.exp(rng.uniform(np.log(60), np.log(500), n))
    table[SPEED] = np.exp(rng.normal(size=n))
    fake = (table["label"] == "fake").to_numpy()
    table[JITTER] = -2 * np.log(table[WIDTH]) + 0.3 * rng.normal(size=n) + shift * fake
    return table


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Small products are slower in threads, and the package's own calls use one as well."""
    # Only pools that are loaded can be limited.
    importlib.import_module("models.classifiers")
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def table():
    return make_table()


@pytest.fixture(scope="session")
def detector(table):
    from models import train

    return train(table, "svm")


@pytest.fixture(scope="session")
def committee(table):
    from models import train

    return train(table, "committee")


@pytest.fixture
def video(monkeypatch, table):
    """Stand in for featurize: hand over rows made here, or raise what is put here.

    ``options`` are what it was called with, and ``recordings`` what it shows.
    """
    described = pd.DataFrame(
        {
            "name": [SIGNAL],
            "family": ["eyes"],
            "unit": ["1/min"],
            "meaning": ["blinks per minute"],
            "reference": [""],
            "confounded_by": [""],
        }
    )
    content = {"rows": table[table["label"] == "fake"].iloc[[0]].copy(), "recordings": []}

    def featurize_video(path, **options):
        content["options"] = options
        if "error" in content:
            raise content["error"]
        if "see" in options:
            options["see"](content["recordings"])
        return content["rows"]

    monkeypatch.setitem(vars(featurize), "featurize_video", featurize_video)
    monkeypatch.setitem(vars(featurize), "describe_features", lambda **options: described)
    return content


@pytest.fixture
def every_reason(monkeypatch):
    """Reasons however weak they are."""
    monkeypatch.setattr("models.reasons._N_REASONS", 1000)
    monkeypatch.setattr("models.reasons._SMALLEST_CONTRIBUTION", 0.0)


def all_of(score):
    """Return the sum of all that the log-odds of a score are told to be made of."""
    told = sum(reason.contribution for reason in score.reasons)
    return score.base_log_odds + score.other_log_odds + score.unmeasured_log_odds + told
