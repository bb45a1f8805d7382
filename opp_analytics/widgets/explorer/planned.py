"""Effect of a grid's planned changes on an explorer view: a chart column, and figures."""

from __future__ import annotations

from dataclasses import replace

from opp_analytics import text
from opp_analytics.svg import Rows
from opp_analytics.widgets.explorer.views.view import Kpi, View


def add_planned(chart: Rows, view: View, before: View) -> tuple[Rows, list[str]]:
    """Add the difference that planned changes make to each row.

    Rows that the changes empty get a note.
    """
    moved = view.amounts.sub(before.amounts, fill_value=0.0)
    if moved.empty:
        return chart, []
    change = {str(key): round(float(amount), 2) for key, amount in moved.items()}
    rows = []
    for row in chart.rows:
        amount = change.pop(row.key, 0.0)
        shown = view.money(amount, signed=True) if amount else text.MISSING
        rows.append(replace(row, figures=(*row.figures, shown)))
    gone = [
        f"{view.name_row(key)} {view.money(amount, signed=True)}"
        for key, amount in change.items()
        if amount
    ]
    notes = (
        [f"Planned changes also move what is not drawn: {text.joined(gone, most=5)}."]
        if gone
        else []
    )
    return replace(chart, rows=tuple(rows), heads=(*chart.heads, "Planned\nchange")), notes


def compare_kpis(kpis: list[Kpi], before: list[Kpi]) -> list[Kpi]:
    """Say beside each figure that planned changes move what it is without them."""
    figures = {kpi.name: kpi.figure for kpi in before}
    return [
        kpi
        if figures.get(kpi.name, kpi.figure) == kpi.figure
        else kpi._replace(note=f"without the changes {figures[kpi.name]}")
        for kpi in kpis
    ]
