"""Which open deals to question first, and why."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from opp_analytics import text
from opp_analytics.analysis import Reason, compare_chances, heading
from opp_analytics.answers import forecasts, tables
from opp_analytics.answers.act_order import rank_deals
from opp_analytics.answers.act_today import say_actions
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Row, Table, make_notes
from opp_analytics.answers.deal import explain_deal, list_rows
from opp_analytics.schema import BUCKETS, NO_LABEL
from opp_analytics.text import Piece, Sentence


@keep
def at_risk(context: Context) -> Answer:
    """List the flagged open deals and why, as `act_today` ranks them; then the overdue ones."""
    table = tables.flags(context)
    flagged = table[table["risk"] > 0]
    order = rank_deals(context).index
    flagged = flagged.loc[order[order.isin(flagged.index)]]
    late = context.select("open", BUCKETS[0])
    doubt = compare_chances(forecasts.forecast_deals(context))
    columns = [
        *context.by,
        *("stage", "value", "probability"),
        *(["chance"] if len(forecasts.chances(context)) else []),
        "close_date",
    ]
    heads = {"chance": forecasts.name_history(context), "close_date": "Close", "reasons": "Why"}
    known = context.deals.set_index("unique_id").loc[flagged.index]
    known = known.reset_index()
    todo, reasons = say_actions(context), tables.open_deals(context).reasons
    several = bool(context.person) and context.deals[context.person].nunique() > 1
    rows = [
        _add_reasons(row, reasons[row.id], todo.get(row.id), owner)
        for row, owner in zip(
            list_rows(context, known),
            known[context.person] if several else [""] * len(known),
            strict=True,
        )
    ]
    overdue = Sentence.of(text.capital(f"{text.spelled(len(late), 'deal')} past the close date"))
    listed = Table(
        overdue.write(),
        tuple(columns),
        tuple(list_rows(context, late)),
        "value",
        heads,
    )
    flagged_by = (*columns, "risk", "reasons")
    return Answer(
        key="at_risk",
        context=context,
        title="Deals at risk",
        finding=Sentence.of(heading(table)),
        method=str(forecasts.method(context)),
        tables=(
            *([Table("deals", flagged_by, tuple(rows), "value", heads)] if rows else []),
            *([listed] if len(late) else []),
        ),
        notes=make_notes(doubt if rows else ""),
        call='oa.deal_flags(deals, history, as_of="{day}")',
        opener=partial(explain_deal, context),
    )


def _add_reasons(row: Row, reasons: list[Reason], todo: str | None, owner: str) -> Row:
    """Add to a deal its flags in words, the first one apart, and what to do."""
    first, *others = (text.capital(reason.write()) for reason in reasons)
    others += [todo] if todo else []
    why = Sentence.of(Piece("lead", first), "".join(f". {one}" for one in others), ".")
    return replace(
        row,
        values={**row.values, "risk": len(reasons)},
        words={"reasons": why},
        says=_say_flags(row, reasons, owner),
    )


def _say_flags(row: Row, reasons: list[Reason], owner: str) -> Sentence:
    """Say a deal's value, owner and flags, and its stage if no flag names it.

    Flags are said without what they are measured by.
    """
    stage = text.stage(row.values.get("stage"))
    flags = [reason.words for reason in reasons]
    flags += [] if any(stage in flag for flag in flags) else [f"in {stage}"]
    listed = ("; " if any(", " in flag for flag in flags) else ", ").join(flags)
    parts: list[Piece | str] = []
    if "value" in row.values:
        parts += [", ", Piece("money", row.values["value"])]
    if owner and owner != NO_LABEL:
        parts += [", ", Piece("name", owner)]
    return Sentence.of(*parts, f": {listed}")
