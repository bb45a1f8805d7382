"""The explorer: its views are the analyses of what is picked, its code makes them, its marks open to what they show."""

from __future__ import annotations

import json
import random
import re
import zlib
from typing import Any

import matplotlib.axes
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.history import History
from opp_analytics.widgets import Explorer
from opp_analytics.widgets.explorer.choice import VIEWS
from opp_analytics.widgets.explorer.panel import write_timeline
from opp_analytics.widgets.explorer.views import PART
from tests.widgets.explorer.pipelines import DAYS, OWNERS, record, states

BY = {
    "pipeline": ["stage", "owner_name", "region", "close_month"],
    "win_rates": ["owner_name", "region", "close_month", "size"],
    "forecast": ["M", "Q"],
    "changes": ["movement", "owner_name", "region"],
    "slippage": ["all", "owner_name", "stage"],
}
PARTS = re.compile('data-key="([^"]+)"').findall


@pytest.fixture(scope="module")
def frames() -> list[pd.DataFrame]:
    return states()


@pytest.fixture(scope="module")
def history(frames, tmp_path_factory) -> History:
    return record(frames, tmp_path_factory.mktemp("history"))


@pytest.fixture
def explorer(frames, history) -> Explorer:
    return oa.explore(frames[-1], history, as_of=DAYS[-1])


def shown(explorer: Explorer) -> dict[str, Any]:
    """What the browser shows."""
    return json.loads(zlib.decompress(explorer._shown))


def ask(explorer: Explorer, **asked: Any) -> dict[str, Any]:
    told: list[bytes] = []
    explorer.send = lambda _, buffers: told.extend(buffers)
    explorer._handle_custom_msg(asked, [])
    return json.loads(zlib.decompress(told[0]))


def choose(explorer: Explorer, **state: Any) -> dict[str, Any]:
    answer = ask(explorer, do="choose", state=state)
    assert "error" not in answer, answer
    return shown(explorer)


def ran(explorer: Explorer, frame: pd.DataFrame, history: History | None) -> tuple[pd.DataFrame, Any]:
    """What the copied code makes: the table and the drawing."""
    lines = explorer.code.splitlines()
    names: dict[str, Any] = {"oa": oa, "pd": pd, "opportunities": frame, "history": history}
    exec("\n".join([*lines[:-1], f"ax = {lines[-1]}"]), names)
    return names["table"], names["ax"]


def chance_state(dice: random.Random, view: str, moments: list[str]) -> dict[str, Any]:
    state: dict[str, Any] = {"view": view, "by": dice.choice(BY[view])}
    if dice.random() < 0.5:
        state["owners"] = dice.sample(OWNERS, dice.randint(1, 3))
    if dice.random() < 0.4:
        state["stages"] = dice.sample(["discovery", "proposal", "negotiation", "closed_won"], 2)
    if dice.random() < 0.4:
        state["low"] = float(dice.randint(0, 40_000))
    if dice.random() < 0.3:
        state["high"] = float(dice.randint(40_000, 90_000))
    if dice.random() < 0.3:
        state["first"] = "2026-03-10"
    if dice.random() < 0.2:
        state["text"] = dice.choice(["deal 1", "'x'", "2"])
    start, end = sorted(dice.sample(range(len(moments)), 2))
    state |= {"start": moments[start], "end": moments[end]}
    if view == "changes" and dice.random() < 0.3:
        state["due"] = dice.choice(["2026-04", "2026Q2"])
    return state


@pytest.mark.parametrize("rounds", [4, pytest.param(12, marks=pytest.mark.slow)])
@pytest.mark.parametrize("view", VIEWS)
def test_code__makes_the_very_table_and_marks_add_up_under_random_filters(
    view, rounds, frames, history, explorer
):
    dice = random.Random(view)
    moments = [moment.isoformat() for moment in history.records["recorded_at"]]
    drawn = 0
    for _ in range(rounds):
        said = choose(explorer, **chance_state(dice, view, moments))
        if said["empty"]:
            assert said["empty"] in ("match", "nothing")
            continue
        drawn += 1
        table, ax = ran(explorer, frames[-1], history)
        pd.testing.assert_frame_equal(explorer.table, table)
        assert isinstance(ax, matplotlib.axes.Axes)
        # Opening a mark asks the history again: four of a chart are enough.
        for row in dice.sample(said["rows"], min(4, len(said["rows"]))):
            deals = explorer._view.find_deals(row["key"])
            marked(explorer, row["key"], deals)
            parts = [explorer._view.find_deals(f"{row['key']}{PART}{part}") for part in PARTS(row["picture"])]
            if parts:
                valued = deals["value"].fillna(0) > 0
                assert set(deals["unique_id"][valued]) <= {
                    each for part in parts for each in part["unique_id"]
                }
                assert sum(part["value"].sum() for part in parts) == pytest.approx(deals["value"].sum())
    assert drawn >= rounds / 2


