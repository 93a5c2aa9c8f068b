"""A matplotlib figure as SVG inside a page: small, repeatable, in the page's colours.

Several figures share one page, so identifiers carry the name of their figure; text stays text, to
be read aloud, searched and set in the page's font; colours are variables of the page's style sheet,
so that one drawing serves a light and a dark page.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from markupsafe import escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Drawn in these, shown in the variable of the style sheet. No figure uses them by chance.
COLOURS = {
    "ink": "#000101",
    "muted": "#000102",
    "grid": "#000103",
    "paper": "#000104",
    "real": "#000105",
    "fake": "#000106",
    "series-1": "#000111",
    "series-2": "#000112",
    "series-3": "#000113",
    "series-4": "#000114",
}
SERIES = tuple(code for name, code in COLOURS.items() if name.startswith("series"))

_STYLE = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    # Names come from the table: a dollar sign is a dollar sign.
    "text.parse_math": False,
    "text.color": COLOURS["ink"],
    "axes.edgecolor": COLOURS["muted"],
    "axes.facecolor": "none",
    "axes.labelcolor": COLOURS["ink"],
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.7,
    "legend.edgecolor": "none",
    "legend.facecolor": COLOURS["paper"],
    "legend.fancybox": False,
    "legend.framealpha": 0.85,
    "legend.fontsize": 9.5,
    "xtick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["ink"],
    "xtick.labelsize": 9,
    "ytick.color": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["ink"],
    "ytick.labelsize": 9,
}
_NOT_FOR_A_PAGE = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL
)
_FONT = re.compile(r"font: ?(?:[a-z]+ )*?([\d.]+px) [^;\"]*")


@contextmanager
def drawing() -> Iterator[None]:
    """Set matplotlib up as the report needs it, whatever the user's own settings, and put back."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def inline_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """Return the figure as an ``<svg>`` element, its text escaped; call it within :func:`drawing`.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn in :data:`COLOURS`.
    name : str
        Unique in the page; letters, digits and hyphens.
    title, description : str
        Read aloud in place of the picture.
    """
    matplotlib.rcParams["svg.hashsalt"] = name
    written = io.StringIO()
    without = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(written, metadata=without)
    text = _NOT_FOR_A_PAGE.sub("", written.getvalue())
    text = _with_own_ids(text, name)
    text = _FONT.sub(r"font-size: \1", text)
    for colour, code in COLOURS.items():
        text = text.replace(code, f"var(--{colour})")
    view_box = re.search(r'viewBox="([^"]*)"', text).group(1)
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"\s*\n\s*", "\n", body).strip()
    return (
        f'<svg viewBox="{view_box}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>\n{body}\n</svg>'
    )


def _with_own_ids(text: str, name: str) -> str:
    """Keep the identifiers that something refers to, each preceded by the name of the figure."""
    text = text.replace("xlink:href", "href")
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    used = {one or other for one, other in used}

    def kept(match: re.Match) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    text = re.sub(r'\sid="([^"]+)"', kept, text)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
