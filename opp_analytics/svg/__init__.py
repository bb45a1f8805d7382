"""Pictures for the page and the notebook's panel: result tables as SVG text.

The SVG stretches, hovers and follows dark mode.

How to use it
-------------
Put `stylesheet()` once into the page or widget. Then:

- A function with the name of an analysis renders its result table, as `opp_analytics.charts`
  prepares it. ``forecast_fan(table)`` and ``pipeline_created(table)`` give HTML text; the others
  and ``bars`` give `Rows`, a row chart whose ``html()`` is the text; ``html(opened)`` lets each row
  open to HTML of yours, such as its deals. ``bullet``, ``progress``, ``month`` and ``swing`` give
  the picture of one row for a tile or a table's cell; ``list_progress``, ``list_months`` and
  ``list_swings`` the scale and the pictures of all rows of a table.
- A picture names no color and sets no width: it fills its place. Titles come from
  ``oa.sentence(table)``, numbers from `text`.
- New pictures are made of the marks in `opp_analytics.svg.marks` on an ``axis``: percent across,
  pixels down. Every word in them is escaped.
"""

from opp_analytics.svg.marks import Axis, axis, stylesheet
from opp_analytics.svg.over_time import (
    bullet,
    forecast_fan,
    list_months,
    list_progress,
    month,
    month_axis,
    pipeline_created,
    progress,
    progress_axis,
)
from opp_analytics.svg.row_charts import (
    Row,
    Rows,
    backtest,
    bars,
    forecast_categories,
    forecast_change,
    list_swings,
    make_bar,
    slippage,
    stage_flow,
    swing,
    waterfall,
    win_rate,
)
