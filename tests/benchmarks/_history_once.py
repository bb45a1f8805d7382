"""One question in a process of its own: ``python -m tests.benchmarks._history_once CONTENDER
QUESTION FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401  imported before the clock starts
import ibis.backends.duckdb  # noqa: F401
import pandas as pd
import pyarrow.parquet  # noqa: F401

from opp_analytics.analysis import (
    backtest,
    close_date_moves,
    deal_flags,
    forecast,
    forecast_change,
    movements,
    slippage,
    stage_flow,
    transitions,
    waterfall,
)
from opp_analytics.history import History
from tests.benchmarks._process import tell

PERIOD: dict[str, Any] = {"start": "2026-02-01", "end": "2026-04-30"}
FORECAST_DAY = "2026-12-15"
COLUMNS = ["unique_id", "stage", "status", "close_date"]
QUESTIONS = {
    "slippage": lambda history: slippage(history, **PERIOD)["count"].tolist(),
    "transitions": lambda history: len(transitions(history)),
    "waterfall": lambda history: int(waterfall(history, **PERIOD)["count"]["closing"]),
    "movements": lambda history: len(movements(history, **PERIOD)),
    "stage_flow": lambda history: int(stage_flow(history, **PERIOD)["entries"].sum()),
    "close_date_moves": lambda history: len(close_date_moves(history)),
    "as_of": lambda history: len(history.as_of(PERIOD["end"])),
    "waterfall by": lambda history: int(
        waterfall(history, **PERIOD, by="owner_name")["count"].sum()
    ),
    "forecast_change": lambda history: round(float(_change(history)["expected"].sum())),
    "forecast_change by": lambda history: round(
        float(_change(history, by="owner_name")["expected"].sum())
    ),
    "deal_flags": lambda history: int(_flags(history, history)["risk"].sum()),
}
"""Questions to a history."""
PLAIN = {
    "two forecasts": lambda history: round(sum(_forecast(history, at) for at in PERIOD.values())),
    "deal_flags without history": lambda history: int(_flags(history, None)["risk"].sum()),
}
"""What the questions are measured against."""
_MAY: dict[str, Any] = {"method": "stated", "freq": "M"}


def _change(history: History, **asked: Any) -> pd.DataFrame:
    return forecast_change(history, **PERIOD, period="2026-05", **_MAY, **asked)


def _forecast(history: History, day: str) -> float:
    table = forecast(history.as_of(day), as_of=day, periods=["2026-05"], **_MAY)
    return float(table["expected"].to_dict()["2026-05"])


def _flags(history: History, past: History | None) -> pd.DataFrame:
    return deal_flags(history.as_of(PERIOD["end"]), past, as_of=PERIOD["end"])


FORECASTS = {
    "learned month forecast": lambda history: _learned(history),
    "12-month backtest": lambda history: len(backtest(history, freq="M", methods="learned")),
}


def _learned(history: History) -> float:
    frame = history.as_of(FORECAST_DAY)
    table = forecast(frame, as_of=FORECAST_DAY, history=history, method="learned", periods=1)
    return round(float(table["expected"].loc["2026-12"]), 2)


def ours(question: str, folder: Path) -> Any:
    """From the change log."""
    return (QUESTIONS | PLAIN | FORECASTS)[question](History(folder / "history"))


def snapshots(question: str, folder: Path) -> Any:
    """From a full snapshot a day, all read into one frame, the way it is mostly done."""
    days = [_day(file) for file in sorted((folder / "snapshots").glob("*.parquet"))]
    frame = pd.concat(days, ignore_index=True)
    if question == "transitions":
        frame = frame.sort_values(["unique_id", "day"], kind="stable")
        before = frame.groupby("unique_id")["stage"].shift()
        return int((before.isna() | (before.astype("str") != frame["stage"].astype("str"))).sum())
    start, end = pd.Timestamp(PERIOD["start"]), pd.Timestamp(PERIOD["end"])
    then, now = (
        frame[frame["day"] == frame.loc[frame["day"] <= at, "day"].max()] for at in (start, end)
    )
    return _slipped(then, now)


def two_files(question: str, folder: Path) -> Any:
    """Slippage from the only two snapshots that it needs, for someone who keeps a file a day and
    knows which."""
    then, now = (_day(folder / "snapshots" / f"{PERIOD[at]}.parquet") for at in ("start", "end"))
    return _slipped(then, now)


def _day(file: Path) -> pd.DataFrame:
    return pd.read_parquet(file, columns=COLUMNS).assign(day=pd.Timestamp(file.stem))


def _slipped(then: pd.DataFrame, now: pd.DataFrame) -> list[int]:
    start, end = pd.Timestamp(PERIOD["start"]), pd.Timestamp(PERIOD["end"])
    cohort = then[(then["status"] == "active") & then["close_date"].between(start, end)]
    both = cohort.merge(now, on="unique_id", how="left", suffixes=("", "_now"))
    status = both["status_now"].astype("str")
    won, lost = (status == "won").sum(), (status == "lost").sum()
    gone = both["stage_now"].isna().sum()
    early = ((status == "active") & (both["close_date_now"] < start)).sum()
    slipped = len(both) - won - lost - gone - early
    return [
        *map(int, (won, lost, slipped, early, gone)),
        0,
    ]  # the period is over, so none is still due


def main() -> None:
    """Measure one contender on one question."""
    contender, question, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    ask = {"ours": ours, "snapshots": snapshots, "two_files": two_files}[contender]
    tell(lambda: ask(question, folder))


if __name__ == "__main__":
    main()
