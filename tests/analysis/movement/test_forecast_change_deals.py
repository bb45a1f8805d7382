"""The deals behind a change of forecast."""

from typing import Any

import pandas as pd

from opp_analytics.analysis import forecast_change, forecast_change_deals
from opp_analytics.analysis.movement.forecast_change_deals import DEAL_STEPS
from tests import worlds
from tests.history.logs import recorded, row


def test_forecast_change_deals__are_the_largest_first() -> None:
    due: dict[str, Any] = {"close_date": "2026-03-20", "probability": 40}
    history = recorded([
        row("a", "2026-03-02", "proposal", **due), row("b", "2026-03-02", "proposal", value=500.0, **due),
        row("a", "2026-03-09", "closed_won", **due), row("b", "2026-03-09", "closed_lost", value=500.0, **due),
        row("c", "2026-03-09", "proposal", value=20.0, **due),
    ])  # fmt: skip
    deals = forecast_change_deals(
        history, start="2026-03-03", end="2026-03-10", period="2026-03", method="stated"
    )
    assert deals[["unique_id", "movement", "expected", "value"]].values.tolist() == [
        ["b", "lost", -200.0, 500.0],
        ["a", "won", 60.0, 100.0],
        ["c", "new", 8.0, 20.0],
    ]
    assert deals.attrs["n"] == 3
    quiet = forecast_change_deals(
        history, start="2026-03-03", end="2026-03-10", period="2026-07", method="stated"
    )
    assert quiet.empty
    assert quiet.dtypes.astype(str).to_dict() == deals.dtypes.astype(str).to_dict()


def test_forecast_change_deals__add_up_to_its_rows() -> None:
    history = worlds.history(worlds.KINDS[0], 2)
    asked: dict[str, Any] = {"start": "2024-06-03", "end": "2024-06-24", "period": "2024Q2", "freq": "Q"}
    for by in (None, "owner_name"):
        deals = forecast_change_deals(history, by=by, **asked)
        table = forecast_change(history, by=by, **asked)
        keys = [*([by] if by else []), "movement"]
        summed = deals.reset_index().groupby(keys)["expected"].sum()
        steps = table.index.get_level_values("movement").isin(DEAL_STEPS)
        rows = table.loc[steps, "expected"]
        pd.testing.assert_series_equal(
            rows, summed.reindex(rows.index).fillna(0.0), check_exact=False, atol=1e-6
        )
