"""The page, the workbook, the mail and the Markdown, figure by figure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis import find_lead
from tests.report import reading
from tests.surfaces.answers import Answers
from tests.surfaces.facts import CHANCE, EVERYWHERE, FLAGGED, FORECAST, Ledger
from tests.surfaces.shown import Shown, as_frame, cell_text, rows_of, texts_of

__all__ = ["check_digests", "check_page", "check_workbook"]


_SINCE = re.compile(r"[Ss]ince ([A-Z][a-z]{2} \d+)")


def check_page(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare the first words and figures of the page, and what its blocks say alike."""
    page = shown.page
    said = oa.sentence(answers.forecast)
    ledger.same("page: first sentence", f"{page.sentence} {page.second}"[: len(said)], said)
    _check_tiles(ledger, page, answers)
    for key in page.keys:
        for words in texts_of(page.block(key)):
            for since in _SINCE.findall(words):
                ledger.claim("page", "the day that changes are counted from", since, f"block {key}")
            for flagged in FLAGGED.findall(words):
                ledger.claim(
                    EVERYWHERE, "open deals with a flag", " of ".join(flagged), f"page, {key}"
                )
            ledger.same(
                f"page, {key}: nan in {words[:60]!r}", bool(re.search(r"\bnan\b", words)), False
            )


