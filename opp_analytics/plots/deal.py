"""The timeline of one deal: its stage, value and close date over time."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import Org, Stages, money_of
from opp_analytics.plots import labels, palette, style

_LANES = ("stage", "value", "close_date")
_HEIGHT = 0.56
_LEAST = 6
"""Characters that a segment must have room for to bear a text."""
_DAY = pd.Timedelta(days=1)


class _Span(NamedTuple):
    """The time in which a field had one value."""

    start: pd.Timestamp
    end: pd.Timestamp
    before: Any
    value: Any


@style.drawing("seen_at", "operation", "field", "before", "after", made_by="history.deal")
def deal(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `history.deal`: stage, value and close date of a deal over time, each change where it was seen."""
    ax = style.canvas(ax, size=(9.0, 2.8))
    if table.empty:
        style.nothing(ax, "no changes in this timeline")
        return style.finish(ax, sentence(table), style.caption(table))
    start, end = table["seen_at"].min(), _end(table)
    length = (end - start) / _DAY
    ax.set_ylim(len(_LANES) - 0.5, -0.5)
    ax.set_xlim(0, length)
    ax.set_yticks(range(len(_LANES)), [text.label(field) for field in _LANES], fontsize=style.text_size())
    ax.spines[["left", "bottom"]].set_visible(False)
    stages = Org.of(table).stages
    points_a_day = style.room(ax, "x") / length
    for lane, field in enumerate(_LANES):
        for span in _spans(table, field, end):
            left, width = (span.start - start) / _DAY, (span.end - span.start) / _DAY
            ax.barh(
                lane,
                width,
                left=left,
                height=_HEIGHT,
                color=_color(field, span, stages),
                edgecolor=palette.BACK,
            )
            fits = int(width * points_a_day / (style.text_size() * 0.6))
            if fits >= _LEAST:
                words = labels.shorten(_words(field, span.value, table), fits)
                labels.write(
                    ax, words, (left + width / 2, lane), color=labels.on(_color(field, span, stages))
                )
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda days, _: text.day(start + days * _DAY)))
    changes = int(table.loc[table["operation"] != "new", "seen_at"].nunique())
    note = style.caption(
        table,
        f"changed in {text.count(changes, 'record')}",
        "blue: pushed, cut or moved back",
    )
    return style.finish(ax, sentence(table), note)


def _end(table: pd.DataFrame) -> pd.Timestamp:
    """The day of the last record; where that is not after the last change, a week after it."""
    last, as_of = table["seen_at"].max(), table.attrs.get("as_of")
    known = pd.Timestamp(as_of, tz="UTC") if as_of else last
    return known if known > last + _DAY else last + 7 * _DAY


def _spans(table: pd.DataFrame, field: str, end: pd.Timestamp) -> list[_Span]:
    """The values of a field, each with the time in which the deal had it; none while it was deleted."""
    spans: list[_Span] = []
    before = value = None
    start: pd.Timestamp | None = None
    for at in table["seen_at"].drop_duplicates():
        rows = table[table["seen_at"] == at]
        moved = rows[rows["field"] == field]
        there = rows["operation"].iloc[0] not in ("deleted", "transferred")
        if start is not None and (len(moved) or not there):
            spans.append(_Span(start, at, before, value))
            start = None
        if len(moved):
            before, value = moved["before"].iloc[0], moved["after"].iloc[0]
        if there and start is None and value is not None:
            start = at
    return [*spans, _Span(start, end, before, value)] if start is not None else spans


def _color(field: str, span: _Span, stages: Stages) -> str:
    """Blue for a push, a cut or a move back, dark for the end, pale for the rest."""
    if span.before is None:
        return palette.PALE
    if field == "stage":
        if stages.kind_of(str(span.value)) in ("won", "lost"):
            return palette.BAR
        return palette.HI if _is_back(span, stages) else palette.PALE
    worse = span.value < span.before if field == "value" else span.value > span.before
    return palette.HI if worse else palette.PALE


def _is_back(span: _Span, stages: Stages) -> bool:
    """True for a move to an earlier open stage."""
    ranks = {stage: rank for rank, stage in enumerate(stages.open)}
    return ranks.get(span.value, len(ranks)) < ranks.get(span.before, -1)


def _words(field: str, value: Any, table: pd.DataFrame) -> str:
    if field == "value":
        return money_of(table)(float(value))
    return text.day(value) if field == "close_date" else text.label(str(value))
