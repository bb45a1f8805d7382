"""A tear sheet has every panel, whatever the history holds, and no text of it covers another."""

from __future__ import annotations

from typing import Any

import matplotlib
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import opp_analytics as oa
from opp_analytics import History, errors, org, plots
from tests.plots import reading
from tests.plots.frames import FRAMES, LOOKS, past_and_now

PANELS = 19


def titles(sheet: Any) -> list[str]:
    return [reading.title(ax).replace("\n", " ") for ax in sheet.axes]


def test_tear_sheet__has_every_panel_under_its_finding(tmp_path):
    frame = org.conform(FRAMES["seven groups, billions"])
    history = past_and_now(frame, tmp_path / "history")
    sheet = plots.tear_sheet(history, target=1e13)
    assert len(sheet.axes) == PANELS
    found = oa.forecast(
        history.as_of("2026-03-31T12:00Z"), as_of="2026-03-31", history=history, target=1e13
    )
    assert titles(sheet)[0] == reading.title(plots.forecast(found)).replace("\n", " ")
    assert "Mar 31, 2026" in sheet.findobj(matplotlib.text.Text)[0].get_text()
    # What needs more records says so, and what needs calls.
    lacking = dict(
        zip(titles(sheet), (" ".join(reading.texts(ax)) for ax in sheet.axes), strict=True)
    )
    assert "keep recording" in lacking["Past ranges"].replace("\n", " ")
    assert "calls" in lacking["Calls"]


@pytest.mark.slow
def test_tear_sheet__knows_nothing_after_its_day(tmp_path):
    frame = org.conform(FRAMES["seven groups, billions"])
    history = past_and_now(frame, tmp_path / "history")
    sheet = plots.tear_sheet(history, as_of="2026-03-10")
    words = [text.get_text() for text in sheet.findobj(matplotlib.text.Text)]
    assert "300 deals in 2 records, Feb 28 to Mar 10, 2026" in words
    with pytest.raises(errors.NotEnoughHistory, match="does not reach back"):
        plots.tear_sheet(history, as_of="2025-01-01")


def test_tear_sheet__of_no_record_says_so_in_every_panel(tmp_path):
    sheet = plots.tear_sheet(History(tmp_path / "history"))
    assert len(sheet.axes) == PANELS
    assert all("no record yet" in " ".join(reading.texts(ax)) for ax in sheet.axes)


def test_tear_sheet__of_one_record_of_one_deal_without_owners(tmp_path):
    frame = org.conform(FRAMES["one deal"]).drop(columns="owner_name")
    history = History(tmp_path / "history")
    history.record(frame, at="2026-03-31T12:00Z")
    sheet = plots.tear_sheet(history)
    assert len(sheet.axes) == PANELS
    assert any("owner_name" in word for ax in sheet.axes for word in reading.texts(ax))


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
def test_tear_sheet__of_sixty_people_with_long_names_stays_readable(look, tmp_path):
    frame = org.conform(FRAMES["sixty long names"])
    history = past_and_now(frame, tmp_path / "history")
    with matplotlib.rc_context(LOOKS[look]):
        sheet = plots.tear_sheet(history, target=1e6)
        FigureCanvasAgg(sheet).draw()
        assert reading.faults(sheet) == []
    assert any(
        "45 rows not shown" in reading.caption(ax)
        for ax in sheet.axes
        if "rows not shown" in str(reading.texts(ax))
    )


@pytest.mark.parametrize(
    ("options", "message"), [({"freq": "fortnight"}, "freq="), ({"as_of": "yesterday"}, "as_of=")]
)
def test_tear_sheet__refuses_what_it_cannot_read(options, message, tmp_path):
    history = past_and_now(org.conform(FRAMES["one deal"]), tmp_path / "history")
    with pytest.raises(errors.ArgumentError, match=message):
        plots.tear_sheet(history, **options)
    with pytest.raises(errors.ArgumentTypeError, match="not a History"):
        plots.tear_sheet(pd.DataFrame())  # type: ignore[arg-type]
