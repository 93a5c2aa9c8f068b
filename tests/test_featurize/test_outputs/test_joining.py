"""Shards joined are the table of the whole list, or nothing."""

import hashlib
import json
import tracemalloc
from pathlib import Path

import pytest

from featurize.errors import OptionError, OutputError
from featurize.outputs import parquet_table
from featurize.outputs.csv_table import write_csv
from featurize.outputs.errors import JoinError
from featurize.outputs.joining import join_tables
from featurize.outputs.shards import Shard, shard_of
from featurize.outputs.sidecars import columns_file, run_file, write_json
from featurize.outputs.table_file import write_table
from tests.test_featurize.test_outputs.tables import names_in, table_of, write_run

N_VIDEOS = 23
ENDINGS = ("csv", "parquet")


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_table, "ROWS_PER_GROUP", 7)


def write_shards(folder: Path, n_shards: int, ending: str = "csv") -> list[Path]:
    tables = []
    for number in range(1, n_shards + 1):
        tables.append(folder / f"part-{number:03d}.{ending}")
        videos = shard_of(N_VIDEOS, number, n_shards)
        write_run(videos, tables[-1], Shard(number, n_shards), N_VIDEOS)
    return tables


def change_run(table: Path, /, **changed: object) -> None:
    run = json.loads(run_file(table).read_text("utf-8"))
    write_json(run | changed, run_file(table))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("n_shards", [1, 3, N_VIDEOS])
def test_all_shards_are_the_table_of_the_whole_list(
    tmp_path: Path, ending: str, n_shards: int
) -> None:
    whole, out = tmp_path / f"whole.{ending}", tmp_path / "new" / f"joined.{ending}"
    write_run(range(N_VIDEOS), whole)
    joined = join_tables(write_shards(tmp_path, n_shards, ending), out)
    assert out.read_bytes() == whole.read_bytes()
    assert columns_file(out).read_bytes() == columns_file(whole).read_bytes()
    assert (joined.n_videos, joined.remarks) == (N_VIDEOS, ())
    assert names_in(out.parent) == ["joined.columns.json", f"joined.{ending}", "joined.run.json"]
    of_whole, of_joined = (json.loads(run_file(one).read_text("utf-8")) for one in (whole, out))
    for key in ("format", "versions", "settings", "lists", "counts", "failures"):
        assert of_joined[key] == of_whole[key], key


def test_times_are_summed_and_what_follows_from_them_is_not(tmp_path: Path) -> None:
    tables = [tmp_path / "a.csv", tmp_path / "b.csv"]
    write_run(range(4), tables[0], wall_s=100.0, cpu_s=50.0, peak_mib=300.0, session_n_frames=1000)
    write_run(range(4, 8), tables[1], wall_s=300.0, cpu_s=30.0, session_n_frames=7000)
    join_tables(tables, tmp_path / "joined.csv")
    timing = json.loads(run_file(tmp_path / "joined.csv").read_text("utf-8"))["timing"]
    assert (timing["wall_s"], timing["longest_wall_s"], timing["cpu_s"]) == (400.0, 300.0, 80.0)
    assert timing["peak_mib"] == 300.0
    assert timing["frames_per_s"] == 20.0
    assert timing["n_videos_taken_over"] == 2


def test_joined_tables_are_joined_again(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, 5)
    join_tables(shards[:2], tmp_path / "first.csv", incomplete=True)
    join_tables(shards[2:], tmp_path / "second.csv", incomplete=True)
    again = join_tables([tmp_path / "first.csv", tmp_path / "second.csv"], tmp_path / "again.csv")
    join_tables(shards, tmp_path / "once.csv")
    assert again.remarks == ()
    first, second = (tmp_path / name for name in ("again.csv", "once.csv"))
    assert first.read_bytes() == second.read_bytes()
    first, second = (json.loads(run_file(one).read_text("utf-8")) for one in (first, second))
    assert first.pop("table") | {"name": "once.csv"} == second.pop("table")
    assert first == second


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([0, 1, 2, 4], "Of 5 shards, these are not there: 4"),
        ([1], "these are not there: 1, 3, 4, 5"),
        ([0, 2, 1, 3, 4], "not given in their order"),
    ],
)
def test_shards_that_are_not_there_or_not_in_place_are_refused(
    tmp_path: Path, given: list[int], said: str
) -> None:
    shards = write_shards(tmp_path, 5)
    with pytest.raises(JoinError, match=f"{said}.*--incomplete"):
        join_tables([shards[number] for number in given], tmp_path / "joined.csv")
    assert not list(tmp_path.glob("joined*"))


