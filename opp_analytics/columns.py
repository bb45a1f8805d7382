"""Every result column once: its meaning, unit and title; and a cell as people read it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from babel.numbers import get_currency_symbol

from opp_analytics import text
from opp_analytics.schema import is_blank

Unit = Literal["money", "rate", "percent", "ratio", "other"]
"""Money, a rate from 0 to 1, a percent from 0 to 100, a ratio, or another: counts, days, dates and texts."""
WORKBOOK_FORMATS = {
    "rate": '[<=0]0%;[<0.005]"<1%";0%',
    "percent": '0"%"',
    "ratio": '[<0.05]"<0.1×";[<9.95]0.0"×";0"×"',
}
"""How a workbook shows the units that have no currency: as `text` writes them."""
ALMOST_SURE = '[<1]">99%";0%'
"""How it shows rates from 99.5% on; a format has room for two conditions."""


class ResultColumn(NamedTuple):
    """A column of a result table."""

    meaning: str
    unit: Unit = "other"
    title: str = ""
    """Name in the workbook; empty where the column's own name says it."""


COLUMNS = {
    "unique_id": ResultColumn("Id of the deal.", title="ID"),
    "name": ResultColumn("Name of the deal.", title="Deal"),
    "account_id": ResultColumn("Id of the account.", title="Account ID"),
    "owner_name": ResultColumn("Person whose deal it is.", title="Owner"),
    "team": ResultColumn("Team of the owner."),
    "region": ResultColumn("Region of the owner."),
    "last_touch": ResultColumn("Day of the last activity."),
    "value": ResultColumn("Value of the deal or deals.", "money"),
    "value_original": ResultColumn("Value of the deal as the CRM has it, in the deal's own currency."),
    "currency": ResultColumn("ISO code of the currency."),
    "stage": ResultColumn("Stage of the deal."),
    "status": ResultColumn("Status of the deal; in changes of a plan, the state of the change."),
    "close_date": ResultColumn("Day on which the deal closed or is due."),
    "probability": ResultColumn("Chance that the owner stated.", "percent", title="Stated"),
    "created_at": ResultColumn("When the deal was created."),
    "updated_at": ResultColumn("When the deal was last changed."),
    "outcome": ResultColumn("What became of the deal: won, lost, open, …"),
    "period": ResultColumn("Month, quarter, week or year."),
    "to_date": ResultColumn("True for the period that is still running.", title="Still running"),
    "n": ResultColumn("Number of deals, or of forecasts, behind the row."),
    "deals": ResultColumn("Number of deals."),
    "count": ResultColumn("Number of deals; of a movement, the change in open deals."),
    "booked": ResultColumn("Value of deals won in the period so far.", "money", title="Closed"),
    "open_count": ResultColumn("Number of open deals due.", title="Open deals"),
    "open_value": ResultColumn("Value of open deals due.", "money"),
    "weighted_open": ResultColumn(
        "Σ value × stated chance of open deals due.", "money", title="Open × stated"
    ),
    "expected_open": ResultColumn(
        "Σ value × chance of open deals under the method.", "money", title="Expected from open deals"
    ),
    "new_business": ResultColumn("Expected from deals that are not open yet.", "money"),
    "expected": ResultColumn(
        "Booked, expected from open deals, and new business.", "money", title="Forecast"
    ),
    "low": ResultColumn("Lower end of the range.", "money", title="Range from"),
    "median": ResultColumn("Amount that is exceeded as often as not.", "money"),
    "high": ResultColumn("Upper end of the range.", "money", title="Range to"),
    "target": ResultColumn("Target of the period.", "money"),
    "p_target": ResultColumn("Chance that the total reaches the target.", "rate", title="Chance of target"),
    "gap": ResultColumn("Target minus booked.", "money", title="To go"),
    "call": ResultColumn(
        "Amount that somebody submitted for the period; of a team or all, else the sum of the level below.",
        "money",
    ),
    "override": ResultColumn("Amount that somebody else submitted for the number.", "money"),
    "overrider": ResultColumn("Who submitted it.", title="Override by"),
    "pipeline_coverage": ResultColumn("Open value due ÷ gap.", "ratio"),
    "needed_pipeline": ResultColumn(
        "Gap ÷ win rate by value, minus open value.", "money", title="Pipeline to add"
    ),
    "attainment": ResultColumn("Booked ÷ target.", "rate"),
    "won_later_value": ResultColumn(
        "Value of deals won with a date after the as-of day.", "money", title="Won with a later date"
    ),
    "no_value": ResultColumn(
        "Number of deals without a value; as a flag, True for such a deal.", title="Without value"
    ),
    "no_probability": ResultColumn("Number of deals without a stated chance.", title="Without chance"),
    "chance": ResultColumn("Chance of the deal under the method.", "rate", title="From history"),
    "weighted": ResultColumn("Value × chance.", "money"),
    "expected_value": ResultColumn("Value × chance of the deal in its period.", "money", title="Expected"),
    "variance_share": ResultColumn("Share of what is uncertain in the period.", "rate"),
    "p_if_won": ResultColumn("Chance of the target if the deal is won.", "rate", title="Chance if won"),
    "p_if_lost": ResultColumn("Chance of the target if the deal is lost.", "rate", title="Chance if lost"),
    "swing": ResultColumn("Chance of the target if won minus if lost.", "rate"),
    "closed": ResultColumn("Value of deals won in the period.", "money"),
    "commit": ResultColumn("Value of open deals in commit; of a call, the amount submitted.", "money"),
    "best_case": ResultColumn("Value of open deals in best case.", "money"),
    "pipeline": ResultColumn("Value of open deals in pipeline.", "money"),
    "omitted": ResultColumn("Value of open deals left out of the categories.", "money"),
    "commit_total": ResultColumn("Closed and commit.", "money"),
    "best_case_total": ResultColumn("Closed, commit and best case.", "money"),
    "from_category": ResultColumn("Category at the start."),
    "to_category": ResultColumn("Category, or outcome, at the end."),
    "made_at": ResultColumn("Record from which the forecast was made.", title="Forecast made"),
    "weeks_before": ResultColumn("Whole weeks from the record to the period's end."),
    "days_before": ResultColumn("Days from the record to the period's end."),
    "method": ResultColumn("Method of the forecast."),
    "actual": ResultColumn("Value won in the period in the end.", "money", title="Closed in the end"),
    "error": ResultColumn("Forecast minus actual.", "money", title="Forecast minus closed"),
    "held": ResultColumn("True if the actual is within the range; missing without one.", title="In range"),
    "wape": ResultColumn("Σ |forecast − actual| ÷ Σ actual.", "rate"),
    "bias": ResultColumn("Σ (forecast − actual) ÷ Σ actual.", "rate"),
    "bias_low": ResultColumn("Lower end of the interval of the bias.", "rate"),
    "bias_high": ResultColumn("Upper end of the interval of the bias.", "rate"),
    "source": ResultColumn(
        "Whose number: the model, a formula, the calls of reps or with overrides, a blend."
    ),
    "over": ResultColumn("Share of periods that were called too high.", "rate", title="Too high"),
    "under": ResultColumn("Share of periods that were called too low.", "rate", title="Too low"),
    "moved": ResultColumn("Mean of last minus first call ÷ actual.", "rate"),
    "error_ratio": ResultColumn("Error ÷ the model's error.", "ratio", title="Error to the model’s"),
    "ratio_low": ResultColumn("Lower end of its interval.", "ratio"),
    "ratio_high": ResultColumn("Upper end of its interval.", "ratio"),
    "model_wape": ResultColumn("WAPE of the model for the same numbers and days.", "rate"),
    "better": ResultColumn("Share of periods in which it missed by less than the model.", "rate"),
    "interval_coverage": ResultColumn("Share of ranges that held the actual.", "rate"),
    "behind": ResultColumn("WAPE minus that of the best method.", "rate"),
    "behind_low": ResultColumn("Lower end of the interval of behind.", "rate"),
    "behind_high": ResultColumn("Upper end of the interval of behind.", "rate"),
    "periods": ResultColumn("Number of periods judged."),
    "days_left": ResultColumn("Days, or band of days, to the period's end."),
    "booked_share": ResultColumn(
        "Closed by the same point ÷ closed in the end.", "rate", title="Share by then"
    ),
    "coverage_50": ResultColumn("Share of 50% ranges that held the actual.", "rate"),
    "coverage_95": ResultColumn("Share of 95% ranges that held the actual.", "rate"),
    "winkler": ResultColumn("Mean Winkler score of ranges: width, and a fine for each miss.", "money"),
    "crps": ResultColumn("Mean CRPS: distance of the whole distribution from the actual.", "money", "CRPS"),
    "period_error": ResultColumn("Mean error by period ÷ mean actual.", "rate"),
    "period_error_se": ResultColumn("Standard error of period_error over periods.", "rate"),
    "bin": ResultColumn("Range of stated chances."),
    "stated": ResultColumn("Mean stated chance.", "rate"),
    "realized": ResultColumn("Share won by the horizon.", "rate"),
    "realized_low": ResultColumn("Lower end of the interval of realized.", "rate"),
    "realized_high": ResultColumn("Upper end of the interval of realized.", "rate"),
    "recalibrated": ResultColumn("Share won of deals with such a stated chance.", "rate"),
    "lost_share": ResultColumn("Share lost by then.", "rate"),
    "removed_share": ResultColumn("Share deleted or disqualified by then.", "rate"),
    "disqualified_share": ResultColumn("Share disqualified by then.", "rate"),
    "won_share": ResultColumn("Share won by then.", "rate"),
    "open_share": ResultColumn("Share still open then.", "rate"),
    "step": ResultColumn("What adds to the chance of a deal."),
    "points": ResultColumn("What the step adds to the chance.", "rate", title="Adds"),
    "group": ResultColumn("What the past deals behind the step share."),
    "won_low": ResultColumn(
        "Lower end of the interval of the share won; of a deal, of its win date, if won.", "rate"
    ),
    "won_median": ResultColumn("Day by which half of such deals are won, if they are.", title="If won, by"),
    "won_high": ResultColumn(
        "Upper end of the interval of the share won; of a deal, of its win date, if won.", "rate"
    ),
    "at_risk": ResultColumn("Deals of that age that had not ended before."),
    "won": ResultColumn("Number of deals won."),
    "lost": ResultColumn("Number of deals lost."),
    "open": ResultColumn("Number of open deals."),
    "disqualified": ResultColumn("Number of deals disqualified."),
    "removed": ResultColumn("Number of deals deleted or disqualified."),
    "created": ResultColumn("Number of deals created."),
    "won_value": ResultColumn("Value of deals won.", "money"),
    "lost_value": ResultColumn("Value of deals lost.", "money"),
    "rate": ResultColumn("Won ÷ (won + lost).", "rate", title="Win rate"),
    "rate_low": ResultColumn("Lower end of the interval of the rate.", "rate", title="Win rate from"),
    "rate_high": ResultColumn("Upper end of the interval of the rate.", "rate", title="Win rate to"),
    "value_rate": ResultColumn("The rate by value; of slippage, the share of value.", "rate"),
    "value_rate_low": ResultColumn(
        "Lower end of the interval of the rate by value.", "rate", title="Value rate from"
    ),
    "value_rate_high": ResultColumn(
        "Upper end of the interval of the rate by value.", "rate", title="Value rate to"
    ),
    "count_rate": ResultColumn("Share of deals.", "rate"),
    "win_rate": ResultColumn("Won ÷ (won + lost).", "rate"),
    "definition": ResultColumn("Name of a definition of the win rate."),
    "misleads_when": ResultColumn("When that definition misleads."),
    "quantile": ResultColumn("Share of the deals."),
    "days": ResultColumn("Days since creation; of an entry, days in the stage."),
    "days_of_won": ResultColumn("Days until this share of the wins so far."),
    "velocity": ResultColumn("Money per day.", "money"),
    "mean_won_value": ResultColumn("Mean value of deals won.", "money"),
    "mean_days_to_win": ResultColumn("Mean days from creation to win."),
    "reached_low": ResultColumn("Deals that must have reached the stage."),
    "reached_high": ResultColumn("Deals that may have reached the stage."),
    "reached_high_forward": ResultColumn("The same, if no deal ever moved back."),
    "entries": ResultColumn("Number of entries into the stage."),
    "advanced": ResultColumn("Entries that moved on, or were won."),
    "back": ResultColumn("Entries that moved back."),
    "still": ResultColumn("Entries still in the stage.", title="Still there"),
    "transferred": ResultColumn("Entries that left for another group."),
    "conversion": ResultColumn("Advanced ÷ (entries − still).", "rate", title="Moved on"),
    "median_days": ResultColumn("Median days in the stage, or days pushed."),
    "passed": ResultColumn("Entries that are assumed, since a record skipped the stage."),
    "exits": ResultColumn("Times that a deal left the stage."),
    "raw": ResultColumn("The stage's own rate, before it is drawn toward its neighbors.", "rate"),
    "from_stage": ResultColumn("Stage before."),
    "to_stage": ResultColumn("Stage after."),
    "seen_after": ResultColumn("Last record before the change."),
    "seen_at": ResultColumn("First record that shows the change."),
    "days_in_stage": ResultColumn("Days between the records that first show the two stages."),
    "days_low": ResultColumn("Fewest days that are possible."),
    "days_high": ResultColumn("Most days that are possible."),
    "backward": ResultColumn("True for a step to an earlier stage of the same pipeline."),
    "movement": ResultColumn("Kind of movement."),
    "change": ResultColumn("Forecast now minus forecast then.", "money"),
    "largest": ResultColumn("Deal that moved most."),
    "up": ResultColumn("What the deals of a step added.", "money"),
    "down": ResultColumn("What the deals of a step took.", "money"),
    "up_deals": ResultColumn("Deals that added."),
    "down_deals": ResultColumn("Deals that took."),
    "up_largest": ResultColumn("Deal that added most."),
    "down_largest": ResultColumn("Deal that took most."),
    "up_most": ResultColumn("What that deal added.", "money"),
    "down_most": ResultColumn("What that deal took.", "money"),
    "measure": ResultColumn("What is watched: inflow (deals created) or win share (won ÷ closed)."),
    "direction": ResultColumn("Which way an alarm went: up or down; empty without one."),
    "was": ResultColumn("Deals a period, or share won, in the up to 12 periods before."),
    "now": ResultColumn("Deals created in the period, or share won of those that closed."),
    "alarm": ResultColumn("True where the measure is no longer what it was before."),
    "due": ResultColumn("Number of deals that were due."),
    "stage_after": ResultColumn("Stage at the end."),
    "close_date_after": ResultColumn("Close date at the end."),
    "pushes": ResultColumn("Times that the close date moved later."),
    "pulls": ResultColumn("Times that the close date moved earlier."),
    "days_pushed": ResultColumn("Days moved later, in all.", title="Days later"),
    "days_pulled": ResultColumn("Days moved earlier, in all; negative."),
    "net_days": ResultColumn("Days from the first close date to the last."),
    "first_close_date": ResultColumn("First close date seen."),
    "last_close_date": ResultColumn("Last close date seen."),
    "differs": ResultColumn("True if it differs from the others beyond chance."),
    "days_to_win": ResultColumn("Median days from creation to win."),
    "days_to_win_low": ResultColumn("Lower end of its interval."),
    "days_to_win_high": ResultColumn("Upper end of its interval."),
    "slip_rate": ResultColumn("Share of deals due that slipped.", "rate"),
    "slip_rate_low": ResultColumn("Lower end of its interval.", "rate"),
    "slip_rate_high": ResultColumn("Upper end of its interval.", "rate"),
    "forecast_bias": ResultColumn("Bias of forecasts, as a share of what was won.", "rate"),
    "forecast_bias_low": ResultColumn("Lower end of its interval.", "rate"),
    "forecast_bias_high": ResultColumn("Upper end of its interval.", "rate"),
    "risk": ResultColumn("Number of flags.", title="Flags"),
    "reasons": ResultColumn("The flags in words.", title="Why flagged"),
    "overdue": ResultColumn("True if the close date has passed."),
    "pushed": ResultColumn("True if the close date was moved later."),
    "slow_in_stage": ResultColumn("True if longer in the stage than most deals won."),
    "moved_back": ResultColumn("True if the stage moved back within its pipeline."),
    "value_cut": ResultColumn("True if the value was cut."),
    "no_change": ResultColumn("True if nothing changed for long."),
    "due_soon_unlikely": ResultColumn("True if due soon in an early stage."),
    "no_date": ResultColumn("True without a close date."),
    "next_action_passed": ResultColumn("True if the next action's date has passed."),
    "no_touch": ResultColumn("True if 30 days passed without an activity."),
    "criteria_unmet": ResultColumn("True if a criterion of the stage is not met."),
    "owner_changed": ResultColumn("True if the owner changed lately."),
    "check": ResultColumn("Check of the audit.", title="Finding"),
    "severity": ResultColumn("Error, warning or info."),
    "field": ResultColumn("Column of the cell."),
    "cell": ResultColumn("Text of the cell.", title="Current value"),
    "suggestion": ResultColumn("Suggested value.", title="Suggested fix"),
    "recorded_at": ResultColumn("Time of the record."),
    "rows": ResultColumn("Number of deals in the record."),
    "changed": ResultColumn("Number of deals that changed."),
    "new": ResultColumn("Number of new deals."),
    "edited": ResultColumn("Number of edited deals."),
    "deleted": ResultColumn("Number of deleted deals."),
    "returned": ResultColumn("Number of deals that came back."),
    "complete": ResultColumn("True if nothing is missing."),
    "certified": ResultColumn("True with the certificate of a load."),
    "records": ResultColumn("Number of records."),
    "opening_age_days": ResultColumn("Age of the newest record at the period's start."),
    "longest_gap_days": ResultColumn("Longest time in the period without a record."),
    "closing_age_days": ResultColumn("Days from the last record to the period's end."),
    "answers": ResultColumn("What the records can answer about the period."),
    "stage_known": ResultColumn(
        "Share of the deals closed in the period whose stage is known from their creation on.", "rate"
    ),
    "date_known": ResultColumn("Share of them whose planned date is known.", "rate"),
    "value_known": ResultColumn("Share of them whose value is known.", "rate"),
    "row": ResultColumn("Row of the edited frame."),
    "operation": ResultColumn("Kind of change."),
    "before": ResultColumn("Value before."),
    "after": ResultColumn("Value after."),
    "remote": ResultColumn("Value on the server."),
    "reason": ResultColumn("Why it is a conflict; of a call, in the caller's words."),
    "problem": ResultColumn("What is wrong."),
    "attempts": ResultColumn("Number of requests sent."),
    "run_id": ResultColumn("Id of the run in the journal."),
    "url": ResultColumn("Address of the API."),
    "started_at": ResultColumn("When the run began."),
    "ended_at": ResultColumn("When the run ended."),
    "state": ResultColumn("State of the run."),
    "changes": ResultColumn("Number of changes."),
    "opportunities": ResultColumn("Number of opportunities."),
    "applied": ResultColumn("Number of changes carried out."),
    "already": ResultColumn("Number of changes that were there already."),
    "skipped": ResultColumn("Number of changes skipped."),
    "conflict": ResultColumn("Number of conflicts."),
    "failed": ResultColumn("Number of changes that failed."),
    "unknown": ResultColumn("Number of changes that may or may not have been carried out."),
    "pending": ResultColumn("Number of changes not sent."),
    "made_on": ResultColumn("Day of the call."),
    "caller": ResultColumn("Who submitted the number."),
    "in_force": ResultColumn("True for a caller's last call for the number and period."),
    "due_in": ResultColumn("Period in which the deal was due."),
    "advice": ResultColumn("Which deals cover the gap.", title="What to win"),
    "action": ResultColumn("What to do with the deal: due, overdue or pull in."),
    "p_enough": ResultColumn("Chance that enough of the deals close.", "rate", title="Chance of enough"),
}
"""The columns of the public result tables."""

