"""What is asked about each history, and the answers as plain tables and lines of text."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd

import opp_analytics as oa
from opp_analytics.note import note_of
from tests.golden.adapters import forecast_by_column, forecast_by_rates
from tests.golden.histories import Known

__all__ = ["TABLES", "Answers", "answer"]

Answers = dict[str, Any]
"""By question: a table (``columns`` and ``rows``), or an error's text; or lines of text."""

_METHODS = ("auto", "learned", "run_rate", "stated", "stage")
ASK: Any = oa
"""The package, whose arguments are options of a loop here."""


def _forecast(known: Known) -> Iterator[tuple[str, Callable[[], pd.DataFrame]]]:
    def ask(**asked: Any) -> Callable[[], pd.DataFrame]:
        target = (
            known.target
            if asked.get("freq", "M") == "M" or not isinstance(known.target, dict)
            else None
        )
        options = {"as_of": known.as_of, "history": known.history, "target": target, **asked}
        return lambda: oa.forecast(known.opportunities, **options)

    for method in _METHODS:
        for freq in ("M", "Q"):
            yield f"{method} {freq}", ask(method=method, freq=freq)
    for method in ("learned", "run_rate", "stated"):
        yield f"{method} by totals", ask(method=method, by=list(known.by), totals=True, periods=3)
    yield "auto by Q", ask(by=list(known.by)[-1:], freq="Q", periods=2, target=None)
    yield "auto Y", ask(freq="Y", target=None)
    yield "auto 50% Tokyo", ask(confidence=0.5, tz="Asia/Tokyo", periods=2)
    yield "auto without history", ask(history=None, periods=3)
    yield "stage without history", ask(history=None, method="stage", periods=3)
    plain: dict[str, Any] = {"as_of": known.as_of, "target": known.target, "periods": 3}
    stages = sorted(known.opportunities["stage"].dropna().astype(str).unique())
    rates = {stage: round(0.1 + 0.7 * k / max(len(stages), 1), 3) for k, stage in enumerate(stages)}
    yield "given rates", lambda: forecast_by_rates(known.opportunities, rates, **plain)
    chances = known.opportunities.assign(mine=known.opportunities["value"].mod(97) / 100)
    chances.attrs = known.opportunities.attrs
    yield "column of chances", lambda: forecast_by_column(chances, "mine", **plain)


def _forecast_deals(known: Known) -> Iterator[tuple[str, Callable[[], pd.DataFrame]]]:
    def ask(**asked: Any) -> Callable[[], pd.DataFrame]:
        options = {"as_of": known.as_of, "history": known.history, **asked}
        return lambda: oa.forecast_deals(known.opportunities, **options)

    yield "auto", ask(target=known.target)
    yield "auto by Q", ask(freq="Q", by=list(known.by), target=known.target, periods=1)
    yield "stated", ask(method="stated", periods=2)
    yield "stage", ask(method="stage", periods=2)
    yield "learned", ask(method="learned", periods=1)
    yield "run_rate", ask(method="run_rate", periods=1)
    yield "without history", ask(history=None, periods=1, target=known.target)


def _of_history(known: Known) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    history, as_of = known.history, pd.Timestamp(known.as_of)
    if history is None:
        return
    month, last_month = (
        as_of.strftime("%Y-%m"),
        (as_of - pd.offsets.MonthBegin(2)).strftime("%Y-%m"),
    )
    quarter = _label(known, "Q")
    if known.past:
        yield from _past(known, month, last_month, quarter)
    for days, method in ((7, "stated"), (35, "auto"), (35, "stated")):
        start = as_of - pd.Timedelta(days=days)
        asked = {"start": start, "end": as_of, "period": month, "method": method}
        name = f"{method} {days} days"
        yield "forecast_change", name, partial(ASK.forecast_change, history, **asked)
        if days == 35:
            deals = partial(ASK.forecast_change_deals, history, **asked)
            yield "forecast_change", f"{name} deals", deals
    asked = {"start": as_of - pd.Timedelta(days=35), "end": as_of, "period": quarter, "freq": "Q"}
    yield (
        "forecast_change",
        "by Q",
        partial(ASK.forecast_change, history, by=list(known.by), **asked),
    )
    for method in ("auto", "stated"):
        for freq in ("M", "Q"):
            yield (
                "backtest",
                f"{method} {freq} now",
                partial(ASK.backtest, history, as_of=as_of, freq=freq, methods=method, lead="now"),
            )
    for freq in ("M", "Q"):
        yield "deal_reasons", freq, partial(_explain_first, known, freq)
    yield "calibration", "30 days", lambda: oa.calibration(history, horizon_days=30)
    yield (
        "calibration",
        "60 days by",
        lambda: oa.calibration(history, horizon_days=60, bins=4, by=known.by[-1], as_of=as_of),
    )
    yield "stage_rates", "all", lambda: oa.stage_rates(history)
    for freq in ("M", "W"):
        yield "world_changes", freq, partial(ASK.world_changes, history, freq=freq, as_of=as_of)
    yield "world_changes", "by", partial(ASK.world_changes, history, by=known.by[-1])


