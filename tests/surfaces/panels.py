"""The explorer and the grid, as their Python side sends them to the browser."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.schema import BUCKETS
from tests.surfaces.answers import Answers
from tests.surfaces.facts import EVERYWHERE, FLAGGED, FORECAST, Ledger
from tests.surfaces.shown import Shown, quiet
from tests.widgets.asking import ask, read_panel

__all__ = ["check_explorer", "check_grid"]


def _states(answers: Answers) -> Iterator[dict[str, Any]]:
    """What is looked at: each view, all and filtered, in its groupings."""
    deals, target = answers.deals, answers.world.target
    owners = deals["owner_name"].dropna()
    opened = deals[oa.outcomes(deals) == "open"]
    owner = {"owners": [str(owners.mode().iloc[0])]} if len(owners) else {}
    stage = {"stages": [str(opened["stage"].mode().iloc[0])]} if len(opened) else {}
    teams = deals["team"].dropna() if "team" in deals else owners.iloc[:0]
    team = {"where": {"team": [str(teams.mode().iloc[0])]}} if len(teams) else {}
    large = {"low": float(deals["value"].median())} if len(deals) else {}
    aimed = {} if target is None else {"target": target}
    yield {"view": "forecast", **aimed}
    yield {"view": "forecast", "by": "Q"}
    yield {"view": "forecast", "by": "owner_name", "due": answers.world.period}
    yield {"view": "forecast", "by": "team" if "team" in answers.levels else "owner_name"}
    yield {"view": "pipeline"}
    yield {"view": "pipeline", "by": "owner_name", **large}
    yield {"view": "pipeline", "by": "close_month", **owner}
    yield {"view": "pipeline", **team}
    yield {"view": "win_rates", "by": "owner_name"}
    yield {"view": "at_risk"}
    yield {"view": "at_risk", "by": "owner_name", **stage}
    if answers.history is not None:
        yield {"view": "changes"}
        yield {"view": "changes", "by": "owner_name"}
        yield {"view": "changes", **stage}
        yield {"view": "changes", **owner, **large}
        yield {"view": "slippage"}


def check_explorer(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare each view's table, rows, figures and deals."""
    if answers.deals.empty:
        return
    states = list(_states(answers))
    # Each world looks at its forecast and at half of the rest, so that all together see every view
    # both ways.
    for state in [*states[:1], *states[1 + len(answers.world.name) % 2 :: 2]]:
        explorer = shown.explorer(**state)
        panel = read_panel(explorer)
        if panel.get("empty"):
            continue
        where = f"explorer, {' '.join(str(value) for value in state.values())}"
        _check_code(ledger, where, explorer, answers)
        _check_kpis(ledger, where, panel, state, explorer, answers)
        if state["view"] == "forecast" and state.get("by") in ("owner_name", "team"):
            _check_period(ledger, where, panel, explorer, answers)
        elif state["view"] == "forecast" and state.get("by", "M") in ("M", "Q"):
            _check_forecast(ledger, where, panel, state, answers)
        if state["view"] == "win_rates":
            _check_chance(ledger, where, panel, answers)
        if state["view"] == "at_risk":
            _check_risk(ledger, where, panel, state, answers)
        _check_deals(ledger, where, panel, state, explorer, answers)


def _check_code(ledger: Ledger, where: str, explorer: Any, answers: Answers) -> None:
    """Run the code to copy: its table is that on screen."""
    lines = [line for line in explorer.code.splitlines() if not line.startswith("oa.plots")]
    names: dict[str, Any] = {
        "oa": oa,
        "pd": pd,
        "opportunities": explorer._selector.opportunities,
        "history": answers.history,
    }
    with quiet():
        exec("\n".join(lines), names)
    table, shown = names["table"], explorer.table
    ledger.same(f"{where}, rows of the code", list(table.index), list(shown.index))
    for column in shown.select_dtypes("number"):
        same = np.allclose(table[column].astype(float), shown[column].astype(float), equal_nan=True)
        ledger.same(f"{where}, {column} of the code", bool(same), True)


