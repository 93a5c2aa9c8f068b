"""Networks of which each has not seen a part of the sources, and what they say of the corpus."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pandas as pd

from featurize.assets import BLENDING_LITE0
from pretraining.blending_network.files import N_FOLDS, network_file
from pretraining.blending_network.fold_columns import fold_columns
from pretraining.corpus import Place
from pretraining.folds import by_dataset, source_folds
from pretraining.keeping import Kept, fingerprint

_OF_WORLDS = ["path", "label", "method", "dataset", "world"]
_OF_CLIPS = ["path", "label", "group", "dataset"]


def make_networks(place: Place, table: pd.DataFrame) -> None:
    """Train the networks that are not there yet: one for each fold, and last one on all clips.

    They lie in a folder of their manifest and corpus: others have networks of their own.

    Parameters
    ----------
    place : Place
        With the manifest of clips, and the landmarks of the corpus.
    table : pandas.DataFrame
        The corpus, see :func:`pretraining.corpus.make_corpus`.
    """
    folder = _folder(place, table)
    folder.mkdir(parents=True, exist_ok=True)
    worlds = folder / "worlds.parquet"
    _worlds(table).to_parquet(worlds)
    for fold in range(N_FOLDS + 1):
        if network_file(folder, fold).exists():
            continue
        asked = ["--worlds", str(worlds), "--landmark-store", str(place.store)]
        asked += ["--crops", str(place.networks), "--only", str(fold), "--jobs", str(place.n_jobs)]
        command = [sys.executable, "-m", "pretraining.blending_network", str(place.manifest)]
        subprocess.run([*command, "-o", str(folder), *asked], check=True)  # noqa: S603


def with_networks(place: Place, table: pd.DataFrame) -> pd.DataFrame:
    """Return the corpus with what is said of each row by the network that has not seen its source.

    Columns are those of ``--cnn blending-lite0``.
    """
    folder = _folder(place, table)
    nets = {fold: network_file(folder, fold) for fold in range(N_FOLDS)}
    folds = table["dataset"].map(_folds(place))
    rows = table[["path", "window_start_s"]].assign(fold=folds)
    said = Kept(folder, fingerprint(rows, *nets.values())).table(
        "said", lambda: fold_columns(table, folds, nets, store=place.store, n_jobs=place.n_jobs)
    )
    return pd.concat([table, said], axis=1)


def network_of_datasets(place: Place, table: pd.DataFrame) -> dict[str, Path]:
    """Return of each data set the file of the network that has not seen it."""
    folder = _folder(place, table)
    return {dataset: network_file(folder, fold) for dataset, fold in _folds(place).items()}


def network_to_ship(place: Place, table: pd.DataFrame) -> Path | None:
    """Return the network that has learnt from all clips, None where the package has it already.

    A detector hears networks of the folds while it learns, and that of the package ever after.
    """
    made = network_file(_folder(place, table), N_FOLDS)
    same = hashlib.sha256(made.read_bytes()).hexdigest() == BLENDING_LITE0.sha256
    return None if same else made


def _folder(place: Place, table: pd.DataFrame) -> Path:
    listed = pd.read_csv(place.manifest)[_OF_CLIPS]
    told = listed.to_csv(index=False) + _worlds(table).to_csv(index=False)
    return place.networks / hashlib.sha256(told.encode()).hexdigest()[:16]


def _folds(place: Place) -> dict[str, int]:
    listed = pd.read_csv(place.manifest)
    return by_dataset(listed, source_folds(listed, N_FOLDS))


def _worlds(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["round"] >= 0, _OF_WORLDS]
