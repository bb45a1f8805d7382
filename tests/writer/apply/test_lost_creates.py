from __future__ import annotations

import pandas as pd

from opp_analytics.api import Client
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import apply, plan


def test_apply__a_create_whose_answer_never_came_is_looked_up(client: Client, server: Sandbox) -> None:
    new = pd.DataFrame({"unique_id": [None] * 3, "name": ["A", "A", "B"], "value": [1.0, 1.0, 2.0]})
    before = pd.DataFrame({"unique_id": pd.Series([], dtype="str")})
    server.faults.set(lose_answer_rate=1.0)
    receipt = apply(plan(before, new), client)
    server.faults.reset()
    assert receipt.complete
    assert receipt.table["unique_id"].nunique() == 3
    assert client.list().total_records == 9
