"""How the AUC holds under degradations, and against an adversary who has something to hide."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from featurize.synthesis.degradations.catalogue import DEGRADATIONS
from featurize.synthesis.degradations.degradation import STRENGTHS
from models.detector_file import load_detector
from pretraining.corpus import WINDOW_S
from pretraining.figures import difference, pooled_auc
from pretraining.films import BASELINE, PIECE_S, chain_name, chosen_clips, degraded_films
from pretraining.held_out import judged
from pretraining.kinds import is_authentic, is_real_fake
from pretraining.smoothing import SPANS, smoothed_rows

N_CLIPS = 24
OF_ADVERSARY = ("noise", "blur", "h264", "social-network")
"""What an adversary does to fakes alone, beside smoothing."""


def robustness(
    table: pd.DataFrame,
    detectors: Path,
    work: Path,
    *,
    store: Path,
    n_clips: int = N_CLIPS,
    n_jobs: int = -1,
    seed: int = 0,
    networks: Mapping[str, Path] | None = None,
) -> dict[str, object]:
    """Return figures as plain data, each clip judged by the detector that has not seen its source.

    Parameters
    ----------
    table : pandas.DataFrame
        The corpus.
    detectors : Path
        Folder of the detectors, as :func:`pretraining.held_out.held_out` keeps them.
    work : Path
        Folder of films.
    store : Path
        Folder of landmarks, which holds those of the clips.
    n_clips : int
        How many clips are degraded, half of them fakes.
    n_jobs, seed, networks
        As for :func:`pretraining.films.degraded_films`.

    Returns
    -------
    dict
        ``n_real, n_fake, piece_s``; ``baseline``, the AUC of films that were encoded well;
        ``degradations``: of each and each strength ``auc`` and ``change``, the difference to the
        baseline on the same clips; ``adversary``: the same where only fakes are changed.
        Intervals draw groups.
    """
    clips = chosen_clips(table, n_clips, seed)
    films = degraded_films(clips, work, store=store, n_jobs=n_jobs, seed=seed, networks=networks)
    videos = scored(films, detectors)
    of_chain = dict(list(videos.groupby("chain")))
    baseline = of_chain[BASELINE]
    degraded = [
        {"degradation": name, "strength": strength, **_beside(after, baseline, seed)}
        for name in DEGRADATIONS
        for strength in STRENGTHS
        if (after := of_chain.get(chain_name(name, strength))) is not None
    ]
    adversary = [
        {
            "adversary": f"{name} on fakes alone",
            "strength": strength,
            **_beside(_fakes_alone(of_chain[chain_name(name, strength)], baseline), baseline, seed),
        }
        for name in OF_ADVERSARY
        for strength in STRENGTHS
        if chain_name(name, strength) in of_chain
    ]
    n_fake = int((~is_authentic(baseline)).sum())
    return {
        "n_real": len(baseline) - n_fake,
        "n_fake": n_fake,
        "piece_s": PIECE_S,
        "baseline": pooled_auc(baseline, seed, "group"),
        "degradations": degraded,
        "adversary": adversary + smoothing(table, detectors, store, n_jobs, seed),
    }


def smoothing(
    table: pd.DataFrame, detectors: Path, store: Path, n_jobs: int, seed: int
) -> list[dict[str, object]]:
    """Return the AUC on clips as they are when the landmarks of all fakes are smoothed."""
    as_is = table[table["round"] < 0]
    before = scored(as_is, detectors)
    fakes, rows = as_is[is_real_fake(as_is)], []
    for strength, n_frames in enumerate(SPANS, start=1):
        after = smoothed_rows(fakes, n_frames, store=store, window_s=WINDOW_S, n_jobs=n_jobs)
        videos = _fakes_alone(scored(after, detectors), before)
        rows.append(
            {
                "adversary": f"landmarks of fakes smoothed over {n_frames} frames",
                "strength": strength,
                **_beside(videos, before, seed),
            }
        )
    return rows


def scored(table: pd.DataFrame, detectors: Path) -> pd.DataFrame:
    """Return a row per video, by the detectors that have not seen their sources.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns of a corpus.
    detectors : Path
        Folder of ``<source>.skops``.
    """
    parts = [
        judged(load_detector(detectors / f"{source}.skops"), rows)[1]
        for source, rows in table.groupby("source")
    ]
    return pd.concat(parts, ignore_index=True)


def _fakes_alone(after: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Fakes as they are after something was done to them, authentic videos as before."""
    return pd.concat([before[is_authentic(before)], after[~is_authentic(after)]])


def _beside(after: pd.DataFrame, baseline: pd.DataFrame, seed: int) -> dict[str, object]:
    """AUC after something, and its difference to before, of worlds that are in both."""
    before = baseline[baseline["world"].isin(after["world"])]
    return {
        "n_videos": len(after),
        "auc": pooled_auc(after, seed, "group"),
        "change": difference(after, before, seed, "group"),
    }
