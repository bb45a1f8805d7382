"""The explorer: it shows the answers of the catalog, opens their rows, says what it filters, and
what planned changes do."""

from __future__ import annotations

import html
import json
import os
import random
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis import LeveledForecast
from opp_analytics.answers import CATALOG
from opp_analytics.columns import format_cell
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, OppAnalyticsError
from opp_analytics.history import History
from opp_analytics.widgets import Explorer
from opp_analytics.widgets.explorer.panel import tell_deal
from tests.widgets.asking import ask, choose, put, read_panel, run_code
from tests.widgets.explorer.pipelines import DAYS, record, states
from tests.widgets.teams import TODAY, make_org, recorded_team, with_wins
from tests.writer.frames import opportunities

FILTERED: dict[str, Any] = {
    "part": "Ann",
    "where": {"stage": ["proposal", "discovery"], "region": ["East", None]},
    "close": "this quarter",
    "freq": "Q",
    "by": "region",
}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def frames() -> list[pd.DataFrame]:
    return states()


@pytest.fixture(scope="module")
def history(frames, tmp_path_factory) -> History:
    return record(frames, tmp_path_factory.mktemp("history"))


@pytest.fixture
def explorer(frames, history) -> Explorer:
    return oa.explore(frames[-1], history, as_of=DAYS[-1])


STATES = int(os.environ.get("OPP_ANALYTICS_STATES", len(CATALOG)))


def draw_state(explorer: Explorer, place: int) -> dict[str, Any]:
    """A state at random; each question of the catalog in turn, at first without filters."""
    dice, about = random.Random(place), explorer._about
    state: dict[str, Any] = {"question": list(CATALOG)[place % len(CATALOG)]}
    if place >= len(CATALOG) or "deals" in CATALOG[state["question"]].filters:
        state["part"] = dice.choice(["", *(name for name, _ in about["parts"])])
        state["where"] = {
            column["column"]: [value for value, *_ in dice.choices(column["values"], k=2)]
            for column in about["names"]
            if dice.random() < 0.3
        }
        bounds = {"first": dice.choice(["2026-02-20", "Mar 2026", ""]), "last": "FY26 Q2"}
        state |= dice.choice([{"close": dice.choice(about["presets"])}, bounds, {}])
    listed = about["options"] | {"period": read_panel(explorer)["periods"]}
    options = {name: dice.choice(each)[0] for name, each in listed.items()}
    # A period is of the length that is chosen.
    return state | options | ({"period": ""} if options["freq"] else {})


@pytest.mark.slow
@pytest.mark.parametrize("place", range(STATES))
def test_states__at_random_are_the_same_in_code_panel_and_saved_page(
    place: int, frames, history
) -> None:
    dice = random.Random(-place)
    at = dice.randrange(1, len(DAYS))
    day = str((pd.Timestamp(DAYS[at]) + pd.Timedelta(days=dice.randrange(7))).date())
    explorer = oa.explore(frames[at], history, as_of=day)
    state = draw_state(explorer, place)
    shown = choose(explorer, **state)["answer"]
    made = run_code(explorer, frames[at], history)
    assert made["answer"].to_dict() == explorer.answer.to_dict(), state
    if explorer.answer.tables:
        pd.testing.assert_frame_equal(made["table"], explorer.table)
    page = explorer.answer.to_html()
    said = [shown["subject"], shown["sentence"], *(one["figure"] for one in shown["figures"])]
    notes = [note for note in shown["notes"] if not note.startswith("Method: ")]
    said += [note.removesuffix(".") for note in notes]
    said += [
        cell for table in shown["tables"] for row in table["rows"][:60] for _, cell in row["cells"]
    ]
    assert [words for words in said if html.escape(words) not in page] == [], state
    if state["question"] == "slippage" and explorer.answer.tables:
        given = made | {"history": explorer.answer.context.history}
        numbers = eval(explorer.answer.code, given)["value"]
        last = explorer.answer.tables[0].rows[-1].values
        ends = {end: last[f"{end}_value"] for end in numbers.index if f"{end}_value" in last}
        assert numbers[[*ends]].to_dict() == ends


