"""What the detector learns from: clips as they are, and rounds of worlds made of them."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from featurize import featurize_dataset
from featurize.synthesis.pseudo_fakes import make_pseudo_fakes
from pretraining.folds import by_dataset, source_numbers

WINDOW_S = 5.0
FAKES = 2
"""Pseudo-fakes of each authentic piece."""
AS_IS = "as-is"
"""Chain of clips that went through none."""


@dataclass(frozen=True)
class Place:
    """Where things are put while a detector is made; what is there is not made again.

    Attributes
    ----------
    manifest : Path
        Authentic clips and fakes: ``path, label, group, method, dataset``.
    work : Path
        Folder for videos, landmarks, networks and tables. It holds faces: guard it so.
    n_jobs : int
        Processes at a time.
    """

    manifest: Path
    work: Path
    n_jobs: int = -1

    @property
    def store(self) -> Path:
        """Folder of landmarks."""
        return self.work / "landmarks"

    @property
    def networks(self) -> Path:
        """Folder of networks and of the faces that they learn from."""
        return self.work / "networks"


def make_corpus(place: Place, rounds: int) -> pd.DataFrame:
    """Make and measure what is not there yet, and return all of it, a row per window.

    Parameters
    ----------
    place : Place
        What is to be made, and where.
    rounds : int
        How often each clip goes through a chain of its own: a round is one world of each clip, and
        its number the seed. So a later round can be added without making the others again.

    Returns
    -------
    pandas.DataFrame
        The feature table of main faces whose status is ``ok``; beside its columns ``round``,
        ``world`` (of which an authentic piece and its pseudo-fakes have the same), ``chain`` and
        ``source`` (int: what must be held out together).
    """
    listed = pd.read_csv(place.manifest)
    whole = [str(place.manifest.parent.absolute() / path) for path in listed["path"]]
    as_is = _measured(place, listed.assign(path=whole), "as_is")
    tables = [as_is.assign(round=-1, chain=AS_IS)]
    tables[0]["world"] = tables[0]["path"]
    for number in range(rounds):
        folder = place.work / f"round{number}"
        made = make_pseudo_fakes(
            place.manifest,
            folder,
            worlds=1,
            fakes=FAKES,
            seed=number,
            n_jobs=place.n_jobs,
            store=place.store,
            progress=True,
        )
        made = made[made["status"] == "ok"]
        made = made.assign(path=[str(folder.absolute() / path) for path in made["path"]])
        table = _measured(place, made, folder.name)
        world = made.set_index("path")["world"]
        tables.append(
            table.assign(
                round=number,
                world=[f"{number}/{world[path]}" for path in table["path"]],
                chain=table["compression"],
            )
        )
    table = pd.concat(tables, ignore_index=True)
    table["source"] = table["dataset"].map(by_dataset(listed, source_numbers(listed)))
    return table


def _measured(place: Place, videos: pd.DataFrame, name: str) -> pd.DataFrame:
    """Features of windows of videos."""
    kept = place.work / f"{name}.parquet"
    if kept.exists():
        return pd.read_parquet(kept)
    table = featurize_dataset(
        videos,
        place.work / f"{name}.csv",
        window_s=WINDOW_S,
        n_jobs=place.n_jobs,
        landmark_store=place.store,
        progress=True,
    )
    table = table[(table["status"] == "ok") & (table["face"] == 0)].reset_index(drop=True)
    table.to_parquet(kept)
    return table
