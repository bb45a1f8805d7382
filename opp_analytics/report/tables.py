"""The tables of a report, each computed once when first read."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import analysis
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import coverage
from opp_analytics.note import note_of
from opp_analytics.org import Org, outcomes, split_by
from opp_analytics.periods import check_freq
from opp_analytics.report.forecasts import Forecasts
from opp_analytics.report.inputs import Part
from opp_analytics.schema import ALL

_FLOW_WEEKS = 13
"""Weeks of the stage flow: a quarter."""
CLOSED_AS = ("won", "lost", "disqualified")
_MOST_CLOSED = 5_000
"""Closed deals that the workbook lists: half a megabyte of what is mailed."""


@dataclass(frozen=True)
class DueDeals:
    """Outcome of the deals due in one period."""

    period: str
    table: pd.DataFrame
    deals: pd.DataFrame
    starts_late: bool = False
    """True where the records begin after the period does."""


@dataclass(frozen=True)
class Tables(Forecasts):
    """All result tables of a report.

    One that needs records raises `NotEnoughHistory` where there are too few.
    """

    links: Mapping[Part, str] = field(default_factory=dict)
    """Addresses of the pages of teams and people."""

    def narrow(self, part: Part) -> Tables:
        """Make the tables of one part; a person's page leads to nobody's."""
        links = self.links if part.column != "owner_name" else {}
        return Tables(self.inputs.narrow(part), self.made, True, links)

    @cached_property
    def teams(self) -> tuple[str, ...]:
        """The widest groups of people, by which a reader of the page may filter.

        None where there are fewer than two.
        """
        people = self.people.index
        found = dict.fromkeys(str(team) for team in people.get_level_values(0) if team != ALL)
        return tuple(found) if people.nlevels > 1 and len(found) > 1 else ()

    @cached_property
    def _team_of(self) -> dict[Any, str]:
        """Places in `teams` of each team, person and deal (by id).

        A person may have changed teams. The total is of none.
        """
        if not self.teams:
            return {}
        places, deals = (
            {name: str(place) for place, name in enumerate(self.teams)},
            self.inputs.deals,
        )
        found: dict[Any, str] = dict(
            zip(
                deals["unique_id"],
                map(places.get, deals[self.inputs.by[0]], repeat("")),
                strict=False,
            )
        )
        found |= places
        for team, *_, person in self.people.index:
            found[person] = f"{found.get(person, '')} {places.get(team, '')}".strip()
        return found | {ALL: "all"}

    def find_teams(self, *names: Any) -> str:
        """Find the teams of a row of the page, as places in `teams`.

        The row shows these people, or a deal by its id.
        """
        return " ".join(sorted({self._team_of.get(name, "") for name in names})).strip()

    @cached_property
    def _created(self) -> analysis.CreatedPipeline:
        """What was created and what was open, by person as far as the history knows them."""
        history, person = self._history(), self.inputs.person
        return analysis.CreatedPipeline.read(
            history,
            by=person if person in history.table.columns else None,
            tz=self.inputs.tz,
            asked_by="weekly_report",
        )

    @cached_property
    def created(self) -> pd.DataFrame:
        """`oa.pipeline_created` by weeks that end on the as-of day."""
        weekly = check_freq(f"W-{self.inputs.today:%a}".upper())
        table = self._created.sum_up(weekly, grouped=False)
        return table[table.index <= str(pd.Period(self.inputs.today, weekly))]

    @cached_property
    def created_by(self) -> pd.DataFrame:
        """`oa.pipeline_created` of the current period by person.

        Empty where the history does not know them.
        """
        inputs = self.inputs
        table = self._created.sum_up(inputs.freq)
        table = table[table.index.get_level_values("period") == inputs.label]
        return table.droplevel("period") if self._created.groups else table.head(0)

    @cached_property
    def created_deals(self) -> pd.DataFrame:
        """The deals behind `created`: each with its period, at the value first seen."""
        return self._created.list_deals(note_of(self.created).freq, grouped=False)

    @cached_property
    def created_by_deals(self) -> pd.DataFrame:
        """The deals behind `created_by`, by person."""
        return self._created.list_deals(self.inputs.freq)

    @cached_property
    def world_changes(self) -> pd.DataFrame:
        """`oa.world_changes` up to the as-of day."""
        return analysis.world_changes(self._history(), **self.inputs.asked)

    @cached_property
    def alert_figures(self) -> pd.Series[Any]:
        """Figures that an alert may compare: those of `current`, and the alarms.

        The number of alarms is NaN where too little is known.
        """
        # First `current`: its records are read with the groups that the page needs.
        return self._add_alarms(self.current, self.inputs.today)

    @property
    def earlier_figures(self) -> pd.Series[Any] | None:
        """Those of the record that changes are counted from; None without one."""
        if self.no_changes:
            return None
        return self._add_alarms(
            self.earlier.forecast.loc[[self.inputs.label]].iloc[0], self.earlier.day
        )

    def measure_deals(self, figures: Collection[str]) -> pd.DataFrame:
        """Tabulate the open deals by id, the largest first.

        Columns: the deals' own, and `figures` that the page's tables know of each.

        These are ``chance`` (from history), ``probability`` as a share, ``days_in_stage``,
        ``pushes`` and ``risk``.
        """
        inputs = self.inputs
        return self._measure(inputs.deals[inputs.deals["outcome"] == "open"], figures, inputs.today)

    def measure_deals_before(
        self, figures: Collection[str], ids: Collection[Any]
    ) -> pd.DataFrame | None:
        """Those of the record that changes are counted from, of deals open then.

        None without one.
        """
        if self.no_changes:
            return None
        then = self._then[1]
        mine = then[then["unique_id"].isin(ids) & (outcomes(then) == "open")]
        return self._measure(mine, figures, self.earlier.day)

    def _measure(
        self, deals: pd.DataFrame, figures: Collection[str], day: pd.Timestamp
    ) -> pd.DataFrame:
        is_now = day == self.inputs.today
        found = deals.set_index("unique_id")
        if "probability" in found:
            found["probability"] = found["probability"] / 100
        if "chance" in figures:
            found["chance"] = (self.chances if is_now else self._chances_then).reindex(found.index)
        if not {"days_in_stage", "pushes", "risk"}.isdisjoint(figures):
            known = self._open_deals if is_now else self._read_open(deals, day)
            flags = self.flags if is_now else analysis.flag_deals(known)
            columns = {"days_in_stage": known.days_in_stage, "pushes": known.get_record("pushes")}
            for name, column in columns.items():
                ids = known.frame["unique_id"]
                found[name] = (
                    np.nan if column is None else column.set_axis(ids).reindex(found.index)
                )
            found["risk"] = flags["risk"].reindex(found.index)
        return found

    def _read_open(self, deals: pd.DataFrame, day: pd.Timestamp) -> analysis.OpenDeals:
        inputs = self.inputs
        history = None if inputs.records.empty else inputs.history
        return analysis.OpenDeals.of(
            deals, history, as_of=day, own_writes=inputs.own_writes, tz=inputs.tz
        )

    @cached_property
    def _open_deals(self) -> analysis.OpenDeals:
        return self._read_open(self.inputs.opportunities, self.inputs.today)

    def _add_alarms(self, row: pd.Series[Any], day: pd.Timestamp) -> pd.Series[Any]:
        try:
            alarms = float(len(analysis.find_current_alarms(self.world_changes, day)))
        except NotEnoughHistory:
            alarms = math.nan
        figures: pd.Series[Any] = pd.concat([row, pd.Series({"world_changed": alarms})])
        return figures

    @cached_property
    def slippages(self) -> list[DueDeals]:
        """`oa.slippage` of the two periods before and the current one, in time order.

        The current one runs up to the as-of day.
        """
        inputs, history = self.inputs, self._history()
        begins = pd.Timestamp(inputs.records["recorded_at"].iloc[0])
        found = []
        for step in (2, 1, 0):
            period = inputs.period - step
            first, last = (
                period.start_time.normalize(),
                min(period.end_time.normalize(), inputs.today),
            )
            opening = first if first.tz_localize(inputs.tz) >= begins else begins
            if opening is begins and begins.tz_convert(inputs.tz).tz_localize(None) >= last:
                continue
            try:
                due = analysis.DueCohort.read(
                    history, opening, last, None, inputs.tz, "slippage", listed=True
                )
            except NotEnoughHistory:
                continue  # No record inside this period; another one may have some.
            sums, late = due.sum_up(), opening is begins
            found.append(DueDeals(str(period), sums, due.list_deals(), starts_late=late))
        if not found:
            raise NotEnoughHistory("no period has two records")
        return found

    @cached_property
    def pushed(self) -> pd.DataFrame:
        """The open deals of `oa.close_date_moves` that were pushed more than once."""
        inputs = self.inputs
        moves = analysis.close_date_moves(self._history(), end=inputs.until, tz=inputs.tz)
        often = moves[moves["pushes"] > 1].drop(columns="last_close_date")
        table = inputs.deals[inputs.deals["outcome"] == "open"].merge(
            often.reset_index(names="unique_id"), on="unique_id"
        )
        return table.sort_values(
            ["pushes", "value", "unique_id"], ascending=[False, False, True], ignore_index=True
        )

    @cached_property
    def flow(self) -> pd.DataFrame:
        """`oa.stage_flow` of the last thirteen weeks."""
        return self._entries.sum_up()

    @cached_property
    def flow_deals(self) -> pd.DataFrame:
        """The entries behind `flow`."""
        return self._entries.list_deals()

    @property
    def flow_since(self) -> pd.Timestamp:
        """Start of `flow`: thirteen weeks ago, or the first record where that is later."""
        inputs = self.inputs
        first = inputs.today - pd.Timedelta(weeks=_FLOW_WEEKS)
        begins = pd.Timestamp(inputs.records["recorded_at"].iloc[0])
        return max(first.tz_localize(inputs.tz).tz_convert("UTC"), begins)

    @cached_property
    def _entries(self) -> analysis.StageEntries:
        history, inputs = self._history(), self.inputs
        asked = self.flow_since, inputs.until, split_by(inputs.opportunities), inputs.tz
        return analysis.StageEntries.read(history, *asked, "stage_flow", listed=True)

    @cached_property
    def _call_samples(self) -> analysis.CallSamples:
        inputs, history = self.inputs, self.inputs.whole_history or self._history()
        return self._share(
            lambda: analysis.CallSamples.of(
                history, "weekly_report", freq=inputs.freq, as_of=inputs.today
            ),
            "calls",
        )

    @cached_property
    def call_accuracy(self) -> pd.DataFrame:
        """`oa.call_accuracy` by caller."""
        return self._share(lambda: analysis.judge_callers(self._call_samples), "callers")

    @cached_property
    def value_added(self) -> pd.DataFrame:
        """`oa.forecast_value_added` of the page's subject; empty where nobody called it."""
        part = self.inputs.part
        by = part.column if part else None
        table = self._share(lambda: analysis.compare_sources(self._call_samples, by), "sources", by)
        if part is None:
            return table
        mine = table[table.index.get_level_values(part.column) == part.name].droplevel(part.column)
        note = note_of(table)
        own = {
            name: {"": note.figures[name].get(part.name, math.nan)}
            for name in ("called", "override")
        }
        return note.change(**own).write(mine)

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """`History.coverage` of the records up to the as-of day."""
        history, inputs = self._history(), self.inputs
        # A part has the records and the closings of the whole.
        return self._share(
            lambda: coverage(inputs.records, inputs.freq, history.list_closings()), "records"
        )

    @cached_property
    def flags(self) -> pd.DataFrame:
        """`oa.deal_flags`, the largest flagged value first."""
        return analysis.flag_deals(self._open_deals)

    @cached_property
    def funnel(self) -> pd.DataFrame:
        """`oa.stage_funnel`."""
        return analysis.stage_funnel(
            self.inputs.opportunities, by=split_by(self.inputs.opportunities)
        )

    @property
    def closed_since(self) -> pd.Timestamp:
        """First day of the window of the win rates: this quarter and the three before."""
        return (
            pd.Period(self.inputs.today, Org.of(self.inputs.opportunities).freq("Q")) - 3
        ).start_time

    @cached_property
    def listed_days(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last day of the closed deals in the workbook.

        They begin with the window of the win rates. Of many deals, those nearest to the as-of day
        are listed.
        """
        deals, today = self.inputs.deals, self.inputs.today
        distance = (
            (deals.loc[deals["outcome"].isin(CLOSED_AS), "close_date"] - today).abs().dropna()
        )
        if len(distance) <= _MOST_CLOSED:
            return self.closed_since, pd.Timestamp.max
        reach = distance.nsmallest(_MOST_CLOSED + 1).iloc[-1] - pd.Timedelta(days=1)
        return max(self.closed_since, today - reach), today + reach

    @cached_property
    def listed(self) -> pd.DataFrame:
        """Deals that the workbook lists: those of the forecast, and lately closed ones.

        Those of the forecast are open, or won in its period.
        """
        deals, (first, last) = self.inputs.deals, self.listed_days
        away = (deals["close_date"] < first) | (deals["close_date"] > last)
        left = deals["outcome"].isin(CLOSED_AS) & away
        return deals[~left | deals.index.isin(self.inputs.won_now.index)]

    @cached_property
    def listed_ids(self) -> frozenset[str]:
        """Ids of `listed`."""
        return frozenset(self.listed["unique_id"])

    @cached_property
    def win_rate(self) -> pd.Series[Any]:
        """`oa.win_rate` of the window as one row."""
        return self._win_rate(None).iloc[0]

    @cached_property
    def win_rates(self) -> pd.DataFrame:
        """`oa.win_rate` of the window by person; empty where nobody is named."""
        return (
            self._win_rate(self.inputs.person)
            if self.inputs.person
            else self._win_rate(None).head(0)
        )

    def _win_rate(self, by: str | None) -> pd.DataFrame:
        inputs = self.inputs
        return analysis.win_rate(
            inputs.opportunities,
            start=self.closed_since,
            end=inputs.today,
            as_of=inputs.today,
            by=by,
        )

    @cached_property
    def scores(self) -> pd.DataFrame:
        """`oa.scorecard` of the window, without a history: whose win rate differs beyond chance."""
        inputs = self.inputs
        assert inputs.person is not None
        return analysis.scorecard(
            inputs.opportunities,
            as_of=inputs.today,
            by=inputs.person,
            start=self.closed_since,
            tz=inputs.tz,
        )

    @cached_property
    def findings(self) -> pd.DataFrame:
        """`oa.audit`."""
        inputs = self.inputs
        deals = inputs.opportunities if inputs.named else inputs.opportunities.drop(columns="name")
        return analysis.audit(deals, as_of=inputs.today, own_writes=inputs.own_writes, tz=inputs.tz)
