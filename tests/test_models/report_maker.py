"""Made-up validation reports, measured by the package's own functions."""

import numpy as np
import pandas as pd

from models.audit import Audit, Finding
from models.evaluation.breakdown import BREAKDOWN_COLUMNS, QUALITY_LEVEL_COLUMNS
from models.evaluation.validation_report import ValidationReport
from models.metrics import measure

NAN = float("nan")
SUMMARY = "Face size (of 'J. Smith', say) alone tells fakes from reals."
ADVICE = "Collect <b>others</b> & look again."
WARNING = f"{SUMMARY} {ADVICE}"


def make_scores(
    n=60,
    classifiers=("svm", "mlp"),
    trained_on=("all",),
    methods=("swap", "lips"),
    datasets=("studio", "web"),
    levels=("",),
    n_folds=3,
    seed=0,
):
    rng = np.random.default_rng(seed)
    is_fake = np.arange(n) % 2
    parts = []
    for i, classifier in enumerate(classifiers):
        for on in trained_on:
            decision = rng.normal(size=n) + (1.5 - 0.3 * i) * is_fake
            turn = np.arange(n) // 2
            parts.append(
                pd.DataFrame(
                    {
                        "classifier": classifier,
                        "trained_on": on,
                        "fold": turn % n_folds + 1,
                        "held_out": [f"fold {fold}" for fold in turn % n_folds + 1],
                        "path": [f"clip_{k:03d}.mp4" for k in range(n)],
                        "label": np.where(is_fake == 1, "fake", "real"),
                        "group": [f"person_{k}" for k in turn],
                        "method": np.where(is_fake == 1, np.resize(methods, n // 2).repeat(2), ""),
                        "dataset": np.resize(datasets, n // 2).repeat(2),
                        "compression": np.resize(levels, n // 2).repeat(2),
                        "decision": decision,
                        "probability": 1 / (1 + np.exp(-decision)),
                    }
                ).sort_values("fold", kind="stable")
            )
    return pd.concat(parts, ignore_index=True)


def make_report(
    scores=None, hold_out="group", audit=None, source_held_out=None, settings=None, **parts
):
    scores = make_scores() if scores is None else scores
    first = scores[scores["classifier"] == scores["classifier"].iloc[0]]
    first = first[first["trained_on"] == first["trained_on"].iloc[-1]]
    settings = {
        "hold_out": hold_out,
        "n_folds": int(scores["fold"].nunique()),
        "folds_asked": 5,
        "intervals_over": "group",
        "seed": 3,
        "n_videos": len(first),
        "n_real": int((first["label"] == "real").sum()),
        "n_fake": int((first["label"] == "fake").sum()),
        "n_groups": int(first["group"].nunique()),
        "n_features": 7,
        "window_s": "whole videos",
        "conditioned_on": "nothing",
        "members": "none",
        "searched": False,
        "table_sha256": "0123abcd" * 8,
        "versions": {"numpy": "2.4.6", "scikit-learn": "1.9.1"},
    } | (settings or {})
    empty = {
        "importance": "classifier family n_features auc_drop low high",
        "choices": "classifier trained_on fold parameter value",
    }
    frames = {name: pd.DataFrame(columns=columns.split()) for name, columns in empty.items()}
    whole = {
        "scores": scores,
        "folds": _folds(scores),
        "metrics": _metrics(scores),
        "breakdown": _breakdown(scores),
        "quality_levels": _quality_levels(scores),
        "audit": audit,
        "source_held_out": source_held_out,
        "settings": settings,
        "remarks": ("2 rows were left out.",),
        **frames,
    }
    return ValidationReport(**(whole | parts))


def make_audit(is_warning=True):
    told = (SUMMARY, ADVICE) if is_warning else ("It does not.",)
    figures = (0.88, 0.8, 0.93, 0.5)
    return Audit(
        (
            Finding(
                "quality_tells_label", "Does quality tell?", "AUC", *figures, is_warning, *told
            ),
            Finding.unknown("split_shares_groups", "Is the split clean?", "share", "no split."),
            Finding.counted("no_groups", "Any alone?", "number of rows", 0.0, False, "No."),
        )
    )


def make_importance():
    return pd.DataFrame(
        [
            ("svm", "eyes", 12, 0.08, 0.05, 0.11),
            ("svm", "mouth", 9, -0.01, NAN, NAN),
            ("mlp", "eyes", 12, 0.02, 0.01, 0.03),
            ("mlp", "mouth", 9, NAN, NAN, NAN),
        ],
        columns=["classifier", "family", "n_features", "auc_drop", "low", "high"],
    )


def _by(scores):
    return scores.groupby(["classifier", "trained_on"], sort=False)


def _measured(part, held_out=None, n_resamples=5):
    return measure(
        (part["label"] == "fake").to_numpy(dtype=int),
        part["decision"].to_numpy(),
        part["probability"].to_numpy(),
        part["group"].to_numpy(dtype=str),
        part["fold"].to_numpy(),
        held_out=held_out,
        n_resamples=n_resamples,
    )


def _metrics(scores):
    parts = []
    for (classifier, trained_on), part in _by(scores):
        measured = _measured(part, part["held_out"].to_numpy(dtype=str), 200)
        measured.insert(0, "classifier", classifier)
        measured.insert(1, "trained_on", trained_on)
        parts.append(measured)
    return pd.concat(parts, ignore_index=True)


def _breakdown(scores):
    """As :mod:`models.evaluation.breakdown`, with so few resamples that it takes no time."""
    parts = []
    for (classifier, trained_on), whole in _by(scores):
        for by in ("fold", "method", "dataset", "compression"):
            of = "held_out" if by == "fold" else by
            for name in sorted(set(whole[of]) - {""}):
                rows = whole[of] == name
                if by == "method":
                    rows |= (whole["label"] == "real") & whole["fold"].isin(whole["fold"][rows])
                names = {"classifier": classifier, "trained_on": trained_on, "by": by, "name": name}
                parts.append(_named(whole[rows], names))
    return pd.concat(parts, ignore_index=True)[list(BREAKDOWN_COLUMNS)]


def _quality_levels(scores):
    parts = []
    for (classifier, trained_on), whole in _by(scores):
        for level in sorted(set(whole["compression"]) - {""}):
            of_level = whole[whole["compression"] == level]
            for method in ("all", *sorted(set(whole["method"]) - {""})):
                part = of_level[of_level["method"].isin(["", method]) | (method == "all")]
                names = {"compression": level, "method": method}
                names |= {"classifier": classifier, "trained_on": trained_on}
                parts.append(_named(part, names))
    empty = pd.DataFrame(columns=list(QUALITY_LEVEL_COLUMNS))
    return pd.concat(parts)[list(QUALITY_LEVEL_COLUMNS)] if parts else empty


def _named(part, names):
    n_fake = int((part["label"] == "fake").sum())
    measured = _measured(part, np.zeros(len(part)))
    return measured.assign(**names, n_real=len(part) - n_fake, n_fake=n_fake)


def _folds(scores):
    """As the fold table of a validation, without the AUC; what is not tested is trained on."""
    names = ["classifier", "trained_on", "fold", "held_out"]
    fake = scores.assign(n_fake=scores["label"] == "fake", n_real=scores["label"] == "real")
    folds = fake.groupby(names, sort=False)[["n_real", "n_fake"]].sum().reset_index()
    n_test = folds["n_real"] + folds["n_fake"]
    folds.insert(4, "n_train", scores["path"].nunique() - n_test)
    return folds
