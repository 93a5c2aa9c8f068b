"""What a run shows while it works: true figures, on any kind of standard error."""

import io
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.runs import progress
from featurize.runs.progress import PACE_OVER_S, PACE_OVER_VIDEOS, Pace, RunProgress, weights

RUN = """
import time
from featurize.runs import progress
progress.PLAIN_LINE_EVERY_S = 0
with progress.RunProgress(5, 60.0, wanted=True) as bar:
    bar.advance("ok", 2, 0, 10.0, resumed=True)
    bar.advance("no_face", 0, 0, 10.0)
    time.sleep(0.1)
    bar.advance("ok", 1, 300, 20.0)
    time.sleep(0.1)
print("went on")
"""


def on_a_terminal(**environment: str) -> str:
    """What a terminal gets from the run above."""
    parent, child = pty.openpty()
    names = ("TERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        stdin=child,
        stdout=subprocess.PIPE,
        stderr=child,
        env=kept | {"TERM": "xterm", "COLUMNS": "120"} | environment,
    )
    os.close(child)
    shown = b""
    while True:
        try:
            part = os.read(parent, 65536)
        except OSError:  # the other side is gone
            break
        shown += part
    os.close(parent)
    out, _ = process.communicate()
    assert (process.returncode, out) == (0, b"went on\n"), shown
    return shown.decode("utf-8")


