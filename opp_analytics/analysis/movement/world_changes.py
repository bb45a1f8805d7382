"""Alarms where the inflow or the share won differs from that of the periods before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

from opp_analytics import periods, schema, text
from opp_analytics.analysis.forecasting.moment import (
    SETTLED_DAYS,
    Records,
    day_number,
    first_day,
    last_day,
    read_versions,
)
from opp_analytics.analysis.movement.pipeline_created import label_created, select_created
from opp_analytics.analysis.shared.groups import By, check_by, divide
from opp_analytics.analysis.shared.history_query import (
    check_history,
    count_unknown_deals,
    name_groups,
)
from opp_analytics.analysis.shared.tables import annotate, fill_counts
from opp_analytics.arrays import Floats
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.note import note_of
from opp_analytics.org import LOST, WON, Org
from opp_analytics.periods import Freq, When

_FEWEST, _MOST = 6, 12
"""Periods before that a period is compared with: half a year of months at least, and at most a
year."""
CURRENT = 3
"""Periods for which an alarm is told: it sets the sums to 0, and its change is news for longer than
one page."""
_SLACK, _LIMIT = 0.75, 3.0
"""A steady team's sums shrink by the slack in each period, so that it passes the limit about once
in twenty years of months."""
_EARLIER = 3
"""Pseudo-periods of usual spread: few periods alone would now and then look far too steady."""
_FREE_INFLOW, _FREE_SHARE = 1.2, 1.0
"""Their squared deviations: slightly more than chance alone gives √deals; of a share, less than its
floor of ¼."""


def world_changes(
    history: History,
    *,
    freq: Freq | None = None,
    by: By = None,
    as_of: When | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Compare each ended period's new deals and share won with up to 12 periods before.

    A change raises an alarm.

    Parameters
    ----------
    history : History
        Reads ``created_at``, ``stage``, ``status``, ``close_date`` and `by` of the change log.
    freq : str, optional
        Period alias; by default that of the org's ``[report]``, else "M".
    by : str or list of str, optional
        Columns to group by: a created deal by its value when first seen, a closed one by that when
        its period was final.
    as_of : date or str, optional
        Judge as of this day; later records are not read. By default the day of the last record.
    tz : str, optional
        Business time zone, in which ``created_at`` becomes a date; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        One row per judged period and measure: index ``period`` (str; below the columns of `by`) and
        ``measure``: "inflow" (deals created) or "win_share" (won ÷ closed, by the close date).
        ``direction`` (str): which way an alarm went, "up" or "down", empty without one; ``was``
        (float64): deals a period, or share won, in the periods compared with; ``now`` (float64):
        those of the period, NaN for a share of nothing; ``n`` (int64): deals created, or closed, in
        the period; ``alarm`` (bool). Note: ``n`` whole periods, ``begins`` (the first), ``day``,
        ``freq``, ``tz``, ``left_out``.

    Raises
    ------
    NotEnoughHistory
        When the records cover fewer than 7 ended periods whole.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind, or the history has no column of `by`.

    Notes
    -----
    Each period is counted once, from the record with its final result: the last one in the 15 days
    after its end, else the next. So an alarm of the past never comes or goes later. Periods that
    began before the first record are left out: of their deals, only those still there then are
    known. An alarm sets its measure's sums to 0, so a change is told once or twice until the
    periods compared with have it too. A season is a change too. Each group is judged on its own: of
    many groups, some give a false alarm now and then.

    References
    ----------
    docs/definitions.md, "The world changed". E. S. Page (1954), Continuous inspection schemes,
    Biometrika 41, 100–115.

    Examples
    --------
    >>> created = pd.date_range("2025-01-01", "2025-08-31", freq="D").append(
    ...     pd.DatetimeIndex(["2025-10-20"])
    ... )
    >>> log = pd.DataFrame({"unique_id": range(len(created)), "seen_at": created})
    >>> log["stage"] = "discovery"
    >>> world_changes(History.from_changes(log)).xs("inflow", level="measure")
            direction        was   now   n  alarm
    period
    2025-07            30.000000  31.0  31  False
    2025-08            30.142857  31.0  31  False
    2025-09      down  30.250000   0.0   0   True
    """
    names = check_by(check_by(by, level="period"), level="measure")
    org = Org.of(check_history(history, "world_changes", *names))
    zone, alias = org.zone(tz), org.freq(periods.check_freq(freq or org.report.get("freq") or "M"))
    records = Records.of(history.records, alias, zone, org.fiscal_year_start)
    asked = records.days[-1] if as_of is None else day_number(periods.as_date(as_of, tz=zone))
    day = int(min(asked, records.days[-1]))
    whole = [period for period in records.ended(day) if first_day(period) >= records.days[0]]
    spans = pd.PeriodIndex(whole, freq=alias)
    if len(spans) <= _FEWEST:
        raise NotEnoughHistory(_explain_short(records, len(spans)))
    counts = _count(history, records, spans, names, zone)
    # One row per group, one column per period.
    created, won, lost = (
        counts[name].to_numpy(dtype=np.float64).reshape(-1, len(spans))
        for name in ("created", "won", "lost")
    )
    closed = won + lost
    parts = [
        _list_rows(counts.index, "inflow", created, created, judge_inflow(created)),
        _list_rows(
            counts.index, "win_share", divide(won, closed), closed, judge_win_share(won, closed)
        ),
    ]
    # Both measures of a period together, from the first with enough before it.
    places = np.arange(2 * len(counts)).reshape(2, -1, len(spans))[:, :, _FEWEST:]
    table = pd.concat(parts).iloc[places.transpose(1, 2, 0).ravel()]
    return annotate(
        table,
        "world_changes",
        made_from=history,
        n=len(spans),
        as_of=pd.Timestamp(day, unit="D"),
        freq=alias,
        tz=zone,
        begins=str(spans[0]),
        left_out={"unknown": count_unknown_deals(history)},
    )


