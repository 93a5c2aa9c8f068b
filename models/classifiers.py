"""The classifiers, each a scikit-learn pipeline from raw features to calibrated probabilities.

``svm``, ``mlp``, ``xgboost`` and ``linear`` share the same steps: tell features beside what
authentic video of the same quality shows (where the input says at which quality it was measured),
impute the median, put a few components in the place of what each network says, drop constants,
scale robustly, classify, calibrate. ``sequences`` and ``frames`` take the signals
themselves over a window instead, see :mod:`models.learning.series`. ``committee`` and ``stacking``
let several of these decide together, see :mod:`models.learning.vote`. All but the calibration is
inside the calibrated step: it holds out groups, and what is held out must not shape expectations,
medians and scales. The classifiers are meant for tables with few videos and many features, hence
strong regularisation.

Fit them with ``pipeline.fit(X, y, classify__groups=groups)``; without groups every row counts as a
group of its own. What the columns of ``X`` are says :class:`models.learning.inputs.Inputs`. With
``search`` a few settings, and the share of the features that is kept, are chosen in every fit on
groups held out of it, see :mod:`models.learning.search`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier

from models.errors import NotInstalledError, SettingError, TableError, UnknownClassifierError
from models.learning.blocks import CompressedBlocks
from models.learning.calibration import CalibratedByGroup
from models.learning.conditioning import QualityConditioner
from models.learning.convolutions import check_sequences_installed
from models.learning.inputs import Inputs, inputs_of
from models.learning.kernel_machine import RadialSVC
from models.learning.preprocessing import BestShare, ClippedRobustScaler, TakeColumns
from models.learning.search import GRIDS
from models.learning.series import frame_steps, sequence_steps
from models.learning.vote import SoftVote, Stacking
from models.table.training_table import TrainingTable

# What takes summaries of a row, what its signals over time, and what lets several decide.
TABULAR = ("svm", "mlp", "xgboost", "linear")
SERIAL = ("sequences", "frames")
VOTES = ("committee", "stacking")
DEFAULT_MEMBERS = ("svm", "mlp", "xgboost")
_FEWEST_MEMBERS = 2


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
    "sequences": make_sequences,
    "frames": make_frames,
    "committee": make_committee,
    "stacking": make_stacking,
}


def check_classifier(name: str) -> None:
    """Raise UnknownClassifierError unless ``name`` is a key of ``MAKERS``."""
    if name not in MAKERS:
        raise UnknownClassifierError(
            f"There is no classifier {name!r}: choose one of {', '.join(MAKERS)}."
        )


def checked_members(members: str | Sequence[str] | None, names: Sequence[str]) -> tuple[str, ...]:
    """Return the members of the votes among the classifiers ``names``; without a vote, none.

    Parameters
    ----------
    members : sequence of str, str or None
        Names, or one text of names joined by commas; None for :data:`DEFAULT_MEMBERS`.
    names : sequence of str
        The classifiers that are asked for.

    Raises
    ------
    UnknownClassifierError
        When a member is no classifier that can be one.
    SettingError
        When they are fewer than two, one is named twice, or nothing that is asked for has members.
    """
    has_members = any(name in VOTES for name in names)
    if members is None:
        return DEFAULT_MEMBERS if has_members else ()
    if isinstance(members, str):
        members = [name.strip() for name in members.split(",") if name.strip()]
    if not has_members:
        raise SettingError(
            f"Only {' and '.join(VOTES)} have members, not {', '.join(names)}: leave the members "
            "out, or choose one of these classifiers."
        )
    for name in members:
        if name not in (*TABULAR, *SERIAL):
            raise UnknownClassifierError(
                f"{name!r} cannot be a member: choose from {', '.join((*TABULAR, *SERIAL))}."
            )
    if len(members) < _FEWEST_MEMBERS:
        raise SettingError(
            f"A {' or '.join(VOTES)} needs at least two members, not {len(members)}: name more."
        )
    doubled = sorted({name for name in members if members.count(name) > 1})
    if doubled:
        raise SettingError(
            f"A member may be named once only ({', '.join(doubled)}): name each one once."
        )
    return tuple(members)


def check_seed(seed: int) -> None:
    """Raise SettingError unless ``seed`` is one that every random generator here takes."""
    if not 0 <= seed < 2**32:
        raise SettingError(f"The seed must be a whole number from 0 to {2**32 - 1}, not {seed}.")


def takes_series(names: Sequence[str], members: Sequence[str]) -> bool:
    """Return whether any of the classifiers, or of the members of a vote, takes signals."""
    return any(name in SERIAL for name in _single(names, members))


def takes_features(names: Sequence[str], members: Sequence[str]) -> bool:
    """Return whether any of the classifiers, or of the members of a vote, takes features."""
    return any(name in TABULAR for name in _single(names, members))


def check_signals(table: TrainingTable, names: Sequence[str], members: Sequence[str]) -> None:
    """Raise an error where a classifier takes signals over time and that cannot be.

    Raises
    ------
    TableError
        When the table has none.
    NotInstalledError
        When the package that learns from sequences is not installed.
    """
    if "sequences" in _single(names, members):
        check_sequences_installed()
    if table.signals or not takes_series(names, members):
        return
    told = [name for name in SERIAL if name in _single(names, members)]
    raise TableError(
        f"The classifier {told[0]} learns from the signals over time, and the table has none: make "
        "it by `python -m featurize run --window 5 --series`."
    )


def all_names(table: TrainingTable) -> tuple[list[str], list[str]]:
    """Return every classifier that a table serves, and why another is left out.

    Of those that take signals over time only where the table has any.
    """
    names, left_out = [*TABULAR, *VOTES], []
    for name in SERIAL if table.signals else ():
        try:
            check_signals(table, [name], ())
        except NotInstalledError as error:
            left_out.append(f"The classifier {name} is left out. {error}")
        else:
            names.append(name)
    return names, left_out


def check_options(
    names: Sequence[str],
    members: Sequence[str],
    condition_on_quality: bool,
    search: bool,
    chosen: bool = False,
) -> None:
    """Raise SettingError where an option is for features, and no classifier takes any."""
    asked = _asked(condition_on_quality, search, chosen)
    if asked and not takes_features(names, members):
        raise SettingError(
            f"{' and '.join(SERIAL)} take signals over time as they are, and there is nothing to "
            f"{asked}: leave that out, or name a classifier of features."
        )


def remarks_on_options(
    names: Sequence[str], members: Sequence[str], condition_on_quality: bool, search: bool
) -> list[str]:
    """Return a sentence where an option is for some of the classifiers only."""
    asked, single = _asked(condition_on_quality, search), dict.fromkeys(_single(names, members))
    others = [name for name in single if name in SERIAL]
    meant = [name for name in single if name in TABULAR]
    if not (asked and others and meant):
        return []
    return [
        f"What was asked for ({asked}) is done for {', '.join(meant)} only: {' and '.join(others)} "
        "take signals over time as they are."
    ]


def _asked(condition_on_quality: bool, search: bool, chosen: bool = False) -> str:
    told = (
        (condition_on_quality, "condition on quality"),
        (search, "search"),
        (chosen, "choose columns of"),
    )
    return " or ".join(what for is_asked, what in told if is_asked)


def taken_inputs(
    table: TrainingTable, names: Sequence[str], members: Sequence[str]
) -> tuple[Inputs, np.ndarray]:
    """Return what the columns are that some classifiers take together, and their values."""
    return inputs_of(table, takes_features(names, members), takes_series(names, members))


def _single(names: Sequence[str], members: Sequence[str]) -> list[str]:
    return [one for name in names for one in (members if name in VOTES else (name,))]


def _pipeline(calibrated: CalibratedByGroup | SoftVote | Stacking) -> Pipeline:
    return Pipeline([("classify", calibrated)])


def _members(
    inputs: Inputs, seed: int, search: bool, members: Sequence[str]
) -> list[tuple[str, CalibratedByGroup]]:
    return [(name, _MEMBERS[name](inputs, seed, search)) for name in members]


def _calibrated(
    classifier: BaseEstimator, inputs: Inputs, seed: int, grid: dict[str, list] | None
) -> CalibratedByGroup:
    n_covariates = inputs.n_covariates
    take = [("take", TakeColumns(0, inputs.n_tabular))] if inputs.n_series else []
    condition = [("condition", QualityConditioner(n_covariates))] if n_covariates else []
    compress = [("compress", CompressedBlocks(inputs.blocks))] if inputs.blocks else []
    select = [] if grid is None else [("select", BestShare(percentile=100))]
    steps = [
        *take,
        *condition,
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
    "sequences": _sequences,
    "frames": _frames,
}