CHECKS = {
    "stage_status_contradict": ("Stage and status disagree", "have a stage and a status that disagree"),
    "status_behind_stage": ("Closed by stage, not by status", "are closed by stage, not by status"),
    "stage_behind_status": ("Closed by status, not by stage", "are closed by status, not by stage"),
    "unknown_stage": ("Unknown stage", "have an unknown stage"),
    "unknown_status": ("Unknown status", "have an unknown status"),
    "overdue": ("Past the close date", "are past the close date"),
    "closed_in_future": ("Closed with a future date", "are closed with a future date"),
    "closed_before_created": ("Closed before creation", "are closed with a date before creation"),
    "probability_outside": ("Chance outside 0–100%", "have a chance outside 0–100%"),
    "won_probability": ("Won, but not at 100%", "are won, but not at 100%"),
    "lost_probability": ("Lost, but not at 0%", "are lost, but not at 0%"),
    "probability_far_from_stage": ("Chance unusual for the stage", "have a chance unusual for the stage"),
    "value_missing": ("No amount", "have no amount"),
    "value_not_positive": ("Amount of zero or less", "have an amount of zero or less"),
    "duplicate": ("Perhaps entered twice", "may be entered twice"),
    "duplicate_of_closed": ("Named like a closed deal", "are named like a closed deal"),
    "stale": ("Not updated lately", "have had no update lately"),
    "close_date_weekend": ("Closes on a weekend", "close on a weekend"),
    "close_date_year_end": ("Closes on Dec 31", "close on Dec 31"),
}
"""The checks of the audit: name, and what deals of it do."""
LABELS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("stage", "stage_after", "from_stage", "to_stage", "became"), text.stage),
    **dict.fromkeys(("outcome", "field", "method"), text.label),
    "movement": text.movement,
    **dict.fromkeys(("from_category", "to_category"), text.title),
    "check": lambda name: CHECKS[name][0] if name in CHECKS else text.title(name),
}
"""Columns of labels, and how people read them."""

