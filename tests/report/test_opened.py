"""In every state of the page figures open to what adds up to them, the chance shown is the one
explained, and titles are short."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from opp_analytics import text
from opp_analytics.answers import forecasts
from opp_analytics.answers.context import Context, read_context
from opp_analytics.note import note_of
from opp_analytics.report.compose import compose
from opp_analytics.report.model import Deals, Goals, Table, WeeklyPage
from tests.report.states import STATES

pytestmark = pytest.mark.slow

LEARNED = {
    "learned team": lambda: replace(
        STATES["team"](), asked={"as_of": "2026-11-25", "method": "learned"}
    ),
    "learned person": lambda: replace(
        STATES["team"](),
        asked={"as_of": "2026-11-25", "method": "learned", "only": "Grace Lindqvist"},
    ),
}


QUICK = (
    "team",
    "no deals",
    "everything met",
    "sixty people",
    "fiscal quarter",
    "one team",
    *LEARNED,
)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
        for name in [*STATES, *LEARNED]
    ],
)
def state_page(request) -> tuple[Context, WeeklyPage]:
    state = {**STATES, **LEARNED}[request.param]()
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
        forecasts.leading(context),
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


_CODE = re.compile(
    r"\w_\w|\bnan\b|\bNone\b(?! of)|  |\b1 (?!of)[a-z]+s\b|\d\.\d\d(?![\dKMBT])|[({]\W*[)}]"
)
"""What no sentence holds: names of code, missing values, gaps, "1 deals", cents."""


def test_titles__are_short_and_speak_no_code(state_page):
    context, page = state_page
    deals = context.deals
    names = sorted(
        {*deals["name"].dropna(), *deals.get("owner_name", deals["name"]).dropna()}, key=len
    )
    for block in page.blocks:
        title = block.title
        for name in reversed(names):  # A long name is no long sentence.
            title = title.replace(str(name), "Name")
        if block.key != "why_it_moved":  # It names a deal of each step.
            assert len(title.split()) <= 16, title
    said = [page.sentence, page.second, *(tile.note for tile in page.tiles)]
    for words in [*said, *(words for block in page.blocks for words in (block.title, block.sub))]:
        assert not _CODE.search(words), words


def test_reasons__explain_the_chance_that_is_shown(state_page):
    context, page = state_page
    own, said = forecasts.own_chances(context), {}
    reasons = own["why"].dropna()
    learned = note_of(forecasts.forecast_deals(context)).method == "learned"
    assert len(reasons) == (len(forecasts.chances(context)) if learned else 0)
    for name, words in zip(map(str, reasons.index), reasons, strict=True):
        head, _, addends = words.partition(": ")
        assert head == text.percent(forecasts.chances(context)[name])
        first, *further = re.findall(r" ([−+]?\d+|<1)%?(?=, |$)", addends)
        whole = (0 if first == "<1" else int(first)) + sum(map(_read, further))
        assert whole == math.floor(100 * own["chance"][name] + 0.5)
        said.setdefault(own["name"][name], []).append(words)
    for block in page.blocks:
        for part in block.parts:
            if isinstance(part, Table) and block.key == "at_risk":
                for line in part.groups[0].lines:
                    if line.opens:
                        shown = line.cells[
                            [column.title for column in part.columns].index(
                                forecasts.name_history(
                                    context,
                                )
                            )
                        ].text
                        assert line.opens.note.startswith(f"From history {shown}: all open deals ")
            if isinstance(part, Table) and block.key == "act_today" and learned:
                for line in part.groups[0].lines:
                    below = "".join(part.text for part in line.cells[0].beside)
                    chance = re.findall(r"from history (<?\d+%)", below)
                    assert bool(chance) == bool(line.opens)
                    assert not line.opens or line.opens.note.startswith(
                        f"From history {chance[0]}: "
                    )
            if isinstance(part, Goals):
                for task in (task for goal in part.goals for task in goal.tasks):
                    assert task.why or task.name.text not in said
                    assert not task.why or task.why.startswith(f"From history {task.history}: ")
