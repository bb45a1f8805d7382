"""The checks of a history, and the records that a question reads."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from opp_analytics import errors, periods
from opp_analytics.analysis.shared.history_query import (
    check_history,
    count_before,
    find_span,
    read_changes,
)
from opp_analytics.history import History, ibis
from tests.history.logs import MONDAYS, history_of

HISTORY = history_of([("a", week, float(week), "proposal", None, "active") for week in (0, 1, 3)])


def test_check_history__names_what_is_missing(tmp_path: Path) -> None:
    for ask in (
        lambda given: check_history(given, "slippage"),
        lambda given: read_changes(given, "slippage"),
    ):
        with pytest.raises(
            errors.ArgumentTypeError, match="slippage needs a History, not DataFrame"
        ):
            ask(pd.DataFrame())
        with pytest.raises(
            errors.NotEnoughHistory, match="slippage needs records, but the history has none yet"
        ):
            ask(History(tmp_path / "history"))
    assert check_history(HISTORY, "slippage", "stage") is HISTORY
    with pytest.raises(
        errors.MissingColumnError, match=r"no column 'owner', 'team'; it has seen_after, .*stage"
    ):
        check_history(HISTORY, "slippage", "owner", "stage", "team")


def test_span__is_the_last_record_at_or_before_each_end() -> None:
    asked = find_span(HISTORY, "2026-01-10", "2026-01-20", asked_by="waterfall")
    assert [str(moment.date()) for moment in (asked.opening, asked.closing, asked.newest)] == [
        MONDAYS[0],
        MONDAYS[1],
        MONDAYS[3],
    ]
    assert (str(asked.first.date()), str(asked.last.date())) == ("2026-01-10", "2026-01-20")
    whole = find_span(HISTORY, None, None, asked_by="waterfall")
    assert (whole.opening, whole.closing) == (asked.opening, asked.newest)


def test_span__reads_days_in_the_business_zone() -> None:
    late = find_span(
        HISTORY, "2026-01-05", "2026-01-11", asked_by="waterfall", tz="America/Chicago"
    )
    # The record of the 12th, midnight UTC, is still the evening of the 11th there.
    assert str(late.closing.date()) == MONDAYS[1]
    with pytest.raises(errors.NotEnoughHistory, match="the next one is from 2026-01-12"):
        find_span(HISTORY, "2026-01-05", "2026-01-11", asked_by="waterfall")


def test_span__of_one_moment_only_where_that_is_allowed() -> None:
    moment = pd.Timestamp("2026-01-12T00:00Z")
    with pytest.raises(errors.NotEnoughHistory, match="needs a second record"):
        find_span(HISTORY, moment, moment, asked_by="slippage")
    same = find_span(HISTORY, moment, moment, asked_by="waterfall", within_one_record=True)
    assert same.opening == same.closing == moment


@pytest.mark.parametrize(
    "tz", ["UTC", "America/Santiago", "America/Havana", "Asia/Kolkata", "Australia/Lord_Howe"]
)
def test_count_before__of_a_zones_midnights_numbers_its_days(tz: str) -> None:
    """Also where clocks change at midnight, or by half an hour."""
    first, tick = pd.Timestamp("2025-12-01"), pd.Timedelta(microseconds=1)
    begins = periods.list_midnights(first, pd.Timestamp("2026-12-31"), tz=tz)
    within = pd.to_timedelta(
        np.random.default_rng(0).integers(0, 80_000, len(begins) - 1), unit="s"
    )
    moments = pd.DatetimeIndex(begins[:-1].append([begins[1:] - tick, begins[:-1] + within]))
    rows = ibis.memtable(pa.table({"seen_at": pa.array(moments.as_unit("us"))}))
    found = HISTORY.collect(count_before(rows, begins - tick, "day"))
    days = first + pd.to_timedelta(found["day"] - 1, unit="D")
    assert len(found) == len(moments)
    assert (days == periods.to_dates(found["seen_at"], tz=tz)).all()
