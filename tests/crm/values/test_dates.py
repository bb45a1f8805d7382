from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.crm.values.dates import Times, day_order
from opp_analytics.errors import DataError
from opp_analytics.schema import TEXT


def times(*cells: object, dtype: Any = TEXT, label: str = "Close Date") -> Times:
    return Times.of(pd.Series(list(cells), dtype=dtype, index=range(2, 2 + len(cells))), label)


def days(*cells: object, day_first: bool | None = False, dtype: Any = TEXT) -> list[str]:
    dates, bad = times(*cells, dtype=dtype).dates(day_first)
    assert bad == []
    return dates.dt.strftime("%Y-%m-%d").tolist()


def utc(*cells: str, tz: str = "America/Chicago") -> list[str]:
    instants, bad = times(*cells).instants(False, tz)
    assert bad == []
    return instants.dt.strftime("%Y-%m-%d %H:%M:%S").tolist()


def test_dates__reads_what_crms_write() -> None:
    assert (
        days("11/25/2026", "2026-11-25", "2026-11-25 14:30", "25.11.2026", "Nov 25, 2026", "11/25/26")
        == ["2026-11-25"] * 6
    )
    assert days("25/11/2026", "2/3/2026", day_first=True) == ["2026-11-25", "2026-03-02"]
    assert days("11/25/2026 9:14 AM", "11/25/2026, 21:14", "2026-11-25T14:12:00.000Z") == ["2026-11-25"] * 3


def test_dates__takes_the_dates_and_serial_numbers_of_a_workbook() -> None:
    assert (
        days(datetime(2026, 11, 25, 9), date(2026, 11, 25), 46_351, "11/25/2026", dtype="object")
        == ["2026-11-25"] * 4
    )
    found, _ = Times.of(pd.Series([pd.Timestamp("2026-11-25 10:00"), pd.NaT]), "d").dates(None)
    assert found.tolist()[0] == pd.Timestamp("2026-11-25")
    assert found.isna().tolist() == [False, True]


def test_dates__keeps_empty_cells_empty() -> None:
    found, bad = times(None, "11/25/2026", None).dates(False)
    assert (found.isna().tolist(), bad) == ([True, False, True], [])


def test_dates__names_what_is_none() -> None:
    _, bad = times("2/30/2026", "soon", "13/14/2026", "2026-02-30", "11/25/2026 25:10", None).dates(False)
    assert [(one.row, one.reason) for one in bad] == [
        (2, "is not a date: February 2026 has 28 days"),
        (3, "is not a date; try 12/31/2026, Dec 31 or 2026-12-31"),
        (4, "is not a date: there is no month 13"),
        (5, "is not a date: February 2026 has 28 days"),
        (6, "has a time of day that does not exist"),
    ]


def test_dates__without_an_order_refuses_only_what_can_be_read_in_two_ways() -> None:
    found, bad = times("03/04/2027", "03/03/2027", "25/11/2026", "2027-03-04").dates(None)
    assert [str(one) for one in bad] == [
        "row 2: Close Date='03/04/2027' may mean Mar 4, 2027 or Apr 3, 2027, and no other row of the file tells; "
        "use day_first=True or False, in the shell --day-first or --month-first"
    ]
    assert found.dropna().dt.strftime("%m-%d").tolist() == ["03-03", "11-25", "03-04"]


def test_day_order__follows_the_rows_that_tell() -> None:
    assert day_order([times("03/04/2027", None), times("03/25/2027 10:00")], "f") is False
    assert day_order([times("25/03/2027")], "f") is True
    assert day_order([times("03/04/2027", "2027-03-25", "25.03.2027")], "f") is None
    assert day_order([times(5, "03/25/2027", dtype="object")], "f") is False


def test_day_order__names_two_rows_that_contradict_each_other() -> None:
    with pytest.raises(
        DataError,
        match="deals.csv: row 2: Close Date='03/25/2027' has the month first; row 3: Created='25/03/2027' has the day first; write all dates in one order",
    ):
        day_order([times("03/25/2027"), times(None, "25/03/2027", label="Created")], "deals.csv")


def test_instants__reads_a_time_without_a_zone_in_the_orgs() -> None:
    assert utc("11/25/2026 9:14 AM", "2026-11-25 14:30", "11/25/2026", "7/1/2026 12:05 AM") == [
        "2026-11-25 15:14:00", "2026-11-25 20:30:00", "2026-11-25 06:00:00", "2026-07-01 05:05:00",
    ]  # fmt: skip


def test_instants__keeps_a_time_with_a_zone() -> None:
    assert (
        utc(
            "2026-11-25T14:12:00.000+0000",
            "2026-11-25T14:12:00Z",
            "2026-11-25T15:12:00+01:00",
            "1795615920000",
        )
        == ["2026-11-25 14:12:00"] * 4
    )
    aware = pd.Series(pd.to_datetime(["2026-11-25T14:12:00+01:00"]))
    assert Times.of(aware, "c").instants(None, "UTC")[0].tolist() == [pd.Timestamp("2026-11-25T13:12Z")]


def test_instants__takes_the_first_of_a_doubled_hour_and_moves_a_missing_one() -> None:
    assert utc("2026-11-01 01:30", "2026-03-08 02:30") == ["2026-11-01 06:30:00", "2026-03-08 08:00:00"]


moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(lambda d: d.replace(microsecond=0))


@given(st.lists(moments, min_size=1, max_size=5), st.sampled_from(["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y, %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%b %d, %Y %H:%M:%S"]))  # fmt: skip
def test_instants__reads_every_moment_in_every_form(given_: list[datetime], form: str) -> None:
    found, bad = times(*(moment.strftime(form) for moment in given_)).instants(False, "UTC")
    assert bad == []
    assert found.dt.tz_localize(None).to_numpy().tolist() == np.array(given_, "datetime64[us]").tolist()