@pytest.mark.slow
@pytest.mark.parametrize("key", CATALOG)
def test_rows__open_to_the_deals_of_the_answer(key: str, explorer: Explorer) -> None:
    shown = choose(explorer, question=key)["answer"]
    tables = enumerate(zip(shown["tables"], explorer.answer.main_tables, strict=True))
    for at, (table, known) in tables:
        assert [row["id"] for row in table["rows"]] == [row.id for row in known.rows]
        for place, row in enumerate(known.rows[:3]):
            if row.kind == "deal":
                told = dict(ask(explorer, do="deal", table=at, row=place)["sections"])
                assert told.keys() <= {"Chance", "Activity", "Timeline", ""}
                continue
            behind, answer = (
                ask(explorer, do="open", table=at, row=place)["behind"],
                explorer.answer.opens(row),
            )
            assert (behind and behind["title"]) == (answer and answer.title)
            if answer and answer.tables and answer.tables[0].rows:
                (opened,) = answer.tables
                amount = sum(one.values.get(opened.adds, 0.0) for one in opened.rows)
                shown_total = behind["tables"][0]["total"]
                assert not shown_total or shown_total.endswith(
                    format_cell(opened.adds, amount, answer.context.org.currency)
                )
                deal = ask(explorer, do="deal", table=at, row=place, deal=0)
                first = answer.tables[0].rows[0]
                assert deal["sections"] == [list(each) for each in tell_deal(answer.context, first)]


@pytest.mark.slow
def test_pictures__have_rows_with_the_ids_of_the_answers_rows(explorer: Explorer) -> None:
    shown = choose(explorer, question="win_rates")["answer"]
    assert "<svg" in shown["picture"]
    assert set(shown["drawn"]) <= {row["id"] for row in shown["tables"][0]["rows"]}
    assert choose(explorer, question="pipeline_created")["answer"]["drawn"] == []


@pytest.mark.slow
def test_state__opens_the_same_and_refuses_what_it_does_not_know(explorer, frames, history):
    choose(explorer, question="at_risk", **FILTERED)
    again = oa.explore(frames[-1], history, as_of=DAYS[-1], state=explorer.state)
    pd.testing.assert_frame_equal(again.table, explorer.table)
    assert again.state == json.loads(json.dumps(explorer.state))
    for state, words in (
        ({"qusetion": "x"}, "unknown field `qusetion`"),
        ({"question": "at risk"}, "state\\['question'\\]='at risk' is unknown"),
        ({"part": "Zoe"}, "state\\['part'\\]='Zoe' is nobody's name; use one of Ann"),
        ({"where": {"regoin": ["East"]}}, "no column 'regoin'. Did you mean 'region'"),
        ({"where": []}, "Expected `object`, got `array`"),
        ({"close": "someday"}, "state\\['close'\\]='someday'"),
        ({"by": "nothing"}, "no column 'nothing'"),
        ({"freq": "fortnight"}, "freq="),
        ({"part": "\ud800"}, "half of a character"),
        ({"planned": "yes"}, "Expected `bool`, got `str`"),
        (5, "not a mapping"),
    ):
        with pytest.raises(OppAnalyticsError, match=words):
            oa.explore(frames[-1], history, state=state)  # type: ignore[arg-type]


