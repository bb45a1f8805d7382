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
    data, _ = oa.edit(frame)._repr_mimebundle_()
    heads, first, *rest = re.findall(r"<tr.*?>(.*?)</tr>", data["text/html"], re.S)
    assert re.findall(r"<th>(.*?)</th>", heads) == ["Deal", "Stage", "Value", "Close date"]
    assert re.findall(r"<td>(.*?)</td>", first) == [
        "&lt;b&gt;Acme&lt;/b&gt;",
        "closed won",
        "1,200",
        "Nov 22, 2026",
    ]
    assert len(rest) == 9
    assert data["text/html"].endswith("<p>… and 2 more deals</p>")
    assert "application/vnd.jupyter.widget-view+json" in data
