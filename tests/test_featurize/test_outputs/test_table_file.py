"""Tables written part by part: the bytes do not tell the parts."""

import io
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from featurize import __version__
from featurize.errors import OptionError
from featurize.outputs import parquet_table, table_file
from featurize.outputs.csv_table import write_csv
from featurize.outputs.table_file import check_table_path, is_parquet, write_table
from tests.test_featurize.test_outputs.tables import names_in, parts_of, table_of

ENDINGS = ("csv", "parquet")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
ROWS = st.lists(st.tuples(TEXTS, st.integers(0, 9), st.floats(width=64)), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return table_of(range(40))


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of few rows, and few put together, so that a small table has several."""
    monkeypatch.setattr(parquet_table, "ROWS_PER_GROUP", 7)
    monkeypatch.setattr(table_file, "_ROWS_AT_A_TIME", 3)


@pytest.mark.usefixtures("small_groups")
def test_csv_in_parts_has_the_bytes_of_one_write(tmp_path: Path, table: pd.DataFrame) -> None:
    write_csv(table, tmp_path / "whole.csv")
    for n_rows in (1, 3, len(table)):
        write_table(parts_of(table, n_rows), tmp_path / "parts.csv")
        assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@settings(max_examples=40, deadline=None)
@given(ROWS, st.data())
def test_any_parts_of_any_rows_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple], data: st.DataObject
) -> None:
    table = pd.DataFrame(rows, columns=["path", "face", "eyes__ear__mean"])
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=5).map(sorted))
    bounds = zip([0, *cuts], [*cuts, len(rows)], strict=True)
    parts = [table.iloc[start:stop] for start, stop in bounds]
    folder = tmp_path_factory.mktemp("parts")
    for ending in ENDINGS:
        write_table(iter(parts), folder / f"parts.{ending}")
        write_table([table], folder / f"whole.{ending}")
        assert (folder / f"parts.{ending}").read_bytes() == (
            folder / f"whole.{ending}"
        ).read_bytes()
    write_csv(table, folder / "plain.csv")
    assert (folder / "plain.csv").read_bytes() == (folder / "parts.csv").read_bytes()
    back = pd.read_parquet(folder / "parts.parquet")
    pd.testing.assert_frame_equal(back, table.astype({"path": "str"}), check_exact=True)


@pytest.mark.usefixtures("small_groups")
def test_parquet_in_parts_has_the_bytes_of_one_write(tmp_path: Path, table: pd.DataFrame) -> None:
    for n_rows in (1, 2, 5, 7, 11, len(table)):
        write_table(parts_of(table, n_rows), tmp_path / f"{n_rows}.parquet")
    contents = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(contents) == 1
    found = parquet.ParquetFile(io.BytesIO(contents.pop())).metadata
    sizes = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
    assert sizes == [7] * (len(table) // 7) + [len(table) % 7]


def test_parquet_holds_every_number_in_full_and_nothing_of_the_machine(
    tmp_path: Path, table: pd.DataFrame
) -> None:
    out = tmp_path / "features.PARQUET"
    write_table([table], out)
    file = parquet.ParquetFile(out)
    assert file.schema_arrow.metadata == {b"featurize_version": __version__.encode()}
    kinds = {field.name: str(field.type) for field in file.schema_arrow}
    assert kinds.pop("face") == "int64"
    assert {kinds[name] for name in ("path", "label", "status", "reason")} == {"string"}
    assert {kind for name, kind in kinds.items() if "__" in name} == {"double"}
    assert all(column.null_count == 0 for column in file.read().columns)
    back = file.read().to_pandas()
    features = [name for name in table if "__" in name]
    assert back[features].to_numpy().tobytes() == table[features].to_numpy().tobytes()
    assert back["path"].tolist() == table["path"].tolist()
    assert back["method"].eq("").all()


@pytest.mark.parametrize("ending", ENDINGS)
def test_parts_that_end_in_an_exception_leave_the_old_table(
    tmp_path: Path, table: pd.DataFrame, ending: str
) -> None:
    def parts() -> Iterator[pd.DataFrame]:
        for number in range(60):
            yield table.iloc[[number % len(table)]]
        raise RuntimeError("the journal is damaged")

    out = tmp_path / f"features.{ending}"
    out.write_text("old")
    with pytest.raises(RuntimeError, match="journal"):
        write_table(parts(), out)
    assert out.read_text() == "old"
    assert names_in(tmp_path) == [out.name]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "other",
    [
        lambda table: table.rename(columns={"face": "fase"}),
        lambda table: table.astype({"face": float}),
        lambda table: table[table.columns[::-1]],
    ],
    ids=["names", "types", "order"],
)
def test_parts_of_other_columns_are_refused(
    tmp_path: Path, table: pd.DataFrame, ending: str, other
) -> None:
    with pytest.raises(ValueError, match="same columns"):
        write_table([table, other(table)], tmp_path / f"features.{ending}")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_table_of_no_parts_is_refused(tmp_path: Path, ending: str) -> None:
    with pytest.raises(ValueError, match="no parts"):
        write_table([], tmp_path / f"features.{ending}")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_memory_does_not_grow_with_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(parquet_table, "ROWS_PER_GROUP", 600)
    part = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 40))).rename(columns=str)

    def peak_bytes(n_parts: int) -> int:
        tracemalloc.start()
        write_table((part.copy() for _ in range(n_parts)), tmp_path / f"t.{ending}")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(1)
    # Ten parts more are 0.96 MB.
    assert peak_bytes(14) - peak_bytes(4) < 0.3e6


def test_parquet_without_pyarrow_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    check_table_path(Path("features.parquet"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    check_table_path(Path("features.csv"))
    with pytest.raises(OptionError, match=r"pip install 'deepfake-biometrics\[parquet\]'"):
        check_table_path(Path("features.parquet"))


def test_the_ending_tells_the_kind() -> None:
    names = ("a.parquet", "a.Parquet", "a.csv", "a", "parquet", "a.parquet.csv")
    assert [is_parquet(Path(name)) for name in names] == [True, True, False, False, False, False]
