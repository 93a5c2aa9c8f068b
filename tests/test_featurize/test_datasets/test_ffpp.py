"""FaceForensics++: folders and names of its download script, pairs and splits of its repository."""

import json
import os
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from featurize.datasets.ffpp import METHODS, list_ffpp
from featurize.datasets.grouping import group_names
from featurize.datasets.listing import Listing
from featurize.errors import ManifestError
from tests.test_featurize.test_datasets.trees import grow, write

# From dataset/splits of github.com/ondyari/FaceForensics, where they are the 1st pairs of each,
# and some whose sequences come from the same YouTube video (conversion_dict.json).
TRAIN = [["071", "054"], ["087", "081"], ["591", "605"], ["756", "503"], ["331", "260"]]
VAL = [["720", "672"], ["939", "115"], ["606", "567"], ["566", "617"]]
TEST = [["953", "974"], ["012", "026"], ["000", "003"], ["755", "759"]]
SPLITS = {"train": TRAIN, "val": VAL, "test": TEST}
PAIRS = [*TRAIN, *VAL, *TEST]
LEVELS = ("raw", "c23", "c40")


def originals(level: str, names: list[str]) -> list[str]:
    return [f"original_sequences/youtube/{level}/videos/{name}.mp4" for name in names]


def fakes(method: str, level: str, pairs: list[list[str]]) -> list[str]:
    return [
        f"manipulated_sequences/{method}/{level}/videos/{target}_{source}.mp4"
        for a, b in pairs
        for target, source in ((a, b), (b, a))
    ]


def grown(root: Path, splits_in: str | None = "splits") -> Path:
    """The videos of the pairs above, at all levels, by all methods."""
    names = [name for pair in PAIRS for name in pair]
    for level in LEVELS:
        grow(root, *originals(level, names))
        for method in METHODS:
            grow(root, *fakes(method, level, PAIRS))
    if splits_in is not None:
        for split, pairs in SPLITS.items():
            write(root / splits_in / f"{split}.json", json.dumps(pairs, indent=2))
    return root


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Listing:
    return list_ffpp(grown(tmp_path_factory.mktemp("FaceForensics++")))


def groups_of(listing: Listing) -> dict[str, str]:
    names = group_names(video.identities for video in listing.videos)
    return dict(zip((video.path for video in listing.videos), names, strict=True))


def test_every_video_is_listed_once(listing: Listing) -> None:
    assert listing.dataset == "FaceForensics++"
    n = 2 * len(PAIRS)
    counts = Counter((video.method, video.compression) for video in listing.videos)
    assert counts == dict.fromkeys(product(("", *METHODS), ("c0", "c23", "c40")), n)
    assert {v.path for v in listing.videos if v.label == "real"} == {
        path
        for level in LEVELS
        for path in originals(level, [name for pair in PAIRS for name in pair])
    }
    assert list(listing.videos) == sorted(listing.videos, key=lambda video: video.path)
    assert listing.surplus == ()


def test_labels_and_methods_follow_the_folders(listing: Listing) -> None:
    for video in listing.videos:
        assert video.label == ("fake" if video.path.startswith("manipulated") else "real")
        assert (video.method or "youtube") == video.path.split("/")[1]


def test_split_is_the_official_one(listing: Listing) -> None:
    expected = {name: split for split, pairs in SPLITS.items() for pair in pairs for name in pair}
    for video in listing.videos:
        assert video.split == expected[Path(video.path).name[:3]]
    assert listing.remarks == ()


def test_pair_with_its_originals_is_one_group_at_all_levels_and_methods(listing: Listing) -> None:
    groups = groups_of(listing)
    own = [path for path in groups if Path(path).stem in ("000", "003", "000_003", "003_000")]
    assert len(own) == 3 * (2 + 2 * 5)
    assert {groups[path] for path in own} == {"ffpp/000"}
    assert [path for path, group in groups.items() if group == "ffpp/000"] == own


def test_sequences_of_one_youtube_video_are_one_group(listing: Listing) -> None:
    groups = groups_of(listing)
    at_c23 = {name: groups[originals("c23", [name])[0]] for pair in PAIRS for name in pair}
    # 605 and 606 are of one video, as are 566 and 567 and 755 and 756; 331 has its twin elsewhere.
    assert {name for name, group in at_c23.items() if group == at_c23["605"]} == {
        *("591", "605", "606", "567", "566", "617"),
    }
    assert {name for name, group in at_c23.items() if group == "ffpp/503"} == {
        *("503", "756", "755", "759"),
    }
    assert {name for name, group in at_c23.items() if group == at_c23["331"]} == {"331", "260"}


def test_groups_cross_official_splits_only_by_a_shared_youtube_video(listing: Listing) -> None:
    groups = groups_of(listing)
    splits = {}
    for video in listing.videos:
        splits.setdefault(groups[video.path], set()).add(video.split)
    across = {group: found for group, found in splits.items() if len(found) > 1}
    # The published split puts 605 in train and 606 in val, 756 in train and 755 in test.
    assert across == {"ffpp/566": {"train", "val"}, "ffpp/503": {"train", "test"}}


