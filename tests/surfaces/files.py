"""Files as people have them, read by the commands; what is in them is known by construction."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

import opp_analytics as oa
from tests.scratch import scratch_folder
from tests.surfaces.commands import find_table
from tests.surfaces.facts import Ledger
from tests.surfaces.shown import quiet, run_command

__all__ = ["FILES"]

_HEADS = (
    "Opportunity ID",
    "Opportunity Name",
    "Stage",
    "Amount",
    "Close Date",
    "Created Date",
    "Opportunity Owner",
    "Probability (%)",
)
_LOG_HEADS = ("Opportunity ID", "Field / Event", "Old Value", "New Value", "Edit Date", "Edited By")
_ORG = 'preset = "salesforce"\ncurrency = "USD"\n'


def _write(
    folder: Path, name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], *, by: str = ","
) -> Path:
    file = folder / name
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, delimiter=by, quoting=csv.QUOTE_ALL)
        writer.writerows([heads, *rows])
    return file


def _folder(org: str = _ORG) -> Path:
    folder = scratch_folder("opp-analytics-files-")
    (folder / "opp-analytics.toml").write_text(org, "utf-8")
    return folder


def _forecast(folder: Path, file: Path, day: str | None = "2026-03-10", *words: object) -> str:
    asked: list[object] = [
        "forecast",
        "--org",
        folder / "opp-analytics.toml",
        "--from",
        file,
        *words,
    ]
    return run_command(
        *asked, *(["--as-of", day] if day else []), "--history", folder / "opp-history", "--json"
    )


def _open_value(printed: str, period: str) -> float | None:
    """The open value of a period that a forecast prints; None where the file was refused."""
    rows = [
        row
        for line in printed.splitlines()
        if line.startswith("{")
        for row in json.loads(line)["rows"]
    ]
    return next((row["open_value"] for row in rows if row["period"] == period), None)


def _check_value(
    ledger: Ledger, where: str, printed: str, truth: float, period: str = "2026-03"
) -> None:
    said = _open_value(printed, period)
    if said is None:
        # Refused: both readings are shown, and nothing is counted.
        ledger.same(
            f"{where}, refused with the way out",
            bool(re.search(r"--\w|write|use|try", printed)),
            True,
        )
        return
    ledger.near(where, said, truth)


def german(ledger: Ledger) -> None:
    """Thousands with a point: 45.000 is forty-five thousand, as a cell beside it settles; alone, it
    is refused."""
    rows = [
        ("0061", "Adler", "Negotiation/Review", "45.000", "20.03.2026", "05.01.2026", "Ann", "60"),
        ("0062", "Birke", "Proposal/Price Quote", "12.500", "25.03.2026", "06.01.2026", "Bo", "40"),
        (
            "0063",
            "Zeder",
            "Proposal/Price Quote",
            "1.234,50",
            "27.03.2026",
            "15.01.2026",
            "Bo",
            "40",
        ),
    ]
    folder = _folder('preset = "salesforce"\ncurrency = "EUR"\n')
    settled = _forecast(folder, _write(folder, "settled.csv", _HEADS, rows, by=";"))
    _check_value(ledger, "file of German amounts", settled, 58_734.5)
    alone = _forecast(folder, _write(folder, "alone.csv", _HEADS, rows[:2]))
    _check_value(ledger, "file of German amounts, none of which settles them", alone, 57_500.0)


def signs(ledger: Ledger) -> None:
    """Euros in a file of dollars are no dollars."""
    rows = [
        ("0061", "Alder", "Negotiation/Review", "€45,000", "3/20/2026", "1/5/2026", "Ann", "60"),
        ("0062", "Birch", "Proposal/Price Quote", "$12,500", "3/25/2026", "1/16/2026", "Bo", "40"),
    ]
    folder = _folder()
    printed = _forecast(folder, _write(folder, "signs.csv", _HEADS, rows))
    said = _open_value(printed, "2026-03")
    ledger.same("file with euros, read as dollars", said == 57_500, False)
    ledger.same("file with euros, names the cell", "€45,000" in printed or "EUR" in printed, True)


def years(ledger: Ledger) -> None:
    """The year 3026 is a mistake."""
    rows = [("0061", "Alder", "Negotiation/Review", "45,000", "3/20/3026", "1/5/2026", "Ann", "60")]
    folder = _folder()
    printed = _forecast(folder, _write(folder, "years.csv", _HEADS, rows))
    counted = _open_value(printed, "3026-03") is not None
    ledger.same("file with the year 3026, refused by name", "3026" in printed and not counted, True)


def typed(ledger: Ledger) -> None:
    """A day typed without its year in December is the next one, not the last."""
    org = oa.Org(currency="USD", timezone="America/New_York")
    deal = {
        "unique_id": "a",
        "name": "Alder",
        "stage": "proposal",
        "value": 900.0,
        "close_date": "2026-12-20",
    }
    frame = org.apply(pd.DataFrame([{**deal, "created_at": "2026-11-01T08:00Z"}]))
    grid = oa.edit(frame, as_of="2026-12-10")
    grid._respond(
        {"do": "edit", "areas": [{"rows": [0], "fields": ["close_date"], "block": [["1/5"]]}]}
    )
    said = f"{grid.edited['close_date'].iloc[0]:%Y-%m-%d}"
    ledger.same("grid, 1/5 typed in December", said in ("2027-01-05", "2026-12-20"), True)


def blank(ledger: Ledger) -> None:
    """A deal without a stage is neither open nor closed."""
    rows = [
        (
            f"006{k}",
            f"Deal {k}",
            "" if k % 2 else "Proposal/Price Quote",
            "1,000",
            "3/20/2026",
            "1/5/2026",
            "Ann",
            "40",
        )
        for k in range(10)
    ]
    folder = _folder()
    printed = _forecast(folder, _write(folder, "blank.csv", _HEADS, rows))
    _check_value(ledger, "file with blank stages, open value", printed, 5_000.0)
    ledger.same("file with blank stages, warned of", "stage" in printed.lower(), True)


def stale(ledger: Ledger) -> None:
    """An export of 2015 has no forecast for today."""
    rows = [
        (
            f"006{k}",
            f"Deal {k}",
            "Closed Won",
            "1,000",
            f"{k + 1}/17/2015",
            "1/15/2014",
            "Ann",
            "100",
        )
        for k in range(7)
    ]
    folder = _folder()
    printed = _forecast(folder, _write(folder, "stale.csv", _HEADS, rows), None)
    ledger.same(
        "export of 2015, asked today: says the newest date",
        "2015-07-17" in printed or "Jul 17, 2015" in printed,
        True,
    )


def ids(ledger: Ledger) -> None:
    """Ids of 15 and of 18 characters, and with their zeros lost, are the same deals; those of other
    deals are refused."""
    full = ["0061t00000AbCdE", "0061t00000AbCdF", "0061t00000AbCdG", "0061t00000AbCdH"]
    spelled = {
        "15 and 18 characters": (full, [_long_id(one) for one in full]),
        "zeros lost": (
            [f"{k}" for k in (123, 456, 789, 790)],
            [f"000{k}" for k in (123, 456, 789, 790)],
        ),
        "other deals": (["700", "701", "702", "703"], ["123", "456", "789", "790"]),
    }
    for how, (theirs, ours) in spelled.items():
        folder = _folder()
        deals = [
            (
                ours[k],
                f"Deal {k}",
                "Proposal/Price Quote",
                f"{k + 1},000",
                "3/20/2026",
                "1/5/2026",
                "Ann",
                "40",
            )
            for k in range(4)
        ]
        log = [
            (theirs[k], "Stage", "Prospecting", "Proposal/Price Quote", "2/20/2026 9:00 AM", "Ann")
            for k in range(4)
        ]
        file = _write(folder, "deals.csv", _HEADS, deals)
        changes = _write(folder, "log.csv", _LOG_HEADS, log)
        words = ["--org", folder / "opp-analytics.toml", "--history", folder / "opp-history"]
        printed = run_command("import-crm", file, changes, *words)
        where = f"ids, {how}"
        if how == "other deals":
            ledger.same(f"{where}, refused", "Error" in printed, True)
            continue
        with quiet():
            history = oa.History(
                folder / "opp-history", org=oa.Org.read(folder / "opp-analytics.toml")
            )
            if not len(history.records):
                ledger.same(where, printed.strip().splitlines()[-1], "a history")
                continue
            frame = history.as_of(history.records["recorded_at"].iloc[-1])
        ledger.near(f"{where}, deals of the history", len(frame), 4)
        ledger.near(
            f"{where}, open value of the history",
            float(frame["value"].sum()) if "value" in frame else 0.0,
            10_000.0,
        )


def _long_id(short: str) -> str:
    """The 18 characters of an id of 15: three letters more that tell its capitals."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    parts = [short[k : k + 5] for k in (0, 5, 10)]
    return short + "".join(
        letters[sum(2**place for place, letter in enumerate(part) if letter.isupper())]
        for part in parts
    )


