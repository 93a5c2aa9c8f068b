import hashlib
import io
import json
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

import featurize
import models.validation
from featurize.errors import VideoMissingError
from models import cross_validate, load_detector
from models.__main__ import app, report_tables

run = CliRunner().invoke


@pytest.fixture
def features(table, tmp_path):
    path = tmp_path / "features.csv"
    table.to_csv(path, index=False)
    return path


def test_train_writes_a_detector_and_says_so(features, tmp_path):
    output = tmp_path / "my.skops"
    result = run(app, ["train", str(features), "-o", str(output), "--classifier", "svm"])
    assert result.exit_code == 0, result.output
    assert "44 real and 36 fake" in result.stdout
    assert load_detector(output).provenance["classifier"] == "svm"


@pytest.mark.parametrize("classifier", ["committee", "stacking"])
def test_who_sits_on_a_committee_is_asked_for_by_name(features, tmp_path, classifier):
    output = tmp_path / "my.skops"
    asked = ["--classifier", classifier, "--members", "svm,mlp"]
    result = run(app, ["train", str(features), "-o", str(output), *asked])
    assert result.exit_code == 0, result.output
    weights = load_detector(output).member_weights
    told = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    assert load_detector(output).provenance["members"] == ["svm", "mlp"]
    assert list(weights) == (["svm", "mlp"] if classifier == "stacking" else [])
    assert (f"; weights {told}." in result.stdout) == bool(weights)
    result = run(app, ["cross-validate", str(features), *asked, "--no-audit"])
    assert result.exit_code == 0, result.output
    expected = cross_validate(features, classifier=[classifier], members=("svm", "mlp"))
    assert result.stdout.splitlines()[-5:] == expected.to_text().splitlines()[-5:]


def test_cross_validate_prints_whole_figures(features):
    result = run(app, ["cross-validate", str(features), "--classifier", "svm,mlp"])
    assert result.exit_code == 0, result.output
    assert result.stdout == cross_validate(features, classifier=["svm", "mlp"]).to_text()
    assert "…" not in result.stdout
    assert "..." not in result.stdout


def test_a_report_is_the_same_bytes_for_any_number_of_processes(features, tmp_path):
    arguments = ["cross-validate", str(features), "--classifier", "svm", "--hold-out", "method"]
    folders = []
    for jobs in ("1", "2"):
        folders.append(tmp_path / "new" / jobs)
        result = run(app, [*arguments, "--report", str(folders[-1]), "--jobs", jobs])
        assert result.exit_code == 0, result.output
        assert "report.html" in result.stderr
    one, two = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert {"report.html", "metrics.json", "scores.csv"} <= set(one)
    assert one == two
    report = cross_validate(features, "method", "svm", importance=True)
    assert len(pd.read_csv(folders[0] / "scores.csv")) == len(report.scores)
    figures = json.loads(one["metrics.json"])
    assert figures["settings"]["table_sha256"] == hashlib.sha256(features.read_bytes()).hexdigest()
    assert [row["family"] for row in figures["importance"]] == list(report.importance["family"])


def test_a_search_and_leaving_out_the_audit_are_asked_for_by_name(features, monkeypatch):
    asked = []
    real = models.validation.cross_validate

    def noted(*arguments, **named):
        asked.append((arguments[7], named["audit"]))
        return real(*arguments, **named)

    monkeypatch.setattr(models.validation, "cross_validate", noted)
    for options in ([], ["--no-audit"], ["--search", "--no-audit", "--folds", "2"]):
        result = run(app, ["cross-validate", str(features), "--classifier", "svm", *options])
        assert result.exit_code == 0, result.output
    assert asked == [(False, True), (False, False), (True, False)]
    assert "searched: True" in result.stdout


