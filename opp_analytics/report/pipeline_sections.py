"""The sections on today's pipeline: forecast, funnel, win rates, audit."""

from __future__ import annotations

import pandas as pd

from opp_analytics import plots, text
from opp_analytics.analysis import audit_summary
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.periods import to_dates
from opp_analytics.report.charts import svg
from opp_analytics.report.exhibits import Deals, Exhibit, Section, column
from opp_analytics.report.formats import worth
from opp_analytics.report.tables import Tables
from opp_analytics.schema import BUCKETS

__all__ = ["findings", "forecast", "funnel", "win_rates"]

_PAST, _AHEAD = 3, 18
"""Periods shown on the page before and after the running one; the workbook has all."""
_MOST_PAST = 12
"""Past ranges shown on the page, the latest; the workbook has all."""
_MOST_GROUPS = 40
"""Groups shown on the page, those with most closed deals."""
_RATES = ("won", "lost", "rate", "rate_low", "rate_high", "won_value", "value_rate")


def forecast(tables: Tables) -> Section:
    """Booked, weighted and expected by period."""
    table = tables.forecast
    overdue, unscheduled = (table.loc[name] for name in BUCKETS)
    said = (
        f"Total open value is {tables.money(table['open_value'].sum())}; {tables.money(overdue['open_value'])} is "
        f"overdue and {tables.money(unscheduled['open_value'])} has no date. Neither is in any expected figure."
    )
    columns = ["period", "booked", "open_count", "open_value", "weighted_open", "expected", "low", "high"]
    if table["target"].notna().any():
        columns += ["target", "p_target", "pipeline_coverage"]
    near = _near(tables)
    on_page = near.reset_index()
    over = on_page["period"].isin(_periods(tables)[0])
    on_page[["p_target", "pipeline_coverage"]] = on_page[["p_target", "pipeline_coverage"]].mask(over)
    hidden = len(table) - len(near)
    exhibit = Exhibit(
        "forecast",
        "Forecast by period",
        table.reset_index(),
        tuple(columns),
        svg(plots.forecast, near, key="forecast", label=f"Forecast by period. {said}"),
        Deals(
            tables.deals[tables.deals["period"].notna()],
            "period",
            tables.deal_columns("outcome", "stage", "close_date", "value", "probability"),
            "deals",
        ),
        f"{text.count(hidden, 'more period')} in the workbook." if hidden else "",
        on_page=on_page,
    )
    return Section("forecast", "Forecast by period", said, (exhibit, *_past_ranges(tables)))


def _past_ranges(tables: Tables) -> tuple[Exhibit, ...]:
    """Past forecasts made equally far before the end of earlier periods, if any."""
    try:
        table = tables.track_record
    except (NotEnoughHistory, DataError):
        return ()
    table = table.assign(
        made_on=to_dates(table["made_at"], tz=tables.tz), held=table["held"].map({True: "yes", False: "no"})
    )
    table = table.drop(columns="made_at").reset_index().iloc[::-1].reset_index(drop=True)
    columns = ("period", "made_on", "days_before", "low", "expected", "high", "actual", "error", "held")
    hidden = len(table) - _MOST_PAST
    return (
        Exhibit(
            "past ranges",
            "How past forecasts turned out",
            table,
            columns,
            note=f"{text.count(hidden, 'earlier period')} in the workbook." if hidden > 0 else "",
            on_page=table.head(_MOST_PAST),
        ),
    )


def _periods(tables: Tables) -> tuple[list[str], list[str]]:
    """The forecast's periods before the running one, and from it on."""
    named = [name for name in tables.forecast.index if name not in BUCKETS]
    past = [name for name in named if pd.Period(name, tables.freq) < tables.period]
    return past, named[len(past) :]


def _near(tables: Tables) -> pd.DataFrame:
    """The forecast without distant periods."""
    past, ahead = _periods(tables)
    near = tables.forecast.loc[[*BUCKETS, *past[-_PAST:], *ahead[: _AHEAD + 1]]]
    near.attrs = tables.forecast.attrs
    return near


