"""Every answer in worlds of many kinds: each number stands in every form, and what a row opens to
adds up to it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from functools import cache
from html import escape
from itertools import takewhile
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.answers import CATALOG, Answer, Context, Row, Table, draw_rows, read_context
from opp_analytics.answers.as_text import write_figure
from opp_analytics.columns import COLUMNS, format_cell
from opp_analytics.errors import ArgumentValueError
from opp_analytics.report.compose import compose
from opp_analytics.report.digest import PLAIN, make_digest, write_chat
from opp_analytics.report.html import render_page
from opp_analytics.report.sheets import SHEETS, sheets
from tests.analysis.forecasting.histories import even_months
from tests.pipelines import (
    AS_OF,
    LAST_WEEK,
    MOVED,
    TARGETS,
    TEAMS,
    THIS_WEEK,
    pipeline,
    recorded,
)
from tests.report import reading
from tests.scratch import scratch_history
from tests.widgets.asking import choose

LATE = [
    ("g", "Ginkgo", 40_000.0, "closed_won", "won", "2026-05-29", 100, "Ann"),
    ("h", "Hazel", 10_000.0, "closed_lost", "lost", "2026-05-29", 0, "Ann"),
]


def _learned() -> dict[str, Any]:
    history = even_months(9, owners=True)
    frame = history.as_of("2026-09-10T23:00Z")
    return {"opportunities": frame, "history": history, "as_of": "2026-09-10", "target": 150.0}


def _rerun() -> pd.DataFrame:
    """A frame loaded a month later, when Alder was won and Fir was due."""
    rows: list[Any] = [("a", "Alder", 120_000.0, "closed_won", "won", "2026-03-27", 100, "Ann")]
    rows += [*THIS_WEEK[1:-1], (*THIS_WEEK[-1][:5], "2026-05-08", 10, "Ann")]
    later = pipeline(rows)
    later.attrs["load"]["fetched_at"] = "2026-04-20T06:00:00+00:00"
    return later


def _imported() -> dict[str, Any]:
    """A log that holds two deals from their creation and one from its second week on."""
    log = pd.DataFrame(
        {
            "unique_id": ["a", "b", "c", "a", "b"],
            "seen_at": ["2026-02-02", "2026-02-02", "2026-03-09", "2026-03-10", "2026-03-12"],
            "stage": ["proposal", "proposal", "discovery", "negotiation", "closed_lost"],
            "value": [100_000.0, 50_000.0, 30_000.0, 120_000.0, 50_000.0],
            "close_date": ["2026-03-20", "2026-03-12", "2026-04-10", "2026-03-27", "2026-03-12"],
            "probability": [40, 40, 20, 80, 0],
            "owner_name": ["Ann", "Bo & Co", "Ann", "Ann", "Bo & Co"],
        }
    )
    frame = pipeline(THIS_WEEK)
    return {
        "opportunities": frame,
        "history": oa.History.from_changes(log, opportunities=frame, progress=False),
    }


WORLDS: dict[str, Any] = {
    "no records": lambda _: {"opportunities": pipeline(THIS_WEEK)},
    "teams with targets of people": lambda history: {
        "opportunities": oa.Org(people=TEAMS).apply(pipeline(THIS_WEEK)),
        "history": history,
        "org": oa.Org(people=TEAMS, currency="EUR"),
        "target": TARGETS,
    },
    "a person": lambda history: {
        "opportunities": pipeline(THIS_WEEK),
        "history": history,
        "only": "Ann",
    },
    "closed deals dated later": lambda history: {
        "opportunities": pipeline([*THIS_WEEK, *LATE]),
        "history": history,
        "target": 150_000.0,
    },
    "quarters, with targets of teams alone": lambda history: {
        "opportunities": oa.Org(people=TEAMS).apply(pipeline(THIS_WEEK)),
        "history": history,
        "org": oa.Org(people=TEAMS),
        "freq": "Q",
        "target": pd.DataFrame({"period": ["2026Q1"], "team": ["East"], "target": [200_000.0]}),
    },
    "one record": lambda _: {
        "opportunities": pipeline(THIS_WEEK),
        "history": recorded(scratch_history(), {AS_OF: THIS_WEEK}),
    },
    "no deal": lambda _: {"opportunities": pipeline([])},
    "nobody's deals": lambda _: {"opportunities": pipeline(THIS_WEEK).drop(columns="owner_name")},
    "learned": lambda _: _learned(),
    "an import with late creations": lambda _: _imported(),
    "an earlier day again": lambda history: {
        "opportunities": _rerun(),
        "history": recorded(history, {"2026-04-20": THIS_WEEK}),
        "target": 150_000.0,
    },
    "an earlier day again, without records": lambda _: {"opportunities": _rerun()},
    "people who changed teams": lambda history: {
        "opportunities": MOVED.apply(pipeline(THIS_WEEK)),
        "history": history.read_by(MOVED),
        "org": MOVED,
    },
}


_FAST = {"no records", "teams with targets of people", "one record", "no deal"}
_WORLDS = [pytest.param(one, marks=[pytest.mark.slow] * (one not in _FAST)) for one in WORLDS]


@cache
def _read(world: str) -> Context:
    history = scratch_history()
    recorded(history, {"2026-03-02": LAST_WEEK, "2026-03-09": LAST_WEEK, AS_OF: THIS_WEEK})
    asked = {"as_of": AS_OF, "history": None, **WORLDS[world](history)}
    return read_context(asked.pop("opportunities"), asked.pop("history"), **asked)


@pytest.fixture(params=_WORLDS)
def context(request: pytest.FixtureRequest) -> Context:
    """A world asked about, read once: pytest would end and begin it again for other parameters."""
    return _read(request.param)


@cache
def _ask(world: str, key: str) -> Answer:
    return CATALOG[key].ask(_read(world))


@pytest.fixture(
    params=[
        pytest.param((world, key), marks=one.marks, id=f"{world}-{key}")
        for one, world in zip(_WORLDS, WORLDS, strict=True)
        for key in CATALOG
    ]
)
def answer(request: pytest.FixtureRequest) -> Answer:
    return _ask(*request.param)


def _cells(columns: Iterable[str], row: Row) -> dict[str, Any]:
    return {name: row.values[name] for name in columns if row.values.get(name) is not None}


def test_answers__have_known_columns_and_one_row_for_each_id(answer: Answer) -> None:
    for table in answer.tables:
        known = {*COLUMNS, *answer.context.by, *answer.context.deals}
        columns = {re.sub("_(before|after)$", "", name) for name in table.columns}
        assert columns <= known, "columns.csv says what each column is"
        assert len({(row.id, row.depth) for row in table.rows}) == len(table.rows)
        for row in table.rows:
            numbers = [value for value in row.values.values() if isinstance(value, float)]
            assert all(map(math.isfinite, numbers)), "what is not known is absent"


def test_answers__are_said_in_plain_words(answer: Answer) -> None:
    for words in (answer.sentence, *map(answer.say, answer.notes)):
        assert words
        assert words[0] == words[0].upper()
        assert not re.search(r"\bnan\b|\bNone\b(?! of)|  |\.\.|\{", words), words


def _write_time(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat() if value.tzinfo else str(value.date())
    return value


def test_json__has_every_row_and_exact_numbers(answer: Answer) -> None:
    told = json.loads(json.dumps(answer.to_dict(), allow_nan=False))
    assert told["sentence"] == answer.sentence
    assert told["as_of"] == str(answer.context.day.date())
    first = answer.tables[0] if answer.tables else Table("", (), ())
    assert told["rows_total"] == len(told["rows"]) == len(first.rows)
    for row, cells in zip(first.rows, told["rows"], strict=True):
        for name, value in _cells(first.columns, row).items():
            assert cells[name] in (value, _write_time(value)), name


def test_text_and_html__show_every_number_and_name(answer: Answer) -> None:
    written, page = answer.write(), answer._repr_html_()
    html = re.sub(r"<[^>]+>", " ", page)
    for picture in draw_rows(answer)[1].values():
        assert picture in page
    for table in answer.main_tables:
        for row in table.rows:
            assert row.name.write(None) in written
            for name, value in _cells(answer.title_columns(table), row).items():
                shown = format_cell(name, value, answer.context.org.currency)
                assert shown in written, (name, value)
                assert escape(shown) in html, (name, value)


def test_sheets__hold_every_row_and_value_of_their_answers(context: Context) -> None:
    for sheet in sheets(context):
        said = SHEETS[sheet.name]
        if "table" not in said:
            continue
        answer = CATALOG[said["ask"]].ask(context)
        table = next(one for one in answer.tables if said["table"] in ("", one.name))
        # What sums up several people is not a row of a sheet; a total may be one more.
        rows = [*takewhile(lambda row: row.kind != "rest", table.rows)]
        assert 0 <= len(sheet.table) - len(rows) <= 1
        for row, cells in zip(rows, sheet.table.to_dict("records"), strict=False):
            for name, value in _cells(table.columns, row).items():
                # A column that is 0 in every row is left out.
                assert name == "period" or cells.get(name, 0.0) == value, (sheet.name, name)


def test_page_mail_and_chat__show_findings_and_figures(
    context: Context,
) -> None:
    page = compose(context, workbook="weekly.xlsx")
    digest = make_digest(page, context)
    html = render_page(page, audience="everybody")
    texts = {"page": html, "mail and chat": write_chat(digest, PLAIN)}
    texts |= {"page": reading.words(reading.read(html).root)}
    texts = {surface: " ".join(said.split()) for surface, said in texts.items()}
    first = CATALOG["will_we_make_it"].ask(context)
    for surface, said in texts.items():
        assert first.say(first.finding) in said, surface
        for figure in first.figures:
            value = write_figure(first, figure)
            assert value == text.MISSING or value in said, (surface, figure.name)
    for key in {block.key for block in page.blocks} & set(CATALOG):
        answer = CATALOG[key].ask(context)
        for finding in [table.finding for table in answer.main_tables if table.finding] or [
            answer.finding
        ]:
            assert answer.say(finding) in texts["page"], key


def test_opens__to_rows_that_add_up(answer: Answer) -> None:
    for table in answer.tables:
        for row in table.rows:
            behind = answer.opens(row)
            if behind is None or not behind.tables or table.adds not in row.values:
                continue
            (deals,) = behind.tables
            total = math.fsum(one.values.get(deals.adds, 0.0) for one in deals.rows)
            assert total == pytest.approx(float(row.values[table.adds]), abs=0.005), row.id


@pytest.mark.slow
def test_explorer__asks_what_the_page_asks() -> None:
    """Period, targets and calls of teams alone, window of win rates: by the org, on both."""
    org = oa.Org(
        people=TEAMS,
        report={"freq": "Q"},
        targets=pd.DataFrame({"period": ["2026Q1"], "team": ["East"], "target": [200_000.0]}),
        calls=[
            {"made_on": "2026-03-02", "period": "2026Q1", "caller": "Eve", "commit": 39_700}
            | {"team": "East"}
        ],
    )
    history = recorded(scratch_history(org), {AS_OF: THIS_WEEK})
    frame = org.apply(pipeline(THIS_WEEK))
    page = read_context(frame, history, as_of=AS_OF, org=org)
    explorer = oa.explore(frame, history, org=org, as_of=AS_OF)
    for key in ("will_we_make_it", "people", "months", "win_rates", "calls"):
        choose(explorer, question=key)
        assert explorer.answer.write() == CATALOG[key].ask(page).write(), key
    east, *_ = CATALOG["people"].ask(page).tables[0].rows
    assert (east.values["target"], east.values["call"]) == (200_000.0, 39_700.0)
    assert CATALOG["win_rates"].ask(page).figures[0].value == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("later", ["2026-03-17", "2026-03-24", "2026-03-31"])
def test_answers__of_a_later_day_are_those_of_the_data(history: oa.History, later: str) -> None:
    today, then = (
        read_context(pipeline(THIS_WEEK), history, as_of=day, target=150_000.0)
        for day in (AS_OF, later)
    )
    for key, question in CATALOG.items():
        now, late = question.ask(today), question.ask(then)
        assert late.sentence == f"As last seen on Mar 16, 2026: {now.sentence}", key


@pytest.mark.slow
def test_answers__of_an_earlier_day_are_those_given_then() -> None:
    yew = ("y", "Yew", 15_000.0, "proposal", "active", AS_OF, 40, "Ann")
    new = ("z", "Zelkova", 90_000.0, "discovery", "active", "2026-03-30", 20, "Ann")
    past = {key: [*LAST_WEEK, yew] for key in ["2026-03-01", "2026-03-09"]}
    weeks: dict[str, Any] = {**past, AS_OF: [*THIS_WEEK, yew]}
    # Alder is deleted, and Yew, still due on the day, slips.
    later = {"2026-03-23": [*THIS_WEEK[1:], yew, new]}
    histories = [recorded(scratch_history(), one) for one in (weeks, weeks | later)]
    then, late = (
        read_context(history.as_of(f"{day}T23:00Z"), history, as_of=AS_OF, target=150_000.0)
        for history, day in zip(histories, (AS_OF, "2026-03-23"), strict=True)
    )
    for key, question in CATALOG.items():
        assert question.ask(late).write() == question.ask(then).write(), key


@pytest.mark.slow
def test_answers__of_a_day_in_the_next_period_name_the_day_of_the_data(history: oa.History) -> None:
    context = read_context(pipeline(THIS_WEEK), history, as_of="2026-04-25", target=150_000.0)
    for key, question in CATALOG.items():
        answer = question.ask(context)
        assert answer.sentence.startswith("As last seen on Mar 16, 2026: "), key
        assert answer.to_dict()["seen_at"].startswith("2026-03-16"), key


@pytest.mark.parametrize("key", CATALOG)
def test_ask__refuses_an_option_that_would_not_change_the_answer(key: str) -> None:
    question = CATALOG[key]
    given: dict[str, Any] = {
        "freq": "Q",
        "period": "2026-04",
        "target": 5.0,
        "by": "owner_name",
        "since": "2026-03-01",
        "start": "2026-01-01",
        "method": "stated",
        "confidence": 0.5,
        "part": "Ann",
        "deals": ["a"],
        "edited": pipeline(THIS_WEEK),
    }
    for option, value in given.items():
        if option not in question.takes:
            with pytest.raises(ArgumentValueError, match=f"{option}=.* is no option of {key}"):
                oa.ask(key, pipeline(THIS_WEEK), **{option: value})
