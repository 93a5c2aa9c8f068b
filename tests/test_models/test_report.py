"""What stands in the files of a report is true, whole and readable by machines."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from models.errors import ModelsError
from models.report import check_folder, write_report

from .report_maker import (
    ADVICE,
    NAN,
    SUMMARY,
    WARNING,
    make_audit,
    make_importance,
    make_report,
    make_scores,
)

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """The elements of a page; fails where one is not closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.words, self.elements = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def written(report, folder):
    write_report(report, folder)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def full():
    quoted = make_report(make_scores(seed=5), hold_out="dataset")
    return make_report(
        audit=make_audit(), source_held_out=quoted, importance=make_importance(), choices=CHOICES
    )


CHOICES = pd.DataFrame(
    [("svm", "all", 1, "classify__C", "1.0"), ("svm", "all", 2, "classify__C", "10.0")],
    columns=["classifier", "trained_on", "fold", "parameter", "value"],
)


@pytest.fixture(scope="module")
def folder(full, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "made" / "here"
    write_report(full, path)
    return path


@pytest.fixture(scope="module")
def html(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_files_and_nothing_else_are_written(full, folder):
    names = {"report.html", "metrics.json", "scores.csv", "scores_source_held_out.csv"}
    assert {path.name for path in folder.iterdir()} == names
    assert write_report(full, folder)[0] == folder / "report.html"


def test_printed_auc_is_that_of_the_scores(folder, html):
    scores = pd.read_csv(folder / "scores.csv")
    row = re.search(
        r"<th[^>]*><bdi>AUC, all videos pooled.*?</tr>",
        html[html.index("main-metrics") :],
        re.DOTALL,
    )[0]
    printed = re.findall(r"<bdi>(0\.\d{3})</bdi>", row)
    for shown, (_, part) in zip(printed, scores.groupby("classifier", sort=False), strict=False):
        assert shown == f"{roc_auc_score(part['label'] == 'fake', part['decision']):.3f}"
    assert len(printed) == 2


def test_figure_to_quote_comes_before_the_others_and_after_the_warning(folder, page):
    quoted = pd.read_csv(folder / "scores_source_held_out.csv")
    best = 0
    for _, part in quoted.groupby("classifier"):
        pairs, right = 0, 0
        for _, fold in part.groupby("fold"):
            fake = fold["label"] == "fake"
            n = fake.sum() * (~fake).sum()
            right += n * roc_auc_score(fake, fold["decision"])
            pairs += n
        best = max(best, right / pairs)
    text = page.text
    places = [
        text.index("Read this before any figure"),
        text.index("Face size (of 'J. Smith', say) alone tells"),
        text.index(f"AUC {best:.3f}"),
        text.index("The figure to quote"),
        text.index("Not the figure to quote"),
    ]
    assert places == sorted(places)


def test_json_has_every_figure_and_no_nan(full, folder):
    def refuse(constant):
        raise AssertionError(constant)

    told = json.loads((folder / "metrics.json").read_text("utf-8"), parse_constant=refuse)
    metrics = pd.DataFrame(told["metrics"])
    pd.testing.assert_frame_equal(
        metrics.astype(full.metrics.dtypes.to_dict()), full.metrics, check_exact=True
    )
    assert told["settings"] == full.settings
    assert told["warnings"] == [WARNING]
    assert told["audit"][1]["value"] is None
    assert [len(told[name]) for name in ("folds", "breakdown", "importance", "choices")] == [
        len(full.folds),
        len(full.breakdown),
        4,
        2,
    ]
    assert told["importance"][3]["auc_drop"] is None
    assert told["source_held_out"]["settings"]["hold_out"] == "dataset"


def test_scores_are_read_back_to_the_last_bit(full, folder):
    read = pd.read_csv(folder / "scores.csv", keep_default_na=False, float_precision="round_trip")
    pd.testing.assert_frame_equal(
        read.astype(full.scores.dtypes.to_dict()), full.scores, check_exact=True
    )


def test_page_loads_nothing_and_has_no_script(html, page):
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", html)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base"}
    for _, attributes in page.elements:
        assert all(attributes.get(name, "#")[0] == "#" for name in ("src", "href", "xlink:href"))
        assert not [name for name in attributes if name.startswith("on")]


def test_identifiers_are_unique_and_references_lead_somewhere(html, page):
    assert len(page.ids) == len(set(page.ids))
    referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', html))
    for _, attributes in page.elements:
        referred |= set(attributes.get("aria-labelledby", "").split())
    assert referred - {""} <= set(page.ids)
    assert len([one for one in page.ids if one.startswith("det-")]) > 1


def test_figures_are_named_and_tables_have_scoped_headings(page):
    pictures = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(pictures) == 5
    assert all(one["role"] == "img" and one["aria-labelledby"] for one in pictures)
    assert all(
        attributes.get("scope") in ("row", "col")
        for tag, attributes in page.elements
        if tag == "th"
    )


def test_page_says_what_was_asked_what_was_found_and_how_to_run_it_again(page):
    for expected in (
        "Does it work on people it has never seen?",
        "30 fake and 30 real videos",
        "compared after calibration",
        "python -m models cross-validate features.csv --hold-out group",
        "--classifier svm,mlp --seed 3",
        "hold_out='group'",
        "AUC of each classifier [95 % interval over groups]",
        "0123abcd",
        "scikit-learn",
        "2 rows were left out.",
        "+0.080",
        "classify__C",
        "Does quality tell?",
        "unknown",
        "Not known: no split.",
        "What a score cannot say",
    ):
        assert expected in page.text


def facts_of(html):
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html)
    return dict(pairs)


