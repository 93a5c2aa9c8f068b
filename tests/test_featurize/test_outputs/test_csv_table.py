"""CSV files: what is written comes back, and ordinary tables in the bytes they always had."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.manifest import read_videos
from featurize.outputs.csv_table import write_csv

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TEXTS, st.floats(width=32)), max_size=5))
def test_table_without_carriage_returns_has_the_bytes_of_pandas(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]]
) -> None:
    table = pd.DataFrame(rows, columns=["name", "eyes__ear__mean"])
    table["name"] = table["name"].str.replace("\r", "", regex=False)
    plain = io.StringIO()
    table.to_csv(plain, index=False, float_format="%.9g", lineterminator="\n")
    out = tmp_path_factory.mktemp("csv") / "t.csv"
    write_csv(table, out)
    assert out.read_bytes() == plain.getvalue().encode()


@pytest.mark.parametrize("name", ["x\ry", "x\r\ny", "x\ny", "\r", "x\r", "x\r\n", '"\r"', "a,b"])
def test_line_ends_in_a_text_come_back(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"path": [name, "b"], "eyes__ear__mean": [0.25, np.nan], "last": name})
    write_csv(table, tmp_path / "t.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv", keep_default_na=True), table)


def test_manifest_with_a_carriage_return_in_a_name_is_read_back(tmp_path: Path) -> None:
    names = ["a\rb.mp4", "c\r\nd.mp4", "e.mp4"]
    write_csv(pd.DataFrame({"path": names, "label": "real"}), tmp_path / "m.csv")
    assert read_videos(tmp_path / "m.csv")[0]["path"].tolist() == names
