"""DFD: actors and scenes in the names, in the tree of FaceForensics++."""

from collections import Counter
from pathlib import Path

import pytest

from featurize.datasets.dfd import list_dfd
from featurize.datasets.grouping import group_names
from featurize.errors import ManifestError
from tests.test_featurize.test_datasets.trees import grow

REAL = "original_sequences/actors"
FAKE = "manipulated_sequences/DeepFakeDetection"
NAMES = {
    REAL: (
        "01__exit_phone_room",
        "02__hugging_happy",
        "03__secret_conversation",
        "28__kitchen_pan",
    ),
    FAKE: (
        *("01_02__exit_phone_room__YVGY8LOK", "02_01__hugging_happy__480LQD1C"),
        *(
            "02_14__podium_speech_happy__3IUBEKCT",
            "27_28__walking_outside__0XUW13RW",
        ),
    ),
}


def grown(root: Path, levels: tuple[str, ...] = ("raw", "c23", "c40")) -> Path:
    paths = [
        f"{folder}/{level}/videos/{name}.mp4"
        for folder, names in NAMES.items()
        for level in levels
        for name in names
    ]
    return grow(root, *paths)


def test_labels_methods_levels_and_actors(tmp_path: Path) -> None:
    listing = list_dfd(grown(tmp_path))
    assert listing.dataset == "DFD"
    assert Counter((v.label, v.method, v.compression) for v in listing.videos) == {
        (label, method, level): 4
        for label, method in (("real", ""), ("fake", "DeepFakeDetection"))
        for level in ("c0", "c23", "c40")
    }
    assert {video.split for video in listing.videos} == {""}
    shown = {Path(video.path).stem: video.identities for video in listing.videos}
    assert shown["28__kitchen_pan"] == {"dfd/actor_28"}
    assert shown["27_28__walking_outside__0XUW13RW"] == {
        *("dfd/actor_27", "dfd/actor_28"),
    }


def test_actors_are_joined_by_swaps_at_all_levels(tmp_path: Path) -> None:
    videos = list_dfd(grown(tmp_path)).videos
    groups = dict(
        zip(
            [video.path for video in videos],
            group_names(video.identities for video in videos),
            strict=True,
        )
    )
    by_stem = {Path(path).stem: group for path, group in groups.items()}
    assert by_stem == {
        **dict.fromkeys(["01__exit_phone_room", "02__hugging_happy"], "dfd/actor_01"),
        **dict.fromkeys(NAMES[FAKE][:3], "dfd/actor_01"),
        "03__secret_conversation": "dfd/actor_03",
        **dict.fromkeys(["28__kitchen_pan", NAMES[FAKE][3]], "dfd/actor_27"),
    }
    assert len(set(groups.values())) == 3


def test_scene_of_another_level_is_missing(tmp_path: Path) -> None:
    root = grown(tmp_path, ("c23", "c40"))
    gone = f"{FAKE}/c40/videos/{NAMES[FAKE][0]}.mp4"
    (root / gone).unlink()
    listing = list_dfd(root)
    assert listing.missing == (gone,)
    assert f"{FAKE}/c40/videos holds 3 of the 3068 videos that were published." in listing.remarks


def test_a_level_that_is_there_by_both_its_names_is_listed_once(tmp_path: Path) -> None:
    listing = list_dfd(grown(tmp_path, ("c0", "raw", "c23")))
    assert Counter(video.compression for video in listing.videos) == {"c0": 8, "c23": 8}
    assert not any("/raw/" in video.path for video in listing.videos)
    assert listing.remarks[0].startswith("Passed over: 8 videos")
    assert listing.missing == listing.surplus == ()


def test_faceforensics_in_the_same_tree_is_left_alone(tmp_path: Path) -> None:
    listing = list_dfd(
        grow(
            grown(tmp_path),
            "original_sequences/youtube/c23/videos/000.mp4",
            "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4",
            f"{FAKE}/masks/videos/{NAMES[FAKE][0]}.mp4",
        )
    )
    assert listing.surplus == ()
    assert len(listing.videos) == 24


def test_nearly_right_names_are_surplus(tmp_path: Path) -> None:
    wrong = (
        f"{FAKE}/c23/videos/01_01__exit_phone_room__YVGY8LOK.mp4",
        f"{FAKE}/c23/videos/01_02__exit_phone_room.mp4",
        f"{FAKE}/c23/videos/01_02__exit_phone_room__YVGY8LOK (1).mp4",
        f"{REAL}/c23/videos/01_exit_phone_room.mp4",
        f"{REAL}/c23/videos/01__exit_phone_room.MP4",
        f"{REAL}/c23/videos/1__exit_phone_room.mp4",
    )
    listing = list_dfd(grow(grown(tmp_path), *wrong, f"{REAL}/c23/videos/._01__kitchen_pan.mp4"))
    assert sorted(listing.surplus) == sorted(wrong)
    assert len(listing.videos) == 24


def test_tree_of_faceforensics_without_dfd(tmp_path: Path) -> None:
    grow(tmp_path, "original_sequences/youtube/c23/videos/000.mp4")
    with pytest.raises(ManifestError, match=r"expected is original_sequences/actors/c23"):
        list_dfd(tmp_path)
    with pytest.raises(ManifestError, match=r"no folder .*gone"):
        list_dfd(tmp_path / "gone")
