"""Every figure on the page is that of the function that gives it: the page is read back, and the
functions are asked."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis import list_steps
from opp_analytics.answers import forecasts
from opp_analytics.answers import tables as answer_tables
from opp_analytics.answers.context import read_context
from opp_analytics.note import note_of
from opp_analytics.report.compose import compose
from opp_analytics.report.html import render_page
from opp_analytics.report.sheets import share_forecast, sheets
from tests.report import reading, states

DAY = pd.Timestamp("2026-11-25")
NOW = "2026-11"
FIRST_OF_YEAR = "2026-01-01"


@pytest.fixture(scope="module")
def team():
    return states.team()


@pytest.fixture(scope="module")
def deals(team):
    return team.org.apply(team.opportunities)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return reading.read(states.render("team", tmp_path_factory.mktemp("figures")).html)


@pytest.fixture(scope="module")
def history(team):
    return team.history.read_by(team.org)


@pytest.fixture(scope="module")
def forecast(team, history, deals):
    return oa.forecast(deals, as_of=DAY, history=history, target=team.org.targets, periods=4)


@pytest.fixture(scope="module")
def week_ago(team):
    """The record that the page compares with, and the forecast of then by the method of now."""
    moments = team.history.records["recorded_at"]
    return moments[
        moments <= (DAY - pd.Timedelta(days=7)).tz_localize("UTC") + pd.Timedelta(days=1)
    ].iloc[-1]


def money(value):
    return text.money(value, "USD")


def test_tiles__are_the_row_of_the_forecast(page, forecast):
    row = forecast.loc[NOW]
    figures = {name: figure for name, (figure, _, _) in page.tiles.items()}
    assert figures == {
        "Closed won": money(row["booked"]),
        "Forecast": money(row["expected"]),
        "Chance of target": text.percent(row["p_target"]),
        "Coverage": text.times(row["pipeline_coverage"]),
    }
    assert page.tiles["Coverage"][2] == f"{money(row['open_value'])} due, {money(row['gap'])} to go"
    assert f"{page.sentence} {page.second}".startswith(oa.sentence(forecast))


def test_changes__are_the_forecast_less_that_of_a_week_ago(page, forecast, team, history, week_ago):
    method = note_of(forecast).method
    then = oa.forecast(
        history.as_of(week_ago),
        as_of=week_ago.date(),
        history=history,
        target=team.org.targets,
        periods=[NOW],
        method=method,
    ).loc[NOW]
    for tile, column in (("Closed won", "booked"), ("Forecast", "expected")):
        change = forecast.loc[NOW, column] - then[column]
        assert (
            page.tiles[tile][1].split(" since")[0]
            == f"{'▲' if change > 0 else '▼'} {money(abs(change))}"
        )


def test_people__are_the_forecast_by_team_and_owner(page, team, history, deals):
    table = oa.forecast(
        deals,
        as_of=DAY,
        history=history,
        target=team.org.targets,
        by=["team", "owner_name"],
        periods=[NOW],
        totals=True,
    ).xs(NOW, level="period")
    shown = {row[0]: row[1:] for row in page.table("people")[1:]}
    names = {
        key: next((part for part in reversed(key) if part != "(all)"), "All") for key in table.index
    }
    assert set(shown) == set(names.values())
    for key, row in table.iterrows():
        target, closed, expected, _, gap, chance, _ = shown[names[key]]
        assert (target, closed) == (text.number(row["target"]), text.number(row["booked"]))
        assert gap == text.number(
            row["gap"] if row["gap"] > 0 else -row["gap"], signed=row["gap"] <= 0
        )
        assert chance == (
            "met" if row["booked"] >= row["target"] else text.percent(row["p_target"])
        )
        assert expected == text.number(row["expected"])


def _whole(figure: str) -> int:
    return int(figure.replace(",", ""))


def test_created__is_the_pipeline_of_the_month_by_owner(page, team):
    table = oa.pipeline_created(team.history, freq="M", by="owner_name")
    now = (
        table[table.index.get_level_values("period") == NOW]
        .droplevel("period")
        .sort_values("value", ascending=False)
    )
    assert page.rows("created_by") == [[name, money(value)] for name, value in now["value"].items()]


SHOWN = {
    "months": ("expected", money),
    "at_risk": ("value", text.number),
    "slippage": ("value", money),
    "stages": ("conversion", text.percent),
    "categories": ("value", money),
    "win_rates": ("won", str),
    "data_to_fix": ("value", money),
}
"""What each block shows of its answer's rows beside their names."""