def test_facts_count_what_was_tested_and_tell_what_was_trained_on(tmp_path):
    """Of 400 videos of 40 people, the official test holds 100 of 10."""
    scores = make_scores(n=100, classifiers=("svm", "mlp"), n_folds=1)
    scores["label"] = np.where(scores["path"] < "clip_020", "real", "fake")
    scores["group"] = scores["path"].str[-5]
    whole = {"n_videos": 400, "n_real": 80, "n_fake": 320, "n_groups": 40}
    report = make_report(scores, hold_out="split", settings=whole)
    report.folds["n_train"] = 240
    assert facts_of(written(report, tmp_path)) == {
        "real videos tested": "20",
        "fake videos tested": "80",
        "groups tested: people or sources": "10",
        "videos trained on": "240",
        "features": "7",
        "folds tested": "1",
    }


def test_folds_that_train_on_different_numbers_tell_the_range(tmp_path):
    report = make_report(settings={"n_videos": 90})
    report.folds["n_train"] = [40, 44, 41] * 2
    assert facts_of(written(report, tmp_path))["videos trained on in each fold"] == "40 to 44"


def test_facts_do_not_tell_the_training_where_every_video_is_tested(tmp_path):
    assert not [name for name in facts_of(written(make_report(), tmp_path)) if "trained" in name]


def test_warning_is_told_in_one_whole_sentence_and_its_advice_below(page, html):
    box = html[html.index('<section class="warning"') :]
    box = Page(box[: box.index("</section>") + len("</section>")]).text
    assert SUMMARY in box
    assert ADVICE not in box
    assert WARNING in page.text


def test_clean_report_has_no_warning_and_nothing_to_quote(tmp_path):
    text = Page(written(make_report(audit=make_audit(is_warning=False)), tmp_path)).text
    assert "Read this before" not in text
    assert "to quote" not in text
    assert "It does not." in text


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.test_models.report_maker import make_audit, make_importance, make_report
from models.report import write_report
write_report(make_report(audit=make_audit(), importance=make_importance()), sys.argv[1])
"""


def test_same_bytes_in_another_process_whatever_its_surroundings(tmp_path):
    report = make_report(audit=make_audit(), importance=make_importance())
    write_report(report, tmp_path / "here")
    (tmp_path / "matplotlibrc").write_text(
        "lines.linewidth: 9\nfont.size: 30\nsvg.fonttype: path\n"
    )
    environment = os.environ | {
        "PYTHONHASHSEED": "4321",
        "LC_ALL": "C",
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "DISPLAY": "",
        "TZ": "Asia/Tokyo",
    }
    root = str(Path(__file__).parents[2])
    subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "there", root],
        env=environment,
        cwd=tmp_path,
        check=True,
    )
    write_report(report, tmp_path / "again")
    for path in (tmp_path / "here").iterdir():
        assert path.read_bytes() == (tmp_path / "there" / path.name).read_bytes(), path.name
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_matplotlib_is_left_as_it_was(tmp_path):
    with matplotlib.rc_context({"font.size": 23, "svg.hashsalt": "mine"}):
        before = dict(matplotlib.rcParams)
        written(make_report(), tmp_path)
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_folder_that_cannot_be_is_one_sentence_before_the_work(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelsError, match=r"^Cannot write the report to .*choose a folder"):
        check_folder(tmp_path / place)
    with pytest.raises(ModelsError):
        write_report(make_report(), tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"


def test_check_makes_no_folder_and_takes_one_that_is_not_there_yet(tmp_path):
    check_folder(tmp_path / "new" / "deeper")
    assert list(tmp_path.iterdir()) == []


def test_file_that_cannot_be_replaced_leaves_no_half_one(tmp_path):
    (tmp_path / "metrics.json").mkdir()
    with pytest.raises(ModelsError, match="directory"):
        write_report(make_report(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "metrics.json"}


SOURCES = "scores_source_held_out.csv"


def test_scores_of_an_earlier_report_do_not_stay_beside_a_new_one(full, tmp_path):
    write_report(full, tmp_path)
    (tmp_path / "notes.csv").write_text("mine")
    assert (tmp_path / SOURCES).is_file()
    paths = write_report(make_report(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*(one.name for one in paths), "notes.csv"}
    assert tmp_path / SOURCES not in paths


def test_folder_of_the_name_of_the_earlier_scores_is_left_alone(tmp_path):
    (tmp_path / SOURCES / "mine").mkdir(parents=True)
    write_report(make_report(), tmp_path)
    assert (tmp_path / SOURCES / "mine").is_dir()


def test_scores_not_defined_do_not_break_the_page(tmp_path):
    report = make_report()
    metrics = report.metrics.assign(value=NAN, low=NAN, high=NAN)
    breakdown = report.breakdown.assign(value=NAN, low=NAN, high=NAN)
    text = Page(written(make_report(metrics=metrics, breakdown=breakdown), tmp_path)).text
    assert "there is no figure" in text
    assert "nan" not in text.lower().split()
    assert np.isnan(metrics["value"]).all()
