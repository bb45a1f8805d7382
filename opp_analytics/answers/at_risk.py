"""Which open deals to question first, and why."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import compare_chances, describe
from opp_analytics.answers import forecasts, tables
from opp_analytics.answers.act_order import rank_deals
from opp_analytics.answers.act_today import say_action
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context
from opp_analytics.answers.data import Row, Table
from opp_analytics.answers.deal import explain_deal, list_deal
from opp_analytics.schema import NO_LABEL
from opp_analytics.text import Piece, Sentence

_BETWEEN = " · "
"""What is between the flags of `deal_flags`."""


def at_risk(context: Context) -> Answer:
    """List the flagged open deals and why, as `act_today` ranks them; then the overdue ones."""
    table = tables.flags(context)
    flagged = table[table["risk"] > 0]
    order = rank_deals(context).index
    flagged = flagged.loc[order[order.isin(flagged.index)]]
    late, doubt = context.overdue, compare_chances(forecasts.forecast_deals(context))
    columns = [
        *context.by,
        *("stage", "value", "probability"),
        *(["chance"] if len(forecasts.chances(context)) else []),
        "close_date",
    ]
    heads = {"chance": forecasts.name_history(context), "close_date": "Close", "reasons": "Why"}
    known = context.deals.set_index("unique_id").loc[flagged.index]
    rows = [
        _add_reasons(context, deal, str(flagged["reasons"][deal["unique_id"]]).split(_BETWEEN))
        for deal in known.reset_index().to_dict("records")
    ]
    overdue = Sentence.of(text.capital(f"{text.spelled(len(late), 'deal')} past the close date"))
    listed = Table(
        overdue.write(),
        tuple(columns),
        tuple(list_deal(context, deal) for deal in late.to_dict("records")),
        "value",
        heads,
    )
    flagged_by = (*columns, "risk", "reasons")
    return Answer(
        key="at_risk",
        context=context,
        title="Deals at risk",
        finding=Sentence.of(describe(table)),
        method=str(forecasts.method(context)),
        tables=(
            *([Table("deals", flagged_by, tuple(rows), "value", heads)] if rows else []),
            *([listed] if len(late) else []),
        ),
        notes=tuple(Sentence.of(doubt) for _ in rows[:1] if doubt),
        call='oa.deal_flags(deals, history, as_of="{day}")',
        opener=partial(explain_deal, context),
    )


def _add_reasons(context: Context, deal: dict[Any, Any], reasons: list[str]) -> Row:
    """List a deal with its flags in words, the first one apart."""
    first, *others = map(text.capital, reasons)
    todo = say_action(context, deal)
    others += [todo] if todo else []
    why = Sentence.of(Piece("lead", first), "".join(f". {one}" for one in others), ".")
    row = list_deal(context, deal)
    return replace(
        row,
        values={**row.values, "risk": len(reasons)},
        words={"reasons": why},
        says=_say_flags(context, deal, reasons),
    )


def _say_flags(context: Context, deal: dict[Any, Any], reasons: list[str]) -> Sentence:
    """Say a deal's value, owner and flags, and its stage if no flag names it.

    Flags are said without what they are measured by.
    """
    stage = text.stage(deal["stage"])
    flags = [reason.partition("; ")[0] for reason in reasons]
    flags += [] if any(stage in flag for flag in flags) else [f"in {stage}"]
    listed = ("; " if any(", " in flag for flag in flags) else ", ").join(flags)
    parts: list[Piece | str] = []
    if not pd.isna(deal["value"]):
        parts += [", ", Piece("money", deal["value"])]
    several = context.person and len(context.deals[context.person].unique()) > 1
    owner = deal[context.person] if several else ""
    if owner and owner != NO_LABEL:
        parts += [", ", Piece("name", owner)]
    return Sentence.of(*parts, f": {listed}")
