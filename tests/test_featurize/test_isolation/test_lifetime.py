"""No worker outlives its keeper, and none is reached by what is meant for the keeper."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from featurize.isolation import folders
from featurize.isolation.keeper import Limits
from featurize.isolation.pool import ask
from tests.test_featurize.test_isolation.conftest import wait_for, workers_below

TASKS = "tests.test_featurize.test_isolation.tasks:"


def is_busy(mark: Path) -> bool:
    return mark.exists() and bool(mark.read_text())


BUSY = "ask(TASKS + 'misbehave', {{'how': {how!r}, 'mark': {mark!r}, **{more!r}}}, Limits({limit}))"


def busy(how: str, mark: Path, limit: float = 600, **more: object) -> str:
    return BUSY.format(how=how, mark=str(mark), limit=limit, more=more)


def test_a_keeper_that_is_killed_leaves_no_idle_worker(keeper, folder: Path) -> None:
    process = keeper(
        "for _ in range(3): ask(TASKS + 'echo', {}, Limits()); print('ready', flush=True); input()"
    )
    assert process.stdout.readline() == "ready\n"
    assert len(workers_below(folder)) == 1
    process.kill()
    wait_for(lambda: not workers_below(folder) and not list(folder.iterdir()))


@pytest.mark.parametrize("how", ["hang", "spend"])
def test_a_keeper_that_is_killed_leaves_no_busy_worker(keeper, how, folder, tmp_path) -> None:
    mark = tmp_path / "mark"
    process = keeper(busy(how, mark, cpu_s=600))
    wait_for(lambda: is_busy(mark))
    process.kill()
    wait_for(lambda: not workers_below(folder) and not list(folder.iterdir()))


def test_a_worker_that_cannot_see_that_its_keeper_is_gone_has_an_alarm(
    keeper, folder, tmp_path
) -> None:
    mark = tmp_path / "mark"
    process = keeper(
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n"
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)  # what is ignored is handed down\n"
        "ask(TASKS + 'misbehave', {'how': 'nothing'}, Limits())\n"
        "keeper.ALARM_AFTER_S = -597  # of 600\n" + busy("hang_holding_the_gil", mark, limit=600)
    )
    wait_for(lambda: is_busy(mark))
    process.kill()
    wait_for(lambda: not workers_below(folder))
    # Nobody was left to remove the folder: whoever comes next does, when it is old.
    (left,) = folder.iterdir()
    folders.remove_left_behind.__wrapped__()
    assert left.exists()
    long_ago = time.time() - 2 * folders.LEFT_BEHIND_S
    os.utime(left, (long_ago, long_ago))

    def is_removed() -> bool:
        folders.remove_left_behind.__wrapped__()
        return not left.exists()

    wait_for(is_removed)  # a process that ends has no name any more while it still holds its files


def test_a_folder_in_use_is_never_taken_for_left_behind(folder: Path) -> None:
    used = Path(ask(TASKS + "echo", {}, Limits()).answer["folder"])
    assert used.parent == folder
    long_ago = time.time() - 2 * folders.LEFT_BEHIND_S
    os.utime(used, (long_ago, long_ago))
    folders.remove_left_behind.__wrapped__()
    assert used.exists()


def test_what_a_busy_task_started_ends_with_the_keeper(keeper, folder: Path) -> None:
    process = keeper(
        "ask(TASKS + 'misbehave', {'how': 'leave_a_child'}, Limits())\n"
        "print('ready', flush=True); input()"
    )
    process.stdout.readline()
    wait_for(lambda: len(workers_below(folder)) == 2)
    process.kill()
    wait_for(lambda: not workers_below(folder) and not list(folder.iterdir()))


@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "1 / 0"])
def test_a_keeper_that_ends_ends_its_workers_first(keeper, end: str, folder: Path) -> None:
    """Also one that is stuck, and would not notice."""
    process = keeper(
        "import os, signal\n"
        "os.kill(ask(TASKS + 'echo', {}, Limits()).answer['pid'], signal.SIGSTOP)\n" + end,
        stderr=subprocess.DEVNULL,
    )
    process.communicate(timeout=60)
    assert workers_below(folder) == []
    assert list(folder.iterdir()) == []


def test_a_keeper_that_ends_at_once_leaves_nothing(keeper, folder: Path) -> None:
    process = keeper("ask(TASKS + 'echo', {}, Limits())\nimport os; os._exit(0)")
    process.communicate(timeout=60)
    wait_for(lambda: not workers_below(folder) and not list(folder.iterdir()))


def test_ctrl_c_of_a_terminal_reaches_the_keeper_only(keeper, folder, tmp_path) -> None:
    mark, go_on = tmp_path / "mark", tmp_path / "go_on"
    process = keeper(
        "import signal; signal.signal(signal.SIGINT, lambda *_: print('seen', flush=True))\n"
        f"print({busy('wait_for_file', mark, path=str(go_on))}.answer)"
    )
    wait_for(lambda: is_busy(mark))
    for _ in range(3):
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "seen\n"
    go_on.touch()
    (pid,) = mark.read_text().split()
    assert process.communicate(timeout=60)[0] == f"{{'pid': {pid}}}\n"


def test_ctrl_c_of_a_waiting_keeper_ends_its_worker(keeper, folder, tmp_path) -> None:
    mark = tmp_path / "mark"
    process = keeper(
        # Of whoever starts the tests in the background, ignoring it may have been inherited.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"try: {busy('hang_holding_the_gil', mark)}\n"
        "except KeyboardInterrupt: print('stopped', flush=True); input()"
    )
    wait_for(lambda: is_busy(mark))
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "stopped\n"
    assert workers_below(folder) == []
    assert list(folder.iterdir()) == []


FORKS = """
import os, threading, time
from concurrent.futures import ThreadPoolExecutor
stop = threading.Event()
def fork():
    while not stop.is_set():
        if os.fork() == 0:
            time.sleep(600)
        time.sleep(0.01)
