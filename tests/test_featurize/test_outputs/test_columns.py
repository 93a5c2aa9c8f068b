"""What stands in ``features.columns.json`` is what stands in the table."""

import json
from pathlib import Path

import pytest

from featurize import describe_features
from featurize.extraction import LandmarkOptions
from featurize.feature_options import BASE_FEATURES, FeatureOptions
from featurize.feature_rows import META_COLUMNS, as_table, failed_row
from featurize.outputs.columns import META, describe_columns
from featurize.outputs.parquet_table import write_parquet_parts
from featurize.outputs.sidecars import write_json
from featurize.windows import WINDOW_COLUMNS


@pytest.mark.parametrize("window_s", [None, 5.0])
def test_every_column_of_a_table_is_described_in_its_order(
    tmp_path: Path, window_s: float | None
) -> None:
    from pyarrow import parquet

    features = FeatureOptions(window_s=window_s)
    table = as_table([failed_row("missing", "gone", LandmarkOptions(), features)], features)
    described = describe_columns(features)["columns"]
    assert [column["name"] for column in described] == list(table.columns)
    write_parquet_parts([table], tmp_path / "t.parquet")
    written = parquet.read_schema(tmp_path / "t.parquet")
    types = {"string": "string", "int64": "int64", "float64": "double"}
    assert [types[column["dtype"]] for column in described] == [str(one.type) for one in written]


def test_no_description_is_left_of_a_column_that_is_gone() -> None:
    assert set(META) == {*META_COLUMNS, *WINDOW_COLUMNS}


@pytest.mark.parametrize("window_s", [None, 2.5])
def test_every_column_has_a_meaning_a_unit_and_a_type(window_s: float | None) -> None:
    for column in describe_columns(FeatureOptions(window_s=window_s))["columns"]:
        assert all(column[key].strip() for key in ("name", "meaning", "unit", "dtype")), column
        is_feature = column["kind"] == "feature"
        assert is_feature == ("__" in column["name"]) == bool(column["family"])
        assert column["unit"] != "none" if column["dtype"] != "string" else column["unit"] == "none"
        # A unit in a name is the unit.
        for ending in ("_s", "_px"):
            if not is_feature and column["name"].endswith(ending):
                assert column["unit"] == ending[1:]


def test_features_are_described_as_everywhere_else() -> None:
    features = [
        one for one in describe_columns(BASE_FEATURES)["columns"] if one["kind"] == "feature"
    ]
    known = describe_features()
    for key in ("name", "family", "unit", "meaning", "reference"):
        assert [one[key] for one in features] == known[key].tolist()
    assert [", ".join(one["confounded_by"]) for one in features] == known["confounded_by"].tolist()


def test_the_file_holds_the_description(tmp_path: Path) -> None:
    described = describe_columns(FeatureOptions(window_s=5))
    write_json(described, tmp_path / "c.json")
    assert json.loads((tmp_path / "c.json").read_text("utf-8")) == described
