"""The sections that one state of the pipeline can show: forecast, funnel, win rates, audit."""

from __future__ import annotations

import pandas as pd

from opp_analytics import plots
from opp_analytics.analysis import audit_summary
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.periods import to_dates
from opp_analytics.report.charts import svg
from opp_analytics.report.exhibits import Deals, Exhibit, Section, column
from opp_analytics.report.facts import Facts
from opp_analytics.report.formats import counted, share, text, worth
from opp_analytics.schema import BUCKETS

__all__ = ["findings", "forecast", "funnel", "win_rates"]

_PAST, _AHEAD = 3, 18
"""Periods before and after the running one that the page shows; the workbook has all."""
_MOST_PAST = 12
"""Past ranges that the page shows, the latest; the workbook has all."""
_MOST_GROUPS = 40
"""Groups that the page shows, those with most closed deals."""
_RATES = ("won", "lost", "rate", "rate_low", "rate_high", "won_value", "value_rate")


def forecast(facts: Facts) -> Section:
    """Booked, weighted and expected by period."""
    table = facts.forecast
    overdue, unscheduled = (table.loc[name] for name in BUCKETS)
    said = (
        f"All open value is {text(table['open_value'].sum(), 'money')}; of it {text(overdue['open_value'], 'money')} is "
        f"overdue and {text(unscheduled['open_value'], 'money')} has no date: neither is in any expected figure."
    )
    columns = ["period", "booked", "open_count", "open_value", "weighted_open", "expected", "low", "high"]
    if table["target"].notna().any():
        columns += ["target", "p_target", "pipeline_coverage"]
    near = _near(facts)
    on_page = near.reset_index()
    over = on_page["period"].isin(_periods(facts)[0])
    on_page[["p_target", "pipeline_coverage"]] = on_page[["p_target", "pipeline_coverage"]].mask(over)
    hidden = len(table) - len(near)
    exhibit = Exhibit(
        "forecast",
        "Forecast by period",
        table.reset_index(),
        tuple(columns),
        svg(plots.forecast, near, key="forecast", label=f"Forecast by period. {said}"),
        Deals(
            facts.deals[facts.deals["period"].notna()],
            "period",
            facts.deal_columns("outcome", "stage", "close_date", "value", "probability"),
            "deals",
        ),
        f"{counted(hidden, 'further period')}: in the workbook." if hidden else "",
        on_page=on_page,
    )
    return Section("forecast", "Forecast by period", said, (exhibit, *_past_ranges(facts)))


def _past_ranges(facts: Facts) -> tuple[Exhibit, ...]:
    """The forecasts that earlier periods had as long before their end, where there are any."""
    try:
        table = facts.track_record
    except (NotEnoughHistory, DataError):
        return ()
    table = table.assign(
        made_on=to_dates(table["made_at"], tz=facts.tz), held=table["held"].map({True: "yes", False: "no"})
    )
    table = table.drop(columns="made_at").reset_index().iloc[::-1].reset_index(drop=True)
    columns = ("period", "made_on", "days_before", "low", "expected", "high", "actual", "error", "held")
    hidden = len(table) - _MOST_PAST
    return (
        Exhibit(
            "past ranges",
            "What earlier periods' ranges were worth",
            table,
            columns,
            note=f"{counted(hidden, 'earlier period')}: in the workbook." if hidden > 0 else "",
            on_page=table.head(_MOST_PAST),
        ),
    )


def _periods(facts: Facts) -> tuple[list[str], list[str]]:
    """The forecast's periods before the running one, and from it on."""
    named = [name for name in facts.forecast.index if name not in BUCKETS]
    past = [name for name in named if pd.Period(name, facts.freq) < facts.period]
    return past, named[len(past) :]


def _near(facts: Facts) -> pd.DataFrame:
    """The forecast without periods that are far away."""
    past, ahead = _periods(facts)
    near = facts.forecast.loc[[*BUCKETS, *past[-_PAST:], *ahead[: _AHEAD + 1]]]
    near.attrs = facts.forecast.attrs
    return near


