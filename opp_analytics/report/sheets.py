"""The sheets of the workbook: the first screen with its charts, then a table of an answer each."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import evidence
from opp_analytics.answers import (
    CATALOG,
    Answer,
    Context,
    Row,
    Table,
    deals,
    forecasts,
    name_new_business,
    say_action,
    tables,
    will_we_make_it,
)
from opp_analytics.org import Org, write_in_force
from opp_analytics.report.model import WeeklyPage
from opp_analytics.schema import ALL, BUCKETS
from opp_analytics.workbooks import PERIODS, count_days


@dataclass(frozen=True)
class Sheet:
    """A table on a sheet of its own."""

    name: str
    table: pd.DataFrame
    summed: tuple[str, ...] = ()
    """Columns with a total below."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Titles of columns that mean something of their own on this sheet."""
    note: str = ""
    """A line below the table."""
    left_out: str = ""
    """What is not on it, which the summary says too."""
    about: str = ""
    """What it holds; of the further sheets, which are listed before them."""
    total: str = "Total"
    """What the row of totals is called."""
    printed: int | None = None
    """Rows that are printed, by default all."""
    levels: tuple[int, ...] = ()
    """Depth of each row, where rows add up those below them: the last is the total, 0, after
    groups, from 1 on."""


@dataclass(frozen=True)
class Figure:
    """A figure of the summary."""

    title: str
    value: Any
    column: str
    """The forecast's column, which says the unit; also the name of the cell."""
    before: Any = None


