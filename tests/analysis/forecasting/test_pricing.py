"""The forecast of one period deal by deal: the deals add up to it."""

from typing import Any

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis import forecast
from opp_analytics.analysis.forecasting.pricing import price_period
from tests.analysis.forecasting.histories import even_months

HISTORY = even_months(9, owners=True)
AT = "2026-09-10T18:00Z"


@pytest.mark.parametrize("method", ["auto", "learned", "run_rate", "stated", "stage"])
@pytest.mark.parametrize("by", [None, "owner_name"])
@pytest.mark.parametrize("period", ["2026-07", "2026-09", "2026-10"])
def test_price_period__deals_and_new_business_are_the_forecast(method, by, period):
    priced = price_period(HISTORY, at=AT, period=period, method=method, by=by)
    frame = HISTORY.as_of(AT)
    asked: dict[str, Any] = {"as_of": AT, "history": HISTORY, "method": method, "by": by, "periods": [period]}
    table = (
        forecast(frame, **asked).xs(period, level="period") if by else forecast(frame, **asked).loc[[period]]
    )
    whole = priced.expected(frame).sum() + sum(priced.new_business.values())
    assert whole == pytest.approx(table["expected"].sum())
    if by:
        assert list(priced.new_business.values()) == pytest.approx(table["new_business"].tolist())


def test_price_period__a_changed_deal_has_the_price_of_what_it_became():
    priced = price_period(HISTORY, at=AT, period="2026-09", method="learned")
    deal = HISTORY.as_of(AT).query("unique_id == 'a2026-09'")
    # Ann's factor is 17/13.5, Bo's 10/13.5.
    assert priced.chance(deal) == pytest.approx(0.5 * 17 / 13.5)
    assert priced.expected(deal.assign(value=200.0)) == pytest.approx(100 * 17 / 13.5)
    assert priced.chance(deal.assign(owner_name="Bo")) == pytest.approx(0.5 * 10 / 13.5)
    won = deal.assign(stage="closed_won", close_date=pd.Timestamp("2026-09-08"))
    assert priced.expected(won) == 100
    assert priced.expected(deal.assign(stage="closed_lost")) == 0


def test_price_period__names_the_day_from_which_the_method_serves():
    with pytest.raises(errors.NotEnoughHistory, match="from Apr 15, 2026 on"):
        price_period(HISTORY, at="2026-03-10T18:00Z", period="2026-03", method="learned")