def test_shards_that_are_not_there_or_not_in_place_are_told_where_allowed(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, 5)
    joined = join_tables([shards[3], shards[0]], tmp_path / "joined.csv", incomplete=True)
    assert joined.remarks == (
        "Of 5 shards, these are not there: 2, 3, 5.",
        "The shards were not given in their order, so the rows are not in the order of the list.",
    )
    rows = tmp_path.joinpath("joined.csv").read_bytes()
    assert rows.endswith(shards[0].read_bytes().partition(b"\n")[2])


def test_tables_of_several_lists_stay_several(tmp_path: Path) -> None:
    tables = [tmp_path / "a.csv", tmp_path / "b.csv"]
    write_run(range(4), tables[0])
    write_run(range(4, 8), tables[1], list_sha256="cd" * 32, versions={"numpy": "2.1"})
    assert join_tables(tables, tmp_path / "joined.csv").remarks == ()
    run = json.loads(run_file(tmp_path / "joined.csv").read_text("utf-8"))
    assert [entry["sha256"][:2] for entry in run["lists"]] == ["ab", "cd"]
    assert run["versions"]["numpy"] == "2.0, 2.1"


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_joined_table_is_tied_to_its_run(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"joined.{ending}"
    join_tables(write_shards(tmp_path, 3, ending), out)
    run = json.loads(run_file(out).read_text("utf-8"))
    content = out.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert run["table"] == {"name": out.name, "sha256": sha256, "n_bytes": len(content)}


def test_limits_are_no_settings_and_the_widest_are_told(tmp_path: Path) -> None:
    tables = [tmp_path / "a.csv", tmp_path / "b.csv"]
    write_run(range(4), tables[0], limits={"timeout_s": 60.0, "memory_mib": 512.0})
    write_run(range(4, 8), tables[1], limits={"timeout_s": 90.0, "memory_mib": None})
    join_tables(tables, tmp_path / "joined.csv")
    run = json.loads(run_file(tmp_path / "joined.csv").read_text("utf-8"))
    assert run["limits"] == {"timeout_s": 90.0, "memory_mib": None}


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_beside_that_are_of_another_table_are_noticed(tmp_path: Path, ending: str) -> None:
    """As many videos and rows, the same settings in what lies beside: but one number differs."""
    tables = write_shards(tmp_path, 3, ending)
    table = table_of(shard_of(N_VIDEOS, 2, 3))
    feature = table.columns[-1]
    write_table([table.assign(**{feature: 0.5})], tables[1])
    said = f"part-002.run.json is not of .*part-002.{ending}: it was written for another table"
    with pytest.raises(JoinError, match=said):
        join_tables(tables, tmp_path / f"joined.{ending}")
    assert not list(tmp_path.glob("*joined*"))


def test_files_beside_another_table_are_not_taken_over(tmp_path: Path) -> None:
    tables = write_shards(tmp_path, 2)
    write_run(range(3), tmp_path / "joined.parquet")
    before = run_file(tmp_path / "joined.csv").read_bytes()
    with pytest.raises(OutputError, match=r"tells how .*joined\.parquet was made"):
        join_tables(tables, tmp_path / "joined.csv")
    assert run_file(tmp_path / "joined.csv").read_bytes() == before
    (tmp_path / "joined.parquet").unlink()
    join_tables(tables, tmp_path / "joined.csv")


def other_settings(tables: list[Path]) -> None:
    run = json.loads(run_file(tables[1]).read_text("utf-8"))
    settings = run["settings"] | {"window_s": 5.0, "new": True}
    change_run(tables[1], settings=settings)


def other_columns(tables: list[Path]) -> None:
    table = table_of(shard_of(N_VIDEOS, 2, 3))
    write_csv(table.drop(columns="fps"), tables[1])


def same_video(tables: list[Path]) -> None:
    write_run(range(6, 15), tables[1], Shard(2, 3), N_VIDEOS)


def twice_in_one(tables: list[Path]) -> None:
    table = table_of(range(7, 10))
    write_csv(table.iloc[[*range(len(table)), 0]], tables[1])


def cut(tables: list[Path], n_bytes: int) -> None:
    tables[1].write_bytes(tables[1].read_bytes()[:-n_bytes])


def one_row_less(tables: list[Path]) -> None:
    write_csv(table_of(range(7, 14)), tables[1])


def no_path(tables: list[Path]) -> None:
    for table in tables:
        table.write_text("label\nreal\n")


REFUSED = {
    "settings": (other_settings, r"window_s \(null and 5\.0\), new \(none and true\)"),
    "columns": (other_columns, "part-002.csv has other columns than .*part-001.csv"),
    "video": (same_video, "is in .*part-001.csv and again in .*part-002.csv"),
    "twice": (twice_in_one, "is in .*part-002.csv and again in .*part-002.csv"),
    "gone": (lambda tables: tables[1].unlink(), "There is no table .*part-002.csv: run that"),
    "run": (lambda tables: run_file(tables[1]).unlink(), "There is no .*part-002.run.json"),
    "meaning": (
        lambda tables: columns_file(tables[0]).unlink(),
        "There is no .*part-001.columns.json",
    ),
    "other meaning": (
        lambda tables: write_json({}, columns_file(tables[1])),
        "part-002.columns.json differs",
    ),
    "format": (lambda tables: change_run(tables[1], format="featurize.run/9"), "is not what this"),
    "table": (lambda tables: change_run(tables[1], table={}), "is not what this version"),
    "limits": (lambda tables: change_run(tables[1], limits={}), "is not what this version"),
    "counts": (lambda tables: change_run(tables[1], counts=[]), "is not what this version"),
    "shard": (
        lambda tables: change_run(tables[1], lists=[{"sha256": "", "n_lines": 1, "shard": "x"}]),
        "is not what this version",
    ),
    "list": (lambda tables: run_file(tables[1]).write_text("[]"), "is not what this version"),
    "damage": (lambda tables: run_file(tables[1]).write_bytes(b'{"a\xff'), "run.json cannot be re"),
    "cut in a row": (lambda tables: cut(tables, 100), "part-002.csv .*damaged"),
    "cut at its end": (lambda tables: cut(tables, 1), "damaged .*cut short"),
    "fewer rows": (one_row_less, "has .* rows of 7 videos, but .*part-002.run.json tells of .* 8"),
    "empty": (lambda tables: tables[1].write_text(""), "other columns"),
    "no path": (no_path, "no column `path`"),
    "bytes": (lambda tables: tables[1].write_bytes(b"\xff\xfe"), "damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path: Path, case: str) -> None:
    change, sentence = REFUSED[case]
    tables = write_shards(tmp_path, 3)
    out = tmp_path / "joined.csv"
    out.write_text("old")
    change(tables)
    before = names_in(tmp_path)
    with pytest.raises(JoinError, match=sentence):
        join_tables(tables, out)
    assert out.read_text() == "old"
    assert names_in(tmp_path) == before


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    tables = write_shards(tmp_path, 3, "parquet")
    good = tables[1].read_bytes()
    middle = len(good) // 4
    flipped = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
    for bad in (b"", b"path\n", good[:-9], good[:middle], flipped):
        tables[1].write_bytes(bad)
        with pytest.raises(JoinError, match=r"part-002\.parquet cannot be read or is damaged"):
            join_tables(tables, tmp_path / "joined.parquet")
    assert not (tmp_path / "joined.parquet").exists()


def test_the_output_is_none_of_the_tables(tmp_path: Path) -> None:
    tables = write_shards(tmp_path, 2)
    (tmp_path / "link.csv").symlink_to("part-002.csv")
    for out in (tables[0], tmp_path / "x" / ".." / "part-002.csv", tmp_path / "link.csv"):
        with pytest.raises(OutputError, match="to be joined, not replaced"):
            join_tables(tables, out)
    with pytest.raises(OutputError, match="is not a file"):
        join_tables(tables, tmp_path)


def test_kinds_are_not_mixed(tmp_path: Path) -> None:
    tables = [*write_shards(tmp_path, 2), *write_shards(tmp_path, 2, "parquet")]
    for chosen, out in ((tables, "j.csv"), (tables[2:], "j.csv"), (tables[:2], "j.parquet")):
        with pytest.raises(OptionError, match="not both Parquet or both CSV"):
            join_tables(chosen, tmp_path / out)


def test_nothing_is_not_joined(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="nothing to join"):
        join_tables([], tmp_path / "joined.csv")


@pytest.mark.parametrize("ending", ENDINGS)
def test_memory_does_not_grow_with_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(parquet_table, "ROWS_PER_GROUP", 50)
    tables = []
    for number in range(12):
        tables.append(tmp_path / f"{number:02d}.{ending}")
        write_run(range(20 * number, 20 * number + 20), tables[-1], n_features=400)

    def peak_bytes(n_tables: int) -> int:
        tracemalloc.start()
        join_tables(tables[:n_tables], tmp_path / f"joined.{ending}")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(1)
    # Ten tables more are about 250 rows of 3.2 kB or more, 0.8 MB.
    assert peak_bytes(12) - peak_bytes(4) < 0.4e6
