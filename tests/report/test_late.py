"""A page that is asked for after its data were last seen."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import DataWarning
from tests.analysis.forecasting.histories import even_months


def test_weekly_report__of_a_later_day_says_what_was_seen(tmp_path: Path) -> None:
    history = even_months(9, until="2026-08-11")
    last = history.records["recorded_at"].iloc[-1]
    deals = history.as_of(last)

    def write(days: int) -> oa.WeeklyReport:
        day = last.tz_localize(None).normalize() + pd.Timedelta(days=days)
        return oa.weekly_report(deals, history, as_of=day, target=200, out=tmp_path, progress=False)

    then = write(0)
    for days in (1, 8, 15, 40):
        with pytest.warns(DataWarning, match=f"the pipeline was last seen on {last:%b %-d}, 2026"):
            late = write(days)
        if days < 20:
            assert (late.sentences, late.alerts) == (then.sentences, then.alerts)
        assert not any("closed at" in line for line in late.sentences)