FORECAST_COLUMNS = (
    "booked", "open_count", "open_value", "weighted_open", "expected_open", "new_business", "expected",
    "low", "median", "high", "target", "p_target", "gap", "pipeline_coverage", "needed_pipeline", "attainment",
    "won_later_value", "no_value", "no_probability", "to_date",
)  # fmt: skip
"""The columns of a forecast, in order; all are numbers."""
ALERT_FIGURES = (*FORECAST_COLUMNS, "world_changed")
"""What an alert may compare; the last is the number of alarms of `oa.world_changes` in the last three periods."""
ALERT_WORDS = ("period", "condition", "figure", "line", "bound")
"""What the sentence of an alert may also hold; the last three only where one column is compared with one line."""
_ESTIMATES = frozenset({
    "weighted_open", "expected_open", "new_business", "expected", "low", "median", "high", "needed_pipeline", "weighted",
    "expected_value", "error", "expected_before", "expected_after", "change",
})  # fmt: skip
"""Money that is estimated, in whole units beside a thousand or more: its cents say nothing."""
WHOLE = 1_000.0
"""Amounts from here on leave no room for cents beside them."""
_CHANGES = ("_before", "_after", "_change")
"""Endings of a column that compares another one at two times."""


def find_unit(column: str) -> Unit:
    """Find the unit of a result column; that of a column of somebody's own by the usual endings."""
    if column in COLUMNS:
        return COLUMNS[column].unit
    for ending in _CHANGES:
        if column.endswith(ending):
            return find_unit(column.removesuffix(ending))
    if "rate" in column.split("_") or column.endswith("_share"):
        return "rate"
    return "money" if column.endswith(("_value", "_total")) else "other"


