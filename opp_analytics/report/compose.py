"""The page: its first words, its tiles and its blocks in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opp_analytics import text
from opp_analytics.answers import (
    CATALOG,
    Context,
    act_today,
    data_to_fix,
    forecasts,
    will_we_make_it,
)
from opp_analytics.errors import ArgumentValueError
from opp_analytics.report.blocks import BLOCKS, tiles
from opp_analytics.report.model import Block, Note, WeeklyPage, clean
from opp_analytics.report.notes import certificate

_OF_MANY = ("people", "to_win")
"""Blocks that have one row or card on the page of one person."""
_TITLED = ("to_win", "past_ranges")
"""Blocks whose title says more than what they lack."""


def compose(
    context: Context,
    *,
    workbook: str,
    title: str | None = None,
    blocks: Sequence[str] | None = None,
) -> WeeklyPage:
    """Compose the page as data: `blocks` in their order, by default those of `choose_blocks`."""
    first = will_we_make_it(context)
    state, alarm = certificate(context)
    built = [_build(context, name, folds=blocks is None) for name in choose_blocks(context, blocks)]
    day = text.day(context.day, year=True)
    heading = title or "Weekly forecast"
    page = WeeklyPage(
        title=f"{heading}, {day}",
        heading=heading,
        subject=f"{context.only} · {day}" if context.only else day,
        sentence=f"{first.say(first.finding)}.",
        second=" ".join(f"{first.say(note)}." for note in first.notes),
        warnings=tuple(filter(None, (state if alarm else "", context.old, context.unseen))),
        tiles=tiles(context),
        since=""
        if forecasts.no_changes(context)
        else context.write_day(forecasts.earlier(context).day),
        blocks=tuple(block for block in built if block is not None),
        source=f"Full data: {workbook}, beside this file.",
    )
    return clean(page)


def _build(context: Context, name: str, *, folds: bool) -> Block | None:
    """Build a block; what is read now and then is behind its finding, if it `folds`."""
    block = BLOCKS[name](context)
    if block is None or not folds or (name in CATALOG and CATALOG[name].place != "more"):
        return block
    match block.parts:
        case (Note(text=words, command=""),) if name not in _TITLED:
            block = replace(block, title=words.removesuffix("."), parts=())
    is_open = name == "data_to_fix" and _is_acted_on(context)
    return replace(block, folded="open" if is_open else "closed")


def _is_acted_on(context: Context) -> bool:
    """Tell whether a deal to act on today is among those of the first finding on data."""
    found = data_to_fix(context)
    behind = found.opens(found.tables[0].rows[0]) if found.tables else None
    act = {row.id for row in act_today(context).tables[0].rows}
    return bool(behind and act & {row.id for table in behind.tables for row in table.rows})


def choose_blocks(context: Context, asked: Sequence[str] | None = None) -> tuple[str, ...]:
    """Choose the blocks asked for.

    By default all, and on the page of one person none that lists people.
    """
    for name in asked or ():
        if name not in BLOCKS:
            raise ArgumentValueError(f"unknown block {name!r}; use some of {text.joined(BLOCKS)}")
    if asked is not None:
        return tuple(asked)
    if context.only is None or len(forecasts.persons(context)) > 1:
        return tuple(BLOCKS)
    return tuple(name for name in BLOCKS if name not in _OF_MANY)
