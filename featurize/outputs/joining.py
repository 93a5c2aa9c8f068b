"""Tables of shards become one table, without any of them in memory."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from featurize.errors import OptionError, OutputError
from featurize.outputs.concatenation import TablePart, concatenate
from featurize.outputs.errors import JoinError
from featurize.outputs.shards import Shard
from featurize.outputs.sidecars import (
    FORMAT,
    by_status,
    check_beside,
    columns_file,
    run_file,
    table_facts,
    timing,
    write_json,
)
from featurize.outputs.table_file import check_table_path, is_parquet

_N_NAMED = 10
"""Missing shards that are named."""


@dataclass(frozen=True)
class Joined:
    """What a joined table holds.

    Attributes
    ----------
    n_videos, n_rows : int
        Of all shards together.
    remarks : tuple of str
        One sentence each on what is not as in the table of a whole list, where that was allowed: a
        shard is not there, or not in its place.
    """

    n_videos: int
    n_rows: int
    remarks: tuple[str, ...]


def join_tables(tables: Sequence[Path], out: Path, incomplete: bool = False) -> Joined:
    """Write the rows of several tables, one table after another, as one table.

    Tables of all shards of a list in their order become the table that one run over the list would
    have written, byte by byte. The files beside it are joined too: numbers and times are summed.

    Parameters
    ----------
    tables : sequence of Path
        Tables that :func:`featurize.featurize_dataset` wrote, one or more, CSV or Parquet all of
        them, with their ``.run.json`` and ``.columns.json`` beside them.
    out : Path
        Table to write, of the same kind, whole or not at all.
    incomplete : bool
        Whether shards of a list may be missing, or not be in their order.

    Returns
    -------
    Joined
        How many videos and rows, and what is to be known of them.

    Raises
    ------
    JoinError
        When a shard is missing or not in its place and that is not allowed, a table is not there
        or damaged, has other columns or was made with other settings than the first, a video is in
        two tables, or a file beside a table is missing or not of that table. ``out`` is then as it
        was before.
    OptionError, OutputError
        When ``out`` is one of the tables, is of another kind, would share the files beside it with
        another table, or cannot be written.
    """
    tables = [Path(table) for table in tables]
    out = Path(out)
    _check_paths(tables, out)
    runs = [_read_run(table) for table in tables]
    columns = _read_json(columns_file(tables[0]))
    for table, run in zip(tables, runs, strict=True):
        _check_settings(tables[0], runs[0], table, run)
        if _read_json(columns_file(table)) != columns:
            raise JoinError(
                f"{columns_file(table)} differs from {columns_file(tables[0])}: join tables of one "
                "version and of windows of one length."
            )
    joined = _joined_run(runs)
    remarks = tuple(_remarks(joined["lists"]))
    if remarks and not incomplete:
        raise JoinError(
            f"{' '.join(remarks)} Give the tables of all shards in their order, or join them as "
            "they are with `--incomplete` (`incomplete=True`)."
        )
    parts = [
        TablePart(table, run["counts"]["n_videos"], run["counts"]["n_rows"], run["table"]["sha256"])
        for table, run in zip(tables, runs, strict=True)
    ]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        concatenate(parts, out, is_parquet(out))
        write_json(columns, columns_file(out))
        write_json(joined | {"table": table_facts(out)}, run_file(out))
    except OSError as error:
        raise OutputError(
            f"{out} cannot be written ({error.strerror or error}): give another path, or make room."
        ) from error
    counts = joined["counts"]
    return Joined(counts["n_videos"], counts["n_rows"], remarks)


def _check_paths(tables: Sequence[Path], out: Path) -> None:
    if not tables:
        raise OptionError("There is nothing to join: give the tables of all shards.")
    check_table_path(out)
    other = [table for table in tables if is_parquet(table) != is_parquet(out)]
    if other:
        raise OptionError(
            f"{other[0]} and {out} are not both Parquet or both CSV: join tables of one kind, into "
            "one of that kind."
        )
    taken = {os.path.realpath(name) for table in tables for name in (table, run_file(table))}
    if {os.path.realpath(out), os.path.realpath(run_file(out))} & taken:
        raise OutputError(f"{out} is to be joined, not replaced: write the table to another path.")
    if out.exists() and not out.is_file():
        raise OutputError(f"{out} is not a file: give the path of the table to write.")
    check_beside(out)
    for table in tables:
        if not table.is_file():
            raise JoinError(
                f"There is no table {table}: run that shard to its end, or check the path."
            )


def _read_run(table: Path) -> dict[str, Any]:
    path = run_file(table)
    run = _read_json(path)
    try:
        if run["format"] == FORMAT:
            _joined_run([run])
            list(_remarks(run["lists"]))
            return run
    except (KeyError, TypeError, ValueError, AttributeError, OptionError):
        pass  # something is not there, or is something else
    raise JoinError(
        f"{path} is not what this version of `python -m featurize run` writes: make the table anew."
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise JoinError(
            f"There is no {path}: keep the files that a run writes beside its table together with "
            "it, or make the table anew."
        ) from error
    except (OSError, ValueError) as error:
        raise JoinError(
            f"{path} cannot be read ({error}): copy it again, or make the table anew."
        ) from error
    return content


def _check_settings(
    first: Path, known: Mapping[str, Any], table: Path, run: Mapping[str, Any]
) -> None:
    wanted, found = known["settings"], run["settings"]
    differing = [
        f"{name} ({_shown(wanted, name)} and {_shown(found, name)})"
        for name in dict.fromkeys((*wanted, *found))
        if _shown(wanted, name) != _shown(found, name)
    ]
    if differing:
        raise JoinError(
            f"{first} and {table} were made with different settings, {', '.join(differing)}: make "
            "them with the same."
        )


def _shown(settings: Mapping[str, Any], name: str) -> str:
    return json.dumps(settings[name]) if name in settings else "none"


def _joined_run(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What ``features.run.json`` says of all together. Of one run, the same again.

    ``table`` is that of the first, until the joined one is written.
    """
    counts = [run["counts"] for run in runs]
    times = [run["timing"] for run in runs]
    status = sum((Counter(each["videos_by_status"]) for each in counts), Counter())
    summed = ("n_videos", "n_faces", "n_rows", "n_frames", "video_s")
    total = {name: sum(each[name] for each in counts) for name in summed}
    table = runs[0]["table"]
    return {
        "format": FORMAT,
        "table": {name: table[name] for name in ("name", "sha256", "n_bytes")},
        "versions": {name: _all_of(name, runs) for name in runs[0]["versions"]},
        "settings": dict(runs[0]["settings"]),
        "limits": {name: _widest(name, runs) for name in ("timeout_s", "memory_mib")},
        "lists": list(_whole_lists(entry for run in runs for entry in run["lists"])),
        "counts": {
            "n_videos": total.pop("n_videos"),
            "videos_by_status": by_status(status),
            **total,
        },
        "timing": timing(
            wall_s=sum(each["wall_s"] for each in times),
            longest_wall_s=max(each["longest_wall_s"] for each in times),
            cpu_s=sum(each["cpu_s"] for each in times),
            peak_mib=max(each["peak_mib"] for each in times),
            n_videos_taken_over=sum(each["n_videos_taken_over"] for each in times),
            n_frames=sum(each["n_frames"] for each in times),
            video_s=sum(each["video_s"] for each in times),
        ),
        "failures": [failure for run in runs for failure in run["failures"]],
    }


