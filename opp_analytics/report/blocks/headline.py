"""The first words and figures: will we make it, how much, how sure, and since last week."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import evidence, say_held, sentence
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.report.cells import show_change
from opp_analytics.report.model import Cell, Tile
from opp_analytics.report.tables import Tables
from opp_analytics.schema import ALL


def headline(tables: Tables) -> str:
    """Say the current period in one sentence."""
    return sentence(tables.forecast)


def second_sentence(tables: Tables) -> str:
    """Name the groups with most to go, and say what changed in what comes in or is won; empty without either."""
    alarms = sentence(tables.world_changes) if tables.alert_figures["world_changed"] > 0 else ""
    return " ".join(filter(None, (_most_to_go(tables), alarms)))


def _most_to_go(tables: Tables) -> str:
    """Name the groups with most to go; empty without targets of theirs."""
    people = tables.people
    groups: pd.DataFrame = people[~people.index.get_level_values(-1).isin([ALL])]
    short = groups[groups["gap"] > 0].sort_values("gap", ascending=False, kind="stable")
    if short.empty or len(groups) == 1:
        return ""
    most, _ = evidence.find_largest(short["gap"])
    if len(most) == len(short) > 2:
        return f"{text.capital(text.spelled(len(most)))} are {tables.inputs.money(short['gap'].max())} short each."
    names = short.index.get_level_values(-1)
    said = [
        f"{name} {_to_go(row, tables)}" for name, (_, row) in zip(names[:2], short.iterrows(), strict=False)
    ]
    rest = len(short) - 2
    more = f"; {text.spelled(rest)} more {'is' if rest == 1 else 'are'} short" if rest > 0 else ""
    return f"Most to go: {'; '.join(said)}{more}."


def _to_go(row: pd.Series[Any], tables: Tables) -> str:
    money = tables.inputs.money
    if not row["open_count"]:
        return f"{money(row['gap'])}, no deal due"
    known = math.isfinite(row["p_target"]) and not tables.stated
    likely = f", {text.percent(row['p_target'])} likely" if known else ""
    return f"{money(row['gap'])} with {money(row['open_value'])} due{likely}"


def tiles(tables: Tables) -> tuple[Tile, ...]:
    """Show closed, forecast, chance and coverage; without a target closed, forecast and what is due."""
    row = tables.current
    built = [_closed(tables, row), _forecast(tables, row)]
    if math.isfinite(row["target"]):
        if not tables.stated:
            built.append(_chance(tables, row))
        built.append(_coverage(tables, row))
    else:
        built.append(_due(tables, row))
    return tuple(built)


def _change(tables: Tables, column: str, show: Callable[[float], str]) -> Cell | None:
    if tables.no_changes:
        return None
    then = tables.earlier.figure(str(tables.inputs.period), column)
    return show_change(float(tables.current[column]), then, show)


def _closed(tables: Tables, row: pd.Series[Any]) -> Tile:
    note = text.count(len(tables.inputs.won_now))
    if math.isfinite(row["attainment"]):
        note += f", {text.percent(row['attainment'])} of target"
    money = tables.inputs.money
    return Tile("Closed won", money(row["booked"]), _change(tables, "booked", money), note)


def _forecast(tables: Tables, row: pd.Series[Any]) -> Tile:
    money = tables.inputs.money
    only_due = not row["open_count"] and not row["expected"] > row["booked"]
    # One deal comes in or does not: nothing lies between.
    one = evidence.is_one_deal(row, tables.forecast)
    shown = row.where(~row.index.isin(["low", "high"])) if one else row
    return Tile(
        "Forecast",
        money(row["expected"]),
        _change(tables, "expected", money),
        "no open deals due" if only_due else evidence.name_outside(shown, money) or _range_note(tables),
        svg.bullet(shown, money),
    )


def _range_note(tables: Tables) -> str:
    if evidence.is_one_deal(tables.current, tables.forecast):
        return "one deal: all or nothing"
    try:
        held = say_held(tables.track_record)
    except (NotEnoughHistory, DataError):
        held = ""
    if held:
        return f"range {held}"
    return "range: open deals due only" if tables.stated else "range not judged yet"


def _chance(tables: Tables, row: pd.Series[Any]) -> Tile:
    if row["gap"] <= 0:
        return Tile("Chance of target", "met", None, f"{tables.inputs.money(-row['gap'])} past target")
    if not math.isfinite(row["p_target"]):
        lacks = evidence.NO_RANGE if math.isfinite(row["expected"]) else "too early to say"
        return Tile("Chance of target", text.MISSING, None, lacks)
    if not row["open_count"] and not row["expected"] > row["booked"]:
        return Tile("Chance of target", text.MISSING, None, "none due")
    then = math.nan if tables.no_changes else tables.earlier.figure(str(tables.inputs.period), "p_target")
    note = f"was {text.percent(then)}" if math.isfinite(then) else ""
    change = _change(tables, "p_target", text.points)
    return Tile("Chance of target", text.percent(row["p_target"]), change, note)


def _coverage(tables: Tables, row: pd.Series[Any]) -> Tile:
    money = tables.inputs.money
    due = f"{money(row['open_value'])} due" if row["open_count"] else "none due"
    if row["gap"] <= 0:
        return Tile("Coverage", "met", None, due)
    note = f"{due}, {money(row['gap'])} to go"
    if not row["open_count"]:
        return Tile("Coverage", text.MISSING, None, note)
    change = _change(tables, "pipeline_coverage", text.times)
    return Tile("Coverage", text.times(row["pipeline_coverage"]), change, note)


def _due(tables: Tables, row: pd.Series[Any]) -> Tile:
    money = tables.inputs.money
    if not row["open_count"]:
        return Tile("Open and due", text.MISSING, None, "none due")
    note = text.count(int(row["open_count"]), "open deal")
    return Tile("Open and due", money(row["open_value"]), _change(tables, "open_value", money), note)