@pytest.mark.parametrize("key", SHOWN)
def test_blocks__show_the_rows_of_their_answer(page, team, history, deals, key):
    answer = oa.ask(key, deals, history, as_of=DAY, org=team.org)
    shown, (column, write) = reading.words(page.block(key)), SHOWN[key]
    for row in answer.tables[0].rows[:6]:
        assert row.name.write(None) in shown
        assert write(row.values[column]) in shown or not row.values[column]


def test_why__goes_from_the_forecast_of_then_to_that_of_now(page, forecast, team, week_ago):
    method = note_of(forecast).method
    change = oa.forecast_change(team.history, start=week_ago, end=DAY, period=NOW, method=method)
    rows = page.rows("why_it_moved")[1:]
    assert (rows[0][1], rows[-1][1]) == (
        money(change["expected"]["then"]),
        money(change["expected"]["now"]),
    )
    shown = {
        text.capital(step.name): text.money(step.expected, "USD", signed=True)
        for step in list_steps(change)
    }
    assert dict(rows[1:-1]) == shown
    assert {"Won beyond its chance", "Amount cut", "Rest of the month"} <= shown.keys()


def test_rows__open_to_the_deals_that_add_up_to_their_figure(page, deals):
    won = deals[(oa.outcomes(deals) == "won") & deals["close_date"].between("2026-11-01", DAY)]
    behind = [_whole(row[-1]) for row in page.deals("categories", "Closed in November")]
    assert behind == won["value"].sort_values(ascending=False).astype(int).tolist()
    for name, figure in page.rows("created_by"):
        listed = page.deals("created_by", f"Created by {name} in November")
        assert money(sum(_whole(row[-1]) for row in listed if row[-1] != "–")) == figure
    for name, figure in page.rows("win_rates")[1:]:
        won_deals, closed = map(int, figure.split(" of "))
        outcomes = [row[4] for row in page.deals("win_rates", f"Won and lost by {name}")]
        assert len(outcomes) == min(closed, 20)
        assert closed > 20 or outcomes.count("won") == won_deals


@pytest.fixture(scope="module", params=["learned", "run_rate", "stated"])
def method_page(request, team, history, deals):
    """The context and the page by one method."""
    context = read_context(deals, history, as_of=DAY, org=team.org, method=request.param)
    return context, reading.read(render_page(compose(context, workbook="week.xlsx")))


@pytest.mark.slow
def test_details__open_to_figures_that_add_up_to_the_one_shown(method_page):
    _, page = method_page
    opened = {}
    for found in reading.by_class(page.root, "dl"):
        amounts = [
            _signed(reading.words(list(row)[-1])) for row in reading.one(found, "tbody").iter("tr")
        ]
        *parts, total = [
            _signed(reading.words(list(row)[-1]))
            for part in found.iter("tfoot")
            for row in part.iter("tr")
        ] or [sum(amounts)]
        rounded = ", rounded" in "".join(map(reading.words, found.iter("tfoot")))
        missed = abs(sum(amounts) + sum(parts) - total)
        assert missed <= (len(amounts) / 2 + 1 if rounded else 0), reading.words(found)
        opened[reading.words(reading.one(found, "caption"))] = total
    rows = page.table("people")[1:]
    assert len(rows) == len(states.QUOTAS) + len(("East", "West", "All"))
    people = [cells for cells in rows if f"{cells[0]}: forecast for November" in opened]
    # Of whom nothing is forecast, nothing opens.
    assert {cells[3] for cells in rows if cells not in people} <= {"0"}
    assert {cells[0]: opened[f"{cells[0]}: forecast for November"] for cells in people} == {
        cells[0]: _whole(cells[3]) for cells in people
    }
    for cells in page.table("months")[1:]:
        name = f"Forecast for {text.period_name(str(pd.Period(cells[0], 'M')), 'M', today=DAY)}"
        if name in opened and cells[2] != "–":
            assert money(opened[name]) == cells[2]
    for label, figure, *_ in page.rows("why_it_moved"):
        if label in opened:
            assert text.money(opened[label], "USD", signed=True) == figure


def _signed(words):
    return 0 if words in ("", "–") else _whole(words.replace("−", "-").replace("+", ""))