def closings(ledger: Ledger) -> None:
    """Tracking switched on late: deals closed before have no line, and were open until their close
    dates."""
    deals, log, spans = [], [], []
    for k in range(48):
        born = pd.Timestamp("2025-01-06") + pd.Timedelta(days=9 * k)
        closed = born + pd.Timedelta(days=40 + 7 * (k % 5))
        key, value = f"006{k:03d}", 1000 * (1 + k % 6)
        done = closed < pd.Timestamp("2026-03-02")
        stage = ("Closed Won" if k % 3 else "Closed Lost") if done else "Proposal/Price Quote"
        deals.append(
            (key, f"Deal {k}", stage, value, f"{closed:%m/%d/%Y}", f"{born:%m/%d/%Y}", "Ann", "")
        )
        spans.append((born, closed if done else pd.Timestamp.max, value))
        if closed >= pd.Timestamp("2025-11-01"):
            log.append(
                (
                    key,
                    "Stage",
                    "Prospecting",
                    "Proposal/Price Quote",
                    f"{born + pd.Timedelta(days=5):%m/%d/%Y} 9:00 AM",
                    "Ann",
                )
            )
            if done:
                log.append(
                    (
                        key,
                        "Stage",
                        "Proposal/Price Quote",
                        stage,
                        f"{closed:%m/%d/%Y} 9:00 AM",
                        "Ann",
                    )
                )
    folder = _folder()
    file, changes = (
        _write(folder, "deals.csv", _HEADS, deals),
        _write(folder, "log.csv", _LOG_HEADS, log),
    )
    words = ["--org", folder / "opp-analytics.toml", "--history", folder / "opp-history"]
    printed = run_command("import-crm", file, changes, *words)
    unlogged = {deal[0] for deal in deals if deal[2].startswith("Closed")} - {
        line[0] for line in log
    }
    ledger.same(
        "field history, says how many closings have no line",
        f"{len(unlogged)} of " in printed,
        True,
    )
    shown = run_command("created", *words)
    rows = {cells["period"]: cells for cells in find_table(shown, "period", "open_count")}
    for month in pd.period_range("2025-03", "2025-12", freq="M"):
        end = month.end_time
        opened = [value for born, closed, value in spans if born <= end and closed > end]
        cells = rows.get(str(month))
        if cells is None:
            ledger.same(f"command created, {month}", "no row", "a row")
            continue
        ledger.near(
            f"command created, {month}, open deals", float(cells["open_count"]), len(opened)
        )
    with quiet():
        history = oa.History(folder / "opp-history", org=oa.Org.read(folder / "opp-analytics.toml"))
        day = pd.Timestamp("2025-06-15")
        frame = history.as_of(day)
    opened = [value for born, closed, value in spans if born < day <= closed]
    known = frame[oa.outcomes(frame) == "open"]
    ledger.near("history, open deals on 2025-06-15", len(known), len(opened))
    ledger.near(
        "history, open value on 2025-06-15",
        float(known["value"].sum()) if "value" in known else 0.0,
        float(sum(opened)),
    )
    said = run_command("forecast", *words, "--from", file, "--as-of", "2026-03-10")
    learned = re.search(r"Method: learned, from (\d+) ended months", said)
    ledger.same(
        "forecast, learned from months whose closings are not known",
        learned is not None and int(learned[1]) > 4,
        False,
    )


