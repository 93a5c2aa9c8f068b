"""The recipe with one part of it left out, to find out what that part is worth."""

from dataclasses import dataclass

import pandas as pd

from models.detector import Detector
from models.table.covariates import COVARIATES
from models.table.lacking import networks_of
from models.table.matrix import feature_columns
from pretraining import recipe
from pretraining.calibration import calibrated
from pretraining.kinds import is_pseudo_fake


@dataclass(frozen=True)
class Variant:
    """The recipe, or the recipe but for something.

    Attributes
    ----------
    name : str
        For tables.
    pseudo_fakes, real_fakes : bool
        Whether it learns from fakes made of authentic clips, and from those of the manifest.
    degraded : bool
        Whether it learns from authentic clips and real fakes that went through chains too, or from
        those as they are alone. Pseudo-fakes are always degraded.
    chosen : bool
        Whether features are chosen, or all are learnt from.
    network : bool
        Whether what a network says is among the features.
    conditioned : bool
        Whether features are told beside what is usual at their quality.
    calibrated : bool
        Whether calibration and thresholds come from clips as they are, see
        :mod:`pretraining.calibration`, which takes as many fits again as there are folds.
    classifier : str
        That of the recipe, or another one.
    members : tuple of str or None
        Of a ``stacking``.
    """

    name: str = "full recipe"
    pseudo_fakes: bool = True
    real_fakes: bool = True
    degraded: bool = True
    chosen: bool = True
    network: bool = True
    conditioned: bool = True
    calibrated: bool = True
    classifier: str = recipe.CLASSIFIER
    members: tuple[str, ...] | None = None

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a corpus that it learns from, without columns it does not look at."""
        if not self.degraded:
            table = table[(table["round"] < 0) | is_pseudo_fake(table)]
        if not self.network:
            table = table[[name for name in table if not networks_of([name])]]
        return recipe.training_rows(
            table, pseudo_fakes=self.pseudo_fakes, real_fakes=self.real_fakes
        )

    def fitted(self, table: pd.DataFrame, seed: int) -> Detector:
        """Return the detector that learnt from the rows of a corpus.

        Raises
        ------
        models.errors.TableError, models.errors.HoldOutError
            When nothing can be learnt from them.
        """
        detector = self._uncalibrated(table, seed)
        if not (self.calibrated and self.real_fakes):
            return detector
        return calibrated(detector, table, lambda part: self._uncalibrated(part, seed), seed)

    def _uncalibrated(self, table: pd.DataFrame, seed: int) -> Detector:
        rows = self.rows(table)
        columns = _all_columns(rows)
        if self.chosen:
            columns = recipe.chosen_columns(rows, self.conditioned)
        return recipe.fitted(
            rows,
            columns,
            seed,
            classifier=self.classifier,
            members=self.members,
            condition_on_quality=self.conditioned,
        )


FULL = Variant()


def _all_columns(rows: pd.DataFrame) -> list[str]:
    return [name for name in feature_columns(rows.columns) if name not in COVARIATES]
