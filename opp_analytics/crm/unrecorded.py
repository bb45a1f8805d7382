"""The gaps of a field history: deals closed only in the export, untracked columns.

Such a deal is open until its close date; what is not known of it until then is named in the column
`UNRECORDED` (docs/definitions.md, "Imported histories").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from opp_analytics.arrays import Series
from opp_analytics.org import NOT_RECORDED, Org, outcomes
from opp_analytics.periods import to_dates
from opp_analytics.schema import TEXT, UNRECORDED, is_among
from opp_analytics.text import count

_ENDS = ("won", "lost", "conflict", "disqualified")
_TELLING = ("stage", "status", "close_date", "probability", "category")
"""Columns of a closed deal that tell its outcome: they are not its values of before."""
_SETTLED = ("stage", "close_date", "value")
"""Columns that an export tells for its own day, whether or not the history tracks them."""
_MARKED = ("close_date", "value")
"""Columns named in `UNRECORDED`; the stage says so itself."""
_SECOND = pd.Timedelta(seconds=1)


@dataclass(frozen=True)
class Closings:
    """The deals of an export beside the last lines of a history about them, by ``unique_id``."""

    deals: pd.DataFrame
    """``closed`` (bool: won or lost by the export), ``held`` (bool: the history has its end too, or
    there is none), ``at`` (instant of the end, or of the export)."""
    log_end: pd.Timestamp
    """The last line of the history."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Count the closed deals that the history does not close, in words."""
        closed = self.deals["closed"]
        short = int((closed & ~self.deals["held"]).sum())
        if not short:
            return ()
        return (
            f"{short:,} of {count(int(closed.sum()), 'closed deal')} "
            f"{'has' if short == 1 else 'have'} no line in the history about their closing: until "
            f"their close date they are open, in the stage {NOT_RECORDED} and without a planned "
            "date",
        )


def find_closings(
    known: pd.DataFrame, lines: pd.DataFrame, begin: Series, log_end: pd.Timestamp, org: Org
) -> Closings:
    """Find whether and when each deal of an export ended.

    `lines` are the last ``stage`` and ``status`` of each deal in the history, with the time of that
    line as ``at``.
    """
    lines = lines.reindex(known.index)
    begin = begin.reindex(known.index)
    now, logged = (_tell_outcomes(frame, org) for frame in (known, lines))
    ended = now.isin(_ENDS)
    held = ~ended | (now == logged)
    latest = max(log_end, begin.max())
    at = _end_days(known.get("close_date", pd.Series(pd.NaT, index=known.index)), org.zone(None))
    # A deal cannot end in the future, nor before it began or before its last known stage.
    at = at.mask(at > pd.Timestamp.now("UTC"), latest)
    at = at.fillna(begin).where(~(at < begin), begin)
    at = at.where(~(at <= lines["at"]), lines["at"] + _SECOND)
    at = at.where(~held, lines["at"].where(ended, latest))
    return Closings(
        pd.DataFrame(
            {"closed": ended & (now != "disqualified"), "held": held, "at": at},
            index=known.index,
        ),
        log_end,
    )


def _tell_outcomes(frame: pd.DataFrame, org: Org) -> Series:
    columns = pd.DataFrame(
        {name: frame.get(name) for name in ("stage", "status")}, index=frame.index
    )
    columns.attrs["org"] = org.facts
    return outcomes(columns).astype("str")


def _end_days(dates: Series, zone: str) -> Series:
    """Find the last second of each day."""
    midnight = (pd.to_datetime(dates) + pd.Timedelta(days=1)).dt.tz_localize(
        zone, ambiguous=np.zeros(len(dates), dtype=bool), nonexistent="shift_forward"
    )
    return (midnight.dt.tz_convert("UTC") - _SECOND).astype("datetime64[us, UTC]")


def withhold(values: pd.DataFrame, closings: Closings) -> pd.DataFrame:
    """Drop first values that tell how a deal ended, if the deal's closing is missing."""
    return values[
        ~(
            is_among(values["unique_id"], closings.deals.index[~closings.deals["held"]])
            & values["field"].isin(_TELLING)
        )
    ]


