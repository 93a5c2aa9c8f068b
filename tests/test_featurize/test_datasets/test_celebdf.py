"""Celeb-DF: the tree of its README, lines of its official list of testing videos."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.datasets.celebdf import list_celebdf
from featurize.errors import ManifestError
from tests.test_featurize.test_datasets.listed import by_path, groups_of, paths_with
from tests.test_featurize.test_datasets.trees import grow, write

LIST = "List_of_testing_videos.txt"

# Lines of the published list of version 2, which begins with that of version 1.
V1_LINES = [
    *("1 YouTube-real/00170.mp4", "1 YouTube-real/00208.mp4", "1 Celeb-real/id1_0007.mp4"),
    *("0 Celeb-synthesis/id1_id0_0007.mp4", "0 Celeb-synthesis/id10_id7_0004.mp4"),
]
V2_LINES = [
    *V1_LINES,
    *("1 YouTube-real/00289.mp4", "1 Celeb-real/id39_0005.mp4"),
    *("0 Celeb-synthesis/id16_id20_0000.mp4", "0 Celeb-synthesis/id46_id41_0000.mp4"),
]
V1_TRAIN = [
    *("YouTube-real/00000.mp4", "Celeb-real/id0_0000.mp4", "Celeb-real/id7_0001.mp4"),
    *("Celeb-synthesis/id0_id2_0000.mp4", "Celeb-synthesis/id11_id7_0003.mp4"),
]
V2_TRAIN = [
    *V1_TRAIN,
    *("YouTube-real/00290.mp4", "Celeb-real/id20_0003.mp4"),
    *("Celeb-synthesis/id20_id2_0003.mp4", "Celeb-synthesis/id60_id61_0009.mp4"),
]


def grown(root: Path, lines: list[str], others: list[str]) -> Path:
    write(root / LIST, "\n".join(lines) + "\n")
    return grow(root, *(line.split()[1] for line in lines), *others)


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    return grown(tmp_path, V2_LINES, V2_TRAIN)


def test_labels_and_methods_are_those_of_the_folders(v2):
    listing = list_celebdf(v2)
    assert listing.dataset == "Celeb-DF v2"
    assert paths_with(listing, label="fake", method="Celeb-synthesis") == sorted(
        path
        for path in (*V2_TRAIN, *(line.split()[1] for line in V2_LINES))
        if path.startswith("Celeb-synthesis")
    )
    assert len(paths_with(listing, label="real", method="", compression="")) == 10
    assert listing.missing == listing.surplus == ()


def test_the_official_list_is_the_test_split_and_the_rest_trains(v2):
    listing = list_celebdf(v2)
    assert paths_with(listing, split="test") == sorted(line.split()[1] for line in V2_LINES)
    assert paths_with(listing, split="train") == sorted(V2_TRAIN)


def test_a_fake_is_of_both_celebrities_and_groups_are_joined_transitively(v2):
    listing = list_celebdf(v2)
    swap = by_path(listing)["Celeb-synthesis/id20_id2_0003.mp4"]
    assert swap.identities == {"celebdf/id20", "celebdf/id2"}
    groups = groups_of(listing)
    # id1-id0, id0-id2, id2-id20, id20-id16.
    joined = [
        *("Celeb-real/id1_0007.mp4", "Celeb-real/id0_0000.mp4", "Celeb-real/id20_0003.mp4"),
        *("Celeb-synthesis/id16_id20_0000.mp4", "Celeb-synthesis/id0_id2_0000.mp4"),
    ]
    assert len({groups[path] for path in joined}) == 1
    # id10, id7 and id11 are swapped among themselves only, and so are id41 and id46.
    assert (
        groups["Celeb-synthesis/id10_id7_0004.mp4"]
        == groups["Celeb-synthesis/id11_id7_0003.mp4"]
        == groups["Celeb-real/id7_0001.mp4"]
        != groups[joined[0]]
    )
    # These three, id60 with id61, id39 alone, and five people of YouTube-real.
    assert len(set(groups.values())) == 3 + 1 + 1 + 5


def test_remark_counts_people_on_both_sides_of_the_official_split(v2):
    remarks = " ".join(list_celebdf(v2).remarks)
    # Test: id0, 1, 7, 10, 16, 20, 39, 41, 46 and three of YouTube; of them 0, 7 and 20 train.
    assert "of those in its test videos are in training videos too: 3 of 12." in remarks


def test_version_1_is_told_by_what_it_does_not_have(tmp_path):
    listing = list_celebdf(grown(tmp_path, V1_LINES, V1_TRAIN))
    assert listing.dataset == "Celeb-DF v1"
    assert any("a part of version 2 would look the same" in remark for remark in listing.remarks)
    assert any("158 videos of Celeb-DF v1" in remark for remark in listing.remarks)


@pytest.mark.parametrize(
    "video",
    ["YouTube-real/00250.mp4", "Celeb-real/id19_0000.mp4", "Celeb-synthesis/id1_id26_1.mp4"],
)
def test_one_video_of_version_2_is_enough(tmp_path, video):
    listing = list_celebdf(grown(tmp_path, V1_LINES, [*V1_TRAIN, video]))
    assert listing.dataset == "Celeb-DF v2"


def test_the_list_tells_version_2_where_the_videos_do_not(tmp_path):
    write(tmp_path / LIST, "\n".join(V2_LINES))
    listing = list_celebdf(grow(tmp_path, *V1_TRAIN))
    assert listing.dataset == "Celeb-DF v2"
    assert listing.missing == tuple(sorted(line.split()[1] for line in V2_LINES))


def test_a_complete_version_1_has_no_doubt(tmp_path):
    grow(
        tmp_path,
        *(f"YouTube-real/{number:05d}.mp4" for number in range(250)),
        *(f"Celeb-real/id{number % 14}_{number:04d}.mp4" for number in range(158)),
        *(f"Celeb-synthesis/id{n % 7}_id{7 + n % 11}_{n:04d}.mp4" for n in range(795)),
    )
    listing = list_celebdf(write(tmp_path / LIST, "\n".join(V1_LINES)).parent)
    assert (listing.dataset, len(listing.videos)) == ("Celeb-DF v1", 158 + 250 + 795)
    assert not any("version 1" in remark or "Celeb-DF v" in remark for remark in listing.remarks)


def test_without_the_list_there_is_no_split_and_the_list_is_missing(tmp_path):
    listing = list_celebdf(grow(tmp_path, *V2_TRAIN))
    assert listing.missing == (LIST,)
    assert {video.split for video in listing.videos} == {""}
    assert any("no official split" in remark for remark in listing.remarks)


def test_missing_and_surplus_are_named(v2):
    (v2 / "Celeb-real/id39_0005.mp4").unlink()
    grow(
        v2,
        *(
            "Celeb-real/._id0_0000.mp4",
            "Celeb-real/id0_id1_0000.mp4",
            "Celeb-synthesis/id3_0000.mp4",
        ),
        *("YouTube-real/clip.mp4", "demo.mp4", "Celeb-real/id0_0000.txt"),
    )
    listing = list_celebdf(v2)
    assert listing.missing == ("Celeb-real/id39_0005.mp4",)
    assert listing.surplus == (
        *("Celeb-real/id0_id1_0000.mp4", "Celeb-synthesis/id3_0000.mp4", "YouTube-real/clip.mp4"),
        "demo.mp4",
    )


def test_other_case_and_a_folder_in_between_are_the_same_videos(tmp_path):
    write(tmp_path / LIST, "\n".join(V1_LINES))
    grow(tmp_path, "Youtube-real/videos/00170.MP4", "Celeb-real/videos/id1_0007.mp4")
    listing = list_celebdf(tmp_path)
    assert len(paths_with(listing, split="test", label="real")) == 2
    assert "YouTube-real/00170.mp4" not in listing.missing


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_list_saved_by_an_editor_is_read(tmp_path, encoding):
    (tmp_path / LIST).write_text("\r\n".join([*V1_LINES, "", V1_LINES[0]]), encoding=encoding)
    listing = list_celebdf(grow(tmp_path, "YouTube-real/00170.mp4"))
    assert paths_with(listing, split="test") == ["YouTube-real/00170.mp4"]
    assert len(listing.missing) == len(V1_LINES) - 1


@pytest.mark.parametrize(
    "line",
    [
        "0 YouTube-real/00170.mp4",
        "1 Celeb-synthesis/id1_id0_0007.mp4",
        "2 YouTube-real/00170.mp4",
        "YouTube-real/00170.mp4",
        "1 real/00170.mp4",
        '{"a": 1}',
    ],
)
def test_a_line_that_is_not_of_the_list_is_refused_by_number(tmp_path, line):
    write(tmp_path / LIST, f"{V1_LINES[0]}\n{line}\n")
    with pytest.raises(ManifestError, match=rf"Line 2 of .*{LIST}.*published list"):
        list_celebdf(grow(tmp_path, *V1_TRAIN))


def test_a_list_in_another_encoding_is_refused(tmp_path):
    (tmp_path / LIST).write_bytes(b"1 YouTube-real/\xe9.mp4\n")
    with pytest.raises(ManifestError, match=f"{LIST} is not text in UTF-8"):
        list_celebdf(grow(tmp_path, *V1_TRAIN))


def test_folders_too_high_too_low_and_empty_are_refused(tmp_path):
    root = grow(tmp_path / "Celeb-DF-v2", *V2_TRAIN)
    for wrong in (tmp_path, root / "Celeb-real"):
        with pytest.raises(ManifestError, match=f"give {root}"):
            list_celebdf(wrong)
    (tmp_path / "empty" / "Celeb-real").mkdir(parents=True)
    with pytest.raises(ManifestError, match="has no video"):
        list_celebdf(tmp_path / "empty")
    grow(tmp_path / "renamed", "Celeb-real/a.mp4")
    with pytest.raises(ManifestError, match="named like Celeb-DF"):
        list_celebdf(tmp_path / "renamed")


@settings(max_examples=30, deadline=None)
@given(
    swaps=st.lists(
        st.tuples(st.integers(0, 61), st.integers(0, 61)).filter(lambda pair: pair[0] != pair[1]),
        min_size=1,
        max_size=30,
        unique=True,
    )
)
def test_no_celebrity_is_ever_in_two_groups(tmp_path_factory, swaps):
    root = tmp_path_factory.mktemp("celebdf")
    grow(root, *(f"Celeb-synthesis/id{a}_id{b}_0000.mp4" for a, b in swaps))
    grow(root, *(f"Celeb-real/id{number}_0000.mp4" for pair in swaps for number in pair))
    listing = list_celebdf(root)
    groups = groups_of(listing)
    of_person = {}
    for video in listing.videos:
        for person in video.identities:
            assert of_person.setdefault(person, groups[video.path]) == groups[video.path]