def funnel(tables: Tables) -> Section:
    """Open deals and value per stage."""
    table = tables.funnel.reset_index()
    still_open = tables.deals[tables.deals["outcome"] == "open"]
    value = table["open_value"].sum()
    said = worth(still_open["value"], tables.currency, "open deal") if len(still_open) else "No open deals"
    if value > 0:
        most = table.iloc[int(table["open_value"].argmax())]
        said += f"; the largest share, {text.chance(most['open_value'] / value)}, is in {most['stage']}"
    exhibit = Exhibit(
        "funnel",
        "Open pipeline by stage",
        table,
        ("stage", "open_count", "open_value", "reached_low", "reached_high"),
        svg(plots.stage_funnel, tables.funnel, key="funnel", label=f"Open pipeline by stage. {said}."),
        Deals(
            still_open, "stage", tables.deal_columns("stage", "close_date", "value", "probability"), "deals"
        ),
        "A single snapshot can't show every stage a deal passed through: the true count lies between the bounds.",
    )
    return Section("funnel", "Funnel", f"{said}.", (exhibit,))


def win_rates(tables: Tables) -> Section:
    """Win rates with n, by quarter and by group."""
    row, since = tables.win_rate, text.day(tables.closed_since, year=True)
    n = int(row["won"] + row["lost"])
    said = (
        f"{text.chance(row['rate'])} of the {text.count(n)} closed since {since} were won ({text.chance(row['rate_low'])} to "
        f"{text.chance(row['rate_high'])} with 95% confidence); by value {text.chance(row['value_rate'])}."
        if n
        else f"No deal was closed since {since}."
    )
    exhibits = [_rates(tables, tables.win_rates, "quarter", "win rates")]
    if tables.win_rates_by is not None and tables.by:
        exhibits.append(_rates(tables, tables.win_rates_by, tables.by, "win rates by"))
    return Section("win_rates", "Win rates", said, tuple(exhibits))


def _rates(tables: Tables, table: pd.DataFrame, row: str, key: str) -> Exhibit:
    title = f"Win rate by {column(row).title}"
    closed = table["won"] + table["lost"]
    kept = closed.sort_values(ascending=False, kind="stable").index[:_MOST_GROUPS]
    near = table.loc[table.index.isin(kept)]
    near.attrs = table.attrs
    hidden = len(table) - len(near)
    label = f"{title}, with intervals; the table below has the same numbers."
    return Exhibit(
        key,
        title,
        table.rename_axis(row).reset_index(),
        (row, *_RATES),
        svg(plots.win_rate, near, key=key.replace(" ", "-"), label=label),
        Deals(
            tables.closed_deals,
            row,
            tables.deal_columns("outcome", "stage", "close_date", "value"),
            "deals",
        ),
        f"{text.count(hidden, 'more group')} with fewer closed deals in the workbook." if hidden else "",
        on_page=near.rename_axis(row).reset_index(),
    )


def findings(tables: Tables) -> Section:
    """Data problems, with the value of their deals."""
    rows = tables.findings
    summary = audit_summary(rows).reset_index()
    if summary.empty:
        return Section("audit", "Audit findings", f"Nothing found in {text.count(len(tables.deals))}.")
    errors = summary[summary["severity"] == "error"]
    said = (
        f"{text.count(len(rows), 'finding')} on {text.count(rows['unique_id'].nunique())}; "
        f"{text.count(int(errors['deals'].sum()), 'error')} on deals worth {tables.money(errors['value'].sum())}."
    )
    behind = tables.with_details(rows)
    behind = behind.sort_values(["value", "unique_id"], ascending=[False, True], ignore_index=True)
    exhibit = Exhibit(
        "audit",
        "Findings by check",
        summary,
        ("check", "severity", "deals", "value"),
        deals=Deals(behind, "check", tables.deal_columns("field", "cell", "suggestion", "value"), "findings"),
        note="One deal can have several findings; its value counts once in each.",
    )
    return Section("audit", "Audit findings", said, (exhibit,))