def test_missing_files_are_named(tmp_path: Path) -> None:
    root = grow(grown(tmp_path), *originals("c23", [f"{i:03d}" for i in range(1000)]))
    for gone in (*fakes("FaceSwap", "c40", PAIRS)[:1], *originals("c23", ["007"])):
        (root / gone).unlink()
    missing = list_ffpp(root).missing
    assert set(fakes("FaceSwap", "c40", PAIRS)) & set(missing) == {
        "manipulated_sequences/FaceSwap/c40/videos/071_054.mp4"
    }
    n_of_each_level = Counter(Path(path).parts[2] for path in missing if "youtube" in path)
    assert n_of_each_level == {"c23": 1, "raw": 1000 - 26, "c40": 1000 - 26}
    assert originals("c23", ["007"])[0] in missing
    assert list(missing) == sorted(missing)


def test_methods_and_levels_that_were_not_downloaded_are_not_missing(tmp_path: Path) -> None:
    every = [f"{i:03d}" for i in range(1000)]
    listing = list_ffpp(grow(tmp_path, *originals("c40", every), *fakes("FaceSwap", "c40", PAIRS)))
    assert listing.missing == ()
    assert len(listing.videos) == 1000 + 26
    # 977 YouTube videos, each pair joins two of them, and no pair closes a circle.
    assert len(set(groups_of(listing).values())) == 977 - len(PAIRS)


@pytest.mark.parametrize("place", ["", "splits", "dataset/splits", "../splits"])
def test_places_of_the_official_files(tmp_path: Path, place: str) -> None:
    listing = list_ffpp(grown(tmp_path / "data", place))
    assert Counter(video.split for video in listing.videos) == {
        split: 18 * 2 * len(pairs) for split, pairs in SPLITS.items()
    }


@pytest.mark.parametrize("place", ["..", "../dataset"])
def test_files_of_a_split_that_lie_beside_the_data_set_are_of_something_else(
    tmp_path: Path, place: str
) -> None:
    root = grown(tmp_path / "data", None)
    for split in SPLITS:
        write(root / place / f"{split}.json", '{"another": "project"}')
    assert {video.split for video in list_ffpp(root).videos} == {""}


@pytest.mark.parametrize("absent", ["train", "val", "test"])
def test_the_absent_file_of_a_split_is_named(tmp_path: Path, absent: str) -> None:
    root = grown(tmp_path / "data")
    (root / "splits" / f"{absent}.json").unlink()
    listing = list_ffpp(root)
    assert {video.split for video in listing.videos} == {""}
    assert not listing.has_official_split
    assert listing.remarks[0] == (
        f"The official split in {root / 'splits'} is not read, for it lacks {absent}.json: put the "
        "published files there."
    )


def test_a_level_that_is_there_by_both_its_names_is_listed_once(tmp_path: Path) -> None:
    names = [name for pair in PAIRS for name in pair]
    grow(
        tmp_path / "data",
        *originals("c0", names[:2]),
        *originals("raw", names[1:]),
        *(path.replace("/youtube", "") for path in originals("c0", names[2:3])),
        *fakes("FaceSwap", "c0", PAIRS),
        *fakes("FaceSwap", "raw", PAIRS[:1]),
    )
    listing = list_ffpp(tmp_path / "data")
    listed = [(video.method, Path(video.path).name) for video in listing.videos]
    assert len(listed) == len(set(listed)) == 2 * len(names)
    assert {video.compression for video in listing.videos} == {"c0"}
    assert len(listing.missing) == 1000 - len(names)
    first = fakes("FaceSwap", "raw", [PAIRS[0][::-1]])[0]
    assert f"Passed over: 4 videos (first: {first})" in listing.remarks[0]


def test_without_official_files_there_is_no_split_and_a_remark(tmp_path: Path) -> None:
    listing = list_ffpp(grown(tmp_path, splits_in=None))
    assert {video.split for video in listing.videos} == {""}
    assert len(listing.remarks) == 1
    assert "train.json" in listing.remarks[0]
    assert groups_of(listing) == groups_of(list_ffpp(grown(tmp_path)))


def test_first_releases_had_no_folder_youtube_and_called_the_best_level_c0(tmp_path: Path) -> None:
    root = grow(tmp_path, "original_sequences/c0/videos/000.mp4")
    (video,) = list_ffpp(root).videos
    assert (video.label, video.compression) == ("real", "c0")


