"""In states of the page its figures open to what adds up to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from opp_analytics import text
from opp_analytics.answers import forecasts
from opp_analytics.answers.context import Context, read_context
from opp_analytics.report.compose import compose
from opp_analytics.report.model import Deals, WeeklyPage
from tests.report.states import STATES

pytestmark = pytest.mark.slow


@pytest.fixture(
    scope="module",
    params=["team", "no deals", "everything met", "fiscal quarter"],
)
def state_page(request) -> tuple[Context, WeeklyPage]:
    state = STATES[request.param]()
    history = state.history and state.history.read_by(state.org)
    context = read_context(state.opportunities, history, org=state.org, **state.asked)
    return context, compose(context, workbook="week.xlsx")


def _read(figure: str) -> float:
    return (
        0.0
        if figure in ("", "–")
        else float(figure.replace(",", "").replace("−", "-").replace("+", ""))
    )


def _lists(part: Any) -> Iterator[Deals]:
    if isinstance(part, Deals):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from _lists(one)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _lists(getattr(part, field.name))


def _total(listed: Deals) -> float:
    return _read(listed.sums[-1][1] if listed.sums else listed.deals[0].amounts[-1])


def test_tiles__open_to_their_figures(state_page):
    context, page = state_page
    money, row, tiles = (
        context.money,
        forecasts.current(context),
        {tile.name: tile for tile in page.tiles},
    )
    for name in ("Closed won", "Forecast", "Open and due"):
        tile = tiles.get(name)
        if tile and tile.opens:
            assert money(_total(tile.opens)) == tile.figure
        elif tile:
            assert tile.figure in (money(0), text.MISSING)
    if "Coverage" in tiles and row["open_value"]:
        opens = tiles["Coverage"].opens
        assert opens
        assert money(_total(opens)) == money(row["open_value"])
