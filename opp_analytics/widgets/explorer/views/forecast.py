"""Expected money by period."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import pandas as pd

from opp_analytics import analysis, svg, text
from opp_analytics.analysis import evidence, find_gap, heading
from opp_analytics.certificate import Certificate
from opp_analytics.note import note_of
from opp_analytics.org import OPEN, WON, outcome_codes
from opp_analytics.periods import labels
from opp_analytics.schema import BUCKETS, NO_LABEL
from opp_analytics.svg import Row, Rows
from opp_analytics.widgets.explorer.choice import Choice, Option
from opp_analytics.widgets.explorer.views.view import (
    MARKS,
    AnalysisCall,
    Lack,
    View,
    open_deals,
)

_YEAR = 12
_STILL_WON = "what past periods still won at the same point"
"""What a run rate expects beyond the open deals."""


class ForecastView(View):
    """Expected money by month or quarter, from `oa.forecast`.

    The forecast is of the whole, of people, or of the picked deals alone.
    """

    @property
    def kept(self) -> str:  # type: ignore[override]
        # A deal's status changes as it closes, and what is not recorded teaches nothing.
        recorded, names = self.selector.recorded, self.choice.names
        whole = "status" not in names and (
            self.selector.history is None or recorded.issuperset(names)
        )
        return "names" if whole else ""

    @property
    def worthless(self) -> tuple[str, ...]:  # type: ignore[override]
        return (
            ("without_value", "without_probability")
            if self.method == "stated"
            else ("without_value",)
        )

    @property
    def _picked(self) -> dict[str, list[str]]:
        """Picked names by column.

        Their rows are those of the whole's forecast by these columns.
        """
        names = self.choice.names.items()
        return {
            column: [NO_LABEL if one is None else str(one) for one in values]
            for column, values in names
        }

    @property
    def call(self) -> AnalysisCall:
        levels = self._levels
        by = {"by": levels[0] if len(levels) == 1 else levels} if levels else {}
        coming = [str(self._now + step) for step in range(_YEAR)]
        due = open_deals(self.source)["close_date"]
        held = set(labels(due[due >= self.day], self._freq))
        # New business is expected in a month without a deal due, too.
        last = max((place for place, label in enumerate(coming) if label in held), default=0)
        between = [] if self.is_alone else [label for label in coming[1:last] if label not in held]
        further = {"periods": between} if between else {}
        return AnalysisCall("forecast", self._ask(self.freq) | by | further | self._aim(coming))

    @property
    def _is_part(self) -> bool:
        """True for the rows of picked names in a forecast of everybody."""
        return bool(self._picked) and not self.is_alone

    @property
    def _levels(self) -> list[str]:
        """The columns that the forecast is grouped by."""
        return list(self._picked) if self._is_part else []

    def _aim(self, periods: Sequence[str]) -> dict[str, Any]:
        """Set the target that was typed, else the org's.

        Of one picked group, for each of these periods.
        """
        target: float | Option | None = self.choice.target
        if target is None and not self.is_alone:
            target = self.selector.targets
        elif target is not None and self._is_part:
            names = [
                names[0]
                for column in self._levels
                if len(names := self._picked.get(column, [])) == 1
            ]
            goals = {(*names, period): target for period in periods}
            target = Option(goals, repr(goals)) if len(names) == len(self._levels) else None
        return {} if target is None else {"target": target}

    @property
    def freq(self) -> str:
        return "Q" if self.by == "Q" else "M"

    @property
    def _freq(self) -> str:
        return self.org.freq(self.freq)

    @property
    def _now(self) -> pd.Period:
        return pd.Period(self.day, self._freq)

    @cached_property
    def source(self) -> pd.DataFrame:
        return self.deals if self.is_alone else self.selector.select(Choice(), self.end)

    @cached_property
    def table(self) -> pd.DataFrame:
        if not self._is_part:
            return super().table
        # The ranges of everybody else would take as long as theirs.
        picked, levels = self._picked, self._levels

        def is_picked(labels: Sequence[str], _: str) -> bool:
            named = dict(zip(levels, map(str, labels), strict=False))
            return all(
                column not in named or named[column] in names for column, names in picked.items()
            )

        table = self._forecast(self.source, self.call.options, is_picked)
        for column, names in picked.items():
            table = table[table.index.get_level_values(column).astype("str").isin(names)]
        return table

    @staticmethod
    def _forecast(
        deals: pd.DataFrame, options: dict[str, Any], shown: Callable[[Sequence[str], str], bool]
    ) -> pd.DataFrame:
        """Forecast with the ranges of some rows."""
        further = {"method": analysis.read_method(), "shown": shown}
        return AnalysisCall("forecast_shown", options | further).table(deals)

    def write_code(self) -> list[str]:
        choice = self.choice if self.is_alone else Choice()
        lines, (table, drawing) = (
            self.selector.write_code(choice, self.end),
            self.call.write_code("deals"),
        )
        rows = [
            f'table = table[table.index.get_level_values({column!r}).astype("str").isin({names!r})]'
            for column, names in self._picked.items()
        ]
        return [*lines, table, *(rows if self._is_part else []), *self._write_more(), drawing]

    @property
    def _groups(self) -> int:
        """The number of groups in the table."""
        return len(dict.fromkeys(key[:-1] for key in map(text.split_key, self.table.index)))

    def _write_more(self) -> list[str]:
        """Write the lines that make the further tables."""
        return []

    @cached_property
    def by_period(self) -> pd.DataFrame:
        """The table by period: of several people the sums, which have no range."""
        table = self.table
        if table.index.nlevels == 1:
            return table
        several = self._groups
        if several == 1:
            return table.droplevel(list(range(table.index.nlevels - 1)))
        groups = table.groupby(level="period", sort=False)
        sums = groups.sum(min_count=1).assign(to_date=groups["to_date"].any())
        sums["target"] = groups["target"].sum(min_count=several)
        if self.choice.target is not None:
            sums["target"] = self.choice.target
        sums[["low", "median", "high", "p_target"]] = math.nan
        sums["gap"] = find_gap(sums["target"], sums["booked"])
        sums.attrs = table.attrs
        return sums

    @property
    def left_out(self) -> dict[str, int]:
        if not self._is_part:
            return super().left_out
        # The table is made from everybody's deals.
        alone = {**self._ask(self.freq), "new_business": False}
        return dict(
            note_of(self._forecast(self.deals, alone, lambda labels, _: False)).figures["left_out"]
        )

    @property
    def method(self) -> str:
        """The method of the forecast."""
        return str(note_of(self.table).method)

    @property
    def lack(self) -> str | Lack:
        # Without chances the mix of stages says nothing; a history or a run rate is a forecast
        # then.
        is_weighed = self.has_chances or self.method in ("learned", "run_rate")
        return super().lack or ("" if is_weighed else "chances")

    @cached_property
    def behind(self) -> pd.DataFrame:
        first, _ = self.org.period_days(str(self._now))
        return pd.concat([open_deals(self.deals), self._find_won(first, pd.Timestamp.max)])

    def _find_won(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
        """Take the deals that are booked with a close date between two days."""
        won, moment = (
            self.deals[outcome_codes(self.deals) == WON],
            Certificate.moment_of(self.deals),
        )
        if moment is None or self.selector.to_day(str(moment)) > self.day:
            last = min(last, self.day)
        inside: pd.DataFrame = won[won["close_date"].between(first, last)]
        return inside

    @property
    def amounts(self) -> pd.Series[Any]:
        return self.by_period["expected"]

    def name_row(self, key: str) -> str:
        return text.period(key, self._freq)

    @property
    def chart(self) -> Rows:
        money, ahead = self.money, self.by_period[~self.by_period.index.isin(BUCKETS)]
        current = ahead.index >= str(self._now)
        held = (ahead["booked"] > 0) | (ahead["open_count"] > 0) | ahead["to_date"]
        held |= (ahead["expected"] > 0) & (ahead.index <= max(ahead.index[held], default=""))
        coming = ahead[current & held].head(MARKS)
        targets = coming["target"].dropna()
        # The axis ends at 92% of the width: the label of the target needs the rest.
        scale = svg.axis([*coming["expected"], *coming["high"].dropna(), *targets, 1.0], end=92)
        # A range by stated chances holds the open deals due only, and says nothing of a target.
        rows, is_stated = [], self.method == "stated"
        for key, row in coming.iterrows():
            name = text.period(str(key), self._freq)
            ranged = math.isfinite(row["low"])
            spread = text.money_range(row["low"], row["high"], money) if ranged else text.MISSING
            figures = (
                money(row["expected"]),
                spread,
                self._write_chance(row),
                f"{int(row['open_count']):,}",
            )
            rows.append(
                Row(
                    name,
                    svg.month(row, scale, money, name=name, by_rate=self.method == "run_rate"),
                    figures,
                    key=str(key),
                )
            )
        heads = (
            "",
            "Forecast",
            "Due-only range" if is_stated else "80% range",
            "Hits target",
            "Due",
        )
        axis = svg.month_axis(scale, float(targets.iloc[0]) if len(targets) else math.nan, money)
        return Rows(tuple(rows), heads, axis, label_width=104, figure_width=92)

    def _write_chance(self, row: pd.Series[Any]) -> str:
        """Write the chance of a target, or why there is none."""
        if row["gap"] <= 0:
            return "met"
        if math.isnan(row["target"]):
            return text.MISSING
        if not row["open_count"] and not row["expected"] > row["booked"]:
            return "none due"
        return text.MISSING if self.method == "stated" else text.percent(row["p_target"])

    @property
    def finding(self) -> str:
        return heading(self.by_period)

    @property
    def about(self) -> str:
        who = "people" if [*self._picked] == ["owner_name"] else "groups"
        several = self._is_part and self._groups > 1
        band = "the range of what is due only" if self.method == "stated" else "the 80% range"
        ranges = f"several {who} together have no range" if several else f"with {band}"
        return f"As of {self.format_day(self.end)}, {self._method_words}, {ranges}"

    @property
    def _method_words(self) -> str:
        """How the forecast is made."""
        how = {
            "learned": "chances from history: closed, open deals, and usual new business",
            "run_rate": f"{evidence.RUN_RATE}: closed, and {_STILL_WON}",
        }.get(self.method, "stated chances: closed and open deals due")
        if self.is_alone:
            chances = "from history" if self.method == "learned" else "as stated"
            how = f"these {text.count(len(self.behind))} alone, at their chances {chances}"
            how = how.replace(
                "these 1 deal alone, at their chances", "this deal alone, at its chance"
            )
        return how

    def find_deals(self, key: str) -> pd.DataFrame:
        due = self._due_in(open_deals(self.deals), key)
        if key in BUCKETS:
            return due
        won = self._find_won(*self.org.period_days(key))
        return pd.concat([self._with_chances(due, key, self.freq), won])

    def _find_row(self, key: str) -> pd.Series[Any] | None:
        """Find the forecast under a mark."""
        return self.by_period.loc[[key]].iloc[0] if key in self.by_period.index else None

    def explain(self, key: str) -> str:
        row = self._find_row(key)
        if key in BUCKETS or row is None or math.isnan(row["expected"]):
            return ""
        deals = self.find_deals(key)
        below = 0.0
        if self.method != "run_rate":
            chance = deals["chance"] if "chance" in deals else deals["probability"] / 100
            below = float(
                (deals["value"] * chance.astype("float64"))[outcome_codes(deals) == OPEN].sum()
            )
        chances = "chance from history" if self.method == "learned" else "stated chance"
        parts = {
            "closed": row["booked"],
            f"from the open deals listed (value × {chances})": below,
            "from other open deals": row["expected_open"] - below,
            _STILL_WON if self.method == "run_rate" else "usual new business": row["new_business"],
        }
        whole = round(float(row["expected"]))
        amounts = {words: round(float(part)) for words, part in parts.items() if abs(part) >= 0.5}
        if not amounts:
            return ""
        # Rounded parts add up to the rounded whole.
        amounts[list(amounts)[-1]] += whole - sum(amounts.values())
        money = partial(text.money, currency=self.org.currency, full=True)
        said = " + ".join(f"{money(n)} {words}" for words, n in amounts.items())
        return f"Forecast {money(whole)} = {said}."