def find_current_alarms(table: pd.DataFrame, as_of: pd.Timestamp | None = None) -> pd.DataFrame:
    """Keep the last alarm of each measure and group in the last 3 periods.

    `table` is one of `world_changes`; with `as_of`, only periods final by that day count.
    """
    labels = table.index.get_level_values("period")
    if as_of is not None:
        ends = pd.PeriodIndex(labels, freq=note_of(table).freq).end_time.normalize()
        final = ends + pd.Timedelta(days=SETTLED_DAYS) <= as_of
        table, labels = table[final], labels[final]
    recent = table[table["alarm"] & labels.isin(labels.unique()[-CURRENT:])]
    return recent.groupby(
        level=[name for name in table.index.names if name != "period"], sort=False
    ).tail(1)


def _list_rows(
    index: pd.Index[Any],
    measure: str,
    now: Floats,
    n: Floats,
    judged: tuple[Floats, NDArray[np.int8]],
) -> pd.DataFrame:
    was, alarms = (part.ravel() for part in judged)
    rows = pd.DataFrame(
        {"direction": np.array(["", "up", "down"])[alarms]}, index=index, dtype=schema.TEXT
    )
    measures = pd.Series(measure, index=index, dtype=schema.TEXT, name="measure")
    return rows.assign(
        was=was, now=now.ravel(), n=n.ravel().astype(np.int64), alarm=alarms > 0
    ).set_index(measures, append=True)


def _explain_short(records: Records, have: int) -> str:
    first = records.period(int(records.days[0]))
    first += int(first_day(first) < records.days[0])
    ready = pd.Timestamp(last_day(first + _FEWEST) + SETTLED_DAYS, unit="D")
    return (
        f"world_changes needs {text.count(_FEWEST + 1, f'ended {text.noun(records.freq)}')} that "
        f"the records cover whole; this history has {have}. Keep recording: it can be used from "
        f"{text.day(ready, year=True)} on"
    )


