"""What the commands print, cell by cell."""

from __future__ import annotations

import re

import opp_analytics as oa
from tests.surfaces.answers import Answers
from tests.surfaces.facts import CHANCE, EVERYWHERE, FLAGGED, Ledger
from tests.surfaces.shown import Shown, quiet

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


def check_commands(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare what each command prints about a world."""
    _check_forecast(ledger, shown, answers)
    _check_risk(ledger, shown, answers)


def _check_forecast(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    world = answers.world
    goal = ["--target", world.target] if world.target is not None else []
    printed = shown.command("forecast", *goal)
    rows = find_table(printed, "period", "expected")
    ledger.same("command forecast, prints a table", bool(rows), True)
    with quiet():
        table = oa.forecast(
            answers.deals,
            as_of=world.day,
            freq=world.freq,
            history=answers.history,
            target=world.targets,
            periods=3,
        )
    ledger.same("command forecast, sentence", oa.sentence(table) in printed, True)
    for cells in rows:
        if cells["period"] == world.period:
            _claim_current(ledger, "command forecast", answers, cells)


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
            ledger.same(
                f"command risk, {cells['name']}, reasons", cells["reasons"], str(row["reasons"])
            )
