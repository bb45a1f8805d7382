"""The way of a plan to a real server and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

import opp_analytics as oa
from opp_analytics.sandbox import Sandbox
from opp_analytics.widgets.grid.effect import ForecastEffect
from opp_analytics.widgets.grid.review import Review, show_receipt, show_review
from opp_analytics.widgets.grid.sheet import EditSheet
from tests.support import Answer, Asked, as_json, client_of, listing, serving
from tests.widgets.grid.refusing import refusing

Desk = tuple[EditSheet, Review, oa.Client]


@pytest.fixture
def desk(tenant: Callable[..., oa.Client], tmp_path, monkeypatch) -> Desk:
    """A sheet of four deals, its review, and the client."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    client = tenant(4)
    sheet = EditSheet(oa.load(client, progress=False))
    return sheet, Review(sheet, client), client


def _id(sheet: EditSheet, row: int) -> str:
    return str(sheet.base_value(row, "unique_id"))


def test_apply__writes_creates_and_deletes_and_undo_takes_it_back(desk: Desk) -> None:
    sheet, review, client = desk
    before = client.get(_id(sheet, 0))["value"]
    sheet.edit([(0, "value", "77"), (1, "close_date", None)])
    sheet.remove([2])
    sheet.add()
    sheet.edit([(4, "name", "Brand new"), (4, "value", "5")])
    review.check()
    assert review.conflicts == {}
    told: list[tuple[int, int]] = []
    assert review.apply(lambda done, total: told.append((done, total)))
    assert told[-1] == (4, 4)
    assert (sheet.counts["changes"], sheet.step_labels) == (0, ("", ""))
    assert client.get(_id(sheet, 0))["value"] == 77
    assert client.get(_id(sheet, 4))["name"] == "Brand new"
    assert len(oa.load(client, refresh="full", progress=False)) == 4
    assert oa.plan(sheet.base, sheet.edited, client=client).changes.empty
    review.undo_run()
    assert review.run is not None
    assert review.run.undone
    assert client.get(_id(sheet, 0))["value"] == before
    assert sheet.base["unique_id"].tolist() == [_id(sheet, row) for row in range(4)]
    held = oa.load(client, refresh="full", progress=False)
    assert oa.plan(held, sheet.edited).changes.empty


def test_apply__goes_on_from_what_the_server_made_of_a_value(desk: Desk, shared_sandbox: Sandbox) -> None:
    sheet, review, _ = desk
    shared_sandbox.faults.normalize = True
    for typed, held in (("10.1289", 10.13), ("11", 11.0)):
        sheet.edit([(0, "value", typed)])
        review.check()
        assert review.conflicts == {}
        assert review.apply()
        assert sheet.base_value(0, "value") == held


def test_choose__settles_each_conflict_and_becomes_part_of_the_plan(desk: Desk) -> None:
    sheet, review, client = desk
    sheet.edit([(0, "value", "10"), (1, "value", "11"), (2, "value", "12"), (3, "value", "13")])
    for row in (0, 1):
        client.update(_id(sheet, row), value=99, probability=5)
    client.delete(_id(sheet, 2))
    review.check()
    assert sorted(review.conflicts) == [(0, "value"), (1, "value"), (2, "value")]
    assert review.undecided == 3
    review.choose((0, "value"), "mine")
    review.choose((1, "value"), "theirs")
    review.choose((2, "value"), "mine")  # a deleted deal leaves no choice
    assert (review.undecided, review.theirs) == (0, 2)
    assert review.apply()
    assert [client.get(_id(sheet, row))["value"] for row in (0, 1, 3)] == [10, 99, 13]
    assert sheet.edited["value"].tolist() == [10, 99, 13]
    assert sheet.edited["probability"].tolist()[:2] == [5, 5]
    assert review.run is not None
    assert (review.run.written, review.run.theirs) == (2, 2)