@dataclass(frozen=True)
class Share:
    """A part of the forecast."""

    title: str
    value: float
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Conditions by column that select its deals on their sheet, as `SUMIFS` takes them; none where
    it is not of deals."""


@dataclass(frozen=True)
class Graph:
    """Amounts drawn in the summary: columns of money by period or name.

    There is a mark at each target.
    """

    title: str
    table: pd.DataFrame
    """The index names the columns; its name is that of the axis."""
    stacked: bool = False


@dataclass(frozen=True)
class Summary:
    """The first sheet."""

    title: str
    alerts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    since: str = ""
    """Heads the earlier figures; empty without any."""
    shares: tuple[Share, ...] = ()
    """Parts that add up to the forecast."""
    graphs: tuple[Graph, ...] = ()


_SAID: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("sheets.toml").read_text(encoding="utf-8")
)
SHEETS: dict[str, dict[str, Any]] = _SAID["sheet"]
"""The sheets in their order, those in front, then the further ones: each a table of an answer."""
_COLUMNS: dict[str, list[str]] = _SAID["columns"]
_MOST_LISTED = 1_000
"""Rows of a sheet, and of each list of deals on one, that somebody may read; all of the deals."""
_MOST_DRAWN, _LONGEST = 12, 24
"""People or teams of a chart, and letters of a name below it."""
_NAMED = {"deal": "name", "flag": "check", "step": "movement"}
"""Columns of names by kind of row, where they are not called as the kind."""


def summarize(page: WeeklyPage, context: Context) -> Summary:
    """Keep the page's first words, its figures as numbers, and its drawings.

    The figures come with those of the earlier record.
    """
    graphs = (_draw_periods(context), _draw_people(context))
    return Summary(
        f"{page.heading} · {page.subject}",
        tuple(alert.words for alert in page.alerts),
        page.warnings,
        tuple(filter(None, (page.sentence, page.second))),
        _list_figures(will_we_make_it(context)),
        page.since,
        share_forecast(context),
        tuple(
            graph for graph in graphs if graph.table.filter(["Closed", "Forecast"]).to_numpy().any()
        ),
    )


def _list_figures(answer: Answer) -> tuple[Figure, ...]:
    """List the figures of the current period, with those of the earlier record."""
    now, *then = (table.rows[0].values for table in answer.tables)
    before = then[0] if then else {}
    return tuple(
        Figure(title, now.get(column), column, before.get(column))
        for column, title in answer.title_columns(answer.tables[0]).items()
    )


def share_forecast(context: Context) -> tuple[Share, ...]:
    """Share out the current period's forecast: closed, open deals by date, and the rest.

    The rest is what is expected beyond the deals.
    """
    today, end = context.day, context.period.end_time.normalize()
    first, last = map(int, count_days(pd.Series([today, end])))
    kinds: dict[str, tuple[Callable[[Any], bool], tuple[str, ...]]] = {
        f"Open, due in {context.name}": (
            lambda date: today <= date <= end,
            (f">={first}", f"<={last}"),
        ),
        "Open, overdue": (lambda date: date < today, (f"<{first}",)),
        "Open, without a close date": (lambda date: date is pd.NaT, ("=",)),
        f"Open, due after {context.name}": (lambda date: date > end, (f">{last}",)),
    }
    listed = [row.values for table in deals(context).tables for row in table.rows]

    def add(outcome: str, is_due: Callable[[Any], bool]) -> float:
        return math.fsum(
            values.get("in_forecast", 0.0)
            for values in listed
            if values["outcome"] == outcome and is_due(values.get("close_date", pd.NaT))
        )

    closed = Share("Closed", add("won", lambda date: True), {"outcome": ("won",)})
    due = [
        Share(title, add("open", is_due), {"outcome": ("open",), "close_date": dates})
        for title, (is_due, dates) in kinds.items()
    ]
    new = float(np.nan_to_num(forecasts.current(context)["new_business"]))
    rest = Share(name_new_business(context), new)
    return (closed, *(share for share in (*due, rest) if share.value))


def _draw_periods(context: Context) -> Graph:
    """Draw closed and still expected money by period, from the current one on.

    Each period has its target.
    """
    rows = forecasts.forecast(context).loc[[context.label, *forecasts.ahead(context).index]]
    table = pd.DataFrame(
        {"Closed": rows["booked"], "Still expected": rows["expected"] - rows["booked"]}
    )
    table = table.assign(Forecast=rows["expected"], Target=rows["target"])
    org = Org.of(context.opportunities)
    read = {label: _read_period(org, context.freq, label) for label in rows.index}
    names = [one if isinstance(one, str) else text.period(label) for label, one in read.items()]
    table.index = pd.Index(names, name=context.noun)
    return Graph(f"Closed and still expected, by {context.noun}", table, stacked=True)


def _draw_people(context: Context) -> Graph:
    """Draw what the teams, else the people, closed, are forecast and have as target.

    The rest of many as one.
    """
    rows, who = forecasts.persons(context), context.who
    if tables.teams(context):
        rows, who = forecasts.people(context), text.label(context.by[0])
        while rows.index.nlevels > 1:
            rows = pd.DataFrame(rows.xs(ALL, level=-1))
        rows = rows.drop(index=ALL)
    names = {"booked": "Closed", "expected": "Forecast", "target": "Target"}
    rows = rows[[*names]].rename(columns=names).iloc[: len(rows) if len(rows) > 1 else 0]
    rows = rows.sort_values(["Target", "Forecast"], ascending=False, kind="stable")
    kept = rows.head(_MOST_DRAWN - (len(rows) > _MOST_DRAWN)).rename(
        lambda name: (
            name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
        )
    )
    if more := len(rows) - len(kept):
        rest = rows.iloc[len(kept) :].sum(min_count=1).rename(text.count(more, f"more {who}"))
        kept = pd.concat([kept, rest.to_frame().T])
    return Graph(f"Closed and forecast in {context.name}, by {who}", kept.rename_axis(who))


def sheets(context: Context) -> Iterator[Sheet]:
    """Make every sheet that has something to hold, in order."""
    answers: dict[str, Answer] = {}
    for name, said in SHEETS.items():
        if key := said.get("ask"):
            if key not in answers:
                answers[key] = CATALOG[key].ask(context)
            sheet = _make_sheet(answers[key], name, said)
        else:
            sheet = _make_own(context, name)
        if len(sheet.table):
            titles = {"period": text.capital(context.noun), **sheet.titles}
            if forecasts.by_rate(context):
                titles["new_business"] = "Run rate"
            # Attributes would be copied at each step.
            table = _read_periods(context, pd.DataFrame(sheet.table))
            yield replace(
                sheet,
                table=table,
                titles={**titles, **said.get("titles", {})},
                summed=tuple(said.get("summed", ())),
                about=said.get("about", ""),
                total=said.get("total", "Total"),
            )


def _make_sheet(answer: Answer, name: str, said: Mapping[str, Any]) -> Sheet:
    """Show a table of an answer, or the deals behind the rows of its first one.

    Lists of deals have the name of their sheet.
    """
    most = None if answer.key == "deals" else _MOST_LISTED
    found = [table for table in answer.tables if table.name == said.get("table")]
    frames = [_tabulate(answer, table, most) for table in found]
    if "table" not in said:
        for row in answer.tables[0].rows if answer.tables else ():
            behind = answer.opens(row)
            for table in behind.tables if behind else ():
                if text.title(table.name) == name:
                    frame = _tabulate(answer, table, most)
                    frame.insert(0, *_name_rows(answer.context, [row] * len(frame)))
                    found.append(table)
                    frames.append(frame)
    rows = [row for table in found for row in table.rows if row.kind != "rest"]
    folded = [row.folded for row in rows]
    listed = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    # Notes are about the first table and what is behind it.
    is_further = bool(found) and found[0].name in [table.name for table in answer.tables[1:]]
    notes = [] if is_further else [f"{answer.say(note)}." for note in answer.notes]
    left_out = " ".join(notes) if answer.key == "deals" else ""
    if len(listed) < len(rows):
        left_out = f"These are {len(listed):,} of {len(rows):,} rows: the first {most:,} of "
        left_out += f"each list. All of them: opp-analytics {CATALOG[answer.key].command}"
        notes.append(left_out)
    return Sheet(
        name,
        listed.dropna(axis="columns", how="all"),
        titles={key: head for table in found for key, head in table.heads.items() if key != "name"},
        note=" ".join(notes),
        left_out=left_out,
        printed=folded.count(False) if folded == sorted(folded) else None,
    )


def _tabulate(answer: Answer, table: Table, most: int | None) -> pd.DataFrame:
    """Tabulate at `most` so many rows: the name first, a deal's groups after it and its id last."""
    rows = [row for row in table.rows if row.kind != "rest"][:most]
    is_deal = any(row.kind == "deal" for row in rows)
    groups = [name for name in answer.context.by if is_deal and name not in table.columns]
    frame = answer.to_frame(replace(table, columns=(*groups, *table.columns), rows=tuple(rows)))
    ids = frame.pop("id")
    frame = frame.drop(columns="name")
    frame.insert(0, *_name_rows(answer.context, rows))
    return frame.assign(unique_id=ids) if is_deal else frame


