from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.crm.values.amounts import read_amounts, read_percents
from opp_analytics.crm.values.distinct import Distinct
from opp_analytics.inputs import read_amount
from opp_analytics.schema import TEXT


def column(*cells: object, dtype: Any = TEXT) -> Distinct:
    return Distinct.of(pd.Series(list(cells), dtype=dtype, index=range(2, 2 + len(cells))), "Amount")


def test_read_amounts__reads_what_crms_write() -> None:
    amounts, bad = read_amounts(
        column("$120,000.00", "USD 485,000.00", "485.5 USD", "($500)", "45k", "0", None, "€9"), "USD"
    )
    assert bad == []
    assert amounts[:6].tolist() == [120_000, 485_000, 485.5, -500, 45_000, 0]
    assert math.isnan(amounts[6])
    assert amounts[7] == 9


def test_read_amounts__takes_the_numbers_of_a_workbook() -> None:
    assert read_amounts(column(5, 2.5, "$7", None, dtype="object"))[0][:3].tolist() == [5, 2.5, 7]
    assert read_amounts(column(5, 2.5, dtype="float64"))[0].tolist() == [5, 2.5]


def test_read_amounts__names_each_row_that_it_cannot_read() -> None:
    _, bad = read_amounts(column("EUR 5", "1,23", "$5", "1,23"), "USD")
    assert [str(one) for one in bad] == [
        "row 2: Amount='EUR 5' is in EUR, and the org's currency is USD; convert it first",
        "row 3: Amount='1,23' is not an amount; try 45000, $45,000 or 45k",
        "row 5: Amount='1,23' is not an amount; try 45000, $45,000 or 45k",
    ]
    assert len(read_amounts(column(True, dtype="object"))[1]) == 1


@given(st.decimals(0, 10**12, places=2), st.sampled_from(["{:.2f}", "${:,.2f}", "{:,.2f}"]))
def test_read_amounts__reads_a_column_as_it_reads_one_cell(amount: object, form: str) -> None:
    text = form.format(amount)
    assert read_amounts(column(text))[0].tolist() == [read_amount(text)]


@pytest.mark.parametrize(
    ("cells", "read", "fractional"),
    [
        (["80%", "5", " 7.5 %".strip()], [80, 5, 7.5], False),
        (["0.8", "1", "0"], [80, 100, 0], True),
        (["0.8%", "0.5%"], [0.8, 0.5], False),
        (["0", "0"], [0, 0], False),
        (["0.285"], [28.5], True),
    ],
)
def test_read_percents(cells: list[str], read: list[float], fractional: bool) -> None:
    percents, bad, found = read_percents(column(*cells))
    assert (percents.tolist(), bad, found) == (read, [], fractional)


def test_read_percents__refuses_what_may_mean_two_things_or_nothing() -> None:
    _, bad, _ = read_percents(column("0", "1", "140%", "x"))
    assert [str(one) for one in bad] == [
        "row 3: Amount='1' may mean 1% or 100%; write it with its sign",
        "row 4: Amount='140%' is not between 0% and 100%",
        "row 5: Amount='x' is not a percentage; try 60 or 60%",
    ]
    assert read_percents(column("0", "1"), fractions=True)[0].tolist() == [0, 100]
