"""What a report is made from, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.arguments import MethodName, texts
from opp_analytics.certificate import Certificate
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.history import History
from opp_analytics.org import Org, check_org, get_org, merge_orgs, outcomes, require
from opp_analytics.periods import Freq, When, as_date, check_freq, labels
from opp_analytics.report.narrow import Part, narrowed
from opp_analytics.schema import BUCKETS, NO_LABEL

__all__ = ["Inputs", "read_inputs"]

By = str | Sequence[str] | None
"""One column, several, or none."""

_OWNER, _USUAL = "owner_name", ("team", "owner_name")
_NOUNS = {"M": "month", "Q": "quarter", "W": "week", "Y": "year"}


@dataclass(frozen=True)
class Inputs:
    """What a report is made from."""

    opportunities: pd.DataFrame
    origin: Mapping[str, Any]
    """Attrs of the frame."""
    load: Certificate | None
    """Its load certificate."""
    history: History | None
    today: pd.Timestamp
    """The as-of day."""
    freq: Freq
    target: Any
    method: MethodName
    by: tuple[str, ...]
    """Columns of the table of people, the widest group first."""
    since: pd.Timestamp | None
    """The day to compare with; None for a week before."""
    own_writes: pd.DataFrame | None
    tz: str
    currency: str | None
    """ISO code of the currency, if known."""
    record_url: str | None
    """Address of a deal in the CRM, with ``{unique_id}`` in it."""
    settings: Mapping[str, Any]
    """The ``[report]`` settings of the org."""
    part: Part | None
    """The person or team whose page it is, and the whole."""
    levels: tuple[str, ...]
    """Columns by which the forecast is made: those of `by`, on the page of a part below those that lead to it."""

    @property
    def only(self) -> str | None:
        """The person or team whose page it is."""
        return self.part.name if self.part else None

    @property
    def period(self) -> pd.Period:
        """The period that holds the as-of day."""
        return pd.Period(self.today, self.freq)

    @property
    def noun(self) -> str:
        """What a period is called: month, quarter, week or year."""
        return _NOUNS.get(self.freq[:1], "period")

    @property
    def who(self) -> str:
        """What one of the people is called."""
        return "rep" if self.person == _OWNER else text.label(self.person or "person")

    @property
    def name(self) -> str:
        """The current period in a sentence."""
        return self.name_of(str(self.period))

    def name_of(self, label: str) -> str:
        """A period in a sentence."""
        return text.period_name(label, self.freq, today=self.today)

    def money(self, value: Any, *, fine: bool = False) -> str:
        """An amount for reading."""
        return text.money(float(value), self.currency, fine=fine)

    def day(self, date: Any) -> str:
        """A date, with its year where that is another one."""
        stamp = pd.Timestamp(date)
        return text.day(stamp, year=not pd.isna(stamp) and stamp.year != self.today.year)

    @cached_property
    def until(self) -> pd.Timestamp:
        """The last instant of the as-of day."""
        midnight = (self.today + pd.Timedelta(days=1)).tz_localize(self.tz).tz_convert("UTC")
        return midnight - pd.Timedelta(microseconds=1)

    @cached_property
    def records(self) -> pd.DataFrame:
        """The history's records up to the as-of day."""
        if self.history is None:
            return pd.DataFrame({"recorded_at": pd.Series(dtype="datetime64[us, UTC]")})
        records = self.history.records
        return records[records["recorded_at"] <= self.until].reset_index(drop=True)

    @cached_property
    def unseen(self) -> str:
        """A warning when the as-of day is later than everything known about the pipeline, else empty."""
        looks: list[Any] = [self.load.fetched_at if self.load else None, self.origin.get("recorded_at")]
        if self.history is not None and len(self.history.records):
            looks.append(self.history.records["recorded_at"].max())
        looks = [look for look in looks if look is not None]
        if not looks:
            return ""  # The page says elsewhere that nothing certifies the frame.
        if "updated_at" in self.opportunities and self.opportunities["updated_at"].notna().any():
            looks.append(self.opportunities["updated_at"].max())
        last = max(as_date(look, tz=self.tz) for look in looks)
        if last >= self.today:
            return ""
        return (
            f"As of {text.day(self.today, year=True)}, but the pipeline was last seen on {text.day(last, year=True)}: "
            "these numbers miss later changes."
        )

    @property
    def person(self) -> str | None:
        """The column that says whose a deal is."""
        return self.by[-1] if self.by else None

    @cached_property
    def deals(self) -> pd.DataFrame:
        """All opportunities with their ``outcome`` and ``period`` of the forecast, the largest first."""
        frame = self.opportunities
        outcome = outcomes(frame).astype(schema.TEXT)
        date = frame["close_date"]
        is_open, won = outcome == "open", outcome == "won"
        dated = (is_open & (date >= self.today)) | (won & (date <= self.today))
        period = labels(date.where(dated), self.freq)
        period = period.mask(is_open & (date < self.today), BUCKETS[0]).mask(
            is_open & date.isna(), BUCKETS[1]
        )
        stage = frame["stage"].astype(schema.TEXT).fillna(NO_LABEL)
        frame = frame.assign(outcome=outcome, period=period, stage=stage)
        if "name" not in frame:
            frame["name"] = frame["unique_id"]
        for name in self.by:
            frame[name] = frame[name].astype(schema.TEXT).fillna(NO_LABEL)
        return frame.sort_values(["value", "unique_id"], ascending=[False, True], ignore_index=True)

    @property
    def won_now(self) -> pd.DataFrame:
        """The deals closed in the current period."""
        return self.deals[(self.deals["outcome"] == "won") & (self.deals["period"] == str(self.period))]

    @property
    def open_now(self) -> pd.DataFrame:
        """The open deals due in the current period."""
        return self.deals[(self.deals["outcome"] == "open") & (self.deals["period"] == str(self.period))]

    @property
    def overdue(self) -> pd.DataFrame:
        """The open deals past their close date."""
        return self.deals[self.deals["period"] == BUCKETS[0]]


