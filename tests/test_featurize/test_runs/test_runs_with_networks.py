"""Runs that ask networks: the same bytes from any number of jobs, and nothing done twice."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from featurize import describe_features, extraction, featurize_dataset, featurize_video
from featurize import embedding as second_pass
from featurize.__main__ import app
from featurize.declaration import Recording
from featurize.feature_options import FeatureOptions
from featurize.feature_rows import META_COLUMNS, Row
from featurize.outputs.errors import JoinError
from featurize.outputs.joining import join_tables
from featurize.outputs.sidecars import columns_file, run_file
from featurize.runs import crew, one_video
from featurize.synthesis import Script, Sines
from featurize.video_features.series import SERIES_SIGNALS, series_values
from featurize.windows import WINDOW_COLUMNS
from tests.test_featurize.conftest import ask_here, film

WINDOW_S = 2.0
ASKED = {"cnn": "dlib-resnet", "identity": True, "series": True, "window_s": WINDOW_S}
OPTIONS = ("--cnn", "dlib-resnet", "--identity", "--series", "--window", "2")
ADDED = ("cnn__", "identity__", "series__")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that turns, one that nods, and a file that is no video."""
    folder = tmp_path_factory.mktemp("networks")
    turning = Script(duration_s=3.6, yaw_deg=Sines((10.0,), (0.5,), (0.0,)))
    film(folder / "a.mp4", turning, 12.5, 192)
    film(folder / "b.mp4", replace(turning, duration_s=2.2), 10, 192)
    (folder / "c.mp4").write_bytes(b"no video")
    return folder


def run(folder: Path, out: str, *options: str) -> bytes:
    result = CliRunner().invoke(app, ["run", str(folder), "-o", str(folder / out), *options])
    assert result.exit_code == 0, result.output
    return (folder / out).read_bytes()


@pytest.fixture(scope="module")
def first(folder: Path) -> bytes:
    """The table of one job in this process, which has filled the store."""
    with pytest.MonkeyPatch.context() as here:
        here.setattr(crew, "ask", ask_here)
        store = str(folder / "store")
        return run(folder, "1.csv", *OPTIONS, "--jobs", "1", "--landmark-store", store)


def added(table: pd.DataFrame) -> list[str]:
    return [column for column in table.columns if column.startswith(ADDED)]


def test_any_number_of_jobs_gives_the_same_bytes(folder: Path, first: bytes) -> None:
    assert run(folder, "2.csv", *OPTIONS, "--jobs", "2") == first
    peak_mib = json.loads(run_file(folder / "2.csv").read_text())["timing"]["peak_mib"]
    assert peak_mib < 1024


def test_every_row_has_every_column_that_was_asked_for(folder: Path, first: bytes) -> None:
    table = pd.read_csv(folder / "1.csv")
    path, face, *others = META_COLUMNS
    described = describe_features(**ASKED)["name"].tolist()
    assert table.columns.tolist() == [path, face, *WINDOW_COLUMNS, *others, *described]
    assert len(added(table)) == 2 * 128 + 3 + len(added_of("identity")) + 32 * 25
    assert table["status"].tolist() == ["ok", "ok", "ok", "unreadable"]
    assert table["window_start_s"].tolist()[:3] == [0, 2, 0]
    known = table[added(table)].notna().mean(axis=1)
    assert known.iloc[0] > 0.95
    assert known.iloc[3] == 0
    columns = json.loads(columns_file(folder / "1.csv").read_text())["columns"]
    assert [column["name"] for column in columns] == table.columns.tolist()


def added_of(family: str) -> list[str]:
    described = describe_features(**ASKED)
    return described.loc[described["family"] == family, "name"].tolist()


def test_the_other_columns_are_what_they_are_without(folder: Path, first: bytes) -> None:
    store = ("--landmark-store", str(folder / "store"))
    run(folder, "plain.csv", "--window", "2", "--jobs", "1", *store)
    asked = pd.read_csv(folder / "1.csv", dtype=str)
    plain = pd.read_csv(folder / "plain.csv", dtype=str)
    pd.testing.assert_frame_equal(asked.drop(columns=added(asked)), plain)


