"""Whether the forecast holds, against what others do."""

from __future__ import annotations

import pytest

import opp_analytics as oa
from tests.analysis.forecasting.histories import even_months


@pytest.mark.slow
def test_proof__scores_every_method_on_the_same_past_forecasts():
    history = even_months(14)
    frame = history.as_of("2027-02-10T23:00Z")
    answer = oa.ask("proof", frame, history, as_of="2027-02-10")
    table = oa.score(oa.backtest(history, freq="M", methods="all", as_of="2027-02-10"))
    judged = table[table["n"] > 0]
    assert answer.sentence == f"As last seen on Feb 8, 2027: {oa.sentence(table)}"
    assert [(row.id, row.values["wape"]) for row in answer.tables[0].rows] == [
        *judged["wape"].items()
    ]
    quarters = oa.ask("proof", frame, history, as_of="2027-02-10", freq="Q")
    assert quarters.say(quarters.notes[0]).startswith("Too few past forecasts to judge: ")
