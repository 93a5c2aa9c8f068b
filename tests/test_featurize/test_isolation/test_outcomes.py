"""What becomes of a request is told truthfully, whatever the task does."""

import math
import os
import sys
from pathlib import Path

import pytest

from featurize.errors import FeaturizeError, OptionError, WorkerError
from featurize.isolation import exchange
from featurize.isolation.keeper import Limits, Outcome, Worker
from featurize.isolation.pool import ask
from tests.test_featurize.test_isolation.conftest import wait_for, workers_below

TASKS = "tests.test_featurize.test_isolation.tasks:"
AMPLE = Limits(60, 1000)
GARBAGE = "gave an answer that makes no sense"


def misbehave(how: str, limits: Limits = AMPLE, **request: object) -> Outcome:
    return ask(TASKS + "misbehave", {"how": how, **request}, limits)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("segfault", "was ended by SIGSEGV"),
        ("abort", "was ended by SIGABRT"),
        ("kill", "was ended by SIGKILL"),
        ("leave", "ended with exit code 7"),
        ("leave_politely", "ended with exit code 3"),
        ("close_everything", "ended with exit code 1"),
        ("fork_and_die", "was ended by SIGSEGV"),
    ],
)
def test_a_crash_is_told_with_its_cause(how: str, reason: str) -> None:
    outcome = misbehave(how)
    assert (outcome.status, outcome.reason, outcome.answer) == ("crashed", reason, None)


@pytest.mark.parametrize("how", ["hang", "hang_holding_the_gil", "trickle"])
def test_a_hang_ends_at_the_time_limit(how: str) -> None:
    outcome = misbehave(how, Limits(timeout_s=0.4))
    assert (outcome.status, outcome.reason) == ("timeout", "took longer than 0.4 s")


@pytest.mark.parametrize("how", ["eat_fast", "eat_slowly"])
def test_a_glutton_ends_at_the_memory_limit(how: str) -> None:
    outcome = misbehave(how, Limits(60, 120))
    assert (outcome.status, outcome.reason) == ("too_large", "needed more than 120 MiB")
    assert outcome.peak_mib > 120


def test_time_and_memory_are_measured_by_request() -> None:
    held = misbehave("hold", mib=150)
    assert 150 < held.peak_mib < 200
    spent = misbehave("spend", cpu_s=0.3)
    assert 0.3 <= spent.cpu_s < 0.6
    assert spent.peak_mib < 100
    assert held.cpu_s < 0.3
    assert held.reason == spent.reason == ""


def test_what_is_printed_is_no_answer() -> None:
    outcome = misbehave("print_a_lot")
    assert (outcome.status, outcome.answer) == ("answered", {"stdin": ""})


def test_numbers_come_back_exactly() -> None:
    numbers = misbehave("answer_numbers").answer["numbers"]
    assert math.isnan(numbers[0])
    assert numbers[1:] == [math.inf, -math.inf, 1e-300, 0.1]


def test_requests_come_through_exactly() -> None:
    request = {"much": "ä" * 5_000_000, "path": os.fsdecode(b"\xff.mp4"), "none": None, "x": [1.5]}
    assert ask(TASKS + "echo", request, Limits()).answer["said"] == request


@pytest.mark.parametrize("n_bytes", [0, 65_536 - 40, 10_000_000])
def test_large_answers_come_whole(n_bytes: int) -> None:
    assert misbehave("answer_much", n_bytes=n_bytes).answer == {"text": "x" * n_bytes}


def test_an_answer_without_end_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_ANSWER_BYTES", 2**20)
    outcome = misbehave("answer_much", n_bytes=2**20)
    assert (outcome.status, outcome.reason) == (
        "answer_too_large",
        "gave an answer of more than 1 MiB",
    )
    assert misbehave("answer_much", n_bytes=2**20 - 100).status == "answered"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "\n",
        "\n\n",
        "{}\n",
        "[1]\n",
        "\xff\xfe\n",
        "[" * 200_000 + "\n",
        '{"answer": 3, "cpu_s": 0.0}\n',
        '{"answer": {}, "cpu_s": NaN}\n',
        '{"answer": {}, "cpu_s": 0.0}\n' * 2,
        '{"error": 3, "trace": ""}\n',
        "9" * 10_000 + "\n",
    ],
    ids=range(12),
)
def test_garbage_is_a_crash(text: str) -> None:
    outcome = misbehave("scribble", text=text)
    assert (outcome.status, outcome.reason) == ("crashed", GARBAGE)


def test_an_exception_is_told_to_who_asked() -> None:
    with pytest.raises(WorkerError, match=r"misbehave failed: ValueError: no such thing: é\."):
        misbehave("fail")
    with pytest.raises(WorkerError, match="TypeError: Object of type set is not JSON"):
        misbehave("answer_no_json")
    with pytest.raises(FeaturizeError, match="the answer is of type list, not dict"):
        misbehave("answer_no_dict")


def test_an_exception_costs_no_worker() -> None:
    before = misbehave("nothing").answer["pid"]
    with pytest.raises(WorkerError) as caught:
        misbehave("fail")
    assert 'raise ValueError("no such' in "".join(caught.value.__notes__)
    assert misbehave("nothing").answer["pid"] == before


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("nowhere.at_all:task", "ModuleNotFoundError: No module named 'nowhere'"),
        ("json:nothing", "AttributeError: module 'json' has no attribute 'nothing'"),
        ("json", "AttributeError"),
    ],
)
def test_a_task_that_is_not_there_is_told_in_one_sentence(task: str, why: str) -> None:
    with pytest.raises(WorkerError) as caught:
        ask(task, {}, Limits())
    assert f"The worker for {task} cannot be started ({why}" in str(caught.value)


def test_a_task_that_ends_the_process_when_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = r"import os; os.write(2, b'warning\na library is too old\n\n'); os._exit(4)"
    (tmp_path / "broken_library.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WorkerError, match=r"\(it ended with exit code 4: a library is too old\)"):
        ask("broken_library:task", {}, Limits())


def test_what_a_library_prints_when_it_is_imported_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import os; os.write(1, b'welcome'); print('hello', flush=True); task = dict"
    (tmp_path / "chatty_library.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    assert ask("chatty_library:task", {"x": 1}, Limits()).answer == {"x": 1}


def test_python_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(WorkerError, match=r"cannot be started .*/nowhere/python"):
        ask(TASKS + "echo", {}, Limits())


def test_a_closed_worker_says_so() -> None:
    worker = Worker()
    worker.start(TASKS + "echo")
    worker.close()
    worker.close()
    with pytest.raises(WorkerError, match="start it first"):
        worker.ask({}, Limits())


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_limits_that_make_no_sense(value: float) -> None:
    with pytest.raises(OptionError, match="timeout_s must be a number above 0"):
        Limits(timeout_s=value)
    with pytest.raises(OptionError, match="memory_mib must be a number above 0"):
        Limits(memory_mib=value)


def test_the_longest_time_limit() -> None:
    assert ask(TASKS + "echo", {}, Limits(sys.float_info.max)).status == "answered"


def test_what_a_task_started_ends_with_its_worker(folder: Path) -> None:
    child = misbehave("leave_a_child").answer["child"]
    wait_for(lambda: child in workers_below(folder))
    assert misbehave("kill").status == "crashed"
    wait_for(lambda: child not in workers_below(folder))


def test_a_copy_of_the_worker_does_not_answer_too() -> None:
    pids = {misbehave("fork_and_both_return").answer["pid"] for _ in range(20)}
    assert len(pids) == 1
