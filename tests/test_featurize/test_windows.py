"""Videos measured window by window: which windows there are, and what their rows say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from featurize import describe_features, featurize_dataset, featurize_video
from featurize.__main__ import app
from featurize.errors import OptionError, TooShortError
from featurize.extraction import LandmarkOptions
from featurize.feature_rows import META_COLUMNS, Row
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.storage.store import LandmarkStore
from featurize.registry import MEASURED_SIGNALS
from featurize.runs import crew, one_video
from featurize.types import Extraction, LandmarkTrack, Sound
from featurize.windows import WINDOW_COLUMNS, windows
from tests.test_featurize.test_voice import envelope, sound_of
from tests.test_featurize.tracks import make_track, turn

FEATURES = describe_features()["name"].tolist()
FPS = 25


def moving(duration_s: float, missing: slice | None = None, seed: int = 0) -> LandmarkTrack:
    """A head that sways faster and faster, so that no two seconds are alike."""
    return make_track(
        duration_s,
        FPS,
        rotation=lambda t: turn(yaw_deg=8 * np.sin(t + 0.1 * t**2), pitch_deg=3 * np.sin(2 * t)),
        noise_px=0.2,
        missing=missing,
        blendshapes=lambda t: 0.5 + 0.4 * np.sin(np.outer(t, np.linspace(1, 6, 52))),
        seed=seed,
    )


def speech(duration_s: float) -> Sound:
    sound = sound_of(*envelope(duration_s))
    return replace(sound, level_db=sound.level_db.astype(np.float32))


@pytest.fixture
def videos(tmp_path: Path):
    """A folder whose videos are known by their landmarks alone: ``videos(name, tracks, sound)``."""
    store = LandmarkStore(tmp_path / "store")
    settings = {
        **LandmarkOptions().settings,
        "measures": PixelObserver(MEASURED_SIGNALS).settings,
    }

    def keep(name: str, tracks: list[LandmarkTrack], sound: Sound | None = None) -> Path:
        path = tmp_path / name
        path.write_text(f"stands for the video {name}")
        extraction = Extraction(tracks, tracks[0].n_frames, (), None, sound)
        store.entry(path, settings).save(extraction)
        return path

    return keep


def rows_of(path: Path, window_s: float | None = None) -> pd.DataFrame:
    return featurize_video(path, landmark_store=path.parent / "store", window_s=window_s)


def spans(rows: pd.DataFrame) -> list[tuple[float, float]]:
    return list(rows[[*WINDOW_COLUMNS]].itertuples(index=False, name=None))


class TestWhichWindows:
    @given(
        fps=st.sampled_from([10, 24, 25, 30000 / 1001, 50, 60]),
        start_s=st.floats(0, 4000),
        duration_s=st.floats(0.5, 40),
        window_s=st.floats(2, 20),
    )
    def test_every_frame_is_in_one_window_but_for_a_short_rest(
        self, fps: float, start_s: float, duration_s: float, window_s: float
    ) -> None:
        time_s = start_s + np.arange(max(2, round(duration_s * fps))) / fps
        found = list(windows(time_s, window_s))
        frames = [n for _, part in found for n in range(part.start, part.stop)]
        assert frames == list(range(len(frames)))
        rest_s = (len(time_s) - len(frames)) / fps
        assert rest_s < window_s / 2
        for number, (first_s, part) in enumerate(found):
            assert first_s == pytest.approx(number * window_s)
            middles_s = time_s[part] - start_s + 0.5 / fps
            assert middles_s.min() >= first_s - 1e-6
            assert middles_s.max() <= first_s + window_s + 1e-6

    @pytest.mark.parametrize("start_s", [0.0, 0.0667, 3600.1])
    @pytest.mark.parametrize("fps", [24, 25, 30, 60])
    def test_the_last_bits_of_times_move_no_frame(self, fps: int, start_s: float) -> None:
        for jitter_s in (-1e-4, 0, 1e-4):
            time_s = start_s + np.arange(12 * fps) / fps
            time_s[1:] += jitter_s * (-1.0) ** np.arange(12 * fps - 1)
            lengths = [part.stop - part.start for _, part in windows(time_s, 3.0)]
            assert lengths == [3 * fps] * 4

    @pytest.mark.parametrize(
        ("duration_s", "expected"),
        [
            (0.6, [15]),
            (4.96, [124]),
            (5.0, [125]),
            (7.44, [125]),
            (7.48, [125, 62]),
            (9, [125] * 2),
        ],
    )
    def test_what_is_left_counts_from_half_a_window_on(
        self, duration_s: float, expected: list[int]
    ) -> None:
        time_s = np.arange(round(duration_s * FPS)) / FPS
        found = [part.stop - part.start for _, part in windows(time_s, 5.0)]
        if duration_s == 9:
            expected = [125, 100]
        assert found == expected

    def test_a_gap_in_the_times_moves_no_window(self) -> None:
        time_s = np.arange(500) / FPS
        time_s = time_s[(time_s < 4) | (time_s >= 11)]
        assert [start_s for start_s, _ in windows(time_s, 5.0)] == [0, 10, 15]


class TestRows:
    def test_a_row_is_that_of_a_video_of_the_same_seconds(self, videos) -> None:
        track, sound = moving(13.0), speech(13.0)
        rows = rows_of(videos("whole.mp4", [track], sound), 5.0)
        assert spans(rows) == [(0, 5), (5, 10), (10, 15)]
        assert rows["duration_s"].tolist() == pytest.approx([5, 5, 3])
        assert rows["n_frames"].tolist() == [125, 125, 75]
        heard = (sound.time_s >= 5) & (sound.time_s < 10)
        for name, shift_s in (("cut.mp4", 0.0), ("at_0.mp4", 5.0), ("later.mp4", -1234.567)):
            frames = np.flatnonzero((track.time_s > 4.99) & (track.time_s < 9.99))
            arrays = {n: array[frames] for n, array in track.arrays.items()}
            part = replace(track, time_s=track.time_s[frames] - shift_s, **arrays)
            part_sound = Sound(
                sound.time_s[heard][0] - shift_s, sound.step_s, sound.level_db[heard]
            )
            (row,) = rows_of(videos(name, [part], part_sound))[FEATURES].to_numpy()
            window = rows.loc[1, FEATURES].to_numpy(float)
            assert np.isfinite(row).sum() > 700
            # The clock is not to count, but for rounding.
            tolerance = {"rtol": 0, "atol": 0} if shift_s == 0 else {"rtol": 1e-5, "atol": 1e-8}
            np.testing.assert_allclose(window, row, **tolerance)

    def test_a_video_shorter_than_a_window_has_the_row_of_the_whole(self, videos) -> None:
        track = replace(moving(4.0), time_s=moving(4.0).time_s + 0.5)
        sound = speech(5.0)
        path = videos("v.mp4", [track], sound)
        windowed, whole = rows_of(path, 30.0), rows_of(path)
        assert spans(windowed) == [(0, 30)]
        assert list(windowed.columns) == [
            *META_COLUMNS[:2],
            *WINDOW_COLUMNS,
            *META_COLUMNS[2:],
            *FEATURES,
        ]
        pd.testing.assert_frame_equal(windowed.drop(columns=[*WINDOW_COLUMNS]), whole)

    def test_faces_have_the_same_windows_and_none_where_they_are_not_seen(self, videos) -> None:
        first = moving(15.0)
        late = moving(15.0, missing=slice(0, 170), seed=1)
        brief = moving(15.0, missing=slice(120, 360), seed=2)
        rows = rows_of(videos("v.mp4", [first, late, brief]), 5.0)
        assert rows["face"].tolist() == [0, 0, 0, 1, 1, 2]
        assert spans(rows) == [(0, 5), (5, 10), (10, 15), (5, 10), (10, 15), (0, 5)]
        # 170 of 250 frames before 10 s, so 80 of the 125 of the window show it.
        assert rows["face_rate"].tolist() == pytest.approx([1, 1, 1, 80 / 125, 1, 120 / 125])
        assert (rows["status"] == "ok").all()

    def test_the_main_face_is_the_first_with_a_row(self, videos) -> None:
        # For 1.6 s in all, in no window for a second.
        split = moving(10.0, missing=slice(70, 250))
        split.points_px[:30] = np.nan
        rows = rows_of(videos("v.mp4", [split, moving(10.0, seed=1)]), 2.0)
        assert rows["face"].tolist() == [0] * 5
        with pytest.raises(
            TooShortError, match=r"No window of 2 s shows enough of the face of .*m"
        ):
            rows_of(videos("alone.mp4", [split]), 2.0)
        assert rows_of(videos("alone.mp4", [split]))["status"].tolist() == ["ok"]

    def test_no_array_is_copied(self) -> None:
        track, sound = moving(3.0), speech(3.0)
        part = track.cut(slice(25, 50))
        assert part.n_frames == 25
        for name, array in part.arrays.items():
            assert np.shares_memory(array, track.arrays[name])
        assert np.shares_memory(sound.between(1.0, 2.0).level_db, sound.level_db)

    def test_sound_is_cut_without_loss_and_without_doubles(self) -> None:
        sound = speech(7.0)
        parts = [sound.between(start_s, start_s + 0.84) for start_s in np.arange(0, 9, 0.84)]
        np.testing.assert_array_equal(
            np.concatenate([part.level_db for part in parts if part]), sound.level_db
        )
        for part in filter(None, parts):
            assert np.isin(part.time_s.round(6), sound.time_s.round(6)).all()
        assert sound.between(9.0, 10.0) is None


class TestRuns:
    @pytest.fixture
    def folder(self, videos) -> Path:
        """Two videos of windows, one too short for any row, one that is not there."""
        videos("a.mp4", [moving(6.0)])
        videos("b.mp4", [moving(3.0, seed=1), moving(3.0, seed=2)])
        folder = videos("c.mp4", [moving(0.6)]).parent
        (folder / "m.csv").write_text(
            "path,label,group\na.mp4,real,p1\nb.mp4,fake,p2\nc.mp4,real,p1\nmissing.mp4,,\n"
        )
        return folder

    def run(self, folder: Path, out: str, **options: object) -> pd.DataFrame:
        options = {"landmark_store": folder / "store", "window_s": 2.0, **options}
        return featurize_dataset(folder / "m.csv", folder / out, **options)

    def test_every_video_has_a_row_and_any_number_of_jobs_the_same_bytes(
        self, folder: Path
    ) -> None:
        rows = self.run(folder, "1.csv", n_jobs=1)
        assert rows["path"].tolist() == ["a.mp4"] * 3 + ["b.mp4"] * 4 + ["c.mp4", "missing.mp4"]
        assert rows["label"].tolist() == ["real"] * 3 + ["fake"] * 4 + ["real", ""]
        assert rows["status"].tolist() == ["ok"] * 7 + ["too_short", "missing"]
        assert rows["face"].tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0]
        assert rows["window_start_s"].tolist()[:7] == [0, 2, 4, 0, 2, 0, 2]
        assert rows[[*WINDOW_COLUMNS]].isna().all(axis=1).tolist() == [False] * 7 + [True] * 2
        self.run(folder, "2.csv", n_jobs=2)
        assert (folder / "1.csv").read_bytes() == (folder / "2.csv").read_bytes()
        read = pd.read_csv(folder / "1.csv")
        assert spans(read)[:3] == [(0, 2), (2, 4), (4, 6)]

    @pytest.mark.usefixtures("in_process")
    def test_a_run_goes_on_with_the_same_windows_only(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = self.run(folder, "whole.csv", n_jobs=1)
        whole, opened = one_video.video_rows, []

        def stops_at_c(path: str, *options: object) -> list[Row]:
            opened.append(Path(path).name)
            if Path(path).name == "c.mp4" and opened.count("c.mp4") < 3:
                raise KeyboardInterrupt
            return whole(path, *options)

        monkeypatch.setattr(one_video, "video_rows", stops_at_c)
        with pytest.raises(KeyboardInterrupt):
            self.run(folder, "f.csv", n_jobs=1, window_s=2.0)
        with pytest.raises(KeyboardInterrupt), pytest.warns(UserWarning, match="other settings"):
            self.run(folder, "f.csv", n_jobs=1, window_s=3.0)
        assert sorted(opened[:3]) == sorted(opened[3:]) == ["a.mp4", "b.mp4", "c.mp4"]
        resumed = self.run(folder, "f.csv", n_jobs=1)
        assert opened[6:] == ["c.mp4", "missing.mp4"]
        pd.testing.assert_frame_equal(resumed, expected)
        assert (folder / "f.csv").read_bytes() == (folder / "whole.csv").read_bytes()

    @pytest.mark.parametrize("window_s", [1.9, 0.0, -5.0, float("nan"), float("inf")])
    def test_senseless_windows_are_refused_before_any_work(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window_s: float
    ) -> None:
        monkeypatch.setattr(crew, "ask", lambda *_: pytest.fail("a video was opened"))
        (tmp_path / "v.mp4").touch()
        out = tmp_path / "f.csv"
        with pytest.raises(OptionError, match="at least 2 s long and finite"):
            featurize_dataset(tmp_path / "v.mp4", out, n_jobs=1, window_s=window_s)
        with pytest.raises(OptionError, match="at least 2 s long and finite"):
            featurize_video(tmp_path / "nowhere.mp4", window_s=window_s)
        assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]

    def test_the_command_counts_videos_not_windows(self, folder: Path) -> None:
        store = ["--landmark-store", str(folder / "store"), "--jobs", "1"]
        arguments = ["run", str(folder / "m.csv"), "-o", str(folder / "f.csv"), *store]
        result = CliRunner().invoke(app, [*arguments, "--window", "2"])
        assert result.exit_code == 0
        assert result.output.startswith(
            "4 videos: 2 ok, 2 not usable; 3 faces in 7 windows of 2 s. Written to"
        )
        assert "too_short: 1\n" in result.output
        result = CliRunner().invoke(app, arguments)
        assert "holds 3 videos that were done with other settings (window_s: 2.0" in result.stderr
        assert result.stdout.startswith("4 videos: 2 ok, 2 not usable; 3 faces. Written to")