def _name_rows(context: Context, rows: Sequence[Row]) -> tuple[str, list[str]]:
    """Name the column of the rows' names, and the rows; periods by their label."""
    kind = rows[0].kind if rows else "deal"
    if kind == "period":
        return kind, [str(row.values.get(kind, row.id)) for row in rows]
    column = context.person if kind == "person" else _NAMED.get(kind, kind)
    return str(column), [row.name.write(None) for row in rows]


def _read_periods(context: Context, table: pd.DataFrame) -> pd.DataFrame:
    """Turn labels of periods into what a spreadsheet sorts by time.

    These are months and weeks, and quarters as "2026 Q4"; words come last.
    """
    org, freq, further = Org.of(context.opportunities), context.freq, list(table)
    for name in set(PERIODS) & set(table):
        read = {label: _read_period(org, freq, label) for label in table[name].dropna().unique()}
        if weeks := {label: pd.Timestamp(label[11:]) for label in read if "/" in label}:
            further.insert(further.index(name) + 1, f"{name}_end")
            table = table.assign(**{f"{name}_end": table[name].map(weeks).astype("datetime64[us]")})
        table = table.assign(
            **{name: pd.Series([*map(read.get, table[name])], table.index, dtype="object")}
        )
    return table[further]


def _read_period(org: Org, freq: str, label: str) -> pd.Period | str:
    if label in BUCKETS:
        return _BUCKETS[label]
    if label[7:]:
        return pd.Period(label[:10], "D")
    kind = "M" if "-" in label else "Q" if "Q" in label else "Y"
    if kind == "M":
        return pd.Period(label, kind)
    shown = text.period(label, freq if freq.startswith(kind) else org.freq(kind))
    quarter, _, year = shown.partition(" ")
    return shown if shown.startswith("FY") or not year else f"{year} {quarter}"


def _make_own(context: Context, name: str) -> Sheet:
    table = _MAKERS[name](context)
    titles = {"chance": forecasts.name_history(context, str(forecasts.lead(context)))}
    if not forecasts.no_changes(context):
        day = context.write_day(forecasts.earlier(context).day)
        titles["change"] = f"Change since {day}".replace(" ", "\N{NO-BREAK SPACE}")
    return Sheet(name, table, titles=titles, levels=tuple(table.attrs.get("levels", ())))


