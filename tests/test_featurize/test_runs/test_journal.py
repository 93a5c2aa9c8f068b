"""The journal: what a run that goes on is given back, and what it is not."""

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.errors import OutputError
from featurize.feature_rows import Row
from featurize.registry import video_features
from featurize.runs.journal import ALWAYS_TRIED_AGAIN, TRIED_AGAIN_AFTERWARDS, Journal
from featurize.runs.row_text import read_rows, spelled

SETTINGS, LIMITS = {"faces": "all", "version": "1"}, {"timeout_s": 60.0}
N_FEATURES = len(video_features())


def opened(path: Path, settings: dict = SETTINGS, limits: dict = LIMITS) -> Journal:
    return Journal(path, settings, limits, N_FEATURES)


def row(status: str = "ok", value: float = 1.0) -> Row:
    return Row({"status": status, "face": 0}, np.full(N_FEATURES, value))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "f.csv.journal"


@given(st.lists(st.floats(width=64), min_size=N_FEATURES % 7 + 1, max_size=8))
def test_rows_are_given_back_bit_for_bit(values: list[float]) -> None:
    features = np.resize(np.array(values), N_FEATURES)
    (found,) = read_rows(json.loads(json.dumps(spelled([Row({"face": 1}, features)]))), N_FEATURES)
    assert found.meta == {"face": 1}
    unknown = np.isnan(features)
    assert np.array_equal(np.isnan(found.features), unknown)
    assert found.features[~unknown].tobytes() == features[~unknown].tobytes()


def test_what_was_added_is_found_by_the_next_run(path: Path) -> None:
    with opened(path) as journal:
        place = journal.add("v.mp4", [1, 2], [row(value=0.1 + 0.2), row(value=np.pi)])
        assert [r.features[0] for r in journal.rows(place)] == [0.1 + 0.2, np.pi]
    with opened(path) as journal:
        found = journal.rows(journal.find("v.mp4", [1, 2]))
        assert [r.features[-1] for r in found] == [0.1 + 0.2, np.pi]


@pytest.mark.parametrize(
    ("video", "state", "settings"),
    [
        ("w.mp4", [1, 2], SETTINGS),
        ("v.mp4", [1, 3], SETTINGS),
        ("v.mp4", None, SETTINGS),
        ("v.mp4", [1, 2], {**SETTINGS, "faces": "main"}),
        ("v.mp4", [1, 2], {**SETTINGS, "version": "2"}),
    ],
)
def test_other_videos_and_settings_are_not(
    path: Path, video: str, state: object, settings: dict
) -> None:
    with opened(path) as journal:
        journal.add("v.mp4", [1, 2], [row()])
    with opened(path, settings) as journal:
        assert journal.find(video, state) is None
    with opened(path) as journal:  # nothing is lost by having tried other settings
        assert journal.find("v.mp4", [1, 2]) is not None


def test_what_is_done_again_is_counted_by_its_cause(path: Path) -> None:
    other = {**SETTINGS, "faces": "main"}
    with opened(path) as journal:
        for video in ("same.mp4", "changed.mp4", "both.mp4"):
            journal.add(video, [1], [row()])
    with opened(path, other) as journal:
        for video in ("both.mp4", "theirs.mp4"):
            journal.add(video, [1], [row()])
        journal.finish(again=True)
    with opened(path) as journal:
        found = [
            journal.find(video, state) is not None
            for video, state in (
                ("same.mp4", [1]),
                ("changed.mp4", [2]),
                ("both.mp4", [1]),
                ("theirs.mp4", [1]),
                ("new.mp4", [1]),
            )
        ]
        assert found == [True, False, True, False, False]
        assert (journal.n_changed, journal.n_other_settings) == (1, 1)
        assert journal.other_settings == other


def test_a_file_system_without_locks_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with opened(path) as journal:
        journal.add("v.mp4", None, [row()])
    with opened(path) as journal:
        assert journal.find("v.mp4", None) is not None