@pytest.mark.parametrize("width", [50, 80, 100, 200])
def test_tables_hold_every_figure_whole_at_any_width(table, width):
    report = cross_validate(table, classifier=["svm", "mlp", "xgboost", "committee"])
    console = Console(width=width, record=True, file=io.StringIO())
    for shown in report_tables(report, width):
        console.print(shown)
    text = console.export_text()
    assert "…" not in text
    for _, row in report.metrics.iterrows():
        assert row["metric"] in text
        assert f"{row['value']:.3f}" in text
        assert f"[{row['low']:.3f}, {row['high']:.3f}]" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "nowhere.csv", "-o", "x.skops"],
        ["train", "{features}", "-o", "x.skops", "--classifier", "forest"],
        ["train", "{features}", "-o", "no/such/folder/x.skops", "--classifier", "svm"],
        ["train", "{features}", "-o", "."],
        ["train", "{features}", "-o", "x.skops", "--classifier", "svm", "--seed", "-1"],
        ["train", "{features}", "-o", "x.skops", "--members", "svm,forest"],
        ["train", "{features}", "-o", "x.skops", "--classifier", "svm", "--members", "svm,mlp"],
        ["cross-validate", "{features}", "--classifier", "svm", "--members", "svm,mlp"],
        ["cross-validate", "{features}", "--hold-out", "weather"],
        ["cross-validate", "{features}", "--classifier", "svm", "--jobs", "0"],
        ["cross-validate", "{features}", "--classifier", "svm", "--seed", "-1"],
        ["cross-validate", "{features}", "--classifier", "svm", "--folds", "0"],
        ["cross-validate", "{features}", "--classifier", "svm", "--report", "{features}"],
        ["score", "clip.mp4"],
        ["score", "clip.mp4", "--detector", "nowhere.skops"],
        ["score", "clip.mp4", "--detector", "{features}"],
    ],
)
def test_known_errors_are_one_line_and_exit_status_two(features, arguments):
    result = run(app, [a.format(features=features) for a in arguments])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "nowhere.csv", "-o", "."],
        ["train", "nowhere.csv", "-o", "no/such/x.skops"],
        ["cross-validate", "nowhere.csv", "--report", "/dev/null/report"],
    ],
)
def test_where_to_write_is_asked_before_the_work_is_done(arguments):
    """The table, which is not there, is not even looked for."""
    result = run(app, arguments)
    assert result.exit_code == 2
    assert "Cannot write" in result.stderr


def test_a_missing_video_is_one_line_too(detector, tmp_path, monkeypatch):
    def featurize_video(path, **options):
        raise VideoMissingError(f"There is no file {path}:\ngive the path of a video.")

    monkeypatch.setitem(vars(featurize), "featurize_video", featurize_video)
    detector.save(tmp_path / "my.skops")
    result = run(app, ["score", "absent.mp4", "--detector", str(tmp_path / "my.skops")])
    assert result.exit_code == 2
    assert result.stderr == "Error: There is no file absent.mp4: give the path of a video.\n"


def test_a_bad_photograph_is_told_before_the_video_is_looked_for(detector, tmp_path):
    detector.save(tmp_path / "my.skops")
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((256, 256, 3), 128, np.uint8))
    (tmp_path / "text.png").write_text("words")
    asked = ["score", "absent.mp4", "--detector", str(tmp_path / "my.skops")]
    for photo in ("nowhere.png", "text.png", "wall.png"):
        result = run(app, [*asked, "--reference", str(tmp_path / photo)])
        assert result.exit_code == 2
        (line,) = result.stderr.splitlines()
        assert line.startswith("Error: ")
        assert photo in line
        assert "absent.mp4" not in line


def test_a_device_that_there_is_none_of_is_told_in_one_line(detector, tmp_path):
    detector.save(tmp_path / "my.skops")
    asked = ["score", "absent.mp4", "--detector", str(tmp_path / "my.skops"), "--device", "abacus"]
    result = run(app, asked)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "abacus" in line


def test_neither_the_package_nor_its_help_imports_anything_heavy():
    code = (
        "import sys, models, models.__main__; "
        "heavy = {'numpy', 'pandas', 'sklearn', 'xgboost', 'skops', 'mediapipe', 'cv2', 'av'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_training_needs_no_part_of_featurize():
    code = (
        "import sys, models; models.train, models.cross_validate, models.load_detector; "
        "sys.exit('featurize' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_unknown_names_of_the_package_are_attribute_errors():
    import models

    assert {"train", "cross_validate", "score_video", "load_detector"} <= set(dir(models))
    with pytest.raises(AttributeError, match="nonsense"):
        models.__getattr__("nonsense")


def test_conditioning_on_quality_is_asked_for_by_name(features, tmp_path):
    output = tmp_path / "my.skops"
    arguments = [str(features), "--classifier", "svm"]
    for asked, conditioned_on in (
        ([], ()),
        (["--condition-on-quality"], ("face_width_px", "fps")),
        (["--no-condition-on-quality"], ()),
    ):
        assert run(app, ["train", *arguments, *asked, "-o", str(output)]).exit_code == 0
        assert load_detector(output).covariates == conditioned_on
        result = run(app, ["cross-validate", *arguments, *asked])
        assert f"conditioned_on: {', '.join(conditioned_on) or 'nothing'}" in result.stdout
