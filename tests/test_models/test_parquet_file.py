"""A feature table in Parquet is the table that stands in CSV."""

import datetime
import decimal
import hashlib
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from models.__main__ import app
from models.errors import TableError
from models.table.feature_file import read_feature_file
from models.table.feature_table import feature_columns, read_training_table
from tests.test_models.conftest import SIGNAL, make_table

NASTY = ["NA", "null", "", "012", "1e5", " x ", 'a,"b"\r\n', "日本 é", "nan", "None"]


@pytest.fixture
def nasty():
    """Texts that a careless reader takes for numbers or gaps, in columns of text and others."""
    table = make_table(n_groups=5)
    table["group"] = NASTY
    table["method"] = NASTY[::-1]
    table["reason"] = ""
    table["split"] = ""
    table["notes"] = NASTY
    table["ticket"] = [f"0{number}" for number in range(10)]
    table["face"] = np.arange(10)
    return table


def both(table, folder):
    """The table in Parquet, in full, and in CSV with nine digits, as ``featurize run`` writes."""
    path = folder / "features.parquet"
    schema = pa.Schema.from_pandas(table, preserve_index=False).remove_metadata()
    arrays = [pa.array(table[name].tolist(), schema.field(name).type) for name in table]
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), path)
    table.to_csv(path.with_suffix(".csv"), index=False, float_format="%.9g")
    return path, path.with_suffix(".csv")


def test_every_column_is_what_it_is_in_csv(nasty, tmp_path):
    in_parquet, in_csv = (read_feature_file(path)[0] for path in both(nasty, tmp_path))
    pd.testing.assert_frame_equal(in_parquet, in_csv, check_dtype=False, rtol=1e-8)
    assert in_parquet["group"].tolist() == NASTY
    assert in_parquet["notes"].isna().tolist() == [
        text in {"", "NA", "null", "nan", "None"} for text in NASTY
    ]
    assert in_parquet["ticket"].tolist() == list(range(10))
    # In full: not a bit is lost on the way.
    assert in_parquet[SIGNAL].tolist() == nasty[SIGNAL].tolist()


def test_features_that_happen_to_be_whole_numbers_are_the_same_from_both(tmp_path):
    table = make_table()
    table["eyes__blink__count"] = np.arange(len(table)) % 4 * 1.0
    table["head__nods__count"] = np.where(np.arange(len(table)) % 2, np.nan, 3.0)
    for path in both(table, tmp_path):
        frame, _ = read_feature_file(path)
        features = [name for name in frame if "__" in name]
        assert set(frame[features].dtypes.map(str)) == {"float64"}
        np.testing.assert_array_equal(frame["eyes__blink__count"], table["eyes__blink__count"])
        assert frame["face"].dtype == np.int64


def test_the_digest_is_that_of_the_file(tmp_path):
    path, _ = both(make_table(), tmp_path)
    data = read_training_table(path)
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_figures_and_detectors_are_those_of_the_csv_file(tmp_path):
    told = []
    for path in both(make_table(n_groups=20, n_noise=5), tmp_path):
        options = ["--classifier", "svm", "--folds", "3", "--no-audit"]
        figures = CliRunner().invoke(app, ["cross-validate", str(path), *options])
        assert figures.exit_code == 0, figures.output
        detector = str(tmp_path / f"{path.suffix[1:]}.skops")
        trained = CliRunner().invoke(app, ["train", str(path), "-o", detector, *options[:2]])
        assert trained.exit_code == 0, trained.output
        figures = figures.stdout.replace(hashlib.sha256(path.read_bytes()).hexdigest(), "sha256")
        told.append((figures, trained.stdout.partition(": ")[2]))
    assert "sha256" in told[0][0]
    assert told[0] == told[1]


