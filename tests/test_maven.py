"""Figures that others published about a public data set come out of the whole chain: seed, HTTP,
load, win rate."""

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import org
from tests import maven

pytestmark = [
    pytest.mark.skipif(
        not maven.FOLDER.is_dir(), reason="needs the data in ../shared/data/maven_crm"
    ),
]


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The 8,800, loaded once."""
    return maven.loaded(tmp_path_factory.mktemp("cache"))


@pytest.mark.slow
def test_load__brings_every_row_complete(frame: pd.DataFrame) -> None:
    assert len(frame) == frame["unique_id"].nunique() == 8_800
    certificate = frame.attrs["load"]
    assert certificate["complete"]
    assert (certificate["total"], certificate["duplicates"]) == (8_800, 0)


def test_load__keeps_what_was_seeded(frame: pd.DataFrame) -> None:
    seeded = org.conform(maven.opportunities()).set_index("unique_id")
    read = frame.set_index("unique_id").loc[seeded.index]
    for column in ("name", "account_id", "owner_name", "product", "value", "close_date"):
        pd.testing.assert_series_equal(read[column], seeded[column], check_dtype=False)
    assert seeded["account_id"].isna().sum() == 1_425
    assert read["value"].notna().all()


def test_win_rate__is_the_published_one(frame: pd.DataFrame) -> None:
    rate = oa.win_rate(frame).iloc[0]
    assert (rate["won"], rate["lost"], rate["open"]) == (4_238, 2_473, 2_089)
    assert round(rate["rate"], 4) == 0.6315
    assert rate["rate_low"] < rate["rate"] < rate["rate_high"]
    assert rate["won_value"] == 10_005_534


@pytest.mark.parametrize(
    ("quarter", "closed", "won", "rate", "revenue"),
    [("2017Q1", 647, 531, 82.1, 1_134_672), ("2017Q4", 1_985, 1_196, 60.3, 2_802_496)],
)
def test_win_rate__by_quarter_is_the_published_one(
    frame: pd.DataFrame, quarter: str, closed: int, won: int, rate: float, revenue: int
) -> None:
    row = maven.quarters(frame).loc[quarter]
    assert (row["won"], row["won"] + row["lost"]) == (won, closed)
    assert round(100 * row["rate"], 1) == rate
    assert row["won_value"] == revenue


def test_win_rate__by_agent_is_the_published_one(frame: pd.DataFrame) -> None:
    agents = oa.win_rate(frame, by="owner_name")
    for name, revenue, won, rate in (
        ("Darcel Schlecht", 1_153_214, 349, 63.1),
        ("Vicki Laflamme", 478_396, 221, 63.7),
    ):
        agent = agents.loc[name]
        assert (agent["won_value"], agent["won"]) == (revenue, won)
        assert round(100 * agent["rate"], 1) == rate
    assert agents["won_value"].idxmax() == "Darcel Schlecht"
    assert agents["rate"].idxmin() == "Lajuana Vencill"
    assert round(100 * agents["rate"].min(), 1) == 55.0
