"""Asking about chosen deals, about planned changes, and as a page of its own."""

from __future__ import annotations

import pytest

import opp_analytics as oa
from opp_analytics.answers import CATALOG
from tests.pipelines import THIS_WEEK, pipeline
from tests.report.reading import read

CHOSEN = [key for key, question in CATALOG.items() if "deals" in question.filters]


@pytest.mark.parametrize("key", CHOSEN)
def test_ask__about_chosen_deals_has_no_others_and_judges_each_as_before(
    key: str, history: oa.History
) -> None:
    frame = pipeline(THIS_WEEK)
    whole = oa.ask(key, frame, history)
    every = oa.ask(key, frame, history, deals=frame["unique_id"])
    some = oa.ask(key, frame, history, deals=frame["unique_id"].head(3))
    assert every.tables == whole.tables or key == "categories"
    chosen = set(frame["unique_id"].head(3))
    before = whole.tables[0].rows if whole.tables else ()
    for table in some.tables:
        for row in table.rows:
            behind = some.opens(row) if row.kind != "deal" else None
            listed = behind.tables[0].rows if behind and behind.tables else [row]
            assert {one.id for one in listed if one.kind == "deal"} <= chosen
            if row.kind == "deal" and row.id in {one.id for one in before}:
                assert row in {one.id: one for one in before}.values()


def test_ask__about_edited_deals_is_asking_of_them_and_says_beside_what_changed() -> None:
    frame = pipeline(THIS_WEEK)
    edited = frame.copy()
    edited.loc[frame["unique_id"] == "a", "value"] += 10_000.0
    now, then = oa.ask("stages", frame, edited=edited), oa.ask("stages", frame)
    assert now.tables == oa.ask("stages", edited).tables
    table = now.beside(then).to_frame().set_index("id")
    assert table["planned_change"].dropna().to_dict() == {"negotiation": 10_000.0}
    forecast = oa.ask("will_we_make_it", frame, edited=edited)
    beside = forecast.beside(oa.ask("will_we_make_it", frame))
    words = {one.column: one.words for one in beside.figures}
    assert words["expected"] == "without the changes 166K"
    assert forecast.beside(forecast).to_frame()["planned_change"].isna().all()


def test_ask__about_a_deal_that_changes_hands_counts_it_in_the_new_team() -> None:
    teams = [{"owner_name": "Ann", "team": "East"}, {"owner_name": "Bo & Co", "team": "West"}]
    org = oa.Org(people=teams)
    frame = org.apply(pipeline(THIS_WEEK))
    edited = frame.assign(owner_name=frame["owner_name"].mask(frame["unique_id"] == "a", "Bo & Co"))
    (table,) = oa.ask("people", frame, org=org, edited=edited).tables
    due = {row.id: row.values["open_value"] for row in table.rows if row.kind == "team"}
    assert due["West · (all)"] == 120_000.0


def test_beside__names_rows_that_are_gone(history: oa.History) -> None:
    frame = pipeline(THIS_WEEK)
    flagged = oa.ask("at_risk", frame, history)
    first = flagged.tables[0].rows[0]
    left = oa.ask("at_risk", frame, history, edited=frame[frame["unique_id"] != first.id])
    notes = [left.say(note) for note in left.beside(flagged).notes]
    assert any(note.startswith(f"No longer here: {first.name.value} ") for note in notes)


def test_to_html__is_a_page_with_the_picture_that_asks_for_nothing(history: oa.History) -> None:
    page = oa.ask("win_rates", pipeline(THIS_WEEK), history).to_html()
    assert page.startswith("<!doctype html>")
    assert "<svg" in page
    tags = {node.tag for node in read(page).root.iter()}
    assert not {"script", "link", "img"} & tags
