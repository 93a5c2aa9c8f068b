"""All networks: ``python -m pretraining.blending_network MANIFEST -o FOLDER``."""

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import pandas as pd
import torch

from pretraining.blending_network.crops import FRAMES_PER_CLIP, ClipCrops, kept_crops
from pretraining.blending_network.export import export
from pretraining.blending_network.files import N_FOLDS, network_file
from pretraining.blending_network.training import Schedule, trained
from pretraining.blending_network.worlds import World, world_crops
from pretraining.folds import by_dataset, source_folds


def main() -> None:
    """Cut out faces, train one network for each fold and one on all, and write them as ONNX."""
    parser = argparse.ArgumentParser(prog="pretraining.blending_network", description=__doc__)
    parser.add_argument("manifest", type=Path, help="with path, label, group and dataset")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of networks")
    parser.add_argument("--crops", type=Path, help="folder of crops; else that of networks")
    parser.add_argument(
        "--worlds", type=Path, help="Parquet file with path, label, method, dataset and world"
    )
    parser.add_argument("--landmark-store", type=Path, help="folder that keeps landmarks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=Schedule.n_steps, help="batches per network")
    parser.add_argument(
        "--only", type=int, choices=range(N_FOLDS + 1), help=f"one fold; {N_FOLDS}: all clips"
    )
    parser.add_argument("--jobs", type=int, default=-1, help="processes that cut out faces")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    manifest = pd.read_csv(given.manifest)
    manifest["path"] = [str(given.manifest.parent.absolute() / path) for path in manifest["path"]]
    folder = given.crops or given.out
    clips = _crops(manifest[manifest["label"] == "real"], folder / "clips", given.landmark_store)
    if not clips:
        parser.error(f"no authentic clip of {given.manifest} shows a usable face: check its paths")
    worlds = _worlds(given, folder / "crops")
    schedule = Schedule(n_steps=given.steps)
    for fold in range(N_FOLDS + 1) if given.only is None else [given.only]:
        path = network_file(given.out, fold)
        seen, others = learnt_from(manifest, fold, given.seed, clips, worlds)
        print(f"{path.name}: {len(seen)} clips, {len(others)} worlds", flush=True)
        export(trained(seen, others, schedule, given.seed + fold), path)
        print(f"{path}: sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}", flush=True)


def learnt_from(
    manifest: pd.DataFrame,
    fold: int,
    seed: int,
    clips: Mapping[int, ClipCrops],
    worlds: Sequence[tuple[str, World]],
) -> tuple[list[ClipCrops], list[World]]:
    """Return the clips, by row of the manifest, and the worlds, by data set, of other folds."""
    fold_of = by_dataset(manifest, source_folds(manifest, N_FOLDS, seed))
    return (
        [crops for row, crops in clips.items() if fold_of[manifest["dataset"][row]] != fold],
        [world for dataset, world in worlds if fold_of[dataset] != fold],
    )


def _crops(manifest: pd.DataFrame, folder: Path, store: Path | None) -> dict[int, ClipCrops]:
    """Crops by row; clips without a face are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        index: kept_crops(path, folder, store=store, n_frames=FRAMES_PER_CLIP)
        for index, path in manifest["path"].items()
    }
    return {index: crops for index, crops in found.items() if crops is not None}


def _worlds(given: argparse.Namespace, folder: Path) -> list[tuple[str, World]]:
    """Worlds with the data set of each; none where no corpus was named."""
    if given.worlds is None:
        return []
    table = pd.read_parquet(given.worlds)
    dataset = dict(zip(table["world"], table["dataset"], strict=True))
    found = world_crops(table, folder, store=given.landmark_store, n_jobs=given.jobs)
    return [(dataset[name], world) for name, world in found.items()]


if __name__ == "__main__":
    main()