def funnel(facts: Facts) -> Section:
    """The stock per stage."""
    table = facts.funnel.reset_index()
    still_open = facts.deals[facts.deals["outcome"] == "open"]
    value = table["open_value"].sum()
    said = worth(still_open["value"], "open deal") if len(still_open) else "No open deals"
    if value > 0:
        most = table.iloc[int(table["open_value"].argmax())]
        said += f"; most of the money, {share(most['open_value'] / value)}, stands in {most['stage']}"
    exhibit = Exhibit(
        "funnel",
        "Open pipeline by stage",
        table,
        ("stage", "open_count", "open_value", "reached_low", "reached_high"),
        svg(plots.stage_funnel, facts.funnel, key="funnel", label=f"Open pipeline by stage. {said}."),
        Deals(
            still_open, "stage", facts.deal_columns("stage", "close_date", "value", "probability"), "deals"
        ),
        "One state does not show who passed a stage: the bounds hold whatever the past was.",
    )
    return Section("funnel", "Funnel", f"{said}.", (exhibit,))


def win_rates(facts: Facts) -> Section:
    """Win rates with n, by quarter and by group."""
    row, since = facts.win_rate, f"{facts.closed_since:%Y-%m-%d}"
    n = int(row["won"] + row["lost"])
    said = (
        f"{share(row['rate'])} of the {counted(n)} closed since {since} were won ({share(row['rate_low'])} to "
        f"{share(row['rate_high'])} with 95 % confidence); by value {share(row['value_rate'])}."
        if n
        else f"No deal was closed since {since}."
    )
    exhibits = [_rates(facts, facts.win_rates, "quarter", "win rates")]
    if facts.win_rates_by is not None and facts.by:
        exhibits.append(_rates(facts, facts.win_rates_by, facts.by, "win rates by"))
    return Section("win_rates", "Win rates", said, tuple(exhibits))


def _rates(facts: Facts, table: pd.DataFrame, row: str, key: str) -> Exhibit:
    title = f"Win rate by {column(row).title}"
    closed = table["won"] + table["lost"]
    kept = closed.sort_values(ascending=False, kind="stable").index[:_MOST_GROUPS]
    near = table.loc[table.index.isin(kept)]
    near.attrs = table.attrs
    hidden = len(table) - len(near)
    label = f"{title}, with intervals; the table below says the same."
    return Exhibit(
        key,
        title,
        table.rename_axis(row).reset_index(),
        (row, *_RATES),
        svg(plots.win_rate, near, key=key.replace(" ", "-"), label=label),
        Deals(
            facts.closed_deals,
            row,
            facts.deal_columns("outcome", "stage", "close_date", "value"),
            "deals",
        ),
        f"{counted(hidden, 'further group')} with fewer closed deals: in the workbook." if hidden else "",
        on_page=near.rename_axis(row).reset_index(),
    )


def findings(facts: Facts) -> Section:
    """What is wrong or doubtful in the data, with the money that hangs on it."""
    rows = facts.findings
    summary = audit_summary(rows).reset_index()
    if summary.empty:
        return Section("audit", "Audit findings", f"Nothing found in {counted(len(facts.deals))}.")
    errors = summary[summary["severity"] == "error"]
    said = (
        f"{counted(len(rows), 'finding')} on {counted(rows['unique_id'].nunique())}; "
        f"{counted(int(errors['deals'].sum()), 'error')} on deals worth {text(errors['value'].sum(), 'money')}."
    )
    behind = facts.with_details(rows)
    behind = behind.sort_values(["value", "unique_id"], ascending=[False, True], ignore_index=True)
    exhibit = Exhibit(
        "audit",
        "Findings by check",
        summary,
        ("check", "severity", "deals", "value"),
        deals=Deals(behind, "check", facts.deal_columns("field", "cell", "suggestion", "value"), "findings"),
        note="One deal can have several findings; its value counts once in each.",
    )
    return Section("audit", "Audit findings", said, (exhibit,))