def read_inputs(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When,
    org: Org | None = None,
    target: Any = None,
    freq: Freq | None = None,
    by: By = None,
    method: MethodName = "auto",
    since: When | None = None,
    own_writes: pd.DataFrame | None = None,
    only: str | None = None,
) -> Inputs:
    """The arguments of `weekly_report`, checked; what is not given is the org's.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError, DataError, MissingColumnError
        When an argument or the frame cannot be used.
    """
    if history is not None and not isinstance(history, History):
        raise ArgumentTypeError(f"history is a {type(history).__name__}; open a history with History(path)")
    whole = check_org(org)
    frame = require(opportunities, "unique_id", "stage", "value", "close_date", unique=True)
    if whole is not None:
        frame = whole.apply(frame)
    meant = whole or Org.of(frame)
    if target is None and len(meant.targets):
        target = meant.targets
    if history is not None and (declared := whole or get_org(frame)) is not None:
        both = merge_orgs(declared, history.org, names=("the page's org", "the history's"))
        history = history.read_by(both or declared)
    levels = texts(by or meant.report.get("by"), "by", of="column") or _usual(frame, history)
    require(frame, *levels)
    part = None if only is None else narrowed(frame, history, target, only, meant)
    shown = tuple(levels)
    if part is not None:
        frame, history, target = part.opportunities, part.history, part.target
        levels, shown = list(part.levels(levels)), part.members(levels)
    zone = meant.zone(None)
    today = as_date(as_of, tz=zone)
    return Inputs(
        opportunities=frame,
        origin={str(name): value for name, value in opportunities.attrs.items()},
        load=Certificate.of(opportunities),
        history=history,
        today=today,
        freq=meant.freq(check_freq(freq or meant.report.get("freq", "M"))),
        target=target,
        method=meant.report.get("method", "auto") if method == "auto" else method,
        by=shown,
        since=None if since is None else _since(since, today, zone),
        own_writes=own_writes,
        tz=zone,
        currency=meant.currency,
        record_url=meant.record_url,
        settings=meant.report,
        part=part,
        levels=tuple(levels),
    )


def _since(since: When, today: pd.Timestamp, tz: str) -> pd.Timestamp:
    """The day to compare with, which lies before the page's."""
    day = as_date(since, tz=tz, name="since")
    if day >= today:
        raise ArgumentValueError(
            f"since={str(day.date())!r} is not before the day of the report, {today.date()}; use an earlier day"
        )
    return day


def _usual(frame: pd.DataFrame, history: History | None) -> list[str]:
    """Teams and the people in them, as far as the frame and the history name them."""
    if _OWNER not in frame.columns:
        return []
    known = frame.columns if history is None else history.table.columns
    return [name for name in _USUAL if name in frame.columns and (name == _OWNER or name in known)]
