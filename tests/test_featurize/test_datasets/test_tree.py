"""Each file once, whatever links lead to it."""

import os
from pathlib import Path

import pytest

from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.tree import each_file_once
from featurize.errors import ManifestError
from tests.test_featurize.test_datasets.command import run, written
from tests.test_featurize.test_datasets.trees import grow


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_copies_by_link_are_listed_once_with_the_identities_of_all(tmp_path: Path, link) -> None:
    root = grow(tmp_path / "clips", "real/b.mp4", "real/c.mp4", "fake/swap/a.mp4")
    link(root / "real/b.mp4", root / "real/a.mp4")
    text = run("folder", root, "-o", tmp_path / "m.csv")
    groups = written(tmp_path / "m.csv")["group"]
    assert sorted(groups.index) == [
        f"clips/{name}" for name in ("fake/swap/a.mp4", "real/a.mp4", "real/c.mp4")
    ]
    # The fake has the name of one copy only.
    assert (
        groups["clips/fake/swap/a.mp4"] == groups["clips/real/a.mp4"] != groups["clips/real/c.mp4"]
    )
    assert (
        "Only the first path is listed of 1 video that a link leads to once more (first: "
        "real/b.mp4, which is real/a.mp4)." in text
    )


def test_a_fake_of_either_name_of_its_original_is_of_its_group(tmp_path: Path) -> None:
    root = grow(tmp_path / "clips", "real/a.mp4", "fake/a.mp4", "fake/b.mp4")
    (root / "real/b.mp4").hardlink_to(root / "real/a.mp4")
    run("folder", root, "-o", tmp_path / "m.csv")
    groups = written(tmp_path / "m.csv")["group"]
    assert len(groups) == 3
    assert groups.nunique() == 1


def test_one_file_that_is_both_real_and_fake_is_refused(tmp_path: Path) -> None:
    root = grow(tmp_path / "clips", "real/a.mp4")
    (root / "fake").mkdir()
    (root / "fake/x.mp4").symlink_to(root / "real/a.mp4")
    with pytest.raises(ManifestError, match=r"fake/x\.mp4 and real/a\.mp4 are one file by a link"):
        run("folder", root, "-o", tmp_path / "m.csv")


def test_files_of_the_same_content_and_files_that_are_gone_are_no_copies(tmp_path: Path) -> None:
    grow(tmp_path, "a.mp4", "b.mp4")
    videos = [ListedVideo(f"{name}.mp4", "real", frozenset({name})) for name in "abxy"]
    listing = Listing("D", tuple(videos), (), ())
    assert each_file_once(listing, tmp_path) is listing
