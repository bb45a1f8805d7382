from __future__ import annotations

from pathlib import Path

import pandas as pd

from opp_analytics.writer import plan, read_csv, to_csv
from tests.writer.sheets.workbooks import awkward, cells


def test_to_csv__read_gives_the_same_cells(tmp_path: Path) -> None:
    frame = awkward().drop(columns="score")
    file = to_csv(frame, tmp_path / "deals.csv")
    made = plan(frame, read_csv(file))
    assert made.changes[["field", "before", "after"]].to_numpy().tolist() == [["name", " spaced ", "spaced"]]
    assert made.problems.empty
    text = file.read_text(encoding="utf-8-sig").replace(",2026-06-30,", ",31.12.2026,")
    file.write_text(text.replace(",", ";"), encoding="utf-8")
    assert set(cells(plan(frame, read_csv(file)))) >= {
        ("o000", "update", "close_date", pd.Timestamp("2026-12-31"))
    }