@pytest.mark.slow
def test_views__open_by_name_with_their_filters_and_are_the_tenants(
    explorer: Explorer, frames, tmp_path
) -> None:
    choose(explorer, question="at_risk", **FILTERED)
    kept = ask(explorer, do="view", name="Ann’s risks")["views"]
    assert kept == {"Ann’s risks": json.loads(json.dumps(explorer.state))}
    choose(explorer, question="deals")
    assert list(ask(explorer, do="view", name="Deals")["views"]) == ["Ann’s risks", "Deals"]
    again = oa.explore(frames[-1], as_of=DAYS[-1], state="Ann’s risks")
    assert again.state == kept["Ann’s risks"]
    assert again.answer.context.opportunities["stage"].isin(FILTERED["where"]["stage"]).all()
    for name in ("deals", "../Deals", ""):
        with pytest.raises(ArgumentValueError, match="no saved view; saved: 'Ann’s risks' and 'D"):
            oa.explore(frames[-1], state=name)
    left = ask(explorer, do="view", name="Ann’s risks", drop=True)["views"]
    assert list(left) == ["Deals"]
    # A view whose column is gone says so; a file that is no more one of views is set aside.
    choose(explorer, question="at_risk", where={"region": ["East"]})
    ask(explorer, do="view", name="East")
    with pytest.raises(ArgumentValueError, match="no column 'region'"):
        oa.explore(frames[-1].drop(columns="region"), state="East")
    [file] = tmp_path.glob("*/views/*.json")
    file.write_text("[]")
    with pytest.warns(UserWarning, match="its saved views are gone"):
        assert read_panel(oa.explore(frames[-1], as_of=DAYS[-1]))["views"] == {}


@pytest.mark.slow
def test_filters__that_a_question_does_not_take_stay_and_are_said(explorer: Explorer) -> None:
    state = FILTERED
    for key, question in CATALOG.items():
        shown = choose(explorer, question=key, **state)
        taken = {"where", "close"} if "deals" in question.filters else set()
        assert set(shown["unused"]) == set(state) - taken - set(question.takes), key
        assert {name: shown["state"][name] for name in state} == json.loads(json.dumps(state))


@pytest.mark.parametrize(
    ("word", "first", "last"),
    [
        ("this month", "2026-03-01", "2026-03-31"),
        ("next month", "2026-04-01", "2026-04-30"),
        ("this quarter", "2026-02-01", "2026-04-30"),
        ("next quarter", "2026-05-01", "2026-07-31"),
        ("overdue", None, "2026-03-29"),
        ("no date", None, None),
    ],
)
def test_close__presets_follow_the_day(word, first, last, frames) -> None:
    frame = oa.Org(fiscal_year_start=2).apply(frames[-1].copy())
    frame.loc[frame.index[:2], "close_date"] = pd.NaT
    state = {"question": "win_rates", "close": word}
    explorer = oa.explore(frame, as_of=DAYS[-1], state=state)
    assert read_panel(explorer)["close_days"] == [first, last]
    deals = explorer.answer.context.opportunities
    if word == "no date":
        assert deals["close_date"].isna().sum() == len(deals) == 2
    else:
        assert deals["close_date"].between(first or "2000-01-01", last).all()
    assert word != "overdue" or not deals["stage"].str.startswith("closed").any()


def test_close__days_are_read_as_they_are_typed(frames) -> None:
    frame = oa.Org(fiscal_year_start=2).apply(frames[-1])
    explorer = oa.explore(frame, as_of=DAYS[-1])
    chosen = choose(explorer, question="at_risk", first="FY27 Q1", last="Jun 2026")
    assert chosen["close_days"] == ["2026-02-01", "2026-06-30"]
    assert (
        "“soon” is not a date or period"
        in ask(explorer, do="choose", state={"last": "soon"})["error"]
    )


def test_controls__list_the_catalog_people_and_columns_of_names(frames, history) -> None:
    frame = frames[-1].assign(code=frames[-1]["unique_id"], account_id="x", hot=True)
    frame["owner_email"] = frame["owner_name"] + "@acme.example"
    frame.loc[frame.index[0], "hot"] = False
    about = oa.explore(frame, history, as_of=DAYS[-1])._about
    assert [one["key"] for one in about["questions"]] == list(CATALOG)
    assert [name for name, _ in about["parts"]][:2] == ["Ann", "Bo"]
    columns = {one["column"]: one["values"] for one in about["names"]}
    assert list(columns) == ["owner_name", "stage", "status", "region", "code", "hot"]
    assert columns["owner_name"][-1][:2] == [None, "(none)"]
    assert sum(n for *_, n in columns["stage"]) == len(frame)
    assert [value for value, *_ in columns["hot"]] == [False, True]
    # What the history does not record has no group of its own there.
    assert [name for name, _ in about["options"]["by"]] == ["", "owner_name", "region"]
    assert about["options"]["since"][1] == ["2026-03-23", "since Mar 23, 2026"]