def _select(state: dict[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    """The deals that the filters keep."""
    if "owners" in state:
        frame = frame[frame["owner_name"].isin(state["owners"])]
    for column, values in state.get("where", {}).items():
        frame = frame[frame[column].isin(values)]
    if "stages" in state:
        frame = frame[frame["stage"].astype(str).isin(state["stages"])]
    if "low" in state:
        frame = frame[frame["value"] >= state["low"]]
    return frame


def _check_kpis(
    ledger: Ledger,
    where: str,
    panel: dict[str, Any],
    state: dict[str, Any],
    explorer: Any,
    answers: Answers,
) -> None:
    """Compare the figures above the chart with the deals in the chart."""
    kpis = {kpi["name"]: kpi["figure"] for kpi in panel["kpis"]}
    if state["view"] == "changes":
        table = explorer.table
        closing = (
            table.xs("closing", level=-1) if table.index.nlevels > 1 else table.loc[["closing"]]
        )
        count, value = int(closing["count"].sum()), float(closing["value"].sum())
    else:
        picked = _select(state, answers.deals)
        opened = picked[oa.outcomes(picked) == "open"]
        count, value = len(opened), float(opened["value"].sum())
        if state["view"] == "pipeline":
            ledger.same(
                f"{where}, n",
                panel["n"].partition(" · ")[0],
                f"n = {text.count(len(opened), 'open deal')}",
            )
    if "Open deals" in kpis and state["view"] != "slippage":
        ledger.same(f"{where}, KPI open deals", kpis["Open deals"], f"{count:,}")
        ledger.same(f"{where}, KPI open value", kpis["Open value"], answers.money(value))


def _check_forecast(
    ledger: Ledger, where: str, panel: dict[str, Any], state: dict[str, Any], answers: Answers
) -> None:
    """Compare the rows with the forecast by everything that is known."""
    world, money = answers.world, answers.money
    targets = answers.org.targets if len(answers.org.targets) else None
    with quiet():
        table = oa.forecast(
            answers.deals,
            as_of=_last_day(answers),
            freq=answers.org.freq(state.get("by", "M")),
            history=answers.history,
            target=state.get("target", targets),
            periods=[row["key"] for row in panel["rows"]],
        )
    heads = panel["heads"]
    for row in panel["rows"]:
        if row["key"] not in table.index:
            ledger.same(f"{where}, {row['key']}", "a row", "none")
            continue
        given, figures = table.loc[row["key"]], dict(zip(heads[1:], row["figures"], strict=False))
        said = figures.get("Forecast", row["figures"][0])
        known = math.isfinite(given["expected"])
        ledger.same(
            f"{where}, {row['key']}, forecast",
            said,
            money(given["expected"]) if known else text.MISSING,
        )
        bounds = [cell for head, cell in figures.items() if head.endswith("range")]
        if bounds and math.isfinite(given["low"]):
            spread = text.money_range(given["low"], given["high"], money)
            ledger.same(f"{where}, {row['key']}, range", bounds[0], spread)
        if not math.isnan(given["p_target"]) and table.attrs["method"] != "stated":
            nothing = not given["open_count"] and given["expected"] <= given["booked"]
            chance = (
                "met"
                if given["gap"] <= 0
                else "none due"
                if nothing
                else text.percent(given["p_target"])
            )
            ledger.same(f"{where}, {row['key']}, chance", figures["Hits target"], chance)
        if (
            row["key"] == world.period
            and state.get("by", "M") == "M"
            and world.day == _last_day(answers)
        ):
            ledger.claim(EVERYWHERE, FORECAST, said, where)
    now = str(pd.Period(_last_day(answers), answers.org.freq(state.get("by", "M"))))
    if answers.history is not None and panel["rows"]:
        # New business is expected in each month, so none in between is left out.
        shown = [row["key"] for row in panel["rows"]]
        year = pd.period_range(now, periods=12, freq=answers.org.freq(state.get("by", "M"))).astype(
            str
        )
        until = [month for month in year if month <= max(shown)]
        ledger.same(f"{where}, months", [month for month in shown if month in year], until)
    # Of one deal alone the title says how likely that is to close.
    likely = re.search(r"([<>]?\d+%) likely(?! to close)", panel["title"])
    if likely and now in table.index:
        # Of a month that ends or is met, the next one's.
        coming = ~table.index.isin(BUCKETS) & np.asarray(table.index >= now)
        near = table.loc[coming, "p_target"].head(2)
        ledger.same(f"{where}, title, chance", likely[1] in map(text.percent, near), True)


def _check_period(
    ledger: Ledger, where: str, panel: dict[str, Any], explorer: Any, answers: Answers
) -> None:
    """Compare the figures of one period, and of its people, with the forecast by everything that is
    known."""
    view, money, day = explorer._view, answers.money, _last_day(answers)
    targets = answers.org.targets if len(answers.org.targets) else None
    by = view.by
    asked: dict[str, Any] = {"as_of": day, "freq": answers.org.freq(view.freq)}
    with quiet():
        table = oa.forecast(
            answers.deals,
            **asked,
            history=answers.history,
            target=targets,
            by=by,
            totals=True,
            periods=[view.period],
        )
        kinds = oa.forecast_categories(answers.deals, **asked, by=by)
    rows = table[table.index.get_level_values("period") == view.period]
    whole = rows.iloc[-1]
    kpis = {kpi["name"]: kpi["figure"] for kpi in panel["kpis"]}
    ledger.same(f"{where}, KPI closed", kpis["Closed won"], money(whole["booked"]))
    ledger.same(f"{where}, KPI forecast", kpis["Forecast"], money(whole["expected"]))
    if (day, view.period) == (answers.world.day, answers.world.period):
        ledger.claim(EVERYWHERE, FORECAST, kpis["Forecast"], where)
    heads = [head.partition("\n")[0] for head in panel["heads"][1:]]
    kinds = (
        kinds[kinds.index.get_level_values("period") == view.period]
        .droplevel("period")
        .select_dtypes("number")
    )
    for row in panel["rows"]:
        figures = dict(
            zip(heads, (figure.partition("\n")[0] for figure in row["figures"]), strict=True)
        )
        given = rows.xs(row["key"], level=by).iloc[0]
        mine = (
            kinds.sum()
            if row["key"] == "(all)"
            else kinds.reindex([row["key"]], fill_value=0.0).iloc[0]
        )
        expected = {
            "Closed": money(given["booked"]),
            "Forecast": money(given["expected"]),
            "Commit": money(mine["commit_total"]),
            "Best case": money(mine["best_case_total"]),
        }
        if "Target" in figures:
            expected["Target"] = money(given["target"])
        for name, figure in expected.items():
            ledger.same(f"{where}, {row['key']}, {name}", figures[name], figure)


def _last_day(answers: Answers) -> pd.Timestamp:
    """The end of the explorer's window: the last record's day, else the day of the question."""
    return answers.world.day if answers.history is None else answers.record_days.iloc[-1]


def _check_chance(ledger: Ledger, where: str, panel: dict[str, Any], answers: Answers) -> None:
    """No difference is more than chance where the scorecard does not say so."""
    with quiet():
        scores = oa.scorecard(answers.deals, as_of=_last_day(answers), by="owner_name")
    says = "beyond chance" in panel["title"]
    ledger.same(
        f"{where}, title “{panel['title']}”, beyond chance",
        says and not scores["differs"].any(),
        False,
    )


def _find_flags(answers: Answers) -> pd.DataFrame:
    """The flags at the end of the window."""
    with quiet():
        return oa.deal_flags(answers.deals, answers.history, as_of=_last_day(answers))


def _check_risk(
    ledger: Ledger, where: str, panel: dict[str, Any], state: dict[str, Any], answers: Answers
) -> None:
    """Compare title, figures and rows with the flags of the picked deals."""
    table = _find_flags(answers)
    picked = _select(state, answers.deals).set_index("unique_id")
    table = table[table.index.isin(picked.index)]
    flagged, money = table[table["risk"] > 0], answers.money
    ledger.same(
        f"{where}, title",
        panel["title"].partition(";")[0],
        oa.sentence(table).partition(";")[0].rstrip("."),
    )
    if "stages" not in state and answers.world.day == _last_day(answers):
        for said in FLAGGED.findall(panel["title"]):
            ledger.claim(EVERYWHERE, "open deals with a flag", " of ".join(said), where)
    kpis = {kpi["name"]: kpi["figure"] for kpi in panel["kpis"]}
    ledger.same(f"{where}, KPI deals", kpis["Deals flagged"], f"{len(flagged):,}")
    ledger.same(f"{where}, KPI value", kpis["Value flagged"], money(flagged["value"].sum()))
    owners = picked["owner_name"].reindex(flagged.index).astype(object)
    for row in panel["rows"]:
        mine = flagged[
            owners == row["key"]
            if "by" in state
            else flagged.get(row["key"], owners.isna()).fillna(False)
        ]
        if "by" in state and mine.empty:  # Without an owner.
            mine = flagged[owners.isna()]
        said = (money(mine["value"].sum()), f"{len(mine):,}")
        ledger.same(f"{where}, {row['key']}", tuple(row["figures"]), said)


def _check_facts(
    ledger: Ledger, where: str, deals: dict[str, Any], flags: pd.DataFrame, chances: pd.Series[Any]
) -> None:
    """Compare what each open deal's row says with the flags and chances of the functions."""
    names = [column["name"] for column in deals["columns"]]
    for one, cells in zip(deals["ids"], deals["rows"], strict=True):
        row = dict(zip(names, cells, strict=True))
        if one in flags.index and ("flags" in row or "reasons" in row):
            given, cell = flags.loc[one], row.get("reasons") or [*row["flags"], ""]
            ledger.same(f"{where}, {one}, flags", cell[0], int(given["risk"]))
            ledger.same(
                f"{where}, {one}, reasons",
                (cell[2] if "flags" in row else cell[1]).lower(),
                given["reasons"].replace(" · ", ". ").lower(),
            )
        if one in chances.index and "chance" in row:
            ledger.same(f"{where}, {one}, chance", row["chance"][1], text.percent(chances[one]))


def _check_deals(
    ledger: Ledger,
    where: str,
    panel: dict[str, Any],
    state: dict[str, Any],
    explorer: Any,
    answers: Answers,
) -> None:
    """Compare the deals under each mark with its figure: their number and their sum; and what is
    told of each."""
    facts = state["view"] in ("pipeline", "at_risk") and state.get("by") != "close_month"
    flags = _find_flags(answers) if facts else pd.DataFrame()
    chances = pd.Series(dtype="float64")
    if facts and answers.history is not None and answers.world.day == _last_day(answers):
        chances = answers.own_chances_by_id
    for row in panel["rows"][:4]:
        if not row["opens"]:
            continue
        deals = ask(explorer, do="deals", key=row["key"], label=row["label"])["deals"]
        if state["view"] in ("pipeline", "changes") and deals["more"] == 0:
            total = float(str(deals["total"]).replace(",", "").replace("−", "-"))
            shown = {
                answers.money(total),
                answers.money(total, signed=True),
                answers.money(abs(total)),
            }
            figure = row["figures"][0]
            if state["view"] == "changes" and "by" in state:
                # The deals of a group are its changes.
                values = explorer.table["value"]
                mine = values if row["key"] == "(all)" else values.loc[[row["key"]]]
                opening, closing = (mine.xs(end, level=-1).sum() for end in ("opening", "closing"))
                figure = answers.money(closing - opening)
            ledger.same(f"{where}, {row['key']}, deals add up to {figure}", figure in shown, True)
        if facts:
            _check_facts(ledger, where, deals, flags, chances)


def check_grid(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare the strip with the forecast, and with the impact of a plan once some deals are half
    as large again."""
    if answers.deals.empty:
        return
    strip = shown.strip
    period = strip["period"]
    if period is None:
        ledger.same("grid, strip", strip["why"], "a forecast")
        return
    world = answers.world
    with quiet():
        table = oa.forecast(
            answers.deals, as_of=world.day, freq=world.freq, history=answers.history
        )
    expected = float(table["expected"][world.period])
    ledger.same("grid, strip, forecast", period["before"], answers.money(expected))
    ledger.claim(EVERYWHERE, FORECAST, period["before"], "grid, strip")