def plain(shown: str) -> str:
    """Without what moves the cursor and colours."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


class TestTerminal:
    def test_a_bar_with_all_facts(self) -> None:
        shown = on_a_terminal()
        last = plain(shown).rstrip().splitlines()[-1]
        assert "3/5 videos" in last
        assert "━" in last
        # 30 of the 50 that this session has to do are done in a moment.
        assert re.search(r"\b0 s left, 3 faces, 1 not usable, \d+ frames/s", last)
        assert re.search(r"\x1b\[[0-9;]*m", shown)

    def test_without_colour(self) -> None:
        assert not re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", on_a_terminal(NO_COLOR="1"))

    @pytest.mark.parametrize("columns", ["1", "20", "79"])
    def test_never_wider_than_the_terminal(self, columns: str) -> None:
        shown = plain(on_a_terminal(COLUMNS=columns))
        lines = re.split(r"[\r\n]+", shown)
        assert max(map(len, lines)) <= int(columns)
        assert columns == "1" or "3/5 videos" in lines[-2]

    def test_a_terminal_that_cannot_move_its_cursor_gets_lines(self) -> None:
        shown = on_a_terminal(TERM="dumb").splitlines()
        assert [line[:14] for line in shown] == [f"{n} of 5 videos:" for n in (1, 2, 3)]
        assert "\x1b" not in "".join(shown)

    def test_letters_that_the_terminal_has_not(self) -> None:
        shown = on_a_terminal(PYTHONIOENCODING="ascii")
        assert shown.isascii()
        assert "3/5 videos" in shown


class TestElsewhere:
    @pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2> >(exec 0<&-)", "2>/dev/null"])
    @pytest.mark.parametrize("variable", ["FORCE_COLOR=1", "TERM=xterm"])
    def test_standard_error_that_takes_nothing(self, stderr: str, variable: str) -> None:
        command = f"{variable} {sys.executable} -c '{RUN}' {stderr}"
        result = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
        assert (result.returncode, result.stdout, result.stderr) == (0, b"went on\n", b"")

    def test_no_bar_in_a_log_file(self) -> None:
        result = subprocess.run(
            [sys.executable, "-c", RUN],
            capture_output=True,
            check=True,
            text=True,
            env=os.environ | {"FORCE_COLOR": "1", "COLUMNS": "20"},
        )
        first, second, third = result.stderr.splitlines()
        assert first == "1 of 5 videos: 1 ok, 0 not usable, 2 faces"
        assert second.startswith("2 of 5 videos: 1 ok, 1 not usable, 2 faces")
        assert re.fullmatch(
            r"3 of 5 videos: 2 ok, 1 not usable, 3 faces, \d+ frames/s, 0 s left", third
        )

    def test_a_short_run_says_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        with RunProgress(1, 1.0, wanted=True) as bar:
            bar.advance("ok", 1, 10, 1.0)
        assert capfd.readouterr() == ("", "")

    def test_quiet(self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(progress, "PLAIN_LINE_EVERY_S", 0)
        with RunProgress(1, 1.0, wanted=False) as bar:
            bar.advance("ok", 1, 10, 1.0)
        assert capfd.readouterr() == ("", "")

    def test_a_line_every_now_and_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now_s = [0.0]
        error = io.StringIO()
        monkeypatch.setattr(sys, "stderr", error)
        monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
        with RunProgress(100, 100.0, wanted=True) as bar:
            for _ in range(100):
                now_s[0] += 10.0
                bar.advance("ok", 1, 250, 1.0)
        lines = error.getvalue().splitlines()
        assert len(lines) == 100 // 6
        assert lines[0] == "6 of 100 videos: 6 ok, 0 not usable, 6 faces, 25 frames/s, 16 min left"
        assert lines[8].endswith("54 faces, 25 frames/s, 8 min left")


def test_all_done_has_no_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    error = io.StringIO()
    monkeypatch.setattr(sys, "stderr", error)
    monkeypatch.setattr(progress, "PLAIN_LINE_EVERY_S", 0)
    with RunProgress(1, 0.0, wanted=True) as bar:
        bar.advance("empty", 0, 0, 0.0)
    assert error.getvalue() == "1 of 1 videos: 0 ok, 1 not usable\n"


@pytest.mark.parametrize(
    ("left_s", "words"),
    [
        (0.2, "0 s"),
        (89, "89 s"),
        (100, "2 min"),
        (3599, "1 h 0 min"),
        (12_000, "3 h 20 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_time_left_in_words(monkeypatch: pytest.MonkeyPatch, left_s: float, words: str) -> None:
    error = io.StringIO()
    now_s = [0.0]
    monkeypatch.setattr(sys, "stderr", error)
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    with RunProgress(2, 1.0 + left_s / 100, wanted=True) as bar:
        now_s[0] = 100.0
        bar.advance("ok", 0, 0, 1.0)
    assert error.getvalue().endswith(f", {words} left\n")


def test_unknown_sizes_are_taken_for_the_mean() -> None:
    assert weights([10, None, 20]) == [10.0, 15.0, 20.0]
    assert weights([None, None]) == [1.0, 1.0]
    assert weights([]) == []


class TestPace:
    def test_nothing_tells_at_first(self) -> None:
        pace = Pace(5.0)
        assert (pace.frames_per_s, pace.left_s(10.0, 6.0)) == (0.0, None)
        pace.add(5.0, 10, 1.0)  # a clock that has not moved
        assert (pace.frames_per_s, pace.left_s(10.0, 6.0)) == (0.0, None)

    def test_time_left_runs_down_while_a_video_is_worked_on(self) -> None:
        pace = Pace(0.0)
        pace.add(10.0, 100, 5.0)
        assert pace.frames_per_s == 10.0
        assert [pace.left_s(20.0, now_s) for now_s in (10.0, 25.0, 99.0)] == [40.0, 25.0, 0.0]

    @pytest.mark.parametrize("step_s", [0.01, 1.0, 600.0])
    def test_it_forgets_what_was_slower(self, step_s: float) -> None:
        pace, now_s = Pace(0.0), 0.0
        for frames in (10, 40):
            for _ in range(max(PACE_OVER_VIDEOS, round(PACE_OVER_S / step_s)) + 5):
                now_s += step_s
                pace.add(now_s, frames, 1.0)
            if frames == 10:
                assert pace.frames_per_s == pytest.approx(10 / step_s)
        assert pace.frames_per_s == pytest.approx(40 / step_s, rel=0.01 + 2 * step_s % 1)

    @given(
        st.lists(
            st.tuples(st.floats(0, 1e4), st.integers(0, 10**6), st.floats(0, 1e12)), max_size=300
        )
    )
    def test_it_is_a_mean_of_what_was_done_and_stays_small(
        self, videos: Sequence[tuple[float, int, float]]
    ) -> None:
        pace, now_s, speeds = Pace(0.0), 0.0, []
        for step_s, frames, weight in videos:
            now_s += step_s
            pace.add(now_s, frames, weight)
            speeds.append(pace.frames_per_s)
        assert all(speed >= 0 for speed in speeds)
        assert len(pace._points) <= PACE_OVER_VIDEOS + 2 * PACE_OVER_S
        if now_s > 0 and len(videos) <= PACE_OVER_VIDEOS:
            total = sum(frames for _, frames, _ in videos)
            assert speeds[-1] == pytest.approx(total / now_s)
