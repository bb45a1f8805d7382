"""Charts as SVG for the page: reproducible, with unique ids, in light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import quoteattr

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import COLORS, INK, QUIET, RULE

__all__ = ["svg"]

# Black and white follow the page; colors with a meaning stay.
_FOLLOWING = {
    INK.lower(): "var(--ink)",
    QUIET.lower(): "var(--quiet)",
    RULE.lower(): "var(--line)",
    COLORS["total"].lower(): "var(--total)",
    "#ffffff": "none",
}
_SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "opp_analytics", "font.family": "DejaVu Sans"}


def svg(draw: Callable[..., Axes], table: pd.DataFrame, *, key: str, label: str) -> str:
    """A drawing of `table` as an SVG element.

    Parameters
    ----------
    draw : function
        A function of `opp_analytics.plots`.
    table : DataFrame
        Table to draw.
    key : str
        Prefix of its ids, unique on the page.
    label : str
        Text for screen readers.
    """
    with mpl.rc_context(_SETTINGS):
        figure: Any = draw(table).figure
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _embedded(buffer.getvalue(), key, label)


def _embedded(document: str, key: str, label: str) -> str:
    opening = re.search(r'<svg\b[^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>', document)
    assert opening is not None
    body = document[opening.end() :]
    # The style that matplotlib writes would hold for the whole page; the page's own says the same of its charts.
    body = re.sub(r"<metadata>.*?</metadata>|<style\b.*?</style>", "", body, flags=re.S)
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{key}-", body)
    body = re.sub(r"(?<=: )#[0-9a-fA-F]{6}\b", lambda found: _FOLLOWING.get(found[0].lower(), found[0]), body)
    width, height = opening[1], opening[2]
    return (
        f'<svg role="img" aria-label={quoteattr(label)} viewBox="0 0 {width} {height}" '
        f'style="width: {width}pt" xmlns:xlink="http://www.w3.org/1999/xlink">{body.rstrip()}'
    )
