"""Row charts: label, picture and figures side by side, one row for each thing; a row can open to what is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_LETTER, _WIDEST = 7, 176
"""Pixels of an average letter, and of the widest label with a note."""


@dataclass(frozen=True)
class Row:
    """One row of a chart."""

    label: str
    picture: str
    """SVG."""
    figures: tuple[str, ...] = ()
    """What is written at the right."""
    note: str = ""
    """Quiet words after the label."""
    strong: bool = False
    """True for a total, in bold."""
    key: str = ""
    """What the row stands for in its table, to look up what it opens to."""
    highlight: bool = False
    """True for the row that the title names."""


@dataclass(frozen=True)
class Rows:
    """A row chart."""

    rows: tuple[Row, ...]
    heads: tuple[str, ...] = ()
    """Headings of the labels, then of the figures; none for no heading."""
    axis: str = ""
    """SVG of the scale, above the pictures."""
    label_width: int = 136
    """Pixels of the labels."""
    figure_width: int = 64
    """Pixels of each figure; more where one is longer than usual."""
    stacked: bool = False
    """True when on a phone the picture goes below its label, because it needs the width."""

    def html(self, opened: Sequence[str] = ()) -> str:
        """Write the chart as HTML; `opened` has for each row the HTML that it opens to, or an empty text."""
        count = max((len(row.figures) for row in self.rows), default=0)
        longest = max((len(figure) for row in self.rows for figure in row.figures), default=0)
        width = max(self.figure_width, 9 * longest - 8)
        noted = max((len(row.label) + len(row.note) for row in self.rows if row.note), default=0)
        labels = min(max(self.label_width, _LETTER * noted + 32), _WIDEST)
        style = f"--lab:{labels}px;--fig:{width}px;--figs:{count}"
        inner = [_write_head(self, count)] if self.axis or self.heads else []
        for row, behind in zip(self.rows, opened or [""] * len(self.rows), strict=True):
            inner.append(_write_row(row, behind))
        return f'<div class="rows{" stacked" if self.stacked else ""}" style="{style}">{"".join(inner)}</div>'


def _write_head(chart: Rows, count: int) -> str:
    heads = [*chart.heads, *[""] * (count + 1 - len(chart.heads))]
    figures = "".join(f'<span class="fig">{escape(head)}</span>' for head in heads[1:])
    return (
        f'<div class="row head"><span>{escape(heads[0])}</span>{chart.axis or "<span></span>"}{figures}</div>'
    )


def _write_row(row: Row, behind: str) -> str:
    note = f'<span class="note"> · {escape(row.note)}</span>' if row.note else ""
    cells = f'<span class="lab" title="{escape(row.label)}"><bdi>{escape(row.label)}</bdi>{note}</span>{row.picture}'
    cells += "".join(f'<span class="fig">{escape(figure)}</span>' for figure in row.figures)
    strong = " strong" if row.strong else ""
    if not behind:
        return f'<div class="row{strong}">{cells}</div>'
    return f'<details class="opens{strong}"><summary class="row">{cells}</summary>{behind}</details>'
