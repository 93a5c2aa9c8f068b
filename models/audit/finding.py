"""What an audit says: one finding for each question."""

from dataclasses import astuple, dataclass, fields
from typing import Self

import numpy as np
import pandas as pd

# Findings that say that a detector can be right by knowing where a video comes from.
_OF_SOURCE = ("quality_tells_label", "source_tells_label", "features_tell_source")
# Share of the way from chance to certainty; an AUC of 0.55. In a large table a shortcut smaller
# than this is certain all the same, but carries little of an AUC that is worth reporting.
_LEAST_EXCESS = 0.1


@dataclass(frozen=True)
class Finding:
    """The answer to one question of the audit.

    Attributes
    ----------
    name : str
        Identifier, such as ``quality_tells_label``.
    question : str
        What was asked.
    unit : str
        What ``value``, ``low``, ``high`` and ``chance`` are: ``AUC``, ``balanced accuracy``,
        ``share of videos``, ``share of test videos`` or ``number of columns``.
    value : float
        The figure; NaN where the question cannot be answered. Unknown is not fine.
    low, high : float
        Its 95 % interval over groups. NaN where groups are too few, and for what is counted over
        the whole table or is the best of many columns.
    chance : float
        What is found where there is no shortcut. For the best of many columns: what the best of as
        many columns of noise, each known of as many videos as this one, exceeds once in twenty
        tables.
    is_warning : bool
        Whether the finding speaks against believing an AUC measured on this table.
    summary : str
        What was found, or why nothing is known, in one sentence.
    advice : str
        What that means and what to do; empty where there is nothing to add.
    """

    name: str
    question: str
    unit: str
    value: float
    low: float
    high: float
    chance: float
    is_warning: bool
    summary: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """Summary and advice in one text."""
        return f"{self.summary} {self.advice}".rstrip()

    @classmethod
    def unknown(cls, name: str, question: str, unit: str, reason: str, advice: str = "") -> Self:
        """Return a finding without an answer."""
        nothing = (np.nan,) * 4
        return cls(name, question, unit, *nothing, False, f"Not known: {reason}", advice)

    @classmethod
    def counted(
        cls,
        name: str,
        question: str,
        unit: str,
        value: float,
        is_warning: bool,
        summary: str,
        advice: str = "",
    ) -> Self:
        """Return a finding that is a count over the whole table; there should be none."""
        return cls(name, question, unit, value, np.nan, np.nan, 0.0, is_warning, summary, advice)


@dataclass(frozen=True)
class Audit:
    """All findings about a table."""

    findings: tuple[Finding, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences of the findings that are warnings."""
        return tuple(finding.sentence for finding in self.findings if finding.is_warning)

    @property
    def tells_source(self) -> bool:
        """Whether the AUC may be a fingerprint of the source.

        So it is where quality or the source tells the label, or the features tell the source.
        """
        return any(f.is_warning for f in self.findings if f.name in _OF_SOURCE)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding: its attributes as columns, and ``sentence``."""
        columns = [*(field.name for field in fields(Finding)), "sentence"]
        rows = [(*astuple(finding), finding.sentence) for finding in self.findings]
        return pd.DataFrame(rows, columns=columns)


def is_beyond_chance(low: float, chance: float) -> bool:
    """Whether an interval that starts at ``low`` is clearly above ``chance``; not if unknown."""
    return bool(low > chance + _LEAST_EXCESS * (1 - chance))


def compared_with_chance(low: float, high: float, chance: float) -> str:
    """Return in words where an interval that is not clearly above chance lies."""
    if np.isnan(low):
        return "with too few groups to say whether that is chance"
    if is_beyond_chance(high, chance):
        return "which is not clearly above chance, but the interval does not rule out that it is"
    return "which is what chance gives"