@pytest.mark.usefixtures("in_process")
def test_what_is_in_the_store_needs_no_video(
    folder: Path, first: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = shutil.copytree(folder, tmp_path / "videos")
    options = ("--jobs", "1", "--landmark-store", str(tmp_path / "videos" / "store"))
    run(videos, "here.csv", *OPTIONS, *options)  # notes what these copies hold
    monkeypatch.setattr(second_pass, "VideoReader", lambda *_: pytest.fail("a video was opened"))
    monkeypatch.setattr(extraction, "_extracted", lambda *_: pytest.fail("a video was opened"))
    (videos / "c.mp4").unlink()
    run(videos, "again.csv", *OPTIONS, *options)
    here = pd.read_csv(folder / "1.csv", dtype=str)
    again = pd.read_csv(videos / "again.csv", dtype=str)
    pd.testing.assert_frame_equal(again, here[here["path"] != "c.mp4"])


def test_windows_and_series_are_of_the_same_seconds(folder: Path, first: bytes) -> None:
    """Series start where the window does, which is not where its first frame is shown."""
    shown: list[Recording] = []
    store = folder / "store"
    rows = featurize_video(folder / "a.mp4", landmark_store=store, see=shown.extend, **ASKED)
    (recording,) = shown
    samples = recording.track.samples["dlib_resnet"]
    assert len(samples.frames) == 12  # of the whole video, although rows are of windows
    for _, row in rows.iterrows():
        start_s = recording.time_s[0] + row["window_start_s"]
        whole = series_values(recording, start_s, WINDOW_S)
        found = row[added_of("series")].to_numpy(float).reshape(len(SERIES_SIGNALS), -1)
        inside = slice(1, 10)  # at its edges a window knows less than the video
        np.testing.assert_allclose(found[:, inside], whole[:, inside], atol=0.011)


@pytest.mark.usefixtures("in_process")
def test_a_run_that_is_asked_for_something_else_begins_again(
    folder: Path, first: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, done = one_video.video_rows, []

    def stops_at_the_second(path: str, *options: object) -> list[Row]:
        if len(done) % 2:
            done.append("")
            raise KeyboardInterrupt
        done.append(Path(path).name)
        return whole(path, *options)

    monkeypatch.setattr(one_video, "video_rows", stops_at_the_second)
    how = {"n_jobs": 1, "landmark_store": folder / "store", "window_s": WINDOW_S}
    with pytest.raises(KeyboardInterrupt, match=r"^1 of 3 videos"):
        featurize_dataset(folder, tmp_path / "f.csv", **how)
    asked = how | ASKED
    with (
        pytest.warns(UserWarning, match=r"cnn: \[\], now \['dlib_resnet'\].*; networks"),
        pytest.raises(KeyboardInterrupt, match=r"^1 of 3 videos"),
    ):
        featurize_dataset(folder, tmp_path / "f.csv", **asked)
    monkeypatch.setattr(one_video, "video_rows", whole)
    featurize_dataset(folder, tmp_path / "f.csv", **asked)
    assert (tmp_path / "f.csv").read_bytes() == first
    assert done == ["a.mp4", "", "a.mp4", ""]


def test_tables_of_other_columns_are_not_joined(folder: Path, first: bytes) -> None:
    store = ("--jobs", "1", "--landmark-store", str(folder / "store"))
    run(folder, "s1.csv", *OPTIONS, "--shard", "1/2", *store)
    run(folder, "s2.csv", "--window", "2", "--shard", "2/2", *store)
    tables = [folder / "s1.csv", folder / "s2.csv"]
    with pytest.raises(JoinError, match=r"cnn \(\[\"dlib_resnet\"\] and \[\]\)"):
        join_tables(tables, folder / "joined.csv")
    run(folder, "s2.csv", *OPTIONS, "--shard", "2/2", *store)
    join_tables(tables, folder / "joined.csv")
    assert (folder / "joined.csv").read_bytes() == first


@pytest.mark.usefixtures("in_process")
def test_a_face_that_is_too_small_for_a_network_is_told(
    folder: Path, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from featurize.networks import dlib_resnet

    monkeypatch.setattr(dlib_resnet, "MIN_FACE_WIDTH_PX", 1000.0)
    options = {"cnn": "dlib-resnet", "identity": True}
    rows = featurize_video(folder / "b.mp4", **options)
    assert rows.loc[0, "status"] == "ok"
    assert rows.loc[0, "reason"] == "The face is too small or too unclear for dlib_resnet."
    assert rows[added(rows)].isna().all(axis=None)


def test_workers_are_told_whole_paths_of_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from featurize.extraction import LandmarkOptions

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(FeatureOptions, "settings", {})
    monkeypatch.setattr(one_video, "video_features", lambda _: ())
    plan = one_video.Plan(LandmarkOptions(), FeatureOptions(("net.pt", "dlib-resnet")))
    told = plan.request("/v.mp4", "v.mp4")["plan"]["features"]
    assert FeatureOptions(**told).cnn == (str(tmp_path / "net.pt"), "dlib-resnet")