def test_check__says_who_changed_a_deal_and_when_as_far_as_it_is_known(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    deal = {"unique_id": "a", "name": "Acme", "value": 100.0, "stage": "proposal", "close_date": "2026-06-30"}

    def respond(asked: Asked) -> Answer:
        single = asked.path.rstrip("/").endswith("/a")
        return as_json({"data": {"id": "a", "attributes": deal}}) if single else listing([deal], total=1)

    with serving(respond) as server, client_of(server, tmp_path / "cache") as client:
        sheet = EditSheet(oa.Org(timezone="America/New_York").apply(oa.load(client, progress=False)))
        review = Review(sheet, client)
        sheet.edit([(0, "value", "5")])
        for known, words in (
            ({}, "Changed on the server too"),
            ({"updated_at": "2025-03-02T14:12:00Z"}, "Changed on the server too: Mar 2, 2025, 9:12 AM"),
            (
                {"updated_by_name": "Grace Lindqvist"},
                "Changed on the server too: Grace Lindqvist, Mar 2, 2025, 9:12 AM",
            ),
            (
                {"updated_at": datetime.now(UTC).isoformat()},
                "Changed on the server too: Grace Lindqvist, today, ",
            ),
        ):
            deal |= {"value": 340.0} | known
            review.check()
            model = show_review(review, ForecastEffect(sheet, as_of="2026-06-01", freq="M", history=None))
            assert model["items"][0]["lines"][0]["conflict"]["why"].startswith(words)


def test_check__knows_the_runs_of_this_computer(desk: Desk) -> None:
    sheet, review, client = desk
    earlier = EditSheet(sheet.frame)
    sheet.edit([(0, "value", "77")])
    review.check()
    assert review.apply()
    again = Review(earlier, client)
    earlier.edit([(0, "value", "78")])
    again.check()
    assert review.run is not None
    assert again.conflicts[0, "value"].author.startswith(f"your run {review.run.run_id}, today, ")


def test_decide__becomes_part_of_the_plan_once_a_deal_has_no_open_conflict(desk: Desk) -> None:
    sheet, review, client = desk
    sheet.edit([(0, "value", "10"), (0, "probability", "90"), (1, "value", "11"), (2, "value", "12")])
    client.update(_id(sheet, 0), value=99, probability=5)
    client.update(_id(sheet, 1), value=99)
    client.delete(_id(sheet, 2))
    review.check()

    def planned() -> oa.Plan:
        edits = review.decide()
        return oa.plan(edits.base, edits.edited, client=client)

    assert len(planned().conflicts) == 4
    review.choose((0, "value"), "mine")
    review.choose((1, "value"), "theirs")
    review.choose((2, "value"), "theirs")
    assert planned().conflicts["field"].tolist() == ["value", "probability"]
    review.choose((0, "probability"), "theirs")
    assert planned().conflicts.empty
    assert planned().changes[["field", "before", "after"]].to_numpy().tolist() == [["value", 99, 10]]
    # Deciding touches no edit: a choice can be changed until the plan is applied.
    assert sheet.counts["changes"] == 4
    review.choose((0, "probability"), "mine")
    assert set(planned().changes["field"]) == {"value", "probability"}


def test_apply__a_change_made_since_the_check_is_a_conflict_and_nothing_is_written(desk: Desk) -> None:
    sheet, review, client = desk
    sheet.edit([(0, "value", "10"), (1, "value", "11")])
    review.check()
    client.update(_id(sheet, 1), value=99)
    assert not review.apply()
    assert list(review.conflicts) == [(1, "value")]
    assert client.get(_id(sheet, 0))["value"] != 10


def test_apply__writes_only_a_plan_that_is_checked_decided_and_not_empty(desk: Desk) -> None:
    sheet, review, client = desk

    def check_after_another_edit() -> None:
        client.update(_id(sheet, 0), value=99)
        review.check()

    for step, words in (
        (lambda: None, "Nothing is changed, so there is nothing to review."),
        (lambda: sheet.edit([(0, "value", "10")]), "Check the plan against the server first."),
        (check_after_another_edit, "Choose mine or theirs in 1 conflict first."),
    ):
        step()
        with pytest.raises(oa.errors.ArgumentValueError, match=words):
            review.apply()
    assert client.get(_id(sheet, 0))["value"] == 99
    with pytest.raises(oa.errors.ArgumentValueError, match="no conflict by now"):
        review.choose((1, "value"), "mine")
    with pytest.raises(oa.errors.ArgumentValueError, match="There is no run to undo."):
        review.undo_run()
    with pytest.raises(oa.errors.ArgumentValueError, match="This grid has no client to write with"):
        Review(sheet, None).check()


def test_apply__that_cannot_read_the_server_leaves_edits_and_decisions(desk: Desk, monkeypatch) -> None:
    sheet, review, client = desk
    sheet.edit([(0, "value", "10"), (1, "value", "11")])
    client.update(_id(sheet, 0), value=99)
    review.check()
    review.choose((0, "value"), "theirs")

    def unreachable(*_: object, **__: object) -> None:
        raise oa.errors.ConnectionFailed("no answer")

    with monkeypatch.context() as broken:
        broken.setattr("opp_analytics.widgets.grid.review.make_plan", unreachable)
        with pytest.raises(oa.errors.ConnectionFailed):
            review.apply()
    assert (review.theirs, sheet.edited["value"].tolist()[:2]) == (1, [10, 11])
    assert review.apply()
    assert sheet.edited["value"].tolist()[:2] == [99, 11]


@pytest.mark.parametrize(("refused", "words"), [(422, "is locked for approval"), (401, "401")])
def test_apply__what_the_server_refuses_stays_a_change_and_can_be_sent_again(
    refused, words, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with serving(refusing(refused)) as server, client_of(server, tmp_path / "cache") as client:
        sheet = EditSheet(oa.load(client, progress=False))
        review = Review(sheet, client)
        sheet.edit([(0, "value", "5"), (1, "value", "5")])
        review.check()
        assert review.apply()
        assert review.run is not None
        outcomes = {line.row: line for line in review.run.lines}
        assert outcomes[0].outcome == "written"
        assert words in outcomes[1].why or words in str(review.run.stopped)
        receipt = show_receipt(review)
        assert receipt is not None
        # The reason is said once: at the line, or at the top where it stopped the run.
        assert json.dumps(receipt).count("is locked for approval") == 1
        assert receipt["unsent"] == (1 if refused == 401 else 0)
        assert sheet.changed_rows == [1]
        assert sheet.edited["value"].tolist() == [5, 5]
        sent = len([asked for asked in server.asked if asked.method == "PUT"])
        sheet.edit([(1, "value", "6")])
        assert sheet.problems == {}
        review.check()
        review.apply()
        again = [asked.path for asked in server.asked if asked.method == "PUT"][sent:]
        assert {path.rstrip("/").rpartition("/")[2] for path in again} == {"b"}
