"""Open deals to question, by flag or group."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import evidence, heading
from opp_analytics.columns import write_label
from opp_analytics.note import note_of
from opp_analytics.org import UNKNOWN, outcome_codes
from opp_analytics.schema import label_groups
from opp_analytics.svg import Rows, make_bar
from opp_analytics.widgets.explorer.choice import Option
from opp_analytics.widgets.explorer.views.view import (
    MARKS,
    AnalysisCall,
    Kpi,
    View,
    open_deals,
)

_OF_RECORDS = ("pushed", "slow_in_stage", "moved_back", "value_cut", "owner_changed")
"""Flags that compare records."""


class AtRiskView(View):
    """Open deals to question: `oa.deal_flags`, by flag or group."""

    noun = "flagged deal"
    worthless = ()
    hidden = ("days_in_stage", "pushes", "changed_at", "risk", "flags")
    sorted_by = "value × flags"

    @property
    def call(self) -> AnalysisCall:
        options: dict[str, Any] = {"as_of": str(self.day.date())}
        if self.selector.moments:
            options["history"] = Option(self.selector.history, "history")
        writes = self.selector.own_writes
        if writes is not None and len(writes):
            options["own_writes"] = Option(writes, "oa.own_writes(client)")
        return AnalysisCall("deal_flags", options)

    @cached_property
    def table(self) -> pd.DataFrame:
        # A deal's flags are the same among few deals as among all.
        flags = self.selector.facts_at(self.end).flags
        table = flags[flags.index.isin(self.deals["unique_id"])]
        unknown = int((outcome_codes(self.deals) == UNKNOWN).sum())
        left_out = {"unknown": unknown} if unknown else {}
        return note_of(flags).change(n=len(table), left_out=left_out).write(table)

    @cached_property
    def _flagged(self) -> pd.DataFrame:
        return self.table[self.table["risk"] > 0]

    @cached_property
    def behind(self) -> pd.DataFrame:
        deals = self._take(self._flagged).join(self.table[["risk", "reasons"]], on="unique_id")
        return self.sort(deals)

    def _take(self, flagged: pd.DataFrame) -> pd.DataFrame:
        return self.deals[self.deals["unique_id"].isin(flagged.index)]

    @property
    def kpis(self) -> list[Kpi]:
        flagged, opened = self.behind, open_deals(self.deals)
        value, whole = float(flagged["value"].sum()), float(opened["value"].sum())
        code = self.org.freq(self.freq)
        period = str(pd.Period(self.day, code))
        due, mine = (self._due_in(frame, period) for frame in (opened, flagged))
        share = evidence.write_share(value, pd.Series([value, whole - value]))
        name, of = text.period(period, code), f"{len(mine):,} of {text.count(len(due))} due"
        return [
            Kpi("Deals flagged", f"{len(flagged):,}", f"of {text.count(len(opened), 'open deal')}"),
            Kpi("Value flagged", self.money(value), f"of {self.money(whole)}"),
            Kpi("Share of open value", share or text.MISSING, f"as of {self.format_day(self.end)}"),
            Kpi(f"Flagged and due in {name}", self.money(float(mine["value"].sum())), of),
        ]

    @cached_property
    def _sums(self) -> pd.DataFrame:
        """Value and number of the flagged deals in each row."""
        if self.by == "flag":
            masks = self.table.select_dtypes("boolean").fillna(False).astype(bool)
            found = {
                name: self.table["value"][mask].agg(["sum", "size"]) for name, mask in masks.items()
            }
            sums = pd.DataFrame(found).T
        else:
            deals = self.behind
            sums = deals["value"].groupby(label_groups(deals[self.by])).agg(["sum", "size"])
        return sums[sums["size"] > 0].sort_values(["sum", "size"], ascending=False, kind="stable")

    @property
    def chart(self) -> Rows:
        largest = evidence.find_largest(self._sums["sum"])[0] if self._sums["sum"].any() else []
        bars = []
        for key, value, deals in self._sums.head(MARKS).itertuples():
            name, amount, n = self.name_row(str(key)), self.money(value), int(deals)
            title = f"{name}: {text.count(n)}, {amount}"
            more = (f"{n:,}",)
            bars.append(
                make_bar(
                    name, float(value), amount, title, str(key), highlight=key in largest, more=more
                )
            )
        return replace(svg.bars(bars), heads=("", "Value", "Deals"), figure_width=64)

    def name_row(self, key: str) -> str:
        return text.title(key) if self.by == "flag" else write_label(self.by, key)

    @property
    def finding(self) -> str:
        found, values = heading(self.table), self._sums["sum"]
        if not values.any():
            return found
        keys, share = evidence.find_largest(values)
        if self.by == "flag":
            # A deal may have several: their shares are of no whole.
            names = text.joined(map(text.label, keys), most=3)
            return f"{found}; largest: {names}, {self.money(values.max())}"
        names = text.joined(map(self.name_row, keys), most=3)
        return (
            f"{found}; {names} {f'have {share} each' if len(keys) > 1 else f'has {share}'}"
            if share
            else found
        )

    @property
    def about(self) -> str:
        if self.by == "flag":
            day = self.format_day(self.end)
            return (
                f"Value of open deals with each flag on {day}; a deal with several flags is in "
                "each of their rows"
            )
        return (
            f"Value of flagged open deals by {text.group_label(self.by)} on "
            f"{self.format_day(self.end)}"
        )

    @property
    def notes(self) -> list[str]:
        missing = [name for name in _OF_RECORDS if self.table[name].isna().all()]
        names = text.joined(text.label(name) for name in missing)
        return [f"Not judged without two records of the pipeline: {names}."] if missing else []

    def find_deals(self, key: str) -> pd.DataFrame:
        if self.by == "flag":
            return self._take(self.table[self.table[key].fillna(False)])
        flagged = self._take(self._flagged)
        return flagged[label_groups(flagged[self.by]) == key]

    def rank(self, deals: pd.DataFrame) -> pd.Series[Any]:
        return deals["value"].fillna(0.0) * deals["risk"]

    def explain(self, key: str) -> str:
        return "The largest value × number of flags first."