def log_unrecorded(
    closings: Closings, known: pd.DataFrame, lines: pd.DataFrame, begin: Series
) -> pd.DataFrame:
    """Log what a history lacks: closings, and values of columns without a line.

    It is also logged until when these values are not known.

    `lines` are its own changed fields: ``unique_id``, ``field``.
    """
    deals = closings.deals
    begin, at = begin.reindex(deals.index), deals["at"]
    tracked = set(lines["field"].unique())
    told = {
        name: is_among(deals.index, lines.loc[lines["field"] == name, "unique_id"])
        for name in _SETTLED
    }
    marks = pd.Series("", index=deals.index)
    logged = []
    for name in (one for one in (*_TELLING, "value") if one in known):
        missing = ~deals["held"] & (name in ("stage", "status", "close_date", *tracked))
        settled = missing | (name in _SETTLED and name not in tracked)
        if name in _MARKED:
            marks = marks.where(~(settled & ~told[name]), marks + " " + name)
        if name != "value":
            logged.append(_log(name, known[name][settled].dropna(), at))
        elif name not in tracked:
            logged.append(_log(name, known[name].dropna(), begin))
    marks = marks.str.strip()
    marks = marks[marks != ""]
    logged.append(_log(UNRECORDED, marks, begin))
    # They were still open when the history ended.
    overrun = deals.index[~deals["held"] & (at > closings.log_end + _SECOND)]
    overrun = overrun[is_among(overrun, lines["unique_id"])]
    after = pd.Series(closings.log_end + _SECOND, index=overrun)
    for name, value in (
        ("stage", NOT_RECORDED),
        ("close_date", None),
        (UNRECORDED, " ".join(_MARKED)),
    ):
        logged.append(_log(name, pd.Series(value, index=overrun, dtype="object"), after))
    cleared = marks.index.union(overrun)
    logged.append(_log(UNRECORDED, pd.Series(None, index=cleared, dtype="object"), at))
    return pd.concat(logged, ignore_index=True)


def log_forgotten(
    last_at: Series, absent: Sequence[str], closings: Closings, org: Org
) -> list[pd.DataFrame]:
    """Log the moment from which a deal that the export lacks is unknown.

    It is the day after the deal's last line, or the end of the history if that is earlier.
    """
    zone = org.zone(None)
    gone = last_at.reindex(pd.Series(absent, dtype=TEXT, name="unique_id"))
    after = _end_days(to_dates(gone, tz=zone), zone) + _SECOND
    end = closings.log_end + _SECOND
    at = after.where(~(after > end), end)
    told = {"stage": NOT_RECORDED, "status": "unknown"}
    return [_log(name, pd.Series(value, at.index), at) for name, value in told.items() if len(at)]


def log_first_stages(log: pd.DataFrame, begin: Series) -> pd.DataFrame:
    """Log a stage for the time before each deal's first one.

    It is the first stage if that comes within a day, else `NOT_RECORDED`.
    """
    stages = log[log["field"] == "stage"].sort_values("changed_at", kind="stable")
    stages = stages.drop_duplicates("unique_id")
    if stages.empty:
        return log.iloc[:0]
    stages = stages.set_index("unique_id").reindex(begin.index)
    late = ~(stages["changed_at"] <= begin)
    soon = stages["changed_at"] - begin < pd.Timedelta(days=1)
    return _log("stage", stages["new_value"].where(soon, NOT_RECORDED)[late], begin)


def _log(name: str, values: Series, at: Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unique_id": pd.Series(values.index, dtype=TEXT),
            "changed_at": pd.to_datetime(at.reindex(values.index), utc=True)
            .astype("datetime64[us, UTC]")
            .array,
            "field": pd.Series(name, index=range(len(values)), dtype=TEXT),
            "new_value": values.astype("object").array,
        }
    )
