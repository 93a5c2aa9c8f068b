import pytest

from featurize.datasets.uadfv import list_uadfv
from featurize.errors import ManifestError
from tests.test_featurize.test_datasets.listed import groups_of, paths_with
from tests.test_featurize.test_datasets.trees import grow

PUBLISHED = [
    *(f"real/{number:04d}.mp4" for number in range(49)),
    *(f"fake/{number:04d}_fake.mp4" for number in range(49)),
]


def test_the_published_tree_is_49_pairs_and_nothing_is_missing(tmp_path):
    listing = list_uadfv(grow(tmp_path, *PUBLISHED))
    assert listing.dataset == "UADFV"
    assert len(paths_with(listing, label="real", method="", split="", compression="")) == 49
    assert len(paths_with(listing, label="fake", method="FakeApp", split="")) == 49
    assert listing.missing == listing.surplus == ()


def test_a_fake_is_grouped_with_its_original_and_no_one_else(tmp_path):
    listing = list_uadfv(grow(tmp_path, *PUBLISHED))
    groups = groups_of(listing)
    assert len(set(groups.values())) == 49
    assert all(
        groups[f"real/{number:04d}.mp4"] == groups[f"fake/{number:04d}_fake.mp4"]
        for number in range(49)
    )


def test_the_remark_says_that_all_fakes_show_one_actor(tmp_path):
    (remark,) = list_uadfv(grow(tmp_path, *PUBLISHED)).remarks
    assert "same actor" in remark


def test_missing_and_surplus_are_named(tmp_path):
    present = [path for path in PUBLISHED if path not in ("real/0007.mp4", "fake/0048_fake.mp4")]
    others = ["fake/0007.mp4", "real/0001_fake.mp4", "real/clip.mp4", "notes.mp4"]
    listing = list_uadfv(grow(tmp_path, *present, *others, "real/._0001.mp4", "real/a.txt"))
    assert listing.missing == ("fake/0048_fake.mp4", "real/0007.mp4")
    assert listing.surplus == ("fake/0007.mp4", "notes.mp4", "real/0001_fake.mp4", "real/clip.mp4")
    assert len(listing.videos) == 96


def test_upper_case_and_a_folder_in_between_are_read(tmp_path):
    listing = list_uadfv(grow(tmp_path, "Real/videos/0003.MP4", "FAKE/videos/0003_fake.AVI"))
    assert [video.label for video in listing.videos] == ["fake", "real"]
    assert listing.videos[0].identities == listing.videos[1].identities
    assert "real/0003.mp4" not in listing.missing


def test_a_folder_too_high_or_too_low_names_the_right_one(tmp_path):
    grow(tmp_path / "UADFV", *PUBLISHED[:3])
    with pytest.raises(ManifestError, match=rf"give {tmp_path / 'UADFV'}"):
        list_uadfv(tmp_path)
    with pytest.raises(ManifestError, match=rf"give {tmp_path / 'UADFV'}"):
        list_uadfv(tmp_path / "UADFV" / "real")


def test_several_copies_below_one_folder_are_refused(tmp_path):
    grow(tmp_path / "a", *PUBLISHED[:3])
    grow(tmp_path / "b", *PUBLISHED[:3])
    with pytest.raises(ManifestError, match=r"in 2 places \(a, b\)"):
        list_uadfv(tmp_path)


@pytest.mark.parametrize("paths", [[], ["real/notes.txt"], ["clips/0000.mp4"]])
def test_another_folder_is_refused_with_what_was_expected(tmp_path, paths):
    with pytest.raises(ManifestError, match=r"should hold the folders real/, fake/"):
        list_uadfv(grow(tmp_path, *paths))


def test_no_folder_and_a_file_are_refused(tmp_path):
    (tmp_path / "file").touch()
    for path in ("nowhere", "file"):
        with pytest.raises(ManifestError, match=path):
            list_uadfv(tmp_path / path)
