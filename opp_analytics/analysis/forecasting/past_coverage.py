"""Open deals due in past periods with as many days left, and the coverage that sufficed."""

from __future__ import annotations

import pandas as pd

from opp_analytics import periods
from opp_analytics.analysis.forecasting.method import read_method
from opp_analytics.analysis.forecasting.moment import day_number, last_day
from opp_analytics.analysis.forecasting.past_forecasts import PastForecasts, find_equally_early
from opp_analytics.analysis.forecasting.question import ForecastQuestion
from opp_analytics.analysis.forecasting.targets import find_gap
from opp_analytics.analysis.shared.groups import By
from opp_analytics.history import History
from opp_analytics.org import Org
from opp_analytics.periods import Freq, When


def list_past_coverage(
    history: History,
    label: str,
    *,
    as_of: When,
    freq: Freq = "M",
    by: By = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """List, for each ended period, what was won, open and due with as many days left as today.

    Today is `as_of`, and the days left are those of the period `label`.

    One row per ended period with such a record, and group of `by` at it: ``booked`` and
    ``open_value``, money as known then.
    """
    day = periods.as_date(as_of, tz=Org.of(history).zone(tz))
    past = PastForecasts(
        ForecastQuestion.of_past(
            history,
            "pipeline coverage",
            method=read_method("auto"),
            freq=freq,
            as_of=day,
            by=by,
            tz=tz,
        )
    )
    records, versions, today, rows = past.records, past.learned.versions, day_number(day), []
    wanted = periods.as_period(label, records.freq)
    early = find_equally_early(records, records.period(today), last_day(wanted) - today)
    for record in filter(records.shows_deals, early):
        moment = versions.at(record)
        for ended in early[record]:
            sums = moment.booked_in(ended), moment.sum(moment.value, moment.due_in(ended))
            rows += [(str(ended), *each) for each in zip(moment.labels, *sums, strict=True)]
    table = pd.DataFrame(rows, columns=["period", "group", "booked", "open_value"])
    groups = pd.DataFrame(
        table.pop("group").tolist(), index=table.index, columns=list(past.question.by)
    )
    return pd.concat([groups, table], axis=1)


FEWEST = 3
"""Ended periods that hit, or missed, their target, from which their coverage is said."""


def find_usual_coverage(past: pd.DataFrame, forecast: pd.DataFrame) -> pd.DataFrame:
    """Find the median coverage of ended periods that hit their target, and of those that missed.

    It is measured with as many days left, and of 3 periods at least.

    `past` is from `list_past_coverage`, `forecast` has the ended periods with their targets.

    The index is ``hit`` (bool); ``median`` is the coverage, ``n`` the number of periods.
    """
    then = past.groupby("period", sort=False)[["booked", "open_value"]].sum()
    ended = forecast.reindex(then.index)
    to_go = find_gap(ended["target"], then["booked"])
    is_open = (to_go > 0) & (then["open_value"] > 0)
    hit = pd.Series(find_gap(ended["target"], ended["booked"]) <= 0, then.index, name="hit")
    covers = (then["open_value"] / to_go)[is_open]
    found: pd.DataFrame = covers.groupby(hit[is_open]).agg(["median", "size"])
    return found.rename(columns={"size": "n"})[found["size"] >= FEWEST]