def _count(
    history: History, records: Records, spans: pd.PeriodIndex, by: Sequence[str], tz: str
) -> pd.DataFrame:
    """Count the deals created, won and lost by period and group, as known at the end.

    A period counts as it was known when it was final.
    """
    keys, labels = name_groups(by), [str(period) for period in spans]
    places = [records.find_final(period) for period in spans]
    final = pd.Series(records.moments[places], index=labels)
    first = history.records["recorded_at"].iloc[0]
    created = history.collect(select_created(history, by).select(*keys, "created_at", "seen_at"))
    created = created.assign(period=label_created(created, first, spans, tz))
    # A label outside the periods has no final record.
    created = created[created["seen_at"] <= created["period"].map(final)]
    versions = read_versions(history, records, tz=tz, org=Org.of(history), by=by)
    every, known = versions.every, {"created": created}
    for name, outcome in (("won", WON), ("lost", LOST)):
        ended = [
            np.flatnonzero(
                (versions.seen <= place)
                & (versions.until > place)
                & every.dated_in(period)
                & (every.outcome == outcome)
            )
            for place, period in zip(places, spans, strict=True)
        ]
        groups = [every.labels[group] for group in every.group[np.concatenate(ended)]]
        rows = pd.DataFrame(groups, columns=keys, index=range(len(groups)), dtype=schema.TEXT)
        known[name] = rows.assign(period=np.repeat(np.array(labels), [len(part) for part in ended]))
    sizes = {name: rows.groupby([*keys, "period"]).size() for name, rows in known.items()}
    return fill_counts(pd.DataFrame(sizes).reset_index(), by, "period", labels)


def judge_inflow(created: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Judge the deals created, by group (rows) and period (columns).

    Returns the mean of the periods before, and alarms: 1 up, 2 down.
    """
    weights = np.ones_like(created)
    z = _standardize(np.sqrt(created + 3 / 8), weights, free=_FREE_INFLOW, floor=0.0)
    return divide(_sum_before(created), _sum_before(weights)), _raise_alarms(z)


def judge_win_share(won: Floats, closed: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Judge the share won of the deals closed, as `judge_inflow` does.

    A period without closings changes nothing.
    """
    values = np.arcsin(np.sqrt((won + 3 / 8) / (closed + 3 / 4)))
    z = _standardize(values, closed, free=_FREE_SHARE, floor=0.25)
    return divide(_sum_before(won), _sum_before(closed)), _raise_alarms(z)


def _sum_before(amounts: Floats) -> Floats:
    """Sum the up to 12 periods before each."""
    sums = np.cumsum(np.pad(amounts, ((0, 0), (_MOST + 1, 0))), axis=1)
    return sums[:, _MOST:-1] - sums[:, : -_MOST - 1]


def _standardize(values: Floats, weights: Floats, *, free: float, floor: float) -> Floats:
    """Compare each value with those before, as a standard normal deviate.

    NaN where there is nothing to compare.
    """
    z = np.full(values.shape, np.nan)
    for k in range(_FEWEST, values.shape[1]):
        before = slice(max(k - _MOST, 0), k)
        past, weight, own = values[:, before], weights[:, before], weights[:, k]
        n, total = past.shape[1], weight.sum(axis=1)
        known = (total > 0) & (own > 0)
        past, weight, own, total = past[known], weight[known], own[known], total[known]
        mean = (weight * past).sum(axis=1) / total
        squares = (weight * (past - mean[:, None]) ** 2).sum(axis=1)
        spread = np.sqrt(
            np.maximum(floor, (free + squares) / (n + _EARLIER)) * (1 / own + 1 / total)
        )
        t = (values[known, k] - mean) / spread
        # By the lower tail on both sides, which floats resolve further out.
        z[known, k] = -np.sign(t) * ndtri(stdtr(n + _EARLIER, -np.abs(t)))
    return z


def _raise_alarms(z: Floats) -> NDArray[np.int8]:
    """Sum the deviates beyond the slack on each side, and raise alarms past the limit.

    Alarms: 1 up, 2 down, else 0.
    """
    up, down = np.zeros(len(z)), np.zeros(len(z))
    alarms = np.zeros(z.shape, dtype=np.int8)
    for k in range(z.shape[1]):
        known = ~np.isnan(z[:, k])
        up[known] = np.maximum(0, up[known] + z[known, k] - _SLACK)
        down[known] = np.maximum(0, down[known] - z[known, k] - _SLACK)
        alarms[:, k] = np.where(up > _LIMIT, 1, np.where(down > _LIMIT, 2, 0))
        up[alarms[:, k] > 0] = down[alarms[:, k] > 0] = 0
    return alarms
