"""Maven Analytics' public "CRM Sales Opportunities" as opportunities, and its published figures
recomputed.

The data (``sales_pipeline.csv``, ``products.csv`` of the data set, found in many public
repositories) is not kept here, because its source states no license: ``../shared/data/maven_crm``
holds it.
"""

from datetime import date
from pathlib import Path

import pandas as pd

import opp_analytics as oa

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "maven_crm"
AS_OF = date(2017, 12, 31)

_STAGES = {
    "Prospecting": "discovery",
    "Engaging": "qualification",
    "Won": "closed_won",
    "Lost": "closed_lost",
}
_STATUSES = {"Won": "won", "Lost": "lost"}


def opportunities(folder: Path = FOLDER) -> pd.DataFrame:
    """The rows of ``sales_pipeline.csv`` under this project's names.

    Notes
    -----
    The product "GTXPro" is "GTX Pro" in the price list. What is not won has no value in the source
    and gets the product's list price. A row without an engage date gets no ``created_at``; one
    without an account is named after its product alone.
    """
    pipeline = pd.read_csv(folder / "sales_pipeline.csv")
    prices = pd.read_csv(folder / "products.csv").set_index("product")["sales_price"]
    product = pipeline["product"].replace("GTXPro", "GTX Pro")
    won = pipeline["deal_stage"] == "Won"
    return pd.DataFrame(
        {
            "unique_id": pipeline["opportunity_id"],
            "name": product + (" " + pipeline["account"]).fillna(""),
            "account_id": pipeline["account"],
            "value": pipeline["close_value"].where(won, product.map(prices)),
            "stage": pipeline["deal_stage"].map(_STAGES),
            "close_date": pd.to_datetime(pipeline["close_date"]),
            "status": pipeline["deal_stage"].map(_STATUSES).fillna("active"),
            "created_at": pd.to_datetime(pipeline["engage_date"], utc=True),
            "owner_name": pipeline["sales_agent"],
            "product": product,
        }
    )


def loaded(cache_dir: Path, folder: Path = FOLDER) -> pd.DataFrame:
    """The rows after their way through a sandbox: seeded, and read back over HTTP."""
    with (
        oa.sandbox.start(opportunities=opportunities(folder), today=AS_OF) as server,
        oa.Client(
            server.url, server.token, server.api_key, timeout=300, cache_dir=cache_dir
        ) as client,
    ):
        return oa.load(client, progress=False)


def quarters(frame: pd.DataFrame) -> pd.DataFrame:
    """The win rate by the quarter of 2017 in which deals closed."""
    return oa.win_rate(frame, freq="Q", start="2017-01-01", end="2017-12-31")