forker = threading.Thread(target=fork)
forker.start()
with ThreadPoolExecutor(8) as threads:
    list(threads.map(lambda n: ask(TASKS + "spend", {"cpu_s": 0.02}, Limits()), range(24)))
stop.set()
forker.join()
print("ready", flush=True)
input()
"""


def test_copies_of_the_keeper_do_not_keep_its_workers_alive(keeper, folder: Path) -> None:
    process = keeper(FORKS)
    assert process.stdout.readline() == "ready\n"
    assert workers_below(folder)
    process.kill()
    try:
        wait_for(lambda: not workers_below(folder) and not list(folder.iterdir()))
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the copies


COPY = """
import os
def answer(): return ask(TASKS + "echo", {}, Limits()).answer
before = answer()
copy = os.fork()
if copy == 0:
    print(answer()["pid"], flush=True)
    raise SystemExit
os.waitpid(copy, 0)
print(before["pid"], answer()["pid"], os.path.isdir(before["folder"]))
"""


def test_a_copy_of_the_keeper_has_workers_of_its_own(keeper) -> None:
    output, _ = keeper(COPY).communicate(timeout=60)
    copy, before, after, has_folder = output.split()
    assert before == after != copy
    assert has_folder == "True"


@pytest.mark.parametrize("ignored", ["signal.SIGCHLD", "signal.SIGALRM", "signal.SIGINT"])
def test_what_the_keeper_ignores(keeper, ignored: str) -> None:
    code = (
        f"import signal; signal.signal({ignored}, signal.SIG_IGN)\n"
        f"signal.pthread_sigmask(signal.SIG_BLOCK, [{ignored}])\n"
        "print(ask(TASKS + 'misbehave', {'how': 'segfault'}, Limits()).status)\n"
        "print(ask(TASKS + 'echo', {}, Limits()).status)\n"
    )
    output, _ = keeper(code).communicate(timeout=60)
    assert output.split() == ["crashed", "answered"]
