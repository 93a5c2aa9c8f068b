"""A worker takes over the surroundings of who asks, and works wherever it is asked from."""

import os
import sys
from pathlib import Path

import pytest

from featurize.isolation.keeper import Limits
from featurize.isolation.pool import ask
from featurize.isolation.process import THREADS

TASKS = "tests.test_featurize.test_isolation.tasks:"


def echo() -> dict:
    return ask(TASKS + "echo", {}, Limits()).answer


def surroundings() -> dict:
    return ask(TASKS + "surroundings", {}, Limits()).answer


def test_a_worker_has_one_thread_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    seen = surroundings()["env"]
    assert {name: seen[name] for name in THREADS} == dict.fromkeys(THREADS, "1")
    threads = ask(TASKS + "blas_threads", {}, Limits()).answer["threads"]
    assert threads
    assert set(threads) == {1}


def test_a_worker_sees_what_its_keeper_sees(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FEATURIZE_TEST", "é")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "more")
    seen = surroundings()
    expected = os.environ | dict.fromkeys(THREADS, "1")
    for name in ("TMPDIR", "PYTEST_CURRENT_TEST"):
        expected.pop(name)
        del seen["env"][name]
    assert seen == {"env": expected, "folder": str(tmp_path), "path": sys.path}


def test_a_worker_goes_first_and_leaves_no_trace() -> None:
    """When memory ends it is to go before its keeper; it writes no core file and no log."""
    assert ask(TASKS + "rank", {}, Limits()).answer == {
        "core": [0, 0],
        "oom_score": max(500, int(Path("/proc/self/oom_score_adj").read_text())),
        "files": ["/dev/null"] * 3,
    }


def test_other_surroundings_another_worker(tmp_path: Path, monkeypatch) -> None:
    first = echo()["pid"]
    assert echo()["pid"] == first
    with monkeypatch.context() as other:
        other.setenv("FEATURIZE_TEST", "1")
        by_variable = echo()["pid"]
    with monkeypatch.context() as other:
        other.chdir(tmp_path)
        by_folder = echo()["pid"]
    with monkeypatch.context() as other:
        other.setattr(sys, "path", [*sys.path, str(tmp_path)])
        by_path = echo()["pid"]
    by_task = surroundings() and ask(TASKS + "misbehave", {"how": "nothing"}, Limits())
    pids = {first, by_variable, by_folder, by_path, by_task.answer["pid"]}
    assert len(pids) == 5
    assert echo()["pid"] == first


def test_the_next_test_is_no_other_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tests code that works in workers is not to pay for one in each test."""
    before = echo()["pid"]
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "the next")
    assert echo()["pid"] == before


def test_a_folder_with_a_trap_is_no_module(tmp_path: Path, monkeypatch) -> None:
    """A folder of videos may hold a file of the name of a module; it is not run."""
    for name in ("json", "select", "traceback", "pathlib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('trapped')")
    monkeypatch.chdir(tmp_path)
    assert echo()["said"] == {}


def test_a_folder_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert echo()["said"] == {}


@pytest.mark.parametrize("by", ["-c", "stdin"])
def test_a_keeper_without_a_file(keeper, by: str) -> None:
    process = keeper("print(ask(TASKS + 'echo', {'x': 1}, Limits()).answer['said'])", by=by)
    assert process.communicate(timeout=60)[0] == "{'x': 1}\n"


DAEMON = """
import multiprocessing
def keep(queue):
    queue.put(ask(TASKS + "echo", {}, Limits()).answer["said"])
    queue.put(ask(TASKS + "misbehave", {"how": "segfault"}, Limits()).reason)
context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()
process = context.Process(target=keep, args=(queue,), daemon=True)
process.start()
print(queue.get(), queue.get())
process.join()
"""


def test_a_keeper_in_a_daemonic_process(keeper) -> None:
    output, _ = keeper(DAEMON).communicate(timeout=60)
    assert output == "{} was ended by SIGSEGV\n"


def test_a_keeper_whose_own_pipes_are_closed(keeper, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = (
        "import os; os.closerange(0, 3)\n"
        "status = ask(TASKS + 'misbehave', {'how': 'print_a_lot'}, Limits()).status\n"
        f"open({str(out)!r}, 'w').write(status)"
    )
    keeper(code).wait(timeout=60)
    assert out.read_text() == "answered"
