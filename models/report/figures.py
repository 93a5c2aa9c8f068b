"""The figures of the report: ROC, DET, reliability and histogram of scores."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtri

from models.report.curves import has_both, mean_roc, reliability, roc_points, thinned
from models.report.svg import COLOURS, SERIES, drawing, inline_svg

# Told apart by more than their colour.
_DASHES = ("-", (0, (5, 1.6)), (0, (5, 1.4, 1.2, 1.4)), (0, (1.4, 1.2)))
_DET_TICKS = (0.0001, 0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
_N_BARS = 20
_SQUARE = (4.4, 4.3)
_SQUARE_AXES = (0.145, 0.135, 0.825, 0.84)
_TALL = (3.5, 4.3)


@dataclass(frozen=True)
class Drawing:
    """A figure of the page: its heading, the ``<svg>`` and what must be said below it."""

    title: str
    svg: str
    caption: str


@dataclass(frozen=True)
class _Scored:
    """The scores of one classifier."""

    name: str
    is_fake: np.ndarray
    decision: np.ndarray
    probability: np.ndarray
    fold: np.ndarray
    held_out: np.ndarray

    @property
    def counts(self) -> str:
        n_fake = int(self.is_fake.sum())
        return f"{n_fake} fake and {len(self.is_fake) - n_fake} real videos"


def curve_figures(scores: pd.DataFrame, metrics: pd.DataFrame) -> list[Drawing]:
    """Return the figures of ranking, all classifiers in each; none where there is one class.

    Parameters
    ----------
    scores, metrics : pandas.DataFrame
        Of one ``trained_on``, see :class:`models.evaluation.validation_report.ValidationReport`.
    """
    scored = [one for one in _by_classifier(scores) if has_both(one.is_fake)]
    if not scored:
        return []
    value = metrics.set_index(["metric", "classifier"])["value"].to_dict()
    counts = scored[0].counts
    several = len(set(scores["fold"])) > 1
    drawings = []
    with drawing():
        drawings.append(_roc_of_all(scored, value, counts, several))
        if several:
            drawings += _roc_of_folds(scored, value, counts)
        drawings.append(_det(scored, value, counts, several))
    return drawings


def calibration_figures(scores: pd.DataFrame) -> list[Drawing]:
    """Return for each classifier its reliability diagram above the histogram of its scores."""
    with drawing():
        return [_calibration(one, i) for i, one in enumerate(_by_classifier(scores))]


def _by_classifier(scores: pd.DataFrame) -> list[_Scored]:
    return [
        _Scored(
            str(name),
            (part["label"] == "fake").to_numpy(dtype=int),
            part["decision"].to_numpy(dtype=float),
            part["probability"].to_numpy(dtype=float),
            part["fold"].to_numpy(),
            part["held_out"].to_numpy(dtype=str),
        )
        for name, part in scores.groupby("classifier", sort=False)
    ]


def _roc_of_all(
    scored: list[_Scored], value: dict[tuple[str, str], float], counts: str, several: bool
) -> Drawing:
    lines = [
        (one.name, value.get(("auc_pooled", one.name)), *roc_points(one.is_fake, one.probability))
        for one in scored
    ]
    warning = (
        " Scores of different folds come from different classifiers; they are compared after "
        "calibration, by the probability stated. This curve can lie below what each fold alone "
        "shows."
        if several
        else ""
    )
    caption = (
        f"{counts[0].upper()}{counts[1:]}, all together.{warning} In brackets: area under "
        "the curve (AUC). Dotted: guessing."
    )
    return _roc("roc-pooled", "ROC, all videos pooled", lines, caption)


def _roc_of_folds(
    scored: list[_Scored], value: dict[tuple[str, str], float], counts: str
) -> list[Drawing]:
    lines = []
    for one in scored:
        curve = mean_roc(one.is_fake, one.decision, one.fold, one.held_out)
        if curve is not None:
            lines.append((one.name, value.get(("auc_mean_of_folds", one.name)), *curve))
    if not lines:
        return []
    first = scored[0]
    both = [fold for fold in np.unique(first.fold) if has_both(first.is_fake[first.fold == fold])]
    n_folds = len(np.unique(first.fold))
    caption = (
        f"Mean height at each rate of false alarms over the {len(both)} of {n_folds} folds that "
        f"hold both classes ({counts} in all folds): only videos scored by the same classifier are "
        "compared. In brackets: area under the curve."
    )
    return [_roc("roc-folds", "ROC, mean of the folds", lines, caption)]


def _roc(
    name: str,
    title: str,
    lines: list[tuple[str, float | None, np.ndarray, np.ndarray]],
    caption: str,
) -> Drawing:
    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=COLOURS["muted"], linewidth=1, linestyle=":")
        for i, (label, area, x, y) in enumerate(lines):
            axes.plot(*thinned(x, y), **_line(i), label=_legend(label, area))
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axes.set_xlabel("false alarms: share of reals called fake")
        axes.set_ylabel("share of fakes caught")
        axes.legend(loc="lower right")

    told = "; ".join(_legend(label, area) for label, area, _, _ in lines)
    return Drawing(
        title, _square(name, title, f"{title}. Area by classifier: {told}.", draw), caption
    )


def _det(
    scored: list[_Scored], value: dict[tuple[str, str], float], counts: str, several: bool
) -> Drawing:
    """Detection error trade-off on normal deviate axes (Martin et al. 1997)."""
    n_fewest = min(min(one.is_fake.sum(), (1 - one.is_fake).sum()) for one in scored)
    smallest = min(0.5 / n_fewest, 0.2)
    limits = ndtri([smallest, 0.965])

    def draw(axes: Axes) -> None:
        axes.plot(limits, limits, color=COLOURS["muted"], linewidth=1, linestyle=":")
        for i, one in enumerate(scored):
            false_alarms, caught = roc_points(one.is_fake, one.probability)
            # A rate of exactly 0 or 1 has no place on these axes: it is drawn at their edge.
            with np.errstate(divide="ignore"):
                x, y = np.clip(ndtri(false_alarms), *limits), np.clip(ndtri(1 - caught), *limits)
            error = value.get(("equal_error_rate", one.name))
            axes.plot(*thinned(x, y), **_line(i), label=_legend(one.name, error))
        ticks = [tick for tick in _DET_TICKS if tick >= smallest]
        labels = [f"{100 * tick:g}" for tick in ticks]
        axes.set_xticks(ndtri(ticks), labels)
        axes.set_yticks(ndtri(ticks), labels)
        axes.set(xlim=limits, ylim=limits)
        axes.set_xlabel("reals called fake, %")
        axes.set_ylabel("fakes missed, %")
        axes.legend(loc="upper right")

    calibrated = " Scores of different folds are compared after calibration." if several else ""
    title = "DET, all videos pooled"
    told = "; ".join(_legend(one.name, value.get(("equal_error_rate", one.name))) for one in scored)
    caption = (
        f"Both errors on normal deviate axes; {counts}, so one video moves a curve by "
        f"{100 / n_fewest:.2g} % and nothing is known of smaller rates; 0 is drawn at the edge. "
        f"In brackets: equal error rate, where a curve meets the dotted line.{calibrated}"
    )
    svg = _square("det", title, f"{title}. Equal error rate by classifier: {told}.", draw)
    return Drawing(title, svg, caption)


def _calibration(one: _Scored, i: int) -> Drawing:
    figure = Figure(figsize=_TALL)
    top = figure.add_axes((0.155, 0.425, 0.81, 0.555))
    bottom = figure.add_axes((0.155, 0.115, 0.81, 0.25))
    bins = reliability(one.is_fake, one.probability)
    top.plot([0, 1], [0, 1], color=COLOURS["muted"], linewidth=1, linestyle=":")
    top.vlines(bins.stated, bins.low, bins.high, color=SERIES[i % len(SERIES)], linewidth=1.6)
    top.plot(bins.stated, bins.share, "o", color=SERIES[i % len(SERIES)], markersize=5)
    top.set(xlim=(-0.02, 1.02), ylim=(-0.03, 1.03))
    top.set_ylabel("share that is fake")
    top.tick_params(labelbottom=False)
    edges = np.linspace(0, 1, _N_BARS + 1)
    for sign, is_fake, label in ((1, 1, "fake"), (-1, 0, "real")):
        n, _ = np.histogram(one.probability[one.is_fake == is_fake], edges)
        bottom.bar(edges[:-1], sign * n, width=0.85 / _N_BARS, align="edge", color=COLOURS[label])
    most = max(np.abs(bottom.get_ylim()).max(), 1)
    bottom.set(xlim=(-0.02, 1.02), ylim=(-most, most))
    ticks = [tick for tick in bottom.get_yticks() if tick == round(tick) and abs(tick) <= most]
    bottom.set_yticks(ticks, [f"{abs(int(tick))}" for tick in ticks])
    bottom.axhline(0, color=COLOURS["muted"], linewidth=0.8)
    for y, label, align in ((0.97, "fake", "top"), (0.03, "real", "bottom")):
        bottom.text(
            0.5, y, label, color=COLOURS[label], transform=bottom.transAxes, va=align, ha="center"
        )
    bottom.set_xlabel("stated probability of being fake")
    bottom.set_ylabel("videos")
    for axes in (top, bottom):
        axes.grid(visible=True)
        axes.set_axisbelow(True)
    told = "; ".join(
        f"stated {stated:.2f}, fake {share:.2f}"
        for stated, share in zip(bins.stated, bins.share, strict=True)
    )
    svg = inline_svg(
        figure,
        f"calibration-{i + 1}",
        f"Reliability and scores of {one.name}",
        f"Share of fakes among videos of about the same stated probability: {told}. Below, how "
        f"many fakes and reals got each probability.",
    )
    return Drawing(one.name, svg, f"{one.counts}.")


def _square(name: str, title: str, description: str, draw: Callable[[Axes], None]) -> str:
    figure = Figure(figsize=_SQUARE)
    axes = figure.add_axes(_SQUARE_AXES)
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    draw(axes)
    return inline_svg(figure, name, title, description)


def _line(i: int) -> dict[str, object]:
    return {
        "color": SERIES[i % len(SERIES)],
        # When the colours begin anew, they come with another dash.
        "linestyle": _DASHES[(i + i // len(SERIES)) % len(_DASHES)],
        "linewidth": 1.8,
    }


def _legend(label: str, figure: float | None) -> str:
    return label if figure is None or np.isnan(figure) else f"{label} ({figure:.3f})"
