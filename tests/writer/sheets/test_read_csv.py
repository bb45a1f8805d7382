from __future__ import annotations

from pathlib import Path

from opp_analytics.writer import plan, read_csv, to_csv
from tests.writer.sheets.workbooks import awkward


def test_read_csv__takes_dtypes_from_before_and_numbers_rows_as_a_spreadsheet_does(tmp_path: Path) -> None:
    frame = awkward()
    file = to_csv(frame, tmp_path / "deals.csv")
    assert plan(frame, read_csv(file, frame)).changes["field"].tolist() == ["name"]
    lines = file.read_text(encoding="utf-8-sig").split("\n")
    lines[1:2] = ["", lines[1].replace("proposal", "sold")]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert plan(frame, read_csv(file, frame)).problems[["row", "value"]].to_numpy().tolist() == [[3, "sold"]]
