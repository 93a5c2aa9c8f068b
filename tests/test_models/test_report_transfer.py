"""The page on training on one way of manipulating answers with the matrix, not with all methods."""

import re

import numpy as np
import pytest

from .report_maker import make_audit, make_importance, make_report, make_scores
from .test_report import Page, written

METHODS = ("lips", "swap", "whole")
BESIDE = "trained on all methods, for comparison"


def single(classifiers=("svm", "mlp"), methods=METHODS, edit=None, **parts):
    scores = make_scores(
        n=180,
        classifiers=classifiers,
        methods=methods,
        trained_on=(*methods, "all"),
        levels=("c23", "c40"),
        datasets=("FaceForensics++",),
    )
    if edit:
        scores = edit(scores)
    return make_report(scores, hold_out="single_method", **parts)


def auc_of(scores, classifier, trained_on, method):
    """Share of pairs of one fold in order, counted one by one."""
    part = scores[(scores["classifier"] == classifier) & (scores["trained_on"] == trained_on)]
    right = n = 0
    for _, fold in part.groupby("fold"):
        fakes = fold.loc[fold["method"] == method, "decision"].to_numpy()
        reals = fold.loc[fold["label"] == "real", "decision"].to_numpy()
        right += (fakes[:, None] > reals).sum()
        n += len(fakes) * len(reals)
    return right / n


def off_diagonal(scores, classifier):
    return [auc_of(scores, classifier, on, of) for on in METHODS for of in METHODS if on != of]


def known_only_by_its_own(scores):
    """Fakes of the method trained on stand out, others do not; trained on all, every fake does."""
    is_fake = scores["label"] == "fake"
    noise = np.random.default_rng(0).normal(size=len(scores))
    seen = is_fake & ((scores["trained_on"] == scores["method"]) | (scores["trained_on"] == "all"))
    return scores.assign(decision=noise + 9 * seen, probability=1 / (1 + np.exp(-noise - 9 * seen)))


def header_of(html):
    return Page(re.search(r"<header>.*?</header>", html, re.DOTALL)[0]).text


def table_of(html, key):
    return re.search(rf'<caption id="{key}">.*?</table>', html, re.DOTALL)[0]


def test_answer_is_the_mean_of_what_was_not_trained_on(tmp_path):
    report = single()
    head = header_of(written(report, tmp_path))
    means = {name: np.mean(off_diagonal(report.scores, name)) for name in ("svm", "mlp")}
    best = max(means, key=means.get)
    cells = off_diagonal(report.scores, best)
    assert f"the best of 2 classifiers ({best}) put the fake above the real in" in head
    assert f"mean AUC {means[best]:.3f}" in head
    assert f"({100 * min(cells):.0f} to {100 * max(cells):.0f} over 6 combinations;" in head
    assert "every way of manipulating" not in head


def test_what_is_caught_only_after_training_on_it_is_no_evidence_for_the_others(tmp_path):
    html = written(single(("svm",), edit=known_only_by_its_own), tmp_path)
    head = header_of(html)
    assert re.search(r"in (4\d|5\d) of 100 pairs", head)
    assert "On the method that it was trained on, it gets 100." in head
    assert "AUC 1.000" not in head
    assert "trained on every way of manipulating, svm put" in Page(html).text


@pytest.mark.parametrize(
    ("n_above", "told"),
    [(0, "no evidence that it does better than guessing"), (2, "above guessing in 2 of the 6.")],
)
def test_answer_counts_the_combinations_whose_interval_is_above_guessing(tmp_path, n_above, told):
    report = single(("svm",))
    of_others = (report.breakdown["trained_on"] != "all") & (
        report.breakdown["trained_on"] != report.breakdown["name"]
    )
    report.breakdown["low"] = np.where(of_others, 0.5, 0.9)
    cells = report.breakdown[of_others & (report.breakdown["by"] == "method")]
    cells = cells[cells["metric"] == "auc_mean_of_folds"]
    report.breakdown.loc[cells.index[:n_above], "low"] = 0.51
    assert told in header_of(written(report, tmp_path))


def test_headline_has_mean_lowest_and_highest_cell_of_every_classifier(tmp_path):
    report = single()
    table = table_of(written(report, tmp_path), "transfer-headline")
    for name in ("svm", "mlp"):
        cells = off_diagonal(report.scores, name)
        row = re.search(rf"<bdi>{name}</bdi>.*?</tr>", table)[0]
        same = np.mean([auc_of(report.scores, name, method, method) for method in METHODS])
        assert f"<bdi>{np.mean(cells):.3f}</bdi>" in row
        assert f"[{min(cells):.3f}, {max(cells):.3f}]" in row
        assert f"<bdi>{same:.3f}</bdi>" in row


