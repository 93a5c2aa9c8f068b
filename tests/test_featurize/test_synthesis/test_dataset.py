import hashlib

import av
import pandas as pd
import pytest

from featurize.synthesis import make_dataset

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


def test_truth_agrees_between_the_two_clips_of_a_take_but_for_blinks(dataset):
    folder, manifest = dataset
    truth = pd.read_csv(folder / "truth.csv").set_index("path")
    labels = manifest.set_index("path")["label"]
    real = truth[labels[truth.index] == "real"]
    fake = truth[labels[truth.index] == "fake"]
    assert (fake["n_blinks"] == 0).all()
    moves = [c for c in truth.columns if not c.startswith(("n_blinks", "blink_"))]
    assert len(moves) >= 8
    assert (real[moves].to_numpy() == fake[moves].to_numpy()).all()


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
