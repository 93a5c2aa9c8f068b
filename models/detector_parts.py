"""What a detector consists of, and whether the parts that a file holds fit together."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from models.learning.calibration import CalibratedByGroup
from models.learning.conditioning import QualityConditioner
from models.learning.convolutions import ConvolutionFeatures, check_sequences_installed
from models.learning.frame_mean import FrameMean
from models.learning.preprocessing import TakeColumns
from models.learning.vote import SoftVote, Stacking
from models.table.covariates import covariate_columns
from models.table.series import series_columns, series_layout

# Thresholds lie between the held-out probabilities, or beside the outermost.
_LEAST_THRESHOLD, _LARGEST_THRESHOLD = -1e-9, 1 + 1e-9


def check_content(content: dict) -> None:
    """Raise ValueError where the parts of a detector do not fit together."""
    columns, covariates, series = (content[k] for k in ("columns", "covariates", "series"))
    pipeline = content["pipeline"]
    inputs = [*columns, *covariates, *series]
    limits = content["threshold_real"], content["threshold_fake"]
    fits = (
        all(isinstance(name, str) for name in inputs)
        and len(set(inputs)) == len(inputs)
        and all(
            content[name].shape == (len(columns), n)
            and content[name].dtype.kind == "f"
            and _rise(content[name])
            for name, n in (("real_quantiles", 3), ("residual_quantiles", 3), ("seen_range", 2))
        )
        and pipeline.n_features_in_ == len(inputs)
        and bool(columns or series)
        and all(isinstance(one, CalibratedByGroup) for one in _members(pipeline).values())
        and _blocks_fit(pipeline, len(columns) + len(covariates), series)
        and _weights_fit(pipeline)
        and _slopes_fit(pipeline)
        and covariates == covariate_columns(covariates)
        and _conditioner_fits(pipeline, len(covariates))
        and _residuals_fit(content, conditioner_of(pipeline) is not None)
        and _LEAST_THRESHOLD <= limits[0] <= limits[1] <= _LARGEST_THRESHOLD
        and (content["window_s"] is None or 0 < content["window_s"] < np.inf)
        and isinstance(content["provenance"].get("versions"), dict)
        and isinstance(content["provenance"].get("classifier"), str)
    )
    if not fits:
        raise ValueError("The parts of the detector do not fit together.")


def conditioner_of(pipeline: Pipeline) -> QualityConditioner | None:
    """Return the step that conditions on quality, if one does.

    The members of a vote are fitted on the same rows, so that of any speaks for all.
    """
    found = (step for step in _steps(pipeline) if isinstance(step, QualityConditioner))
    return next(found, None)


def check_installed(pipeline: Pipeline) -> None:
    """Raise NotInstalledError where a part needs a package that is not installed."""
    if takes_convolutions(pipeline):
        check_sequences_installed()


def takes_convolutions(pipeline: Pipeline) -> bool:
    """Return whether a part learns from sequences, by convolutions of sktime's."""
    return any(isinstance(step, ConvolutionFeatures) for step in _steps(pipeline))


def serial_members(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the names of the members of a vote that take signals over time."""
    return tuple(
        name
        for name, one in _members(pipeline).items()
        if name
        and any(
            isinstance(step, ConvolutionFeatures | FrameMean) for _, step in one.estimator_.steps
        )
    )


def _steps(pipeline: Pipeline) -> list[BaseEstimator]:
    return [step for one in _members(pipeline).values() for _, step in one.estimator_.steps]


def _members(pipeline: Pipeline) -> dict[str, CalibratedByGroup]:
    """Return the classifiers of a vote by name, or the one that does not vote."""
    calibrated = pipeline[-1]
    return calibrated.members_ if isinstance(calibrated, SoftVote | Stacking) else {"": calibrated}


def _blocks_fit(pipeline: Pipeline, n_tabular: int, series: list[str]) -> bool:
    """Return whether every step looks at the columns that are meant for it."""
    signals, n_steps = series_layout(series) or ((), 0)
    if tuple(series) != series_columns(signals, n_steps):
        return False
    blocks = (0, n_tabular), (n_tabular, n_tabular + len(series))
    return all(
        (step.start, step.stop) in blocks
        if isinstance(step, TakeColumns)
        else step.n_signals == len(signals)
        for step in _steps(pipeline)
        if isinstance(step, TakeColumns | ConvolutionFeatures | FrameMean)
    )


def _weights_fit(pipeline: Pipeline) -> bool:
    """Return whether each member of a stacking has a weight, at least zero and one in sum."""
    calibrated = pipeline[-1]
    if not isinstance(calibrated, Stacking):
        return True
    values = np.array(list(calibrated.weights_.values()), dtype=float)
    same = list(calibrated.weights_) == list(calibrated.members_)
    return same and bool((values >= 0).all()) and bool(np.isclose(values.sum(), 1))


def _slopes_fit(pipeline: Pipeline) -> bool:
    """Return whether no calibration turns the ranking round."""
    calibrations = [pipeline[-1], *_members(pipeline).values()]
    return all(0 <= float(one.slope_) < np.inf for one in calibrations)


def _conditioner_fits(pipeline: Pipeline, n_covariates: int) -> bool:
    """Return whether what is usual is numbers, of features and of as many measures of quality."""
    conditioner = conditioner_of(pipeline)
    if conditioner is None:
        return n_covariates == 0
    fitted = [getattr(conditioner, name) for name in ("center_", "slope_", "spread_", "seen_")]
    return (
        conditioner.n_covariates == n_covariates
        and all(isinstance(one, np.ndarray) and one.dtype.kind == "f" for one in fitted)
        and conditioner.seen_.shape == (n_covariates, 2)
        and _rise(conditioner.seen_)
    )


def _residuals_fit(content: dict, is_conditioned: bool) -> bool:
    """Return whether it is known how all that is usual spreads, where that depends on quality."""
    usual, spread = (np.isfinite(content[f"{of}_quantiles"]) for of in ("real", "residual"))
    return bool((usual == spread).all()) if is_conditioned else not spread.any()


def _rise(values: np.ndarray) -> bool:
    """Return whether each row holds rising finite numbers, or NaN alone."""
    known = np.isfinite(values)
    none, whole = np.isnan(values).all(axis=1), known.all(axis=1)
    return bool((none | whole).all() and (np.diff(values[whole], axis=1) >= 0).all())
