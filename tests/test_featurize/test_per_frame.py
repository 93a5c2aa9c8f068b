"""Per-frame files: read as scripts for OpenFace read them; closed forms for units and signs."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from featurize.errors import OutputError, TrackError
from featurize.extraction import LandmarkOptions, extract, make_backend
from featurize.frame import Frame
from featurize.landmarks.schema import SCHEMES
from featurize.per_frame.columns import describe_per_frame, write_per_frame_columns
from featurize.per_frame.frame_file import write_per_frame
from featurize.per_frame.openface import openface_values
from featurize.registry import FRAME_SIGNALS, compute_signals
from featurize.synthesis import Script, Sines
from featurize.types import LandmarkTrack
from tests.test_featurize.conftest import film
from tests.test_featurize.tracks import POINTS, make_track, turn

# From axes x right, y up, z towards the viewer to OpenFace's: x right, y down, z away.
FLIP = np.diag([1, -1, -1])
HEAD = ["frame", "face_id", "timestamp", "confidence", "success"]


def as_openface_scripts_do(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    table.columns = table.columns.str.strip()
    return table


def written(folder: Path, *tracks: LandmarkTrack) -> pd.DataFrame:
    recordings = [compute_signals(track) for track in tracks]
    return as_openface_scripts_do(write_per_frame(recordings, folder, "clip.mp4"))


def of_dlib(track: LandmarkTrack) -> LandmarkTrack:
    """As many frames of dlib's points, at places of their own."""
    points = np.arange(track.n_frames * 68 * 3, dtype=np.float32).reshape(-1, 68, 3) ** 0.5
    points[~track.present] = np.nan
    return replace(track, points_px=points, schema="dlib68", blendshapes=None, flow_px=None)


class TestSigns:
    @pytest.mark.parametrize(
        ("pose", "column", "angle_deg"),
        [
            ({"pitch_deg": 15}, "pose_Rx", -15),  # looks up
            ({"yaw_deg": 20}, "pose_Ry", -20),  # turns to the own left
            ({"roll_deg": 10}, "pose_Rz", 10),  # clockwise in the picture
        ],
    )
    def test_a_turn_about_one_axis(self, tmp_path, pose, column, angle_deg) -> None:
        table = written(tmp_path, make_track(0.2, rotation=lambda _: turn(**pose)))
        angles = table[["pose_Rx", "pose_Ry", "pose_Rz"]]
        expected = np.where(angles.columns == column, np.radians(angle_deg), 0)
        np.testing.assert_allclose(angles, np.tile(expected, (5, 1)), atol=1e-5)

    @settings(deadline=None, max_examples=30)
    @given(yaw=st.floats(-80, 80), pitch=st.floats(-80, 80), roll=st.floats(-170, 170))
    def test_angles_multiply_to_the_rotation(self, yaw, pitch, roll) -> None:
        head = turn(yaw, pitch, roll)
        track = make_track(0.04, rotation=lambda _: head)
        values = of_openface(track)
        found = Rotation.from_euler("XYZ", values[["pose_Rx", "pose_Ry", "pose_Rz"]].to_numpy()[0])
        np.testing.assert_allclose(found.as_matrix(), FLIP @ head @ FLIP, atol=1e-4)

    def test_place_is_in_millimetres_right_down_away(self, tmp_path) -> None:
        track = make_track(0.2)
        track.pose[:, :3, 3] = (3, 2, -50)  # centimetres right, up, towards the viewer
        table = written(tmp_path, track)
        places = table[["pose_Tx", "pose_Ty", "pose_Tz"]].to_numpy()
        np.testing.assert_allclose(places, np.tile([30, -20, 500], (5, 1)), rtol=1e-6)

    @pytest.mark.parametrize(
        ("towards", "x_deg", "y_deg"),
        [((0, 0), 0, 0), ((0.2, 0), 30, 0), ((0, 0.2), 0, -30), ((-0.2, 0), -30, 0)],
    )
    def test_gaze_to_the_own_left_is_right_and_up_is_negative(
        self, tmp_path, towards, x_deg, y_deg
    ) -> None:
        """Offsets of half the radius of 0.4 eye widths are 30 degrees."""
        table = written(tmp_path, looking(towards))
        angles = np.degrees(table[["gaze_angle_x", "gaze_angle_y"]])
        np.testing.assert_allclose(angles, np.tile([x_deg, y_deg], (5, 1)), atol=0.5)
        for eye in (0, 1):
            vector = table[[f"gaze_{eye}_{axis}" for axis in "xyz"]]
            np.testing.assert_allclose(np.linalg.norm(vector, axis=1), 1, atol=1e-5)

    def test_eye_0_is_the_left_one_in_the_picture(self, tmp_path) -> None:
        table = written(tmp_path, looking((0, 0), left=(0.2, 0)))
        np.testing.assert_allclose(table["gaze_0_x"], 0, atol=0.01)
        np.testing.assert_allclose(table["gaze_1_x"], 0.5, atol=0.01)

    def test_gaze_turns_with_the_head(self, tmp_path) -> None:
        table = written(tmp_path, looking((0, 0), rotation=lambda _: turn(yaw_deg=20)))
        np.testing.assert_allclose(np.degrees(table["gaze_angle_x"]), 20, atol=0.5)
        np.testing.assert_allclose(np.degrees(table["gaze_angle_y"]), 0, atol=0.5)

    def test_an_iris_that_is_on_no_eyeball_looks_nowhere(self, tmp_path) -> None:
        table = written(tmp_path, looking((0.5, 0)))
        assert table[["gaze_0_x", "gaze_0_z", "gaze_angle_x", "gaze_angle_y"]].isna().all(axis=None)
        assert (table["success"] == 1).all()

    def test_a_filmed_head(self, tmp_path) -> None:
        """Each movement at a frequency of its own, so that each shows by itself."""
        moves = {
            "yaw_deg": (8.0, 0.5),
            "pitch_deg": (6.0, 1.0),
            "roll_deg": (6.0, 1.5),
            "shift_right_iod": (0.15, 2.0),
            "shift_down_iod": (0.15, 2.5),
            "gaze_right": (0.8, 3.0),
        }
        curves = {name: Sines((size,), (hz,), (0.0,)) for name, (size, hz) in moves.items()}
        path = film(tmp_path / "clip.mp4", Script(duration_s=2.0, **curves), fps=20)
        (track,) = extract(path, LandmarkOptions()).tracks
        table = written(tmp_path, track).query("success == 1")
        truth = {name: [curve(t) for t in table["timestamp"]] for name, curve in curves.items()}
        scene = np.column_stack([*truth.values(), np.ones(len(table))])

        def follows(column: str) -> dict[str, float]:
            shares = np.linalg.lstsq(scene, table[column].to_numpy(), rcond=None)[0]
            return dict(zip(truth, shares, strict=False))

        assert np.degrees(follows("pose_Rx")["pitch_deg"]) == pytest.approx(-1, abs=0.3)
        assert np.degrees(follows("pose_Ry")["yaw_deg"]) == pytest.approx(-1, abs=0.3)
        assert np.degrees(follows("pose_Rz")["roll_deg"]) == pytest.approx(1, abs=0.3)
        # Pupils are some 63 mm apart.
        assert 50 < follows("pose_Tx")["shift_right_iod"] < 80
        assert 50 < follows("pose_Ty")["shift_down_iod"] < 80
        assert 8 < np.degrees(follows("gaze_angle_x")["gaze_right"]) < 35
        assert (table["pose_Tz"] > 100).all()


