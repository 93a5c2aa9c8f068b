"""From files to rows: the contract of the table, and every way a video can fail."""

import os
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from featurize import describe_features, extract_landmarks, featurize_dataset, featurize_video
from featurize.__main__ import app
from featurize.errors import ManifestError, NoFaceError, TooShortError, VideoMissingError
from featurize.feature_rows import META_COLUMNS, Row, as_table
from featurize.outputs.csv_table import write_csv
from featurize.runs import one_video
from featurize.synthesis import Performer, Script, write_video


def faceless(path: Path, n_frames: int = 30) -> Path:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (128, 128, 3), np.uint8) for _ in range(n_frames)]
    write_video(path, frames, np.arange(n_frames) / 25)
    return path


def brief(path: Path, n_frames: int = 3) -> Path:
    performer, script = Performer(256), Script(1.0)
    times_s = np.arange(n_frames) / 25
    write_video(path, [performer.frame(script, t) for t in times_s], times_s)
    return path


def test_one_video_gives_the_columns_of_the_contract(clip: Path) -> None:
    rows = featurize_video(clip)
    assert rows.columns.tolist() == [*META_COLUMNS, *describe_features()["name"]]
    assert len(rows) == 1
    row = rows.iloc[0]
    assert (row["face"], row["status"], row["reason"], row["path"]) == (0, "ok", "", str(clip))
    assert row["n_frames"] == 100
    assert row["face_rate"] == 1
    assert row["fps"] == pytest.approx(25, abs=0.01)
    assert row["duration_s"] == pytest.approx(4, abs=0.01)
    assert 40 < row["face_width_px"] < 200


def test_the_script_is_seen_in_the_features(clip: Path) -> None:
    """Two blinks in four seconds; yaw swings by 8 degrees either way at half a hertz.

    MediaPipe sees turns of a small rendered head about a tenth too small, hence 25 %.
    """
    row = featurize_video(clip).iloc[0]
    assert row["eyes__blink__rate_per_min"] == pytest.approx(30)
    assert row["head_pose__yaw_deg__std"] == pytest.approx(8 / np.sqrt(2), rel=0.25)
    assert row["head_pose__yaw_deg__range"] == pytest.approx(16, rel=0.25)
    assert row["head_pose__sway__slow_share"] > row["head_pose__sway__tremor_share"]


def test_the_same_video_gives_the_same_values(clip: Path) -> None:
    pd.testing.assert_frame_equal(featurize_video(clip), featurize_video(clip))


def test_landmarks_of_a_video(clip: Path) -> None:
    (track,) = extract_landmarks(clip)
    assert track.points_px.shape == (100, 478, 3)
    assert track.blendshapes.shape == (100, 52)
    assert track.pose.shape == (100, 4, 4)
    assert track.present.all()
    assert np.allclose(track.pose[:, 3], [0, 0, 0, 1])


def test_frames_without_a_face_are_rows_of_nan(tmp_path: Path) -> None:
    performer, script = Performer(256), Script(2.0)
    times_s = np.arange(40) / 25
    frames = [performer.frame(script, t) for t in times_s]
    for number in range(15, 20):
        frames[number] = np.full_like(frames[number], 90)
    write_video(tmp_path / "v.mp4", frames, times_s)
    (track,) = extract_landmarks(tmp_path / "v.mp4")
    assert track.n_frames == 40
    assert np.flatnonzero(~track.present).tolist() == [15, 16, 17, 18, 19]
    assert featurize_video(tmp_path / "v.mp4").loc[0, "face_rate"] == pytest.approx(35 / 40)


def test_no_face(tmp_path: Path) -> None:
    path = faceless(tmp_path / "v.mp4")
    assert extract_landmarks(path) == []
    with pytest.raises(NoFaceError, match="No face was found in the 30 frames"):
        featurize_video(path)


def test_three_frames(tmp_path: Path) -> None:
    with pytest.raises(TooShortError, match="only 3 of 3 frames"):
        featurize_video(brief(tmp_path / "v.mp4"))


