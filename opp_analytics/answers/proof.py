"""Whether the forecast holds, against what others do: all methods on the same past forecasts."""

from __future__ import annotations

from opp_analytics import text
from opp_analytics.analysis import EVERY, describe
from opp_analytics.answers import tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context
from opp_analytics.answers.data import Row, Table, lack_records, make_notes, read_known
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.text import Piece, Sentence

_COLUMNS = (
    *("n", "wape", "bias", "differs", "coverage_80", "coverage_50", "coverage_95"),
    *("winkler", "crps"),
)

_HEADS = {
    "n": "Forecasts",
    "wape": "Missed by",
    "bias": "On average",
    **{f"coverage_{level}": f"{level}% range held" for level in (50, 80, 95)},
}


def proof(context: Context) -> Answer:
    """Score past forecasts and the formulas of others against what closed."""
    title = "Proof of the forecast"
    try:
        table = tables.proof(context)
    except (NotEnoughHistory, DataError) as error:
        reason = str(error).removesuffix(".")
        lack = lack_records(reason)
        return Answer("proof", context, title, Sentence.of(reason), lacks=(lack,))
    judged = table[table["n"] > 0]
    rows = tuple(
        Row(
            str(method),
            Piece("text", text.capital(text.method(method, context.freq))),
            read_known(row, _COLUMNS),
            kind="source",
        )
        for method, row in zip(judged.index, judged.to_dict("records"), strict=True)
    )
    few = [text.method(name, context.freq) for name in EVERY if name not in judged.index]
    said = f"Too few past forecasts to judge: {text.joined(few)}"
    return Answer(
        key="proof",
        context=context,
        title=title,
        finding=Sentence.of(describe(table)),
        tables=(Table("methods", _COLUMNS, rows, heads=_HEADS),) if rows else (),
        notes=make_notes(said if few else ""),
        call='oa.score(oa.backtest(history, freq="{freq}", methods="all"))',
    )