def marked(explorer: Explorer, key: str, deals: pd.DataFrame) -> None:
    """Number and sum of the deals under a mark are those of the mark."""
    table, by = explorer.table, explorer._view.by
    match explorer.state["view"]:
        case "pipeline":
            sums = table[["open_value", "open_count"]].groupby(level=0, sort=False).sum().loc[key]
            expected = (sums["open_value"], sums["open_count"])
        case "win_rates":
            row = table.loc[key]
            assert len(deals) == row["won"] + row["lost"]
            return
        case "forecast":
            row = table.loc[key]
            assert deals["value"].sum() == pytest.approx(row["booked"] + row["open_value"])
            return
        case "changes" if by == "movement":
            assert deals["change"].sum() == pytest.approx(table["value"][key])
            assert deals["unique_id"].nunique() == table["deals"][key]
            return
        case "changes":
            assert deals["change"].sum() == pytest.approx(table["value"][(key, "closing")])
            return
        case _:
            part = table.loc[[key]] if by == "all" else table.xs(key, level=0)
            expected = (part["value"].sum(), part["count"].sum())
    assert deals["value"].sum() == pytest.approx(expected[0])
    assert len(deals) == expected[1]


def test_views__are_the_analyses_of_the_whole_without_filters(explorer, frames, history):
    first, last = (moment.isoformat() for moment in history.records["recorded_at"].iloc[[0, -1]])
    window = {"start": first, "end": last}
    for view, expected in (
        ("pipeline", oa.stage_funnel(frames[-1])),
        ("win_rates", oa.win_rate(frames[-1], by="owner_name", **window)),
        ("forecast", oa.forecast(frames[-1], as_of=last, method="stated", target=5000.0)),
        ("changes", oa.waterfall(history, **window)),
        ("slippage", oa.slippage(history, **window)),
    ):
        choose(explorer, view=view, **window, target=5000.0)
        pd.testing.assert_frame_equal(explorer.table, expected)


def test_titles__say_what_is_shown():
    deals = pd.DataFrame({"unique_id": list("abc"), "name": list("ABC"), "value": [600.0, 300.0, 100.0], "stage": "proposal", "probability": 50, "close_date": ["2026-04-20", "2026-02-01", None], "owner_name": ["Ann", "Bo", "Bo"]})  # fmt: skip
    log = pd.concat(
        [deals.assign(seen_at="2026-03-02"), deals.iloc[:1].assign(seen_at="2026-03-09", value=900.0)]
    )
    history = History.from_changes(log)
    now = history.as_of("2026-03-09")
    explorer = oa.explore(now, history, as_of="2026-03-09")
    for state, title in (
        ({"view": "pipeline", "by": "owner_name"}, "Ann has 69% of 1.3K open"),
        ({"view": "pipeline", "by": "close_month"}, "69% of 1.3K open is due in Apr 2026"),
        ({"view": "changes"}, "Open pipeline rose 300 from Mar 2 to Mar 9; largest change: value up, +300"),
        ({"view": "changes", "by": "owner_name"}, "Open pipeline rose 300 from Mar 2 to Mar 9; largest change: Ann, +300"),
        ({"view": "changes", "owners": ["Bo"]}, "Bo: open pipeline stayed at 400 from Mar 2 to Mar 9"),
        ({"view": "changes", "due": "2026-04"}, "Open pipeline due in Apr 2026 rose 300 from Mar 2 to Mar 9; largest change: value up, +300"),
    ):  # fmt: skip
        assert choose(explorer, **state)["title"] == title


