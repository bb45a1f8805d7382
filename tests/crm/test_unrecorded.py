"""Deals whose closing an imported field history does not hold."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm import read_changes
from opp_analytics.errors import (
    DataError,
    DataWarning,
    NotEnoughHistory,
    OrgError,
)
from opp_analytics.note import note_of
from opp_analytics.text import money
from tests.late_tracking import ORG, TODAY, Files, make_files, make_history

Late = tuple[pd.DataFrame, oa.History]


@pytest.fixture(scope="module")
def late() -> Late:
    return make_history(make_files())


@pytest.fixture(scope="module")
def tracked() -> Late:
    """The same team, tracked from its first deal on."""
    return make_history(make_files(pd.Timestamp("2024-01-01")))


@pytest.mark.parametrize("day", ["2025-03-03", "2026-06-01"])
def test_as_of__keeps_a_closed_deal_without_a_line_open_until_its_close_date(
    late: Late, tracked: Late, day: str
) -> None:
    frame, known = (history.as_of(day).set_index("unique_id") for _, history in (late, tracked))
    is_open = (oa.outcomes(frame) == "open").to_numpy()
    assert is_open.sum() == 12
    assert (
        frame.index[is_open].tolist()
        == known.index[(oa.outcomes(known) == "open").to_numpy()].tolist()
    )
    assert set(frame["stage"][is_open]) == {"(not recorded)"}
    assert frame["close_date"][is_open].isna().all()
    assert frame["value"][is_open].tolist() == known["value"][is_open].tolist()
    closed = frame[~is_open]
    assert closed["stage"].astype("str").tolist() == known["stage"][~is_open].astype("str").tolist()
    assert closed["close_date"].notna().all()
    assert "not_recorded" not in frame


def test_as_of__of_a_deal_closes_it_at_the_end_of_its_close_date(late: Late) -> None:
    stages = [late[1].as_of(at)["stage"].iloc[0] for at in ("2024-03-02T23:00Z", "2024-03-03")]
    assert stages == ["(not recorded)", "Closed Won"]


def test_as_of__of_a_partly_logged_deal_knows_what_a_line_gives() -> None:
    deals = oa.read_export(
        pd.DataFrame(
            {
                "Id": ["a", "b"],
                "StageName": "Closed Won",
                "Amount": [9, 5],
                "CloseDate": ["2026-03-20", "2026-03-25"],
                "CreatedDate": "2026-01-05T09:00:00Z",
            }
        ),
        ORG,
        progress=False,
    )
    changes = pd.DataFrame(
        [
            ("a", "2026-02-01T09:00:00Z", "CloseDate", "2026-02-10", "2026-03-31"),
            ("a", "2026-02-02T09:00:00Z", "Amount", 4, 9),
            ("b", "2026-03-25T09:00:00Z", "StageName", "Prospecting", "Closed Won"),
        ],
        columns=["OpportunityId", "CreatedDate", "Field", "OldValue", "NewValue"],
    )
    history = oa.History.from_changes(changes, org=ORG, opportunities=deals, progress=False)
    first = (
        history.as_of("2026-01-20")
        .set_index("unique_id")
        .loc["a", ["stage", "close_date", "value"]]
    )
    assert first.tolist() == ["(not recorded)", pd.Timestamp("2026-02-10"), 4]
    march = history.coverage().loc["2026-03", ["stage_known", "date_known", "value_known"]]
    assert march.tolist() == [0.5, 1.0, 1.0]
    # The closing of a deal is known to the history that tells it.
    assert history.as_of("2026-03-24")["stage"].astype("str").tolist() == [
        "Closed Won",
        "Prospecting",
    ]


def test_from_changes__of_a_log_that_ends_before_the_export_knows_no_more(tracked: Late) -> None:
    files = make_files(pd.Timestamp("2024-01-01"))
    short = files.changes[files.changes["CreatedDate"] < "2026-08-01"]
    history = make_history(Files(files.deals, short))[1]
    open_then = history.as_of("2026-09-15").loc[
        lambda frame: (oa.outcomes(frame) == "open").to_numpy()
    ]
    assert set(open_then["stage"]) <= {"(not recorded)", "Prospecting"}
    shares = history.coverage()[["stage_known", "date_known"]]
    assert (shares.loc["2026-07"] == 1).all()
    assert (shares.loc["2026-09"] == 0).all()


def test_from_changes__counts_the_closed_deals_without_a_line() -> None:
    files = make_files()
    log = read_changes(
        files.changes, ORG, opportunities=oa.read_export(files.deals, ORG, progress=False)
    )
    assert [note.partition(" in the history")[0] for note in log.notes] == [
        "192 of 200 closed deals have no line"
    ]
    assert "(not recorded)" in log.notes[0]
    assert log.notes[0] in log.describe()


def test_from_changes__of_whole_rows_keeps_such_a_deal_open_too(late: Late) -> None:
    deals, history = late
    log = history.changes()
    log = log[log["unique_id"].isin(deals["unique_id"].iloc[-20:])].drop(columns="not_recorded")
    again = oa.History.from_changes(log, org=ORG, opportunities=deals, progress=False)
    for day in ("2025-03-03", "2026-09-01"):
        one, other = (
            history.as_of(day)[["unique_id", "stage", "close_date", "value"]].astype(
                {"stage": "str"}
            )
            for history in (again, history)
        )
        pd.testing.assert_frame_equal(one, other)
    assert again.coverage().loc["2025-03", "date_known"] == 0


def test_coverage__says_the_shares_that_are_known(late: Late, tracked: Late) -> None:
    table = late[1].coverage()
    assert table.loc["2025-03", ["stage_known", "date_known", "value_known"]].tolist() == [0, 0, 0]
    assert table.loc["2025-03", "answers"] == "all: no stages, no dates"
    # The deals of a month without closings close in the next one.
    assert table.loc["2024-02", "stage_known"] == 1
    assert late[1].find_gaps("stage").astype("str")[[0, -1]].tolist() == ["2024-01", "2026-10"]
    # Of the six deals closed in October, three closed after the 15th.
    assert table.loc["2026-10", ["stage_known", "date_known"]].tolist() == [0.5, 0.5]
    assert table.loc["2026-11", ["stage_known", "date_known"]].tolist() == [1, 1]
    assert late[1].coverage(freq="Y")["stage_known"].lt(0.2).all()
    assert late[1].where(owner_name="Ann").coverage().equals(table)
    known = tracked[1].coverage()
    assert (known[["stage_known", "date_known"]] == 1).all(axis=None)
    assert not known["answers"].str.contains("no stages").any()


def test_coverage__survives_a_log_of_ones_own(late: Late, tmp_path: Path) -> None:
    history = oa.History.from_changes(late[1].changes(), path=tmp_path / "history", org=ORG)
    pd.testing.assert_frame_equal(history.coverage(), late[1].coverage())
    assert (
        oa.History.from_table(history.table, org=ORG)
        .find_gaps("stage")
        .equals(history.find_gaps("stage"))
    )


ASKED: dict[str, Callable[[oa.History], Any]] = {
    "slippage": lambda history: oa.slippage(history, start="2025-01-01", end="2025-03-31"),
    "transitions": lambda history: oa.transitions(history, start="2025-01-01", end="2025-03-31"),
}


@pytest.mark.parametrize("name", ASKED)
def test_analyses__refuse_months_without_stages_or_dates_and_say_from_when(
    late: Late, tracked: Late, name: str
) -> None:
    with pytest.raises(
        NotEnoughHistory,
        match=f"{name}: the imported history lacks .* start on 2026-11-01 or later",
    ):
        ASKED[name](late[1])
    assert len(ASKED[name](tracked[1]))


def test_analyses__begin_later_and_say_from_when(late: Late, tracked: Late) -> None:
    for ask in (
        oa.transitions,
        oa.close_date_moves,
        lambda history: oa.stage_rates(history, fewest_exits=1),
    ):
        with pytest.warns(DataWarning, match="it begins on 2026-11-01"):
            table = ask(late[1])
        assert note_of(table).figures["known_from"].startswith("2026-11-01")
    with pytest.warns(DataWarning):
        steps = oa.transitions(late[1])
    november = oa.transitions(tracked[1], start="2026-11-01").drop(
        columns=["days_in_stage", "days_low", "days_high"]
    )
    both = ["unique_id", "from_stage", "to_stage", "seen_at"]
    same = [
        table[both].astype({"from_stage": "str", "to_stage": "str"}) for table in (steps, november)
    ]
    pd.testing.assert_frame_equal(same[0].reset_index(drop=True), same[1].reset_index(drop=True))
    assert not {"(not recorded)"} & {*steps["from_stage"], *steps["to_stage"]}


@pytest.mark.slow
def test_forecast__does_not_learn_from_periods_that_are_not_known(
    late: Late, tracked: Late
) -> None:
    deals, history = late
    asked: dict[str, Any] = {"as_of": TODAY, "freq": "Q", "periods": 1, "only": True}
    table = oa.forecast(deals, history=history, **asked)
    assert note_of(table).method == "run_rate"
    assert "stages and planned dates are known from Nov 1, 2026 on" in note_of(table).why
    with pytest.raises(
        NotEnoughHistory, match=r"the history has 0 \(stages and planned dates are known"
    ):
        oa.forecast(deals, history=history, method="learned", **asked)
    assert note_of(oa.forecast(deals, history=tracked[1], **asked)).method == "learned"
    past = oa.backtest(history, freq="Q")
    assert set(past["used"]) == {"run_rate"}
    with pytest.raises(NotEnoughHistory, match="backtest needs a month"):
        oa.backtest(history, freq="M", methods="stage")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
def test_weekly_report__of_a_log_that_lost_lines_at_random_is_written(tmp_path: Path) -> None:
    files = make_files(pd.Timestamp("2026-01-01"))
    lost = files.changes.sample(frac=0.6, random_state=7).sort_values("CreatedDate")
    deals, history = make_history(files._replace(changes=lost))
    page = oa.weekly_report(deals, history, out=tmp_path / "weekly.html", as_of=TODAY, org=ORG)
    value = deals["value"][(oa.outcomes(deals) == "open").to_numpy()].sum()
    assert money(value, "USD") in page.html.read_text(encoding="utf-8")


def test_record__carries_such_a_history_on(late: Late, tmp_path: Path) -> None:
    deals, imported = late
    history = oa.History.from_changes(imported.changes(), path=tmp_path / "history", org=ORG)
    assert history.record(deals, at=TODAY).changed == 0
    assert history.coverage().loc["2025-03", "date_known"] == 0


def test_stage__of_deals_that_are_not_recorded_is_open_and_reserved() -> None:
    frame = pd.DataFrame({"stage": ["(not recorded)"], "value": [5.0]})
    for org in (oa.Org(), ORG, oa.Org(stages=[{"name": "Demo", "kind": "open"}])):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert oa.outcomes(org.apply(frame)).tolist() == ["open"]
        assert "(not recorded)" not in org.stages.open
    for taken in (
        {"name": "(not recorded)", "kind": "open"},
        {"name": "A", "kind": "open", "aliases": ["(not recorded)"]},
    ):
        with pytest.raises(OrgError, match="whose stage is not known; rename yours"):
            oa.Org(stages=[taken])


def test_from_changes__names_a_stage_that_comes_late_as_not_recorded() -> None:
    rows = [
        ("1", "createdate", "2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"),
        ("1", "dealstage", "appointmentscheduled", "2026-03-02T09:00:05Z"),
        ("2", "createdate", "2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"),
        ("2", "dealstage", "appointmentscheduled", "2026-03-20T09:00:00Z"),
    ]
    log = pd.DataFrame(rows, columns=["dealId", "property", "value", "timestamp"])
    history = oa.History.from_changes(log, org=oa.Org.hubspot(), progress=False)
    assert history.as_of("2026-03-02T09:00:01Z")["stage"].tolist() == [
        "Appointment Scheduled",
        "(not recorded)",
    ]
    assert oa.transitions(history)["to_stage"].tolist() == ["Appointment Scheduled"] * 2


def test_from_changes__of_untracked_columns_knows_only_those_of_now() -> None:
    files = make_files(pd.Timestamp("2024-01-01"))
    deals = oa.read_export(files.deals, ORG, progress=False)
    stages = files.changes[files.changes["Field"] != "CloseDate"]
    log = read_changes(stages, ORG, opportunities=deals)
    assert (
        "past values of close date, which the history does not track: only today's are known"
        in log.left_out
    )
    history = oa.History.from_changes(log, org=ORG)
    assert history.as_of(TODAY)["close_date"].notna().sum() == len(deals)
    assert history.coverage().loc[
        "2025-03", ["stage_known", "date_known", "value_known"]
    ].tolist() == [
        1,
        0,
        0,
    ]
    with pytest.raises(NotEnoughHistory, match="lacks the planned dates"):
        oa.slippage(history, start="2025-01-01", end="2025-03-31")
    assert oa.stage_flow(history, start="2025-01-01", end="2025-03-31")["entries"].sum() > 0
    assert note_of(oa.forecast(deals, as_of=TODAY, history=history)).method == "run_rate"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:close_date_moves")
@pytest.mark.parametrize("name", ["forecast", "weekly_report"])
def test_analyses__refuse_a_table_of_other_deals(late: Late, name: str, tmp_path: Path) -> None:
    deals, history = late
    ask = getattr(oa, name)
    if name == "weekly_report":
        ask = partial(ask, out=tmp_path / "page.html")
    short = deals.assign(unique_id=deals["unique_id"].str[:15])
    with pytest.raises(
        DataError,
        match=(
            "only 0 of the .* so these are other deals: .*006Hs0000000000'.*Use the history of "
            "these deals"
        ),
    ):
        ask(short, history=history, as_of="2026-11-22")
    new = deals.assign(
        unique_id="new " + deals["unique_id"], created_at=pd.Timestamp("2026-11-23", tz="UTC")
    )
    ask(
        pd.concat([deals, new, new.assign(unique_id="x" + new["unique_id"])]),
        history=history,
        as_of="2026-11-22",
    )
