"""Networks of which each has not seen a part of the sources, and what they say of the corpus."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pandas as pd

from featurize.assets import BLENDING_LITE0
from pretraining.blending_network.fold_columns import fold_columns
from pretraining.corpus import Place, by_dataset
from pretraining.folds import source_folds
from pretraining.keeping import Kept, fingerprint

N_FOLDS = 3
_OF_WORLDS = ["path", "label", "method", "dataset", "world"]


def make_networks(place: Place, table: pd.DataFrame) -> None:
    """Train the networks that are not there yet: one for each fold, and last one on all clips.

    Networks that are there are left as they are, whatever they learnt from.

    Parameters
    ----------
    place : Place
        With the manifest of clips, and the landmarks of the corpus.
    table : pandas.DataFrame
        The corpus, see :func:`pretraining.corpus.make_corpus`.
    """
    place.networks.mkdir(parents=True, exist_ok=True)
    worlds = place.networks / "worlds.parquet"
    table.loc[table["round"] >= 0, _OF_WORLDS].to_parquet(worlds)
    missing = [fold for fold, file in enumerate(_files(place)) if not file.exists()]
    for fold in missing:
        asked = ["--worlds", str(worlds), "--landmark-store", str(place.store)]
        asked += ["--only", str(fold), "--jobs", str(place.n_jobs)]
        command = [sys.executable, "-m", "pretraining.blending_network", str(place.manifest)]
        subprocess.run([*command, "-o", str(place.networks), *asked], check=True)  # noqa: S603


def with_networks(place: Place, table: pd.DataFrame) -> pd.DataFrame:
    """Return the corpus with what is said of each row by the network that has not seen its source.

    Columns are those of ``--cnn blending-lite0``.
    """
    nets = dict(enumerate(_files(place)[:N_FOLDS]))
    listed = pd.read_csv(place.manifest)
    folds = table["dataset"].map(by_dataset(listed, source_folds(listed, N_FOLDS)))
    kept = Kept(place.networks, fingerprint(table[["path", "window_start_s"]], *nets.values()))
    said = kept.table(
        "said", lambda: fold_columns(table, folds, nets, store=place.store, n_jobs=place.n_jobs)
    )
    return pd.concat([table, said], axis=1)


def network_of_datasets(place: Place) -> dict[str, Path]:
    """Return of each data set the file of the network that has not seen it."""
    listed = pd.read_csv(place.manifest)
    files = _files(place)
    folds = by_dataset(listed, source_folds(listed, N_FOLDS))
    return {dataset: files[fold] for dataset, fold in folds.items()}


def network_to_ship(place: Place) -> Path | None:
    """Return the network that has learnt from all clips, None where the package has it already.

    A detector hears networks of the folds while it learns, and that of the package ever after.
    """
    made = _files(place)[N_FOLDS]
    same = hashlib.sha256(made.read_bytes()).hexdigest() == BLENDING_LITE0.sha256
    return None if same else made


def _files(place: Place) -> list[Path]:
    names = [*(f"fold{fold}" for fold in range(N_FOLDS)), "blending_lite0"]
    return [place.networks / f"{name}.onnx" for name in names]