def test_cut_at_any_byte_it_gives_back_whole_rows_only(path: Path) -> None:
    with opened(path) as journal:
        for number in range(3):
            journal.add(f"{number}.mp4", None, [row(value=number)])
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    line_ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    cuts = {*rng.integers(0, len(whole), 40).tolist(), *line_ends, *(end + 1 for end in line_ends)}
    for cut in sorted(cuts):
        path.write_bytes(whole[:cut])
        with opened(path) as journal:
            n_whole = 0
            for number in range(3):
                place = journal.find(f"{number}.mp4", None)
                if place is not None:
                    n_whole += 1
                    assert journal.rows(place)[0].features[0] == number
            assert n_whole == sum(cut >= end for end in line_ends[2:5])
            place = journal.add("new.mp4", None, [row(value=7)])
        with opened(path) as journal:
            assert journal.rows(journal.find("new.mp4", None))[0].features[0] == 7


@pytest.mark.parametrize("garbage", [b"\x00" * 5000, b"\xff\xfe{}\n", b"[]\n", b'{"key": 3}\n'])
def test_garbage_in_between_costs_nothing_else(path: Path, garbage: bytes) -> None:
    with opened(path) as journal:
        journal.add("a.mp4", None, [row()])
    with path.open("ab") as file:
        file.write(garbage)
    with opened(path) as journal:
        journal.add("b.mp4", None, [row()])
    with opened(path) as journal:
        assert None not in (journal.find("a.mp4", None), journal.find("b.mp4", None))


@pytest.mark.parametrize("status", ALWAYS_TRIED_AGAIN)
def test_faults_of_the_moment_are_not_kept(path: Path, status: str) -> None:
    with opened(path) as journal:
        assert journal.rows(journal.add("v.mp4", None, [row(status)]))[0].meta["status"] == status
    with opened(path) as journal:
        assert journal.find("v.mp4", None) is None


@pytest.mark.parametrize("status", TRIED_AGAIN_AFTERWARDS)
def test_what_was_too_much_is_kept_until_the_run_is_finished(path: Path, status: str) -> None:
    with opened(path) as journal:
        journal.add("bad.mp4", None, [row(status)])
        journal.add("good.mp4", None, [row()])
    with opened(path) as journal:
        assert journal.find("bad.mp4", None) is not None
    with opened(path, limits={"timeout_s": 120.0}) as journal:
        assert journal.find("bad.mp4", None) is None
    with opened(path) as journal:
        journal.finish(again=True)
    with opened(path) as journal:
        assert journal.find("bad.mp4", None) is None
        assert journal.find("good.mp4", None) is not None
        journal.add("bad.mp4", None, [row(status)])  # tried again, and the run was cut off
    with opened(path) as journal:
        assert journal.find("bad.mp4", None) is not None


def test_a_finished_run_without_failures_leaves_nothing(path: Path) -> None:
    with opened(path) as journal:
        journal.add("v.mp4", None, [row()])
        journal.finish(again=False)
    assert not path.exists()


def test_one_run_at_a_time(path: Path) -> None:
    with opened(path), pytest.raises(OutputError, match=r"Another run is writing .*f\.csv: wait"):
        opened(path).__enter__()
    with opened(path):
        pass


def test_a_run_that_finishes_meanwhile_is_no_obstacle(path: Path) -> None:
    """The file that was opened may have been removed before it could be locked."""
    with opened(path) as journal:
        journal.finish(again=False)
        with opened(path) as other:
            other.add("v.mp4", None, [row()])
    with opened(path) as journal:
        assert journal.find("v.mp4", None) is not None


def test_what_was_added_outlives_kill_9(path: Path) -> None:
    program = (
        "import os, signal, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from tests.test_featurize.test_runs.test_journal import opened, row\n"
        "journal = opened(Path(sys.argv[1])).__enter__()\n"
        "journal.add('v.mp4', None, [row(value=5)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    code = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    ).returncode
    assert code == -9
    with opened(path) as journal:
        assert journal.rows(journal.find("v.mp4", None))[0].features[0] == 5


def test_memory_is_that_of_places_not_of_rows(path: Path) -> None:
    import tracemalloc

    with opened(path) as journal:
        for number in range(400):
            journal.add(f"{number}.mp4", None, [row(value=number)])
    tracemalloc.start()
    with opened(path) as journal:
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 400 * 400  # rows would be 400 x 8 kB
        assert journal.rows(journal.find("399.mp4", None))[0].features[0] == 399
    assert peak < 2**20
