"""Past forecasts made as long before their period's end as today, with their errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from opp_analytics import periods, schema, text
from opp_analytics.analysis.forecasting.method import read_method
from opp_analytics.analysis.forecasting.moment import Records, day_number, last_day
from opp_analytics.analysis.forecasting.past_forecasts import PastForecasts, judge_ranges, score
from opp_analytics.analysis.forecasting.question import Question
from opp_analytics.analysis.forecasting.targets import find_gap
from opp_analytics.analysis.shared.groups import By
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arguments import MethodName
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.org import Org
from opp_analytics.periods import Freq, When

_MONEY = ["expected", "low", "high", "actual", "error"]


def track_record(
    history: History,
    *,
    as_of: When,
    freq: Freq = "M",
    method: MethodName = "auto",
    confidence: float = 0.8,
    tz: str | None = None,
) -> pd.DataFrame:
    """List past forecasts made as long before their period's end as today, with their errors.

    Parameters
    ----------
    history : History
        Past records; those after `as_of` are not read.
    as_of : date or str
        Day whose distance to its period's end is compared.
    freq, method, confidence, tz
        As for `backtest`.

    Returns
    -------
    DataFrame
        One row per earlier period with a record equally long before its end (within three days):
        index ``period`` (str). ``made_at`` (instant of the record), ``days_before`` (int64): days
        from the record to the period's last day; ``expected``, ``low``, ``high``, ``actual``,
        ``error`` (float64, money) and ``held`` (boolean): True if ``actual`` is in the range,
        missing without one. Attrs: ``wape``, ``bias``, ``interval_coverage`` as in `backtest`,
        ``n`` periods, ``as_of``, ``freq``, ``method``, ``confidence``, ``left_out``: periods too
        early for the method.

    Raises
    ------
    NotEnoughHistory
        When no period that had ended by the last record has such a record, or the method can use
        none of them, or no data today.
    ArgumentTypeError, ArgumentValueError, DataError
        When an argument is invalid, or a record's probability is out of range.

    Notes
    -----
    There is one forecast per period, because forecasts of the same period are not independent. All
    are by one method, the one asked for or the one that "auto" chooses today, at every record where
    it can be used: learned from 3 ended periods on. `backtest` has all, each by the method of its
    day.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": "a",
    ...         "seen_at": ["2026-01-16", "2026-02-02"],
    ...         "value": 100.0,
    ...         "probability": [50, 100],
    ...         "stage": ["proposal", "closed_won"],
    ...         "close_date": "2026-01-20",
    ...     }
    ... )
    >>> track_record(History.from_changes(log), as_of="2026-02-13")[
    ...     ["days_before", "expected", "actual", "held"]
    ... ]
             days_before  expected  actual  held
    period
    2026-01           15      50.0   100.0  True
    """
    day = periods.as_date(as_of, tz=Org.of(history).zone(tz))
    asked: dict[str, Any] = {"freq": freq, "as_of": day, "confidence": confidence, "tz": tz}
    past = PastForecasts(
        Question.of_past(history, "track_record", method=read_method(method), **asked)
    )
    records, current = past.records, pd.Period(day, past.question.freq)
    chosen, lead = past.choose_now(day), last_day(current) - day_number(day)
    wanted = _find_equally_early(records, current, lead)
    table = past.judge(wanted, chosen)[0].reset_index("made_at")
    left = {
        str(one): last_day(one) - int(records.days[made])
        for made, ended in wanted.items()
        for one in ended
    }
    if table.empty:
        early, known = text.count(lead, "day"), text.count(len(left), f"earlier {text.noun(freq)}")
        few = f"{text.label(chosen.label)} had too little history {early} before the end of {known}"
        none = f"no earlier {text.noun(freq)} has a record {early} before its end"
        raise NotEnoughHistory(f"{few if left else none}; keep recording")
    table["days_before"] = [left[label] for label in table.index]
    table = table.assign(held=judge_ranges(table)).set_index(table.index.astype(schema.TEXT))
    return annotate(
        table[["made_at", "days_before", *_MONEY, "held"]],
        made_from=history,
        n=len(table),
        left_out={"too_early_to_learn": len(left) - len(table)},
        **{**past.notes, "method": chosen.label, "as_of": day},
        **score(table),
    )


def list_past_coverage(
    history: History,
    labels: Iterable[str],
    *,
    as_of: When,
    freq: Freq = "M",
    by: By = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """List what was won, and open and due, in each ended period as long before its end as `as_of` is before that of each of `labels`.

    One row per label (``asked``), ended period with such a record, and group of `by` at it:
    ``booked`` and ``open_value``, money as known then.
    """
    day = periods.as_date(as_of, tz=Org.of(history).zone(tz))
    asked: dict[str, Any] = {"freq": freq, "as_of": day, "by": by, "tz": tz}
    past = PastForecasts(
        Question.of_past(history, "pipeline coverage", method=read_method("auto"), **asked)
    )
    records, versions, today, rows = past.records, past.learned.versions, day_number(day), []
    for label in labels:
        wanted = periods.as_period(label, records.freq)
        early = _find_equally_early(records, records.period(today), last_day(wanted) - today)
        for record in filter(records.shows_deals, early):
            moment = versions.at(record)
            for ended in early[record]:
                sums = moment.booked_in(ended), moment.sum(moment.value, moment.due_in(ended))
                rows += [
                    (label, str(ended), *each) for each in zip(moment.labels, *sums, strict=True)
                ]
    table = pd.DataFrame(rows, columns=["asked", "period", "group", "booked", "open_value"])
    groups = pd.DataFrame(
        table.pop("group").tolist(), index=table.index, columns=list(past.question.by)
    )
    return pd.concat([groups, table], axis=1)


FEWEST_HITS = 3
"""Ended periods that hit their target, from which their coverage is said."""


def find_usual_coverage(past: pd.DataFrame, forecast: pd.DataFrame) -> dict[str, float]:
    """Find by label the median coverage of the ended periods that hit their target, as long before their end; of 3 at least.

    `past` is from `list_past_coverage`, `forecast` has the ended periods with their targets.
    """
    then = past.groupby(["asked", "period"], sort=False)[["booked", "open_value"]].sum()
    ended = forecast.reindex(then.index.get_level_values("period"))
    to_go = find_gap(ended["target"], then["booked"])
    hit = find_gap(ended["target"], ended["booked"]) <= 0
    hit &= (to_go > 0) & (then["open_value"] > 0)
    covers = (then["open_value"] / to_go)[hit].groupby(level="asked").agg(["median", "size"])
    return {
        str(label): row["median"] for label, row in covers.iterrows() if row["size"] >= FEWEST_HITS
    }


def _find_equally_early(
    records: Records, current: pd.Period, lead: int
) -> dict[int, list[pd.Period]]:
    """Find the record of each earlier period that is `lead` days before its end."""
    period = records.period(int(records.days[0]))
    found: dict[int, list[pd.Period]] = {}
    while period < current and last_day(period) < records.days[-1]:
        record = records.find_at_lead(period, lead)
        if record >= 0:
            found.setdefault(record, []).append(period)
        period += 1
    return found
