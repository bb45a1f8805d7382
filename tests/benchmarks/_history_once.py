"""One question in a process of its own: ``python _history_once.py CONTENDER QUESTION FOLDER``; prints seconds and peak MB."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics.analysis import slippage, transitions
from opp_analytics.history import History

PERIOD = {"start": "2026-02-01", "end": "2026-04-30"}


def ours(question: str, folder: Path) -> Any:
    """From the change log."""
    history = History(folder / "history")
    return (
        len(transitions(history))
        if question == "transitions"
        else slippage(history, **PERIOD)["count"].tolist()
    )


def snapshots(question: str, folder: Path) -> Any:
    """From a full snapshot a day, all read into one frame, the way it is mostly done."""
    columns = ["unique_id", "stage", "status", "close_date"]
    files = sorted((folder / "snapshots").glob("*.parquet"))
    days = [pd.read_parquet(f, columns=columns).assign(day=pd.Timestamp(f.stem)) for f in files]
    frame = pd.concat(days, ignore_index=True).sort_values(["unique_id", "day"], kind="stable")
    if question == "transitions":
        before = frame.groupby("unique_id")["stage"].shift()
        return int((before.isna() | (before.astype("str") != frame["stage"].astype("str"))).sum())
    start, end = pd.Timestamp(PERIOD["start"]), pd.Timestamp(PERIOD["end"])
    then, now = (frame[frame["day"] == frame.loc[frame["day"] <= at, "day"].max()] for at in (start, end))
    cohort = then[(then["status"] == "active") & then["close_date"].between(start, end)]
    both = cohort.merge(now, on="unique_id", how="left", suffixes=("", "_now"))
    status = both["status_now"].astype("str")
    won, lost = (status == "won").sum(), (status == "lost").sum()
    gone = both["stage_now"].isna().sum()
    early = ((status == "active") & (both["close_date_now"] < start)).sum()
    return [int(won), int(lost), int(len(both) - won - lost - gone - early), int(early), int(gone)]


def main() -> None:
    """Measure one contender on one question."""
    contender, question, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    ask = {"ours": ours, "snapshots": snapshots}[contender]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    answer = ask(question, folder)
    seconds = time.perf_counter() - start
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"answer": answer, "seconds": seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main()
