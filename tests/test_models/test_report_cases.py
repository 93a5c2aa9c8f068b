"""Reports of unusual tables: hostile names, many methods, one class, one fold, large tables."""

import re
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from models.metrics import mean_auc_of_held_out
from models.report import write_report
from models.report.curves import mean_roc, reliability, roc_points, thinned

from .report_maker import make_audit, make_report, make_scores
from .test_report import Page, written

PEOPLE = ("68.69", "66.57", "58.73")
HOSTILE = (
    "<script>alert(1)</script>",
    'a"><img src=x onerror=1>',
    "$\\frac{1}{0}$",
    "وجه",
    "换脸 & co",
)


def test_names_of_the_table_stay_names(tmp_path):
    scores = make_scores(n=120, methods=HOSTILE, datasets=HOSTILE, levels=HOSTILE)
    held_out = scores.assign(held_out=scores["fold"].map(dict(enumerate(HOSTILE, 1))))
    html = written(make_report(held_out, hold_out="dataset", audit=make_audit()), tmp_path)
    page = Page(html)
    assert not {tag for tag, _ in page.elements} & {"script", "img"}
    assert all(name in page.text for name in HOSTILE)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<b>others</b>" in page.text


def test_characters_that_html_forbids_are_replaced(tmp_path):
    # pyarrow, where pandas has it, holds UTF-8 alone.
    with pd.option_context("mode.string_storage", "python"):
        scores = make_scores(datasets=("a\x00b\x1b", "half \udc80"))
        html = written(make_report(scores), tmp_path)
    assert "a�b�" in html
    assert "half �" in html
    assert "half \\udc80" in (tmp_path / "scores.csv").read_text(encoding="utf-8")


def test_many_methods_and_sources_are_all_named(tmp_path):
    methods = tuple(f"method-{i:03d}" for i in range(200))
    sources = tuple(f"source-{i:02d}" for i in range(24))
    scores = make_scores(n=800, classifiers=("svm",), methods=methods, datasets=sources)
    text = Page(written(make_report(scores), tmp_path)).text
    assert all(name in text for name in (*methods, *sources))


def test_source_of_one_class_is_counted_and_has_no_figure(tmp_path):
    scores = make_scores()
    fake = scores["label"] == "fake"
    scores["dataset"] = np.where(
        fake & (scores["dataset"] == "web"), "only fakes", scores["dataset"]
    )
    text = Page(written(make_report(scores), tmp_path)).text
    assert "without a real and a fake of one fold: \u2068only fakes\u2069 (0 real," in text


@pytest.mark.parametrize("n_classifiers", [1, 4])
def test_any_number_of_classifiers(tmp_path, n_classifiers):
    names = ("svm", "mlp", "xgboost", "committee")[:n_classifiers]
    html = written(make_report(make_scores(classifiers=names)), tmp_path)
    page = Page(html)
    assert sum(tag == "svg" for tag, _ in page.elements) == 3 + n_classifiers
    assert ("the best of" in page.text) == (n_classifiers > 1)


def test_single_fold_has_no_mean_of_folds(tmp_path):
    html = written(make_report(make_scores(n_folds=1), hold_out="split"), tmp_path)
    assert "ROC, mean of the folds" not in html
    assert "after calibration" not in html[html.index('id="curves"') :]
    assert "official test" in html


def test_one_class_in_a_fold_is_left_out_of_the_mean_and_said(tmp_path):
    scores = make_scores()
    scores = scores[(scores["fold"] != 2) | (scores["label"] == "fake")]
    text = Page(written(make_report(scores), tmp_path)).text
    assert "over the 2 of 3 folds" in text
    assert "Rests on 2 of the 3 folds tested" in text


def test_no_fold_with_both_classes_claims_nothing(tmp_path):
    scores = make_scores(n_folds=2)
    kept = np.where(scores["fold"] == 1, "real", "fake") == scores["label"]
    html = written(make_report(scores[kept]), tmp_path)
    assert "ROC, mean of the folds" not in html


def levels_of(dataset, levels):
    return make_scores(n=240, datasets=(dataset,), levels=levels, n_folds=2)


@pytest.mark.parametrize("raw", ["raw", "c0"])
def test_people_stand_beside_balanced_accuracy_at_their_levels(tmp_path, raw):
    html = written(make_report(levels_of("FaceForensics++", (raw, "c23", "c40"))), tmp_path)
    table = html[html.index("levels-balanced-accuracy") :]
    table = table[: table.index("</table>")]
    assert all(figure in table for figure in PEOPLE)
    assert [table.index(figure) for figure in PEOPLE] == sorted(map(table.index, PEOPLE))
    assert Page(html).text.count("68.69") == 1
    assert "Roessler et al. 2019" in html


