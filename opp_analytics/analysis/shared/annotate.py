"""The `attrs` of result tables: plain JSON values, so that a table can be saved as Parquet."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.certificate import Certificate
from opp_analytics.org import org_of


def annotate(
    table: pd.DataFrame,
    *,
    made_from: Any,
    n: int,
    as_of: pd.Timestamp | None = None,
    left_out: dict[str, int] | None = None,
    **further: Any,
) -> pd.DataFrame:
    """The table with its attrs set; `made_from` is the frame or history behind it.

    ``org`` is that of `made_from`, if it has one, so that a drawing knows the currency and the fiscal year. ``n`` is the number of opportunities, ``as_of`` the day (default: the day of the load, if the frame has its
    certificate), ``left_out`` counts by reason, ``complete`` is False when the load may be incomplete.
    """
    load = Certificate.of(made_from) if isinstance(made_from, pd.DataFrame) else None
    day = (
        str(as_of.date())
        if as_of is not None
        else str(load.fetched_at.date())
        if load and load.fetched_at
        else None
    )
    notes: dict[str, Any] = {
        "n": int(n),
        "as_of": day,
        "left_out": {why: int(count) for why, count in (left_out or {}).items() if count},
        **({"complete": False} if load and not load.complete else {}),
        **further,
    }
    org = org_of(made_from)
    if org:
        notes["org"] = org.facts
    table.attrs = notes  # type: ignore[assignment]
    return table
