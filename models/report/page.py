"""The report as one page of HTML that needs nothing else: no script, no font, no network."""

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined, Template

from models.report import tables
from models.report.again import again
from models.report.figures import calibration_figures, curve_figures
from models.report.quality_levels import level_tables
from models.report.transfer import transfer_answer, transfer_headline, transfer_tables
from models.report.wording import (
    LIMITS,
    NO_SOURCES,
    answer,
    compared,
    has_figure,
    question,
)

if TYPE_CHECKING:
    from models.evaluation.validation_report import ValidationReport

_PARTS = ("method", "dataset", "compression", "fold")
_MORE_FIGURES = ("balanced_accuracy", "equal_error_rate", "tpr_at_fpr_5pct", "log_loss")
_NOT_IN_HTML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def page(report: "ValidationReport") -> str:
    """Return the whole page; the same report gives the same text."""
    findings = report.audit.findings if report.audit else ()
    scores, metrics = map(tables.trained_on_all, (report.scores, report.metrics))
    beside = ""
    if report.settings["hold_out"] == "single_method":
        beside = compared(metrics["trained_on"].iloc[0])
    importance = None if report.importance.empty else tables.importance_table(report.importance)
    text = _template().render(
        style=_resource("page.css"),
        warnings=[finding.summary for finding in findings if finding.is_warning],
        tells_source=bool(report.audit and report.audit.tells_source),
        quoted=_quoted(report),
        main=_answered(report, "main"),
        transfer=_transfer(report) if beside else None,
        beside=beside,
        facts=_facts(report),
        curves=curve_figures(scores, metrics),
        calibration=calibration_figures(scores),
        parts=[part for by in _PARTS if (part := _breakdown(report, by, "main"))],
        levels=level_tables(report),
        audit=tables.audit_table(report.audit) if report.audit else None,
        importance=importance,
        choices=None if report.choices.empty else tables.choice_table(report.choices),
        settings=tables.setting_table(report.settings),
        again=again(report),
        remarks=report.remarks,
        limits=LIMITS,
    )
    return _NOT_IN_HTML.sub("\ufffd", text)


def _answered(report: "ValidationReport", key: str) -> dict[str, object]:
    """Return question, answer and the tables that go with them."""
    metrics = tables.trained_on_all(report.metrics)
    return {
        "question": question(report.settings["hold_out"]),
        "answer": answer(report, metrics),
        "headline": tables.headline_table(report, f"{key}-headline"),
        "metrics": tables.metric_table(report, f"{key}-metrics"),
    }


def _quoted(report: "ValidationReport") -> dict[str, object] | None:
    """Return what is told of data sets held out, in place of the figure where there is none.

    None where the report itself is the one to quote: the audit does not warn of the source, or data
    sets are what was held out.
    """
    source = report.source_held_out
    told = {"question": question("dataset"), "headline": None, "tested": None}
    if source is None:
        warned = report.audit is not None and report.audit.tells_source
        is_quoted = not warned or report.settings["hold_out"] == "dataset"
        return None if is_quoted else told | {"answer": NO_SOURCES}
    told["tested"] = tables.class_table(source, "quoted-tested")
    # What was left out of the table as a whole is told with the remarks on the whole.
    told["remarks"] = [one for one in source.remarks if one not in report.remarks]
    metrics = tables.trained_on_all(source.metrics)
    if not has_figure(metrics):
        return told | {"answer": answer(source, metrics)}
    return told | _answered(source, "quoted") | {"parts": _breakdown(source, "dataset", "quoted")}


def _breakdown(report: "ValidationReport", by: str, key: str) -> dict[str, object] | None:
    """Return the AUC of each part, and further figures of it; None where there is one part."""
    metric = "auc_mean_of_folds"
    shown = tables.breakdown_table(report, by, metric, key)
    if shown is None:
        return None
    tried = [tables.breakdown_table(report, by, metric, key) for metric in _MORE_FIGURES]
    more = [table for table in tried if table]
    return {"shown": shown, "more": more}


def _transfer(report: "ValidationReport") -> dict[str, object]:
    """Return the answer where training was on one method at a time, and the matrices."""
    return {
        "question": question("single_method"),
        "answer": transfer_answer(report),
        "headline": transfer_headline(report, "transfer-headline"),
        "matrices": transfer_tables(report),
    }


def _facts(report: "ValidationReport") -> list[tuple[str, str]]:
    """Return what the figures rest on, in a few numbers."""
    tested = report.scores.drop_duplicates("path")
    n_real, n_fake = ((tested["label"] == label).sum() for label in ("real", "fake"))
    facts = [
        ("real videos tested", n_real),
        ("fake videos tested", n_fake),
        ("groups tested: people or sources", tested["group"].nunique()),
    ]
    if len(tested) != report.settings["n_videos"]:
        fewest, most = report.folds["n_train"].min(), report.folds["n_train"].max()
        each = " in each fold" if report.settings["n_folds"] > 1 else ""
        n_train = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        facts.append((f"videos trained on{each}", n_train))
    facts.append(("features", report.settings["n_features"]))
    facts.append(("folds tested", report.settings["n_folds"]))
    return [(label, str(value)) for label, value in facts]


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    return environment.from_string(_resource("page.html.jinja"))


def _resource(name: str) -> str:
    return files("models.report").joinpath(name).read_text(encoding="utf-8")
