"""Rows of a workbook as XML."""

from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics.report.workbook.rows import clean, formula_cell, rows_xml, text_cell, values_of


@pytest.mark.parametrize(
    ("values", "kind", "cells"),
    [
        (pd.Series([1.5, 74.0, float("nan"), float("inf")]), "number", ["<v>1.5</v>", "<v>74</v>", None, None]),
        (pd.Series([2, None], dtype="Int64"), "count", ["<v>2</v>", None]),
        (pd.Series([True, None], dtype="boolean"), "flag", ["<v>1</v>", None]),
        # Excel counts days from the end of 1899: 1900-03-01 is 61, and 2026-11-25 is 46,351.
        (pd.Series(["1900-03-01", "2026-11-25", None]).astype("datetime64[us]"), "date", ["<v>61</v>", "<v>46351</v>", None]),
        (pd.Series(pd.to_datetime(["2026-11-25T18:00Z"])), "instant", ["<v>46351.75</v>"]),
        (pd.Series(["a & b", "=1+1", None]), "text", ["<is><t>a &amp; b</t></is>", "<is><t>=1+1</t></is>", None]),
        (pd.Series(["value_missing"], name="check"), "text", ["<is><t>value missing</t></is>"]),
    ],
)  # fmt: skip
def test_values_of__are_cells_of_their_type(values, kind, cells):
    typed = {"flag": ' t="b"', "text": ' t="inlineStr"'}.get(kind, "")
    assert values_of(values, kind, 7) == [
        f' s="7"{typed}>{cell}</c>' if cell else ' s="7" />' for cell in cells
    ]


def test_rows_xml__puts_each_cell_in_its_place():
    columns = [[text_cell("Total", 1)], [formula_cell("SUBTOTAL(109,D[A & B])", 2)]]
    (row,) = rows_xml(columns, ["A", "B"], first=9)
    assert row.decode() == (
        '<row r="9"><c r="A9" s="1" t="inlineStr"><is><t>Total</t></is></c>'
        '<c r="B9" s="2"><f>SUBTOTAL(109,D[A &amp; B])</f><v /></c></row>'
    )


def test_text__keeps_its_spaces_and_no_more_than_a_cell_holds():
    assert '<t xml:space="preserve"> a</t>' in text_cell(" a", 0)
    assert '<t xml:space="preserve">a\nb</t>' in text_cell("a\nb", 0)
    assert clean("a\x00b" + "c" * 40_000) == "a�b" + "c" * 32_764