def of_openface(track: LandmarkTrack) -> pd.DataFrame:
    signals = compute_signals(track).signals
    names = describe_per_frame()["name"][len(HEAD) :]
    values = openface_values(track, signals)
    return pd.DataFrame(values, columns=names[: values.shape[1]])


def looking(
    right: tuple[float, float], left: tuple[float, float] | None = None, **scene
) -> LandmarkTrack:
    """Irises off the middle of their eyes, in eye widths to the subject's left and up."""

    def shape(_: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        for side, towards in (("right", right), ("left", right if left is None else left)):
            outer, inner = (POINTS[f"{side}_eye_{end}"] for end in ("outer", "inner"))
            # Level, so that along the eye is along the face.
            face[inner, 1:] = face[outer, 1:]
            width = np.linalg.norm(face[outer] - face[inner])
            middle = (face[outer] + face[inner]) / 2
            face[POINTS[f"{side}_iris_centre"]] = middle + width * np.array([*towards, 0])
        return face

    return make_track(0.2, shape=shape, **scene)


class TestPoints:
    def test_those_of_dlib_are_its_own(self, tmp_path) -> None:
        track = of_dlib(make_track(0.2))
        table = written(tmp_path, track)
        for axis, letter in enumerate("xy"):
            found = table[[f"{letter}_{number}" for number in range(68)]]
            np.testing.assert_allclose(found, track.points_px[..., axis], rtol=1e-5)
        assert table.filter(like="gaze_").isna().all(axis=None)

    def test_those_of_the_mesh_lie_by_those_of_dlib(self) -> None:
        frame = Frame(0, 0.0, np.ascontiguousarray(skimage.data.astronaut()))
        places = {}
        for name in ("mediapipe", "dlib"):
            with make_backend(name) as backend:
                region = backend.search(frame, thorough=True)[0]
                face = backend.fit(frame, region)
                track = LandmarkTrack(
                    face.points_px[None], np.zeros(1), np.ones(1), backend.schema.name, (512, 512)
                )
            values = of_openface(track)
            places[name] = np.stack(
                [values.filter(regex=f"^{axis}_").to_numpy()[0] for axis in "xy"], 1
            )
        dlib = places["dlib"]
        apart = np.linalg.norm(places["mediapipe"] - dlib, axis=1)
        apart /= np.linalg.norm(dlib[36] - dlib[45])
        assert apart.shape == (68,)
        assert apart.mean() < 0.05
        assert apart.max() < 0.2

    @pytest.mark.parametrize("schema", SCHEMES.values(), ids=lambda schema: schema.name)
    def test_the_subject_s_right_is_left_in_the_picture(self, schema) -> None:
        """Points of 300-W: jaw from 0 on the right to 16 on the left, corners of the mouth."""
        points = np.full((1, schema.n_points, 3), np.nan)
        for name, place in schema.average_cm.items():
            points[0, schema.points[name]] = np.array(place) * [1, -1, -1]
        track = LandmarkTrack(points, np.zeros(1), np.ones(1), schema.name, (64, 64))
        row = of_openface(track).iloc[0]
        assert row["x_0"] < row["x_36"] < row["x_39"] < row["x_42"] < row["x_45"] < row["x_16"]
        assert row["x_48"] < row["x_54"]
        assert row["y_27"] < row["y_30"] < row["y_33"] < row["y_48"] < row["y_8"]


class TestRows:
    def test_a_frame_without_the_face_is_an_empty_row(self, tmp_path) -> None:
        table = written(tmp_path, make_track(1.0, missing=slice(5, 9)))
        lost = table["frame"].between(6, 9)
        assert table["frame"].tolist() == [*range(1, 26)]
        assert (table["success"] == (~lost).astype(int)).all()
        assert (table.loc[lost, "confidence"] == 0).all()
        measured = table.columns.difference(HEAD)
        assert table.loc[lost, measured].isna().all(axis=None)
        assert table.loc[~lost, ["pose_Rx", "x_0", "head_pose__yaw_deg"]].notna().all(axis=None)

    def test_a_face_seen_badly_is_no_success(self, tmp_path) -> None:
        track = make_track(0.2)
        track.confidence[:] = [1, 0.5, 0.49, 0.6, 0]
        table = written(tmp_path, track)
        assert table["success"].tolist() == [1, 1, 0, 1, 0]
        assert table["confidence"].tolist() == [1, 0.5, 0.49, 0.6, 0]
        assert table["x_0"].notna().tolist() == [True, True, False, True, False]

    def test_several_faces_come_frame_by_frame(self, tmp_path) -> None:
        tracks = [make_track(12.0, shift_px=lambda _, n=n: (50.0 * n, 0)) for n in range(3)]
        table = written(tmp_path, *tracks)
        assert table["frame"].tolist() == [n for n in range(1, 301) for _ in range(3)]
        assert table["face_id"].tolist() == [0, 1, 2] * 300
        for face, track in enumerate(tracks):
            own = table[(table["success"] == 1) & (table["face_id"] == face)]
            np.testing.assert_allclose(own["timestamp"], track.time_s, rtol=0, atol=0)
            np.testing.assert_allclose(
                own["x_30"], track.points_px[:, POINTS["nose_tip"], 0], rtol=1e-5
            )

    def test_times_increase_however_close(self, tmp_path) -> None:
        track = make_track(0.2)
        times_s = np.array([3600, 3600 + 1e-9, 3600.1, 3600.1 + 1e-9, 36000.0])
        table = written(tmp_path, replace(track, time_s=times_s))
        text = pd.read_csv(tmp_path / "clip.mp4.csv", dtype=str)["timestamp"]
        assert [float(time) for time in text] == times_s.tolist()
        assert (np.diff(table["timestamp"]) > 0).all()

    def test_every_signal_is_there_under_its_own_name(self, tmp_path) -> None:
        track = make_track(1.0, rotation=lambda t: turn(10 * t, 5 * t), blendshapes=_some_shapes)
        table, signals = written(tmp_path, track), compute_signals(track).signals
        for signal in FRAME_SIGNALS:
            np.testing.assert_allclose(table[signal.column], signals[signal.column], rtol=1e-5)
        assert table["expression__jaw_open"].gt(0).any()

    def test_what_is_not_a_number_is_empty(self, tmp_path) -> None:
        recording = compute_signals(make_track(0.2))
        signals = dict(recording.signals) | {"mouth__mar": np.array([np.inf, -np.inf, -0.0, 1, 2])}
        path = write_per_frame([replace(recording, signals=signals)], tmp_path, "clip.mp4")
        words = pd.read_csv(path, dtype=str, keep_default_na=False)["mouth__mar"]
        assert words.tolist() == ["", "", "0", "1", "2"]

    def test_a_video_without_a_face_has_a_header(self, tmp_path) -> None:
        table = as_openface_scripts_do(write_per_frame([], tmp_path, "clip.mp4"))
        assert table.empty
        assert table.columns.tolist() == describe_per_frame()["name"].tolist()

    def test_faces_of_different_videos_are_refused(self, tmp_path) -> None:
        two = [compute_signals(make_track(length_s)) for length_s in (0.2, 0.4)]
        with pytest.raises(TrackError, match="same frames"):
            write_per_frame(two, tmp_path, "clip.mp4")
        assert list(tmp_path.iterdir()) == []


def _some_shapes(time_s: np.ndarray) -> np.ndarray:
    return np.outer(time_s, np.linspace(0.1, 0.9, 52))


class TestColumns:
    def test_they_are_those_of_openface_in_its_order_then_ours(self) -> None:
        names = describe_per_frame()["name"].tolist()
        gaze = [f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"]
        pose = [f"pose_{kind}{axis}" for kind in "TR" for axis in "xyz"]
        points = [f"{axis}_{number}" for axis in "xy" for number in range(68)]
        theirs = [*HEAD, *gaze, "gaze_angle_x", "gaze_angle_y", *pose, *points]
        assert names == [*theirs, *(signal.column for signal in FRAME_SIGNALS)]
        assert len(set(names)) == len(names)
        assert not [name for name in names if name.startswith("AU")]

    def test_each_is_described(self) -> None:
        table = describe_per_frame()
        assert table.columns.tolist() == ["name", "unit", "meaning", "reference"]
        assert (table.map(len) > 0).all(axis=None)
        assert not table["meaning"].str.endswith(".").any()

    def test_the_file_beside_says_the_same_in_any_process(self, tmp_path) -> None:
        path = write_per_frame_columns(tmp_path / "made" / "new")
        assert path == tmp_path / "made" / "new" / "columns.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        assert content["columns"] == describe_per_frame().to_dict("records")
        code = (
            "import sys; from pathlib import Path\n"
            "from featurize.per_frame.columns import write_per_frame_columns as write\n"
            "write(Path(sys.argv[1]))"
        )
        command = [sys.executable, "-c", code, str(tmp_path)]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C"})
        assert (tmp_path / "columns.json").read_bytes() == path.read_bytes()

    def test_a_folder_that_cannot_be_made_is_one_sentence(self, tmp_path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="another folder"):
            write_per_frame_columns(tmp_path / "file")


class Breaking(Mapping):
    """Signals of a file that can be read for so many pieces."""

    def __init__(self, signals: Mapping[str, np.ndarray], n_reads: int) -> None:
        self._signals, self._n_left = signals, n_reads

    def __getitem__(self, name: str) -> np.ndarray:
        self._n_left -= 1
        if self._n_left < 0:
            raise OSError(28, "No space left on device")
        return self._signals[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._signals)

    def __len__(self) -> int:
        return len(self._signals)


class TestFiles:
    def test_bytes_depend_on_what_was_measured_alone(self, tmp_path) -> None:
        recordings = [compute_signals(make_track(12.0, noise_px=0.3, missing=slice(100, 130)))]
        one = write_per_frame(recordings, tmp_path / "one", "a/b.mp4").read_bytes()
        assert write_per_frame(recordings, tmp_path / "two", "/x.mp4").read_bytes() == one
        assert one.count(b"\n") == 301
        assert one.isascii()

    def test_it_is_whole_or_as_it_was(self, tmp_path) -> None:
        recording = compute_signals(make_track(24.0))
        path = write_per_frame([recording], tmp_path, "clip.mp4")
        before = path.read_bytes()
        broken = replace(recording, signals=Breaking(recording.signals, len(FRAME_SIGNALS)))
        with pytest.raises(OutputError, match="No space left on device"):
            write_per_frame([broken], tmp_path, "clip.mp4")
        assert path.read_bytes() == before
        assert [*tmp_path.iterdir()] == [path]

    def test_a_folder_that_is_a_file_is_one_sentence(self, tmp_path) -> None:
        (tmp_path / "a").write_text("")
        with pytest.raises(OutputError, match="another folder"):
            write_per_frame([compute_signals(make_track(0.2))], tmp_path, "a/clip.mp4")

    def test_memory_does_not_grow_with_the_video(self, tmp_path) -> None:
        def peak_bytes(n_frames: int) -> int:
            recording = compute_signals(make_track(n_frames / 25))
            tracemalloc.start()
            write_per_frame([recording], tmp_path, f"{n_frames}.mp4")
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return peak

        peak_bytes(256)  # what is imported and cached at first use
        assert peak_bytes(1024) < 1.2 * peak_bytes(512)
