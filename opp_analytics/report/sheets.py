"""The sheets of the workbook: the first screen with its charts, context, and deals.

Tables are the report's, in full; deals are those that it speaks of.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import evidence
from opp_analytics.answers import CLOSED_AS, Context, forecasts, name_new_business, tables
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.org import Org, write_in_force
from opp_analytics.report.blocks.people import say_action
from opp_analytics.report.model import WeeklyPage
from opp_analytics.schema import ALL, BUCKETS, is_among
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
    about: str = ""
    """What it holds; of the further sheets, which are listed before them."""
    total: str = "Total"
    """What the row of totals is called."""
    explained: Mapping[str, str] = field(default_factory=dict)
    """What is meant by columns, for the notes at their headings."""
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
"""The sheets in their order, those in front, then the further ones; and their columns."""
_COLUMNS: dict[str, list[str]] = _SAID["columns"]
_MOST_LISTED, _MOST_NOTED = 1_000, 50
"""Findings of a check on its sheet, and deals at risk; findings of a check that is for information
only."""
_MOST_DRAWN, _LONGEST = 12, 24
"""People or teams of a chart, and letters of a name below it."""


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
        figures(context),
        page.since,
        share_forecast(context),
        tuple(
            graph for graph in graphs if graph.table.filter(["Closed", "Forecast"]).to_numpy().any()
        ),
    )


def figures(context: Context) -> tuple[Figure, ...]:
    """List the figures of the first screen, as numbers, with those of the earlier record."""
    period, earlier = (
        context.label,
        None if forecasts.no_changes(context) else forecasts.earlier(context),
    )
    return tuple(
        Figure(
            title,
            forecasts.current(context)[column],
            column,
            earlier.figure(period, column) if earlier else None,
        )
        for column, title in _SAID["figures"].items()
    )


def share_forecast(context: Context) -> tuple[Share, ...]:
    """Share out the current period's forecast: closed, open deals by date, and the rest.

    The rest is what is expected beyond the deals.
    """
    deals, close = context.deals, context.deals["close_date"]
    today, end = context.day, context.period.end_time.normalize()
    added, is_open = forecasts.added(context)[context.label], deals["outcome"] == "open"
    first, last = map(int, count_days(pd.Series([today, end])))
    kinds = {
        "Closed": (deals["outcome"] == "won", ()),
        f"Open, due in {context.name}": (
            is_open & close.between(today, end),
            (f">={first}", f"<={last}"),
        ),
        "Open, overdue": (is_open & (close < today), (f"<{first}",)),
        "Open, without a close date": (is_open & close.isna(), ("=",)),
        f"Open, due after {context.name}": (is_open & (close > end), (f">{last}",)),
    }
    shares = [
        Share(
            title,
            float(added[rows].sum()),
            {"outcome": ("open",), "close_date": dates} if dates else {"outcome": ("won",)},
        )
        for title, (rows, dates) in kinds.items()
    ]
    new = float(np.nan_to_num(forecasts.current(context)["new_business"]))
    shares.append(Share(name_new_business(context), new))
    return tuple(share for share in shares if share.title == "Closed" or share.value)


def _draw_periods(context: Context) -> Graph:
    """Draw closed and still expected money by period, from the current one on.

    Each period has its target.
    """
    context, rows = (
        context,
        forecasts.forecast(context).loc[[context.label, *forecasts.ahead(context).index]],
    )
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
    for name, said in _SAID["sheet"].items():
        try:
            table = _MAKERS[name](context)
        except (NotEnoughHistory, DataError):
            continue  # The page says why.
        if not len(table):
            continue
        note = _NOTES[name](context, table) if name in _NOTES else ""
        levels = tuple(table.attrs.get("levels", ()))
        printed, titles = table.attrs.get("printed"), dict(said.get("titles", {}))
        if "chance" in table:
            titles["chance"] = forecasts.name_history(
                context, str(forecasts.lead(context)) if name == "To win" else ""
            )
        if "change" in table:
            day = context.write_day(forecasts.earlier(context).day).replace(
                " ", "\N{NO-BREAK SPACE}"
            )
            titles["change"] = f"Change since {day}"
        explained = dict(_SAID["explained"]) if name in ("People", "Periods", "Deals") else {}
        if "new_business" in table and forecasts.by_rate(context):
            titles["new_business"] = "Run rate"
            explained["new_business"] = (
                f"{name_new_business(context)}: what they won from the same day on"
            )
        if "in_forecast" in table:
            titles["in_forecast"] = f"In forecast of {context.name}"
        # Attributes would be copied at each step.
        table = _read_periods(context, pd.DataFrame(table))
        if "period" in table and "period_end" not in table:
            titles = {"period": text.capital(context.noun), **titles}
        yield Sheet(
            name,
            table,
            tuple(said.get("summed", ())),
            titles,
            note,
            said.get("about", ""),
            said.get("total", "Total"),
            explained,
            printed,
            levels,
        )


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


def _list_risks(context: Context) -> pd.DataFrame:
    """List the open deals with flags, those of the page first."""
    flagged, deals = _find_flagged(context)[:_MOST_LISTED], context.deals
    table = _describe(context, deals[is_among(deals["unique_id"], flagged)])
    table = table.set_index("unique_id").loc[flagged].reset_index()
    return table.filter(["name", *context.by, *_COLUMNS["risks"]])


def _find_flagged(context: Context) -> pd.Index[Any]:
    return tables.flags(context).index[tables.flags(context)["risk"] > 0]


def _note_risks(context: Context, table: pd.DataFrame) -> str:
    """Say how many deals with flags are not on their sheet."""
    known = len(_find_flagged(context))
    if len(table) == known:
        return ""
    return (
        f"These are {len(table):,} of {known:,} deals with flags, the largest flagged value "
        "first. All of them: sheet Deals"
    )


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


def _list_deals(context: Context) -> pd.DataFrame:
    """List the deals that are open or closed lately.

    The overdue come first, then those by period, the one that adds most first; then closed ones,
    the latest first.

    Printed are the open ones and those won in the current period.
    """
    deals = tables.listed(context)
    is_open = deals["outcome"] == "open"
    expected = (
        deals["unique_id"]
        .map(forecasts.own_chances(context)["weighted"])
        .astype("float64")
        .fillna(0.0)
    )
    ago = (context.day - deals["close_date"]).where(~is_open).fillna(pd.Timedelta(0))
    periods = pd.factorize(deals["period"].where(is_open).replace(BUCKETS[0], ""), sort=True)[0]
    others = ~is_open & ~deals.index.isin(context.won_now.index)
    outcomes = deals["outcome"].map(
        {name: place for place, name in enumerate(("open", *CLOSED_AS))}
    )
    order = np.lexsort((ago, -expected, periods, outcomes.astype("float64"), others))
    deals = deals.assign(in_forecast=forecasts.added(context)[context.label]).iloc[order]
    table = _describe(context, deals)
    table.attrs = {"printed": len(deals) - int(others.sum())}
    return table


def _describe(context: Context, deals: pd.DataFrame) -> pd.DataFrame:
    """Describe deals: owner, due date, outcome, what each adds, and what to question.

    What each adds is to the forecast. The id comes last.

    A column without a value is left out.
    """
    by, titles = context.by, {"weighted": "expected_value", "why": "why_chance"}
    own = pd.DataFrame(forecasts.own_chances(context))[["chance", *titles]].rename(columns=titles)
    table = pd.DataFrame(deals).drop(
        columns=[name for name in _COLUMNS["internal"] if name in deals and name not in by]
    )
    table = table.merge(
        own, left_on="unique_id", right_index=True, how="left", validate="one_to_one"
    )
    flags = pd.DataFrame(tables.flags(context))[["risk", "reasons"]].astype({"risk": "Int64"})
    table = table.merge(flags, left_on="unique_id", right_index=True, how="left")
    table = table.dropna(axis="columns", how="all") if len(table) else table
    return _order(table, "name", *by, *_COLUMNS["deals"])


def _list_pushed(context: Context) -> pd.DataFrame:
    return tables.pushed(context)[["name", *context.by, *_COLUMNS["pushed"]]]


def _list_records(context: Context) -> pd.DataFrame:
    """List the periods of the records; without the shares that are known, where all is."""
    table = tables.coverage(context).reset_index()
    shares = [name for name in ("stage_known", "date_known", "value_known") if name in table]
    return table if (table[shares] < 1).any(axis=None) else table.drop(columns=shares)


def _list_due(context: Context) -> pd.DataFrame:
    parts = [part.deals.assign(due_in=part.period) for part in tables.slippages(context)]
    return _order(pd.concat(parts, ignore_index=True))


def _list_findings(context: Context) -> pd.DataFrame:
    """List the findings of each check, those of the largest deals first.

    Only as many are listed as somebody may read.
    """
    names = context.deals[["unique_id", "name", *context.by]].assign(
        deal_value=context.deals["value"]
    )
    table = tables.findings(context).merge(names, on="unique_id", how="left")
    ranks = (
        table.pop("deal_value")
        .groupby(table["check"])
        .rank("first", ascending=False, na_option="bottom")
    )
    places = np.lexsort((ranks, pd.factorize(table["check"])[0]))
    most = np.where(table["severity"] == "info", _MOST_NOTED, _MOST_LISTED)
    table = table.iloc[places[(ranks.to_numpy() <= most)[places]]]
    return _order(table, "check", "severity", "name", *context.by)


def _note_older(context: Context, table: pd.DataFrame) -> str:
    """Say how many closed deals are not on their sheet."""
    left, (first, last) = (
        context.deals.drop(index=tables.listed(context).index),
        tables.listed_days(context),
    )
    if left.empty:
        return ""
    days = f"closed before {text.day(first, year=True)}"
    days += (
        f" or dated after {text.day(last, year=True)}" if (left["close_date"] > last).any() else ""
    )
    return f"Leaves out {text.count(len(left))} {days}. All deals: opp-analytics export deals.xlsx"


def _note_rest(context: Context, table: pd.DataFrame) -> str:
    """Say which findings a sheet holds, if not all."""
    if len(table) == len(tables.findings(context)):
        return ""
    return (
        f"These are {len(table):,} of {len(tables.findings(context)):,} findings: of each check "
        f"the {_MOST_LISTED:,} of the largest deals, {_MOST_NOTED} of those for information. All "
        "of them: opp-analytics audit --out findings.xlsx"
    )


def _order(table: pd.DataFrame, *first: str) -> pd.DataFrame:
    """Put the columns in `first` first, as far as there are any, and the id last."""
    front = [name for name in first if name in table]
    rest = [name for name in table if name not in (*front, "unique_id")]
    return table[[*front, *rest, "unique_id"]]


def _list_steps(context: Context) -> pd.DataFrame:
    moved = forecasts.change_deals(context)
    return _order(
        moved.assign(movement=list(map(text.movement, moved["movement"], moved["expected"])))
    )


def _compare_periods(context: Context) -> pd.DataFrame:
    return pd.concat(
        {part.period: part.table for part in tables.slippages(context)}, names=["period"]
    ).reset_index()


_BUCKETS = dict(zip(BUCKETS, ("overdue", "no close date"), strict=True))
"""Words for what has no period."""
_NOTES = {"Deals": _note_older, "At risk": _note_risks, "Findings": _note_rest}
"""Says what of a table is not on its sheet."""
_MAKERS: dict[str, Callable[[Context], pd.DataFrame]] = {
    "People": _list_people,
    "Deals": _list_deals,
    "At risk": _list_risks,
    "To win": _list_to_win,
    "Calls": _list_calls,
    "Change": _list_steps,
    "Periods": _list_periods,
    "Categories": lambda context: _put_words_last(forecasts.categories(context).reset_index()).drop(
        columns="to_date"
    ),
    "Created": lambda context: _order(tables.created_deals(context)),
    "Slippage": _compare_periods,
    "Due deals": _list_due,
    "Pushed": _list_pushed,
    "Past ranges": lambda context: forecasts.past_ranges(context).reset_index()[_COLUMNS["past"]],
    "Stage flow": lambda context: tables.flow(context).reset_index(),
    "Stage entries": lambda context: _order(tables.flow_deals(context)),
    "Win rates": lambda context: tables.win_rates(context).reset_index(),
    "Findings": _list_findings,
    "Records": _list_records,
}