def test_what_other_programs_write_is_read_too(nasty, tmp_path):
    """Texts as categories, whole numbers as text or null, large strings, decimals, truth values."""
    n_rows = len(nasty)
    columns = {name: pa.array(nasty[name].tolist()) for name in nasty}
    columns["path"] = columns["path"].cast(pa.large_string())
    columns["label"] = columns["label"].dictionary_encode()
    columns["group"] = pa.array([7, None] * (n_rows // 2), pa.int32())
    columns["split"] = pa.nulls(n_rows)
    columns["fps"] = pa.array([decimal.Decimal("25.00")] * n_rows)
    columns["n_frames"] = pa.array([250, None] * (n_rows // 2), pa.int16())
    columns["face_rate"] = pa.array([str(0.25 * (i % 3)) for i in range(n_rows)])
    columns["duration_s"] = pa.array([True, None] * (n_rows // 2))
    columns["noise__n03__std"] = pa.nulls(n_rows)
    columns["noise__n04__std"] = columns["noise__n04__std"].cast(pa.float32())
    parquet.write_table(pa.table(columns), tmp_path / "features.parquet")
    frame, _ = read_feature_file(tmp_path / "features.parquet")
    assert frame["path"].tolist() == nasty["path"].tolist()
    assert frame["label"].tolist() == nasty["label"].tolist()
    assert frame["group"].tolist() == ["7", ""] * (n_rows // 2)
    assert frame["split"].tolist() == [""] * n_rows
    assert frame["fps"].tolist() == [25.0] * n_rows
    assert frame["n_frames"].tolist()[::2] == [250.0] * (n_rows // 2)
    assert frame["n_frames"].isna().tolist() == [False, True] * (n_rows // 2)
    assert frame["face_rate"].tolist() == [0.25 * (i % 3) for i in range(n_rows)]
    assert frame["duration_s"].tolist()[::2] == [1.0] * (n_rows // 2)
    assert frame["noise__n03__std"].isna().all()
    assert frame["noise__n04__std"].tolist() == np.float32(nasty["noise__n04__std"]).tolist()


def changed(table, **columns):
    return pa.table({name: table[name].tolist() for name in table} | columns)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda t: changed(t.drop(columns="label")), "no column 'label'"),
        (lambda t: changed(t.drop(columns="path")), "no column 'path'"),
        (lambda t: changed(t, **{SIGNAL: [[1.0, 2.0]] * len(t)}), r"numbers, not '\[1.0, 2.0\]'"),
        (lambda t: changed(t, **{SIGNAL: [{"a": 1}] * len(t)}), "must hold numbers, not .*'a': 1"),
        (lambda t: changed(t, **{SIGNAL: ["high"] * len(t)}), "must hold numbers, not 'high'"),
        (lambda t: changed(t, **{SIGNAL: [b"\xff"] * len(t)}), "must hold numbers, not"),
        (
            lambda t: changed(t, **{SIGNAL: [datetime.date(2020, 1, 2)] * len(t)}),
            "must hold numbers, not '2020-01-02'",
        ),
        (lambda t: changed(t, label=[["real"]] * len(t)), "must be real or fake"),
        (lambda t: changed(t, label=[1] * len(t)), "must be real or fake, not '1'"),
        (lambda t: changed(t[: len(t) * 0]), "no rows"),
        (
            lambda t: pa.Table.from_arrays(
                [*changed(t).columns, changed(t)[SIGNAL]], names=[*t, SIGNAL]
            ),
            f"names columns twice .*{SIGNAL}",
        ),
        (lambda t: pa.table({}), "no column 'path'"),
    ],
)
def test_a_table_that_cannot_be_learnt_from_is_named_as_such(tmp_path, make, said):
    parquet.write_table(make(make_table()), tmp_path / "features.parquet")
    with pytest.raises(TableError, match=said):
        read_training_table(tmp_path / "features.parquet")


def test_columns_that_are_not_known_do_not_matter(tmp_path):
    table = make_table()
    odd = {"seen": [datetime.datetime(2020, 1, 2)] * len(table), "tags": [["a"]] * len(table)}
    parquet.write_table(changed(table, **odd), tmp_path / "odd.parquet")
    parquet.write_table(changed(table), tmp_path / "plain.parquet")
    odd, plain = (read_training_table(tmp_path / f"{name}.parquet") for name in ("odd", "plain"))
    assert odd.columns == plain.columns == tuple(feature_columns(table.columns))
    np.testing.assert_array_equal(odd.features, plain.features)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda good: b"", "empty"),
        (lambda good: good[:-1], "ends in the middle"),
        (lambda good: good[: len(good) // 2], "ends in the middle"),
        (lambda good: b"path,label\nx,real\n", "not a Parquet file.*end in .csv"),
        (lambda good: b"\x1f\x8b" + good, "not a Parquet file"),
        (lambda good: b"PAR1", "damaged"),
        (lambda good: good[: len(good) // 2] + good[-200:], "damaged"),
        (lambda good: b"PAR1" + bytes(200) + b"PAR1", "damaged"),
    ],
)
def test_a_file_that_is_no_table_is_named_as_such(tmp_path, damage, said):
    path = tmp_path / "features.parquet"
    parquet.write_table(changed(make_table()), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(TableError, match=said) as caught:
        read_training_table(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_changed_bit_goes_by_as_another_figure(tmp_path):
    """What is written with checksums is read as it was, or not at all."""
    table = make_table(n_groups=5, n_noise=2)[["path", "label", "group", SIGNAL]]
    path = tmp_path / "features.parquet"
    parquet.write_table(
        changed(table), path, write_page_checksum=True, store_schema=False, write_statistics=False
    )
    good, (known, _) = path.read_bytes(), read_feature_file(path)
    rng = np.random.default_rng(0)
    n_refused = 0
    for place in rng.integers(0, len(good), 200):
        bad = bytearray(good)
        bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        try:
            found, _ = read_feature_file(path)
        except TableError:
            n_refused += 1
            continue
        # A name in the description of the columns has no checksum.
        for name in set(known) & set(found):
            assert found[name].tolist() == known[name].tolist()
    assert n_refused > 50


def test_a_file_that_is_not_there_or_has_another_ending(tmp_path):
    with pytest.raises(TableError, match=r"Cannot read the feature table .*No such file"):
        read_training_table(tmp_path / "features.parquet")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(TableError, match=r"Cannot read the feature table .*directory"):
        read_training_table(tmp_path / "folder.parquet")
    path, _ = both(make_table(), tmp_path)
    assert read_training_table(path.rename(tmp_path / "F.PARQUET")).n_videos > 0
    with pytest.raises(TableError, match="not a CSV file"):
        read_training_table((tmp_path / "F.PARQUET").rename(tmp_path / "features.csv"))


def test_without_pyarrow_it_is_said_what_to_install(tmp_path, monkeypatch):
    path, _ = both(make_table(), tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TableError, match=r"pip install 'deepfake-biometrics\[parquet\]'"):
        read_training_table(path)
