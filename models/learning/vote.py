"""Several classifiers that decide together: by a plain vote, or each by what it is worth.

Both rest on the calibrated scores that the members gave to groups they were not fitted on.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, clone
from sklearn.utils.metaestimators import _BaseComposition

from models.errors import SettingError
from models.learning.balanced_fit import log_odds
from models.learning.calibration import CalibratedByGroup, SigmoidOfDecision, fit_sigmoid
from models.learning.video_rows import VideoRows, mean_by_video

# What it costs, in units of the log-likelihood of one group, that a weight is 1 off the mean.
# Tried on 220 videos, two deals of folds, three members, 0.1 to 1000. People held out: AUC 0.955 to
# 0.958 (soft vote 0.954), log loss least at 5. Sources held out: AUC 0.856 to 0.870, highest with
# equal weights (soft vote 0.872); log loss 0.652 to 0.673, the less the freer the weights.
_PENALTY = 5.0
# With one fold held out, two others are needed to know what members are worth on held-out rows.
_FEWEST_FOLDS_TO_WEIGH = 3


class _Vote(SigmoidOfDecision, _BaseComposition):
    """What a vote of calibrated classifiers shares, however their scores are put together."""

    def __init__(self, members: list[tuple[str, CalibratedByGroup]]) -> None:
        self.members = members

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Return the parameters, with ``deep`` those of the members too, as ``name__parameter``."""
        return self._get_params("members", deep=deep)

    def set_params(self, **parameters: object) -> Self:
        """Set parameters by the names that :meth:`get_params` gives."""
        self._set_params("members", **parameters)
        return self

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        groups: np.ndarray | None = None,
        videos: np.ndarray | None = None,
        fitted: Mapping[str, CalibratedByGroup] | None = None,
    ) -> Self:
        """Fit every member on ``X`` ``(n_rows, n_features)``, holding out ``groups`` in turn.

        ``videos`` as in :meth:`CalibratedByGroup.fit`. Members in ``fitted``, by name, were fitted
        on these very rows before, alone or for another vote, and are not fitted again.

        Raises
        ------
        HoldOutError
            When there are not two classes, or a class has fewer than two groups.
        TableError
            When the rows of a video are not of one class and one group, a value is infinite, or no
            feature differs between the rows of a fold.
        SettingError
            When the members do not hold out the same groups together.
        """
        rows = self._checked(X, y, groups, videos)
        fitted = {} if fitted is None else fitted
        self.members_ = {
            name: fitted[name]
            if name in fitted
            else clone(member).fit(rows.X, rows.is_fake, groups=rows.groups, videos=rows.videos)
            for name, member in self.members
        }
        self.chosen_ = {
            f"{name}: {parameter}": value
            for name, member in self.members_.items()
            for parameter, value in member.chosen_.items()
        }
        first = next(iter(self.members_.values())).oof_fold_
        if any(not np.array_equal(one.oof_fold_, first) for one in self.members_.values()):
            raise SettingError(
                "The members of a vote must hold out the same groups together: give all the same "
                "rows, n_folds and seed."
            )
        self.oof_decision_ = self._learn_together(rows)
        by_video = mean_by_video(self.oof_decision_, rows.videos)
        self.slope_, self.intercept_ = fit_sigmoid(by_video, rows.is_fake_by_video)
        return self

    def member_log_odds(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Return of each member, by name, ``(n_rows,)`` its own calibrated log-odds."""
        return {
            name: member.log_odds(member.decision_function(X))
            for name, member in self.members_.items()
        }

    def _learn_together(self, rows: VideoRows) -> np.ndarray:
        """Return ``(n_rows,)`` decision values of the vote from fits without the row's group."""
        raise NotImplementedError

    def _parts(self) -> list[BaseEstimator]:
        return [member for _, member in self.members]


class SoftVote(_Vote):
    """The mean of its members' calibrated probabilities, calibrated once more.

    The mean of probabilities that are each well calibrated is too timid, hence the second
    sigmoid. It is fitted on held-out votes: each from a decision value of a fit without the row's
    group, made a probability by a sigmoid fitted on the rows of the other folds, as one that had
    seen the row would find signal in noise. (The fits that those rows were held out of did train on
    this one.) No classifier is fitted for it.

    Parameters
    ----------
    members : list of (str, CalibratedByGroup)
        All with the same ``n_folds`` and ``seed``.

    Attributes
    ----------
    members_ : dict of str to CalibratedByGroup
        Fitted.
    chosen_ : dict
        What the searches of the members chose, as ``name: parameter``; empty without a search.
    slope_, intercept_, oof_decision_, classes_
        As in :class:`CalibratedByGroup`; the decision value is the log-odds of the mean vote.
    """

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` log-odds of the mean vote."""
        return self.decision_of(self.member_log_odds(self._new_rows(X)))

    def decision_of(self, told: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return ``(n_rows,)`` decision values where members say ``told``, ``(n_rows,)`` each."""
        return log_odds(np.mean([expit(told[name]) for name in self.members_], axis=0))

    def _learn_together(self, rows: VideoRows) -> np.ndarray:
        every_fold = np.ones(len(rows.videos), dtype=bool)
        votes = [
            expit(_held_out_log_odds(member, rows, every_fold)) for member in self.members_.values()
        ]
        return log_odds(np.mean(votes, axis=0))


class Stacking(_Vote):
    """Its members' calibrated log-odds, each weighed by what it is worth on held-out groups.

    Stacked generalisation (Wolpert 1992) with weights that are not negative (Breiman 1996, "Stacked
    regressions"). Changed: the scores that weights are fitted on are held out by whole groups and
    calibrated without the fold they are of, and weights are drawn towards one another, because
    there are few groups to tell them apart by. See :func:`fit_weights`.

    The second sigmoid is fitted on scores that are nested once more: those of a fold are put
    together by weights, and calibrated by sigmoids, that were fitted on the other folds. With two
    folds only, as where a class has two groups, members weigh the same.

    Parameters
    ----------
    members : list of (str, CalibratedByGroup)
        All with the same ``n_folds`` and ``seed``.

    Attributes
    ----------
    members_ : dict of str to CalibratedByGroup
        Fitted.
    weights_ : dict of str to float
        Weight of each member's log-odds, at least zero and one in sum.
    chosen_ : dict
        What the searches of the members chose, as ``name: parameter``; empty without a search.
    slope_, intercept_, oof_decision_, classes_
        As in :class:`CalibratedByGroup`; the decision value is the weighed mean of the members'
        calibrated log-odds.
    """

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` the weighed mean of the members' calibrated log-odds."""
        return self.decision_of(self.member_log_odds(self._new_rows(X)))

    def decision_of(self, told: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return ``(n_rows,)`` decision values where members say ``told``, ``(n_rows,)`` each."""
        return np.sum([self.weights_[name] * told[name] for name in self.members_], axis=0)

    def _learn_together(self, rows: VideoRows) -> np.ndarray:
        members = list(self.members_.values())
        fold = members[0].oof_fold_
        folds = np.unique(fold)
        every_fold = np.ones(len(fold), dtype=bool)
        told = np.column_stack([_held_out_log_odds(one, rows, every_fold) for one in members])
        weighed = len(folds) >= _FEWEST_FOLDS_TO_WEIGH
        equal = np.full(len(members), 1 / len(members))
        stacked = told @ equal
        for held_out in folds if weighed else ():
            is_kept = fold != held_out
            kept = rows.part(np.flatnonzero(is_kept))
            without = [_held_out_log_odds(one, rows, is_kept)[is_kept] for one in members]
            stacked[~is_kept] = told[~is_kept] @ _weights(np.column_stack(without), kept)
        weights = _weights(told, rows) if weighed else equal
        self.weights_ = dict(zip(self.members_, weights.tolist(), strict=True))
        return stacked


def fit_weights(told: np.ndarray, is_fake: np.ndarray, n_groups: int) -> np.ndarray:
    """Return what each member's log-odds weigh in their mean.

    The weights are those of a logistic regression, at least zero, with a penalty on how far each is
    from their mean: where nothing tells the members apart, they weigh the same. So does a member
    that knows nothing and says so: its log-odds hardly move, whatever they weigh. How surely the
    mean tells the classes is left to the calibration.

    Parameters
    ----------
    told : numpy.ndarray
        ``(n_videos, n_members)`` held-out calibrated log-odds.
    is_fake : numpy.ndarray
        ``(n_videos,)`` int, 0 or 1.
    n_groups : int
        All videos together count as so many: those of a group are not independent.

    Returns
    -------
    numpy.ndarray
        ``(n_members,)``, one in sum. Equal where no member tells anything.
    """
    n_members = told.shape[1]
    n_fake = int(is_fake.sum())
    target = np.where(is_fake == 1, (n_fake + 1) / (n_fake + 2), 1 / (len(is_fake) - n_fake + 2))

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        weights, intercept = parameters[:-1], parameters[-1]
        score = told @ weights + intercept
        residual = (expit(score) - target) / len(target)
        apart = weights - weights.mean()
        value = (np.logaddexp(0, score) - target * score).mean()
        slope = n_groups * (told.T @ residual) + 2 * _PENALTY * apart
        return (
            float(n_groups * value + _PENALTY * apart @ apart),
            np.append(slope, n_groups * residual.sum()),
        )

    start = np.append(np.full(n_members, 1 / n_members), logit(target.mean()))
    bounds = [(0, None)] * n_members + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x[:-1]
    if not found.sum() > 0:
        return np.full(n_members, 1 / n_members)
    return found / found.sum()


def _weights(told: np.ndarray, rows: VideoRows) -> np.ndarray:
    by_video = np.column_stack([mean_by_video(one, rows.videos) for one in told.T])
    return fit_weights(by_video, rows.is_fake_by_video, len(np.unique(rows.groups)))


def _held_out_log_odds(
    member: CalibratedByGroup, rows: VideoRows, is_kept: np.ndarray
) -> np.ndarray:
    """Return ``(n_rows,)`` log-odds by sigmoids fitted on the videos of the other folds.

    Of the folds where ``is_kept`` ``(n_rows,)``; zero in the others.
    """
    told = np.zeros(len(rows.videos))
    by_video = mean_by_video(member.oof_decision_, rows.videos)
    for fold in np.unique(member.oof_fold_[is_kept]):
        test = member.oof_fold_ == fold
        others = np.unique(rows.videos[is_kept & ~test])
        slope, intercept = fit_sigmoid(by_video[others], rows.is_fake_by_video[others])
        told[test] = slope * member.oof_decision_[test] + intercept
    return told