def test_share_forecast__adds_up_to_the_forecast_by_the_deals_of_its_sheet(method_page):
    context, _ = method_page
    shares = {share.title: share.value for share in share_forecast(context)}
    assert sum(shares.values()) == pytest.approx(forecasts.current(context)["expected"], abs=0.005)
    assert shares["Closed"] == pytest.approx(forecasts.current(context)["booked"], abs=1e-6)
    (deals,) = (sheet for sheet in sheets(context) if sheet.name == "Deals")
    people = forecasts.persons(context)
    counted = deals.table["in_forecast"].fillna(0.0)
    parts = {"Closed": counted[deals.table["outcome"] == "won"].sum()}
    parts |= {"Open": counted[deals.table["outcome"] == "open"].sum()}
    assert parts["Open"] == pytest.approx(
        sum(value for title, value in shares.items() if title.startswith("Open, "))
    )
    by_person = counted[deals.table["outcome"] == "open"].groupby(deals.table["owner_name"]).sum()
    if note_of(forecasts.forecast(context)).method != "run_rate":
        assert by_person.reindex(people.index.get_level_values(-1)).fillna(
            0.0
        ).tolist() == pytest.approx(people["expected_open"].tolist(), abs=0.005)


def test_reasons__say_from_what_a_chance_moved_since_the_record_compared_with(
    method_page, history, week_ago
):
    context, page = method_page
    if note_of(forecasts.forecast(context)).method != "learned":
        assert forecasts.earlier_chances(context).empty
        assert " since Nov 18. If won" not in reading.words(page.block("at_risk"))
        return
    then = oa.forecast_deals(
        history.as_of(week_ago),
        as_of=week_ago.date(),
        history=history,
        periods=[NOW],
        method="learned",
    ).set_index("unique_id")["chance"]
    pd.testing.assert_series_equal(
        forecasts.earlier_chances(context),
        then.reindex(forecasts.earlier_chances(context).index),
        check_names=False,
    )
    now, said = forecasts.chances(context), reading.words(page.block("at_risk"))
    flagged = answer_tables.flags(context)[answer_tables.flags(context)["risk"] > 0].head(9)
    moved = [name for name in flagged.index if abs(now.get(name, 0.0) - then.get(name, 0.0)) >= 0.1]
    due = forecasts.own_chances(context)["period"].reindex(moved).eq(NOW)
    shown = [
        f"fell from {text.percent(then[name])} since Nov 18. If won, between"
        for name in due.index[due]
    ]
    assert len(shown) > 2
    assert [words for words in shown if words not in said] == []


def test_chances__of_a_deal_are_two_under_their_own_names_everywhere(method_page):
    context, page = method_page
    own = forecasts.chances(context)
    assert (len(own) > 0) == (note_of(forecasts.forecast(context)).method == "learned")
    stated = context.deals.set_index("unique_id")["probability"]
    now = forecasts.deals_of(context, NOW)["chance"] if len(own) else own
    shown, due = {}, {}
    for deal in context.deals.drop_duplicates("name", keep=False).to_dict("records"):
        said, mine = stated[deal["unique_id"]], own.get(deal["unique_id"], float("nan"))
        if deal["outcome"] == "open":
            stated_now = text.percent(said / 100) if pd.notna(said) else "–"
            shown[deal["name"]] = (stated_now, text.percent(mine))
            due[deal["name"]] = (stated_now, text.percent(now.get(deal["unique_id"], float("nan"))))
    seen = set()
    for cells in page.table("at_risk")[1:]:
        assert (
            cells[0] not in shown
            or tuple(cells[4:6])[: 1 + bool(len(own))] == shown[cells[0]][: 1 + bool(len(own))]
        )
    for found in reading.by_class(page.root, "dl"):
        heads = [reading.words(cell) for cell in reading.one(found, "tr")]
        for row in reading.one(found, "tbody").iter("tr"):
            cells = dict(zip(heads, map(reading.words, row), strict=True))
            for head, known in (
                ("Stated", shown),
                ("From history, its month", shown),
                ("From history, Nov", due),
            ):
                if cells["Deal"] in known:
                    chance = known[cells["Deal"]][head != "Stated"]
                    assert cells.get(head, chance) == chance or cells["Stated"] in ("won", "lost")
                    seen.add(cells["Deal"])
    for item in page.block("to_win").iter("li"):
        name, _, *chances, _ = (reading.words(cell) for cell in item)
        assert name not in due or tuple(chances) == (due[name] if len(own) else (due[name][0], ""))
    for name, *_ in page.table("act_today")[1:]:
        for deal, (said, mine) in due.items():
            words = (
                f"stated {said} · from history {mine} in November"
                if len(own)
                else f"stated {said} · due"
            )
            assert not name.startswith(deal) or words in name
    sheet = next(sheet.table for sheet in sheets(context) if sheet.name == "Deals").set_index(
        "unique_id"
    )
    assert sheet.get("chance", own[:0]).dropna().to_dict() == own.to_dict()
    assert len(seen) > 5
