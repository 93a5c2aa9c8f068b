"""Probabilities and thresholds from clips as they are, of sources that were held out.

A detector learns from degraded worlds, most of whose fakes are pseudo-fakes. How sure it may be of
clips as people find them, only such clips can say.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import expit

from models.detector import Detector
from models.learning.calibration import fit_sigmoid
from models.learning.video_rows import mean_of_known
from models.thresholds import choose_thresholds
from pretraining.folds import source_folds
from pretraining.kinds import is_pseudo_fake

N_FOLDS = 5


def calibrated(
    detector: Detector, table: pd.DataFrame, fit: Callable[[pd.DataFrame], Detector], seed: int
) -> Detector:
    """Return the detector with another calibration and other thresholds.

    Sources are held out in folds; what detectors made without them say of their clips as they are
    gives the sigmoid and the limits of :func:`models.thresholds.choose_thresholds`. Probabilities
    are those of as many authentic videos as manipulated ones.

    Parameters
    ----------
    detector : Detector
        Made of the whole table.
    table : pandas.DataFrame
        A corpus, see :func:`pretraining.corpus.make_corpus`.
    fit : callable
        Makes such a detector of a part of the table.
    seed : int
        Deals the sources.

    Returns
    -------
    Detector
        The very same where fewer than two sources have clips of a label, or none can be scored.
    """
    clips = table[(table["round"] < 0) & ~is_pseudo_fake(table)]
    sources = clips.groupby("label")["source"].nunique()
    if len(sources) < 2 or sources.min() < 2:
        return detector
    by_source = clips.assign(dataset=clips["source"], group=clips["source"])
    n_folds = min(N_FOLDS, int(sources.min()))
    folds = source_folds(by_source, n_folds, seed)
    told = pd.Series(np.nan, clips.index)
    for fold in range(n_folds):
        held = clips[folds == fold]
        others = fit(table[~table["source"].isin(held["source"])])
        told[held.index] = others.decision_function(held)
    number, _ = pd.factorize(clips["path"])
    decision = mean_of_known(told.to_numpy(), number)
    is_fake = (clips["label"] == "fake").groupby(number).first().to_numpy(int)
    known = np.isfinite(decision)
    decision, is_fake = decision[known], is_fake[known]
    if len(np.unique(is_fake)) < 2:
        return detector
    slope, intercept = fit_sigmoid(decision, is_fake)
    # Even odds: which sources are held out must not say how many fakes are to be expected.
    intercept -= np.log(is_fake.sum() / (is_fake == 0).sum())
    pipeline = deepcopy(detector.pipeline)
    pipeline[-1].slope_, pipeline[-1].intercept_ = slope, float(intercept)
    remark = (
        f"Calibration and thresholds are of {len(decision)} clips as they are, by detectors that "
        "had not seen their source."
    )
    return replace(
        detector,
        pipeline=pipeline,
        thresholds=choose_thresholds(expit(slope * decision + intercept), is_fake),
        provenance=detector.provenance | {"remarks": [*detector.provenance["remarks"], remark]},
    )