def cut_short(path: Path, frames: list[np.ndarray]) -> Path:
    """A file whose index is at the front and whose second half is gone."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"g": "1", "bf": "0"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def test_too_little_of_a_damaged_file_says_that_it_is_damaged(tmp_path: Path) -> None:
    performer, script = Performer(256), Script(1.0)
    faces = [performer.frame(script, number / 25) for number in range(20)]
    with pytest.raises(
        TooShortError, match=r"of .* are needed\. The file ends early or is damaged"
    ):
        featurize_video(cut_short(tmp_path / "face.mp4", faces))
    blank = [np.random.default_rng(n).integers(0, 255, (64, 64, 3), np.uint8) for n in range(20)]
    with pytest.raises(NoFaceError, match=r"picture high\. The file ends early or is damaged"):
        featurize_video(cut_short(tmp_path / "blank.mp4", blank))


@pytest.mark.parametrize("fps", [12, 30, 60])
def test_a_second_is_enough_at_any_frame_rate(tmp_path: Path, fps: int) -> None:
    performer, script = Performer(256), Script(1.0)
    times_s = np.arange(fps) / fps
    write_video(tmp_path / "v.mp4", [performer.frame(script, t) for t in times_s], times_s)
    assert featurize_video(tmp_path / "v.mp4").loc[0, "status"] == "ok"


def test_a_table_holds_names_of_any_bytes() -> None:
    """Whatever pandas would rather keep texts in."""
    name = os.fsdecode(b"caf\xe9.mp4")
    meta = {"path": name, "face": 0, "reason": f"There is no {name}."}
    table = as_table([Row(meta, np.full(len(describe_features()), np.nan))])
    assert table.loc[0, "path"] == name
    assert table.loc[0, "label"] == ""


def test_missing_video() -> None:
    with pytest.raises(VideoMissingError):
        featurize_video("nowhere.mp4")


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """A data set with one good clip under an awkward name and every kind of bad one."""
    folder = tmp_path_factory.mktemp("messy")
    (folder / "gute Clips é").mkdir()
    (folder / "gute Clips é" / "Gesicht 顔.mp4").write_bytes(clip.read_bytes())
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("not a video\n" * 100)
    faceless(folder / "no face.mp4")
    brief(folder / "brief.mp4")
    (folder / "manifest.csv").write_text(
        "path,label,group,method\n"
        "missing.mp4,fake,g1,swap\n"
        "gute Clips é/Gesicht 顔.mp4,real,g2,none\n"
        "empty.mp4,real,g3,none\n"
        "text.mp4,fake,g4,swap\n"
        "no face.mp4,real,g5,none\n"
        "brief.mp4,,g6,none\n",
        encoding="utf-8",
    )
    return folder / "manifest.csv"


EXPECTED_OPENED = (
    *("missing.mp4", "Gesicht 顔.mp4", "empty.mp4", "text.mp4", "no face.mp4", "brief.mp4"),
)
EXPECTED_STATUS = ["missing", "ok", "empty", "unreadable", "no_face", "too_short"]


@pytest.fixture(scope="module")
def messy_table(messy: Path) -> pd.DataFrame:
    return featurize_dataset(messy, messy.with_name("features.csv"), n_jobs=1)


def test_every_line_of_the_manifest_has_its_row_in_order(messy_table: pd.DataFrame) -> None:
    assert messy_table["status"].tolist() == EXPECTED_STATUS
    assert messy_table["group"].tolist() == ["g1", "g2", "g3", "g4", "g5", "g6"]
    assert messy_table["label"].tolist() == ["fake", "real", "real", "fake", "real", ""]
    assert messy_table.loc[1, "path"] == "gute Clips é/Gesicht 顔.mp4"


def test_rows_that_are_not_ok_say_why_and_hold_no_values(messy_table: pd.DataFrame) -> None:
    features = describe_features()["name"]
    for row in messy_table[messy_table["status"] != "ok"].to_dict("records"):
        assert row["reason"].endswith(".")
        assert "\n" not in row["reason"]
        assert all(np.isnan(row[name]) for name in features)


def test_the_file_holds_the_table(messy: Path, messy_table: pd.DataFrame) -> None:
    text_columns = ["path", "label", "group", "status", "reason", "compression"]
    read = pd.read_csv(messy.with_name("features.csv"), keep_default_na=False, na_values=[""])
    read[text_columns] = read[text_columns].astype(object).where(read[text_columns].notna(), "")
    assert read.columns.tolist() == messy_table.columns.tolist()
    for column in text_columns:
        assert read[column].tolist() == messy_table[column].tolist()
    features = describe_features()["name"].tolist()
    np.testing.assert_allclose(read[features], messy_table[features], rtol=1e-8, atol=1e-300)


def test_any_number_of_jobs_gives_the_same_bytes(messy: Path, messy_table: pd.DataFrame) -> None:
    featurize_dataset(messy, messy.with_name("two.csv"), n_jobs=2)
    assert messy.with_name("two.csv").read_bytes() == messy.with_name("features.csv").read_bytes()


@pytest.mark.usefixtures("in_process")
def test_interrupted_run_goes_on_where_it_stopped(
    messy: Path, messy_table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = one_video.video_rows
    opened: list[str] = []

    def stops_at_the_fourth(path: str, *options: object) -> list[Row]:
        opened.append(Path(path).name)
        if len(opened) == 4:
            raise KeyboardInterrupt
        return whole(path, *options)

    out = messy.with_name("resumed.csv")
    monkeypatch.setattr(one_video, "video_rows", stops_at_the_fourth)
    with pytest.raises(KeyboardInterrupt, match=r"^3 of 6 videos are kept; give the same command"):
        featurize_dataset(messy, out, n_jobs=1)
    assert not out.exists()
    featurize_dataset(messy, out, n_jobs=1)
    first, again = opened[:4], opened[4:]
    # The largest first; what is missing last, and once more, for it may be there by now.
    assert first[0] in ("no face.mp4", "Gesicht 顔.mp4")
    assert sorted(again) == sorted({*EXPECTED_OPENED} - {*first[:3]})
    assert out.read_bytes() == messy.with_name("features.csv").read_bytes()
    opened.clear()
    featurize_dataset(messy, out, n_jobs=1)
    assert opened == ["missing.mp4"]
    messy.with_name("resumed.csv.journal").unlink()


def test_bad_manifest_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,label\na.mp4,perhaps\n")
    with pytest.raises(ManifestError, match="labels other than"):
        featurize_dataset(tmp_path / "m.csv", tmp_path / "features.csv")
    assert not (tmp_path / "features.csv").exists()


def test_a_failed_write_leaves_the_old_table(tmp_path: Path) -> None:
    class Broken:
        def to_csv(self, file, **_: object) -> None:
            file.write("half a li")
            raise OSError("disk full")

    (tmp_path / "features.csv").write_text("old")
    with pytest.raises(OSError, match="disk full"):
        write_csv(Broken(), tmp_path / "features.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["features.csv"]
    assert (tmp_path / "features.csv").read_text() == "old"


def test_two_faces_give_two_rows_the_larger_first(tmp_path: Path) -> None:
    large, small = Performer(256), Performer(192, identity_seed=5)
    script, times_s = Script(2.0), np.arange(40) / 25
    frames = []
    for t in times_s:
        frame = np.full((256, 448, 3), 120, np.uint8)
        frame[:, :256] = large.frame(script, t)
        frame[32:224, 256:] = small.frame(script, t)
        frames.append(frame)
    write_video(tmp_path / "v.mp4", frames, times_s)
    rows = featurize_video(tmp_path / "v.mp4")
    assert rows["face"].tolist() == [0, 1]
    assert rows.loc[0, "face_width_px"] > rows.loc[1, "face_width_px"]
    assert (rows["status"] == "ok").all()


class TestCommandLine:
    def run(self, *arguments: str):
        return CliRunner().invoke(app, list(arguments))

    def test_run(self, messy: Path, tmp_path: Path) -> None:
        result = self.run("run", str(messy), "-o", str(tmp_path / "f.csv"), "--jobs", "1")
        assert result.exit_code == 0
        assert "6 videos: 1 ok, 5 not usable" in result.output
        for status in set(EXPECTED_STATUS) - {"ok"}:
            assert f"{status}: 1" in result.output
        assert len(pd.read_csv(tmp_path / "f.csv")) == 6

    def test_nothing_usable_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "empty.mp4").touch()
        result = self.run("run", str(tmp_path), "-o", str(tmp_path / "f.csv"))
        assert result.exit_code == 1

    def test_features(self) -> None:
        result = self.run("features", "--family", "stability")
        assert result.exit_code == 0
        assert "stability__jitter_mouth_iod__rms [iod]" in result.output
        assert self.run("features", "--family", "nose").exit_code == 2

    def test_features_as_csv(self) -> None:
        result = self.run("features", "--csv")
        assert len(result.output.splitlines()) == len(describe_features()) + 1

    def test_doctor(self) -> None:
        result = self.run("doctor")
        assert result.exit_code == 0
        assert "Everything works." in result.output
        assert "Apache-2.0" in result.output

    def test_an_error_is_one_sentence(self, tmp_path: Path) -> None:
        import subprocess
        import sys

        result = subprocess.run(
            [sys.executable, "-m", "featurize", "run", str(tmp_path / "nothing.csv")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 2
        assert "There is no manifest" in result.stderr
        assert "Traceback" not in result.stderr
