"""Runs over many videos: what is refused before any work, and what is kept when a run ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from featurize import __version__, extraction, featurize_dataset, featurize_video, table
from featurize.__main__ import app
from featurize.errors import (
    ManifestError,
    NoRoomError,
    OptionError,
    OutputError,
    UnknownBackendError,
)
from featurize.extraction import LandmarkOptions
from featurize.feature_rows import Row, failed_row
from featurize.registry import video_features
from featurize.runs import crew, one_video, progress


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A folder of eight videos that take no time: they are empty."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.mp4").touch()
    return folder


class TestBeforeAnyWork:
    @pytest.fixture(autouse=True)
    def no_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def work(task: str, request: dict[str, object], *_: object) -> None:
            pytest.fail(f"{request['path']} was opened")

        monkeypatch.setattr(crew, "ask", work)

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"backend": "openface"}, UnknownBackendError),
            ({"max_faces": 0}, OptionError),
            ({"max_faces": 2.5}, OptionError),
            ({"detector": "hog"}, OptionError),
            ({"backend": "dlib", "detector": "yolo"}, OptionError),
            ({"faces": "some"}, OptionError),
            ({"min_duration_s": -1.0}, OptionError),
            ({"min_duration_s": float("nan")}, OptionError),
            ({"n_jobs": 0}, OptionError),
            ({"n_jobs": 1.5}, OptionError),
            ({"n_jobs": None}, OptionError),
            ({"n_jobs": -2}, OptionError),
            ({"timeout_s": 0}, OptionError),
            ({"timeout_s": "9"}, OptionError),
            ({"window_s": "5"}, OptionError),
            ({"timeout_s": float("nan")}, OptionError),
            ({"memory_mib": -1}, OptionError),
            ({"window_s": 1.0}, OptionError),
            ({"shard": "3"}, OptionError),
            ({"shard": "9/9"}, OptionError),
        ],
    )
    def test_options(self, videos: Path, options: dict[str, object], error: type) -> None:
        with pytest.raises(error):
            featurize_dataset(videos, videos / "f.csv", **{"n_jobs": 1, **options})
        assert len(list(videos.iterdir())) == 8

    @pytest.mark.parametrize(
        "name", ["folder", "folder/", "../o.csv/f.csv", "x" * 300, "/dev/null"]
    )
    def test_output_that_is_no_file(self, videos: Path, name: str) -> None:
        (videos / "folder").mkdir()
        (videos.parent / "o.csv").touch()
        with pytest.raises(OutputError) as caught:
            featurize_dataset(videos, videos / name, n_jobs=1)
        assert "\n" not in str(caught.value)
        assert not list(videos.rglob("*.journal"))

    @pytest.mark.parametrize("out", ["m.csv", "link.csv", "x/../m.csv"])
    def test_the_manifest_is_not_replaced(self, videos: Path, out: str) -> None:
        manifest = videos / "m.csv"
        manifest.write_text("path,notes\n0.mp4,precious\n")
        (videos / "link.csv").symlink_to(manifest)
        (videos / "x").mkdir()
        with pytest.raises(OutputError, match="not replaced"):
            featurize_dataset(manifest, videos / out, n_jobs=1)
        assert "precious" in manifest.read_text()

    @pytest.mark.parametrize("source", [".", "3.mp4"])
    def test_a_video_is_not_replaced(self, videos: Path, source: str) -> None:
        with pytest.raises(OutputError, match="not replaced"):
            featurize_dataset(videos / source, videos / "3.mp4", n_jobs=1)

    def test_a_name_no_table_can_hold(self, videos: Path) -> None:
        Path(os.fsdecode(os.fsencode(videos) + b"/caf\xe9.mp4")).touch()
        with pytest.raises(ManifestError, match="not UTF-8"):
            featurize_dataset(videos, videos.parent / "f.csv", n_jobs=1)


def test_a_full_disk_is_one_sentence(videos: Path) -> None:
    (videos.parent / "f.csv.journal").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        featurize_dataset(videos, videos.parent / "f.csv", n_jobs=1)


def test_one_video_is_refused_the_same_options() -> None:
    with pytest.raises(OptionError, match="max_faces must be a whole number from 1 on, not 0"):
        featurize_video("nowhere.mp4", max_faces=0)
    with pytest.raises(UnknownBackendError, match="'openface': use mediapipe"):
        featurize_video("nowhere.mp4", backend="openface")


@pytest.mark.parametrize("name", ["x" * 300 + ".mp4", "0.mp4/a.mp4", "0.mp4\0"])
def test_impossible_names_have_their_row(videos: Path, name: str) -> None:
    source = pd.DataFrame({"path": [str(videos / name), str(videos / "1.mp4")]})
    rows = featurize_dataset(source, videos / "f.csv", n_jobs=1)
    assert rows["status"].tolist()[0] in ("missing", "unreadable")
    assert rows["status"].tolist()[1] == "empty"


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("fault", [TypeError, KeyError, AssertionError, EOFError, MemoryError])
def test_a_fault_of_ours_costs_one_video_and_is_tried_again(
    videos: Path, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    tried = []

    def rows_of(path: str, *_: object) -> list[Row]:
        name = Path(path).name
        tried.append(name)
        if name == "3.mp4" and len(tried) < 9:
            raise fault("oh\nno")
        if len(tried) == 6:
            raise KeyboardInterrupt
        return [failed_row("empty", "Nothing.", LandmarkOptions())]

    monkeypatch.setattr(one_video, "video_rows", rows_of)
    out = videos / "f.csv"
    with pytest.raises(KeyboardInterrupt, match=r"^4 of 8 videos are kept"):
        featurize_dataset(videos, out, n_jobs=1)
    rows = featurize_dataset(videos, out, n_jobs=1)
    assert tried[6:] == ["3.mp4", "5.mp4", "6.mp4", "7.mp4"]
    assert rows["status"].tolist() == ["empty"] * 3 + ["failed"] + ["empty"] * 4
    assert rows.loc[3, "reason"].endswith("Please report it.")
    assert "\n" not in rows.loc[3, "reason"]


@pytest.mark.usefixtures("in_process")
def test_interruption_without_an_output_says_so(
    videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: object, **__: object) -> list[Row]:
        raise KeyboardInterrupt

    monkeypatch.setattr(one_video, "video_rows", stops)
    with pytest.raises(KeyboardInterrupt, match="No video is kept"):
        featurize_dataset(videos, n_jobs=1)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("changed", ["max_faces", "features", "package", "model"])
def test_rows_of_other_code_are_done_again(
    videos: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    tried = []

    def rows_of(path: str, *_: object) -> list[Row]:
        tried.append(Path(path).name)
        if len(tried) == 3:
            raise KeyboardInterrupt
        return [failed_row("empty", "Nothing.", LandmarkOptions())]

    monkeypatch.setattr(one_video, "video_rows", rows_of)
    with pytest.raises(KeyboardInterrupt):
        featurize_dataset(videos, videos / "f.csv", n_jobs=1)
    if changed == "features":
        monkeypatch.setattr(one_video, "video_features", lambda how: video_features(how)[::-1])
    if changed == "package":
        monkeypatch.setattr(one_video.metadata, "version", lambda name: f"99 of {name}")
    if changed == "model":
        monkeypatch.setattr(extraction, "MODEL_FILES", ())
    max_faces = 2 if changed == "max_faces" else 3
    with pytest.warns(UserWarning, match=r"holds 2 videos that were done with other settings \("):
        featurize_dataset(videos, videos / "f.csv", n_jobs=1, max_faces=max_faces)
    assert tried[3:5] == ["0.mp4", "1.mp4"]


def test_a_row_between_processes_is_small() -> None:
    import pickle

    row = Row({"status": "ok"}, np.ones(len(video_features())))
    assert len(pickle.dumps(row)) < 8 * len(video_features()) + 500


@pytest.mark.usefixtures("in_process")
def test_what_is_relative_to_the_folder_may_be_given_from_elsewhere(
    videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def rows_of(path: str, *_: object) -> list[Row]:
        opened.append(path)
        return [failed_row("empty" if len(opened) != 8 else "failed", "No.", LandmarkOptions())]

    monkeypatch.setattr(one_video, "video_rows", rows_of)
    monkeypatch.chdir(videos)
    featurize_dataset(".", videos.parent / "f.csv", n_jobs=1)
    monkeypatch.chdir(videos.parent)
    featurize_dataset("videos", "f.csv", n_jobs=1)
    assert len(opened) == 9
    assert Path(opened[7]).name == Path(opened[8]).name


def test_whole_paths_need_no_current_folder(videos: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "import pandas as pd\n"
        "from featurize import featurize_dataset\n"
        "from featurize.errors import FeaturizeError\n"
        "gone = Path(sys.argv[1]) / 'gone'\n"
        "gone.mkdir(); os.chdir(gone); gone.rmdir()\n"
        "table = featurize_dataset(sys.argv[1], Path(sys.argv[1]).parent / 'f.csv', n_jobs=1)\n"
        "assert table['status'].eq('empty').all()\n"
        "try:\n"
        "    featurize_dataset(pd.DataFrame({'path': ['a.mp4']}))\n"
        "except FeaturizeError as error:\n"
        "    assert 'current folder is gone' in str(error)\n"
    )
    command = [sys.executable, "-c", program, str(videos)]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())}, check=True)


def test_a_video_that_fills_the_temporary_folder_costs_its_row(
    videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> list[Row]:
        raise NoRoomError("The temporary folder has no room for what the video needs.")

    monkeypatch.setattr(one_video, "video_rows", no_room)
    plan = one_video.Plan(LandmarkOptions())
    request = plan.request(str(videos / "1.mp4"), "1.mp4")
    (row,) = one_video.answered_rows(one_video.work(request), plan)
    assert row.meta["status"] == "too_large"
    assert "1.mp4: The temporary folder has no room" in row.meta["reason"]
    monkeypatch.setattr(one_video, "LEAST_ROOM_BYTES", 2**80)  # and there is none without it
    with pytest.raises(OutputError, match="no room"):
        one_video.answered_rows(one_video.work(request), plan)


def test_an_interruption_while_the_table_is_written_says_what_is_kept(
    videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(table, "write_table", stops)
    with pytest.raises(KeyboardInterrupt, match="8 of 8 videos are kept"):
        featurize_dataset(videos, videos.parent / "f.csv", n_jobs=2)


class TestCommandLine:
    @pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-", ">/dev/full"])
    def test_nowhere_to_print(self, videos: Path, closed: str) -> None:
        (videos.parent / "m.csv").write_text("path\nvideos/1.mp4\n")
        command = f"{sys.executable} -m featurize run m.csv -o f.csv --jobs 1 {closed}"
        environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
        code = subprocess.run(
            ["/bin/sh", "-c", command], env=environment, cwd=videos.parent, check=False
        ).returncode
        assert code == 1  # nothing could be used; the table says so
        assert (videos.parent / "f.csv").read_text().count("is empty (0 bytes)") == 1

    def test_nowhere_to_warn(self, videos: Path) -> None:
        """An earlier run left rows of other settings, and standard error is full."""
        (videos / "gone.csv").write_text("path\n1.mp4\ngone.mp4\n")
        command = f"{sys.executable} -m featurize run gone.csv -o f.csv --jobs 1 --max-faces "
        for n_faces, stderr in (("2", ""), ("3", "2>/dev/full"), ("4", "2>&1 | true")):
            code = subprocess.run(
                ["/bin/sh", "-c", f"{command} {n_faces} {stderr}"],
                env=os.environ | {"PYTHONPATH": str(Path.cwd())},
                cwd=videos,
                check=False,
                capture_output=True,
            ).returncode
            assert code == (0 if "|" in stderr else 1)
            ran_with = json.loads((videos / "f.run.json").read_text())["settings"]["max_faces"]
            assert str(ran_with) == n_faces

    def run(self, *arguments: object):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    def test_version(self) -> None:
        result = self.run("--version")
        assert (result.exit_code, result.output) == (0, f"deepfake-biometrics {__version__}\n")

    @pytest.mark.parametrize("option", [("--jobs", 0), ("--jobs", -2), ("--max-faces", 0)])
    def test_senseless_numbers(self, videos: Path, option: tuple[str, int]) -> None:
        result = self.run("run", videos, "-o", videos / "f.csv", *option)
        assert result.exit_code == 2
        assert option[0] in result.output
        assert not (videos / "f.csv").exists()

    def test_senseless_numbers_of_demo_data(self, tmp_path: Path) -> None:
        for option in (("--jobs", 0), ("--people", 0)):
            assert self.run("demo-data", tmp_path / "demo", *option).exit_code == 2
        assert not (tmp_path / "demo").exists()

    def test_five_reasons_are_enough(self, videos: Path) -> None:
        (videos / "text.mp4").write_text("words " * 100)
        result = self.run("run", videos, "-o", videos / "f.csv", "--jobs", 1)
        assert result.exit_code == 1
        assert result.output.count("is empty (0 bytes)") == 5
        assert "and 3 more: see the column `reason`" in result.output
        assert result.output.count("not a video that FFmpeg can read") == 1

    def test_path_of_one_video_is_kept_as_given(
        self, videos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(videos.parent)
        self.run("run", "videos/1.mp4", "-o", "f.csv")
        assert pd.read_csv("f.csv")["path"].tolist() == ["videos/1.mp4"]

    @pytest.mark.usefixtures("in_process")
    def test_interrupted(self, videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def stops_at_the_third(path: str, *_: object) -> list[Row]:
            if Path(path).name == "2.mp4":
                raise KeyboardInterrupt
            return [failed_row("empty", "Nothing.", LandmarkOptions())]

        monkeypatch.setattr(one_video, "video_rows", stops_at_the_third)
        result = self.run("run", videos, "-o", videos / "f.csv", "--jobs", 1)
        assert result.exit_code == 130
        assert result.output == ("2 of 8 videos are kept; give the same command again to go on.\n")

    def test_off_a_terminal_a_plain_line_now_and_then(
        self, videos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.run("run", videos, "-o", videos / "f.csv", "--jobs", 1).stderr == ""
        monkeypatch.setattr(progress, "PLAIN_LINE_EVERY_S", 0)
        lines = self.run("run", videos, "-o", videos / "f.csv", "--jobs", 1).stderr.splitlines()
        assert lines == [f"{n} of 8 videos: 0 ok, {n} not usable" for n in range(1, 9)]
