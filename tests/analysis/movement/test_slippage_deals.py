import pandas as pd

from opp_analytics.analysis import slippage, slippage_deals
from tests.analysis.movement.windows import JANUARY


def test_slippage_deals__add_up_to_the_table(january):
    deals = slippage_deals(january, **JANUARY)
    table = slippage(january, **JANUARY)
    held = table[table["count"] > 0]
    assert deals["outcome"].value_counts().to_dict() == held["count"].to_dict()
    assert deals.groupby("outcome")["value"].sum().to_dict() == held["value"].to_dict()
    pushed = deals.set_index("unique_id").loc["pushed"]
    assert pushed[["value", "close_date", "close_date_after"]].tolist() == [
        400.0,
        pd.Timestamp("2026-01-05"),
        pd.Timestamp("2026-03-05"),
    ]


def test_slippage_deals__empty_cohort_has_its_columns(january):
    deals = slippage_deals(january, start="2026-01-27", end="2026-02-03")
    assert deals.empty
    assert deals.dtypes[["value", "close_date"]].astype(str).tolist() == ["float64", "datetime64[us]"]
