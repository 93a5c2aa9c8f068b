"""Clips after each degradation at each strength, measured as the corpus is."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from featurize import featurize_dataset
from featurize.errors import VideoError
from featurize.extraction import one_thread
from featurize.synthesis.degradations.catalogue import DEGRADATIONS
from featurize.synthesis.degradations.chain import Chain
from featurize.synthesis.degradations.degradation import STRENGTHS
from featurize.synthesis.degradations.film import Film
from featurize.synthesis.pseudo_fakes.piece import load_piece
from pretraining.blending_network.fold_columns import fold_columns
from pretraining.corpus import WINDOW_S

PIECE_S = 2.6
"""Length of the pieces that are degraded, a good half of a window: the least that is measured."""
BASELINE = "none"
"""Chain of films that went through nothing but a good encoder."""

_ABOUT_CLIP = ("path", "label", "group", "method", "dataset", "source")


def chain_name(degradation: str, strength: int) -> str:
    """Return what the column ``chain`` says of a degradation at a strength."""
    return f"{degradation}:{strength}"


def chosen_clips(table: pd.DataFrame, n_clips: int, seed: int) -> pd.DataFrame:
    """Choose clips of a corpus as they are: half authentic, half fakes, of many sources.

    The sources of a label take turns until there are enough clips; within a source they are drawn.

    Parameters
    ----------
    table : pandas.DataFrame
        See :func:`pretraining.corpus.make_corpus`.
    n_clips : int
        How many; fewer where there are not so many.
    seed : int
        Of the draw.

    Returns
    -------
    pandas.DataFrame
        ``path, label, group, method, dataset, source``, a row per clip.
    """
    as_is = table.loc[table["round"] < 0, list(_ABOUT_CLIP)].drop_duplicates("path")
    drawn = as_is.sort_values("path").sample(frac=1, random_state=seed)
    turn = drawn.groupby(["label", "source"]).cumcount()
    order = drawn.assign(turn=turn).sort_values("turn", kind="stable")
    return order.groupby("label").head(n_clips // 2).drop(columns="turn").reset_index(drop=True)


def degraded_films(
    clips: pd.DataFrame,
    work: Path,
    *,
    store: Path,
    n_jobs: int = -1,
    seed: int = 0,
    networks: Mapping[str, Path] | None = None,
) -> pd.DataFrame:
    """Render and measure what is not there yet.

    Parameters
    ----------
    clips : pandas.DataFrame
        See :func:`chosen_clips`.
    work : Path
        Folder of films, which show faces, and of their table.
    store : Path
        Folder of landmarks.
    n_jobs : int
        Processes.
    seed : int
        Of the parameters of degradations, and of what varies in them from frame to frame.
    networks : mapping, optional
        Of each data set the file of the network that has not seen it; then what these say is
        measured too.

    Returns
    -------
    pandas.DataFrame
        The feature table of films that could be measured, with ``clip`` (path of the clip),
        ``chain`` (see :func:`chain_name`), ``source``, ``round`` and ``world``.
    """
    work.mkdir(parents=True, exist_ok=True)
    rendered = Parallel(n_jobs=n_jobs)(
        delayed(_rendered)(clip, work, store, seed) for clip in clips.to_dict("records")
    )
    films = pd.DataFrame([row for rows in rendered for row in rows])
    kept = work / f"films-{_digest(films.to_csv(index=False), str(networks))}.parquet"
    if not kept.exists():
        table = _measured(films, work, store, n_jobs, networks)
        table.to_parquet(kept)
    return pd.read_parquet(kept)


def _measured(
    films: pd.DataFrame,
    work: Path,
    store: Path,
    n_jobs: int,
    networks: Mapping[str, Path] | None,
) -> pd.DataFrame:
    measured = featurize_dataset(
        films[["path", "label", "group", "method", "dataset"]],
        work / "films.csv",
        window_s=WINDOW_S,
        n_jobs=n_jobs,
        landmark_store=store,
        progress=True,
    )
    measured = measured[(measured["status"] == "ok") & (measured["face"] == 0)]
    about = films.set_index("path")[["clip", "chain", "source", "world"]]
    table = measured.reset_index(drop=True).join(about, on="path").assign(round=0)
    if networks is None:
        return table
    files = sorted(set(networks.values()))
    of_rows = table["dataset"].map({name: files.index(file) for name, file in networks.items()})
    said = fold_columns(table, of_rows, dict(enumerate(files)), store=store, n_jobs=n_jobs)
    return pd.concat([table, said], axis=1)


def _rendered(
    clip: Mapping[str, object], work: Path, store: Path, seed: int
) -> list[dict[str, object]]:
    """Rows of the films of one clip; none where it has no usable piece."""
    folder = work / _digest(str(clip["path"]), str(PIECE_S), str(seed))
    chains = {BASELINE: Chain()} | {
        chain_name(name, strength): Chain.single(name, strength, _rng(seed, name, strength))
        for name in DEGRADATIONS
        for strength in STRENGTHS
    }
    rows = [
        {
            **clip,
            "path": str(folder / f"{name.replace(':', '-')}.mp4"),
            "clip": clip["path"],
            "world": clip["path"],
            "chain": name,
        }
        for name in chains
    ]
    if not all(Path(row["path"]).exists() for row in rows):
        folder.mkdir(exist_ok=True)
        with one_thread(), threadpool_limits(limits=1):
            try:
                piece = load_piece(clip["path"], 0.5, PIECE_S, store)
            except VideoError:
                return []
            for row, chain in zip(rows, chains.values(), strict=True):
                _write(Path(row["path"]), chain, Film(piece.frames, piece.time_s), seed)
    return rows


def _write(path: Path, chain: Chain, film: Film, seed: int) -> None:
    """Write a film, whole or not at all."""
    if not path.exists():
        part = path.with_name(f".{path.name}")
        chain.write(part, film, seed)
        part.replace(path)


def _rng(seed: int, name: str, strength: int) -> np.random.Generator:
    """The same parameters for all clips: a row of the table is one degradation, not many."""
    return np.random.default_rng([seed, strength, *name.encode()])


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
