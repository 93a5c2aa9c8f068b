"""One bad video costs one row: crashes, hangs and hunger of worker processes, real ones."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from featurize import featurize_dataset
from featurize.__main__ import app
from featurize.feature_options import FeatureOptions
from featurize.feature_rows import Row
from featurize.isolation import exchange
from featurize.registry import video_features
from featurize.runs import crew
from featurize.runs.progress import RunProgress
from featurize.runs.row_text import spelled
from tests.test_featurize.test_runs.tasks import WORK, times_seen


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run over videos of the given names; give the table and the folder."""
    monkeypatch.setattr(crew, "TASK", WORK)

    def run(*names: str, n_jobs: int = 2, **options: object) -> pd.DataFrame:
        for name in names:
            if not (tmp_path / f"{name}.mp4").exists():
                (tmp_path / f"{name}.mp4").touch()
        source = pd.DataFrame({"path": [str(tmp_path / f"{name}.mp4") for name in names]})
        return featurize_dataset(source, tmp_path / "f.csv", n_jobs=n_jobs, **options)

    return run


@pytest.mark.parametrize(("name", "signal_name"), [("segfault", "SIGSEGV"), ("killed", "SIGKILL")])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_crash_costs_one_row(
    run, tmp_path: Path, name: str, signal_name: str, n_jobs: int
) -> None:
    table = run("a", "b", name, "c", "d", n_jobs=n_jobs)
    assert table["status"].tolist() == ["empty", "empty", "crashed", "empty", "empty"]
    reason = table.loc[2, "reason"]
    assert f"{name}.mp4 was ended by {signal_name}" in reason
    assert reason.endswith(".")
    assert times_seen(tmp_path / f"{name}.mp4") == 2


def test_a_worker_killed_once_costs_nothing(run, tmp_path: Path) -> None:
    table = run("a", "once", "b")
    assert table["status"].eq("empty").all()
    assert times_seen(tmp_path / "once.mp4") == 2


def test_a_hang_costs_one_row(run) -> None:
    table = run("a", "hangs", "b", timeout_s=1.0)
    assert table["status"].tolist() == ["empty", "timeout", "empty"]
    assert "took longer than 1 s" in table.loc[1, "reason"]
    assert "--timeout" in table.loc[1, "reason"]


def test_hunger_costs_one_row(run) -> None:
    table = run("a", "grows", "b", memory_mib=600.0)
    assert table["status"].tolist() == ["empty", "too_large", "empty"]
    assert "needed more than 600 MiB" in table.loc[1, "reason"]
    assert "--memory" in table.loc[1, "reason"]


def test_more_rows_than_can_be_told_cost_one_row(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MAX_ANSWER_BYTES", 2**20)
    table = run("a", "long", "b")
    assert table["status"].tolist() == ["empty", "too_large", "empty"]
    reason = table.loc[1, "reason"]
    assert "gave an answer of more than 1 MiB: take longer windows (window_s, --window)" in reason
    assert times_seen(tmp_path / "long.mp4") == 1  # another try would say the same


def test_hours_of_three_faces_in_short_windows_can_be_told() -> None:
    """With both networks of the package, in the shortest windows."""
    features = FeatureOptions(("dlib-resnet", "efficientnet-lite0"), identity=True, window_s=2.0)
    row = Row({"path": "v.mp4"}, np.ones(len(video_features(features))))
    n_bytes = len(json.dumps(spelled([row]))) * 3 * 4 * 3600 / 2
    assert n_bytes < exchange.MAX_ANSWER_BYTES


def test_bad_ones_are_tried_again_when_the_finished_run_is_started_anew(
    run, tmp_path: Path
) -> None:
    run("a", "segfault")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing has changed
        table = run("a", "segfault")
    assert table["status"].tolist() == ["empty", "crashed"]
    assert times_seen(tmp_path / "segfault.mp4") == 4
    assert times_seen(tmp_path / "a.mp4") == 1


def test_the_table_is_the_same_for_any_number_of_jobs(run, tmp_path: Path) -> None:
    names = ["a", "segfault", "b", "hangs", "c", "once"]
    run(*names, n_jobs=1, timeout_s=1.0)
    one = (tmp_path / "f.csv").read_bytes()
    (tmp_path / "f.csv.journal").unlink()
    run(*names, n_jobs=3, timeout_s=1.0)
    assert (tmp_path / "f.csv").read_bytes() == one


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [("killed", (), 1), ("a", (), 1), ("fine", (), 0), ("fine", ("--strict",), 1)],
)
def test_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: tuple[str, ...],
    code: int,
) -> None:
    monkeypatch.setattr(crew, "TASK", WORK)
    for video in (name, "killed-as-well"):
        (tmp_path / f"{video}.mp4").touch()
    arguments = ["run", str(tmp_path), "-o", str(tmp_path / "f.csv"), *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    assert "killed-as-well.mp4 was ended by SIGKILL" in result.output


def test_quiet_is_quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "TASK", WORK)
    (tmp_path / "fine.mp4").touch()
    arguments = ["run", str(tmp_path), "-o", str(tmp_path / "f.csv"), "-q"]
    assert CliRunner().invoke(app, arguments).output == ""


def test_what_is_finished_is_kept_at_once(run, tmp_path: Path) -> None:
    """Also what was finished while nobody read: no more is done again than was in work."""
    names = [f"{n}" for n in range(40)]
    journal = tmp_path / "f.csv.journal"

    def stops(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")  # no word of joblib's about what was not read
        patch.setattr(RunProgress, "advance", stops)
        with pytest.raises(KeyboardInterrupt):
            run(*names)
    n_kept = journal.read_text().count('"key"')
    run(*names)
    seen = [times_seen(tmp_path / f"{name}.mp4") for name in names]
    assert seen.count(2) <= 2
    assert sum(seen) <= 40 + 2
    assert n_kept >= 1
