"""What the commands print, cell by cell."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis import list_steps
from opp_analytics.columns import find_unit, write_label
from opp_analytics.org import split_by
from tests.scratch import scratch_folder
from tests.surfaces.answers import Answers
from tests.surfaces.facts import CHANCE, EVERYWHERE, FLAGGED, Ledger, Pool, find_figures
from tests.surfaces.shown import Shown, quiet, run_command

__all__ = ["check_commands", "find_table"]


def read_tables(printed: str) -> list[list[list[str]]]:
    """The tables of a terminal: lines whose cells are two blanks or more apart, the headings
    first."""
    tables: list[list[list[str]]] = []
    rows: list[list[str]] = []
    for line in [*printed.splitlines(), ""]:
        cells = re.split(r" {2,}", line.strip())
        if len(cells) > 1 and (not rows or len(cells) <= len(rows[0])):
            rows.append(cells)
            continue
        if len(rows) > 1:
            tables.append(rows)
        rows = [cells] if len(cells) > 1 else []
    return tables


def find_table(printed: str, *heads: str) -> list[dict[str, str]]:
    """The rows of the first table with these headings."""
    for rows in read_tables(printed):
        if set(heads) <= set(rows[0]):
            return [
                dict(zip(rows[0], row, strict=False))
                for row in rows[1:]
                if len(row) == len(rows[0])
            ]
    return []


def _is_written(cell: str, column: str, value: Any, currency: str | None) -> bool:
    """Whether a cell is a form of a value."""
    if column == "needed_pipeline" and cell in ("met", "none", "out of reach"):
        return not float(value) > 0
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return cell in (text.MISSING, "")
    if isinstance(value, bool) or not pd.api.types.is_number(value):
        return True
    pool, size = Pool(currency), abs(float(str(value)))
    unit = find_unit(column)
    {"money": pool.money, "rate": pool.rate, "ratio": pool.ratio}.get(unit, pool.count)(size)
    found = [figure.removesuffix(".00") for figure in find_figures(cell)]
    return bool(found) and all(figure in pool for figure in found)


_ESTIMATES = {"expected", "low", "high", "needed_pipeline"}


def _check_rows(
    ledger: Ledger,
    where: str,
    rows: list[dict[str, str]],
    table: pd.DataFrame,
    currency: str | None,
) -> None:
    """Compare printed rows with those of a table, found by its index."""
    names = [str(name) for name in table.index.names]
    known = {
        tuple(map(write_label, names, key if isinstance(key, tuple) else (key,))): row
        for key, row in table.iterrows()
    }
    for column in _ESTIMATES & set(rows[0] if rows else ()):
        # Nobody knows a forecast to the cent, beside thousands.
        large = (
            any(abs(float(each)) >= 1000 for each in table[column].dropna())
            if column in table
            else False
        )
        cents = any(re.search(r"\.\d\d$", cells[column]) for cells in rows)
        ledger.same(f"{where}, cents of {column}", large and cents, False)
    for cells in rows:
        key = tuple(cells.get(name, "") for name in names)
        if key not in known:
            ledger.same(f"{where}, row {' · '.join(key)}", "a row", "none")
            continue
        for column, cell in cells.items():
            if column in table.columns:
                value = known[key][column]
                right = _is_written(cell, column, value, currency)
                ledger.same(
                    f"{where}, {' · '.join(key)}, {column}",
                    cell if not right else "",
                    "" if right else str(value),
                )


def check_commands(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare what each command prints about a world."""
    _check_forecast(ledger, shown, answers)
    _check_stored(ledger, answers)
    _check_risk(ledger, shown, answers)
    _check_audit(ledger, shown, answers)
    _check_measures(ledger, shown, answers)
    _check_calls(ledger, answers)
    if answers.history is not None and len(answers.history.records) > 1:
        _check_changes(ledger, shown, answers)
        _check_created(ledger, shown, answers)


