"""The way of a plan to a real server and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.history import History
from opp_analytics.note import note_of
from opp_analytics.sandbox import Sandbox
from opp_analytics.widgets.grid.review import (
    ForecastEffect,
    Review,
    find_main,
    make_plan,
    show_receipt,
    show_review,
)
from opp_analytics.widgets.grid.sheet import EditSheet
from tests.support import Answer, Asked, as_json, client_of, listing, serving
from tests.widgets.grid.refusing import refusing
from tests.widgets.teams import TODAY, recorded_team, with_wins
from tests.writer.frames import opportunities

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


def test_apply__goes_on_from_what_the_server_made_of_a_value(
    desk: Desk, shared_sandbox: Sandbox
) -> None:
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
    assert review.run.theirs == 2
    assert [line["outcome"] for line in review.run.lines] == ["applied"] * 2


def test_check__says_who_changed_a_deal_and_when_as_far_as_it_is_known(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    deal = {
        "unique_id": "a",
        "name": "Acme",
        "value": 100.0,
        "stage": "proposal",
        "close_date": "2026-06-30",
    }

    def respond(asked: Asked) -> Answer:
        single = asked.path.rstrip("/").endswith("/a")
        return (
            as_json({"data": {"id": "a", "attributes": deal}})
            if single
            else listing([deal], total=1)
        )

    with serving(respond) as server, client_of(server, tmp_path / "cache") as client:
        sheet = EditSheet(
            oa.Org(timezone="America/New_York").apply(oa.load(client, progress=False))
        )
        review = Review(sheet, client)
        sheet.edit([(0, "value", "5")])
        for known, words in (
            ({}, "Changed on the server too"),
            (
                {"updated_at": "2025-03-02T14:12:00Z"},
                "Changed on the server too: Mar 2, 2025, 9:12 AM",
            ),
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
            model = show_review(
                review, ForecastEffect(sheet, as_of="2026-06-01", freq="M", history=None)
            )
            assert model["items"][0]["lines"][0]["conflict"]["why"].startswith(words)


def test_decide__becomes_part_of_the_plan_once_a_deal_has_no_open_conflict(desk: Desk) -> None:
    sheet, review, client = desk
    sheet.edit(
        [(0, "value", "10"), (0, "probability", "90"), (1, "value", "11"), (2, "value", "12")]
    )
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
    assert planned().changes[["field", "before", "after"]].to_numpy().tolist() == [
        ["value", 99, 10]
    ]
    # Deciding touches no edit: a choice can be changed until the plan is applied.
    assert sheet.counts["changes"] == 4
    review.choose((0, "probability"), "mine")
    assert set(planned().changes["field"]) == {"value", "probability"}


def test_apply__a_change_made_since_the_check_is_a_conflict_and_nothing_is_written(
    desk: Desk,
) -> None:
    sheet, review, client = desk
    sheet.edit([(0, "value", "10"), (1, "value", "11")])
    review.check()
    client.update(_id(sheet, 1), value=99)
    assert not review.apply()
    assert review.stopped
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


def test_apply__that_cannot_read_the_server_leaves_edits_and_decisions(
    desk: Desk, monkeypatch
) -> None:
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
        outcomes = {line["row"]: line for line in review.run.lines}
        assert outcomes[0]["outcome"] == "applied"
        assert words in outcomes[1]["error"] or words in str(review.run.receipt.stopped)
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


def test_periods__before_and_after_are_the_forecasts_of_the_two_frames():
    sheet = EditSheet(
        opportunities(4), today=date(2026, 6, 1)
    )  # 1,000 to 1,300 at 40%, due in June
    effect = ForecastEffect(sheet, as_of="2026-06-01", freq="M", history=None)
    assert [(p["period"], p["before"], p["after"]) for p in effect.show()["periods"]] == [
        ("Jun", "1.8K", None),
        ("Jul", "0", None),
    ]
    sheet.edit([(0, "value", "2000"), (1, "close_date", "7/15"), (2, "stage", "closed lost")])
    sheet.remove([3])
    first, second = effect.show()["periods"]
    assert (first["after"], first["change"]) == ("800", "−1K")
    assert (second["before"], second["after"], second["change"]) == ("0", "440", "+440")
    for period, label in ((first, "2026-06"), (second, "2026-07")):
        whole = oa.forecast(sheet.edited, as_of="2026-06-01", periods=2)["expected"]
        assert period["after"] == text.money(float(whole[label]))
    assert effect.by_deal([0, 1], "2026-06") == {0: 400.0, 1: -440.0}
    assert len(make_plan(sheet).changes) == 4


@pytest.fixture(scope="module")
def team() -> History:
    return recorded_team()


def edit(sheet: EditSheet) -> None:
    """Change a value, move a date out of the month and one into it, win a deal, and give one to
    Bo."""
    row = {str(sheet.value(at, "unique_id")): at for at in range(sheet.end)}
    sheet.edit(
        [
            (row["open-0"], "value", "9000"),
            (row["open-1"], "close_date", "12/15"),
            (row["open-2"], "close_date", "11/22"),
            (row["open-3"], "stage", "closed won"),
            (row["open-3"], "close_date", "2026-11-10"),
            (row["open-4"], "owner_name", "Bo"),
        ]
    )


@pytest.mark.slow
def test_periods__with_a_history_are_what_forecast_says_of_both_frames(team: History) -> None:
    sheet = EditSheet(team.as_of(TODAY))
    effect = ForecastEffect(sheet, as_of=TODAY, freq="M", history=team)
    asked: dict[str, Any] = {"as_of": TODAY, "history": team, "periods": 2}
    before = oa.forecast(sheet.frame, **asked)
    assert note_of(before).method == "learned"
    assert effect.show()["about"] == {
        "of": "",
        "how": "by chances from history, as of Nov 11, 2026",
        "limit": "",
    }
    edit(sheet)
    after = oa.forecast(sheet.edited, **asked)["expected"]
    stated = oa.forecast(sheet.frame, as_of=TODAY, method="stated")["expected"]["2026-11"]
    # What a deal may yet win after the period it is due in changes later periods too.
    for shown, label in zip(
        effect.show()["periods"], ("2026-11", "2026-12", "2027-01"), strict=True
    ):
        assert shown["before"] == text.money(float(before["expected"][label]))
        assert (shown["after"] or shown["before"]) == text.money(float(after[label]))
        assert shown["moved"] == round(float(after[label] - before["expected"][label]), 2)
    assert effect.show()["periods"][0]["before"] != text.money(float(stated))
    # The deals' effects add up to the whole's.
    change = float(after["2026-11"] - before["expected"]["2026-11"])
    assert sum(effect.by_deal(sheet.changed_rows, "2026-11").values()) == pytest.approx(change)
    impact = make_plan(sheet).impact(as_of=TODAY, history=team)
    assert impact.loc["2026-11", "expected_change"] == pytest.approx(change)


def test_periods__by_run_rate_say_that_it_does_not_see_open_deals() -> None:
    sheet = EditSheet(with_wins())
    effect = ForecastEffect(sheet, as_of=TODAY, freq="M", history=None)
    before = oa.forecast(sheet.frame, as_of=TODAY, periods=2)
    assert note_of(before).method == "run_rate"
    assert effect.show()["about"]["how"] == "by run rate, as of Nov 11, 2026"
    assert (
        effect.show()["about"]["limit"]
        == "The run rate sees wins, not the value, date, stage or chance of an open deal"
    )
    sheet.edit([(sheet.end - 1, "value", "90000")])
    first = effect.show()["periods"][0]
    # What it does not see of an edit shows in the weighted pipeline.
    now = oa.forecast(sheet.edited, as_of=TODAY, periods=2)["weighted_open"]
    pair = tuple(text.money(float(each["2026-11"])) for each in (before["weighted_open"], now))
    assert (first["change"], first["weighted"]) == ("", pair)
    assert (first["before"], first["after"]) == (
        text.money(float(before["expected"]["2026-11"])),
        None,
    )
    assert effect.by_deal(sheet.changed_rows, "2026-11") == {}


def test_periods__of_a_part_are_of_its_own_deals_and_say_so() -> None:
    # Without a history the certificate of the load counts more deals, which nothing tells.
    part = opportunities(4).head(1)
    part.attrs["load"] = {"rows": 40}
    effect = ForecastEffect(EditSheet(part), as_of=TODAY, freq="M", history=None)
    alone = oa.forecast(part, as_of=TODAY, periods=2, new_business=False)
    assert effect.show()["about"]["of"] == "of this deal, "
    assert effect.show()["periods"][0]["before"] == text.money(float(alone["expected"]["2026-11"]))


def test_periods__name_every_one_that_changes_even_beyond_the_deals_of_before() -> None:
    sheet = EditSheet(opportunities(4), today=date(2026, 6, 1))
    effect = ForecastEffect(sheet, as_of="2026-06-01", freq="M", history=None)
    sheet.edit([(0, "close_date", "1/15/2027"), (1, "value", "1100.4")])
    shown = {
        period["period"]: (period["before"], period["after"], period["change"])
        for period in effect.show()["periods"]
    }
    assert shown == {
        "Jun": ("1.8K", "1.4K", "−400"),
        "Jul": ("0", None, ""),
        "Jan 2027": ("0", "400", "+400"),
    }
    # A change below what is written is a change, less than a ten-thousandth of it is noise.
    for value, change in (("1102", "+0.8"), ("1100.4", "")):
        sheet.undo()
        sheet.edit([(1, "value", value)])
        written = [(p["after"], p["change"]) for p in effect.show()["periods"]]
        assert written == [(None, change), (None, "")]


def test_periods__are_those_of_the_org_s_report_unless_others_are_asked_for() -> None:
    history = recorded_team(oa.Org(report={"freq": "Q"}))
    frame = history.as_of(TODAY)
    asked: list[tuple[Any, str]] = [(None, "Q4"), ("M", "Nov")]
    for freq, first in asked:
        sheet = EditSheet(frame)
        effect = ForecastEffect(sheet, as_of=TODAY, freq=freq, history=history)
        edit(sheet)
        assert first in effect.show()["periods"][0]["period"]


def test_periods__have_the_chance_of_their_target_before_and_after() -> None:
    org = oa.Org(targets=[{"period": "2026-11", "target": 8000}], currency="USD")
    history = recorded_team(org)
    sheet = EditSheet(history.as_of(TODAY))
    effect = ForecastEffect(sheet, as_of=TODAY, freq="M", history=history, targets=org.targets)
    edit(sheet)
    asked: dict[str, Any] = {"as_of": TODAY, "history": history, "target": org.targets}
    sides = [
        oa.forecast(frame, **asked)["p_target"]["2026-11"] for frame in (sheet.frame, sheet.edited)
    ]
    first = effect.show()["periods"][0]
    assert first["target"] == "$8K"
    assert (first["chance"], first["chance_after"]) == tuple(
        text.percent(float(side)) for side in sides
    )
    frame, targets = (
        opportunities(4),
        oa.Org(targets=[{"period": "2026-06", "target": 800}]).targets,
    )
    stated = ForecastEffect(
        EditSheet(frame), as_of="2026-06-01", freq="M", history=None, targets=targets
    )
    assert [period["chance"] for period in stated.show()["periods"]] == ["", ""]


def test_effect__after_a_write_starts_from_what_the_server_holds(team: History) -> None:
    deals = team.as_of(TODAY)
    sheet = EditSheet(deals[deals["unique_id"].isin(["open-0", "open-1"])])
    effect = ForecastEffect(sheet, as_of=TODAY, freq="M", history=team)
    effect.show()
    gone, kept = (sheet.rows_by_id[each] for each in ("open-0", "open-1"))
    sheet.settle_deleted(gone)
    sheet.settle({(kept, "value"): 9000.0})
    effect.forget()
    now = deals[deals["unique_id"] != "open-0"]
    now = now.assign(value=now["value"].mask(now["unique_id"] == "open-1", 9000.0))
    expected = oa.forecast(now, as_of=TODAY, history=team)["expected"]["2026-11"]
    first = effect.show()["periods"][0]
    assert (first["before"], first["after"]) == (text.money(float(expected)), None)


def test_strip__leads_with_a_period_that_is_over_only_if_no_other_changes_and_gives_it_no_chance() -> (  # noqa: E501
    None
):
    org = oa.Org(
        targets=[{"period": each, "target": 8000} for each in ("2026-10", "2026-11")],
        currency="USD",
    )
    history = recorded_team(org)
    sheet = EditSheet(history.as_of(TODAY))
    effect = ForecastEffect(sheet, as_of=TODAY, freq="M", history=history, targets=org.targets)
    row = int(sheet.frame["stage"].isin(["proposal", "negotiation"]).to_numpy().argmax())
    sheet.edit([(row, "close_date", "10/31/2026"), (row, "value", "900000")])
    sheet.edit([(row, "stage", "closed won")])
    shown = {period["label"]: period for period in effect.show()["periods"]}
    assert (
        shown["2026-10"]["over"],
        shown["2026-10"]["chance"],
        shown["2026-10"]["chance_after"],
    ) == (
        True,
        "",
        None,
    )
    assert shown["2026-10"]["moved"] > shown["2026-11"]["moved"]
    assert shown["2026-11"]["chance"]
    assert find_main([*shown.values()]) == shown["2026-11"]
    assert find_main([shown["2026-10"], shown["2026-11"] | {"change": ""}]) == shown["2026-10"]


def test_periods__without_the_columns_of_a_forecast_say_why():
    effect = ForecastEffect(
        EditSheet(pd.DataFrame({"unique_id": ["a"], "name": ["Acme"]})),
        as_of="2026-06-01",
        freq="M",
        history=None,
    )
    assert effect.show()["periods"] == []
    assert "no column" in effect.show()["why"]


def test_periods__outside_their_own_range_say_what_is_likely() -> None:
    rare = opportunities(2).assign(probability=5)
    effect = ForecastEffect(
        EditSheet(rare, today=date(2026, 6, 1)), as_of="2026-06-01", freq="M", history=None
    )
    assert [period["before"] for period in effect.show()["periods"]] == [
        "105 (most likely nothing more)",
        "0",
    ]
