"""Faces of a corpus: of each world the authentic piece, and the pseudo-fakes beside it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from pretraining.blending_network.crops import ClipCrops, kept_crops
from pretraining.kinds import is_authentic, is_pseudo_fake

FRAMES_PER_VIDEO = 8
"""Fewer than of a clip: there are many worlds of each clip."""


@dataclass(frozen=True)
class World:
    """An authentic piece and what was made of it, all of which went through one chain.

    Attributes
    ----------
    authentic : ClipCrops
        Of the piece.
    fakes : tuple of ClipCrops
        Of its pseudo-fakes, at least one.
    """

    authentic: ClipCrops
    fakes: tuple[ClipCrops, ...]


def world_crops(
    table: pd.DataFrame, folder: Path, *, store: str | Path | None = None, n_jobs: int = -1
) -> dict[str, World]:
    """Cut out faces of a corpus, from the folder where it has them.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows with ``path, label, method, world``, several of a video perhaps.
    folder : Path
        Where crops are kept.
    store : str or Path, optional
        Folder of landmarks.
    n_jobs : int
        Processes, as in joblib.

    Returns
    -------
    dict of str to World
        By name of the world; those without a face in the piece or in any of its fakes are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    videos = table[is_authentic(table) | is_pseudo_fake(table)].drop_duplicates("path")
    found = Parallel(n_jobs=n_jobs)(
        delayed(kept_crops)(path, folder, store=store, n_frames=FRAMES_PER_VIDEO)
        for path in videos["path"]
    )
    worlds = {}
    for name, rows in videos.assign(crops=found).groupby("world", sort=False):
        seen = rows[rows["crops"].notna()]
        originals = seen.loc[is_authentic(seen), "crops"]
        fakes = tuple(seen.loc[~is_authentic(seen), "crops"])
        if len(originals) and fakes:
            worlds[name] = World(originals.iloc[0], fakes)
    return worlds
