"""The organization's own look, and alerts: what holds is said with its figures, what is not known is warned of."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.errors import ArgumentValueError, DataError
from opp_analytics.report.settings import Look, find_alerts, read_look


def test_read_look__of_nothing_is_the_usual_one():
    assert read_look({"freq": "M"}) == Look()


def test_read_look__holds_the_logo_itself(tmp_path):
    (tmp_path / "logo.PNG").write_bytes(b"\x89PNG")
    look = read_look(
        {"title": "Monday", "accent": "#7a1fa2", "logo": str(tmp_path / "logo.PNG"), "blocks": ["fix"]}
    )
    assert look == Look("Monday", "#7a1fa2", "data:image/png;base64,iVBORw==", ("fix",))


def test_read_look__refuses_what_is_no_logo(tmp_path):
    with pytest.raises(DataError, match="none.png does not exist"):
        read_look({"logo": str(tmp_path / "none.png")})
    (tmp_path / "big.svg").write_bytes(b"x" * 200_001)
    with pytest.raises(ArgumentValueError, match="200,001 bytes; use one of at most 200,000"):
        read_look({"logo": str(tmp_path / "big.svg")})
    with pytest.raises(ArgumentValueError, match=r"is not a picture; use one of \.png"):
        read_look({"logo": "logo.pdf"})


ROW = pd.Series(
    {"booked": 70_000.0, "expected": 180_000.0, "target": 200_000.0, "p_target": 0.31, "attainment": math.nan}
)


def said(conditions, row=ROW):
    return list(find_alerts(conditions, row, period="March", currency="USD"))


def test_find_alerts__that_hold_are_said_with_the_figures_that_they_read():
    assert said("p_target < 0.5") == ["Alert for March: p_target < 0.5 (p_target is 31%)."]
    assert said("expected < 0.95 * target and booked > 0") == [
        "Alert for March: expected < 0.95 * target and booked > 0 (expected is $180,000, target is $200,000 and booked is $70,000)."
    ]


def test_find_alerts__that_do_not_hold_are_not_said():
    assert said("p_target < 0.3") == []
    assert said(None) == []
    assert said(["p_target < 0.3", "booked >= 70000"]) == [
        "Alert for March: booked >= 70000 (booked is $70,000)."
    ]


def test_find_alerts__on_a_figure_that_is_not_known_are_warned_of():
    with pytest.warns(
        errors.DataWarning, match=r"'attainment < 1' cannot be judged for March: attainment is not known"
    ):
        assert said("attainment < 1") == []


@pytest.mark.parametrize("condition", ["booked / 0 > 1", "expected / (booked - 70000) > 1"])
def test_find_alerts__that_divide_by_zero_are_warned_of(condition):
    with pytest.warns(errors.DataWarning, match="cannot be judged for March: it divides by zero"):
        assert said(condition) == []
