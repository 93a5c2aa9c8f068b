"""Who is tried again: what was killed by chance, never what is at fault."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from featurize.isolation import keeper
from featurize.isolation.keeper import Limits, Outcome, Worker
from featurize.isolation.pool import ask
from tests.test_featurize.test_isolation.conftest import wait_for, workers_below

TASKS = "tests.test_featurize.test_isolation.tasks:"
AMPLE = Limits(60, 1000)


def misbehave(how: str, limits: Limits = AMPLE, **request: object) -> Outcome:
    return ask(TASKS + "misbehave", {"how": how, **request}, limits)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """File in which the task notes its process each time it begins."""
    path = tmp_path / "mark"
    path.touch()
    return path


def tries(mark: Path) -> list[int]:
    return [int(line) for line in mark.read_text().split()]


@pytest.mark.parametrize("how", ["segfault", "kill", "leave", "leave_politely", "fork_and_die"])
def test_a_crash_is_tried_once_more_in_a_new_process(how: str, mark: Path) -> None:
    assert misbehave(how, mark=str(mark)).status == "crashed"
    first, second = tries(mark)
    assert first != second


@pytest.mark.parametrize("how", ["segfault", "kill", "abort", "leave", "close_everything"])
def test_a_crash_by_chance_costs_nothing(how: str, mark: Path) -> None:
    outcome = misbehave(how, mark=str(mark), once=True)
    assert (outcome.status, outcome.reason) == ("answered", "")
    first, second = tries(mark)
    assert outcome.answer == {"pid": second}
    assert first != second


@pytest.mark.parametrize("how", ["hang", "hang_holding_the_gil"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_busy_worker_that_is_killed_from_outside(how: str, number: int, mark: Path) -> None:
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(misbehave, how, mark=str(mark), once=True)
        wait_for(lambda: tries(mark))
        os.kill(tries(mark)[0], number)
        outcome = asked.result()
    assert outcome.answer == {"pid": tries(mark)[1]}


def test_a_worker_that_is_killed_while_it_starts(folder: Path) -> None:
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(ask, TASKS + "echo", {}, AMPLE)
        wait_for(lambda: workers_below(folder))
        for pid in workers_below(folder):
            os.kill(pid, signal.SIGKILL)
        assert asked.result().status == "answered"


def test_an_idle_worker_that_is_killed_costs_no_try(mark: Path) -> None:
    for _ in range(5):
        idle = misbehave("nothing").answer["pid"]
        os.kill(idle, signal.SIGKILL)
        before = len(tries(mark))
        assert misbehave("segfault", mark=str(mark)).status == "crashed"
        assert len(tries(mark)) == before + 2


def test_an_idle_worker_that_is_stuck_costs_no_try(mark: Path) -> None:
    idle = misbehave("nothing").answer["pid"]
    os.kill(idle, signal.SIGSTOP)
    outcome = misbehave("nothing", Limits(timeout_s=0.5), mark=str(mark))
    assert outcome.status == "answered"
    assert tries(mark) == [outcome.answer["pid"]] != [idle]


def test_what_is_said_before_the_request_is_no_beginning() -> None:
    worker = Worker()
    worker.start(TASKS + "misbehave")
    assert worker.ask({"how": "babble", "delay_s": 0.5}, AMPLE).status == "answered"
    assert worker.began
    wait_for(lambda: not worker.is_idle)
    assert worker.ask({"how": "nothing"}, AMPLE).status == "crashed"
    assert not worker.began


def test_what_takes_too_long_is_not_tried_again(mark: Path) -> None:
    misbehave("nothing")
    assert misbehave("hang", Limits(timeout_s=0.3), mark=str(mark)).status == "timeout"
    assert len(tries(mark)) == 1


def test_what_needs_too_much_is_tried_again_only_after_others(mark: Path) -> None:
    limits = Limits(60, 120)
    assert misbehave("eat_fast", limits, mark=str(mark)).status == "too_large"
    assert len(tries(mark)) == 1
    misbehave("nothing")
    assert misbehave("eat_fast", limits, mark=str(mark)).status == "too_large"
    assert len(tries(mark)) == 3


def test_what_others_have_left_is_no_fault_of_the_next() -> None:
    limits = Limits(60, 200)
    first = misbehave("leak", limits, mib=120).answer["pid"]
    second = misbehave("hold", limits, mib=120)
    assert second.status == "answered"
    assert misbehave("nothing").answer["pid"] != first


def test_one_worker_serves_many_requests() -> None:
    assert len({misbehave("nothing").answer["pid"] for _ in range(50)}) == 1


def test_the_time_limit_of_a_request_is_not_that_of_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = misbehave("nothing").answer["pid"]
    monkeypatch.setattr(keeper, "ALARM_AFTER_S", -59.5)
    misbehave("nothing", Limits(timeout_s=60))
    time.sleep(0.8)
    assert misbehave("nothing", Limits()).answer["pid"] == before


def test_eight_threads_at_once() -> None:
    def one(number: int) -> tuple[int, int]:
        answer = ask(TASKS + "echo", {"number": number}, AMPLE).answer
        return answer["said"]["number"], answer["pid"]

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(one, range(1000)))
    assert [number for number, _ in said] == list(range(1000))
    assert len({pid for _, pid in said}) <= 8


def test_eight_threads_at_once_while_workers_are_killed(folder: Path) -> None:
    """One killed again and again would be a crash, so the killer lets each request get through."""
    stop = threading.Event()

    def kill_now_and_then() -> None:
        while not stop.wait(0.3):
            for pid in workers_below(folder)[:1]:
                os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(ask, TASKS + "echo", {"number": n}, AMPLE) for n in range(3000)]
        outcomes = [future.result() for future in asked]
    stop.set()
    killer.join()
    assert [outcome.answer["said"]["number"] for outcome in outcomes] == list(range(3000))


def test_an_idle_worker_ends_by_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "IDLE_S", 0.2)
    before = misbehave("nothing").answer["pid"]
    wait_for(lambda: not list(folder.iterdir()))  # the folder is removed by the worker
    assert misbehave("nothing").answer["pid"] != before


def test_a_request_that_comes_when_the_worker_ends(
    mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "IDLE_S", 0.003)
    pids = []
    for number in range(40):
        time.sleep(0.002 + 0.00008 * number)
        outcome = misbehave("nothing", mark=str(mark))
        assert outcome.status == "answered"
        pids.append(outcome.answer["pid"])
    assert tries(mark) == pids
    assert len(set(pids)) > 1