def test_periods__are_of_the_length_that_is_chosen_and_may_have_no_deal(
    explorer: Explorer,
) -> None:
    for freq, label, name in (("", "2026-06", "June"), ("Q", "2026Q4", "Q4")):
        state = {"question": "categories", "freq": freq, "where": {"status": ["lost"]}}
        shown = choose(explorer, **state, period=label)
        assert [label, name] in shown["periods"]
        assert shown["answer"]["sentence"] == f"Nothing is closed or due in {name}."


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, 1])
def test_frames__of_no_and_one_deal_are_answered(rows: int, frames) -> None:
    for key in CATALOG:
        state = {"question": key, "where": {"region": ["nowhere"]}}
        for asked in ({"question": key}, state):
            explorer = oa.explore(frames[-1].head(rows), as_of=DAYS[-1], state=asked)
            assert read_panel(explorer)["answer"]["sentence"]


@pytest.mark.slow
def test_answers__are_of_the_orgs_targets_and_calls_wherever_the_org_is(tmp_path) -> None:
    org = make_org()
    team = recorded_team(org)
    frame = team.as_of(TODAY)
    asked = oa.ask("will_we_make_it", frame, team, org=org)
    client = oa.Client("http://localhost", "t", "k", cache_dir=tmp_path, org=org)
    plain = recorded_team()
    given: dict[str, dict[str, Any]] = {
        "history.org": {"history": team},
        "org": {"history": plain, "org": org},
        "client.org": {"history": plain, "client": client},
    }
    for name, options in given.items():
        explorer = oa.explore(frame, **options)
        assert explorer.answer.figures == asked.figures
        assert f"org={name}" in explorer.code
        made = run_code(explorer, frame, options["history"], org=org, client=client)
        assert made["answer"].to_dict() == explorer.answer.to_dict()


@pytest.mark.slow
def test_questions__of_one_context_fit_the_forecast_once(monkeypatch) -> None:
    team = recorded_team(make_org())
    explorer = oa.explore(team.as_of(TODAY), team, state={"part": "Ann"})
    fit = Mock(side_effect=AssertionError("fitted again"))
    monkeypatch.setattr(LeveledForecast, "of", fit)
    for state in ({}, {"part": "Bo"}, {"question": "at_risk"}, {"question": "categories"}):
        choose(explorer, **state)
    fit.assert_not_called()


@pytest.mark.slow
def test_deals__link_to_the_crm_and_tell_their_timeline(frames, history) -> None:
    org = oa.Org(record_url="https://crm.example.com/{unique_id}")
    explorer = oa.explore(frames[-1], history, org=org, as_of=DAYS[-1])
    table = choose(explorer, question="deals")["answer"]["tables"][0]
    for row in table["rows"]:
        assert row["link"] == f"https://crm.example.com/{row['id']}"
    place = [row["id"] for row in table["rows"]].index("d00")
    told = dict(ask(explorer, do="deal", table=0, row=place)["sections"])
    assert len(told["Timeline"]) == history.deal("d00")["seen_at"].nunique()
    assert told["Timeline"][0].startswith("Mar 2, 2026: new")


def test_deals__tell_what_was_done_and_comes_next_where_the_frame_has_it() -> None:
    frame = with_wins().assign(next_action=None, next_action_at=None)
    frame.loc[frame["unique_id"] == "a", ["next_action", "next_action_at"]] = [
        "Send the offer",
        "2026-11-13T09:00:00Z",
    ]
    frame["last_touch"] = pd.Timestamp("2026-11-02").as_unit("us")
    explorer = oa.explore(frame, as_of=TODAY, state={"question": "deals"})
    rows = [row.id for row in explorer.answer.tables[0].rows]
    told = dict(ask(explorer, do="deal", table=0, row=rows.index("a"))["sections"])
    assert told["Activity"] == ["Next action: Send the offer, due Nov 13.", "Last touch: Nov 2."]