def title_columns(columns: Iterable[str], own: Mapping[str, str] | None = None) -> list[str]:
    """Give each column a title, all different; those of `own` come first."""
    titles: list[str] = []
    taken: set[str] = set()
    for column in columns:
        known = (own or {}).get(column) or (COLUMNS[column].title if column in COLUMNS else "")
        title = text.one_line(known or text.title(column)).strip() or "(blank)"
        if title.casefold() in taken:
            title = f"{title} ({text.one_line(column)})"
        while title.casefold() in taken:
            title += "'"
        taken.add(title.casefold())
        titles.append(title)
    return titles


def write_label(column: Any, value: Any) -> str:
    """Write a value of a column of labels as people read it, such as a stage or a check; any other as it is."""
    return LABELS.get(str(column), str)(value)


def write_key(levels: Iterable[Any], key: Any) -> str:
    """Write the key of a row by the names of its levels, several joined by a dot."""
    keys = key if isinstance(key, tuple) else (key,)
    return text.join_key(tuple(write_label(level, part) for level, part in zip(levels, keys, strict=True)))


def make_formatter(
    column: str, values: pd.Series[Any], currency: str | None, *, compact: bool = False
) -> Callable[[Any], str]:
    """Make the `format_cell` of one column: money with cents in all of its cells, or in none; if `compact`, rounded for reading."""
    if compact and find_unit(column) == "money" and pd.api.types.is_numeric_dtype(values.dtype):
        return lambda value: text.MISSING if pd.isna(value) else text.money(float(value), currency)
    write = partial(format_cell, column, currency=currency)
    if not pd.api.types.is_float_dtype(values.dtype) or find_unit(column) != "money":
        return write
    if _has_cents(column, values):
        return lambda value: cell if "." in (cell := write(value)) or cell == text.MISSING else f"{cell}.00"
    return lambda value: write(value if pd.isna(value) or math.isinf(value) else math.floor(value + 0.5))