def test_changes__with_a_stage_filter_keep_what_was_won_and_lost_since(explorer, history):
    first, last = (moment.isoformat() for moment in history.records["recorded_at"].iloc[[0, -1]])
    said = choose(explorer, view="changes", stages=["proposal"], start=first, end=last)
    assert explorer.table["deals"][["won", "lost"]].sum() > 0
    assert "So a deal that has since been won or lost is still counted." in said["notes"][0]


def test_state__opens_the_same_and_refuses_what_it_does_not_know(explorer, frames, history):
    choose(explorer, view="changes", owners=["Ann", None], low=100.0, by="region")
    again = oa.explore(frames[-1], history, state=explorer.state)
    pd.testing.assert_frame_equal(again.table, explorer.table)
    assert again.state == json.loads(json.dumps(explorer.state))
    for state, words in (({"viwe": "x"}, "unknown entry 'viwe'"), ({"view": "x"}, "state\\['view'\\]"), ({"owners": "Ann"}, "not a list"), ({"low": "x"}, "not a number"), (5, "not a mapping")):  # fmt: skip
        with pytest.raises(oa.errors.ArgumentError, match=words):
            oa.explore(frames[-1], history, state=state)  # type: ignore[arg-type]


def test_explore__names_a_missing_column_once(frames):
    with pytest.raises(oa.errors.MissingColumnError, match="has no column 'unique_id'; it has"):
        oa.explore(frames[-1].drop(columns="unique_id"))


def test_filters__that_do_not_act_stay_and_are_said(explorer):
    said = choose(explorer, view="win_rates", stages=["proposal"], owners=["Ann"])
    assert said["unused"] == ["stages"]
    assert explorer.state["stages"] == ["proposal"]
    assert set(explorer.opportunities["owner_name"]) == {"Ann"}
    assert choose(explorer, view="pipeline", text="no such deal")["empty"] == "match"


def test_history__missing_or_of_one_record_says_what_it_needs(frames, tmp_path):
    one = History(tmp_path)
    one.record(frames[0], at="2026-03-02T08:00Z")
    for history in (None, one):
        explorer = oa.explore(frames[-1], history, as_of=DAYS[-1], state={"view": "changes"})
        assert shown(explorer)["empty"] == "history"
        assert choose(explorer, view="pipeline")["empty"] == ""
        table, _ = ran(explorer, frames[-1], history)
        pd.testing.assert_frame_equal(explorer.table, table)


def test_errors__keep_the_last_good_view(explorer):
    before = explorer.table
    answer = ask(explorer, do="choose", state={"view": "nothing"})
    assert "state['view']" in answer["error"]
    assert explorer.table is before


def test_deals__csv_has_ids_last_and_guards_formulas(frames, history):
    frame = frames[-1].assign(name="=1+1")
    explorer = oa.explore(frame, history, as_of=DAYS[-1])
    stage = shown(explorer)["rows"][0]["key"]
    said = ask(explorer, do="deals", key=stage, label=stage)["deals"]
    header, first, *_ = ask(explorer, do="csv", key=stage)["csv"].splitlines()
    assert header == "name,owner_name,value,stage,close_date,unique_id"
    assert first.startswith("'=1+1,")
    assert len(said["rows"]) == len(said["ids"])
    assert "unique_id" in ask(explorer, do="csv")["csv"].splitlines()[0]


def test_deals__link_to_the_crm_and_tell_their_timeline(frames, history, tmp_path):
    url = "https://crm.example.com/{unique_id}"
    named = oa.Org(record_url=url).apply(frames[-1])
    stage = shown(oa.explore(named, history, as_of=DAYS[-1]))["rows"][0]["key"]
    client = oa.Client("http://localhost", "t", "k", cache_dir=tmp_path, org=oa.Org(record_url=url))
    for explorer, linked in (
        (oa.explore(named, history, as_of=DAYS[-1]), True),
        (oa.explore(frames[-1], history, client=client, as_of=DAYS[-1]), True),
        (oa.explore(frames[-1], history, as_of=DAYS[-1]), False),
    ):
        said = ask(explorer, do="deals", key=stage, label=stage)["deals"]
        assert said["links"] == [
            f"https://crm.example.com/{each}" if linked else None for each in said["ids"]
        ]
    deal = history.deal("d00")
    lines = ask(explorer, do="deal", id="d00")["timeline"]
    assert len(lines) == deal["seen_at"].nunique()
    assert lines[0].startswith("Mar 2, 2026: new")
    assert "no such opportunity" in ask(explorer, do="deal", id="nobody")["error"]
    # A run of ours that wrote the deal between two records is named.
    at = deal["seen_at"].unique()[1]
    ours = pd.DataFrame({"unique_id": ["d00"], "written_at": [at], "run_id": ["run-1"]})
    assert write_timeline(history, "d00", ours)[1].endswith("(own run run-1)")


