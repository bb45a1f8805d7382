"""`stage_flow`: the deals that entered each stage, and where they are now."""

from __future__ import annotations

import pandas as pd

from opp_analytics import text
from opp_analytics.svg import marks
from opp_analytics.svg.rows import Row, Rows
from opp_analytics.svg.shares import Part, shares

_PARTS: tuple[tuple[str, marks.Fill, str], ...] = (
    ("advanced", "hi", "moved on"),
    ("lost", "mute", "lost"),
    ("back", "bar", "back"),
    ("removed", "bar", "removed"),
    ("still", "pale", "open"),
)


def stage_flow(table: pd.DataFrame) -> Rows:
    """Deals that entered each stage: moved on, lost, moved back, removed, still there; stages in their order.

    Parameters
    ----------
    table : DataFrame
        From `oa.stage_flow`, without groups or by pipeline.
    """
    whole = float(table["entries"].max() or 1)
    rows: list[Row] = []
    for stage, row in table.iterrows():
        parts_of_name = stage if isinstance(stage, tuple) else (stage,)
        name = text.capital(" · ".join(text.label(part) for part in parts_of_name))
        parts = [
            Part(
                float(row[column]),
                fill,
                # Only the first row has the words.
                (f"{int(row[column]):,} {words}", f"{int(row[column]):,}")
                if not rows
                else (f"{int(row[column]):,}",),
                f"{name}: {int(row[column]):,} {words}",
            )
            for column, fill, words in _PARTS
        ]
        said = f"{name}: " + ", ".join(part.title.partition(": ")[2] for part in parts if part.amount)
        drawn = shares(parts, whole=whole, said=said)
        figures = (text.percent(row["conversion"]), text.number(row["median_days"]))
        rows.append(Row(name, drawn, figures, key=str(parts_of_name[-1])))
    return Rows(
        tuple(rows),
        heads=("Stage", "Moved on", "Median days"),
        label_width=112,
        figure_width=60,
        stacked=True,
    )
