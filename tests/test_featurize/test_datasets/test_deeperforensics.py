"""DeeperForensics-1.0: names and lists as its README describes them."""

from collections import Counter
from pathlib import Path

import pytest

from featurize.datasets.deeperforensics import list_deeperforensics
from featurize.datasets.grouping import group_names
from featurize.errors import ManifestError
from tests.test_featurize.test_datasets.trees import grow, write

VARIANTS = (
    *("end_to_end", "reenact_postprocess", "end_to_end_random_level"),
    *(f"end_to_end_level_{i}" for i in range(1, 6)),
    *(f"end_to_end_mix_{j}_distortions" for j in range(2, 5)),
)
SPLITS = {
    "train": ("000_M101", "003_M101", "103_W018"),
    "val": ("005_W006",),
    "test": ("980_W010", "331_W135", "332_M004"),
}
NAMES = sorted(name for names in SPLITS.values() for name in names)


def grown(root: Path, splits: bool = True) -> Path:
    grow(
        root, *(f"manipulated_videos/{folder}/{name}.mp4" for folder in VARIANTS for name in NAMES)
    )
    if splits:
        for split, names in SPLITS.items():
            text = "".join(f"{name}.mp4\n" for name in names)
            write(root / "lists" / "splits" / f"{split}.txt", text)
    return root


def test_all_variants_are_fakes_of_one_manipulation_at_levels_of_quality(tmp_path: Path) -> None:
    listing = list_deeperforensics(grown(tmp_path))
    assert listing.dataset == "DeeperForensics"
    assert (listing.missing, listing.surplus) == ((), ())
    assert {video.label for video in listing.videos} == {"fake"}
    counts = Counter((video.method, video.compression) for video in listing.videos)
    assert counts == {
        ("DF-VAE", ""): 7,
        ("DF-VAE reenact_postprocess", ""): 7,
        ("DF-VAE", "random_level"): 7,
        **{("DF-VAE", f"level_{i}"): 7 for i in range(1, 6)},
        **{("DF-VAE", f"mix_{j}_distortions"): 7 for j in range(2, 5)},
    }


def test_split_of_a_swap_holds_for_all_its_variants(tmp_path: Path) -> None:
    expected = {name: split for split, names in SPLITS.items() for name in names}
    for video in list_deeperforensics(grown(tmp_path)).videos:
        assert video.split == expected[Path(video.path).stem]


def test_target_is_a_sequence_of_faceforensics_and_actors_join_their_targets(
    tmp_path: Path,
) -> None:
    videos = list_deeperforensics(grown(tmp_path)).videos
    for video in videos:
        target, actor = Path(video.path).stem.split("_")
        assert {f"ffpp/{target}", f"deeperforensics/{actor}"} <= video.identities
    names = group_names(video.identities for video in videos)
    groups = {Path(video.path).stem: name for video, name in zip(videos, names, strict=True)}
    assert groups["000_M101"] == groups["003_M101"]
    # 331 and 332 were cut from one YouTube video.
    assert groups["331_W135"] == groups["332_M004"] == "deeperforensics/M004"
    assert len(set(groups.values())) == 5


def test_missing_swaps_are_named_for_variants_that_are_there(tmp_path: Path) -> None:
    root = grown(tmp_path)
    for name in NAMES:
        (root / "manipulated_videos" / "end_to_end_level_5" / f"{name}.mp4").unlink()
    gone = "manipulated_videos/end_to_end/005_W006.mp4"
    (root / gone).unlink()
    assert list_deeperforensics(root).missing == (gone,)


def test_source_videos_are_passed_over_with_a_remark(tmp_path: Path) -> None:
    source = (
        "source_videos/W136/light_up/surprise/camera_down/W136_light_up_surprise_camera_down.mp4"
    )
    listing = list_deeperforensics(grow(grown(tmp_path), source))
    assert listing.surplus == ()
    assert len(listing.videos) == 77
    assert any("Source videos passed over: 1" in remark for remark in listing.remarks)
    assert any("list those with `ffpp`" in remark for remark in listing.remarks)


def test_swaps_that_the_split_does_not_know_and_nearly_right_names_are_surplus(
    tmp_path: Path,
) -> None:
    wrong = (
        "manipulated_videos/end_to_end/000_W010.mp4",
        "manipulated_videos/end_to_end/980_W010 (1).mp4",
        "manipulated_videos/end_to_end/980_W010.MP4",
        "manipulated_videos/end_to_end/980_X010.mp4",
        "manipulated_videos/end_to_end_level_6/980_W010.mp4",
        "clip.mp4",
    )
    assert list_deeperforensics(grow(grown(tmp_path), *wrong)).surplus == tuple(sorted(wrong))


def test_without_lists_there_is_no_split_and_a_remark(tmp_path: Path) -> None:
    listing = list_deeperforensics(grown(tmp_path, splits=False))
    assert {video.split for video in listing.videos} == {""}
    assert len(listing.videos) == 77
    assert any("train.txt" in remark for remark in listing.remarks)


def test_the_absent_list_is_named(tmp_path: Path) -> None:
    (grown(tmp_path) / "lists" / "splits" / "val.txt").unlink()
    remarks = list_deeperforensics(tmp_path).remarks
    assert any("is not read, for it lacks val.txt" in remark for remark in remarks)


@pytest.mark.parametrize("text", ["", "video one\n", "980_W010.mp4 fake\n", "\x00\n"])
def test_foreign_list(tmp_path: Path, text: str) -> None:
    write(grown(tmp_path) / "lists" / "splits" / "val.txt", text)
    with pytest.raises(ManifestError, match=r"val\.txt is no official split"):
        list_deeperforensics(tmp_path)


def test_list_that_is_not_text(tmp_path: Path) -> None:
    (grown(tmp_path) / "lists" / "splits" / "val.txt").write_bytes(b"caf\xe9.mp4")
    with pytest.raises(ManifestError, match=r"val\.txt is not text"):
        list_deeperforensics(tmp_path)


def test_not_this_layout(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no folder .*gone"):
        list_deeperforensics(tmp_path / "gone")
    with pytest.raises(ManifestError, match="manipulated_videos/"):
        list_deeperforensics(grow(tmp_path, "videos/000_M101.mp4"))
    with pytest.raises(ManifestError, match=r"expected is manipulated_videos/end_to_end/000_M101"):
        list_deeperforensics(grow(tmp_path, "manipulated_videos/000_M101.mp4"))