def _check_forecast(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    world, currency = answers.world, answers.org.currency
    goal = ["--target", world.target] if world.target is not None else []
    printed = shown.command("forecast", *goal)
    rows = find_table(printed, "period", "expected")
    ledger.same("command forecast, prints a table", bool(rows), True)
    asked: dict[str, Any] = {
        "as_of": world.day,
        "freq": world.freq,
        "history": answers.history,
        "target": world.targets,
    }
    with quiet():
        table = oa.forecast(answers.deals, periods=3, **asked)
    _check_rows(ledger, "command forecast", rows, table, currency)
    ledger.same("command forecast, sentence", oa.sentence(table) in printed, True)
    for cells in rows:
        if cells["period"] == world.period:
            _claim_current(ledger, "command forecast", answers, cells)
    by = answers.levels[-1:]
    with quiet():
        table = oa.forecast(answers.deals, periods=3, by=by, totals=True, **asked)
    rows = find_table(shown.command("forecast", *goal, "--by", by[0]), "period", "expected")
    _check_rows(ledger, f"command forecast --by {by[0]}", rows, table, currency)


def _check_stored(ledger: Ledger, answers: Answers) -> None:
    """A stored frame keeps its org and its moment: the command needs no org file."""
    folder = scratch_folder("opp-analytics-stored-")
    answers.deals.to_parquet(folder / "deals.parquet")
    printed = run_command(
        "forecast", "--from", folder / "deals.parquet", "--as-of", answers.world.as_of
    )
    with quiet():
        table = oa.forecast(answers.deals, as_of=answers.world.day, periods=3)
    rows = find_table(printed, "period", "booked")
    ledger.same("command forecast --from a stored frame, prints a table", bool(rows), True)
    ledger.same(
        "command forecast --from a stored frame, booked",
        [
            _is_written(
                cells["booked"],
                "booked",
                table["booked"].get(cells["period"], math.nan),
                answers.org.currency,
            )
            for cells in rows
        ],
        [True] * len(rows),
    )
    ledger.same(
        "command forecast --from a stored frame, sentence", oa.sentence(table) in printed, True
    )


def _claim_current(ledger: Ledger, where: str, answers: Answers, cells: dict[str, str]) -> None:
    """Note that the current period's chance is written alike everywhere."""
    if (
        "p_target" in cells
        and answers.method != "stated"
        and not answers.current["booked"] >= answers.current["target"]
    ):
        ledger.claim(EVERYWHERE, CHANCE, cells["p_target"], where)


def _check_risk(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    flags = answers.flags
    if flags is None:
        return
    printed = shown.command("risk", "--most", 200)
    ledger.same("command risk, sentence", oa.sentence(flags) in printed, True)
    known = flags.reset_index().drop_duplicates("name", keep=False).set_index("name")
    for flagged in FLAGGED.findall(printed):
        ledger.claim(EVERYWHERE, "open deals with a flag", " of ".join(flagged), "command risk")
    rows = find_table(printed, "name", "reasons")
    ledger.same("command risk, deals", len(rows), int((flags["risk"] > 0).sum()))
    for cells in rows:
        if cells["name"] in known.index:
            row = known.loc[cells["name"]]
            for column in ("value", "risk"):
                right = _is_written(cells[column], column, row[column], answers.org.currency)
                ledger.same(f"command risk, {cells['name']}, {column}", right, True)
            ledger.same(
                f"command risk, {cells['name']}, reasons", cells["reasons"], str(row["reasons"])
            )


def _check_audit(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    summary = answers.audit
    rows = find_table(shown.command("audit"), "check", "deals")
    if summary is None:
        return
    ledger.same("command audit, checks", len(rows), len(summary))
    _check_rows(ledger, "command audit", rows, summary, answers.org.currency)


def _check_measures(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    world, by, deals = answers.world, answers.levels[-1:], answers.deals
    with quiet():
        tables = {
            "win-rate": oa.win_rate(deals, by=by, as_of=world.day),
            "funnel": oa.stage_funnel(deals, by=list(dict.fromkeys([*split_by(deals), *by]))),
            "pacing": oa.pacing(deals, as_of=world.day, freq=world.freq, by=by),
            "categories": oa.forecast_categories(deals, as_of=world.day, freq=world.freq, by=by),
            "scorecard": oa.scorecard(
                deals, answers.history, as_of=world.day, freq=world.freq, by=by
            ),
        }
    for name, table in tables.items():
        printed = shown.command(name, "--by", by[0])
        rows = find_table(printed, *map(str, table.index.names))
        ledger.same(f"command {name}, prints a table", bool(rows), bool(len(table)))
        ledger.same(f"command {name}, sentence", oa.sentence(table) in printed, True)
        _check_rows(ledger, f"command {name} --by {by[0]}", rows, table, answers.org.currency)


def _check_calls(ledger: Ledger, answers: Answers) -> None:
    """The command lists the calls in force that the page shows."""
    printed = run_command("calls", "--list", "--org", answers.world.folder / "opp-analytics.toml")
    rows = find_table(printed, "caller", "commit")
    label = text.period(answers.world.period, answers.world.freq)
    found = {
        cells["caller"]
        if cells["for"] == text.MISSING
        else f"{cells['for']}, {cells['caller']}": cells["commit"]
        for cells in rows
        if cells["period"] == label
    }
    called = {
        name: answers.money(amount, full=True)
        for name, amount in answers.world.called.items()
        if name not in ("East", "West", "All")
    }
    ledger.same("command calls, in force", found, called)


def _check_changes(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    printed, history = shown.command("changes"), answers.history
    assert history is not None
    last = (
        history.records["recorded_at"].iloc[-1].tz_convert(answers.tz).tz_localize(None).normalize()
    )
    moments = history.records["recorded_at"]
    days = moments.dt.tz_convert(answers.tz).dt.tz_localize(None).dt.normalize()
    by_then = moments[days <= last - pd.Timedelta(days=7)]
    start: Any = by_then.iloc[-1] if len(by_then) else moments.iloc[0]
    freq = answers.world.freq
    asked: dict[str, Any] = {
        "start": start,
        "end": last,
        "period": str(pd.Period(last, freq)),
        "freq": freq,
    }
    with quiet():
        pipeline = oa.waterfall(history, start=start, end=last)
        ledger.same("command changes, pipeline", oa.sentence(pipeline) in printed, True)
        try:
            change = oa.forecast_change(history, **asked)
        except oa.errors.NotEnoughHistory:
            return
    ledger.same("command changes, sentence", oa.sentence(change) in printed, True)
    rows = find_table(printed, "movement", "expected", "deals")
    ends = {end: (change["expected"][end], change["deals"][end]) for end in ("then", "now")}
    steps = ends | {step.name: (step.expected, step.deals) for step in list_steps(change)}
    named = pd.DataFrame.from_dict(steps, orient="index", columns=["expected", "deals"])
    _check_rows(
        ledger, "command changes", rows, named.rename_axis("movement"), answers.org.currency
    )
    moved = sum(change["expected"].drop(["then", "now"]))
    ledger.near(
        "command changes, steps add up",
        change["expected"]["then"] + moved,
        change["expected"]["now"],
    )


def _check_created(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    history = answers.history
    assert history is not None
    with quiet():
        table = oa.pipeline_created(history, freq=answers.world.freq)
    printed = shown.command("created")
    ledger.same("command created, sentence", oa.sentence(table) in printed, True)
    rows = find_table(printed, "period", "open_value")
    _check_rows(ledger, "command created", rows, table, answers.org.currency)
