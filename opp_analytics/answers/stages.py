"""Where deals end: what became of those that entered each stage; without records, what is open."""

from __future__ import annotations

from functools import partial

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.analysis import StageEntries, describe, stage_funnel
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Row, Table, lack_records, make_notes
from opp_analytics.answers.deal import add_details, list_deals
from opp_analytics.columns import write_key
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.org import split_by
from opp_analytics.text import Piece, Sentence

_WEEKS = 13
"""Weeks to look back, a quarter."""
_ENDS = {"advanced": "Moved on", "back": "Moved back", "still": "Open"}
"""Outcomes of a stage's entries, where the name alone does not say it."""


@keep
def stages(context: Context) -> Answer:
    """Count the deals that entered each stage in thirteen weeks, by where they are now.

    Without such a record, sum what is open in each stage.
    """
    try:
        flow = _read(context).sum_up()
    except NotEnoughHistory:
        return _sum_open(context)
    if not flow["entries"].sum():
        return _sum_open(context)
    start = _begin(context).tz_convert(context.tz)
    about = f"from {context.write_day(start)} on, and where they are now"
    rows = []
    for key, row in zip(flow.index, flow.to_dict("records"), strict=True):
        name = Piece("text", write_key(flow.index.names, key))
        values = {str(column): value for column, value in row.items() if not pd.isna(value)}
        rows.append(Row(text.join_key(key), name, values, kind="stage"))
    return Answer(
        key="stages",
        context=context,
        title="Funnel",
        finding=Sentence.of(describe(flow)),
        tables=(Table("stages", tuple(map(str, flow)), tuple(rows)),),
        chart=charts.stage_flow(flow),
        notes=(Sentence.of(f"Deals that entered each stage {about}"),),
        call=f'oa.stage_flow(history, start="{start.isoformat()}", end="{{day}}")',
        opener=partial(_list_entries, context),
    )


def _list_entries(context: Context, row: Row) -> Answer:
    """List the entries into a stage with what became of them there.

    A deal that came twice counts twice.
    """
    entries = _read(context).list_deals()
    is_grouped = entries.index.names != [None]
    mine = entries[entries.set_index("stage", append=is_grouped).index.map(text.join_key) == row.id]
    ends = mine["outcome"].map(_ENDS).fillna(mine["outcome"])
    deals = add_details(context, mine.reset_index(drop=True), outcome=ends.to_numpy())
    deals = deals.sort_values("unique_id", ignore_index=True)
    title, more = f"Entered {row.name.value}", ("days", "passed")
    return list_deals(context, title, deals, name="stage entries", past=True, more=more)


def _sum_open(context: Context) -> Answer:
    columns, rows, bars = ("open_count", "open_value"), [], []
    funnel = stage_funnel(context.opportunities, by=split_by(context.opportunities))
    whole = funnel.groupby(level="stage", sort=False)[[*columns]].sum()
    for stage, deals, value in whole.itertuples():
        name, values = text.stage(stage), {"open_count": deals, "open_value": value}
        rows.append(Row(stage, Piece("text", name), values, kind="stage"))
        figure = context.money(value)
        title = f"{name}: {figure}, {text.count(int(deals))}"
        bars.append(charts.make_bar(name, value, figures=(figure,), title=title, key=stage))
    is_open = any(row.values["open_count"] for row in rows)
    found = describe(funnel) if is_open else "No deal is open in any stage"
    table = Table("open", columns, tuple(rows), "open_value")
    what = "where the deals that entered each stage are now"
    return Answer(
        key="stages",
        context=context,
        title="Funnel",
        finding=Sentence.of(found.removesuffix(".")),
        tables=(table,) if is_open else (),
        chart=charts.ChartData(tuple(bars)),
        notes=make_notes("Open value by stage" if is_open else ""),
        lacks=(lack_records(what),),
        call="oa.stage_funnel(deals)",
        opener=partial(_list_open, context),
    )


def _list_open(context: Context, row: Row) -> Answer:
    deals = context.deals
    mine = deals[(deals["outcome"] == "open") & (deals["stage"] == row.id)]
    return list_deals(context, f"Open in {row.name.value}", mine)


@keep
def _read(context: Context) -> StageEntries:
    """Read the entries of the last thirteen weeks."""
    forecasts.require_history(context)
    read = partial(
        StageEntries.read,
        start=_begin(context),
        end=context.until,
        tz=context.tz,
        asked_by="stage_flow",
        listed=True,
    )
    return forecasts.read_part(context, read, "stages", by=split_by(context.opportunities))


def _begin(context: Context) -> pd.Timestamp:
    """Begin thirteen weeks ago, or at the first record where that is later."""
    first = context.known_day - pd.Timedelta(weeks=_WEEKS)
    begins = pd.Timestamp(context.records["recorded_at"].iloc[0])
    return max(first.tz_localize(context.tz).tz_convert("UTC"), begins)