def _all_of(name: str, runs: Sequence[Mapping[str, Any]]) -> str | None:
    """The version of a package, or all there were."""
    found = dict.fromkeys(run["versions"].get(name) for run in runs)
    several = {one for version in found for one in (version or "none").split(", ")}
    return next(iter(found)) if len(found) == 1 else ", ".join(sorted(several))


def _widest(name: str, runs: Sequence[Mapping[str, Any]]) -> float | None:
    """The widest limit that any run had; None for none."""
    limits = [run["limits"][name] for run in runs]
    return None if None in limits else max(map(float, limits))


def _whole_lists(entries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Lists and shards of lists; all shards of a list in their order are the list."""
    for (sha256, n_lines), group in groupby(entries, lambda one: (one["sha256"], one["n_lines"])):
        shards = [one["shard"] for one in group]
        if shards[0] is not None:
            n_shards = Shard.parse(shards[0]).n_shards
            if shards == [str(Shard(number + 1, n_shards)) for number in range(n_shards)]:
                shards = [None]
        for shard in shards:
            yield {"sha256": sha256, "n_lines": n_lines, "shard": shard}


def _remarks(lists: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    numbers: dict[tuple[str, int], list[int]] = {}
    for entry in lists:
        if entry["shard"] is not None:
            shard = Shard.parse(entry["shard"])
            numbers.setdefault((entry["sha256"], shard.n_shards), []).append(shard.number)
    for (_, n_shards), given in numbers.items():
        there = set(given)
        n_missing = n_shards - len(there)
        if n_missing:
            missing = (number for number in range(1, n_shards + 1) if number not in there)
            named = ", ".join(map(str, islice(missing, _N_NAMED)))
            more = f" and {n_missing - _N_NAMED} more" if n_missing > _N_NAMED else ""
            yield f"Of {n_shards} shards, these are not there: {named}{more}."
        if given != sorted(given):
            yield (
                "The shards were not given in their order, so the rows are not in the order of the "
                "list."
            )
