"""Questions to a change log on disk: ``python -m tests.benchmarks._large_log DEALS FOLDER
[QUESTION]``.

Without a question the log is written, ten rows a deal.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb
import ibis

from opp_analytics.analysis import slippage, waterfall
from opp_analytics.history import History
from tests.benchmarks._process import tell

_MEMORY = "4GB"
_PERIOD: dict[str, Any] = {"start": "2026-04-01", "end": "2026-06-30"}
QUESTIONS = {
    "slippage": lambda history: slippage(history, **_PERIOD),
    "waterfall": lambda history: waterfall(history, **_PERIOD),
}
MONTHS = 10
_ROWS = """
COPY (
    SELECT
        to_timestamp({first} + 86400 * (30 * ({month} - 1) + n % 30)) AS seen_after,
        to_timestamp({first} + 86400 * (30 * {month} + n % 30)) AS seen_at,
        CASE WHEN {month} = 0 THEN 'new' ELSE 'changed' END AS operation,
        md5(CAST(n AS VARCHAR)) AS unique_id,
        format('Opportunity {{}}', n) AS name,
        format('account-{{}}', n % 5000) AS account_id,
        CAST(10000 + hash(n * 10 + {month}) % 9990000 AS DOUBLE) / 100 AS value,
        CASE
            WHEN n % 10 = {month} AND {month} > 2 THEN if(n % 3 = 0, 'closed_won', 'closed_lost')
            ELSE ['discovery', 'qualification', 'proposal', 'negotiation'][1 + (n * 31 + {month}) % 4]
        END AS stage,
        CAST(to_timestamp({first} + 86400 * (30 * {month} + (n * 7 + {month} * 11) % 120)) AS DATE) AS close_date,
        CAST((n * 3 + {month}) % 101 AS BIGINT) AS probability,
        CASE
            WHEN n % 10 = {month} AND {month} > 2 THEN if(n % 3 = 0, 'won', 'lost')
            ELSE 'active'
        END AS status,
        to_timestamp({first}) AS created_at,
        to_timestamp({first} + 86400 * (30 * {month} + n % 30)) AS updated_at,
        format('Owner {{}}', n % 200) AS owner_name
    FROM range({deals}) AS deals(n)
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""  # noqa: E501
_FIRST = 1_767_225_600
"""2026-01-01, in seconds."""


def write(deals: int, folder: Path) -> None:
    """A row for each deal and month: new, then changed."""
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{_MEMORY}'")
        for month in range(MONTHS):
            file = folder / f"{month:06d}.parquet"
            connection.execute(_ROWS.format(first=_FIRST, month=month, deals=deals, file=file))


def ask(question: str, folder: Path) -> None:
    """Ask in an engine whose memory is bounded."""
    warehouse = ibis.duckdb.connect(memory_limit=_MEMORY, temp_directory=str(folder / "spilled"))
    warehouse.raw_sql("SET TimeZone = 'UTC'")
    QUESTIONS[question](History.from_table(warehouse.read_parquet(f"{folder}/*.parquet")))


def main() -> None:
    """Write a log, or ask one."""
    deals, folder, *asked = int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
    tell(lambda: ask(asked[0], folder) if asked else write(deals, folder))


if __name__ == "__main__":
    main()