def _put_words_last(table: pd.DataFrame) -> pd.DataFrame:
    """Put overdue and undated deals below those of periods, as a spreadsheet sorts them."""
    words = table["period"].isin(BUCKETS)
    return pd.concat([table[~words], table[words]], ignore_index=True)


def _list_people(context: Context) -> pd.DataFrame:
    """List each team above its people, in the page's order, and the total last."""
    table, by = forecasts.compared_people(context), list(context.by)
    if forecasts.persons(context).empty or (
        context.only is not None and len(forecasts.persons(context)) == 1
    ):
        return table.head(0)
    ranked = evidence.rank_groups(
        table, aimed=bool(forecasts.persons(context)["target"].notna().any())
    )
    keys = list(map(text.split_key, ranked.index))
    rank, depths = (
        {key: place for place, key in enumerate(keys)},
        [len(by) - key.count(ALL) for key in keys],
    )

    def trace(place: int) -> list[int]:
        parts, depth = keys[place], depths[place]
        above = [(*parts[:step], *[ALL] * (len(by) - step)) for step in range(1, depth + 1)]
        return [rank.get(part, len(keys)) for part in above]

    places = sorted((place for place, depth in enumerate(depths) if depth), key=trace)
    places.append(rank[(ALL,) * len(by)])
    rows = ranked.iloc[places].reset_index()
    rows[by] = rows[by].astype("object").mask(rows[by] == ALL, None)
    rows.loc[len(rows) - 1, by[0]] = "Total"
    rows = rows[[*by, *_find_known(rows, _COLUMNS["people"])]]
    rows.attrs = {"levels": [depths[place] for place in places]}
    return rows


def _list_to_win(context: Context) -> pd.DataFrame:
    """List what each person has to go, above the deals that can cover it, and the total last."""
    short, person = forecasts.to_win(context).reset_index(), context.person
    deals, lead = (
        forecasts.deals_to_win(context),
        forecasts.deals_of(context, str(forecasts.lead(context)))["chance"],
    )
    rows: list[dict[Any, Any]] = []
    for one in short.to_dict("records"):
        rows.append({**one, "action": text.capital(one["advice"]), "level": 1})
        for deal in deals[deals[person] == one[person]].head(int(one["deals"])).to_dict("records"):
            chance = lead.get(deal["unique_id"]) if len(forecasts.chances(context)) else None
            told = {"chance": chance, "action": text.capital(say_action(context, deal)), "level": 2}
            rows.append(
                {name: deal.get(name) for name in (person, *_COLUMNS["deal_to_win"])} | told
            )
    if not rows:
        return short
    sums = short[["target", "booked", "gap", "value"]].sum().to_dict()
    table = pd.DataFrame([*rows, {person: "Total", "level": 0, **sums}])
    levels = table["level"].tolist()
    table = table.filter([person, *_COLUMNS["to_win"]]).dropna(axis="columns", how="all")
    table.attrs = {"levels": levels}
    return table


def _list_periods(context: Context) -> pd.DataFrame:
    table = _put_words_last(forecasts.forecast(context).reset_index())
    return table[["period", *_find_known(table, _COLUMNS["periods"])]]


def _find_known(table: pd.DataFrame, names: Iterable[str]) -> list[str]:
    """Find the columns with a value; rare ones with another one than 0."""
    return [
        name
        for name in names
        if (table[name].fillna(0).any() if name in _COLUMNS["rare"] else table[name].notna().any())
    ]


def _list_calls(context: Context) -> pd.DataFrame:
    """List every call, the newest first, with the days from it to the period's end."""
    calls = context.calls.sort_values("made_on", ascending=False, kind="stable")
    org = Org.of(context.opportunities)
    last = {label: org.period_days(label)[1] for label in calls["period"].unique()}
    ends = pd.Series([last[label] for label in calls["period"]], calls.index, "datetime64[us]")
    calls.insert(2, "days_before", (ends - calls["made_on"]).dt.days)
    calls["in_force"] = write_in_force(calls)
    return calls


_BUCKETS = dict(zip(BUCKETS, ("overdue", "no close date"), strict=True))
"""Words for what has no period."""
_MAKERS: dict[str, Callable[[Context], pd.DataFrame]] = {
    "People": _list_people,
    "To win": _list_to_win,
    "Calls": _list_calls,
    "Periods": _list_periods,
}
