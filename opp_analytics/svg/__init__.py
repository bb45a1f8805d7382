"""Pictures for the page and the notebook's panel: prepared charts as SVG text.

The SVG stretches, hovers and follows dark mode.

How to use it
-------------
Put `stylesheet()` once into the page or widget. Then:

- ``draw(chart)`` renders what `opp_analytics.charts` prepared: HTML text, or `Rows`, a row chart
  whose ``html()`` is the text; ``html(opened)`` lets each row open to HTML of yours, such as its
  deals. ``bullet`` gives the picture of one row for a tile; ``list_progress`` and ``list_months``
  the scale and the pictures of all rows of a table.
- A picture names no color and sets no width: it fills its place. Numbers come from `text`.
- New pictures are made of the marks in `opp_analytics.svg.marks` on an ``axis``: percent across,
  pixels down. Every word in them is escaped.
"""

from opp_analytics.charts import ChartData
from opp_analytics.svg.marks import Axis, axis, stylesheet
from opp_analytics.svg.over_time import (
    bullet,
    draw_columns,
    draw_fan,
    list_months,
    list_progress,
    month,
    progress,
)
from opp_analytics.svg.row_charts import DrawnRow, Rows, draw_rows


def draw(chart: ChartData) -> Rows | str:
    """Draw a prepared chart: rows, columns, or curves over time as HTML text."""
    if not chart.upright:
        return draw_rows(chart)
    return draw_fan(chart) if chart.curves else draw_columns(chart)
