"""The page: its first words, its tiles and its blocks in their order."""

from __future__ import annotations

from collections.abc import Sequence

from opp_analytics import text
from opp_analytics.answers import Context, forecasts, will_we_make_it
from opp_analytics.errors import ArgumentValueError
from opp_analytics.report.blocks import BLOCKS, tiles
from opp_analytics.report.model import WeeklyPage, clean
from opp_analytics.report.notes import certificate

_FOR_ONE, _OF_MANY = ("act_today", "trend"), ("people", "to_win")
"""The first blocks of one person's page, and those that have one row or card on it."""


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
    built = [BLOCKS[name](context) for name in choose_blocks(context, blocks)]
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
    return (*_FOR_ONE, *(name for name in BLOCKS if name not in (*_FOR_ONE, *_OF_MANY)))
