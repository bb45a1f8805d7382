"""Which deals are there, in which order, and what each adds to the forecast."""

from __future__ import annotations

import pytest

import opp_analytics as oa
from opp_analytics.answers import CATALOG, list_deals
from tests.pipelines import AS_OF, THIS_WEEK, context_of, pipeline


def _ask(rows):
    answer = oa.ask("deals", pipeline(rows), as_of=AS_OF)
    return answer, {row.id: row for row in answer.tables[0].rows}


def test_deals__have_what_is_stated_and_what_each_adds():
    answer, rows = _ask(THIS_WEEK)
    assert answer.sentence == "4 deals open, worth 180K."
    assert list(rows) == list("dacfeb"), "overdue ones are asked about first"
    alder = {name: rows["a"].values[name] for name in ("outcome", "period", "probability")}
    assert alder == {"outcome": "open", "period": "2026-03", "probability": 80}
    assert (rows["a"].values["in_forecast"], rows["a"].values["expected_value"]) == (96_000, 96_000)
    assert rows["c"].values["expected_value"] == 6_000
    assert (rows["d"].values["risk"], rows["d"].values["reasons"]) == (1, "3 days overdue")
    # Stated chances are none from history, and a column without a value is left out.
    assert "chance" not in answer.tables[0].columns


def test_deals__leave_out_those_closed_before_the_window_of_the_win_rates_and_say_so():
    rows = [
        ("g", "Gorse", 1.0, "closed_won", "won", "2025-03-31", 100, "Ann"),
        ("h", "Hazel", 2.0, "closed_lost", "lost", "2025-04-01", 0, "Ann"),
        ("i", "Iris", 3.0, "proposal", "active", "2025-03-31", 20, "Ann"),
        ("j", "Juniper", 4.0, "closed_lost", "lost", None, 0, "Ann"),
    ]
    answer, listed = _ask([*THIS_WEEK, *rows])
    assert list(listed) == list("diacfejbh")
    assert [key for key, row in listed.items() if not row.folded] == list("diacfe"), "won now"
    assert [answer.say(note) for note in answer.notes] == [
        "Leaves out 1 deal closed before Apr 1, 2025. All deals: opp-analytics export deals.xlsx"
    ]


def test_deals__are_of_many_closed_ones_those_of_the_period_alone(monkeypatch):
    monkeypatch.setattr("opp_analytics.answers.tables._MOST_LISTED", 4)
    rows = [
        ("g", "Gorse", 1.0, "closed_won", "won", "2026-02-27", 100, "Ann"),
        ("h", "Hazel", 2.0, "closed_lost", "lost", "2026-03-02", 0, "Ann"),
        ("i", "Iris", 3.0, "closed_lost", "lost", "2026-04-01", 0, "Ann"),
    ]
    answer, listed = _ask([*THIS_WEEK, *rows])
    assert list(listed) == list("dacfebh")
    assert [answer.say(note) for note in answer.notes] == [
        "Leaves out 2 deals closed before Mar 1, 2026 or dated after Mar 31, 2026. All deals: "
        "opp-analytics export deals.xlsx"
    ]


def test_list_deals__sums_up_the_smaller_of_very_many(monkeypatch):
    monkeypatch.setattr("opp_analytics.answers.deal._MOST_BEHIND", 2)
    context = context_of(pipeline(THIS_WEEK))
    *listed, smaller = list_deals(context, "All", context.deals).tables[0].rows
    assert [row.id for row in listed] == ["a", "e"]
    assert (smaller.kind, smaller.name.value) == ("more", "4 smaller deals")
    assert smaller.values["value"] == 110_000


@pytest.mark.parametrize("key", ["months", "stages", "win_rates", "categories", "past_ranges"])
def test_answers__are_made_once_so_that_page_and_workbook_open_the_same_rows(key):
    context = context_of(pipeline(THIS_WEEK))
    assert CATALOG[key].ask(context) is CATALOG[key].ask(context)
