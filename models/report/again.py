"""How to make the same report again, in the shell and in Python."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.evaluation.validation_report import ValidationReport

# Of the shell and of Python; what is left at them is not spelled out.
_FOLDS = 5
_SEED = 0
_MEMBERS = ("none", "svm, mlp, xgboost")


@dataclass(frozen=True)
class Again:
    """What makes the same report again.

    Attributes
    ----------
    shell : str
        The command, empty where none does.
    python : str
        The program.
    note : str
        Why there is no command.
    """

    shell: str
    python: str
    note: str


def again(report: "ValidationReport") -> Again:
    """Return what makes the same report of the same table, which is called ``features.csv``.

    In the shell a report always measures the importance of families, and a table is always a file:
    a report without the one or of a table in memory can only be made in Python.
    """
    settings = report.settings
    from_file = bool(settings["table_sha256"])
    if not from_file:
        note = "Only in Python, as the table was in memory:"
    elif report.importance.empty:
        note = "Only in Python, as --report in the shell measures importance too:"
    else:
        note = ""
    return Again("" if note else _shell(report), _python(report, from_file), note)


def _shell(report: "ValidationReport") -> str:
    settings = report.settings
    words = ["python", "-m", "models", "cross-validate", "features.csv"]
    words += ["--hold-out", str(settings["hold_out"])]
    words += ["--classifier", ",".join(_classifiers(report))]
    if settings["folds_asked"] != _FOLDS:
        words += ["--folds", str(settings["folds_asked"])]
    if settings["seed"] != _SEED:
        words += ["--seed", str(settings["seed"])]
    if _is_conditioned(report):
        words.append("--condition-on-quality")
    if settings["searched"]:
        words.append("--search")
    if settings["members"] not in _MEMBERS:
        words += ["--members", str(settings["members"]).replace(" ", "")]
    if report.audit is None:
        words.append("--no-audit")
    return shlex.join([*words, "--report", "out/"])


def _python(report: "ValidationReport", from_file: bool) -> str:
    settings = report.settings
    arguments = [repr("features.csv") if from_file else "table"]
    arguments.append(f"hold_out={str(settings['hold_out'])!r}")
    arguments.append(f"classifier={_classifiers(report)!r}")
    if settings["folds_asked"] != _FOLDS:
        arguments.append(f"n_folds={settings['folds_asked']}")
    if settings["seed"] != _SEED:
        arguments.append(f"seed={settings['seed']}")
    if _is_conditioned(report):
        arguments.append("condition_on_quality=True")
    if settings["searched"]:
        arguments.append("search=True")
    if settings["members"] not in _MEMBERS:
        arguments.append(f"members={tuple(str(settings['members']).split(', '))!r}")
    arguments.append(f"importance={not report.importance.empty}")
    if report.audit is None:
        arguments.append("audit=False")
    lines = ["from models import cross_validate", "from models.report import write_report", ""]
    lines += ["report = cross_validate(", *(f"    {one}," for one in arguments), ")"]
    return "\n".join([*lines, "write_report(report, 'out/')"])


def _classifiers(report: "ValidationReport") -> list[str]:
    return list(dict.fromkeys(map(str, report.scores["classifier"])))


def _is_conditioned(report: "ValidationReport") -> bool:
    return report.settings["conditioned_on"] != "nothing"
