"""Marks and axes of pictures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opp_analytics import charts, svg
from opp_analytics.svg import marks
from tests.svg import reading

NASTY = "<script>\"'&"


def test_marks__escape_every_word() -> None:
    html = marks.picture(
        marks.bar(0, 50, y=1, height=2, fill="hi", title=NASTY),
        marks.label(5, 5, NASTY),
        marks.focusable(left=0, right=10, height=20, said=NASTY),
        marks.hint(NASTY),
        height=20,
        said=NASTY,
    )
    assert "<script" not in html
    assert reading.texts(html) == [NASTY]
    assert set(reading.titles(html)) == {NASTY}


def test_bar__spans_its_ends_and_vanishes_at_nothing() -> None:
    html = marks.picture(
        marks.bar(10, 35.5, y=4, height=16, fill="hi"),
        marks.bar(7, 7, y=4, height=16, fill="hi"),
        height=24,
        said="x",
    )
    assert reading.marks(html, "rect", "f-hi") == [{"x": 10, "y": 4, "width": 25.5, "height": 16}]


@given(st.floats(0, 100), st.floats(0, 100))
def test_inside__one_form_at_most_is_drawn_at_any_width(left: float, right: float) -> None:
    html = marks.picture(marks.inside(left, right, 10, ["slipped 51%", "51%"]), height=20, said="x")
    seen = [(found.get("class") or "").split() for found in reading.parse(html).iter("text")]
    for width in range(40, 2000, 7):
        drawn = [classes for classes in seen if _drawn(classes, width)]
        assert len(drawn) <= 1
        if drawn and width * (right - left) / 100 < 20:
            raise AssertionError("a label is drawn in a bar shorter than itself")


@given(st.lists(st.integers(1, 100), min_size=1, max_size=5))
def test_beneath__names_at_each_width_just_the_parts_whose_words_are_not_inside(
    sizes: list[int],
) -> None:
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    parts = [
        charts.BarMark(end - size, end, "mute", forms=(f"part {place} {size}%", f"{size}%"))
        for place, (size, end) in enumerate(zip(sizes, ends, strict=True))
    ]
    place, scale = charts.Place("", tuple(parts)), marks.Axis(ends[-1])
    drawn = marks.draw_marks(place, scale, height=24, thick=16)
    root = reading.parse(
        marks.picture(*drawn, height=24, said="x", below=marks.beneath(place, scale))
    )
    inside, below = ([*root.iter(tag)] for tag in ("text", "span"))
    for width in range(40, 2000, 7):
        words = {
            found.text for found in inside if _drawn((found.get("class") or "").split(), width)
        }
        named = {
            "".join(found.itertext())
            for found in below
            if found.get("class") not in ("pic", "named")
            and _drawn((found.get("class") or "").split(), width)
        }
        whole = {part.forms[0] for part in parts}
        assert named == whole - words


def _drawn(classes: list[str], width: float) -> bool:
    starts = [int(name.removeprefix("from")) for name in classes if name.startswith("from")]
    ends = [int(name.removeprefix("below")) for name in classes if name.startswith("below")]
    return all(width >= start for start in starts) and all(width < end for end in ends)


def test_scale_labels__thin_out_before_they_touch() -> None:
    html = marks.picture(
        *marks.scale_labels([(0, "$0"), (25, "$200K"), (50, "$400K")]), height=14, said="x"
    )
    needs = ["".join(found.get("class") or "") for found in reading.parse(html).iter("text")]
    # 35 pixels of text and 8 of air in a quarter of the picture: from 172 pixels on.
    assert needs == ["t-quiet from100", "t-quiet from180", "t-quiet from100"]


@given(st.floats(1e-3, 1e13), st.integers(1, 6))
def test_ticks__are_round_few_and_inside(top: float, most: int) -> None:
    ticks = svg.Axis(top).ticks(most)
    assert ticks[0] == 0
    assert len(ticks) <= most + 1
    assert ticks[-1] <= top * (1 + 1e-9)


@given(st.lists(st.integers(0, 10**12), max_size=5))
def test_axis__holds_every_amount_in_order(amounts: list[int]) -> None:
    scale = svg.axis(amounts)
    places = [scale.at(amount) for amount in sorted(amounts)]
    assert places == sorted(places)
    assert all(0 <= place < 100 for place in places)


def test_axis__ends_at_its_ends() -> None:
    assert [svg.Axis(200).at(50), svg.Axis(100, 340, 40).at(50), svg.Axis(10).at(11)] == [
        25.0,
        190.0,
        100.0,
    ]
    assert svg.axis([]).top == 1.0
    assert svg.axis([200.0, float("nan"), 100.0]).at(200) < 100
