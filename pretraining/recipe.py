"""What is learnt from the corpus, and how: rows, columns, classifier."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models import train
from models.detector import Detector
from models.learning.conditioning import QualityConditioner
from models.table.covariates import COVARIATES
from models.table.lacking import networks_of
from models.table.matrix import feature_columns
from pretraining.kinds import is_authentic, is_pseudo_fake, is_real_fake

CLASSIFIER = "xgboost"
SEED = 0
N_COLUMNS = 300
"""How many features are learnt from, beside what the network says."""

_CLIPPED_AT = 3.0
_FEWEST_PAIRS = 4
# In spreads among authentic pieces: an effect that is the same in few sources by chance alone has
# a standard error that is too small.
_LEAST_ERROR = 0.02


def training_rows(
    table: pd.DataFrame, *, pseudo_fakes: bool = True, real_fakes: bool = True
) -> pd.DataFrame:
    """Return the rows of a corpus that are learnt from: what went through a chain, if there is any.

    Pseudo-fakes went through one. Clips as they are beside these would teach that what was encoded
    again is fake.

    Parameters
    ----------
    table : pandas.DataFrame
        See :func:`pretraining.corpus.make_corpus`.
    pseudo_fakes, real_fakes : bool
        Whether fakes made of authentic clips, and those of the manifest, are among them.
    """
    wanted = (pseudo_fakes | ~is_pseudo_fake(table)) & (real_fakes | ~is_real_fake(table))
    degraded = table["round"] >= 0
    if (degraded & is_authentic(table)).any():
        wanted &= degraded
    return table[wanted].reset_index(drop=True)


def chosen_columns(rows: pd.DataFrame, condition_on_quality: bool = True) -> list[str]:
    """Return the features to learn from, chosen by training rows alone.

    Each pseudo-fake is compared with the authentic version of its own world, so that neither the
    person nor the quality has a part in it. Of a feature counts how large the mean difference is,
    in spreads among authentic pieces, times how sure: over the standard error of the means of the
    sources. An effect that turns its sign from source to source counts for little. The first
    :data:`N_COLUMNS` are taken; all that vary where there are no pseudo-fakes in two sources. What
    the network says is taken in any case.
    """
    features = sorted(set(feature_columns(rows.columns)) - set(COVARIATES))
    smallest, largest = rows[features].min(), rows[features].max()
    features = [name for name in features if smallest[name] < largest[name]]
    by_network = [name for name in features if networks_of([name])]
    features = [name for name in features if name not in by_network]
    effects = _effects(rows, features, condition_on_quality)
    if len(effects) < 2:
        return sorted(features + by_network)
    known = np.maximum(np.isfinite(effects).sum(axis=0), 1)
    mean = np.nansum(effects, axis=0) / known
    spread = np.sqrt(np.nansum((effects - mean) ** 2, axis=0) / known)
    worth = mean**2 / (spread / np.sqrt(known) + _LEAST_ERROR)
    best = np.argsort(-worth, kind="stable")[:N_COLUMNS]
    return sorted([features[i] for i in best] + by_network)


def _effects(rows: pd.DataFrame, features: list[str], condition_on_quality: bool) -> np.ndarray:
    """Return ``(n_sources, n_features)`` mean difference of pseudo-fakes from their originals."""
    values = rows[features].to_numpy(np.float64)
    authentic = is_authentic(rows).to_numpy()
    if condition_on_quality:
        covariates = rows[[name for name in COVARIATES if name in rows]].to_numpy(np.float64)
        conditioner = QualityConditioner(covariates.shape[1])
        values = conditioner.fit_transform(
            np.hstack([values, covariates]), (~authentic).astype(int), groups=rows["group"]
        )
    quantiles = pd.DataFrame(values[authentic]).quantile([0.25, 0.5, 0.75])
    low, median, high = quantiles.to_numpy()
    unit = np.where(high > low, high - low, np.nan)
    values = np.clip((values - median) / unit, -_CLIPPED_AT, _CLIPPED_AT)
    piece = pd.MultiIndex.from_frame(rows[["world", "window_start_s"]])
    original = pd.Series(np.flatnonzero(authentic), piece[authentic])
    fakes = np.flatnonzero(is_pseudo_fake(rows).to_numpy() & piece.isin(original.index))
    difference = values[fakes] - values[original[piece[fakes]]]
    source = rows["source"].to_numpy()[fakes]
    return np.array(
        [
            pd.DataFrame(difference[source == one]).mean().to_numpy()
            for one in np.unique(source)
            if np.count_nonzero(source == one) >= _FEWEST_PAIRS
        ]
    )


def fitted(
    rows: pd.DataFrame,
    columns: Sequence[str],
    seed: int = SEED,
    *,
    classifier: str = CLASSIFIER,
    members: Sequence[str] | None = None,
    condition_on_quality: bool = True,
) -> Detector:
    """Train on rows. What is usual at a quality is learnt with people, not sources, left out.

    A source mostly has one quality, and all slopes would be doubted.
    """
    return train(
        rows,
        classifier,
        seed,
        condition_on_quality=condition_on_quality,
        members=members,
        columns=columns,
    )