def test_controls__offer_months_and_fiscal_quarters(frames, history):
    fiscal = oa.Org(fiscal_year_start=2).apply(frames[-1])
    explorer = oa.explore(fiscal, as_of=DAYS[-1])
    dues = dict(explorer._about["dues"])
    assert dues["2026-03"] == "Mar 2026"
    assert dues["2027Q1"] == "FY27 Q1 (Feb–Apr)"


def test_notebook__keeps_a_picture_and_names_are_text(explorer, frames):
    assert explorer._static()["image/png"].startswith(b"\x89PNG")
    hostile = oa.explore(
        frames[-1].assign(owner_name="<img src=x>"), as_of=DAYS[-1], state={"by": "owner_name"}
    )
    assert all("<img" not in row["picture"] for row in shown(hostile)["rows"])


@pytest.mark.parametrize("rows", [0, 1])
def test_frames__of_no_and_one_deal_open(frames, rows):
    for view in ("pipeline", "win_rates", "forecast"):
        explorer = oa.explore(frames[-1].head(rows), as_of=DAYS[-1], state={"view": view})
        assert shown(explorer)["empty"] in (["match"], ["", "nothing"])[rows]


def test_chances__that_nobody_states_are_asked_for_or_not_needed(frames) -> None:
    bare = frames[-1].drop(columns="probability")
    explorer = oa.explore(bare, as_of=DAYS[-1])
    # Too few deals are closed to learn from: the view says what to do.
    assert choose(explorer, view="forecast")["empty"] == "chances"
    assert explorer.table.empty
    # The open value by close month is the same as with chances.
    said = choose(explorer, view="pipeline", by="close_month")
    assert said["kpis"][2]["note"] == "no deal has a probability"
    stated = oa.explore(frames[-1], as_of=DAYS[-1], state={"view": "pipeline", "by": "close_month"})
    pd.testing.assert_series_equal(explorer.table["open_value"], stated.table["open_value"])
    table, _ = ran(explorer, bare, None)
    pd.testing.assert_frame_equal(explorer.table, table)


def test_chances__that_nobody_states_give_way_to_the_run_rate() -> None:
    days = pd.date_range("2026-01-05", "2026-06-25", freq="5D")
    closed = pd.DataFrame({
        "unique_id": [f"d{n}" for n in range(len(days))], "name": "Deal", "value": 100.0, "stage": "closed_won",
        "status": "active", "close_date": days, "created_at": "2025-12-01T08:00:00Z",
    })  # fmt: skip
    opened = closed.tail(1).assign(unique_id="open", stage="proposal", close_date=pd.Timestamp("2026-06-29"))
    deals = pd.concat([closed, opened], ignore_index=True)
    explorer = oa.explore(deals, as_of="2026-06-26")
    said = choose(explorer, view="forecast")
    assert said["empty"] == ""
    assert "no chance is stated" in said["about"]
    expected = oa.forecast(deals, as_of="2026-06-26", method="run_rate")["expected"]
    pd.testing.assert_series_equal(explorer.table["expected"], expected)


def test_window__is_the_views_usual_one_until_it_is_chosen(explorer, history) -> None:
    moments = [moment.isoformat() for moment in history.records["recorded_at"]]
    assert choose(explorer, view="pipeline")["window"] == [moments[0], moments[-1]]
    said = choose(explorer, view="win_rates", end=moments[2])
    assert (said["window"], said["state"]["start"]) == ([moments[0], moments[2]], None)
    assert choose(explorer, view="changes", start=moments[1], end=moments[3])["window"] == moments[1:4:2]


def test_pipeline__marks_the_bar_that_its_title_names(explorer) -> None:
    said = choose(explorer, view="pipeline", by="owner_name")
    (marked,) = [row["key"] for row in said["rows"] if row["highlight"]]
    assert said["title"].startswith(f"{marked} has")
