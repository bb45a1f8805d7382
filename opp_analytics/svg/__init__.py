"""Pictures for the page and the notebook's panel: a result table becomes SVG text that stretches, hovers and follows dark mode.

How to use it
-------------
Put `stylesheet()` once into the page or widget. Then:

- A function with the name of an analysis draws its result table. ``forecast_fan(table)`` and ``pipeline_created(table)``
  give HTML text. ``waterfall``, ``forecast_change``, ``forecast_categories``, ``slippage``, ``track_record``, ``stage_flow``,
  ``win_rate`` and ``bars`` give `Rows`, a row chart whose ``html()`` is the text; ``html(opened)`` lets each row open to HTML
  of yours, such as its deals. ``bullet``, ``progress`` and ``month`` draw one row of a forecast for a tile or a table's cell.
- A drawing never computes, names no color and sets no width: it fills its place. Titles come from ``oa.sentence(table)``,
  numbers from `text`.
- New pictures are made of marks (``bar``, ``across``, ``down``, ``dot``, ``ring``, ``label``, ``inside``, ``area`` and
  ``polyline`` in a ``plane``) on an ``axis``: percent across, pixels down. Every word in them is escaped.

>>> from opp_analytics import svg
>>> scale = svg.axis([80.0, 120.0])
>>> zoe = svg.bar(0, scale.at(80), y=4, height=16, fill="hi", title="Zoe: 80")
>>> picture = svg.picture(zoe, height=24, said="Zoe: 80")
>>> '<title>Zoe: 80</title>' in picture
True
"""

from opp_analytics.org import Money, money_of
from opp_analytics.svg.forecast import bullet, month, month_axis, progress, progress_axis
from opp_analytics.svg.marks import (
    Axis,
    across,
    area,
    axis,
    bar,
    dot,
    down,
    focusable,
    hint,
    inside,
    label,
    picture,
    plane,
    polyline,
    ring,
    scale_labels,
)
from opp_analytics.svg.over_time import forecast_fan, pipeline_created
from opp_analytics.svg.row_charts import (
    Amount,
    bars,
    forecast_categories,
    forecast_change,
    slippage,
    stage_flow,
    swing,
    track_record,
    waterfall,
    win_rate,
)
from opp_analytics.svg.rows import Row, Rows
from opp_analytics.svg.style import contrast, stylesheet

__all__ = [
    "Amount",
    "Axis",
    "Money",
    "Row",
    "Rows",
    "across",
    "area",
    "axis",
    "bar",
    "bars",
    "bullet",
    "contrast",
    "dot",
    "down",
    "focusable",
    "forecast_categories",
    "forecast_change",
    "forecast_fan",
    "hint",
    "inside",
    "label",
    "money_of",
    "month",
    "month_axis",
    "picture",
    "pipeline_created",
    "plane",
    "polyline",
    "progress",
    "progress_axis",
    "ring",
    "scale_labels",
    "slippage",
    "stage_flow",
    "stylesheet",
    "swing",
    "track_record",
    "waterfall",
    "win_rate",
]
