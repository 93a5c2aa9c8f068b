"""Any folder with real/ and fake/: labels, methods, splits, and who is grouped with whom."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.datasets.folder import list_folder
from featurize.datasets.manifest_file import make_manifest
from featurize.errors import ManifestError
from featurize.manifest import read_videos
from tests.test_featurize.test_datasets.listed import by_path, groups_of, paths_with
from tests.test_featurize.test_datasets.trees import grow


def test_labels_are_those_of_a_run_on_the_folder(tmp_path):
    grow(
        tmp_path / "clips",
        *("real/a.mp4", "fake/a.mp4", "Fake/b.MOV", "x/REAL/y/c.mkv", "fake/real/d.mp4"),
        *("loose.mp4", "other/e.avi", "real/.hidden.mp4", "real/notes.txt"),
    )
    listing = list_folder(tmp_path / "clips")
    labels = {video.path: video.label for video in listing.videos}
    assert labels == {
        "Fake/b.MOV": "fake",
        "fake/a.mp4": "fake",
        "fake/real/d.mp4": "fake",
        "real/a.mp4": "real",
        "x/REAL/y/c.mkv": "real",
    }
    table, _ = read_videos(tmp_path / "clips")
    run = dict(zip(table["path"], table["label"], strict=True))
    assert {path: run[path] for path in labels} == labels
    assert listing.surplus == ("loose.mp4", "other/e.avi")
    assert listing.missing == ()
    assert listing.dataset == "clips"
    assert [video.path for video in listing.videos] == sorted(v.path for v in listing.videos)


def test_the_folder_below_fake_is_the_method(tmp_path):
    grow(
        tmp_path,
        *("real/a.mp4", "real/studio/b.mp4", "fake/faceswap/a.mp4", "fake/lips/deep/b.mp4"),
        "fake/c.mp4",
    )
    listing = list_folder(tmp_path)
    assert {video.path: video.method for video in listing.videos} == {
        "real/a.mp4": "",
        "real/studio/b.mp4": "",
        "fake/faceswap/a.mp4": "faceswap",
        "fake/lips/deep/b.mp4": "lips",
        "fake/c.mp4": "",
    }
    assert any("taken for methods: faceswap, lips" in remark for remark in listing.remarks)


@pytest.mark.parametrize("path", ["{}/fake/swap/a.mp4", "fake/{}/swap/a.mp4", "fake/swap/{}/a.mp4"])
@pytest.mark.parametrize(
    ("folder", "split"),
    [("train", "train"), ("Val", "val"), ("validation", "val"), ("test", "test"), ("dev", "")],
)
def test_split_folders_are_read_above_and_below_the_label(tmp_path, path, folder, split):
    listing = list_folder(grow(tmp_path, path.format(folder)))
    assert listing.videos[0].split == split
    if split:
        assert listing.videos[0].method == "swap"


def test_the_folder_itself_may_be_the_label_or_the_split(tmp_path):
    grow(tmp_path, "test/fake/swap/a.mp4")
    (video,) = list_folder(tmp_path / "test").videos
    assert (video.label, video.method, video.split) == ("fake", "swap", "test")
    (video,) = list_folder(tmp_path / "test" / "fake").videos
    assert (video.label, video.method) == ("fake", "swap")


def test_fakes_are_grouped_with_the_original_of_their_name_in_the_same_split(tmp_path):
    grow(
        tmp_path,
        *("train/real/a.mp4", "train/fake/swap/a.avi", "train/fake/lips/a.mp4"),
        *("train/real/b.mp4", "test/real/a.mp4", "test/fake/swap/a.mp4"),
    )
    groups = groups_of(list_folder(tmp_path))
    assert (
        groups["train/real/a.mp4"]
        == groups["train/fake/swap/a.avi"]
        == groups["train/fake/lips/a.mp4"]
    )
    assert groups["test/real/a.mp4"] == groups["test/fake/swap/a.mp4"]
    assert len(set(groups.values())) == 3


def test_authentic_videos_of_one_name_are_apart_unless_a_fake_has_it(tmp_path):
    grow(tmp_path, "real/anna/0.mp4", "real/ben/0.mp4")
    assert len(set(groups_of(list_folder(tmp_path)).values())) == 2
    grow(tmp_path, "fake/0.mp4")
    listing = list_folder(tmp_path)
    assert len(set(groups_of(listing).values())) == 1
    assert any(
        "several authentic videos have: 1 (first: 0)" in remark for remark in listing.remarks
    )


def test_videos_of_no_common_name_are_groups_of_their_own(tmp_path):
    listing = list_folder(grow(tmp_path, "real/a.mp4", "real/b.mp4", "fake/c.mp4", "fake/d.mp4"))
    assert len(set(groups_of(listing).values())) == 4
    assert "name of an authentic video, which are grouped with it: 0 of 2;" in listing.remarks[0]


def test_two_folders_of_the_same_names_share_no_one(tmp_path):
    one = list_folder(grow(tmp_path / "one", "real/a.mp4"))
    two = list_folder(grow(tmp_path / "two", "real/a.mp4"))
    assert by_path(one)["real/a.mp4"].identities.isdisjoint(by_path(two)["real/a.mp4"].identities)


def test_linked_folders_are_followed(tmp_path):
    store = grow(tmp_path / "store", "authentic/a.mp4", "swapped/a.mp4")
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "real").symlink_to(store / "authentic")
    (tmp_path / "clips" / "fake").symlink_to(store / "swapped")
    (store / "authentic" / "loop").symlink_to(tmp_path / "clips")
    listing = list_folder(tmp_path / "clips")
    assert {video.path: video.label for video in listing.videos} == {
        "fake/a.mp4": "fake",
        "real/a.mp4": "real",
    }


def test_name_that_is_not_utf8_does_not_stop_the_others(tmp_path):
    bad = os.fsdecode(b"real/\xff.mp4")
    listing = list_folder(grow(tmp_path / "clips", "real/a.mp4", bad))
    manifest, listed = make_manifest(listing, tmp_path / "clips", tmp_path / "m.csv")
    assert manifest["path"].tolist() == ["clips/real/a.mp4"]
    assert listed.surplus == (bad,)


def test_what_is_no_such_folder_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="no folder"):
        list_folder(tmp_path / "nowhere")
    with pytest.raises(ManifestError, match="holds 0 videos"):
        list_folder(tmp_path)
    grow(tmp_path, "a.mp4", "genuine/b.mp4")
    with pytest.raises(ManifestError, match="holds 2 videos, none of them"):
        list_folder(tmp_path)
    with pytest.raises(ManifestError, match="not a folder"):
        list_folder(tmp_path / "a.mp4")


@settings(max_examples=30, deadline=None)
@given(
    names=st.lists(
        st.tuples(
            st.sampled_from(["real", "fake", "fake/swap", "fake/lips"]), st.sampled_from("abcd")
        ),
        min_size=1,
        unique=True,
    )
)
def test_a_fake_and_an_authentic_video_of_its_name_are_never_apart(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("folder")
    listing = list_folder(grow(root, *(f"{folder}/{name}.mp4" for folder, name in names)))
    groups = groups_of(listing)
    assert len(set(groups.values())) == len({name for _, name in names})
    assert len(paths_with(listing, label="fake")) == sum("fake" in folder for folder, _ in names)
