"""What a review asks of the open deals as of a record: their flags, and how long they stay as they are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import OpenDeals, flag_deals
from opp_analytics.history import History
from opp_analytics.periods import to_dates


class OpenFacts(NamedTuple):
    """Facts of the open deals."""

    flags: pd.DataFrame
    """The table of `oa.deal_flags`."""
    columns: pd.DataFrame
    """By ``unique_id``: ``days_in_stage``, ``pushes``, ``changed_at`` (a day), ``risk``, ``reasons``, and ``flags`` in short words."""

    @classmethod
    def of(cls, opportunities: pd.DataFrame, history: History | None, **asked: Any) -> OpenFacts:
        """Read them, with the arguments of `oa.deal_flags`; what the data cannot tell is missing."""
        deals = OpenDeals.of(opportunities, history, **asked)
        table, ids = flag_deals(deals), pd.Index(deals.frame["unique_id"], name="unique_id")
        found = {"days_in_stage": deals.days_in_stage, "pushes": deals.get_record("pushes")}
        found["changed_at"] = to_dates(deals.changed_at, tz=deals.tz)
        known = {name: np.nan if each is None else each.to_numpy() for name, each in found.items()}
        words = np.full(len(table), "", dtype=object)
        for name, mask in table.select_dtypes("boolean").fillna(False).astype(bool).items():
            words = np.where(mask, words + np.where(words == "", "", ", ") + text.label(str(name)), words)
        columns = pd.DataFrame(known, index=ids).join(table[["risk", "reasons"]].assign(flags=words))
        return cls(table, columns)