def test_matrix_comes_first_and_all_else_says_that_it_is_of_all_methods(tmp_path):
    report = single(importance=make_importance(), audit=make_audit(is_warning=False))
    html = written(report, tmp_path)
    captions = re.findall(r'<caption id="([^"]+)"><span>(.*?)</span>', html)
    keys = [key for key, _ in captions]
    assert keys[:4] == ["transfer-headline", "transfer-1", "transfer-2", "main-headline"]
    unsaid = {key for key, told in captions if BESIDE not in told}
    own = {"transfer-headline", "transfer-1", "transfer-2", "audit-table", "setting-table"}
    assert unsaid == own
    figures = re.findall(r"<figcaption>(.*?)</figcaption>", html)
    assert len(figures) == 3 + 2
    assert all(BESIDE in one for one in figures)


@pytest.mark.parametrize("hold_out", ["group", "method", "split"])
def test_other_pages_compare_nothing(tmp_path, hold_out):
    html = written(make_report(hold_out=hold_out), tmp_path)
    assert "for comparison" not in html
    assert "transfer-" not in html


def test_no_method_that_could_be_trained_on_alone_is_no_figure(tmp_path):
    report = make_report(make_scores(trained_on=("all",)), hold_out="single_method")
    head = header_of(written(report, tmp_path))
    assert "there is no figure: no method alone could be trained on" in head
    assert "of 100 pairs" not in head


def test_cell_without_a_figure_is_no_part_of_the_mean(tmp_path):
    def only_fakes(scores):
        gone = (scores["trained_on"] == "swap") & (scores["label"] == "real")
        return scores[~gone]

    report = single(("svm",), edit=only_fakes)
    left = [
        auc_of(report.scores, "svm", on, of)
        for on in ("lips", "whole")
        for of in METHODS
        if on != of
    ]
    head = header_of(written(report, tmp_path))
    assert f"over 4 combinations; mean AUC {np.mean(left):.3f}" in head


def test_matrix_of_training_on_one_method(tmp_path):
    on = ("swap", "lips", "all")
    report = make_report(make_scores(trained_on=on, classifiers=("svm",)), hold_out="single_method")
    html = written(report, tmp_path)
    table = html[html.index('id="transfer-1"') :]
    table = table[: table.index("</table>")]
    found = report.breakdown.query("by == 'method' and metric == 'auc_mean_of_folds'")
    assert len(found) == 6
    assert all(f"<bdi>{value:.3f}</bdi>" in table for value in found["value"])
    assert table.count("<tr>") == 1 + 3
    assert "all methods" in table[table.rindex("<tr>") :]
    assert table.count("framed") == 2
    counts = Page(html).text
    assert "30 fake and 30 real videos" in counts


def test_cells_that_rest_on_fewer_fakes_say_so(tmp_path):
    scores = make_scores(trained_on=("swap", "lips", "all"), classifiers=("svm",))
    even = written(make_report(scores, hold_out="single_method"), tmp_path / "even")
    fewer = scores[(scores["trained_on"] != "swap") | (scores["fold"] != 2)]
    uneven = written(make_report(fewer, hold_out="single_method"), tmp_path / "uneven")
    tables = [re.search(r'id="transfer-1".*?</table>', one, re.DOTALL)[0] for one in (even, uneven)]
    n = fewer.groupby(["trained_on", "method"]).size()
    counts = [str(n[on, method]) for on in ("swap", "lips", "all") for method in ("lips", "swap")]
    assert counts == ["10", "10", "15", "15", "15", "15"]
    assert re.findall(r"(\d+) fakes?<", tables[0]) == []
    assert re.findall(r"(\d+) fakes?<", tables[1]) == counts
    assert "could not be trained on" not in even
    assert "could not be trained on" in uneven


def test_training_on_one_method_alone_is_not_called_training_on_all(tmp_path):
    report = make_report(make_scores(trained_on=("swap", "lips")), hold_out="single_method")
    text = Page(written(report, tmp_path)).text
    assert "On people never seen, trained on lips alone, the best of 2" in text
    assert "Trained on lips alone, for comparison" in text
    assert "every way of manipulating" not in text
