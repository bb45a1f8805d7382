"""What planned edits do to the forecast of each period, before they are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import EditImpact, evidence
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context
from opp_analytics.answers.data import Row, Table
from opp_analytics.note import note_of
from opp_analytics.periods import as_date
from opp_analytics.schema import BUCKETS
from opp_analytics.text import Piece, Sentence

_CHANCES = {
    "learned": "by chances from history",
    "stated": "by stated chances",
    "run_rate": "by run rate",
}
"""Each method in words."""
_COLUMNS = (
    *("expected_before", "expected_after", "change"),
    *("weighted_open_before", "weighted_open_after", "target"),
    *("p_target_before", "p_target_after"),
)


def impact(context: Context) -> Answer:
    """Compare the forecast of each period before and after the edits."""
    before = context.unedited or context
    return Impact(before).answer(None if before is context else context.opportunities)


class Impact:
    """A forecast that is made once, and compared with that of the opportunities after each edit."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.forecasts = EditImpact(
            context.opportunities,
            periods=2,
            history=context.whole_history,
            method=context.method,
            target=context.target,
            **context.options,
        )

    def answer(self, edited: pd.DataFrame | None = None) -> Answer:
        """Show the running and the next period, and each that the edits change.

        Both forecasts are by the method of the first; None for no edit.
        """
        found, context = self.forecasts, self.context
        after = found.before if edited is None else found.find_after(edited)
        before = found.before
        figures = ["expected", "weighted_open"]
        changes = (after[figures] - before[figures]).fillna(0.0).round(2)
        # Who counts open deals at their chances sees in the forecast what they are worth.
        changes["weighted_open"] *= note_of(before).method == "run_rate"
        shown = {*changes.index[changes.any(axis="columns")], context.label}
        shown = (shown | {str(context.period + 1)}).difference(BUCKETS)
        rows = tuple(
            self._make_row(label, before.loc[label], after.loc[label], changes.loc[label])
            for label in filter(shown.__contains__, before.index)
        )
        return Answer(
            key="impact",
            context=context,
            title="Effect of the edits",
            finding=_say_largest(rows),
            method=str(note_of(before).method),
            tables=(Table("periods", _COLUMNS, rows),),
            notes=(
                Sentence.of("forecast ", self.of, self.how),
                *([Sentence.of(found.limit)] if found.limit else []),
            ),
            call='plan.impact(history=history, as_of="{day}", freq="{freq}")',
        )

    def _make_row(
        self, label: str, was: pd.Series[Any], now: pd.Series[Any], moved: pd.Series[Any]
    ) -> Row:
        context, is_over = self.context, label < self.context.label
        values = {
            "expected_before": was["expected"],
            "expected_after": now["expected"],
            "target": was["target"],
            "change": moved["expected"],
        }
        if moved["weighted_open"]:
            values["weighted_open_before"] = was["weighted_open"]
            values["weighted_open_after"] = now["weighted_open"]
        # The range by stated chances is too narrow for the chance of a target.
        if not is_over and note_of(self.forecasts.before).method not in ("stated", "stage"):
            values |= {"p_target_before": was["p_target"], "p_target_after": now["p_target"]}
        outside = evidence.name_outside(was, context.money)
        return Row(
            label,
            Piece("text", context.name_of(label, short=True)),
            {name: float(value) for name, value in values.items() if pd.notna(value)},
            {"expected_before": Sentence.of(outside)} if outside else {},
            kind="period",
            folded=is_over,
        )

    @property
    def of(self) -> str:
        """The deals in the forecast, where the others are not known."""
        deals = len(self.context.opportunities)
        these = "this deal" if deals == 1 else f"these {text.count(deals)}"
        return f"of {these}, " if self.forecasts.is_part else ""

    @property
    def how(self) -> str:
        """How it is forecast, with which other deals, and of which day if not of today."""
        found, note = self.forecasts, note_of(self.forecasts.before)
        how = _CHANCES.get(str(note.method), str(note.method))
        if found.rest is not None:
            others, at = text.count(len(found.rest), "other deal"), found.rest.attrs["recorded_at"]
            how += f", with {others} as recorded {text.day(at)}"
        if note.day != str(as_date(datetime.now(UTC), tz=self.context.tz).date()):
            how += f", as of {text.day(note.day, year=True)}"
        return how

    def by_deal(self, before: pd.DataFrame, after: pd.DataFrame, period: str) -> dict[int, float]:
        """Compute what each row changes of a period's forecast.

        None under the run rate, which sees no deal.
        """
        changes = self.forecasts.by_row(before, after, period)
        return {int(str(row)): change for row, change in changes.items()}


def _say_largest(rows: Sequence[Row]) -> Sentence:
    """Say the effect of the edits on the period they change most."""
    most = max(rows, key=lambda row: abs(row.values["change"]), default=None)
    if most is None or not most.values["change"]:
        return Sentence.of("No forecast changes")
    change, after = most.values["change"], Piece("money", most.values["expected_after"])
    adds = f"the edits {'add' if change > 0 else 'take'} "
    to = f" {'to' if change > 0 else 'from'} the forecast of {most.name.value}: "
    return Sentence.of(adds, Piece("money", abs(change)), to, after)
