import hashlib
import os
from pathlib import Path

import av
import cv2
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.synthesis import SynthesisError, make_dataset, random_faults, random_script
from featurize.synthesis.dataset import plan_takes

TINY = {"n_people": 2, "seed": 5, "fps": 12.0, "duration_s": 1.0, "size_px": 96}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripted")
    return folder, make_dataset(folder, n_takes=2, n_jobs=1, **TINY)


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_manifest_names_every_clip_and_no_other(dataset):
    folder, manifest = dataset
    assert sorted(manifest["path"]) == sorted(p.name for p in folder.glob("*.mp4"))
    assert len(manifest) == 2 * 2 * 2
    pd.testing.assert_frame_equal(pd.read_csv(folder / "manifest.csv"), manifest)


def test_labels_methods_and_groups(dataset):
    _, manifest = dataset
    assert set(zip(manifest["label"], manifest["method"], strict=True)) == {
        ("real", "none"),
        ("fake", "scripted-face-swap"),
    }
    assert manifest.groupby("group")["label"].value_counts().eq(2).all()
    assert manifest["group"].nunique() == 2
    assert set(manifest["dataset"]) == {"scripted"}
    assert set(manifest["compression"]) == {"c23"}


def test_clips_have_the_asked_size_rate_and_length(dataset):
    folder, manifest = dataset
    for path in manifest["path"]:
        with av.open(str(folder / path)) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height) == (96, 96)
            assert stream.average_rate == 12
            assert sum(1 for _ in container.decode(stream)) == 12


@pytest.fixture(scope="module")
def blinking(tmp_path_factory):
    """Clips long enough to hold blinks: the truth of each take, as written and as planned."""
    order = {"n_people": 4, "n_takes": 2, "seed": 2}
    folder, duration_s = tmp_path_factory.mktemp("blinking"), 10.0
    make_dataset(folder, **order, fps=2.0, duration_s=duration_s, size_px=64, n_jobs=1)
    truth = pd.read_csv(folder / "truth.csv").set_index("path")
    return [
        (
            truth.loc[take.file_name("real")],
            truth.loc[take.file_name("fake")],
            random_script(take.script_seed, duration_s),
            random_faults(take.faults_seed),
        )
        for take in plan_takes(**order)
    ]


def test_truth_of_the_authentic_clip_is_what_the_script_says(blinking):
    for real, _, script, _ in blinking:
        peaks_s = [float(peak_s) for peak_s in real["blink_peaks_s"].split()]
        assert peaks_s == pytest.approx([blink.peak_s for blink in script.blinks], abs=0.001)
        assert real["n_blinks"] == len(script.blinks)


def test_truth_of_the_swapped_clip_holds_the_blinks_only_of_a_face_that_blinks(blinking):
    assert all(len(script.blinks) > 0 for _, _, script, _ in blinking)
    assert {faults.blinks for *_, faults in blinking} == {True, False}
    for real, fake, _, faults in blinking:
        if faults.blinks:
            assert fake["n_blinks"] == real["n_blinks"]
            assert fake["blink_peaks_s"] == real["blink_peaks_s"]
        else:
            assert fake["n_blinks"] == 0
            assert pd.isna(fake["blink_peaks_s"])


def test_all_other_truth_is_the_same_for_the_two_clips_of_a_take(blinking):
    moves = [c for c in blinking[0][0].index if not c.startswith(("n_blinks", "blink_"))]
    assert len(moves) >= 8
    for real, fake, *_ in blinking:
        assert real[moves].tolist() == fake[moves].tolist()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**70))
def test_no_two_seeds_of_a_data_set_are_the_same(seed):
    takes = plan_takes(6, 3, seed)
    for person in range(6):
        assert len({take.identity_seed for take in takes if take.person == person}) == 1
    drawn = {take.identity_seed for take in takes}
    for take in takes:
        drawn |= {take.script_seed, take.faults_seed}
    assert len(drawn) == 6 + 18 + 18


def test_more_people_or_takes_leave_the_others_as_they_are():
    more = {(take.person, take.number): take for take in plan_takes(5, 3, 7)}
    assert all(more[take.person, take.number] == take for take in plan_takes(2, 2, 7))
    assert not set(plan_takes(2, 2, 8)) & set(more.values())


def test_the_same_bytes_for_any_number_of_processes(tmp_path):
    for n_jobs in (1, 2):
        make_dataset(tmp_path / str(n_jobs), n_jobs=n_jobs, **TINY)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_another_seed_is_another_data_set(tmp_path, dataset):
    make_dataset(tmp_path, n_jobs=1, **(TINY | {"seed": 6, "n_people": 1}))
    assert (
        digests(tmp_path)["person-000_take-0_real.mp4"]
        != (digests(dataset[0])["person-000_take-0_real.mp4"])
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_people", 0),
        ("n_people", -3),
        ("n_takes", 0),
        ("seed", -1),
        ("fps", 0.0),
        ("fps", float("nan")),
        ("fps", float("inf")),
        ("duration_s", 0.0),
        ("duration_s", -1.0),
        ("duration_s", float("inf")),
        ("duration_s", 0.001),
        ("size_px", 97),
        ("size_px", 32),
        ("crf", 52),
        ("crf", -1),
        ("n_jobs", 0),
    ],
)
def test_an_order_that_cannot_be_filmed_is_refused_before_any_work(tmp_path, name, value):
    folder = tmp_path / "clips"
    with pytest.raises(SynthesisError, match=rf"\b{name}\b") as caught:
        make_dataset(folder, **(TINY | {"n_jobs": 1, name: value}))
    assert "\n" not in str(caught.value)
    assert not folder.exists()


@pytest.mark.parametrize("place", ["file", "file/clips"])
def test_a_file_where_the_folder_should_be_is_refused(tmp_path, place):
    (tmp_path / "file").write_text("here first")
    with pytest.raises(SynthesisError, match="name a folder"):
        make_dataset(tmp_path / place, n_jobs=1, **TINY)
    assert (tmp_path / "file").read_text() == "here first"


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    # Permissions do not bind the superuser; /proc takes files from nobody.
    folder = Path("/proc") if os.access(tmp_path, os.W_OK) else tmp_path
    with pytest.raises(SynthesisError, match="name a folder"):
        make_dataset(folder, n_jobs=1, **TINY)
    tmp_path.chmod(0o700)


def test_the_threads_of_opencv_are_left_as_they_were(tmp_path):
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(3)
        make_dataset(tmp_path, n_jobs=1, **(TINY | {"n_people": 1, "duration_s": 0.2}))
        assert cv2.getNumThreads() == 3
        # A folder in the place of a clip: filming itself fails.
        clip = tmp_path / "person-000_take-0_real.mp4"
        clip.unlink()
        clip.mkdir()
        with pytest.raises(IsADirectoryError):
            make_dataset(tmp_path, n_jobs=1, **(TINY | {"n_people": 1, "duration_s": 0.2}))
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