def choose_workbook_format(column: str, values: pd.Series[Any], currency: str | None) -> str | None:
    """Choose the number format in which a workbook shows a column as people read it elsewhere; None for other units."""
    if find_unit(column) != "money":
        return WORKBOOK_FORMATS.get(find_unit(column))
    digits = "#,##0.00" if _has_cents(column, values.astype("float64")) else "#,##0"
    if currency is None:
        return digits
    symbol = get_currency_symbol(currency, locale="en_US")
    return f"[${symbol}]{'' if len(symbol) == 1 else ' '}{digits}"


def _has_cents(column: str, values: pd.Series[Any]) -> bool:
    """Return True if the amounts of a column are shown with cents."""
    estimated = column.removesuffix("_before").removesuffix("_after") in _ESTIMATES
    return not (estimated and values.abs().max() >= WHOLE) and bool((values.round(2) % 1).any())


def format_cell(column: str, value: Any, currency: str | None) -> str:
    """Write a cell of a result table as people read it: money in full digits, percents, dates, a dash if missing."""
    if not isinstance(value, str) and is_blank(value):
        return text.MISSING
    if isinstance(value, pd.Timestamp):
        try:
            day = text.day(value, year=True)
            return day if value.tzinfo is None and value == value.normalize() else f"{day} {value:%H:%M}"
        except (ValueError, OverflowError, NotImplementedError):  # at the ends of the calendar, or beyond
            return str(value)
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if not isinstance(value, (int, float, np.number)):
        return text.printable(write_label(column, value))
    try:
        amount = float(value)
    except OverflowError:
        return f"{Decimal(int(value)):.2e}"
    match find_unit(column):
        case "money":
            whole = column in _ESTIMATES and WHOLE <= abs(amount) < math.inf
            return text.money(math.floor(amount + 0.5) if whole else amount, currency, full=True)
        case "rate":
            return text.percent(amount)
        case "percent":
            return text.percent(amount / 100)
        case "ratio":
            return text.times(amount)
    return text.number(amount, 0 if abs(amount) >= 100 or amount == int(amount) else 1)
