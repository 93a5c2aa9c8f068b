"""The classifiers, each a scikit-learn pipeline from raw features to calibrated probabilities.

All share the same steps: tell features beside what authentic video of the same quality shows (where
the input says at which quality it was measured), impute the median, drop constants, scale robustly,
classify, calibrate. All but the last are inside the calibrated step: it holds out groups, and what
is held out must not shape expectations, medians and scales. The classifiers are meant for tables
with few videos and many features, hence strong regularisation. Fit them with
``pipeline.fit(X, y, classify__groups=groups)``; without groups every row counts as a group of its
own. The last ``n_covariates`` columns of ``X`` are measures of quality, see
:mod:`models.learning.conditioning`. With ``search`` a few settings, and the share of the features
that is kept, are chosen in every fit on groups held out of it, see :mod:`models.learning.search`.
"""

from collections.abc import Callable

from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier

from models.errors import SettingError, UnknownClassifierError
from models.learning.calibration import CalibratedByGroup, SoftVote
from models.learning.conditioning import QualityConditioner
from models.learning.kernel_machine import RadialSVC
from models.learning.preprocessing import BestShare, ClippedRobustScaler
from models.learning.search import GRIDS


def make_svm(seed: int = 0, n_covariates: int = 0, search: bool = False) -> Pipeline:
    """Return a support vector machine with a radial kernel.

    See :mod:`models.learning.kernel_machine`.
    """
    return _pipeline(_svm(seed, n_covariates, search))


def make_mlp(seed: int = 0, n_covariates: int = 0, search: bool = False) -> Pipeline:
    """Return a neural network with one small hidden layer and strong weight decay."""
    return _pipeline(_mlp(seed, n_covariates, search))


def make_xgboost(seed: int = 0, n_covariates: int = 0, search: bool = False) -> Pipeline:
    """Return gradient-boosted shallow trees, each on a part of the rows and features."""
    return _pipeline(_xgboost(seed, n_covariates, search))


def make_committee(seed: int = 0, n_covariates: int = 0, search: bool = False) -> Pipeline:
    """Return the soft vote of the three: the mean of their calibrated probabilities."""
    members = {"svm": _svm, "mlp": _mlp, "xgboost": _xgboost}
    return _pipeline(
        SoftVote([(name, make(seed, n_covariates, search)) for name, make in members.items()])
    )


MAKERS: dict[str, Callable[[int, int, bool], Pipeline]] = {
    "svm": make_svm,
    "mlp": make_mlp,
    "xgboost": make_xgboost,
    "committee": make_committee,
}


def check_classifier(name: str) -> None:
    """Raise UnknownClassifierError unless ``name`` is a key of ``MAKERS``."""
    if name not in MAKERS:
        raise UnknownClassifierError(
            f"There is no classifier {name!r}: choose one of {', '.join(MAKERS)}."
        )


def check_seed(seed: int) -> None:
    """Raise SettingError unless ``seed`` is one that every random generator here takes."""
    if not 0 <= seed < 2**32:
        raise SettingError(f"The seed must be a whole number from 0 to {2**32 - 1}, not {seed}.")


def _pipeline(calibrated: CalibratedByGroup | SoftVote) -> Pipeline:
    return Pipeline([("classify", calibrated)])


def _calibrated(
    classifier: BaseEstimator, seed: int, n_covariates: int, grid: dict[str, list] | None
) -> CalibratedByGroup:
    condition = [("condition", QualityConditioner(n_covariates))] if n_covariates else []
    select = [] if grid is None else [("select", BestShare(percentile=100))]
    steps = [
        *condition,
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
        ("scale", ClippedRobustScaler()),
        *select,
        ("model", classifier),
    ]
    return CalibratedByGroup(Pipeline(steps), seed=seed, grid=grid)


def _svm(seed: int, n_covariates: int, search: bool) -> CalibratedByGroup:
    machine = RadialSVC(C=3.0, seed=seed)
    return _calibrated(machine, seed, n_covariates, _grid("svm", search))


def _mlp(seed: int, n_covariates: int, search: bool) -> CalibratedByGroup:
    network = MLPClassifier(
        hidden_layer_sizes=(16,), solver="lbfgs", alpha=10.0, max_iter=30, random_state=seed
    )
    return _calibrated(network, seed, n_covariates, _grid("mlp", search))


def _xgboost(seed: int, n_covariates: int, search: bool) -> CalibratedByGroup:
    trees = XGBClassifier(
        n_estimators=200,
        max_depth=3,
        learning_rate=0.05,
        subsample=0.8,
        colsample_bytree=0.2,
        min_child_weight=2.0,
        reg_lambda=5.0,
        tree_method="hist",
        n_jobs=1,
        random_state=seed,
    )
    return _calibrated(trees, seed, n_covariates, _grid("xgboost", search))


def _grid(name: str, search: bool) -> dict[str, list] | None:
    return GRIDS[name] if search else None
