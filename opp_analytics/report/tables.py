"""The tables of a weekly report, each computed once when first read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import analysis, org, schema, text
from opp_analytics.analysis import Method, track_record
from opp_analytics.certificate import Certificate
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History, coverage
from opp_analytics.periods import as_date, labels, to_dates
from opp_analytics.schema import BUCKETS, NO_LABEL

__all__ = ["Slippage", "Stretch", "Tables"]

_WEEK, _NEAR = pd.Timedelta(days=7), pd.Timedelta(days=3)
"""Time back to the record that starts the week, and its largest distance from that day."""


@dataclass(frozen=True)
class Stretch:
    """Movements between two records."""

    start: pd.Timestamp
    """Instant."""
    waterfall: pd.DataFrame
    movements: pd.DataFrame
    ends: pd.DataFrame
    """The open deals at the opening and at the closing record, as rows of `movements`."""


@dataclass(frozen=True)
class Slippage:
    """Outcome of the deals due in one period."""

    name: str
    table: pd.DataFrame
    deals: pd.DataFrame


@dataclass(frozen=True)
class Tables:
    """The inputs and tables of a report; each table is computed when first read."""

    opportunities: pd.DataFrame
    origin: Mapping[str, Any]
    """Attrs of the frame."""
    load: Certificate | None
    """Its load certificate."""
    history: History | None
    today: pd.Timestamp
    """The as-of day."""
    freq: str
    target: float | Mapping[Any, float] | None
    method: str | Method
    by: str | None
    own_writes: pd.DataFrame | None
    tz: str
    currency: str | None
    """ISO code of the currency, if known."""

    def money(self, value: Any) -> str:
        """An amount for sentences."""
        return text.money(float(value), self.currency)

    @property
    def period(self) -> pd.Period:
        """The period that holds the as-of day."""
        return pd.Period(self.today, self.freq)

    @cached_property
    def until(self) -> pd.Timestamp:
        """The last instant of the as-of day."""
        return (self.today + pd.Timedelta(days=1)).tz_localize(self.tz).tz_convert("UTC") - pd.Timedelta(
            microseconds=1
        )

    @cached_property
    def unseen(self) -> str:
        """A warning when the as-of day is later than everything known about the pipeline, else empty."""
        looks = [self.load.fetched_at if self.load else None, self.origin.get("recorded_at")]
        if self.history is not None and len(self.history.records):
            looks.append(self.history.records["recorded_at"].max())
        looks = [look for look in looks if look is not None]
        if not looks:
            return ""  # The page says elsewhere that nothing certifies the frame.
        stamped = self.opportunities["updated_at"].max()
        last = max(as_date(look, tz=self.tz) for look in [*looks, *([] if pd.isna(stamped) else [stamped])])
        if last >= self.today:
            return ""
        return (
            f"As of {text.day(self.today, year=True)}, but the pipeline was last seen on {text.day(last, year=True)}: "
            "these numbers miss later changes."
        )

    @cached_property
    def deals(self) -> pd.DataFrame:
        """All opportunities with their ``outcome`` and ``period`` of the forecast."""
        frame = org.require(self.opportunities, "unique_id", "stage", "value", "close_date")
        outcome = org.outcomes(frame).astype(schema.TEXT)
        date = frame["close_date"]
        is_open, won = outcome == "open", outcome == "won"
        dated = (is_open & (date >= self.today)) | (won & (date <= self.today))
        period = labels(date.where(dated), self.freq)
        period = period.mask(is_open & (date < self.today), BUCKETS[0]).mask(
            is_open & date.isna(), BUCKETS[1]
        )
        stage = frame["stage"].astype(schema.TEXT).fillna(NO_LABEL)
        frame = frame.assign(outcome=outcome, period=period, stage=stage)
        if self.by:
            frame[self.by] = frame[self.by].astype(schema.TEXT).fillna(NO_LABEL)
        return frame.sort_values(["value", "unique_id"], ascending=[False, True], ignore_index=True)

    def deal_columns(self, *further: str) -> tuple[str, ...]:
        """The columns of a deal on the page: its name, its group, and `further`."""
        return tuple(dict.fromkeys(["name", *([self.by] if self.by else []), *further]))

    def with_details(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of deals with further columns from the frame."""
        wanted = self.deal_columns("stage", "close_date", "probability")
        further = [c for c in wanted if c in self.deals and c not in rows]
        return rows.merge(self.deals[["unique_id", *further]], on="unique_id", how="left")

    @property
    def closed_deals(self) -> pd.DataFrame:
        """The deals behind the win rates, with their ``quarter``."""
        closed = self.deals[
            self.deals["outcome"].isin(["won", "lost"])
            & self.deals["close_date"].between(self.closed_since, self.today)
        ]
        return closed.assign(quarter=closed["close_date"].dt.to_period("Q").astype(schema.TEXT))

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """`oa.forecast`, always with a row for the current period."""
        return analysis.forecast(
            self.opportunities,
            as_of=self.today,
            freq=self.freq,
            method=self.method,
            history=self.history,
            target=self.target,
            periods=1,
            tz=self.tz,
        )

    @property
    def current(self) -> pd.Series[Any]:
        """The forecast's row of the current period."""
        return self.forecast.loc[[str(self.period)]].iloc[0]

    @cached_property
    def funnel(self) -> pd.DataFrame:
        """`oa.stage_funnel`."""
        table = analysis.stage_funnel(self.opportunities)
        table.attrs["as_of"] = str(self.today.date())
        return table

    @property
    def closed_since(self) -> pd.Timestamp:
        """First day of the window of the win rates: this quarter and the three before."""
        return (pd.Period(self.today, "Q") - 3).start_time

    @cached_property
    def win_rates(self) -> pd.DataFrame:
        """`oa.win_rate` of the window by quarter."""
        return self._win_rate(freq="Q")

    @cached_property
    def win_rates_by(self) -> pd.DataFrame | None:
        """`oa.win_rate` of the window by the grouping column."""
        return self._win_rate(by=self.by) if self.by else None

    @cached_property
    def win_rate(self) -> pd.Series[Any]:
        """`oa.win_rate` of the window as one row."""
        return self._win_rate().iloc[0]

    def _win_rate(self, **asked: Any) -> pd.DataFrame:
        return analysis.win_rate(
            self.opportunities, start=self.closed_since, end=self.today, as_of=self.today, **asked
        )

    @cached_property
    def findings(self) -> pd.DataFrame:
        """`oa.audit`."""
        return analysis.audit(self.opportunities, as_of=self.today, own_writes=self.own_writes, tz=self.tz)

    @cached_property
    def records(self) -> pd.DataFrame:
        """The history's records up to the as-of day."""
        if self.history is None:
            return pd.DataFrame({"recorded_at": pd.Series(dtype="datetime64[us, UTC]")})
        records = self.history.records
        return records[records["recorded_at"] <= self.until].reset_index(drop=True)

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """`History.coverage` of the records up to the as-of day."""
        return coverage(self.records, self.freq)

    @cached_property
    def track_record(self) -> pd.DataFrame:
        """Past forecasts made equally far before the end of earlier periods, with their errors.

        Raises
        ------
        NotEnoughHistory
            When no ended period has a record at that distance.
        DataError
            When recorded values cannot be used, such as a probability above 100.
        """
        if self.history is None or self.records.empty:
            raise NotEnoughHistory("no record of the pipeline yet")
        asked: Any = {"freq": self.freq, "method": self.method, "tz": self.tz}
        return track_record(self.history, as_of=self.today, **asked)

    @cached_property
    def week_ago(self) -> pd.Timestamp:
        """Time of the record nearest to seven days before the as-of day.

        Raises
        ------
        NotEnoughHistory
            When there are no two records to compare, or none near that day; the message says when there will be one.
        """
        self._known()
        moments = self.records["recorded_at"]
        days = to_dates(moments, tz=self.tz)
        wanted = self.today - _WEEK
        off = (days - wanted).abs()[:-1]
        nearest = off.min()
        if nearest > _NEAR:
            found = moments[:-1][off == nearest].iloc[-1]
            later = [day + _WEEK for day in [*days, self.today] if day + _WEEK > self.today]
            raise NotEnoughHistory(
                f"no record from a week ago; the nearest is from {found:%Y-%m-%d %H:%M} UTC, "
                f"and a comparison is possible from {text.day(min(later))} on"
            )
        # Of two equally near days take the earlier one, which covers the whole week; of its records the last.
        near = days[:-1][off == nearest]
        return pd.Timestamp(moments[days == near.iloc[0]].iloc[-1])

    @cached_property
    def stretch(self) -> Stretch:
        """Movements since the record of a week ago.

        Raises
        ------
        NotEnoughHistory
            As `week_ago`.
        """
        history, start = self._known()[0], self.week_ago
        asked: Any = {"start": start, "end": self.until, "tz": self.tz}
        table = analysis.waterfall(history, **asked)
        return Stretch(
            start,
            table,
            analysis.movements(history, **asked).sort_values(
                ["value", "unique_id"],
                key=lambda column: -column.abs() if column.name == "value" else column,
                ignore_index=True,
            ),
            pd.concat([_open_at(history, table, end) for end in ("opening", "closing")], ignore_index=True),
        )

    def _known(self) -> tuple[History, pd.Timestamp]:
        """The history and the time of its first record."""
        if self.history is None or self.records.empty:
            raise NotEnoughHistory("no record of the pipeline up to this day")
        if len(self.records) == 1:
            raise NotEnoughHistory(
                f"only one record, from {self.records['recorded_at'].iloc[0]:%Y-%m-%d %H:%M} UTC; "
                "a comparison needs two"
            )
        return self.history, self.records["recorded_at"].iloc[0]

    @cached_property
    def pushed(self) -> pd.DataFrame:
        """Open deals whose date was pushed more than once; ``pushed_now`` is True if again since `week_ago`.

        Raises
        ------
        NotEnoughHistory
            As `week_ago`.
        """
        history, start = self._known()[0], self.week_ago
        moves = analysis.close_date_moves(history, end=self.until, tz=self.tz)
        lately = analysis.close_date_moves(history, start=start, end=self.until, tz=self.tz)["pushes"] > 0
        often = moves[moves["pushes"] > 1].drop(columns="last_close_date")
        open_deals = self.deals[self.deals["outcome"] == "open"]
        table = open_deals.merge(often, left_on="unique_id", right_index=True)
        table["pushed_now"] = table["unique_id"].map(lately).map({True: "yes"}).fillna("no")
        return table.sort_values(
            ["pushed_now", "pushes", "value", "unique_id"],
            ascending=[False, False, False, True],
            ignore_index=True,
        )

    @cached_property
    def slippages(self) -> list[Slippage]:
        """Outcome of the deals due in the current period so far, then in the one before.

        Raises
        ------
        NotEnoughHistory
            When there are no two records to compare.
        """
        history, begins = self._known()
        found = []
        for period in (self.period, self.period - 1):
            first, last = period.start_time.normalize(), min(period.end_time.normalize(), self.today)
            opening = first if first.tz_localize(self.tz) >= begins else begins
            if opening is begins and begins.tz_convert(self.tz).tz_localize(None) >= last:
                continue
            asked: Any = {"start": opening, "end": last, "tz": self.tz}
            try:
                table = analysis.slippage(history, **asked)
            except NotEnoughHistory:
                continue  # No record inside this period; the other one may have some.
            found.append(Slippage(str(period), table, analysis.slippage_deals(history, **asked)))
        if not found:
            raise NotEnoughHistory("neither this period nor the previous one has two records")
        return found


def _open_at(history: History, waterfall: pd.DataFrame, end: str) -> pd.DataFrame:
    """The open deals at one end of a waterfall, the largest first."""
    then = history.as_of(pd.Timestamp(waterfall.attrs[f"{end}_at"]))
    rows = then[org.outcomes(then) == "open"].fillna({"value": 0.0})
    rows = rows.sort_values(["value", "unique_id"], ascending=[False, True])
    return pd.DataFrame(
        {
            "unique_id": rows["unique_id"],
            "name": rows["name"],
            "movement": end,
            "value": rows["value"],
            "count": 1,
        }
    )
