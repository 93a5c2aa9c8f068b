"""Rules of the house: what may import what, how it is written, what a door costs."""

import configparser
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import featurize.windows
import models.table.feature_table

ROOT = Path(__file__).parents[2]
PYTHON_FILES = sorted(
    path
    for folder in ("featurize", "models", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_import_contracts() -> None:
    result = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_ruff(command: tuple[str, ...]) -> None:
    result = run(sys.executable, "-m", "ruff", *command, "--no-cache", ".")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("package", ["featurize", "models"])
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    heavy = (
        "numpy pandas scipy sklearn xgboost av cv2 mediapipe dlib skimage matplotlib torch numba "
        "sktime"
    )
    code = f"import sys, {package}; print(*sorted(set(sys.modules) & set({heavy.split()!r})))"
    result = run(sys.executable, "-c", code)
    assert (result.returncode, result.stdout.strip()) == (0, ""), result.stderr


@pytest.mark.parametrize("package", ["featurize", "models"])
def test_every_public_name_exists(package: str) -> None:
    code = f"import {package}; [getattr({package}, name) for name in {package}.__all__]"
    result = run(sys.executable, "-c", code)
    assert result.returncode == 0, result.stderr


def test_training_side_needs_no_landmark_backend() -> None:
    code = (
        "import sys, models.training, models.validation\n"
        "print(*sorted(set(sys.modules) & {'mediapipe', 'dlib', 'cv2', 'av', 'featurize'}))"
    )
    result = run(sys.executable, "-c", code)
    assert (result.returncode, result.stdout.strip()) == (0, ""), result.stderr


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in PYTHON_FILES}
    assert {str(path): n for path, n in lengths.items() if n > 400} == {}


def test_pyproject_only_names_the_build_system() -> None:
    assert list(tomllib.loads((ROOT / "pyproject.toml").read_text())) == ["build-system"]


def test_both_opencv_wheels_are_pinned_to_one_version() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    pins = dict(
        line.split("==")
        for line in config["options"]["install_requires"].splitlines()
        if line.startswith("opencv")
    )
    assert set(pins) == {"opencv-python", "opencv-contrib-python"}
    assert len(set(pins.values())) == 1


def test_no_picture_or_model_of_others_is_tracked() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    tracked = run("git", "ls-files").stdout.splitlines()
    forbidden = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".jpg", ".jpeg", ".task", ".dat", ".pkl")
    assert [name for name in tracked if name.endswith(forbidden)] == []


def test_both_sides_call_the_bounds_of_a_window_alike() -> None:
    """Training imports nothing of featurize, so the names stand in both."""
    assert featurize.windows.WINDOW_COLUMNS == models.table.feature_table.WINDOW_COLUMNS
