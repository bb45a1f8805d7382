"""What a code host shows of a grid."""

from __future__ import annotations

import re

import pandas as pd

import opp_analytics as oa


def test_grid__leaves_its_first_rows_where_no_widget_runs() -> None:
    names = ["<b>Acme</b>", None, *(f"Deal {k}" for k in range(10))]
    frame = pd.DataFrame({
        "unique_id": [f"d{k}" for k in range(12)], "name": names, "value": 1200.0, "stage": "closed_won",
        "close_date": "2026-11-22",
    })  # fmt: skip
    data = oa.edit(frame)._static()
    heads, first, *rest = re.findall(r"<tr.*?>(.*?)</tr>", data["text/html"], re.S)
    assert re.findall(r"<th>(.*?)</th>", heads) == ["Deal", "Stage", "Value", "Close date"]
    assert re.findall(r"<td>(.*?)</td>", first) == [
        "&lt;b&gt;Acme&lt;/b&gt;",
        "closed won",
        "1,200",
        "Nov 22, 2026",
    ]
    assert len(rest) == 9
    assert data["text/html"].endswith("<p>… and 2 more deals</p></div>")


def test_still__shows_the_edits_and_changed_deals_first() -> None:
    frame = pd.DataFrame({
        "unique_id": [f"d{k}" for k in range(12)], "name": [f"Deal {k}" for k in range(12)], "value": 1200.0,
        "owner_name": None,
    })  # fmt: skip
    grid = oa.edit(frame)
    grid._sheet.edit([(11, "value", "45k"), (11, "owner_name", "<i>Ann</i>"), (3, "value", "lots")])
    grid._sheet.remove([5])
    page = grid._static()["text/html"]
    assert "<p>3 changes in 2 deals, 1 refused</p>" in page
    rows = [
        re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", page.split("<tbody>")[1])
    ]
    assert rows[:3] == [
        ["<s>Deal 5</s>", "", "<s>1,200</s>"],
        ["Deal 11", "<b>&lt;i&gt;Ann&lt;/i&gt;</b>", "<s>1,200</s> <b>45,000</b>"],
        ["Deal 0", "", "1,200"],
    ]
