"""Which data to fix first: the audit's findings by money."""

from __future__ import annotations

from importlib import import_module

import opp_analytics as oa
from tests.pipelines import AS_OF, THIS_WEEK, pipeline


def _ask(rows):
    return oa.ask("data_to_fix", pipeline(rows), as_of=AS_OF)


def test_data_to_fix__of_clean_data_says_how_much_was_checked():
    assert _ask(THIS_WEEK[4:5]).sentence == "The audit found nothing to fix in 1 deal."
    assert _ask([]).sentence == "There is no deal to audit."
    assert _ask([]).tables == ()


def test_data_to_fix__ranks_by_money_and_folds_closed_deals():
    rows = [
        ("a", "Alder", 40.0, "proposal", "odd", "2026-04-15", 50, "Ann"),
        ("b", "Birch", 70.0, "closed_won", "odd", "2026-03-03", 100, "Ann"),
        ("d", "Damson", 20.0, "proposal", "active", "2026-03-13", 50, "Ann"),
    ]
    answer = _ask(rows)
    listed = {row.id: row for row in answer.tables[0].rows}
    values = [row.values["value"] for row in listed.values()]
    assert values == sorted(values, reverse=True)
    odd = listed["unknown_status"]
    assert odd.values == {"deals": 2, "value": 110.0, "open_count": 1, "open_value": 40.0}
    behind = answer.opens(odd)
    assert [
        (row.name.write(None), row.values["value"], row.folded) for row in behind.tables[0].rows
    ] == [("Alder", 40.0, False), ("Birch", 70.0, True)]
    assert behind.say(behind.notes[0]).startswith("2 deals: 1 open and 1 won")


def test_data_to_fix__counts_the_groups_of_what_may_be_entered_twice():
    twice = [(key, "Alder", 40.0, "proposal", "active", "2026-04-15", 40, "Ann") for key in "abc"]
    alike = pipeline(twice).assign(account_id="one")
    answer = oa.ask("data_to_fix", alike, as_of=AS_OF)
    (row,) = answer.tables[0].rows
    assert (row.values["deals"], answer.say(row.words["deals"])) == (3, "In 1 group")
    assert "3 in 1 group" in answer.write()


def test_data_to_fix__lists_of_very_many_findings_the_first(monkeypatch):
    monkeypatch.setattr(import_module("opp_analytics.answers.data_to_fix"), "_MOST", 2)
    wrong = [(key, "Alder", -1.0, "proposal", "odd", "2026-04-15", 50, "Ann") for key in "ab"]
    findings = oa.audit(pipeline(wrong), as_of=AS_OF)
    *listed, last = _ask(wrong).tables[1].rows
    assert [row.values["check"] for row in listed] == findings["check"].head(2).tolist()
    assert last.name.value == f"{len(findings) - 2} more findings; oa.audit lists all"
