"""Values of a change log in the org's currency.

Each deal has one rate, so no movement comes from exchange rates.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from opp_analytics.history.engine import ibis, missing
from opp_analytics.org import (
    CURRENCY,
    VALUE_ORIGINAL,
    Org,
    look_up_rates,
    read_codes,
    refuse_lacking,
    warn_of_dates,
)
from opp_analytics.periods import as_date

_ENDED = ("won", "lost")


def select_closings(changes: ibis.Table, org: Org) -> Any:
    """Select the close date of a won or lost row, else nothing."""
    return ibis.ifelse(
        org.stages.outcome_expression(changes).isin(_ENDED), changes["close_date"], None
    )


def list_needed(changes: ibis.Table, org: Org) -> ibis.Table:
    """List the pairs of ``code`` and close date, ``day``, that closed rows ever had.

    An open row's has no day.
    """
    coded = changes.filter(~missing(changes[CURRENCY]))
    return coded.select(code=coded[CURRENCY], day=select_closings(coded, org)).distinct()


def find_rates(needed: pd.DataFrame, org: Org) -> pd.DataFrame:
    """Find each foreign currency's rate on each day of the closings.

    Columns: ``_code``, ``_on`` and ``_rate``.

    A currency without any rate is refused; old and first rates are said for the pairs that are
    `needed`.
    """
    codes = read_codes(needed["code"])
    needed = needed.assign(day=needed["day"].astype("datetime64[us]"))
    needed = needed[codes.notna() & (codes != org.currency)]
    spelled, days = (needed[name].dropna().drop_duplicates().to_frame() for name in ("code", "day"))
    every = spelled.merge(days, how="cross")
    rates = org.currency_rates
    lacking = needed[~read_codes(needed["code"]).isin(rates["currency"])]
    if len(lacking):
        refuse_lacking(
            lacking["code"].value_counts(), home=str(org.currency), file=org.rates_file, deals=[]
        )
    closed = needed.dropna(subset=["day"])
    found = look_up_rates(rates, read_codes(closed["code"]), closed["day"])
    warn_of_dates(closed["code"], closed["day"], found["date"], org.rates_file)
    rate = look_up_rates(rates, read_codes(every["code"]), every["day"])["rate"]
    table = pd.DataFrame({"_code": every["code"], "_on": every["day"], "_rate": rate})
    # The codes themselves, for the deals that are open.
    return pd.concat([table, spelled.rename(columns={"code": "_code"})], ignore_index=True)


def convert_changes(
    changes: ibis.Table, org: Org, rates: pd.DataFrame, record: pd.Timestamp
) -> ibis.Table:
    """Convert the values of change rows; ``value_original`` stays beside them.

    All rows of a deal have one rate: that of its close date where it is closed as of `record`, else
    that of the record's day.
    """
    own = ibis.window(group_by="unique_id")
    today = as_date(record, tz=org.zone(None))
    by_then = changes["seen_at"] <= ibis.literal(record.to_pydatetime(), type="timestamp('UTC')")
    rows = changes.mutate(
        _last=ibis.ifelse(by_then, changes["seen_at"], None).max().over(own),
        _closed=select_closings(changes, org),
    )
    closed = ibis.ifelse(rows["seen_at"] == rows["_last"], rows["_closed"], None)
    rows = rows.mutate(_day=closed.max().over(own))
    dated = rates.dropna(subset=["_on"])
    days = pa.Table.from_pandas(dated, preserve_index=False)
    days = ibis.memtable(days.set_column(1, "_on", days["_on"].cast(pa.date32())))
    found = rows.left_join(days, [rows[CURRENCY] == days["_code"], rows["_day"] == days["_on"]])
    codes = rates["_code"].drop_duplicates(ignore_index=True)
    now = look_up_rates(org.currency_rates, read_codes(codes), pd.Series(today, index=codes.index))
    warn_of_dates(codes, pd.Series(today, index=codes.index), now["date"], org.rates_file)
    cases = [
        (found[CURRENCY] == code, float(rate))
        for code, rate in zip(codes, now["rate"], strict=True)
    ]
    rate = (
        ibis.coalesce(found["_rate"], ibis.cases(*cases, else_=1.0)) if cases else ibis.literal(1.0)
    )
    converted = found.mutate(value=found["value"] * rate, **{VALUE_ORIGINAL: found["value"]})
    return converted.select(*changes.columns, VALUE_ORIGINAL)
