"""What every drawing owes the eye: nothing cut off, no labels on top of each other, in large text
on a dark figure, whatever the names and amounts."""

from typing import Any

import matplotlib
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from opp_analytics import plots
from opp_analytics.columns import find_unit
from tests.plots import reading
from tests.plots.cases import CASES

LARGE: Any = {
    "figure.facecolor": "#111418",
    "axes.facecolor": "#111418",
    "font.size": 13.0,
}
_LONG = "An extraordinarily long customer name $ with_underscores & Söhne GmbH, Zweigstelle Nr."
_NAMES = {short: f"{_LONG} {short}" for short in ("Ann", "Bo", "East", "West", "Acme", "Bolt")}


def _stretch(table: pd.DataFrame) -> pd.DataFrame:
    """The table with large amounts, and long names in place of short ones."""
    money = [name for name in map(str, table.select_dtypes("number")) if find_unit(name) == "money"]
    long = table.assign(**{name: table[name] * 1e7 for name in money}).rename(index=_NAMES)
    return long.assign(name=long["name"].replace(_NAMES)) if "name" in long else long


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES))
def test_drawings__cut_nothing_off_and_no_text_covers_another(name: str) -> None:
    with matplotlib.rc_context(LARGE):
        ax = getattr(plots, name.partition(",")[0])(_stretch(CASES[name]))
        FigureCanvasAgg(ax.figure).draw()
        assert reading.faults(ax.figure) == []
