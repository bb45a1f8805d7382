"""Tables in a notebook, with their numbers as people read them."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import ArgumentTypeError


def cells(table: pd.DataFrame) -> list[list[str]]:
    """The rows of the shown table, header first."""
    shown = oa.show(table).to_html()
    return [
        re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row)
        for row in re.findall(r"<tr>(.*?)</tr>", shown, re.S)
    ]


def test_show__reads_money_percents_periods_and_gaps() -> None:
    rates = pd.DataFrame(
        {"won": [9, 0], "rate": [0.204, float("nan")], "won_value": [220_100.0, 0.0]},
        index=pd.Index(["2026Q1", "2026Q2"], name="period"),
    )
    rates.attrs["org"] = oa.Org(currency="USD").facts
    header, _, *rows = cells(rates)
    assert header[1:] == ["won", "rate", "won_value"]
    assert rows == [["Q1 2026", "9", "20%", "$220,100"], ["Q2 2026", "0", "–", "$0"]]


def test_show__has_cents_in_all_amounts_of_a_column_or_in_none() -> None:
    table = pd.DataFrame({"value": [1_000.5, 20.0, float("nan")], "booked": [1_000.0, 20.0, 0.0]})
    _, *rows = cells(table)
    assert [row[1:] for row in rows] == [["1,000.50", "1,000"], ["20.00", "20"], ["–", "0"]]


def test_show__gives_the_same_html_again_with_text_on_the_left() -> None:
    table = pd.DataFrame({"name": ["Acme"], "value": [5.0]})
    shown = oa.show(table).to_html()
    assert shown == oa.show(table).to_html()
    rules = dict(re.findall(r"(th|td|\.col\d) \{\s*text-align: (\w+)", shown))
    assert rules == {"th": "left", "td": "left", ".col1": "right"}


def test_show__has_names_as_text_and_takes_repeated_and_no_rows() -> None:
    odd = pd.DataFrame(
        {"<i>name": ["<b>Acme</b>"], "value": [1.0]}, index=pd.Index(["<script>"], name="owner")
    )
    shown = oa.show(pd.concat([odd, odd])).to_html()
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert "<script>" not in shown
    assert shown.count("&lt;b&gt;Acme&lt;/b&gt;") == 2
    assert len(cells(odd.head(0))) == 2


def test_show__takes_a_table_only() -> None:
    with pytest.raises(ArgumentTypeError, match="show takes a result table, not list"):
        oa.show([1])  # type: ignore[arg-type]