@pytest.mark.parametrize(
    ("dataset", "levels", "shown"),
    [
        ("FaceForensics++", ("c23",), {"66.57"}),
        ("FaceForensics++", ("h264",), set()),
        ("FaceForensics++", ("",), set()),
        ("elsewhere", ("c0", "c23", "c40"), set()),
        ("FaceForensics", ("c23",), set()),
    ],
)
def test_people_are_quoted_only_for_what_they_were_asked(tmp_path, dataset, levels, shown):
    html = written(make_report(levels_of(dataset, levels)), tmp_path)
    assert {figure for figure in PEOPLE if figure in Page(html).text} == shown
    assert ("Roessler" in html) == bool(shown)
    assert ("Compression levels and methods" in html) == (levels != ("",))


def test_page_stays_small_however_many_videos(tmp_path):
    names = ("svm", "mlp", "xgboost", "committee")
    small = make_report(make_scores(n=220, classifiers=names))
    write_report(small, tmp_path / "small")
    large = make_scores(n=20_000, classifiers=names)
    write_report(replace(small, scores=large), tmp_path / "large")
    sizes = [(tmp_path / size / "report.html").stat().st_size for size in ("small", "large")]
    assert sizes[0] < 400_000
    assert sizes[1] < 600_000


def luminance(colour):
    """Of WCAG 2.2, of ``rrggbb``."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_and_curves_stand_out_from_the_page_in_both_schemes(scheme):
    style = files("models.report").joinpath("page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})", style.split(":root")[scheme + 1]))
    pairs = {(name, "paper"): 4.5 for name in ("ink", "muted", "accent", "fine", "real", "fake")}
    pairs |= {(f"series-{i}", "paper"): 3 for i in range(1, 5)}
    pairs |= {("ink", "card"): 4.5, ("warn-ink", "warn-ground"): 4.5, ("warn-edge", "paper"): 4.5}
    for (front, back), least in pairs.items():
        light, dark = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least, front


def test_area_below_the_mean_curve_is_the_figure_in_its_legend():
    scores = make_scores(n=300, classifiers=("svm",), n_folds=5)
    is_fake = (scores["label"] == "fake").to_numpy(int)
    arguments = is_fake, scores["decision"].to_numpy(), scores["fold"].to_numpy()
    held_out = np.where(scores["fold"] > 2, "a", scores["held_out"].to_numpy(str))
    x, y = mean_roc(*arguments, held_out)
    assert np.trapezoid(y, x) == pytest.approx(mean_auc_of_held_out(*arguments, held_out), abs=1e-9)


def test_mean_curve_of_one_fold_is_its_curve():
    is_fake, score = np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.5, 0.9])
    x, y = mean_roc(is_fake, score, np.ones(4), np.array(["a"] * 4))
    assert x.tolist() == [0, 0, 0.5, 0.5, 1, 1]
    assert y.tolist() == [0, 0.5, 0.5, 1, 1, 1]


def test_thinned_curve_keeps_ends_order_and_shape():
    rng = np.random.default_rng(0)
    is_fake = rng.integers(0, 2, 20_000)
    x, y = roc_points(is_fake, rng.normal(size=20_000) + is_fake)
    few_x, few_y = thinned(x, y)
    assert len(few_x) <= 400
    assert (few_x[0], few_y[0], few_x[-1], few_y[-1]) == (0, 0, 1, 1)
    assert (np.diff(few_x) >= 0).all()
    assert np.abs(np.interp(x, few_x, few_y) - y).max() < 0.01


def test_reliability_of_stated_probabilities_that_are_true():
    rng = np.random.default_rng(0)
    probability = rng.uniform(size=50_000)
    bins = reliability((rng.uniform(size=50_000) < probability).astype(int), probability)
    assert len(bins.share) == 10
    assert (bins.low <= bins.share).all()
    assert (bins.share <= bins.high).all()
    assert np.abs(bins.share - bins.stated).max() < 0.03


def test_reliability_has_the_known_interval_of_wilson():
    # 2 of 10: Wilson (1927) gives 0.0567 to 0.5098.
    bins = reliability(np.repeat([1, 0], [2, 8]), np.full(10, 1.0))
    assert (bins.low[0], bins.high[0]) == pytest.approx((0.0567, 0.5098), abs=1e-4)
    assert bins.stated[0] == 1
