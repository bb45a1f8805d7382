"""The contents of page and workbook: sections of exhibits, each a table that opens to its deals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from opp_analytics.text import label

__all__ = ["Column", "Deals", "Exhibit", "Figure", "Report", "Section", "column"]


@dataclass(frozen=True)
class Column:
    """Heading and kind of a table's column."""

    title: str
    kind: str
    """One of text, money, count, rate, percent, number, date."""


_COLUMNS = {
    "quarter": Column("quarter", "text"),
    "period": Column("period", "text"),
    "booked": Column("booked", "money"),
    "open_count": Column("open deals", "count"),
    "open_value": Column("open value", "money"),
    "weighted_open": Column("weighted open", "money"),
    "expected": Column("expected", "money"),
    "low": Column("low (10%)", "money"),
    "median": Column("median", "money"),
    "high": Column("high (90%)", "money"),
    "target": Column("target", "money"),
    "p_target": Column("P(target)", "rate"),
    "pipeline_coverage": Column("pipeline coverage", "number"),
    "won_later_value": Column("won, dated later", "money"),
    "no_value": Column("without value", "count"),
    "no_probability": Column("without probability", "count"),
    "movement": Column("movement", "text"),
    "deals": Column("deals", "count"),
    "count": Column("deals", "count"),
    "count_change": Column("open deals", "count"),
    "value": Column("value", "money"),
    "value_change": Column("value", "money"),
    "outcome": Column("outcome", "text"),
    "count_rate": Column("rate by count", "rate"),
    "value_rate": Column("rate by value", "rate"),
    "stage": Column("stage", "text"),
    "stage_after": Column("stage at the end", "text"),
    "reached_low": Column("reached by at least", "count"),
    "reached_high": Column("at most", "count"),
    "won": Column("won", "count"),
    "lost": Column("lost", "count"),
    "open": Column("open", "count"),
    "rate": Column("win rate", "rate"),
    "rate_low": Column("low (95%)", "rate"),
    "rate_high": Column("high (95%)", "rate"),
    "won_value": Column("won value", "money"),
    "lost_value": Column("lost value", "money"),
    "severity": Column("severity", "text"),
    "check": Column("finding", "text"),
    "name": Column("deal", "text"),
    "unique_id": Column("id", "text"),
    "close_date": Column("close date", "date"),
    "close_date_after": Column("close date at the end", "date"),
    "first_close_date": Column("first close date", "date"),
    "probability": Column("probability", "percent"),
    "pushed_now": Column("pushed this week", "text"),
    "pushes": Column("pushes", "count"),
    "days_pushed": Column("days pushed", "count"),
    "field": Column("field", "text"),
    "cell": Column("current value", "text"),
    "suggestion": Column("suggested fix", "text"),
    "pulls": Column("pulls", "count"),
    "days_pulled": Column("days pulled", "count"),
    "net_days": Column("days moved", "count"),
    "reached_high_forward": Column("at most, never back", "count"),
    "value_rate_low": Column("by value, low", "rate"),
    "value_rate_high": Column("by value, high", "rate"),
    "opening_age_days": Column("age at start, days", "number"),
    "closing_age_days": Column("age at end, days", "number"),
    "records": Column("records", "count"),
    "longest_gap_days": Column("longest gap, days", "number"),
    "made_on": Column("made on", "date"),
    "days_before": Column("days left", "count"),
    "actual": Column("actual", "money"),
    "error": Column("expected − actual", "money"),
    "held": Column("range held", "text"),
    "answers": Column("what it can answer", "text"),
}
"""Heading and kind of the columns that a report shows."""


def column(name: str) -> Column:
    """Heading and kind of a column; an unknown one is text under its own name."""
    return _COLUMNS.get(name) or Column(label(name.removesuffix("_name")), "text")


@dataclass(frozen=True)
class Deals:
    """The deals behind the rows of a table."""

    frame: pd.DataFrame
    """One row per deal (or per deal and movement), the largest first."""
    row: str
    """The column of `frame` that holds the label of the table's row."""
    columns: tuple[str, ...]
    """Columns that the page shows."""
    sheet: str
    """Sheet of the workbook with all of them."""


@dataclass(frozen=True)
class Exhibit:
    """A table with its chart and its deals."""

    key: str
    """Short name: the sheet of the workbook, the anchor on the page."""
    title: str
    table: pd.DataFrame
    columns: tuple[str, ...]
    """Columns to show; the first one labels the rows."""
    chart: str = ""
    """The chart as SVG, or empty."""
    deals: Deals | None = None
    note: str = ""
    on_page: pd.DataFrame | None = None
    """Number of rows on the page, if the workbook has more."""

    @property
    def shown(self) -> pd.DataFrame:
        """The rows that the page shows."""
        return self.table if self.on_page is None else self.on_page


@dataclass(frozen=True)
class Section:
    """A part of the page under one heading."""

    key: str
    title: str
    said: str = ""
    """The finding of the tables below, in a sentence."""
    exhibits: tuple[Exhibit, ...] = ()
    missing: str = ""
    """Reason why the section is still empty, and what it will show."""
    alarm: bool = False
    """True if the sentence is a warning."""
    meaning: tuple[tuple[str, str], ...] = ()
    """Terms and their definitions."""


@dataclass(frozen=True)
class Figure:
    """One number of the headline."""

    name: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Report:
    """The contents of a weekly report."""

    title: str
    as_of: pd.Timestamp
    currency: str | None
    said: str
    """The headline."""
    warnings: tuple[str, ...]
    """Warnings about the numbers, shown in red at the top."""
    figures: tuple[Figure, ...]
    sections: tuple[Section, ...]
    behind: Exhibit
    """The deals behind the headline."""
    deals: pd.DataFrame
    """Every opportunity, with its outcome and its period."""

    def exhibits(self) -> Iterator[Exhibit]:
        """Every exhibit of every section, in order."""
        for section in self.sections:
            yield from section.exhibits
