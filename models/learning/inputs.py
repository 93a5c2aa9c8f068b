"""What the columns of a classifier's input are."""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np

from models.learning.blocks import network_blocks
from models.table.training_table import TrainingTable


@dataclass(frozen=True)
class Inputs:
    """The blocks of columns that a classifier takes: features, covariates, series, in this order.

    Attributes
    ----------
    n_features : int
        Summaries of the row, one number each.
    n_covariates : int
        Measures of the quality at which the row was measured, see
        :mod:`models.learning.conditioning`.
    signals : tuple of str
        Signals whose values over time are in the series block, signal by signal.
    n_steps : int
        Values of each signal, equally spaced in time.
    blocks : tuple of (int, int)
        Features that one network says, see :func:`models.learning.blocks.network_blocks`.
    heard : str
        To which features is listened: ``all``, those of ``networks``, or those ``by hand``.
    """

    n_features: int
    n_covariates: int = 0
    signals: tuple[str, ...] = ()
    n_steps: int = 0
    blocks: tuple[tuple[int, int], ...] = ()
    heard: Literal["all", "networks", "by hand"] = "all"

    @property
    def blocks_heard(self) -> tuple[tuple[int, int], ...]:
        """The blocks as they stand among the features that are listened to."""
        if self.heard == "by hand":
            return ()
        if self.heard == "all":
            return self.blocks
        sizes = [stop - start for start, stop in self.blocks]
        return tuple(pairwise(accumulate(sizes, initial=0)))

    @property
    def n_tabular(self) -> int:
        """Number of features and covariates, the first columns."""
        return self.n_features + self.n_covariates

    @property
    def n_series(self) -> int:
        """Number of columns of the series block, the last ones."""
        return len(self.signals) * self.n_steps


def inputs_of(table: TrainingTable, features: bool, series: bool) -> tuple[Inputs, np.ndarray]:
    """Return the blocks of a table that are asked for, and ``(n_rows, n_inputs)`` their values.

    Covariates come with the features, which are told beside what is usual at a quality.
    """
    if not features:
        return Inputs(0, 0, table.signals, table.n_steps), table.series
    n_columns = len(table.columns), len(table.covariate_columns)
    blocks = network_blocks(table.columns)
    if not series:
        return Inputs(*n_columns, blocks=blocks), table.inputs
    return (
        Inputs(*n_columns, table.signals, table.n_steps, blocks),
        np.hstack([table.features, table.covariates, table.series]),
    )
