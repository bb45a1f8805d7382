"""Each drawing shows what it showed when ``drawings.toml`` was looked at and stored."""

from __future__ import annotations

import re
import tomllib

import pandas as pd
import pytest

from opp_analytics import errors, plots
from tests.plots import reading
from tests.plots.cases import CASES, FILE, read
from tests.plots.tables import TABLES

STORED = tomllib.loads(FILE.read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(CASES))
def test_drawing__is_read_as_stored(name: str) -> None:
    before = CASES[name].copy()
    assert read(name) == STORED[name]
    pd.testing.assert_frame_equal(CASES[name], before)


def test_stored__is_what_is_drawn_and_every_drawing_is() -> None:
    assert STORED.keys() == CASES.keys()
    assert {name.partition(",")[0] for name in CASES} == {*plots.DRAWINGS}


def test_drawings__name_the_function_that_makes_their_table() -> None:
    for name in plots.DRAWINGS:
        with pytest.raises(errors.MissingColumnError, match=name):
            getattr(plots, name)(pd.DataFrame({"a": [1]}))


@pytest.mark.parametrize("name", sorted(TABLES))
def test_drawings__of_no_rows_say_so(name: str) -> None:
    said = reading.texts(getattr(plots, name)(TABLES[name].iloc[:0]))
    assert any(re.search(r"\b(no|not|nothing|too few)\b", words.casefold()) for words in said), said


@pytest.mark.parametrize(
    "name",
    [
        "forecast",
        "forecast_categories",
        "forecast_change",
        "slippage",
        "waterfall",
        "win_rate_curve",
    ],
)
def test_drawings__of_one_subject_refuse_groups(name: str) -> None:
    table = pd.concat({"Ann": TABLES[name], "Bo": TABLES[name]}, names=["owner_name"])
    with pytest.raises(errors.ArgumentValueError, match=r"table\.xs\('Ann', level='owner_name'\)"):
        getattr(plots, name)(table)
