"""Whether close dates hold: the outcome of deals that were due, and those that keep moving."""

from __future__ import annotations

from functools import partial

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.analysis import DateMoves, DueCohort, describe
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Row, Table, lack_records
from opp_analytics.answers.deal import add_details, list_deals, list_rows
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.text import Piece, Sentence

_TITLE = "Slippage"
_ONE_RECORD = (
    "A single record shows no change. From the second on, this shows the outcome of each deal that "
    "was due"
)
_UNKNOWN = "Slippage is not known from this history"
_ENDS = ("slipped", "won", "lost", "pulled_out", "removed", "still_due")
_COLUMNS = ("deals", "value", *(f"{end}_value" for end in _ENDS), "slip_rate")
_PUSHED = ("pushes", "days_pushed", "value", "net_days", "first_close_date")


@keep
def slippage(context: Context) -> Answer:
    """Say the outcome of deals due in this period and the two before, and name frequent movers.

    Wins of other deals are not in it.
    """
    try:
        found = _read(context)
    except NotEnoughHistory:
        said, until = _UNKNOWN, ""
        if len(context.records) == 1:
            said, until = _ONE_RECORD, "the second record"
        lack = lack_records("what became of the deals that were due", until)
        return Answer("slippage", context, _TITLE, Sentence.of(said), lacks=(lack,))
    sums = {period: due.sum_up() for period, due in found.items()}
    periods = pd.concat(sums, names=["period"])
    note = note_of([*sums.values()][-1])
    part = [
        period
        for period, due in found.items()
        if due.asked.opening > _begin(context, pd.Period(period, context.freq))
    ]
    day = str(context.known_day.date())
    note.change(day=day, freq=context.freq, part=part).write(periods)
    rows = tuple(_sum_up(context, *one) for one in sums.items())
    notes: tuple[Sentence, ...] = ()
    try:
        often = _find_pushed(context)
    except NotEnoughHistory as error:
        often = pd.DataFrame()
        why = "; ".join(filter(None, (error.problem, error.python_way)))
        notes = (Sentence.of(f"Which deals keep moving is not known: {why}"),)
    moving = Table(
        "pushed",
        _PUSHED,
        tuple(list_rows(context, often, *_PUSHED)) if len(often) else (),
        heads={"name": "Pushed twice or more, still open"},
    )
    first, last = note.figures["period"]
    # From the first record on, which may be later that day.
    start = "None" if [*sums][-1] in part else f'"{first}"'
    # Up to an instant, `oa.slippage` reads no later record, either.
    is_late = forecasts.require_history(context) is not context.history
    end = f"{last} 23:59" if is_late else last
    return Answer(
        key="slippage",
        context=context,
        title=_TITLE,
        finding=Sentence.of(describe(periods)),
        tables=(Table("periods", _COLUMNS, rows, "value"), *([moving] if len(often) else [])),
        notes=notes,
        chart=charts.slippage_by_period({_name_period(context, name): sums[name] for name in sums}),
        call=f'oa.slippage(history, start={start}, end="{end}")',
        opener=partial(_list_due, context),
    )


def _name_period(context: Context, period: str) -> str:
    name = text.capital(context.name_of(period, short=True))
    is_running = pd.Period(period, context.freq).end_time > context.known_day
    return f"{name} to date" if is_running else name


def _sum_up(context: Context, period: str, table: pd.DataFrame) -> Row:
    due, values, name = table["count"].sum(), table["value"], _name_period(context, period)
    ends = {f"{end}_value": values.get(end, 0.0) for end in _ENDS}
    rate = {"slip_rate": table["count"].get("slipped", 0) / due} if due else {}
    sums = {"deals": int(due), "value": values.sum(), **ends, **rate}
    return Row(name, Piece("text", name), {"period": period, **sums}, kind="period")


def _list_due(context: Context, row: Row) -> Answer | None:
    """List the deals due in a period, each with its outcome and its date at the end."""
    if row.kind != "period":
        return None
    due = (
        _read(context)[row.values["period"]]
        .list_deals()
        .rename(columns={"close_date": "close_date_before"})
    )
    moved = due["close_date_after"].where(due["close_date_after"].notna(), due["close_date_before"])
    rows = add_details(
        context,
        due.rename(columns={"stage": "from_stage", "stage_after": "to_stage"}),
        close_date=moved,
    )
    more = ("close_date_before", "from_stage", "to_stage")
    return list_deals(context, f"Due in {row.id}", rows, name="due_deals", past=True, more=more)


@keep
def _read(context: Context) -> dict[str, DueCohort]:
    """Read what was due in the two periods before and the current one, in time order.

    A running period ends on the last known day.
    """
    forecasts.require_history(context)
    seen = context.known_day
    begins = pd.Timestamp(context.records["recorded_at"].iloc[0])
    found, reason = {}, NotEnoughHistory("no period has two records")
    for period in (context.period - step for step in (2, 1, 0)):
        first, last = period.start_time.normalize(), min(period.end_time.normalize(), seen)
        opening = max(_begin(context, period), begins)
        if first > seen or opening == begins >= last.tz_localize(context.tz):
            continue
        try:
            read = partial(
                DueCohort.read, start=opening, end=last, tz=context.tz, asked_by="slippage"
            )
            found[str(period)] = forecasts.read_part(context, read, "due", str(period))
        except NotEnoughHistory as error:
            reason = error  # Another period may have records.
    if not found:
        raise reason
    return found


def _begin(context: Context, period: pd.Period) -> pd.Timestamp:
    return period.start_time.tz_localize(context.tz)


def _find_pushed(context: Context) -> pd.DataFrame:
    """Find the open deals that were pushed more than once."""
    read = partial(DateMoves.read, start=None, end=context.until, tz=context.tz)
    moves = forecasts.read_part(context, read, "moves").list_deals()
    often = moves[moves["pushes"] > 1].drop(columns="last_close_date")
    table = context.deals[context.deals["outcome"] == "open"].merge(
        often.reset_index(names="unique_id"), on="unique_id"
    )
    return table.sort_values(["pushes", "value", "unique_id"], ascending=[False, False, True])
