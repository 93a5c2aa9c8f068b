"""What a run says at its end, and with which code it ends."""

import tracemalloc
from pathlib import Path

import pytest

from featurize.runs.summary import RunSummary, VideoFacts, facts_of

OUT = Path("f.csv")


def good(n_faces: int = 1, n_rows: int = 1) -> VideoFacts:
    return VideoFacts("ok", "", n_faces, n_rows, 100, 4.0)


def bad(status: str, reason: str = "Because.") -> VideoFacts:
    return VideoFacts(status, reason, 0, 1, 0, 0.0)


def summary_of(*videos: VideoFacts) -> RunSummary:
    summary = RunSummary()
    for video in videos:
        summary.add(video)
    return summary


class TestFacts:
    def test_faces_are_shown_side_by_side(self) -> None:
        rows = [
            {"status": "ok", "reason": "", "face": face, "n_frames": n, "duration_s": n / 25}
            for face, n in ((0, 75), (1, 75))
        ]
        assert facts_of(rows) == VideoFacts("ok", "", 2, 2, 75, 3.0)

    def test_windows_follow_one_another(self) -> None:
        rows = [
            {"status": "ok", "reason": "", "face": face, "n_frames": 50, "duration_s": 2.0}
            for face in (0, 0, 1, 0)
        ]
        assert facts_of(rows) == VideoFacts("ok", "", 2, 4, 150, 6.0)

    def test_what_could_not_be_used_has_no_face(self) -> None:
        row = {"face": 0, "status": "no_face", "reason": "None was found."}
        assert facts_of([row]) == bad("no_face", "None was found.")


class TestText:
    def test_all_is_well(self) -> None:
        text = summary_of(good(), good(2, 2)).text(OUT)
        assert text == "2 videos: 2 ok, 0 not usable; 3 faces. Written to f.csv."

    def test_windows_are_counted(self) -> None:
        text = summary_of(good(1, 2), bad("empty"), good(2, 5)).text(OUT, 2.0)
        assert text.startswith(
            "3 videos: 2 ok, 1 not usable; 3 faces in 7 windows of 2 s. Written to f.csv."
        )

    def test_reasons_by_status_and_only_the_first_few(self) -> None:
        videos = [bad("no_face", f"No face in {n}.mp4.") for n in range(12)]
        text = summary_of(good(), *videos, bad("crashed", "x.mp4 was ended.")).text(OUT)
        assert text.splitlines()[1:] == [
            "  crashed: 1",
            "    x.mp4 was ended.",
            "  no_face: 12",
            *(f"    No face in {n}.mp4." for n in range(5)),
            "    and 7 more: see the column `reason` of f.csv",
        ]

    def test_exactly_as_many_as_are_told(self) -> None:
        assert "more" not in summary_of(*[bad("empty")] * 5).text(OUT)

    def test_what_was_done_before(self) -> None:
        summary = summary_of(good(), bad("empty"), good())
        assert "before" not in summary.text(OUT)
        summary.n_resumed = 1
        assert "; 2 faces. 1 of them were done before. Written to" in summary.text(OUT)

    def test_what_is_tried_again(self) -> None:
        summary = summary_of(good(), bad("missing"))
        assert "again" not in summary.text(OUT)
        summary.n_to_try = 1
        assert summary.text(OUT).splitlines()[-1] == (
            "The same command tries 1 of them again; f.csv.journal keeps the rest for that, and "
            "can be deleted."
        )

    def test_a_name_does_not_steer_the_terminal(self) -> None:
        text = summary_of(bad("empty", "a\x1b[2J\u202eé\n.mp4 is empty.")).text(OUT)
        assert text.splitlines()[2] == "    a\\x1b[2J\\u202eé\\n.mp4 is empty."


@pytest.mark.parametrize(
    ("videos", "code", "strict_code"),
    [
        ([good(), good()], 0, 0),
        ([good(), bad("crashed")], 0, 1),
        ([bad("crashed"), bad("empty")], 1, 1),
    ],
)
def test_exit_code(videos: list[VideoFacts], code: int, strict_code: int) -> None:
    summary = summary_of(*videos)
    assert (summary.exit_code(strict=False), summary.exit_code(strict=True)) == (code, strict_code)


def test_totals() -> None:
    summary = summary_of(good(), good(2, 3), bad("empty"))
    assert (summary.n_videos, summary.n_failed, summary.n_faces) == (3, 1, 3)
    assert (summary.n_rows, summary.n_frames, summary.duration_s) == (5, 200, 8.0)
    assert dict(summary.n_by_status) == {"ok": 2, "empty": 1}
    assert summary.reasons == {"empty": ["Because."]}


def test_it_holds_no_videos() -> None:
    summary = RunSummary()
    tracemalloc.start()
    try:
        for number in range(20_000):
            summary.add(bad("empty", f"{number:09d}.mp4 is empty."))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20_000