def import_file(ledger: Ledger) -> None:
    """The file for another CRM's import holds the edited cell only, so that a colleague's change
    stays."""
    folder = _folder()
    rows = [
        (
            f"006{k}",
            f"Deal {k}",
            "Proposal/Price Quote",
            "1,000",
            "3/20/2026",
            "1/15/2026",
            "Ann",
            "40",
        )
        for k in range(3)
    ]
    org = oa.Org.read(folder / "opp-analytics.toml")
    with quiet():
        before = oa.read_export(_write(folder, "deals.csv", _HEADS, rows), org, progress=False)
        after = before.copy()
        after.attrs = before.attrs
        after.loc[after["unique_id"] == "0061", "value"] = 2500.0
        oa.to_csv(after, folder / "import.csv", org=org, before=before)
    with (folder / "import.csv").open(encoding="utf-8-sig", newline="") as lines:
        heads, *written = list(csv.reader(lines))
    cells = [{head: cell for head, cell in zip(heads, row, strict=True) if cell} for row in written]
    ledger.same(
        "import file, deals",
        [
            next((cell for head, cell in each.items() if head.lower().endswith("id")), None)
            for each in cells
        ],
        ["0061"],
    )
    filled = sorted({head for each in cells for head in each if not head.lower().endswith("id")})
    ledger.same("import file, cells", filled, ["Amount"])


FILES: dict[str, Callable[[Ledger], None]] = {
    check.__name__: check
    for check in (german, signs, years, typed, blank, stale, ids, closings, import_file)
}
"""Each kind of file by its name."""
