from __future__ import annotations

import pytest

from opp_analytics.errors import ArgumentValueError
from opp_analytics.widgets.grid.bulk import bulk
from opp_analytics.widgets.grid.sheet import Sheet
from tests.writer.frames import opportunities


def test_bulk__sets_shifts_and_moves_to_the_end_of_the_month_in_one_step_each():
    frame = opportunities(3)
    frame.loc[1, "close_date"] = None
    sheet = Sheet(frame.assign(owner_name="Ann"))
    dates = lambda: [sheet.column["close_date"].wire(day) for day in sheet.edited["close_date"]]  # noqa: E731
    assert bulk(sheet, [0, 1, 2], "set", field="owner_name", text="Bo").said == "Set Owner in 3 deals"
    assert bulk(sheet, [0, 1], "shift", text="-25").said == "Moved 1 close date by −25 days"
    assert bulk(sheet, [0, 1, 2], "month_end").said == "Moved 1 close date to the end of its month"
    assert sheet.edited["owner_name"].tolist() == ["Bo"] * 3
    assert dates() == ["2026-06-30", None, "2026-06-30"]
    sheet.undo()
    assert dates() == ["2026-06-05", None, "2026-06-30"]
    sheet.undo()
    sheet.undo()
    assert sheet.changes == 0


@pytest.mark.parametrize("text", ["", "soon", "1.5", "40000"])
def test_bulk__refuses_what_is_no_number_of_days(text):
    with pytest.raises(ArgumentValueError, match="is not a number of days. Try 7 or -30."):
        bulk(Sheet(opportunities(1)), [0], "shift", text=text)
