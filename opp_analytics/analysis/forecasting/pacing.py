"""Money closed by the same point of earlier periods, and what was open then.

Closed money is read from close dates, open money from records.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pandas as pd

from opp_analytics import arguments, schema
from opp_analytics.analysis.forecasting.moment import Moment, first_day, last_day
from opp_analytics.analysis.forecasting.past_coverage import list_past_coverage
from opp_analytics.analysis.forecasting.run_rate import ended_periods
from opp_analytics.analysis.shared.groups import By, Groups, check_by, divide
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arrays import Counts, Floats
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.org import Org, find_known_day, place_teams
from opp_analytics.periods import When, as_date, check_freq
from opp_analytics.schema import Json

_MOST = 120


def pacing(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When,
    freq: str = "M",
    periods: int = 4,
    by: By = None,
    by_day: bool = False,
    tz: str | None = None,
) -> pd.DataFrame:
    """Compare what the current period has closed with earlier periods at the same point.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``value`` (money), ``close_date`` (date); where present ``status`` and
        ``pipeline``; the columns of `by`.
    history : History, optional
        Past records of these deals, for what was open at the same point; records after `as_of` are
        not read.
    as_of : date or str
        Day of the question.
    freq : str
        Period alias: "M", "Q" (of the org's fiscal year), "W", …
    periods : int
        Ended periods to compare with, at most 120; fewer where the wins begin later.
    by : str or list of str, optional
        Columns to group by; a missing value is shown as "(none)".
    by_day : bool
        If True, one row per period and day, to draw.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``period`` (str; below the columns of `by`), the current one last. ``booked``
        (float64, money): won in the period by the same point; ``actual`` (float64, money): won in
        it in the end, NaN for the current one; ``booked_share`` (float64, fraction): booked ÷
        actual, NaN without either; ``deals`` (int64): wins by the same point; ``open_value``
        (float64, money): open and due in the rest of the period at that point, by the record within
        three days of it, NaN without one; ``days_left`` (int64): days from that point to the
        period's last day, the same in every row; ``to_date`` (bool): True for the current period.
        With `by_day`, ``days_left`` is an index level below ``period``, from a period's first day
        to its last, or to `as_of`, ``booked``, ``booked_share`` and ``deals`` are those at the end
        of that day, and there is no ``open_value``. A missing value counts 0. Note: ``n`` wins,
        ``day``, ``freq``, ``left_out``. Without wins, the current period with 0; with `by` no
        rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentError
        When a column is missing, a value does not fit, or an argument cannot be used.

    See Also
    --------
    forecast : What the period will reach, from history.

    Notes
    -----
    The same point is as many days before the end, as everywhere in this package: deals close toward
    the end of a period, so the 20th of a 28-day month is later than that of a 31-day one. A point
    before a short period begins finds nothing closed. Deals count as they are known now, by their
    close date: one that was dated back since, or lost its win, is where it is today. The first
    period compared is the first full one after the first win.

    References
    ----------
    docs/definitions.md, "Pacing".

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "stage": "closed_won",
    ...         "value": [50.0, 100.0, 60.0, 70.0],
    ...         "close_date": ["2026-01-01", "2026-02-10", "2026-02-25", "2026-03-09"],
    ...     }
    ... )
    >>> pacing(frame, as_of="2026-03-15")[["booked", "actual", "booked_share", "days_left"]]
             booked  actual  booked_share  days_left
    period
    2026-01    50.0    50.0         1.000         16
    2026-02   100.0   160.0         0.625         16
    2026-03    70.0     NaN           NaN         16
    """
    names = check_by(check_by(by, level="period"), level="days_left")
    most = arguments.whole(periods, "periods", low=1, high=_MOST, example=4)
    meaning = Org.of(opportunities)
    zone = meaning.zone(tz)
    today = as_date(as_of, tz=zone)
    current = pd.Period(today, meaning.freq(check_freq(freq)))
    placed = place_teams(opportunities, find_known_day(opportunities, today, zone), current.freqstr)
    deals = Moment.of(placed, today=today, tz=zone, by=names).keep_alive()
    spans = [*ended_periods(deals, current.freqstr, most), current]
    parts = [_sum_by_day(deals, period) for period in spans]
    left, booked, won, actual = (
        np.concatenate(column, axis=-1) for column in zip(*parts, strict=True)
    )
    labels = np.repeat([str(period) for period in spans], [len(part[0]) for part in parts])
    actual[:, labels == str(current)] = np.nan
    rows = pd.Index(np.tile(labels, deals.size), name="period", dtype=schema.TEXT)
    columns = {
        "booked": booked.ravel(),
        "actual": actual.ravel(),
        "booked_share": divide(booked, actual).ravel(),
        "deals": won.ravel(),
        "to_date": np.asarray(rows == str(current), dtype=bool),
    }
    table = pd.DataFrame(columns, index=Groups(deals.group, deals.index).nest(rows, len(labels)))
    table = table.set_index(pd.Index(np.tile(left, deals.size), name="days_left"), append=True)
    if not by_day:
        table = select_point(table)
        opened = deals.sum(deals.value, deals.due_in(current))
        asked: Json = {"as_of": deals.today, "freq": freq, "by": names, "tz": zone}
        table.insert(4, "open_value", _find_open_then(history, table, opened, str(current), asked))
    without = int((deals.booked & np.isnan(deals.value)).sum())
    return annotate(
        table,
        "pacing",
        made_from=opportunities,
        n=int(deals.booked.sum()),
        as_of=today,
        left_out={**deals.left_out, "without_value": without},
        freq=current.freqstr,
    )


def _find_open_then(
    history: History | None,
    table: pd.DataFrame,
    opened: Floats,
    current: str,
    asked: Json,
) -> pd.Series[float]:
    """Find what was open and due in the rest of each period at the same point.

    `opened` is that of now, by group.
    """
    found = pd.Series(np.nan, table.index)
    found[table["to_date"]] = opened
    if history is None:
        return found
    with suppress(NotEnoughHistory, DataError):
        then = list_past_coverage(history, current, **asked)
        known = table.index.get_level_values("period").isin(then["period"]) & ~table["to_date"]
        sums = then.groupby(table.index.names)["open_value"].sum()
        found[known] = sums.reindex(table.index[known], fill_value=0.0)
    return found


def _sum_by_day(deals: Moment, period: pd.Period) -> tuple[Counts, Floats, Counts, Floats]:
    """Sum a period's wins day by day, by group.

    Returns days left, money and wins by then, and money in the end.
    """
    first = first_day(period)
    # Of a period that nobody has seen begin, the first day.
    end = max(first, min(last_day(period), deals.day))
    mine = deals.booked & deals.dated_in(period) & (deals.group >= 0)
    # A win dated later than today, in a frame that knows no later one, has closed.
    place = (deals.group[mine], np.minimum(deals.due[mine], end) - first)
    days = np.arange(first, end + 1)
    booked = np.zeros((deals.size, len(days)))
    won = np.zeros((deals.size, len(days)), dtype=np.int64)
    np.add.at(booked, place, np.nan_to_num(deals.value[mine]))
    np.add.at(won, place, 1)
    booked = booked.cumsum(axis=1)
    return (
        last_day(period) - days,
        booked,
        won.cumsum(axis=1),
        np.repeat(booked[:, -1:], len(days), axis=1),
    )


def select_point(table: pd.DataFrame) -> pd.DataFrame:
    """Select today's point of a `pacing` by day: one row per period, as without `by_day`."""
    if "days_left" not in table.index.names:
        return table
    left = table.index.get_level_values("days_left")
    lead = int(left[table["to_date"]].min()) if len(table) else 0
    first = table.groupby(level=list(table.index.names[:-1]), sort=False).head(1)
    # A shorter period had not begun.
    early = first[first.index.get_level_values("days_left") < lead]
    early = early.assign(booked=0.0, booked_share=0.0 * early["booked_share"], deals=0)
    found = pd.concat([table[left == lead], early]).droplevel("days_left")
    found = found.loc[first.droplevel("days_left").index]
    found.insert(len(table.columns) - 1, "days_left", lead)
    found.attrs = table.attrs
    return found
