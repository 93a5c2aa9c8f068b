"""The classifiers, each a scikit-learn pipeline from raw features to calibrated probabilities.

``svm``, ``mlp``, ``xgboost`` and ``linear`` share the same steps: tell features beside what
authentic video of the same quality shows (where the input says at which quality it was measured),
impute the median, put a few components in the place of what each network says, drop constants,
scale robustly, classify, calibrate. ``networks`` takes of all features those that networks say
alone. ``sequences`` and ``frames`` take the signals themselves over a window instead, see
:mod:`models.learning.series`. ``committee`` and ``stacking`` let several of these decide together,
see :mod:`models.learning.vote`; where ``networks`` is one of them, the others are left with what is
measured by hand. All but the calibration is
inside the calibrated step: it holds out groups, and what is held out must not shape expectations,
medians and scales. The classifiers are meant for tables with few videos and many features, hence
strong regularisation.

Fit them with ``pipeline.fit(X, y, classify__groups=groups)``; without groups every row counts as a
group of its own. What the columns of ``X`` are says :class:`models.learning.inputs.Inputs`. With
``search`` a few settings, and the share of the features that is kept, are chosen in every fit on
groups held out of it, see :mod:`models.learning.search`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier

from models.learning.blocks import CompressedBlocks, TakeBlocks
from models.learning.calibration import CalibratedByGroup
from models.learning.conditioning import QualityConditioner
from models.learning.inputs import Inputs
from models.learning.kernel_machine import RadialSVC
from models.learning.preprocessing import BestShare, ClippedRobustScaler, TakeColumns
from models.learning.search import GRIDS
from models.learning.series import frame_steps, sequence_steps
from models.learning.vote import SoftVote, Stacking

# What takes summaries of a row, what those by networks alone, what the signals over time of a row,
# and what lets several decide.
TABULAR = ("svm", "mlp", "xgboost", "linear")
NETWORKS = "networks"
SERIAL = ("sequences", "frames")
VOTES = ("committee", "stacking")
DEFAULT_MEMBERS = ("svm", "mlp", "xgboost")


def make_svm(
    inputs: Inputs, seed: int = 0, search: bool = False, members: Sequence[str] = ()
) -> Pipeline:
    """Return a support vector machine with a radial kernel.

    See :mod:`models.learning.kernel_machine`.
    """
    return _pipeline(_svm(inputs, seed, search))


def make_mlp(
    inputs: Inputs, seed: int = 0, search: bool = False, members: Sequence[str] = ()
) -> Pipeline:
    """Return a neural network with one small hidden layer and strong weight decay."""
    return _pipeline(_mlp(inputs, seed, search))


def make_xgboost(
    inputs: Inputs, seed: int = 0, search: bool = False, members: Sequence[str] = ()
) -> Pipeline:
    """Return gradient-boosted shallow trees, each on a part of the rows and features."""
    return _pipeline(_xgboost(inputs, seed, search))


def make_linear(
    inputs: Inputs, seed: int = 0, search: bool = False, members: Sequence[str] = ()
) -> Pipeline:
    """Return a logistic regression with a strong L2 penalty.

    It adds up feature by feature, see :mod:`models.learning.contributions`. Of 220 videos, C from
    1 to 0.0001: AUC with people held out 0.89 (0.88 at 0.01) to 0.79, with sources 0.76 to 0.78.
    """
    return _pipeline(_linear(inputs, seed, search))


def make_networks(
    inputs: Inputs, seed: int = 0, search: bool = False, members: Sequence[str] = ()
) -> Pipeline:
    """Return a logistic regression of what networks say, and of nothing else."""
    return _pipeline(_networks(inputs, seed, search))


def make_sequences(
    inputs: Inputs, seed: int = 0, search: bool = False, members: Sequence[str] = ()
) -> Pipeline:
    """Return a linear machine on convolutions of the signals. There is nothing to search for."""
    return _pipeline(_sequences(inputs, seed, search))


def make_frames(
    inputs: Inputs, seed: int = 0, search: bool = False, members: Sequence[str] = ()
) -> Pipeline:
    """Return a classifier of single steps of time, whose mean decides. Nothing is searched for."""
    return _pipeline(_frames(inputs, seed, search))


def make_committee(
    inputs: Inputs,
    seed: int = 0,
    search: bool = False,
    members: Sequence[str] = DEFAULT_MEMBERS,
) -> Pipeline:
    """Return the soft vote of its members: the mean of their calibrated probabilities."""
    return _pipeline(SoftVote(_members(inputs, seed, search, members)))


def make_stacking(
    inputs: Inputs,
    seed: int = 0,
    search: bool = False,
    members: Sequence[str] = DEFAULT_MEMBERS,
) -> Pipeline:
    """Return the mean of its members' calibrated log-odds, weighed by what each is worth."""
    return _pipeline(Stacking(_members(inputs, seed, search, members)))


