"""A bar of money, as answers draw it."""

from __future__ import annotations

from opp_analytics import text
from opp_analytics.answers.context import Context
from opp_analytics.charts import Place, make_bar


def make_money_bar(context: Context, name: str, value: float, deals: float, key: str = "") -> Place:
    """Make a bar of money, with its number of deals for a screen reader."""
    figure = context.money(value)
    title = f"{name}: {figure}, {text.count(int(deals))}"
    return make_bar(name, float(value), figures=(figure,), title=title, key=key)
