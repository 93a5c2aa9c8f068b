"""What each part of the recipe is worth: the same figures without it."""

from dataclasses import replace

import pandas as pd

from models.table.lacking import networks_of
from pretraining.figures import difference, of_videos, pooled_auc
from pretraining.held_out import held_out
from pretraining.kinds import is_authentic, is_pseudo_fake
from pretraining.variant import FULL, Variant

VARIANTS: tuple[Variant, ...] = (
    FULL,
    Variant("real fakes alone, as they are", pseudo_fakes=False, degraded=False),
    Variant("real fakes alone", pseudo_fakes=False),
    Variant("pseudo-fakes alone", real_fakes=False),
    Variant("authentic clips and real fakes not degraded", degraded=False),
    Variant("without conditioning on quality", conditioned=False),
    Variant("without choice of features", chosen=False),
    Variant("without the network", network=False),
    Variant("the network alone", classifier="networks"),
    Variant(
        "xgboost without the network, stacked with it",
        classifier="stacking",
        members=("xgboost", "networks"),
    ),
    Variant("linear in place of xgboost", classifier="linear"),
    Variant("svm in place of xgboost", classifier="svm"),
)


def ablation_videos(
    table: pd.DataFrame, variant: Variant, parts: pd.Series, seed: int = 0, n_jobs: int = -1
) -> pd.DataFrame:
    """Return what a variant says of videos; ``parts`` as for :func:`held_out`.

    Calibrated by what it has learnt from, without a further fit for each fold of sources.
    """
    plain = replace(variant, calibrated=False)
    return held_out(table, plain, parts=parts, seed=seed, n_jobs=n_jobs).videos


def applies(variant: Variant, table: pd.DataFrame) -> bool:
    """Return whether there is in a corpus what a variant goes without."""
    has_network = bool(networks_of(table))
    has_pseudo = bool(is_pseudo_fake(table).any())
    hearing = (variant.classifier, *(variant.members or ()))
    needs_network = not variant.network or "networks" in hearing
    return (has_network or not needs_network) and (variant.real_fakes or has_pseudo)


def ablation(videos: dict[str, pd.DataFrame], seed: int = 0) -> list[dict[str, object]]:
    """Return a row of figures for each variant, as plain data.

    Parameters
    ----------
    videos : dict
        By name of the variant what it says, see :func:`ablation_videos`; with the full recipe.
    seed : int
        Of the draws.

    Returns
    -------
    list of dict
        ``variant``, ``n_columns`` (median number of features), on clips as they are ``auc_pooled,
        auc_within_sources, tpr_at_fpr_5pct``, ``change`` (of the pooled
        AUC, to that of the full recipe), and ``auc_pseudo_fakes``, against degraded authentic
        pieces.
    """
    full = _real(videos[FULL.name])
    rows = []
    for name, told in videos.items():
        real, worlds = _real(told), told[told["round"] >= 0]
        pseudo = worlds[is_authentic(worlds) | is_pseudo_fake(worlds)]
        figures = of_videos(real, seed)
        rows.append(
            {
                "variant": name,
                "n_columns": int(told["n_columns"].median()),
                "auc_pooled": figures["auc_pooled"],
                "change": difference(real, full, seed),
                "auc_within_sources": figures["auc_within_sources"],
                "tpr_at_fpr_5pct": figures["tpr_at_fpr_5pct"],
                "auc_pseudo_fakes": pooled_auc(pseudo, seed),
            }
        )
    return rows


def _real(videos: pd.DataFrame) -> pd.DataFrame:
    """Authentic clips and real fakes as they are."""
    return videos[(videos["round"] < 0) & ~is_pseudo_fake(videos)]
