"""Landmarks on their way through temporary files: nothing is lost, little is kept in memory."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from featurize.errors import OutputError, TrackError
from featurize.landmarks.storage.spool import STEPS_PER_UNIT, MappedArrays, TrackSpool, rounded
from featurize.types import LandmarkTrack, pieces

ROOT = Path(__file__).parents[2]


@given(
    name=st.sampled_from(sorted(STEPS_PER_UNIT)),
    values=stn.arrays(np.float64, 20, elements=st.floats(-16384, 16384) | st.just(np.nan)),
)
def test_rounding_stays_within_half_a_step_and_is_done_once(name: str, values: np.ndarray) -> None:
    found = rounded(name, values)
    assert found.dtype == np.float32
    # float32 has 24 bits: where they do not reach down to a step, they are as near as can be.
    coarser = np.abs(found) * STEPS_PER_UNIT[name] >= 2**24
    most = 1.0 if name == "confidence" else 0.5  # confidence is rounded down
    reach = most / STEPS_PER_UNIT[name] + np.where(coarser, np.spacing(np.abs(found)) / 2, 0)
    near = np.abs(found.astype(np.float64) - values) <= reach
    assert (near | np.isnan(values)).all()
    assert np.isnan(found[np.isnan(values)]).all()
    assert rounded(name, found).tobytes() == found.tobytes()
    assert not np.signbit(found[found == 0]).any()


def test_a_confidence_under_one_half_stays_under_it() -> None:
    assert rounded("confidence", np.array([0.49999, 0.5])).tolist() == [511 / 1024, 0.5]


def test_every_step_in_an_8k_picture_is_a_float32() -> None:
    for last in (7680, 8192):
        steps = np.arange((last - 8) * 256, last * 256, dtype=np.int64)
        assert (rounded("points_px", steps / 256).astype(np.float64) * 256 == steps).all()


@given(seen=st.lists(st.booleans(), min_size=1, max_size=600), seed=st.integers(0, 9))
def test_rows_of_two_people_lie_where_they_were_seen(seen: list[bool], seed: int) -> None:
    """One person is in the frames drawn, the other in all: their rows are interleaved."""
    rng = np.random.default_rng(seed)
    places = {"one": np.flatnonzero(seen), "all": np.arange(len(seen))}
    truth = {
        who: rounded("points_px", rng.uniform(0, 500, (len(seen), 5, 3))) for who in ("one", "all")
    }
    rows = {who: [] for who in places}
    with TrackSpool() as spool:
        for frame in range(len(seen)):
            for who in places:
                if who == "all" or seen[frame]:
                    points = truth[who][frame]
                    rows[who].append(spool.append(points_px=points, confidence=0.5, pose=None))
        for who, frames in places.items():
            arrays = spool.spread(frames, rows[who], len(seen)) if len(frames) else {}
            if not arrays:
                continue
            assert sorted(arrays) == ["confidence", "points_px"]
            expected = np.full_like(truth[who], np.nan)
            expected[frames] = truth[who][frames]
            np.testing.assert_array_equal(arrays["points_px"], expected)
            shown = np.isin(np.arange(len(seen)), frames)
            np.testing.assert_array_equal(arrays["confidence"], np.where(shown, 0.5, 0))
            assert not any(array.flags.writeable for array in arrays.values())


def test_faces_of_another_shape_are_refused() -> None:
    with TrackSpool() as spool:
        spool.append(points_px=np.zeros((68, 3)), confidence=1)
        with pytest.raises(TrackError):
            spool.append(points_px=np.zeros((478, 3)), confidence=1)
        with pytest.raises(TrackError):
            spool.append(points_px=np.zeros((68, 3)), confidence=1, pose=np.eye(4))
    with pytest.raises(TrackError):
        MappedArrays({"pose": (4, 4)}, 3).write("pose", 2, np.zeros((2, 4, 4)))


def test_no_temporary_folder_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(OutputError, match="TMPDIR") as caught:
        TrackSpool()
    assert "\n" not in str(caught.value)


def test_nothing_is_left_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with TrackSpool() as spool:
        row = spool.append(points_px=np.zeros((68, 3)), confidence=1)
        arrays = spool.spread([0], [row], 1)
        assert list(tmp_path.iterdir()) == []
    assert arrays["confidence"].tolist() == [1]


def test_a_part_of_a_track_is_a_copy_of_it(tmp_path: Path) -> None:
    """Of a private map, too, nothing that was written to it is lost when its pages are let go."""
    np.zeros((600, 478, 3), np.float32).tofile(tmp_path / "points")
    points = np.memmap(tmp_path / "points", np.float32, "c", shape=(600, 478, 3))
    points[300] = 7
    track = LandmarkTrack(points, np.arange(600) / 25, np.ones(600, np.float32), "s", (9, 9))
    parts = [track.part(piece) for piece in pieces(600)]
    parts[0].points_px[:] = 5
    assert [part.n_frames for part in parts] == [200, 200, 200]
    assert (parts[1].points_px[100] == 7).all()
    assert points[300].min() == 7
    assert points[:200].max() == 0
    np.testing.assert_array_equal(
        np.concatenate([part.time_s for part in parts]), np.arange(600) / 25
    )


def test_a_long_video_takes_no_more_memory_than_a_short_one() -> None:
    """48 MB of landmarks go through the spool and are read back; a fresh process tells the peak."""
    code = """
import re, sys
import numpy as np
from featurize.landmarks.storage.spool import TrackSpool
from featurize.types import LandmarkTrack, pieces

n_frames = int(sys.argv[1])
with TrackSpool() as spool:
    for frame in range(n_frames):
        spool.append(points_px=np.full((478, 3), frame % 500), confidence=1)
    arrays = spool.spread(range(n_frames), range(n_frames), n_frames)
track = LandmarkTrack(
    time_s=np.arange(n_frames) / 25, schema="mediapipe478", frame_size_px=(512, 512), **arrays
)
assert track.present.all()
for piece in pieces(n_frames):
    assert (track.part(piece).points_px[:, 7, 1] == np.arange(n_frames)[piece] % 500).all()
# Not ru_maxrss, in which a new process begins at the memory of the one it came from.
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""
    peaks_mb = [
        float(
            subprocess.run(
                [sys.executable, "-c", code, str(n_frames)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for n_frames in (1000, 8000)
    ]
    assert peaks_mb[1] - peaks_mb[0] < 8