# All take ``members``, so that one can be put for another; only those that vote look at it.
MAKERS: dict[str, Callable[[Inputs, int, bool, Sequence[str]], Pipeline]] = {
    "svm": make_svm,
    "mlp": make_mlp,
    "xgboost": make_xgboost,
    "linear": make_linear,
    NETWORKS: make_networks,
    "sequences": make_sequences,
    "frames": make_frames,
    "committee": make_committee,
    "stacking": make_stacking,
}


def _pipeline(calibrated: CalibratedByGroup | SoftVote | Stacking) -> Pipeline:
    return Pipeline([("classify", calibrated)])


def _members(
    inputs: Inputs, seed: int, search: bool, members: Sequence[str]
) -> list[tuple[str, CalibratedByGroup]]:
    if NETWORKS in members:
        inputs = replace(inputs, heard="by hand")
    return [(name, _MEMBERS[name](inputs, seed, search)) for name in members]


def _calibrated(
    classifier: BaseEstimator, inputs: Inputs, seed: int, grid: dict[str, list] | None
) -> CalibratedByGroup:
    n_covariates = inputs.n_covariates
    take = [("take", TakeColumns(0, inputs.n_tabular))] if inputs.n_series else []
    condition = [("condition", QualityConditioner(n_covariates))] if n_covariates else []
    hear = []
    if inputs.heard != "all":
        hear = [("hear", TakeBlocks(inputs.blocks, inside=inputs.heard == "networks"))]
    blocks = inputs.blocks_heard
    compress = [("compress", CompressedBlocks(blocks))] if blocks else []
    select = [] if grid is None else [("select", BestShare(percentile=100))]
    steps = [
        *take,
        *condition,
        *hear,
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
        *compress,
        ("scale", ClippedRobustScaler()),
        *select,
        ("model", classifier),
    ]
    return CalibratedByGroup(Pipeline(steps), seed=seed, grid=grid)


def _svm(inputs: Inputs, seed: int, search: bool) -> CalibratedByGroup:
    machine = RadialSVC(C=3.0, seed=seed)
    return _calibrated(machine, inputs, seed, _grid("svm", search))


def _mlp(inputs: Inputs, seed: int, search: bool) -> CalibratedByGroup:
    network = MLPClassifier(
        hidden_layer_sizes=(16,), solver="lbfgs", alpha=10.0, max_iter=30, random_state=seed
    )
    return _calibrated(network, inputs, seed, _grid("mlp", search))


def _xgboost(inputs: Inputs, seed: int, search: bool) -> CalibratedByGroup:
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
    return _calibrated(trees, inputs, seed, _grid("xgboost", search))


def _linear(inputs: Inputs, seed: int, search: bool) -> CalibratedByGroup:
    regression = LogisticRegression(C=0.01, max_iter=1000)
    return _calibrated(regression, inputs, seed, _grid("linear", search))


def _networks(inputs: Inputs, seed: int, search: bool) -> CalibratedByGroup:
    regression = LogisticRegression(C=1.0, max_iter=1000)
    heard = replace(inputs, heard="networks")
    return _calibrated(regression, heard, seed, _grid(NETWORKS, search))


def _grid(name: str, search: bool) -> dict[str, list] | None:
    return GRIDS[name] if search else None


def _sequences(inputs: Inputs, seed: int, search: bool) -> CalibratedByGroup:
    return _of_series(sequence_steps(len(inputs.signals), inputs.n_steps, seed), inputs, seed)


def _frames(inputs: Inputs, seed: int, search: bool) -> CalibratedByGroup:
    return _of_series(frame_steps(len(inputs.signals), inputs.n_steps, seed), inputs, seed)


def _of_series(
    steps: list[tuple[str, BaseEstimator]], inputs: Inputs, seed: int
) -> CalibratedByGroup:
    n_before = inputs.n_tabular
    take = [("take", TakeColumns(n_before, n_before + inputs.n_series))] if n_before else []
    return CalibratedByGroup(Pipeline([*take, *steps]), seed=seed)


_MEMBERS: dict[str, Callable[[Inputs, int, bool], CalibratedByGroup]] = {
    "svm": _svm,
    "mlp": _mlp,
    "xgboost": _xgboost,
    "linear": _linear,
    NETWORKS: _networks,
    "sequences": _sequences,
    "frames": _frames,
}