def test_other_published_material_is_neither_listed_nor_surplus(tmp_path: Path) -> None:
    listing = list_ffpp(
        grow(
            grown(tmp_path),
            "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4",
            "manipulated_sequences/Face2Face/c23/masks/000_003.mp4",
            "downloaded_videos/abc/abc.mp4",
            "original_sequences/actors/c23/videos/01__kitchen_pan.mp4",
            "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__kitchen_pan__YVGY8LOK.mp4",
        )
    )
    assert listing.surplus == ()
    assert len(listing.videos) == 18 * 26
    assert listing.remarks == (
        "Videos of DeepFakeDetection in the same folders: 2; list them with `dfd`.",
    )


NEARLY_RIGHT = (
    "manipulated_sequences/Deepfakes/c23/videos/000_003 (1).mp4",
    "manipulated_sequences/Deepfakes/c23/videos/000_000.mp4",
    "manipulated_sequences/Deepfakes/c23/videos/000_026.mp4",
    "manipulated_sequences/Deepfakes/c23/videos/000.mp4",
    "manipulated_sequences/Deepfakes/c23/videos/0000_003.mp4",
    "manipulated_sequences/Deepfakes/c30/videos/000_003.mp4",
    "manipulated_sequences/FaceShifters/c23/videos/000_003.mp4",
    "manipulated_sequences/Deepfakes/c23/000_003.mp4",
    "original_sequences/youtube/c23/videos/000.MP4",
    "original_sequences/youtube/c23/videos/000_003.mp4",
    "original_sequences/youtube/c23/videos/٠٠٠.mp4",
    "original_sequences/youtube/c23/videos/000.avi",
    os.fsdecode(b"original_sequences/youtube/c23/videos/caf\xe9.mp4"),
    "clip.mp4",
)


def test_nearly_right_names_are_surplus(tmp_path: Path) -> None:
    hidden = ("original_sequences/youtube/c23/videos/._000.mp4", ".trash/000.mp4")
    listing = list_ffpp(grow(grown(tmp_path), *NEARLY_RIGHT, *hidden))
    assert sorted(listing.surplus) == sorted(NEARLY_RIGHT)
    assert len(listing.videos) == 18 * 26


def test_second_partner_is_told_where_no_official_pairs_are(tmp_path: Path) -> None:
    names = fakes("Deepfakes", "c23", [["000", "003"], ["001", "870"]])
    wrong = "manipulated_sequences/Deepfakes/c23/videos/000_007.mp4"
    listing = list_ffpp(grow(tmp_path, *names, wrong))
    (remark,) = [remark for remark in listing.remarks if "partner" in remark]
    assert "1 (first 000: 003, 007)" in remark


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("val.json", "[[", "val.json is no official split"),
        ("val.json", "[" * 100_000, "val.json is no official split"),
        ("val.json", '{"000.mp4": {"label": "REAL"}}', "val.json is no official split"),
        ("val.json", '[["000", "003", "007"]]', "val.json is no official split"),
        ("val.json", "[[0, 3]]", "val.json is no official split"),
        ("val.json", '[["000", "001"]]', r"000 is in both val.json and .*test.json"),
        ("val.json", '[["001", "002"], ["002", "004"]]', r"002 is in twice .*val.json"),
    ],
)
def test_split_that_is_not_as_published(
    tmp_path: Path, file: str, text: str, sentence: str
) -> None:
    write(grown(tmp_path) / "splits" / file, text)
    with pytest.raises(ManifestError, match=sentence) as caught:
        list_ffpp(tmp_path)
    assert "\n" not in str(caught.value)


def test_not_there_not_a_folder_or_not_this_layout(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no folder .*gone"):
        list_ffpp(tmp_path / "gone")
    grow(tmp_path, "data/video.mp4")
    with pytest.raises(ManifestError, match=r"video\.mp4 is not a folder"):
        list_ffpp(tmp_path / "data" / "video.mp4")
    with pytest.raises(ManifestError, match="original_sequences/, manipulated_sequences/"):
        list_ffpp(tmp_path)
    grow(tmp_path, "original_sequences/youtube/c23/videos/video.mp4")
    with pytest.raises(ManifestError, match=r"expected is original_sequences/youtube/c23/videos"):
        list_ffpp(tmp_path)
    (tmp_path / "empty" / "original_sequences").mkdir(parents=True)
    with pytest.raises(ManifestError, match="no video"):
        list_ffpp(tmp_path / "empty")


def test_links_are_followed_once(tmp_path: Path) -> None:
    store = grow(tmp_path / "store", *(f"c23/videos/{name}.mp4" for name in ("000", "003")))
    root = tmp_path / "data"
    (root / "original_sequences").mkdir(parents=True)
    (root / "original_sequences" / "youtube").symlink_to(store)
    (store / "c23" / "videos" / "loop").symlink_to(root)
    (store / "c23" / "videos" / "001.mp4").symlink_to("001.mp4")
    (store / "c23" / "videos" / "002.mp4").symlink_to("gone.mp4")
    listing = list_ffpp(root)
    assert [video.path for video in listing.videos] == originals("c23", ["000", "003"])
    assert listing.surplus == ()
