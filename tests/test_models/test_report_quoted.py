"""What the page quotes, what it does not, and what it says the figures are of."""

import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.report import write_report
from models.report.figures import curve_figures
from models.report.wording import guessing

from .report_maker import make_audit, make_importance, make_report, make_scores
from .test_report import Page, written

NO_FIGURE = "No figure for data sets held out: each of those tested holds one class only"
NOT_TESTED = "30 videos of 'YT' are not tested. Too few are left."


def one_class_each(reals=("R1", "R2"), fakes=("F1", "F2")):
    """Scores with data sets held out, each of one class; pooled, they look perfect."""
    scores = make_scores(classifiers=("svm",), datasets=(*reals, *fakes))
    is_fake = scores["dataset"].isin(fakes)
    scores["label"] = np.where(is_fake, "fake", "real")
    scores["method"] = np.where(is_fake, "swap", "")
    scores["decision"] += 50 * is_fake
    scores["probability"] = np.where(is_fake, 0.99, 0.01)
    return held_out_by_source(scores)


def held_out_by_source(scores):
    names = sorted(set(scores["dataset"]))
    fold = scores["dataset"].map({name: i for i, name in enumerate(names, 1)})
    return scores.assign(fold=fold, held_out=scores["dataset"])


def audited(source, folder):
    report = make_report(audit=make_audit(), source_held_out=source)
    html = written(report, folder)
    card = re.search(r'<section class="quoted".*?</section>', html, re.DOTALL)
    header = html[html.index("<header>") : html.index("</header>")]
    return html, header, card and re.sub(r"<details>.*?</details>", "", card[0], flags=re.DOTALL)


@pytest.mark.parametrize("fakes", [("F1", "F2"), ()])
def test_sources_of_one_class_give_no_figure_to_quote(tmp_path, fakes):
    scores = one_class_each()
    tested = scores[scores["dataset"].isin(["R1", "R2", *fakes])]
    source = make_report(tested, hold_out="dataset", remarks=(NOT_TESTED,))
    html, header, card = audited(source, tmp_path)
    assert NO_FIGURE in header
    assert "until at least two data sets hold both" in header
    assert "sources it has never seen" in header
    assert "of 100 pairs" not in header
    assert "No figure to quote" in card
    assert NOT_TESTED in Page(card).text
    text = Page(html).text
    assert "The figure to quote" not in text
    assert "Do not quote this in its place" in text
    assert text.index(NO_FIGURE) < text.index("Do not quote this") < text.index("of 100 pairs")
    for metric in ("metrics", "headline"):
        assert f"quoted-{metric}" not in html


def test_data_sets_that_cannot_be_held_out_leave_no_figure_to_quote(tmp_path):
    html, header, card = audited(None, tmp_path)
    assert card is None
    assert "No figure for data sets held out: nothing in this table" in header
    assert "of 100 pairs" not in header
    assert "Do not quote this in its place" in html


def test_holding_out_data_sets_of_one_class_each_claims_nothing(tmp_path):
    report = make_report(one_class_each(), hold_out="dataset", audit=make_audit())
    text = Page(written(report, tmp_path)).text
    assert NO_FIGURE in text
    assert "of 100 pairs" not in text


def test_pooled_figure_never_stands_in_for_that_of_the_folds(tmp_path):
    scores = make_scores(n_folds=2)
    kept = scores[np.where(scores["fold"] == 1, "real", "fake") == scores["label"]]
    html = written(make_report(kept, hold_out="method"), tmp_path)
    headline = re.search(r'id="main-headline".*?</table>', html, re.DOTALL)[0]
    assert re.findall(r"\d\.\d{3}", headline) == []
    assert "there is no figure" in html[: html.index("</header>")]


def test_what_was_not_tested_and_on_what_it_rests_stand_by_the_quoted_figure(tmp_path):
    scores = held_out_by_source(make_scores(datasets=("studio", "web", "tv")))
    scores = scores[(scores["dataset"] != "tv") | (scores["label"] == "real")]
    shared = "2 rows were left out."
    source = make_report(scores, hold_out="dataset", remarks=(shared, NOT_TESTED))
    html, header, card = audited(source, tmp_path)
    assert "of 100 pairs" in header
    text = Page(card).text
    assert NOT_TESTED in text
    assert "Rests on 2 of the 3 data sets tested: of the others, no fold holds both" in text
    assert shared not in text
    assert Page(html).text.count(shared) == 1


