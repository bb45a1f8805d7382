"""The blocks of the page, and its figures."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from opp_analytics import History, text
from opp_analytics.answers import Figure, forecasts
from opp_analytics.note import TableNote, note_of
from opp_analytics.report.blocks import BLOCKS, make_tile, tiles
from opp_analytics.report.compose import compose
from opp_analytics.report.html import render_page
from opp_analytics.report.model import Chart, Goals, Note, Opening, Table
from opp_analytics.report.sheets import sheets
from tests.analysis.forecasting.histories import even_months
from tests.pipelines import (
    AS_OF,
    THIS_WEEK,
    close,
    context_of,
    pipeline,
    plant,
    recorded,
)
from tests.report.reading import list_lines
from tests.svg import reading


def test_trend__draws_each_week_up_to_today(opportunities, history):
    block = BLOCKS["trend"](context_of(opportunities, history, target=150_000))
    assert block.title == "The March forecast is 16K above target, down 14K since Mar 9"
    (chart,) = block.parts
    assert isinstance(chart, Chart)
    assert [said.partition(":")[0] for said in reading.titles(chart.html)] == [
        "Mar 1",
        "Mar 9",
        "Mar 16",
    ]
    assert "target 150K" in reading.texts(chart.html)


def test_trend__shows_closed_money_from_records_that_the_method_cannot_forecast_from():
    history = even_months(5)
    now = history.as_of("2026-05-20T12:00Z")
    block = BLOCKS["trend"](
        context_of(now, history, as_of="2026-05-20", method="run_rate", target=500)
    )
    assert (
        ". The run rate method can forecast from May 10 on. Thin gray: closed in the last three "
        "months. "
    ) in block.sub
    assert block.sub.endswith("closed by May 20: the last three months had 0–130 by then")
    (chart,) = block.parts
    assert isinstance(chart, Chart)
    said = reading.titles(chart.html)
    assert [words for words in said if words.endswith("no forecast")] == [
        "Mar 20: closed 0, no forecast",
        "Apr 10: closed 0, no forecast",
        "Apr 20: closed 0, no forecast",
    ]
    assert said[3].startswith("May 10: forecast ")
    assert "nan" not in chart.html


def test_trend__of_a_quarter_begins_before_its_first_win():
    history = even_months(9)
    context = context_of(
        history.as_of("2026-09-20T12:00Z"), history, as_of="2026-09-20", freq="Q", method="auto"
    )
    (chart,) = BLOCKS["trend"](context).parts
    assert isinstance(chart, Chart)
    said = reading.titles(chart.html)
    assert said[0].startswith("Jul 10: ")
    assert [words.rpartition(", ")[2] for words in said] == [
        *["closed 0"],
        *["closed 130"] * 2,
        *["closed 260"] * 2,
        "closed 390",
    ]


def test_trend__without_history_draws_what_closed_and_names_the_command(opportunities):
    block = BLOCKS["trend"](context_of(opportunities, target=150_000))
    assert block.title == "70K closed by Mar 16; no earlier month to compare with"
    assert block.sub == "Closed in March, by day"
    chart, note = block.parts
    assert isinstance(chart, Chart)
    assert "closed 70K" in reading.texts(chart.html)
    assert {"Mar 1", "Mar 16"} <= set(reading.texts(chart.html))
    assert "nan" not in chart.html
    assert isinstance(note, Note)
    assert note.command == "opp-analytics record"
    assert "how the forecast moved and why, what slipped and what was created" in note.text


def test_trend__of_one_record_says_when_it_begins(opportunities, tmp_path):
    one = recorded(History(tmp_path / "h"), {"2026-03-16": THIS_WEEK})
    _, note = BLOCKS["trend"](context_of(opportunities, one)).parts
    assert isinstance(note, Note)
    assert note.text == "The first record is from Mar 16; the trend starts a week later."


def test_trend__without_wins_is_the_note_alone(opportunities):
    lost = opportunities.assign(stage="closed_lost", status="lost")
    (note,) = BLOCKS["trend"](context_of(lost)).parts
    assert isinstance(note, Note)


def test_trend__of_a_day_before_the_records_says_so(opportunities, history):
    *_, note = BLOCKS["trend"](context_of(opportunities, history, as_of="2026-02-10")).parts
    assert isinstance(note, Note)
    assert note.text.startswith("The history begins on Mar 1, 2026, after the day of this page, ")


def test_trend__ends_at_the_forecast_of_the_page_where_the_last_record_is_older(
    opportunities, history
):
    context = context_of(opportunities, history, as_of="2026-03-18", target=150_000)
    days = [str(moment.date()) for moment in forecasts.fan(context).index]
    assert days[-2:] == [
        "2026-03-09",
        "2026-03-18",
    ]  # Of each week the last: the record of Mar 16 gives way.
    assert forecasts.fan(context)["expected"].iloc[-1] == forecasts.current(context)["expected"]
    (chart,) = BLOCKS["trend"](context).parts
    assert isinstance(chart, Chart)
    assert f"forecast {context.money(forecasts.current(context)['expected'])}" in reading.texts(
        chart.html
    )


def test_why__without_history_is_left_to_the_trend(opportunities):
    assert BLOCKS["why_it_moved"](context_of(opportunities)) is None


def test_decide__sets_an_owner_apart_from_the_figures(opportunities):
    owned = opportunities.assign(owner_name="רותם כהן")
    html = render_page(compose(context_of(owned, target=150_000), workbook="week.xlsx"))
    assert ">רותם כהן</bdi> · 120K" in html


def test_decide__draws_the_chance_if_lost_and_if_won(opportunities):
    context = context_of(opportunities, target=150_000)
    note_of(forecasts.swings(context)).change(method="learned").write(forecasts.swings(context))
    block = BLOCKS["act_today"](context)
    assert block is not None
    assert block.title == "Alder decides March: 100% likely if won, 0% if lost"
    assert block.sub.startswith("The one deal with most at stake in March. Ring: ")
    (table,) = block.parts
    assert isinstance(table, Table)
    (line,) = table.groups[0].lines
    assert reading.titles(line.cells[1].picture) == ["0% if lost, 100% if won"]


def test_decide__without_a_target_is_left_out(opportunities):
    assert BLOCKS["act_today"](context_of(opportunities)) is None


def _texts(block):
    (table,) = block.parts
    assert isinstance(table, Table)
    heads = [column.title for column in table.columns]
    return heads, [[cell.text for cell in line.cells] for line in table.groups[0].lines]


def test_months__without_a_target_say_what_is_due(opportunities):
    block = BLOCKS["months"](context_of(opportunities))
    assert block.title == "April: forecast 6K, 30K due so far"
    assert _texts(block)[0][-1] == "Due so far"


JANUARY = ("j", "January", 100_000.0, "proposal", "active", "2026-01-30", 50, "Ann")
FEBRUARY = ("f", "February", 100_000.0, "proposal", "active", "2026-02-26", 50, "Ann")
LOST = (*JANUARY[:3], "closed_lost", "lost", *JANUARY[5:])
WON = (*FEBRUARY[:2], 200_000.0, "closed_won", "won", *FEBRUARY[5:])


@pytest.fixture
def three_months(tmp_path):
    """Of two even chances of 100,000, January's is lost, February's brings twice as much."""
    return recorded(
        History(tmp_path / "three"),
        {
            "2026-01-16": [JANUARY],
            "2026-02-02": [LOST],
            "2026-02-16": [LOST, FEBRUARY],
            "2026-03-02": [LOST, WON],
        },
    )


def test_past__says_how_often_ranges_held_and_how_far_off(three_months):
    block = BLOCKS["past_ranges"](context_of(pipeline([LOST, WON]), three_months))
    assert block.title.endswith("; 80% ranges held in 1 of 2 months")
    (part,) = block.parts
    assert isinstance(part, Opening)
    february, january = part.deals
    # The latest period is first; in January nothing closed.
    assert january is None
    assert february is not None
    assert [(deal.name, deal.amounts[-1]) for deal in february.deals] == [("February", "200,000")]


def test_past__counts_as_the_tile_does_though_it_shows_the_last_six(history):
    gorse = ("g", "Gorse", 40_000.0, "proposal", "active", "2026-03-30", 50, "Ann")
    context = context_of(pipeline([*THIS_WEEK, gorse]), history, target=150_000)
    months = [f"2025-{month:02d}" for month in range(4, 13)]
    held = pd.array([True] * 5 + [False, True, None, None], dtype="boolean")
    ranges = {"low": [0.0] * 7 + [math.nan] * 2, "high": [100.0] * 7 + [math.nan] * 2}
    record = pd.DataFrame(
        {"lead": 15, "expected": 50.0, **ranges, "actual": 50.0, "error": 0.0, "held": held},
        months,
    )
    TableNote(
        "backtest",
        AS_OF,
        "M",
        method="learned",
        lead="now",
        figures={"left_out": {"too_early_to_learn": 3}},
    ).write(record)
    plant(context, forecasts.past_ranges, record.rename_axis("period"))
    block = BLOCKS["past_ranges"](context)
    assert block.title == "9 past forecasts missed by 0%; 80% ranges held in 6 of 7 months"
    assert block.sub.endswith(
        "The last 6 of 9 months. History was too short for learned chances in three earlier months"
    )
    assert [len(part.rows.rows) for part in block.parts] == [6]
    assert {tile.name: tile.note for tile in tiles(context)}[
        "Forecast"
    ] == "range held in 6 of 7 months"


@pytest.mark.parametrize("only", [None, "Ann"])
def test_past__judges_the_method_of_the_forecast(only):
    history = even_months(9, owners=True)
    frame = history.as_of("2026-09-10T23:00Z")
    context = context_of(frame, history, as_of="2026-09-10", method="auto", only=only)
    assert (forecasts.method(context), note_of(forecasts.past_ranges(context)).method) == (
        "learned",
        "learned",
    )
    block = BLOCKS["past_ranges"](context)
    assert block.title.endswith("; 80% ranges held in 4 of 4 months")
    assert block.sub.endswith(". History was too short for learned chances in four earlier months")
    assert {tile.name: tile.note for tile in tiles(context)}[
        "Forecast"
    ] == "range held in 4 of 4 months"
    assert forecasts.past_ranges(context)["actual"].tolist() == [100.0 if only else 130.0] * 4


def test_run_rate__is_called_one_at_its_figures():
    frame = even_months(6).as_of("2026-06-10T23:00Z")
    context = context_of(frame, as_of="2026-06-10", method="run_rate")
    words = "run rate of past periods, no look at open deals"
    assert [tile.note for tile in tiles(context) if tile.name.startswith("Forecast")] == [words]
    block = BLOCKS["months"](context)
    assert block.sub.startswith(f"Blue: closed. Pale: {words}. Dot and line: forecast and range")
    page = str(render_page(compose(context, workbook="week.xlsx")))
    assert f"{text.capital(words)}: " in page
    assert "Usual new business: " not in page
    assert "Open deals at their chances: " not in page
    [periods] = [sheet for sheet in sheets(context) if sheet.name == "Periods"]
    assert periods.titles["new_business"] == "Run rate"


def test_past__without_an_ended_period_says_from_when(opportunities, history):
    block = BLOCKS["past_ranges"](context_of(opportunities, history))
    assert block.parts == (
        Note("No earlier month has a record 15 days before its end; keep recording."),
    )


def test_past__records_that_cannot_be_used_are_said(tmp_path):
    odd = (*FEBRUARY[:6], 150, "Ann")
    kept = recorded(History(tmp_path / "odd"), {"2026-02-16": [odd], "2026-03-02": [FEBRUARY]})
    (note,) = BLOCKS["past_ranges"](context_of(pipeline([FEBRUARY]), kept)).parts
    assert isinstance(note, Note)
    assert "150" in note.text


ALDER, BIRCH, CEDAR, DAMSON, ELDER, FIR = THIS_WEEK


def _said(context):
    return {
        tile.name: (tile.figure, tile.change and (tile.change.sign, tile.change.text), tile.note)
        for tile in tiles(context)
    }


def test_tiles__without_history_show_no_change(opportunities):
    assert {tile.change for tile in tiles(context_of(opportunities, target=150_000))} == {None}


def test_tiles__without_a_target_say_what_is_due(opportunities):
    assert _said(context_of(opportunities))["Open and due"] == ("120K", None, "1 open deal")


def test_tiles__of_a_forecast_outside_its_range_say_what_is_likely():
    rare = [
        (*ALDER[:6], 5, *ALDER[7:]),
        ("rare", "Rare", 300_000.0, "proposal", "active", "2026-03-28", 5, "Ann"),
    ]
    assert _said(context_of(pipeline(rare)))["Forecast"] == (
        "21K",
        None,
        "most likely nothing more",
    )


def test_tiles__of_a_period_that_is_decided_are_those_of_the_next(opportunities, history):
    assert _said(context_of(opportunities, history, target=60_000)) == {
        "Closed won, Mar": ("70K", (0, "no change"), "1 deal, 117% of target"),
        "Forecast, Apr": ("6K", (0, "no change"), "one deal: all or nothing"),
        "Coverage, Apr": ("0.5×", (0, "no change"), "30K due, 60K to go"),
    }
    assert [*_said(context_of(pipeline([ELDER, CEDAR]), target=90_000))] == [
        "Closed won, Mar",
        "Forecast, Apr",
        "Coverage, Apr",
    ]
    assert [*_said(context_of(pipeline([CEDAR])))] == [
        "Closed won, Mar",
        "Forecast, Apr",
        "Open and due, Apr",
    ]


def test_tiles__nothing_due_is_a_dash_and_never_zero():
    assert _said(context_of(pipeline([ELDER]), target=90_000))["Coverage, Apr"] == (
        "–",
        None,
        "none due, 90K to go",
    )
    assert _said(context_of(pipeline([ELDER])))["Open and due"] == ("–", None, "none due")


_POINTS = ["2026-01-16", "2026-02-13", "2026-03-16", "2026-04-15", "2026-05-16", "2026-06-15"]
"""Days that are 15 days before the end of their month."""


def _months(due, lost=(), owner="Ann"):
    """A month a row: 20 closed by its point, a deal due at its end, won for `due` or lost
    afterwards."""
    rows = []
    for place, (day, value) in enumerate(zip(_POINTS, due, strict=True)):
        end = pd.Period(day, "M").end_time.date()
        rows += [
            (f"{owner}{place}w", day, 20.0, "closed_won", day),
            (f"{owner}{place}o", day, value, "proposal", str(end)),
        ]
        if place < len(due) - 1:
            later = str(end + pd.Timedelta(days=2))
            stage = "closed_lost" if place in lost else "closed_won"
            rows.append((f"{owner}{place}o", later, value, stage, str(end)))
    log = pd.DataFrame(rows, columns=["unique_id", "seen_at", "value", "stage", "close_date"])
    return log.assign(probability=50, owner_name=owner)


def _coverage(log, **asked):
    history = History.from_changes(log)
    context = context_of(history.as_of("2026-06-15T12:00Z"), history, as_of="2026-06-15", **asked)
    (tile,) = [tile for tile in tiles(context) if tile.name == "Coverage"]
    return forecasts.usual_coverage(context), tile.note


def test_coverage__beside_that_of_the_months_that_hit():
    # 160, 240, 400 and 320 due for 80 to go; April had most, and lost it.
    usual, note = _coverage(
        _months([160.0, 240.0, 400.0, 800.0, 320.0, 300.0], lost=[3]), target=100
    )
    assert usual["2026-06"] == 3.5
    assert note == "300 due, 80 to go; months that hit had 3.5×"


def test_coverage__of_months_that_were_met_by_then_is_not_said():
    history = History.from_changes(_months([160.0, 240.0, 400.0, 800.0, 320.0, 300.0]))
    context = context_of(history.as_of("2026-06-15T12:00Z"), history, as_of="2026-06-15", target=10)
    assert forecasts.usual_coverage(context) == {}


def test_coverage__without_a_target_or_records_is_not_said(opportunities):
    history = History.from_changes(_months([160.0, 240.0, 400.0, 800.0, 320.0, 300.0]))
    now = history.as_of("2026-06-15T12:00Z")
    assert forecasts.usual_coverage(context_of(now, history, as_of="2026-06-15")) == {}
    assert forecasts.usual_coverage(context_of(now, as_of="2026-06-15", target=100)) == {}


def test_coverage__of_one_person_is_that_of_their_own_months():
    ann = _months([160.0, 240.0, 400.0, 800.0, 320.0, 300.0], lost=[3])
    bo = _months([90.0, 90.0, 90.0, 90.0, 90.0, 90.0], owner="Bo")
    months = [str(month) for month in pd.period_range("2026-01", "2026-06", freq="M")]
    target = pd.DataFrame(
        {
            "period": months * 2,
            "owner_name": ["Ann"] * 6 + ["Bo"] * 6,
            "target": [100.0] * 6 + [50.0] * 6,
        }
    )
    for only, usual in ((None, 370 / 110), ("Ann", 3.5), ("Bo", 3.0)):
        found, note = _coverage(
            pd.concat([ann, bo]).sort_values("seen_at"), target=target, only=only
        )
        assert found["2026-06"] == pytest.approx(usual)
        assert f"months that hit had {usual:.1f}×" in note


def test_months__say_below_coverage_what_months_that_hit_had():
    # A month before, nothing had closed and 500, 300, 700 and 200 were due; April missed.
    rows = [
        (f"n{place}", day, value, stage, str(pd.Period(_POINTS[place], "M").end_time.date()))
        for place, value in enumerate([500.0, 300.0, 700.0, 200.0], 1)
        for day, stage in ((_POINTS[place - 1], "proposal"), (_POINTS[place], "closed_lost"))
    ]
    rows.append(("n6", "2026-06-15", 400.0, "proposal", "2026-07-31"))
    early = pd.DataFrame(rows, columns=["unique_id", "seen_at", "value", "stage", "close_date"])
    log = pd.concat([_months([160.0, 240.0, 400.0, 800.0, 320.0, 300.0], lost=[3]), early])
    history = History.from_changes(
        log.assign(probability=50, owner_name="Ann").sort_values("seen_at")
    )
    context = context_of(
        history.as_of("2026-06-15T12:00Z"), history, as_of="2026-06-15", target=100
    )
    assert forecasts.usual_coverage(context) == {"2026-06": 3.5, "2026-07": 3.0}
    block = BLOCKS["months"](context)
    assert block.sub.endswith("Below coverage: what months that hit their target had by this point")
    (table,) = block.parts
    assert isinstance(table, Table)
    place = [column.title for column in table.columns].index("Coverage")
    cells = [line.cells[place] for line in table.groups[0].lines]
    assert [(cell.text, [words.text for words in cell.beside]) for cell in cells[:2]] == [
        ("4.0×", ["hit: 3.0×"]),
        ("none due", []),
    ]


def test_chance__moved_by_the_difference_of_the_figures_beside_it(opportunities, history):
    context = context_of(opportunities, history)
    chance = Figure("Chance of target", "p_target", 0.264, "2026-03", "was 29%", then=0.2857)
    tile = make_tile(context, chance)
    assert tile.change is not None
    assert (tile.figure, tile.note, tile.change.text, tile.change.sign) == (
        "26%",
        "was 29%",
        "3 pts",
        -1,
    )


def test_coverage__of_two_months_that_hit_is_not_said():
    usual, note = _coverage(
        _months([160.0, 240.0, 400.0, 800.0, 320.0, 300.0], lost=[0, 1, 3]), target=100
    )
    assert "2026-06" not in usual
    assert note == "300 due, 80 to go"


PERSONAL = pd.DataFrame(
    {"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [150_000.0, 0.0]}
)


def test_people__show_each_figure_in_full_and_open_to_deals(opportunities, history):
    (table,) = BLOCKS["people"](context_of(opportunities, history)).parts
    assert isinstance(table, Table)
    heads = [column.title for column in table.columns]
    assert heads == ["Rep", "Closed", "Forecast", "", "Due", "Since Mar 9"]
    assert list_lines(table) == {
        "Ann": ["70,000", "166,000", "120,000", "16,000"],
        "Bo & Co": ["0", "0", "0", "20,000"],
        "(none)": ["0", "0", "0", "10,000"],
        "All": ["70,000", "166,000", "120,000", "14,000"],
    }
    opened = table.groups[0].lines[0].opens
    assert opened is not None
    assert [(deal.name, deal.stated, deal.amounts) for deal in opened.deals] == [
        ("Alder", "80%", ("120,000", "96,000")),
        ("Elder", "won", ("70,000", "70,000")),
    ]
    # What the stated method expects of deals that are not due is nothing.
    assert opened.sums == (("Forecast", "166,000"),)


def test_to_win__is_a_card_for_each_person(opportunities):
    (part,) = BLOCKS["to_win"](context_of(opportunities, target=PERSONAL)).parts
    assert isinstance(part, Goals)
    ann, *_ = part.goals
    assert (ann.name, ann.state, ann.advice) == (
        "Ann",
        "70K of 150K · 80% as stated",
        "You have 80K to go; this one deal covers it.",
    )
    (task,) = ann.tasks
    assert (task.name.text, task.value, task.stated, task.history, task.todo) == (
        *("Alder", "120,000", "80%", "", "Negotiation, due Mar 27"),
    )


def test_to_win__without_targets_is_a_note(opportunities):
    (note,) = BLOCKS["to_win"](context_of(opportunities, target=150_000)).parts
    assert isinstance(note, Note)
    assert note.text.endswith("[targets] in the org file.")


def test_created__without_history_is_left_to_the_trend(opportunities):
    assert BLOCKS["pipeline_created"](context_of(opportunities)) is None
    assert BLOCKS["created_by"](context_of(opportunities)) is None


def test_funnel__without_history_is_what_is_open_by_stage(opportunities):
    block = BLOCKS["stages"](context_of(opportunities))
    assert block.title == "Of 180K in the open pipeline, 67% is in Negotiation"
    (rows,) = block.parts
    assert isinstance(rows, Opening)
    assert [(row.label, row.figures) for row in rows.rows.rows][::3] == [
        ("Discovery", ("40K",)),
        ("Negotiation", ("120K",)),
    ]
    assert rows.deals[0] is not None
    assert [deal.name for deal in rows.deals[0].deals] == ["Cedar", "Fir"]


def test_funnel__with_history_opens_to_what_became_of_the_entries(opportunities, history):
    block = BLOCKS["stages"](context_of(opportunities, history))
    assert block.sub == "Deals that entered each stage from Mar 1 on, and where they are now"
    (rows,) = block.parts
    assert isinstance(rows, Opening)
    assert rows.deals[0] is not None
    assert [(deal.name, deal.stage, deal.stated) for deal in rows.deals[0].deals] == [
        ("Fir", "Open", "")
    ]


def test_slippage__opens_each_period_to_its_deals(opportunities, history):
    block = BLOCKS["slippage"](context_of(opportunities, history))
    assert block.title == "3 deals were due in March so far: too few to say"
    rows, pushed = block.parts
    assert isinstance(rows, Opening)
    assert [(row.label, row.figures) for row in rows.rows.rows] == [("Mar to date", ("170K",))]
    assert rows.deals[0] is not None
    assert [(deal.name, deal.stage, deal.amounts[-1]) for deal in rows.deals[0].deals] == [
        ("Alder", "Slipped", "100,000"),
        ("<script>alert(1)</script>", "Lost", "50,000"),
        ("Damson", "Slipped", "20,000"),
    ]
    assert isinstance(pushed, Table)
    assert [[cell.text for cell in line.cells] for line in pushed.groups[0].lines] == [
        ["Alder", "2", "17", "120,000"]
    ]


def test_slippage__without_history_is_left_to_the_trend(opportunities):
    assert BLOCKS["slippage"](context_of(opportunities)) is None


def test_slippage__of_one_record_says_what_it_cannot_show(opportunities, tmp_path):
    block = BLOCKS["slippage"](
        context_of(opportunities, recorded(History(tmp_path / "h"), {"2026-03-16": THIS_WEEK}))
    )
    assert block is not None
    (note,) = block.parts
    assert isinstance(note, Note)
    assert note.text.startswith("A single record shows no change")


def test_win_rates__highlight_who_differs_beyond_chance():
    block = BLOCKS["win_rates"](context_of(pipeline(close({"Ann": 18, "Bo": 2, "Cy": 10}))))
    assert block.sub == (
        "Won ÷ (won + lost) from Apr 1, 2025 on, 95% interval. Vertical line: all, 50%. Blue: "
        "differs from the others beyond chance"
    )
    (part,) = block.parts
    assert isinstance(part, Opening)
    assert ["f-hi" in row.picture for row in part.rows.rows] == [True, False, True]


def test_win_rates__of_many_are_those_with_most_closed_deals():
    rows = [
        (f"{k}", "x", 1.0, "closed_won", "won", "2026-03-02", 100, f"Rep {k:02d}")
        for k in range(60)
    ]
    block = BLOCKS["win_rates"](context_of(pipeline(rows)))
    assert block.sub.endswith("The 12 with most closed deals of 60")


def test_risk__without_a_flag_or_an_open_deal_says_so():
    assert BLOCKS["at_risk"](context_of(pipeline(THIS_WEEK[2:3]))).parts == (
        Note("The one open deal has no flag."),
    )
    assert BLOCKS["at_risk"](context_of(pipeline([]))).parts == (Note("There is no open deal."),)


def test_fix__opens_each_kind_of_finding_to_its_deals(opportunities):
    block = BLOCKS["data_to_fix"](context_of(opportunities))
    assert block.title == "One deal is past the close date, 20K"
    assert block.sub == "Ranked by money. Open a line for the deals and the fix"
    (rows,) = block.parts
    assert isinstance(rows, Opening)
    assert rows.rows.rows[0].figures == ("20K",)
    assert rows.deals[0] is not None
    assert [deal.name for deal in rows.deals[0].deals] == ["Damson"]
    assert rows.deals[0].note == "1 deal."
