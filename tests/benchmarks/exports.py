"""Reading a report of 100,000 rows, and writing a workbook to edit, against pandas.

`read_export` is held against the lines of pandas that read the same values; `to_excel` against
pandas writing the cells alone.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import opp_analytics as oa
from tests.benchmarks._figures import Figure, timed

ROWS = 100_000
_STAGES = (
    "Prospecting",
    "Qualification",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
)


def run(quick: bool) -> list[Figure]:
    """Time of both, in turns."""
    rounds = 3 if quick else 7
    org = oa.Org.salesforce(currency="USD")
    with tempfile.TemporaryDirectory() as folder:
        file = _report(Path(folder) / "report.csv")
        ours, plain = oa.read_export(file, org, progress=False), _plain(file)
        assert ours["value"].sum() == plain["value"].sum()
        assert (ours["close_date"].to_numpy() == plain["close_date"].to_numpy()).all()
        assert (ours["created_at"].to_numpy() == plain["created_at"].to_numpy()).all()
        return [
            timed(
                f"read_export of {ROWS:,} rows",
                "the same parsing in pandas",
                lambda: oa.read_export(file, org, progress=False),
                lambda: _plain(file),
                rounds=rounds,
                at_most=4,
            ),
            _workbook(ours.head(1_000 if quick else 10_000), Path(folder), 3),
        ]


def _workbook(opportunities: pd.DataFrame, folder: Path, rounds: int) -> Figure:
    plain = opportunities.assign(created_at=opportunities["created_at"].dt.tz_localize(None))
    return timed(
        f"to_excel of {len(opportunities):,} rows",
        "DataFrame.to_excel by openpyxl",
        lambda: oa.to_excel(opportunities, folder / "ours.xlsx"),
        lambda: plain.to_excel(folder / "plain.xlsx", index=False, engine="openpyxl"),
        rounds=rounds,
    )


def _report(file: Path) -> Path:
    """A Salesforce report, details only, with its footer."""
    dice = np.random.default_rng(1)
    days = pd.Timestamp("2025-01-01") + pd.to_timedelta(dice.integers(0, 700, ROWS), unit="D")
    made = pd.Timestamp("2024-01-01") + pd.to_timedelta(
        dice.integers(0, 700 * 1_440, ROWS), unit="min"
    )
    pd.DataFrame(
        {
            "Opportunity ID": [f"006Hs{number:010d}" for number in range(ROWS)],
            "Opportunity Name": [f"Deal {number}" for number in range(ROWS)],
            "Account Name": [f"Account {number % 997}" for number in range(ROWS)],
            "Stage": dice.choice(_STAGES, ROWS),
            "Amount": [f"${value:,.2f}" for value in dice.integers(100, 10**7, ROWS) / 100],
            "Probability (%)": [f"{percent}%" for percent in dice.integers(0, 21, ROWS) * 5],
            "Close Date": pd.Series(days).dt.strftime("%m/%d/%Y"),
            "Created Date": pd.Series(made).dt.strftime("%m/%d/%Y %I:%M %p"),
            "Opportunity Owner": [f"Rep {number % 37}" for number in range(ROWS)],
        }
    ).to_csv(file, index=False, quoting=1)
    with file.open("a") as lines:
        lines.write('\n\n"Confidential Information - Do Not Distribute"\n')
    return file


def _plain(file: Path) -> pd.DataFrame:
    """The same values by hand, by somebody who knows the file."""
    frame = pd.read_csv(file)
    frame = frame[frame["Stage"].notna()]
    return pd.DataFrame(
        {
            "unique_id": frame["Opportunity ID"],
            "name": frame["Opportunity Name"],
            "account_name": frame["Account Name"],
            "value": frame["Amount"].str.replace("[$,]", "", regex=True).astype("float64"),
            "stage": frame["Stage"].astype(pd.CategoricalDtype(list(_STAGES), ordered=True)),
            "probability": frame["Probability (%)"].str.rstrip("%").astype("Int64"),
            "close_date": pd.to_datetime(frame["Close Date"], format="%m/%d/%Y"),
            "created_at": pd.to_datetime(
                frame["Created Date"], format="%m/%d/%Y %I:%M %p", utc=True
            ),
            "owner_name": frame["Opportunity Owner"],
        }
    )
