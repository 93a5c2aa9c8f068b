"""The detector that comes with the package: found, read once, used unless told otherwise."""

import hashlib
import importlib.resources
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import models
from models import pretrained, score_video, train
from models.__main__ import app
from models.detector_file import load_detector
from models.errors import DetectorError, NoDetectorError
from tests.test_models.conftest import make_table

SHIPPED = importlib.resources.files("models.pretrained") / "detector.skops"
_MOST_BYTES = 5_000_000


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Where the package is made to look for its detector."""
    monkeypatch.setattr(pretrained, "_folder", lambda: tmp_path)
    pretrained.default_detector.cache_clear()
    yield tmp_path
    pretrained.default_detector.cache_clear()


@pytest.fixture(scope="module")
def small():
    return train(make_table(n_groups=12), "stacking", members=("linear", "xgboost"))


def test_without_it_one_sentence_says_how_to_train_one(folder, video):
    with pytest.raises(NoDetectorError, match="python -m models train"):
        score_video("clip.mp4")
    result = CliRunner().invoke(app, ["score", "clip.mp4"])
    assert result.exit_code == 2
    assert "comes without one: train one" in result.stderr


def test_a_damaged_one_is_refused(folder, video):
    (folder / "detector.skops").write_bytes(b"PK")
    with pytest.raises(DetectorError, match="damaged"):
        score_video("clip.mp4")


def test_it_is_what_a_video_is_scored_with_unless_another_is_given(folder, video, small, detector):
    small.save(folder / "detector.skops")
    score = score_video("clip.mp4")
    assert score == score_video("clip.mp4", small)
    assert score_video("clip.mp4", detector) != score
    result = CliRunner().invoke(app, ["score", "clip.mp4", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["probability"] == score.probability


def test_it_is_read_once(folder, small):
    small.save(folder / "detector.skops")
    first = models.default_detector()
    (folder / "detector.skops").unlink()
    assert models.default_detector() is first


def test_it_ships_with_its_card():
    card = importlib.resources.files("models.pretrained") / "MODEL_CARD.md"
    digest = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert digest in card.read_text(encoding="utf-8")


def test_the_one_that_ships_is_small_and_knows_what_it_needs():
    with importlib.resources.as_file(SHIPPED) as path:
        assert path.stat().st_size <= _MOST_BYTES
        detector = load_detector(path)
    assert detector.window_s == 5.0
    assert not detector.needs_identity
    from featurize.networks.network import BUILT_IN, network_facts

    built_in = {network_facts(spec).name for spec in BUILT_IN}
    assert set(detector.networks) <= built_in
    import featurize

    described = featurize.describe_features(cnn=BUILT_IN)["name"]
    assert set(detector.columns) <= set(described)
    row = np.r_[detector.real_quantiles[:, 1], np.full(len(detector.covariates), np.nan)]
    told = detector.contributions(row[None])
    assert told is not None
    assert told.terms.sum() + told.base[0] == pytest.approx(
        detector.log_odds(row[None])[0], abs=1e-3
    )
