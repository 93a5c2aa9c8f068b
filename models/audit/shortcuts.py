"""The audit: every question about a table, asked before any figure."""

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from models.audit.columns import feature_copies_label, name_says_label
from models.audit.finding import Audit
from models.audit.membership import left_out_tells_label, no_groups, split_shares_groups
from models.audit.sources import (
    features_tell_source,
    quality_tells_label,
    source_tells_label,
    with_all_quality,
)
from models.audit.twins import twins_across_groups
from models.classifier_options import check_seed
from models.errors import HoldOutError
from models.table.training_table import TrainingTable

# What is learnt is learnt from at most so many videos: the interval is then narrow enough, and the
# kernel of the support vector machine grows with the square of their number.
MOST_VIDEOS_TO_LEARN_FROM = 4000
_FEWEST_FOLDS = 2


def audit_shortcuts(table: TrainingTable, n_folds: int = 5, seed: int = 0) -> Audit:
    """Look for what an AUC on this table may rest on other than the truth.

    Asked is whether quality or the source tells the label, whether features tell the source,
    whether single features copy the label or are named like it, whether copies of a video stand in
    several groups, whether the official split shares groups, whether groups are known, and whether
    one class is left out more than the other.

    Quality is also what features are conditioned on, and the share of them that a video lacks. A
    video whose source is not named counts as of one more source.

    Of windows, the mean of each video is audited. The first three questions are answered on at most
    4000 videos, drawn so that as many groups as possible keep some.

    Parameters
    ----------
    table : TrainingTable
        See :func:`models.table.feature_table.read_training_table`.
    n_folds : int
        Groups are held out in at most so many folds; a source counts among those that could be
        told if it has authentic videos of so many groups.
    seed : int
        Of folds, classifiers, intervals and draws. Same table, same seed, same audit.

    Raises
    ------
    HoldOutError
        When there are fewer than two folds.
    SettingError
        When the seed is negative.
    """
    check_seed(seed)
    if n_folds < _FEWEST_FOLDS:
        raise HoldOutError(f"At least two folds are needed to hold something out, not {n_folds}.")
    table = with_all_quality(table).per_video()
    # The same bytes for any number of cores, as sums are taken in one order.
    with threadpool_limits(limits=1):
        learnt_from = _drawn(table, seed)
        return Audit(
            (
                quality_tells_label(learnt_from, n_folds, seed),
                source_tells_label(learnt_from, n_folds, seed),
                features_tell_source(learnt_from, n_folds, seed),
                feature_copies_label(table),
                name_says_label(table),
                twins_across_groups(table, seed),
                split_shares_groups(table),
                no_groups(table),
                left_out_tells_label(table),
            )
        )


def _drawn(table: TrainingTable, seed: int) -> TrainingTable:
    """Return at most so many videos as can be learnt from; each group keeps one before any two."""
    if table.n_videos <= MOST_VIDEOS_TO_LEARN_FROM:
        return table
    order = np.random.default_rng(seed).permutation(table.n_videos)
    rank_in_group = pd.Series(table.groups[order]).groupby(table.groups[order]).cumcount()
    first = order[np.argsort(rank_in_group.to_numpy(), kind="stable")]
    return table.part(np.sort(first[:MOST_VIDEOS_TO_LEARN_FROM]))
