"""`track_record`: past forecasts with their ranges, and what closed in the end."""

from __future__ import annotations

import pandas as pd

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.svg import marks
from opp_analytics.svg.axis import axis
from opp_analytics.svg.rows import Row, Rows


def track_record(table: pd.DataFrame) -> Rows:
    """Past forecasts, the latest first: range and forecast in blue, what closed as a point.

    Parameters
    ----------
    table : DataFrame
        From `oa.track_record`, or some of its rows.
    """
    money, freq = money_of(table), table.attrs.get("freq")
    scale = axis([*table["high"], *table["expected"], *table["actual"]])
    ticks = marks.scale_labels(
        [(scale.at(tick), money(tick)) for tick in scale.ticks(3) if scale.at(tick) < 90]
    )
    rows = []
    for name, row in table.iloc[::-1].iterrows():
        period = text.period_name(str(name), freq, today=table.attrs["as_of"], short=True)
        said = (
            f"{period}: range {money(row['low'])} to {money(row['high'])}, forecast {money(row['expected'])}, "
            f"closed {money(row['actual'])}"
        )
        drawn = [
            marks.bar(scale.at(row["low"]), scale.at(row["high"]), y=6, height=12, fill="band"),
            marks.down(scale.at(row["expected"]), top=4, bottom=20, line="hi"),
            marks.dot(scale.at(row["actual"]), 12, fill="ink"),
            marks.hint(said),
        ]
        rows.append(
            Row(
                text.capital(period),
                marks.picture(*drawn, height=24, said=said),
                ("yes" if row["held"] else "no",),
                note=f"{text.count(int(row['days_before']), 'day')} left",
                key=str(name),
            )
        )
    return Rows(
        tuple(rows),
        heads=("", "In range?"),
        axis=marks.picture(*ticks, height=14, said="Scale in money"),
        label_width=120,
    )
