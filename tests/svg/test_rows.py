"""Row charts: label, picture, figures; a row that holds deals opens."""

from __future__ import annotations

from opp_analytics import svg
from opp_analytics.svg import marks
from tests.svg import reading

ROWS = svg.Rows(
    (
        svg.Row("Zoe & Co <b>", marks.picture(height=20, said="a bar"), ("$5", "2"), note="late"),
        svg.Row("All", marks.picture(height=20, said="a bar"), ("$9",), strong=True),
    ),
    heads=("Rep", "Value", "Deals"),
)


def test_rows__hold_label_note_and_figures_as_text() -> None:
    tree = reading.parse(ROWS)
    assert ["".join(found.itertext()) for found in tree.iter("span") if found.get("class") == "lab"] == [
        "Zoe & Co <b> · late",
        "All",
    ]
    assert ["".join(found.itertext()) for found in tree.iter("span") if found.get("class") == "fig"] == [
        "Value", "Deals", "$5", "2", "$9",
    ]  # fmt: skip


def test_rows__open_where_there_is_something_behind() -> None:
    tree = reading.parse(ROWS.html(["<p>two deals</p>", ""]))
    opened = list(tree.iter("details"))
    assert len(opened) == 1
    assert "".join(opened[0].itertext()).endswith("two deals")
