"""How a table was made: what the file says adds up, and says nothing of the machine."""

import json
import platform
from pathlib import Path

import pytest

from featurize import __version__
from featurize.errors import OutputError
from featurize.outputs.shards import Shard
from featurize.outputs.sidecars import (
    check_beside,
    columns_file,
    describe_run,
    run_file,
    table_facts,
    write_json,
)

RUN = {
    "table": {"name": "f.csv", "sha256": "1" * 64, "n_bytes": 9},
    "limits": {"timeout_s": 60.0, "memory_mib": None},
    "settings": {"backend": "dlib", "window_s": None},
    "versions": {"scipy": "1.17", "numpy": "2.4", "dlib": None},
    "list_sha256": "0" * 64,
    "list_lines": 40,
    "shard": Shard(2, 4),
    "videos_by_status": {"timeout": 1, "ok": 7, "crashed": 2},
    "n_faces": 9,
    "n_rows": 12,
    "n_frames": 1750,
    "video_s": 70.00049,
    "wall_s": 20.0,
    "cpu_s": 35.0,
    "peak_mib": 260.5,
    "n_videos_taken_over": 2,
    "session_n_frames": 1250,
    "session_video_s": 50.0,
    "failures": [("a.mp4", "timeout", "took longer than 60 s"), ("b é.mp4", "crashed", "SIGSEGV")],
}


def test_it_adds_up() -> None:
    run = describe_run(**RUN)
    assert run["counts"] == {
        "n_videos": 10,
        "videos_by_status": {"ok": 7, "crashed": 2, "timeout": 1},
        "n_faces": 9,
        "n_rows": 12,
        "n_frames": 1750,
        "video_s": 70.0,
    }
    assert list(run["counts"]["videos_by_status"]) == ["ok", "crashed", "timeout"]
    assert run["timing"]["frames_per_s"] == 1250 / 20
    assert run["timing"]["video_hours_per_cpu_hour"] == round(50 / 35, 3)
    assert run["timing"]["n_videos_taken_over"] == 2
    assert run["timing"]["peak_mib"] == 260.5
    assert run["lists"] == [{"sha256": "0" * 64, "n_lines": 40, "shard": "2/4"}]
    assert run["failures"][1] == {"path": "b é.mp4", "status": "crashed", "reason": "SIGSEGV"}
    assert run["table"] == RUN["table"]
    assert run["limits"] == RUN["limits"]
    assert "timeout_s" not in run["settings"]
    assert run["versions"]["python"] == platform.python_version()
    assert run["versions"]["featurize"] == __version__


def test_a_session_that_had_nothing_to_do_divides_nothing() -> None:
    nothing = {"cpu_s": 0.0, "session_n_frames": 0, "session_video_s": 0.0, "wall_s": 0.0}
    timing = describe_run(**RUN | nothing)["timing"]
    assert timing["frames_per_s"] is timing["video_hours_per_cpu_hour"] is None


def test_no_video_that_is_ok_is_said_too() -> None:
    counts = describe_run(**RUN | {"videos_by_status": {"empty": 3, "failed": 0}})["counts"]
    assert counts["videos_by_status"] == {"ok": 0, "empty": 3}
    assert counts["n_videos"] == 3


def test_the_machine_is_not_named(tmp_path: Path) -> None:
    write_json(describe_run(**RUN), tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text("utf-8")
    for secret in (str(Path.cwd()), str(tmp_path), platform.release(), platform.platform()):
        assert secret not in text
    # One and the same run is told in the same bytes.
    write_json(describe_run(**RUN), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text("utf-8") == text


def test_any_text_comes_back_from_json(tmp_path: Path) -> None:
    content = {"path": 'caf\udce9 日本 é \\udce9 \r\n"', "z": 1, "a": [None, 0.1, {}]}
    write_json(content, tmp_path / "c.json")
    written = (tmp_path / "c.json").read_bytes()
    assert json.loads(written.decode("utf-8")) == content
    assert "日本" in written.decode("utf-8")
    assert written.endswith(b"}\n")


def test_the_facts_of_a_table_are_those_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert table_facts(tmp_path / "f.csv") == {"name": "f.csv", "sha256": sha256, "n_bytes": 3}


@pytest.mark.parametrize(
    "told",
    [
        *('{"table": {"name": "f.csv"}}', '{"table": {"name": "gone.csv"}}', "{}", "[]", "x"),
        *('{"table": {"name": "../f.parquet"}}', '{"table": {"name": 7}}', '{"table": 7}'),
    ],
)
def test_files_beside_that_are_of_no_other_table_may_be_replaced(tmp_path: Path, told: str) -> None:
    (tmp_path / "f.parquet").touch()
    (tmp_path / "f.run.json").write_text(told)
    check_beside(tmp_path / "f.csv")
    (tmp_path / "f.run.json").write_text('{"table": {"name": "f.parquet"}}')
    with pytest.raises(OutputError, match=r"f\.parquet was made, and .*f\.csv would replace it"):
        check_beside(tmp_path / "f.csv")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_has_no_word_for_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json({"value": value}, tmp_path / "c.json")
    assert not list(tmp_path.iterdir())


def test_two_tables_that_differ_by_more_than_their_kind_share_no_file() -> None:
    names = ["f.csv", "f.v2", "f.v2.csv", "f", "f.tsv", ".csv"]
    assert run_file(Path("a/f.csv")) == run_file(Path("a/f.parquet")) == Path("a/f.run.json")
    for beside in (run_file, columns_file):
        assert len({beside(Path(name)) for name in names}) == len(names) - 2
    assert columns_file(Path("f")) == columns_file(Path("f.csv"))
