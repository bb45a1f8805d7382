"""A history whose names and amounts nothing else holds, and tables of judged forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import History, Org
from opp_analytics.report import Proof
from tests.report import reading
from tests.worlds import Kind, log

__all__ = ["PLANTED", "judged", "proof_history", "stand_in"]

PLANTED = ("Zebrafish", "Quokkas", "Wombat GmbH", "CHF", "acct-", "discovery", "Ada", "Cleo")
"""Parts of names in the history: deals, company, currency, accounts, stages, people."""
_MEASURES = {
    "wape": 0.2,
    "bias": 0.01,
    "interval_coverage": np.nan,
    "behind": 0.0,
    "behind_low": 0.0,
    "behind_high": 0.0,
    "differs": False,
    "coverage_50": np.nan,
    "coverage_95": np.nan,
    "winkler": np.nan,
    "crps": 7.0,
    "period_error": 0.22,
    "period_error_se": 0.03,
}


def proof_history(folder: Path | None = None, *, weeks: int = 50) -> History:
    """A team to whom fewer and fewer deals come, recorded every week."""
    table = log(Kind("proof", weeks=weeks, deals_per_week=9.0, growth=-2.0), seed=3)
    table = table.assign(
        name="Zebrafish Quokkas " + table["unique_id"],
        account_id="acct-" + table["unique_id"],
        currency="CHF",
        value=(table["value"] * 7919).round(),
    )
    org = Org(currency="CHF", report={"title": "Wombat GmbH"})
    return (
        History.from_changes(table, org=org)
        if folder is None
        else History.from_changes(table, path=folder, org=org)
    )


def judged(
    rows: dict[str, dict[str, Any]], *, n: int = 120, periods: int = 17, freq: str = "M"
) -> pd.DataFrame:
    """Stand in for a result of `backtest_methods`: each method with what differs from a plain
    row."""
    whole = {name: {"n": n, "periods": periods, **_MEASURES, **row} for name, row in rows.items()}
    table = pd.DataFrame.from_dict(whole, orient="index").rename_axis("method")
    table["behind"] = table["wape"] - table["wape"].min()
    table.attrs = {
        "n": n,
        "as_of": "2026-11-25",
        "freq": freq,
        "confidence": 0.8,
        "best": None,
        "left_out": {},
    }
    return table


def stand_in(methods: pd.DataFrame, days_left: pd.DataFrame) -> reading.Read:
    """Read the page of these results, without periods and alarms."""
    periods = pd.DataFrame()
    periods.attrs["lacking"] = "no record is as early"
    tables = {
        "methods": methods,
        "days_left": days_left,
        "periods": periods,
        "alarms": pd.DataFrame(),
    }
    return reading.read(Proof(tables).render("opp-analytics prove"))
