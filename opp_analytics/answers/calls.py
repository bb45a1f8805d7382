"""Who makes the number better: how far calls, overrides and formulas missed, beside the model."""

from __future__ import annotations

from functools import partial

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.analysis import describe, name_source
from opp_analytics.answers import tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Lack, Row, Table, lack_records, read_known
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.text import Piece, Sentence

_COLUMNS = ("wape", "bias", "better", "n", "differs")
_CALLERS = ("wape", "bias", "model_wape", "better", "n", "differs")
_HEADS = {
    "wape": "Missed by",
    "bias": "On average",
    "model_wape": "The model by",
    "better": "Closer than the model",
    "n": "Periods",
    "differs": "More than luck",
}
_CALLED = ("reps", "manager")
_DAYS = (
    "Averaged over the numbers of a {}’s first day, with two thirds and one third of it left, and "
    "7 days before its end"
)


@keep
def calls(context: Context) -> Answer:
    """Rank whose number was nearest to what closed, on the same days; then each caller.

    Below six periods nothing is ranked.
    """
    answer = partial(Answer, "calls", context, "Calls")
    if context.calls.empty:
        lack = Lack(
            "who makes the number better",
            "six ended periods with calls",
            "calls= of the org",
            "opp-analytics call NAME 2026-12 450k",
        )
        return answer(Sentence.of("Nobody has called a number yet"), lacks=(lack,))
    try:
        found = tables.value_added(context)
    except NotEnoughHistory as reason:
        lack = lack_records(str(reason))
        return answer(Sentence.of("No call can be judged yet"), lacks=(lack,))
    known = found[found["wape"].notna()].sort_values("wape", kind="stable")
    called = known.index.intersection(list(_CALLED))
    is_judged = len(called) > 0 and known["ratio_low"].notna().any()
    names = {str(source): text.capital(name_source(source, context.freq)) for source in known.index}
    bars = [
        charts.make_bar(
            name, known["wape"][source], "hi" if source in called else "mute", key=source
        )
        for source, name in names.items()
    ]
    sources = _list_rows(known, names, _COLUMNS, "source") if is_judged else ()
    callers, notes = _judge_callers(context) if context.part is None else ((), ())
    notes += (Sentence.of(_DAYS.format(context.noun)),) if len(called) else ()
    lack = Lack("whose number is better", "six ended periods with calls")
    finding = Sentence.of(describe(found))
    listed = (("sources", _COLUMNS, sources), ("callers", _CALLERS, callers))
    return answer(
        finding,
        tables=tuple(
            Table(name, columns, rows, heads=_HEADS) for name, columns, rows in listed if rows
        ),
        chart=charts.ChartData(tuple(bars)) if is_judged else None,
        notes=tuple(note for note in notes if note != finding),
        lacks=() if is_judged else (lack,),
        call='oa.forecast_value_added(history, freq="{freq}")',
    )


def _judge_callers(context: Context) -> tuple[tuple[Row, ...], tuple[Sentence, ...]]:
    """List how far each caller missed, and say who differs from the model and who is left out."""
    table = tables.call_accuracy(context)
    callers = table[table["wape"].notna()].sort_values("wape", kind="stable")
    names = {str(name): str(name) for name in callers.index}
    said = [describe(table)]
    if others := note_of(table).figures.get("left_out", {}).get("other_periods"):
        said.append(f"Left out: {text.count(others, 'call')} for periods of other lengths")
    return _list_rows(callers, names, _CALLERS, "person"), tuple(map(Sentence.of, said))


def _list_rows(
    table: pd.DataFrame, names: dict[str, str], columns: tuple[str, ...], kind: str
) -> tuple[Row, ...]:
    """List sources or callers; the model is not compared with itself."""
    rows = []
    for key, row in zip(names, table.to_dict("records"), strict=True):
        left_out = ("better", "differs") if key == "model" else ()
        values = read_known(row, [name for name in columns if name not in left_out])
        name = Piece("name" if kind == "person" else "text", names[key])
        rows.append(Row(key, name, values, kind=kind))
    return tuple(rows)
