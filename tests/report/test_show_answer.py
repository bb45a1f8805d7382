"""An answer as a block: groups that fold, amounts of one unit, and what is beside a value."""

from __future__ import annotations

import math
from typing import Any

import pytest

from opp_analytics import Org, text
from opp_analytics.answers import Answer, Context, Part, Row, Table
from opp_analytics.report.model import Line
from opp_analytics.report.show_answer import (
    PICTURE,
    choose_money,
    is_rounded,
    show_change,
    show_deals,
    show_table,
)
from opp_analytics.text import Piece, Sentence
from tests.pipelines import THIS_WEEK, context_of, pipeline


@pytest.fixture(scope="module")
def context() -> Context:
    return context_of(pipeline(THIS_WEEK))


def _row(name: str, kind: str = "person", **more: Any) -> Row:
    part = None if kind == "total" else Part("owner_name", name)
    return Row(name, Piece("name", name), {"booked": 1.0}, kind=kind, part=part, **more)


def _answer(context: Context, *rows: Row, adds: str = "") -> Answer:
    columns = ("booked", "gap", "change")
    table = Table("people", columns, rows, adds, {"name": "Rep"})
    return Answer("people", context, "People", Sentence(), tables=(table,))


def _shown(answer: Answer, **asked: Any) -> list[list[Line]]:
    table = show_table(answer, answer.tables[0], "people", **asked)
    return [[*group.lines] for group in table.groups]


def test_show_table__folds_the_rest_of_many_people_below_a_line(context: Context) -> None:
    rows = [_row("Ann"), _row("Bo", folded=True), _row("Cy", folded=True), _row("All", "total")]
    first, rest, total = _shown(_answer(context, *rows))
    assert [(line.cells[0].text, line.level) for line in first] == [("Ann", "")]
    assert [(line.cells[0].text, line.level) for line in rest] == [
        ("2 more reps", "group"),
        ("Bo", "member"),
        ("Cy", "member"),
    ]
    assert [(line.cells[0].text, line.level) for line in total] == [("All", "total")]


def test_show_table__of_a_team_says_how_many_it_holds_back(context: Context) -> None:
    people = [_row("Ann", depth=1), _row("Bo", depth=1, folded=True)]
    (team,) = _shown(_answer(context, _row("East", "team"), *people))
    assert [(line.cells[0].text, line.level, line.kept) for line in team] == [
        ("East", "group", False),
        ("Ann", "member", True),
        ("Bo", "member", False),
        ("Deals of East", "member", False),
    ]
    assert [cell.text for cell in team[0].cells[0].beside] == ["1 more rep"]


def test_show_table__has_words_beside_a_value_and_in_its_place(context: Context) -> None:
    by = Sentence.of("40K by ", Piece("name", "Cy"))
    words = {"booked": by, "gap": Sentence.of("none due")}
    row = Row("Ann", Piece("name", "Ann"), {"booked": 1.5, "change": -2.0}, words, marked="change")
    ((line,),) = _shown(_answer(context, row))
    _, booked, gap, change = line.cells
    assert [(cell.text, cell.name) for cell in booked.beside] == [("40K by ", False), ("Cy", True)]
    assert (booked.text, gap.text, gap.tone) == ("2", "none due", "quiet")
    assert (change.text, change.sign, change.tone) == ("2", -1, "hi")


def test_show_table__has_what_is_past_a_target_with_a_plus(context: Context) -> None:
    row = Row("Ann", Piece("name", "Ann"), {"gap": -5.0})
    ((line,),) = _shown(_answer(context, row), columns=("gap",))
    assert [(cell.text, cell.tone) for cell in line.cells[1:]] == [("+5", "quiet")]


def test_show_table__leaves_out_columns_that_a_table_lacks(context: Context) -> None:
    table = _answer(context, _row("Ann")).tables[0]
    shown = show_table(_answer(context, _row("Ann")), table, "", columns=("target", "booked"))
    assert [column.title for column in shown.columns] == ["Rep", "Closed"]
    assert PICTURE not in {column.kind for column in shown.columns}


@pytest.mark.parametrize(
    ("parts", "currency", "words"),
    [
        ([9_999_999.0], "USD", "US dollars"),
        ([12_000_000.0, 1_000.0], "USD", "US dollars, rounded"),
        ([1.4, 1.4], "USD", "US dollars, rounded"),
        ([1.4, 1.4], None, "Rounded"),
        ([5.0], None, ""),
    ],
)
def test_choose_money__says_its_unit_and_that_rows_miss_their_total(
    parts: list[float], currency: str | None, words: str
) -> None:
    context = context_of(pipeline(THIS_WEEK), org=Org(currency=currency))
    rows = [Row(str(place), Piece("name", ""), {"booked": one}) for place, one in enumerate(parts)]
    total = Row("All", Piece("name", "All"), {"booked": sum(parts)}, kind="total")
    _, said = choose_money(context, Table("people", ("booked",), (*rows, total)))
    assert said == words


def test_is_rounded__looks_at_parts_that_add_up_alone() -> None:
    assert is_rounded([0.4, 0.4, 0.4], 1.2)
    assert not is_rounded([1.0, 2.0, math.nan, None], 3.0)
    assert not is_rounded([1.0, 2.0], 5.0)


def test_show_deals__round_each_amount_by_itself_and_say_so_at_the_total(context: Context) -> None:
    values = {"value": 1.4, "outcome": "won"}
    deals = [Row(str(place), Piece("deal", f"Deal {place}"), values) for place in range(2)]
    table = Table("deals", ("value",), tuple(deals), "value")
    listed = show_deals(Answer("deals", context, "Deals", Sentence(), tables=(table,)))
    assert listed is not None
    assert [deal.amounts for deal in listed.deals] == [("1",), ("1",)]
    assert listed.sums == (("Total, rounded", "3"),)


def test_show_change__is_an_arrow_and_a_size() -> None:
    up, same = show_change(5.0, 3.0, str), show_change(1.0, 1.0, str)
    assert (up and up.sign, same and same.text) == (1, "no change")
    assert show_change(0.2, 0.0, text.number) == same
    assert show_change(float("nan"), 1.0, str) is None
