"""One question to a history, or one record, in a process of its own: ``python -m
tests.benchmarks._history_once CONTENDER QUESTION FOLDER``.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401  imported before the clock starts
import ibis.backends.duckdb  # noqa: F401
import pandas as pd
import pyarrow.parquet  # noqa: F401

from opp_analytics.analysis import deal_flags, forecast, forecast_change, slippage, waterfall
from opp_analytics.history import History
from tests.benchmarks._opportunities import on_day, opportunities
from tests.benchmarks._process import tell

PERIOD: dict[str, Any] = {"start": "2026-09-01", "end": "2026-11-24"}
"""From no day of a record to the day after the last one."""
_COLUMNS = ["unique_id", "stage", "status", "close_date"]
_ASKED: dict[str, Any] = {"method": "stated", "freq": "M"}
QUESTIONS = {
    "slippage": lambda history: slippage(history, **PERIOD)["count"].tolist(),
    "waterfall": lambda history: int(waterfall(history, **PERIOD)["count"]["closing"]),
    "waterfall by": lambda history: int(
        waterfall(history, **PERIOD, by="owner_name")["count"].sum()
    ),
    "forecast_change": lambda history: round(
        float(forecast_change(history, **PERIOD, period="2026-12", **_ASKED)["expected"].sum())
    ),
    "two forecasts": lambda history: round(sum(_forecast(history, at) for at in PERIOD.values())),
    "deal_flags": lambda history: _count_risks(history, history),
    "deal_flags without history": lambda history: _count_risks(history, None),
    "learned month forecast": lambda history: _forecast(
        history, PERIOD["end"], history=history, method="learned", freq="M"
    ),
}


def _forecast(history: History, day: str, /, **asked: Any) -> float:
    asked = asked or _ASKED
    table = forecast(history.as_of(day), as_of=day, periods=["2026-12"], **asked)
    return float(table["expected"].to_dict()["2026-12"])


def _count_risks(history: History, past: History | None) -> int:
    day = PERIOD["end"]
    return int(deal_flags(history.as_of(day), past, as_of=day)["risk"].sum())


def ask_snapshots(folder: Path) -> list[int]:
    """Slippage from a full snapshot a week, all read into one frame, as it is mostly done."""
    frame = pd.concat(
        pd.read_parquet(file, columns=_COLUMNS).assign(day=pd.Timestamp(file.stem))
        for file in sorted((folder / "snapshots").glob("*.parquet"))
    )
    start, end = map(pd.Timestamp, PERIOD.values())
    then, now = (
        frame[frame["day"] == frame.loc[frame["day"] <= at, "day"].max()] for at in (start, end)
    )
    cohort = then[(then["status"] == "active") & then["close_date"].between(start, end)]
    both = cohort.merge(now, on="unique_id", how="left", suffixes=("", "_now"))
    status = both["status_now"].astype("str")
    counts = [int((status == end).sum()) for end in ("won", "lost")]
    gone = int(both["stage_now"].isna().sum())
    early = int(((status == "active") & (both["close_date_now"] < start)).sum())
    due = (status == "active") & both["close_date_now"].between(frame["day"].max(), end)
    return [
        *counts,
        len(both) - sum(counts) - gone - early - int(due.sum()),
        early,
        gone,
        int(due.sum()),
    ]


def record(rows: int, folder: Path) -> None:
    """Record a day on which 1% of the values changed; the first day also writes all as Parquet."""
    history = History(folder / "history")
    day, frame = len(history.records), opportunities(rows)
    if not day:
        frame.to_parquet(folder / "all.parquet")
    frame = on_day(frame, 0.01, day)
    tell(
        lambda: (
            history.record(frame, at=pd.Timestamp("2026-01-01T06:00Z") + pd.Timedelta(day, "D")).new
        )
    )


def main() -> None:
    """Measure one contender on one question."""
    contender, question, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if contender == "record":
        record(int(question), folder)
    elif contender == "parquet":
        tell(lambda: pd.read_parquet(folder / "all.parquet").to_parquet(folder / "copy.parquet"))
    elif contender == "snapshots":
        tell(partial(ask_snapshots, folder))
    else:
        tell(lambda: QUESTIONS[question](History(folder / "history")))


if __name__ == "__main__":
    main()
