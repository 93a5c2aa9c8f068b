"""What the page says to run makes the same report again."""

import ast
import inspect
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from models import cross_validate
from models.__main__ import app
from models.report.again import again

from .report_maker import make_audit, make_importance, make_report, make_scores

NAMES = {"folds": "n_folds"}


def shell_arguments(shell):
    """What the command asks for, read by the parser of the shell itself."""
    words = shell.split()
    assert words[:4] == ["python", "-m", "models", "cross-validate"]
    command = typer.main.get_command(app).commands["cross-validate"]
    given = command.make_context("cross-validate", words[4:]).params
    asked = {NAMES.get(name, name): value for name, value in given.items()}
    asked["importance"] = asked.pop("report") is not None
    asked["classifier"] = asked["classifier"].split(",")
    if asked["members"]:
        asked["members"] = tuple(asked["members"].split(","))
    return {name: str(value) for name, value in asked.items() if name not in ("features", "jobs")}


def python_arguments(python):
    """What the program asks for, with the defaults of the function that it calls."""
    [call] = [
        node
        for node in ast.walk(ast.parse(python))
        if isinstance(node, ast.Call) and node.func.id == "cross_validate"
    ]
    given = {one.arg: ast.literal_eval(one.value) for one in call.keywords}
    bound = inspect.signature(cross_validate).bind("features.csv", **given)
    bound.apply_defaults()
    left = ("table", "n_jobs")
    return {name: str(value) for name, value in bound.arguments.items() if name not in left}


@pytest.mark.parametrize(
    ("settings", "audit", "expected"),
    [
        ({"seed": 0}, True, {}),
        ({"seed": 8}, True, {"seed": "8"}),
        ({"seed": 0, "folds_asked": 3}, True, {"n_folds": "3"}),
        ({"seed": 0, "searched": True}, True, {"search": "True"}),
        ({"seed": 0}, False, {"audit": "False"}),
        ({"seed": 0, "members": "svm, mlp, xgboost"}, True, {}),
        ({"seed": 0, "members": "svm, frames"}, True, {"members": "('svm', 'frames')"}),
        ({"seed": 0, "conditioned_on": "quality__blur"}, True, {"condition_on_quality": "True"}),
    ],
)
def test_command_and_program_ask_for_what_the_report_was_made_with(settings, audit, expected):
    report = make_report(
        make_scores(classifiers=("mlp", "svm")),
        hold_out="method",
        settings=settings,
        audit=make_audit() if audit else None,
        importance=make_importance(),
    )
    default = {
        "hold_out": "method",
        "classifier": "['mlp', 'svm']",
        "n_folds": "5",
        "seed": "0",
        "condition_on_quality": "False",
        "search": "False",
        "importance": "True",
        "audit": "True",
        "members": "None",
    }
    told = again(report)
    assert shell_arguments(told.shell) == python_arguments(told.python) == default | expected


def test_what_is_left_at_its_default_is_not_spelled_out():
    told = again(
        make_report(settings={"seed": 0}, audit=make_audit(), importance=make_importance())
    )
    assert told.shell == (
        "python -m models cross-validate features.csv --hold-out group --classifier svm,mlp "
        "--report out/"
    )


def test_report_without_importance_can_only_be_made_in_python():
    told = again(make_report())
    assert told.shell == ""
    assert python_arguments(told.python)["importance"] == "False"
    assert "--report" in told.note


def test_table_in_memory_can_only_be_told_in_python():
    told = again(make_report(settings={"table_sha256": ""}, importance=make_importance()))
    assert told.shell == ""
    assert "features.csv" not in told.python
    assert "in memory" in told.note


def test_shell_and_python_give_the_same_bytes(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    n = 32
    table = pd.DataFrame(rng.normal(size=(n, 4)), columns=[f"eyes__s{i}__mean" for i in range(4)])
    table.insert(0, "path", [f"clip_{i}.mp4" for i in range(n)])
    table.insert(1, "label", np.resize(["real", "fake"], n))
    table.insert(2, "group", [f"person_{i // 2}" for i in range(n)])
    monkeypatch.chdir(tmp_path)
    table.to_csv("features.csv", index=False)
    options = ["--classifier", "svm", "--folds", "2", "--seed", "4", "--no-audit"]
    first = ["cross-validate", "features.csv", *options, "--report", "first"]
    assert CliRunner().invoke(app, first).exit_code == 0
    page = (tmp_path / "first" / "report.html").read_text("utf-8")
    shell, python = map(unescape, re.findall(r"<pre[^>]*><code>(.*?)</code>", page, re.DOTALL))
    python = python.replace("'out/'", "'python/'")
    assert CliRunner().invoke(app, shell.split()[3:]).exit_code == 0
    root = str(Path(__file__).parents[2])
    subprocess.run(
        [sys.executable, "-c", python], env=os.environ | {"PYTHONPATH": root}, check=True
    )
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()
        assert path.read_bytes() == (tmp_path / "python" / path.name).read_bytes()