def _check_tiles(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    money, (label, lead) = answers.money, find_lead(answers.forecast)
    row: Any = answers.forecast.loc[lead]
    tiles = {name.partition(",")[0]: tile for name, tile in page.tiles.items()}
    named = [name.partition(", ")[2] for name in page.tiles]
    here, there = (
        text.period_name(one, answers.world.freq, today=answers.world.day, short=True)
        for one in (label, lead)
    )
    ledger.same(
        "page, tiles, periods",
        named,
        [here, *[there] * (len(named) - 1)] if lead != label else [""] * len(named),
    )
    said = {name: figure for name, (figure, _, _) in tiles.items()}
    ledger.same("page, tile Closed won", said.get("Closed won"), money(answers.current["booked"]))
    ledger.same("page, tile Forecast", said.get("Forecast"), money(row["expected"]))
    met = row["booked"] >= row["target"] - 0.005
    if lead == label:
        ledger.claim(EVERYWHERE, FORECAST, said.get("Forecast", ""), "page, tile")
        if said.get("Chance of target", text.MISSING) not in (text.MISSING, "met"):
            ledger.claim(EVERYWHERE, CHANCE, said["Chance of target"], "page, tile")
    if "Chance of target" in said and said["Chance of target"] != text.MISSING:
        ledger.same(
            "page, tile Chance",
            said["Chance of target"],
            "met" if met else text.percent(row["p_target"]),
        )
    if "Coverage" in said and said["Coverage"] != text.MISSING:
        ledger.same(
            "page, tile Coverage",
            said["Coverage"],
            "met" if met else text.times(row["pipeline_coverage"]),
        )
    if "Open and due" in said and row["open_count"]:
        ledger.same("page, tile Open and due", said["Open and due"], money(row["open_value"]))
    changes = {
        "Closed won": "booked",
        "Forecast": "expected",
        "Coverage": "pipeline_coverage",
        "Open and due": "open_value",
    }
    for name, (_, change, _) in tiles.items():
        column = changes.get(name)
        if not change or column is None:
            continue
        before, whose = answers.earlier, label if name == "Closed won" else lead
        assert before is not None, f"{name} changed since {change}, and there is no earlier record"
        moved = float(answers.forecast.loc[whose, column] - before.loc[whose, column])
        size = text.times(abs(moved)) if name == "Coverage" else money(abs(moved))
        words = (
            f"{'▲' if moved > 0 else '▼'} {size}"
            if abs(moved) > 0 and size not in ("0", "$0", "€0")
            else "no change"
        )
        ledger.same(f"page, tile {name}, change", change.split(" since")[0], words)
        assert answers.since is not None
        ledger.same(
            f"page, tile {name}, since", change.split("since ")[-1], text.day(answers.since[1])
        )


# -- workbook, mail, Markdown


_PAST = ["period", "made_at", "lead", "expected", "low", "high", "actual", "error", "held"]
_SHEETS: dict[str, Callable[[Answers], pd.DataFrame | None]] = {
    "Periods": lambda answers: answers.forecast.reset_index(),
    "Categories": lambda answers: (
        None if answers.categories is None else answers.categories.reset_index()
    ),
    "Win rates": lambda answers: (
        None if answers.win_rates is None else answers.win_rates.reset_index()
    ),
    "Past ranges": lambda answers: (
        None if answers.past_ranges is None else answers.past_ranges.reset_index()[_PAST]
    ),
    "Stage flow": lambda answers: None if answers.flow is None else answers.flow.reset_index(),
    "Change": lambda answers: answers.change_deals,
}


def check_workbook(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare each sheet with its function, cell by cell."""
    book = shown.workbook
    summary = {str(row[0].value): row for row in book["Summary"] if row[0].value is not None}
    row = answers.current
    figures = {
        "Closed won": "booked",
        "Forecast": "expected",
        "Target": "target",
        "To go": "gap",
        "Coverage": "pipeline_coverage",
    }
    for title, column in figures.items():
        if title in summary and isinstance(summary[title][1].value, (int, float)):
            ledger.near(
                f"workbook, Summary, {title}", float(summary[title][1].value), float(row[column])
            )
    _check_shown_chances(ledger, book, summary)
    ledger.claim(
        EVERYWHERE,
        FORECAST,
        answers.money(_number(summary["Forecast"][1].value)),
        "workbook, Summary",
    )
    for name, make in _SHEETS.items():
        given = make(answers)
        if name in book and given is not None:
            sheet = as_frame(book[name])
            if "period" in given:
                # Those without a period come last.
                words = given["period"].isin(["overdue", "unscheduled"])
                given = pd.concat([given[~words], given[words]], ignore_index=True)
            _check_sheet(ledger, f"workbook, {name}", sheet, given)
    people = answers.people
    if "People" in book and people is not None:
        leaves = people[
            [("(all)" not in (key if isinstance(key, tuple) else (key,))) for key in people.index]
        ]
        keys = list(leaves.index.names)
        sheet = as_frame(book["People"]).dropna(subset=keys)
        given = leaves.reset_index().set_index(keys).loc[sheet.set_index(keys).index]
        _check_sheet(ledger, "workbook, People", sheet, given.reset_index())
        ledger.same("workbook, People, everybody", len(sheet), len(leaves))
    if "Deals" in book:
        sheet = as_frame(book["Deals"]).set_index("unique_id")
        frame = answers.deals.set_index("unique_id").reindex(sheet.index)
        for column in ("value", "probability"):
            if column in sheet and column in frame:
                for deal, (said, given) in zip(
                    sheet.index, zip(sheet[column], frame[column], strict=True), strict=True
                ):
                    ledger.near(f"workbook, Deals, {deal}, {column}", _number(said), _number(given))


def _check_shown_chances(
    ledger: Ledger, book: dict[str, list[list[Any]]], summary: dict[str, list[Any]]
) -> None:
    """A spreadsheet shows a chance as the page does."""
    cells = [("Summary", summary["Chance of target"][1])] if "Chance of target" in summary else []
    for name in {"People", "Periods"} & set(book):
        heads = [
            head.comment.text.strip().partition(":")[0] if head.comment is not None else head.value
            for head in book[name][0]
        ]
        if "p_target" in heads:
            cells += [(name, row[heads.index("p_target")]) for row in book[name][1:]]
    for name, cell in cells:
        if isinstance(cell.value, (int, float)):
            ledger.same(
                f"workbook, {name}, chance as shown", cell_text(cell), text.percent(cell.value)
            )


def _number(value: Any) -> float:
    return math.nan if value is None or pd.isna(value) else float(value)


def _check_sheet(ledger: Ledger, where: str, sheet: pd.DataFrame, given: pd.DataFrame) -> None:
    ledger.same(f"{where}, rows", len(sheet), len(given))
    if len(sheet) != len(given):
        return
    for name in given.columns:
        if (
            name in sheet
            and pd.api.types.is_numeric_dtype(given[name])
            and given[name].dtype.kind != "b"
        ):
            for place, (said, value) in enumerate(zip(sheet[name], given[name], strict=True)):
                value = _number(value)
                expected = math.nan if math.isinf(value) else value
                ledger.near(
                    f"{where}, row {place + 1}, {name}", _number(said), expected, within=0.006
                )


def check_digests(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare mail and text for a chat with the page: the same figures, as sentences."""
    page, money = shown.page, answers.money
    plain, rich = shown.mail
    texts = {
        "mail as text": plain,
        "mail as HTML": rich,
        "Markdown": shown.markdown.replace("\\", ""),
    }
    for surface, words in texts.items():
        flat = " ".join(words.replace("*", "").split()).replace(" ,", ",")
        chat, letter = surface == "Markdown", surface == "mail as text"
        for part in (page.sentence, "" if chat and rows_of(page, "people") else page.second):
            ledger.same(f"{surface}: {part[:40]}…", part.replace("*", "") in flat, True)
        for name, (figure, change, note) in page.tiles.items():
            parts = [] if letter and figure == text.MISSING else [figure]
            parts += [change or note] if chat else [change, note]
            parts = (
                [one.replace("▲", "up").replace("▼", "down") for one in parts] if letter else parts
            )
            ledger.same(f"{surface}, tile {name}", [one for one in parts if one not in flat], [])
        for cells in rows_of(page, "risk")[:5]:
            value = cells["Value"].replace(",", "").replace("−", "-")
            facts = [money(float(value))] if value != text.MISSING else []
            flags = [
                flag.partition("; ")[0]
                for flag in cells["Why"].removesuffix(".").casefold().split(". ")
            ]
            named = cells["Deal"] if surface == "mail as HTML" else text.isolate(cells["Deal"])
            said = " ".join(", ".join([named, *facts]).split())
            found = flat[flat.index(said) :].casefold() if said in flat else ""
            ledger.same(
                f"{surface}, risk, {said}", [flag for flag in flags if flag not in found], []
            )
