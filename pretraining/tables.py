"""Figures as tables of text, the same on a terminal and in Markdown."""

from collections.abc import Mapping, Sequence

UNDEFINED = "–"
_TITLES = {
    "adversary": "adversary",
    "auc": "AUC",
    "auc_pooled": "AUC, pooled",
    "auc_pseudo_fakes": "AUC of pseudo-fakes",
    "auc_same_sources": "AUC, same sources",
    "auc_unseen": "AUC, manipulation unseen",
    "auc_within_sources": "AUC, mean within sources",
    "brier_score": "Brier score",
    "change": "change of AUC",
    "equal_error_rate": "equal error rate",
    "expected_calibration_error": "ECE",
    "pairs": "above its original",
    "pairs_unseen": "above its original, manipulation unseen",
    "source_repo": "repository",
    "tpr_at_fpr_5pct": "TPR at 5 % FPR",
}


def table_text(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as a table in Markdown, its columns aligned; empty without rows.

    Columns are those of all rows in the order in which they first appear.

    Examples
    --------
    >>> print(table_text([{"method": "swap", "auc": {"value": 0.9, "low": 0.8, "high": None}},
    ...                   {"method": "sync", "n_videos": 3}]))
    | method | AUC   | videos |
    |--------|-------|--------|
    | swap   | 0.900 | –      |
    | sync   | –     | 3      |
    """
    if not rows:
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[title(name) for name in columns]]
    cells += [[cell_text(row.get(name)) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        f"| {' | '.join(text.ljust(width) for text, width in zip(line, widths, strict=True))} |"
        for line in cells
    ]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([lines[0], rule, *lines[1:]])


def title(name: str) -> str:
    """Return the head of a column.

    Examples
    --------
    >>> title("n_videos"), title("auc_pooled"), title("called_fake")
    ('videos', 'AUC, pooled', 'called fake')
    """
    return _TITLES.get(name, name.removeprefix("n_").replace("_", " "))


def cell_text(value: object) -> str:
    """Return a figure with its interval, a number, or a text.

    Examples
    --------
    >>> cell_text({"value": 0.91234, "low": 0.85, "high": 0.95})
    '0.912 [0.850, 0.950]'
    >>> cell_text(None), cell_text(12), cell_text(0.05)
    ('–', '12', '0.050')
    """
    if value is None:
        return UNDEFINED
    if isinstance(value, Mapping):
        number, low, high = (value[name] for name in ("value", "low", "high"))
        has_interval = number is not None and low is not None and high is not None
        return cell_text(number) + (f" [{low:.3f}, {high:.3f}]" if has_interval else "")
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value).replace("|", "\\|").replace("\n", " ")
    return f"{value:.3f}"


def wide(figures: Mapping[str, object]) -> list[dict[str, object]]:
    """Return figures that belong to one thing as rows of two columns.

    Examples
    --------
    >>> wide({"n_real": 3})
    [{'figure': 'real', 'value': 3}]
    """
    return [{"figure": title(name), "value": value} for name, value in figures.items()]