def test_notebook__keeps_the_answer_and_names_are_text(frames) -> None:
    hostile = frames[-1].assign(owner_name="<img src=x>", name="<script>")
    explorer = oa.explore(hostile, as_of=DAYS[-1], state={"question": "win_rates"})
    still = explorer._static()["text/html"]
    assert explorer.answer.sentence in still
    for question in ("win_rates", "deals"):
        picture = choose(explorer, question=question)["answer"]["picture"]
        for text in (still, picture, ask(explorer, do="save")["html"]):
            assert "<img" not in text
            assert "<script" not in text
    assert repr(explorer).startswith("<Explorer, Deals: ")


def test_explore__refuses_what_is_no_history(frames) -> None:
    with pytest.raises(ArgumentTypeError, match="history is a str, not a History"):
        oa.explore(frames[-1], "history")  # type: ignore[arg-type]


# -- the grid, and its planned changes


def test_edit__opens_the_deals_behind_a_row_in_one_grid_over_all() -> None:
    explorer = oa.explore(states()[-1], as_of=DAYS[-1], state={"question": "stages"})
    grid = explorer.edit("proposal")
    (behind,) = (
        explorer.answer.opens(row) for row in explorer.answer.tables[0].rows if row.id == "proposal"
    )
    assert behind is not None
    shown = grid.edited["unique_id"].iloc[grid._only["rows"]]
    assert sorted(shown) == sorted(row.id for row in behind.tables[0].rows)
    assert (len(grid.edited), grid._only["label"]) == (len(states()[-1]), "Proposal")
    # Another row, and no row: the same grid, with its edits.
    put(grid, (0, "name", "Other"))
    assert explorer.edit("discovery") is grid is explorer.edit() is explorer.grid
    assert len(grid._only["rows"]) == len(states()[-1])
    assert grid.edited["name"].iloc[0] == "Other"
    with pytest.raises(
        ArgumentValueError, match="row_id='nowhere' is not a row of this answer; its rows: 'disc"
    ):
        explorer.edit("nowhere")


def test_edit__opens_the_deals_that_an_answer_lists_and_says_if_there_are_none() -> None:
    risky = oa.explore(states()[-1], as_of=DAYS[-1], state={"question": "at_risk"})
    listed = {row.id for table in risky.answer.tables for row in table.rows}
    grid = risky.edit()
    assert set(grid.edited["unique_id"].iloc[grid._only["rows"]]) == listed
    state = {"question": "at_risk", "where": {"region": ["nowhere"]}}
    with pytest.raises(ArgumentValueError, match="No deals are behind the answer"):
        oa.explore(states()[-1], as_of=DAYS[-1], state=state).edit()


def plan_a_change(explorer: Explorer, frame: pd.DataFrame) -> int:
    """Edit a deal in the grid, and ask as planned."""
    place = int((frame["stage"] == "proposal").to_numpy().argmax())
    put(explorer.edit(), (place, "value", "123456"), (place, "close_date", "2026-03-31"))
    choose(explorer, **explorer.state | {"planned": True})
    return place


PLANNED = [key for key, question in CATALOG.items() if "edited" in question.takes]


@pytest.mark.slow
def test_planned__changes_no_answer_about_the_past(explorer: Explorer, frames) -> None:
    before = {}
    for key in CATALOG.keys() - {*PLANNED}:
        choose(explorer, question=key)
        before[key] = explorer.answer.to_dict()
    plan_a_change(explorer, frames[-1])
    for key, answer in before.items():
        choose(explorer, question=key, planned=True)
        assert explorer.answer.to_dict() == answer, key


@pytest.mark.slow
def test_planned__is_the_answer_of_the_edited_deals_beside_todays(
    explorer: Explorer, frames, history
) -> None:
    frame, before = frames[-1], {}
    for key in PLANNED:
        choose(explorer, question=key)
        before[key] = explorer.answer
    place, grid = plan_a_change(explorer, frame), explorer.edit()
    for key in PLANNED:
        choose(explorer, question=key, planned=True)
        asked = oa.ask(key, frame, history, as_of=DAYS[-1], edited=grid.named)
        assert explorer.answer.sentence == asked.sentence
        assert explorer.answer.to_dict() == asked.beside(before[key]).to_dict(), key
    # A further edit is in the next answer.
    put(grid, (place, "value", "1"))
    choose(explorer, question="will_we_make_it", planned=True)
    again = oa.ask("will_we_make_it", frame, history, as_of=DAYS[-1], edited=grid.named)
    assert explorer.answer.sentence == again.sentence


