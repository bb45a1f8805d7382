"""try_wheel.py EXTRA: use what an extra of the installed package brings.

`core` is the package alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

import opp_analytics as oa

DEALS = pd.DataFrame(
    {
        "unique_id": ["a", "b", "c"],
        "name": ["Acme", "Bolt", "Crane"],
        "value": [100.0, 50.0, 80.0],
        "stage": ["proposal", "closed_won", "closed_lost"],
        "close_date": ["2026-12-20", "2026-11-02", "2026-11-09"],
        "probability": [40, 100, 0],
        "owner_name": ["Ada", "Ben", "Ada"],
    }
)
DAY = "2026-11-23"


def core() -> None:
    """Record, forecast, plan and draw."""
    history = oa.History("history")
    history.record(DEALS, at="2026-11-20")
    history.record(DEALS.assign(value=[120.0, 50.0, 80.0]), at=DAY)
    assert len(history.changes()) == 4
    assert oa.win_rate(DEALS)["rate"].iloc[0] == 0.5
    assert oa.forecast(DEALS, as_of=DAY)["expected"].sum() > 0
    assert len(oa.plan(DEALS, DEALS.assign(value=1.0)).changes) == 3
    oa.plots.stage_funnel(oa.stage_funnel(DEALS)).figure.savefig("funnel.png")
    DEALS.to_csv("deals.csv", index=False)
    subprocess.run(
        ["opp-analytics", "win-rate", "--from", "deals.csv", "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def notebook() -> None:
    """Open both widgets."""
    assert "explorer" in repr(oa.explore(DEALS, as_of=DAY)).lower()
    assert len(oa.edit(DEALS).changes) == 0


def excel() -> None:
    """Write a workbook and read it back."""
    oa.to_excel(DEALS, "deals.xlsx")
    before, after = oa.read_excel("deals.xlsx")
    assert oa.plan(before, after).changes.empty


def report() -> None:
    """Write Monday's page with its workbook."""
    oa.weekly_report(DEALS, as_of=DAY, out="weekly.html")
    assert Path("weekly.html").stat().st_size > 10_000
    assert Path("weekly.xlsx").is_file()


def sandbox() -> None:
    """Load from a server of its own."""
    with oa.sandbox.start(weeks=1) as box:
        assert len(oa.load(oa.Client(box.url, box.token, box.api_key))) > 0


def deliver() -> None:
    """Import what sends to chats."""
    import apprise

    assert apprise.Apprise().add("json://localhost")


def tools() -> None:
    """Make the server of tools, and print the skill from the wheel."""
    from opp_analytics.tools.server import make_server

    make_server(None)
    subprocess.run(["opp-analytics", "skill"], check=True, stdout=subprocess.DEVNULL)


def spark() -> None:
    """Import Spark, and run it where Java is."""
    from pyspark.sql import SparkSession

    if shutil.which("java"):
        session = SparkSession.builder.master("local[1]").getOrCreate()
        assert session.range(3).count() == 3
        session.stop()


def everything() -> None:
    """Play the demo, which needs most of them."""
    for use in (notebook, excel, report, sandbox, deliver):
        use()
    subprocess.run(["opp-analytics", "demo"], check=True, stdout=subprocess.DEVNULL)
    assert any(Path("opp-demo").glob("*.html"))


TRIES = {
    "notebook": notebook,
    "excel": excel,
    "report": report,
    "sandbox": sandbox,
    "deliver": deliver,
    "tools": tools,
    "spark": spark,
    "all": everything,
}

core()
if sys.argv[1] != "core":
    TRIES[sys.argv[1]]()
print(f"{sys.argv[1]}: works")