def _past(
    known: Known, month: str, last_month: str, quarter: str
) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    history, as_of = known.history, pd.Timestamp(known.as_of)
    assert history is not None
    for period in (month, last_month):
        yield "forecast_fan", f"auto {period}", partial(ASK.forecast_fan, history, period=period)
    for method in ("run_rate", "stated"):
        yield (
            "forecast_fan",
            f"{method} {month}",
            partial(ASK.forecast_fan, history, period=month, method=method),
        )
    yield (
        "forecast_fan",
        "auto quarter",
        lambda: oa.forecast_fan(
            history, period=quarter, freq="Q", as_of=known.as_of, confidence=0.5
        ),
    )
    for method in ("auto", "run_rate", "stated", "stage"):
        yield "backtest", f"{method} M", partial(ASK.backtest, history, freq="M", methods=method)
    yield "backtest", "auto Q", lambda: oa.backtest(history)
    for method in ("auto", "run_rate"):
        yield (
            "backtest",
            f"{method} by M",
            partial(_backtest_end, history, method, known.by[-1], as_of - pd.Timedelta(days=20)),
        )
    ours: list[Any] = ["learned", "run_rate", "stated"]
    yield "score", "M", lambda: oa.score(oa.backtest(history, freq="M", methods=ours))
    others: list[Any] = [
        "stated",
        "weighted",
        "three_periods",
        "stage_projection",
        "stage_projection_4",
        "last_period",
    ]
    yield (
        "score",
        "others by lead M",
        lambda: oa.score(oa.backtest(history, freq="M", methods=others), by="lead"),
    )


def _explain_first(known: Known, freq: str) -> pd.DataFrame:
    """The first rows of the reasons of deals."""
    table: pd.DataFrame = ASK.deal_reasons(
        known.opportunities, known.history, as_of=known.as_of, freq=freq
    )
    return table.head(60)


def _backtest_end(history: oa.History, method: str, by: str, as_of: pd.Timestamp) -> pd.DataFrame:
    """The last rows of a backtest by groups."""
    table: pd.DataFrame = ASK.backtest(history, freq="M", methods=method, by=by, as_of=as_of)
    return table.tail(40)


def _label(known: Known, freq: str) -> str:
    """The label of the period that a day is in."""
    try:
        table = ASK.forecast(
            known.opportunities, as_of=known.as_of, freq=freq, periods=1, method="stated"
        )
    except oa.errors.OppAnalyticsError:
        return "2026Q1"
    return str(table.index[-1])