def test_planned__deals_that_leave_the_filter_say_where_they_are_now() -> None:
    frame = opportunities(3).assign(owner_name="Bo")
    state = {"question": "deals", "part": "Bo", "close": "this month"}
    explorer = oa.explore(frame, as_of="2026-06-01", state=state)
    assert explorer.answer.subject.endswith(" · Bo · 3 of 3 deals, dated Jun 30")
    put(explorer.edit(), (0, "close_date", "2026-07-02"), (1, "owner_name", "Ann"))
    ask(explorer.edit(), do="remove", rows=[2])
    left = "Deal 0 1K (now due Jul 2), Deal 1 1.1K (now Ann), Deal 2 1.2K (removed)"
    for key in ("deals", "categories", "at_risk"):
        chosen = explorer.state | {"question": key, "planned": True}
        shown = choose(explorer, **chosen)["answer"]
        assert shown["notes"][-1] == f"No longer here: {left}."
        assert shown["subject"] in explorer.answer.to_html()


def test_planned__deals_that_are_new_say_that_no_record_has_them() -> None:
    explorer = oa.explore(opportunities(), as_of="2026-06-01", state={"question": "deals"})
    grid = explorer.edit()
    ask(grid, do="add")
    row = grid._sheet.end - 1
    put(grid, (row, "name", "Planned"), (row, "stage", "proposal"))
    shown = choose(explorer, question="deals", planned=True)["answer"]["tables"][0]["rows"]
    place = [each["id"] for each in shown].index("new 1")
    told = ask(explorer, do="deal", table=0, row=place)["sections"]
    assert ["No record has this deal yet."] in [lines for _, lines in told]


def test_planned__without_a_grid_does_nothing() -> None:
    state = {"question": "stages", "planned": True}
    explorer = oa.explore(opportunities(), as_of="2026-06-01", state=state)
    assert explorer.grid is None
    assert explorer.table["open_value"].sum() == opportunities()["value"].sum()
    assert read_panel(explorer)["planned"] is None


def test_explorer__shows_what_was_applied(tenant) -> None:
    client = tenant(3)
    deals = oa.load(client, progress=False)
    state = {"question": "stages"}
    explorer = oa.explore(deals, client=client, as_of="2026-06-01", state=state)
    before = explorer.table["open_value"].sum()
    grid = explorer.edit()
    put(grid, (0, "value", "5000"))
    grid._respond({"do": "check"})
    grid._respond({"do": "apply"})
    choose(explorer, **state)
    value = grid.opportunities["value"]
    assert value.iloc[0] == 5000
    assert explorer.table["open_value"].sum() == value.sum() != before
    made = run_code(explorer, deals, client=client)
    pd.testing.assert_frame_equal(made["table"], explorer.table)


def test_edit__opens_a_grid_whose_forecast_is_that_of_the_answer() -> None:
    team = recorded_team()
    explorer = oa.explore(team.as_of(TODAY), team)
    strip = explorer.edit()._show_strip()
    figures = {one["name"]: one["figure"] for one in read_panel(explorer)["answer"]["figures"]}
    assert strip["period"]["before"].startswith(figures["Forecast"])


def test_messages__open_the_grid_and_are_checked() -> None:
    explorer = oa.explore(opportunities(), as_of="2026-06-01", state={"question": "stages"})
    for message in ({"do": "open", "table": 0, "row": 99}, {"do": "edit", "table": 7, "row": 0}):
        assert ask(explorer, **message)["error"] == "This row is no longer there; open it again."
    planned = ask(explorer, do="edit", table=0, row=2)["planned"]
    assert explorer.grid is not None
    said = {"said": "No planned changes yet", "grid": explorer.grid.model_id}
    assert planned == {**said, "written": False}