def test_number_of_held_out_names_is_told_even_where_all_count(tmp_path):
    source = make_report(held_out_by_source(make_scores()), hold_out="dataset")
    assert "Rests on 2 of the 2 data sets tested." in Page(audited(source, tmp_path)[2]).text


def test_pooled_curves_compare_probabilities_and_curves_of_folds_decisions():
    scores = make_scores(classifiers=("svm",))
    metrics = make_report(scores).metrics
    plain = {one.title: one.svg for one in curve_figures(scores, metrics)}
    moved = scores.assign(decision=scores["decision"] + 9 * scores["fold"])
    assert {one.title: one.svg for one in curve_figures(moved, metrics)} == plain
    turned = scores.assign(probability=1 - scores["probability"])
    other = {one.title: one.svg for one in curve_figures(turned, metrics)}
    assert {title for title in plain if other[title] != plain[title]} == {
        "ROC, all videos pooled",
        "DET, all videos pooled",
    }


def test_area_in_the_legend_is_that_of_the_pooled_curve():
    scores = make_scores(classifiers=("svm",))
    scores["decision"] += 9 * scores["fold"]
    [roc, _, det] = curve_figures(scores, make_report(scores).metrics)
    area = roc_auc_score(scores["label"] == "fake", scores["probability"])
    assert f"svm ({area:.3f})" in roc.svg
    assert "after calibration" in roc.caption
    assert "after calibration" in det.caption


def levels(html):
    table = html[html.index("levels-balanced-accuracy") :]
    return table[: table.index("</table>")]


def test_levels_say_which_reals_a_method_is_judged_against(tmp_path):
    scores = make_scores(n=240, levels=("c23", "c40"), n_folds=2)
    text = Page(written(make_report(scores), tmp_path)).text
    assert text.count("against all reals of the same level tested in the same folds") == 2


def test_people_judged_no_other_data_set_so_a_mixed_level_has_no_row_of_theirs(tmp_path):
    scores = make_scores(n=240, datasets=("FaceForensics++",), levels=("c23", "c40"), n_folds=2)
    one = scores["compression"] == "c23"
    scores.loc[one, "dataset"] = np.resize(["FaceForensics++", "elsewhere"], one.sum())
    shown = levels(written(make_report(scores), tmp_path))
    assert "58.73" in shown
    assert "66.57" not in shown


@pytest.mark.parametrize(
    ("hold_out", "expected"),
    [
        ("group", "videos of other people, of the same data set too"),
        ("method", "other ways of manipulating, of the same data set too"),
        ("dataset", "other data sets only"),
        ("compression", "other compression levels only"),
        ("single_method", "reals and fakes of lips alone of other people"),
    ],
)
def test_note_on_people_says_what_the_classifiers_were_trained_on(tmp_path, hold_out, expected):
    on = ("swap", "lips") if hold_out == "single_method" else ("all",)
    scores = make_scores(
        classifiers=("svm",), trained_on=on, datasets=("FaceForensics++",), levels=("c23",)
    )
    text = Page(written(make_report(scores, hold_out=hold_out), tmp_path)).text
    assert f"those that people saw, after training on {expected}" in text


def test_caption_says_what_the_intervals_of_its_table_are_over(tmp_path):
    report = make_report(
        make_scores(n=120, methods=tuple("abcde"), levels=("c23", "c40")),
        hold_out="method",
        settings={"intervals_over": "method"},
        importance=make_importance(),
        audit=make_audit(is_warning=False),
    )
    write_report(report, tmp_path)
    html = (tmp_path / "report.html").read_text("utf-8")
    captions = dict(re.findall(r'<caption id="([^"]+)"><span>(.*?)</span>', html))
    over_methods = {"main-headline", "main-metrics"}
    assert {key for key, told in captions.items() if "over methods]" in told} == over_methods
    others = {key for key, told in captions.items() if "over groups]" in told}
    assert others == set(captions) - over_methods - {"setting-table"}
    assert {"levels-balanced-accuracy", "importance-table", "audit-table"} <= others


@pytest.mark.parametrize(("share", "told"), [(1.0, "1"), (0.0, "0"), (0.5, "0.5"), (0.25, "0.25")])
def test_guessing_is_a_number(share, told):
    assert guessing("average_precision", share) == told