def answer(
    known: Known, folder: Path, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    """Each table's name, its question, the answer, and its attrs."""
    if known.tables:
        yield from answer(
            replace(known, tables=()), folder, lambda name: name in known.tables and wanted(name)
        )
        return
    for name, questions in (("forecast", _forecast), ("forecast_deals", _forecast_deals)):
        if wanted(name):
            for question, ask in questions(known):
                yield (name, question, *_table(ask))
    for name, question, ask in _of_history(known):
        if wanted(name):
            yield (name, question, *_table(ask))
    if known.pages and (wanted("page") or wanted("page_charts") or wanted("workbook")):
        yield from _page(known, folder)


TABLES = (
    "forecast",
    "forecast_deals",
    "deal_reasons",
    "forecast_fan",
    "backtest",
    "score",
    "forecast_change",
    "calibration",
    "stage_rates",
    "world_changes",
    "page",
    "page_charts",
    "workbook",
)


def _quietly(ask: Callable[[], Any]) -> tuple[Any, list[str]]:
    """The result of a call and its warnings, or the error as text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = ask()
        except oa.errors.OppAnalyticsError as error:
            result = f"{type(error).__name__}: {error}"
    ours = [
        str(warning.message)
        for warning in caught
        if issubclass(warning.category, oa.errors.DataWarning)
    ]
    return result, ours


def _table(ask: Callable[[], pd.DataFrame]) -> tuple[Any, dict[str, Any]]:
    result, told = _quietly(ask)
    if isinstance(result, str):
        return {"error": result, **({"warnings": told} if told else {})}, {}
    plain = as_plain(result)
    return {**plain, **({"warnings": told} if told else {})}, {
        name: value for name, value in note_of(result).to_dict().items() if name != "org"
    }


def as_plain(table: pd.DataFrame) -> dict[str, Any]:
    """A table with its index as the first columns."""
    named = not isinstance(table.index, pd.RangeIndex)
    flat = table.reset_index() if named else table
    rows = [
        [_cell(value) for value in row] for row in flat.astype("object").itertuples(index=False)
    ]
    return {"columns": [str(column) for column in flat.columns], "rows": rows}


def _cell(value: Any) -> Any:
    """A cell as JSON has it; thirteen digits hold a comparison to 1e-9."""
    if isinstance(value, (list, tuple)):
        return [_cell(each) for each in value]
    if value is None or pd.isna(value):
        return None
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, (pd.Timestamp, pd.Timedelta)):
        return value.isoformat()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (pd.Period, pd.Interval)):
        return str(value)
    number = float(value)
    if math.isinf(number):
        return str(number)
    return int(number) if number.is_integer() and abs(number) < 1e15 else float(f"{number:.13g}")


# -- the weekly page

_BLOCKS = {
    "td",
    "th",
    "tr",
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "li",
    "div",
    "section",
    "title",
    "summary",
    "caption",
    "text",
    "dt",
    "dd",
    "figcaption",
    "details",
    "header",
    "footer",
    "br",
    "pre",
    "a",
    "svg",
}
_SPOKEN = ("aria-label", "alt", "href")


class _Lines(HTMLParser):
    """The texts of a page: those of its charts apart."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.charts: list[str] = []
        self._words: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._flush()
        if tag == "svg":
            self.charts.append("-- chart")
            self.lines.append("-- chart")
        if tag in ("svg", "style", "script"):
            self._inside.append(tag)
        texts = [f"[{name}: {value}]" for name, value in attrs if name in _SPOKEN and value]
        self._here.extend(text for text in texts if "base64" not in text)

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._flush()
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._inside):
            self._words.append(data)

    @property
    def _here(self) -> list[str]:
        return self.charts if "svg" in self._inside else self.lines

    def _flush(self) -> None:
        line = re.sub(r"\s+", " ", "".join(self._words)).strip()
        self._words = []
        if line:
            self._here.append(line)


def lines_of(html: str) -> tuple[list[str], list[str]]:
    """Texts of a page, and those of its charts."""
    parser = _Lines()
    parser.feed(html)
    parser.close()
    parser._flush()
    return parser.lines, parser.charts


def _page(known: Known, folder: Path) -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    def write() -> Any:
        return oa.weekly_report(
            known.opportunities,
            known.history,
            as_of=known.as_of,
            target=None if "org" in known.page else known.target,
            out=folder / "page.html",
            markdown=True,
            progress=False,
            **known.page,
        )

    result, told = _quietly(write)
    if isinstance(result, str):
        yield "page", "", [result, *told], {}
        return
    lines, charts = lines_of(result.html.read_text("utf-8"))
    digest = result.markdown.read_text("utf-8").splitlines()
    yield "page", "", [*told, *lines, "-- text for a chat", *digest], {}
    yield "page_charts", "", charts, {}
    book = openpyxl.load_workbook(result.xlsx)
    for sheet in book.worksheets:
        rows = [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]
        yield "workbook", sheet.title, {"rows": rows}, {}
