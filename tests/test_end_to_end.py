"""The whole main job on a small scripted data set: clips, table, cross-validation, one score."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from skimage.data import astronaut
from typer.testing import CliRunner

from featurize import featurize_dataset
from featurize.errors import VideoUnreadableError
from featurize.synthesis import Performer, make_dataset, random_script, write_video
from models import cross_validate, default_detector, load_detector, score_video, train
from models.__main__ import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight scripted people, one authentic and one manipulated clip each, and their table."""
    folder = tmp_path_factory.mktemp("scripted")
    make_dataset(folder, n_people=8, duration_s=3.0, size_px=256, n_jobs=2)
    featurize_dataset(folder / "manifest.csv", folder / "features.csv", n_jobs=2)
    return folder


@pytest.fixture(scope="module")
def detector_file(folder: Path) -> Path:
    train(folder / "features.csv", classifier="svm").save(folder / "detector.skops")
    return folder / "detector.skops"


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A person the detector has not seen, authentic and manipulated."""
    folder = tmp_path_factory.mktemp("stranger")
    manifest = make_dataset(folder, n_people=1, seed=99, duration_s=3.0, size_px=256, n_jobs=2)
    return {row.label: folder / row.path for row in manifest.itertuples()}


def test_every_clip_is_usable_and_grouped(folder: Path) -> None:
    table = pd.read_csv(folder / "features.csv")
    assert len(table) == 16
    assert (table["status"] == "ok").all()
    assert (table["face_rate"] == 1).all()
    assert table.groupby("group")["label"].nunique().tolist() == [2] * 8


def test_manipulated_faces_tremble_more_than_their_originals(folder: Path) -> None:
    """On average: the slightest of the swaps tremble less than the landmarks' own noise."""
    table = pd.read_csv(folder / "features.csv")
    jitter = table.pivot_table(
        index="group", columns="label", values="stability__jitter_face_iod__rms"
    )
    assert jitter["fake"].mean() > 1.05 * jitter["real"].mean()


def test_cross_validation_finds_the_faults_in_people_held_out(folder: Path) -> None:
    report = cross_validate(folder / "features.csv", classifier="svm", n_folds=4)
    auc = report.metrics.set_index("metric").loc["auc_pooled", "value"]
    assert auc > 0.9
    assert len(report.scores) == 16


def test_one_call_tells_a_stranger_from_its_manipulation(
    detector_file: Path, stranger: dict[str, Path]
) -> None:
    scores = {label: score_video(path, detector_file) for label, path in stranger.items()}
    assert 0 <= scores["real"].probability < scores["fake"].probability <= 1
    assert scores["fake"].verdict in ("fake", "uncertain")
    assert scores["real"].verdict in ("real", "uncertain")
    for score in scores.values():
        assert score.quality["n_frames"] == 75
        for reason in score.reasons:
            assert np.isfinite([reason.value, reason.contribution]).all()
            assert reason.real_low <= reason.real_median <= reason.real_high
            assert reason.feature in load_detector(detector_file).columns
    speaking_for_fake = [reason for reason in scores["fake"].reasons if reason.contribution > 0]
    assert speaking_for_fake


def test_the_same_video_gets_the_same_score(detector_file: Path, stranger: dict[str, Path]) -> None:
    first, second = (score_video(stranger["fake"], detector_file) for _ in range(2))
    assert first == second


def test_command_line_gives_the_same_answer_as_json(
    detector_file: Path, stranger: dict[str, Path]
) -> None:
    result = CliRunner().invoke(
        app, ["score", str(stranger["fake"]), "--detector", str(detector_file), "--json"]
    )
    assert result.exit_code == 0
    answer = json.loads(result.output)
    expected = score_video(stranger["fake"], detector_file)
    assert answer["probability"] == pytest.approx(expected.probability)
    assert answer["verdict"] == expected.verdict
    assert [reason["feature"] for reason in answer["reasons"]] == [
        reason.feature for reason in expected.reasons
    ]


@pytest.fixture(scope="module")
def her_photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photograph that performers are made of; one without a seed is her as she is."""
    path = tmp_path_factory.mktemp("photographs") / "her.png"
    cv2.imwrite(str(path), cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR))
    return path


def test_whose_face_it_is_is_told_beside_whether_it_is_manipulated(
    detector_file: Path, her_photograph: Path, tmp_path: Path
) -> None:
    performer, script = Performer(256), random_script(seed=5, duration_s=2.0)
    time_s = np.arange(50) / 25
    clip = tmp_path / "her.mp4"
    write_video(clip, [performer.frame(script, t) for t in time_s], time_s)
    score = score_video(clip, detector_file, reference=her_photograph)
    assert score.identity.verdict == "same"
    assert score.identity.n_photos == 1
    assert score.identity.distance == pytest.approx(np.median(score.identity.distances))
    np.testing.assert_allclose(score.identity.time_s, [0, 0.5, 1, 1.5], atol=0.05)
    text = score.to_text()
    assert "Same: median distance" in text
    assert "does not mean an authentic video" in text
    # What is asked of the person changes nothing in what is said of manipulation.
    alone = score_video(clip, detector_file)
    assert alone.identity is None
    assert replace(score, identity=None) == alone
    asked = ["--detector", str(detector_file), "--reference", str(her_photograph), "--json"]
    result = CliRunner().invoke(app, ["score", str(clip), *asked])
    assert json.loads(result.output) == score.to_dict()


def test_without_a_face_the_person_is_unknown_too(
    detector_file: Path, her_photograph: Path, tmp_path: Path
) -> None:
    write_video(
        tmp_path / "grey.mp4", [np.full((128, 128, 3), 128, np.uint8)] * 30, np.arange(30) / 25
    )
    score = score_video(tmp_path / "grey.mp4", detector_file, reference=[her_photograph] * 2)
    assert (score.verdict, score.identity.verdict) == ("unknown", "unknown")
    assert score.identity.n_photos == 2
    assert score.identity.warnings == score.warnings
    assert "No face was found" in score.to_text().split("Same person as the reference")[1]


def test_no_face_is_unknown_never_a_guess(detector_file: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (128, 128, 3), np.uint8) for _ in range(40)]
    write_video(tmp_path / "noise.mp4", frames, np.arange(40) / 25)
    score = score_video(tmp_path / "noise.mp4", detector_file)
    assert score.verdict == "unknown"
    assert np.isnan(score.probability)
    assert "No face was found" in score.warnings[0]
    assert json.loads(score.to_json())["probability"] is None


def test_a_file_that_is_no_video_is_an_error(detector_file: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("words")
    with pytest.raises(VideoUnreadableError):
        score_video(tmp_path / "text.mp4", detector_file)


def test_without_a_detector_that_of_the_package_answers(stranger: dict[str, Path]) -> None:
    score = score_video(stranger["real"])
    assert score == score_video(stranger["real"], default_detector())
    assert score.verdict in ("real", "fake", "uncertain")
    told = score.base_log_odds + score.other_log_odds + score.unmeasured_log_odds
    told += sum(reason.contribution for reason in score.reasons)
    assert told == pytest.approx(logit(score.probability), abs=1e-3)
    assert any("network" in reason.sentence for reason in score.reasons)
