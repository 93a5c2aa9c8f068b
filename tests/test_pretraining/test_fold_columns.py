"""From a video to crops to learn from, and to columns by the network of a fold."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from featurize import featurize_video
from featurize.assets import BLENDING_LITE0, locate
from featurize.synthesis import Script
from featurize.video import VideoReader
from pretraining.blending_network.crops import LONGEST_SIDE_PX, clip_crops
from pretraining.blending_network.export import export
from pretraining.blending_network.fold_columns import fold_columns
from tests.test_featurize.conftest import film
from tests.test_pretraining.test_blending_network import any_network


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "clip.mp4", Script(duration_s=5.0), fps=20)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def table(clip: Path, store: Path) -> pd.DataFrame:
    return featurize_video(clip, cnn="blending-lite0", window_s=2.4, landmark_store=store)


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    other = tmp_path_factory.mktemp("nets") / "fold1.onnx"
    export(any_network(), other)
    return {0: locate(BLENDING_LITE0), 1: other}


def test_windows_are_those_of_the_command_and_each_has_its_own_network(table, nets, store) -> None:
    expected = table.filter(like="cnn__blending_lite0_")
    assert len(table) == 2
    assert expected.notna().any(axis=None)
    table = table.set_index(pd.Index([7, 9]))
    folds = pd.Series([0, 1], table.index)
    columns = fold_columns(table, folds, nets, store=store)
    assert list(columns) == list(expected)
    assert columns.index.equals(table.index)
    assert np.array_equal(columns.loc[7], expected.iloc[0].astype(float), equal_nan=True)
    name = "cnn__blending_lite0_0000__mean"
    assert columns.loc[9, name] != expected.iloc[1][name]
    swapped = fold_columns(table, 1 - folds, nets, store=store)
    assert np.array_equal(swapped.loc[9], expected.iloc[1].astype(float), equal_nan=True)


def test_a_manifest_has_whole_videos(clip, nets, store) -> None:
    manifest = pd.DataFrame({"path": [str(clip), str(clip.with_name("missing.mp4"))]})
    columns = fold_columns(manifest, pd.Series(0, manifest.index), nets, store=store)
    whole = featurize_video(clip, cnn="blending-lite0", landmark_store=store)
    assert np.array_equal(columns.loc[0], whole[list(columns)].iloc[0].astype(float))
    assert columns.loc[1].isna().all()


def test_rows_that_are_not_of_a_main_face_are_left_empty(table, nets, store) -> None:
    others = table.assign(face=[0, 1], status=["no_face", "ok"])
    columns = fold_columns(others, pd.Series(0, others.index), nets, store=store)
    assert columns.isna().all(axis=None)


def test_a_fold_without_a_network_is_an_error(table, nets, store) -> None:
    with pytest.raises(KeyError):
        fold_columns(table, pd.Series(2, table.index), nets, store=store)


def test_crops_are_pixels_of_the_frames_with_landmarks_on_them(clip, store) -> None:
    crops = clip_crops(clip, store=store, n_frames=5)
    n, side, _, _ = crops.pictures.shape
    assert crops.points_px.shape == (n, 478, 2) == (5, 478, 2)
    assert side <= LONGEST_SIDE_PX
    assert 0.2 * side < crops.points_px.min()
    assert crops.points_px.max() < 0.8 * side
    with VideoReader(clip) as video:
        first = next(iter(video)).rgb
    middle = crops.pictures[0, side // 2 - 8 : side // 2 + 8, side // 2 - 8 : side // 2 + 8]
    places = np.lib.stride_tricks.sliding_window_view(first, (16, 16, 3))[:, :, 0]
    assert (np.abs(places.astype(int) - middle).max(axis=(2, 3, 4)) <= 1).any()
