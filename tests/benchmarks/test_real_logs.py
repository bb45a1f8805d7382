"""The real logs as pipelines: what becomes of hand-made events, and the counts of the real
files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from tests.benchmarks._real_logs import (
    BANK,
    TRIPS,
    Plan,
    make_log,
    read_bank,
    read_claims,
    read_fines,
)

_EVENT = """<event><string key="org:resource" value="112"/><string key="concept:name" value="{}"/>
<date key="time:timestamp" value="{}"/></event>"""


def write_xes(path: Path, *cases: tuple[str, int, list[tuple[str, str]]]) -> Path:
    traces = "".join(
        (
            f'<trace><string key="concept:name" value="{name}"/><string key="AMOUNT_REQ" '
            f'value="{amount}"/>'
        )
        + "".join(_EVENT.format(*event) for event in events)
        + "</trace>"
        for name, amount, events in cases
    )
    with gzip.open(path, "wt") as file:
        file.write(
            f'<log xmlns="http://www.xes-standard.org/"><global scope="trace"/>{traces}</log>'
        )
    return path


@pytest.fixture
def events(tmp_path: Path) -> pd.DataFrame:
    """An application that is offered twice and activated, and one that is declined within a
    minute."""
    path = write_xes(
        tmp_path / "log.xes.gz",
        (
            "2",
            9000,
            [
                ("A_SUBMITTED", "2011-10-03T23:30:00.000+02:00"),
                ("W_Completeren aanvraag", "2011-10-03T23:31:00.000+02:00"),
                ("O_SENT", "2011-10-05T10:00:00.000+02:00"),
                ("O_SENT", "2011-10-20T10:00:00.000+02:00"),
                ("A_ACTIVATED", "2011-11-01T10:00:00.000+01:00"),
                ("A_DECLINED", "2011-11-02T10:00:00.000+01:00"),
            ],
        ),
        (
            "1",
            500,
            [
                ("A_SUBMITTED", "2011-10-04T09:00:00.000+02:00"),
                ("A_DECLINED", "2011-10-04T09:00:40.000+02:00"),
            ],
        ),
    )
    return read_bank(path)


def test_read_bank__keeps_the_steps_of_an_application_and_its_first_offer(
    events: pd.DataFrame,
) -> None:
    steps = ["submitted", "declined", "submitted", "offer sent", "activated", "declined"]
    assert events["stage"].tolist() == steps
    assert events["unique_id"].tolist() == ["1", "1", "2", "2", "2", "2"]
    assert events["value"].tolist() == [500.0] * 2 + [9000.0] * 4
    assert str(events.loc[2, "at"]) == "2011-10-03 21:30:00+00:00"


def test_make_log__shows_the_last_state_of_each_day_until_a_deal_closes(
    events: pd.DataFrame,
) -> None:
    log = make_log(events, BANK.org, Plan(20), "daily").set_index(["unique_id", "stage"])
    assert list(log.index) == [
        ("1", "declined"),
        ("2", "submitted"),
        ("2", "offer sent"),
        ("2", "activated"),
    ]
    # Planned from the local day of creation; a deal that is closed has the day on which it was.
    assert [str(day.date()) for day in log["close_date"]] == [
        "2011-10-04",
        "2011-10-23",
        "2011-10-23",
        "2011-11-01",
    ]
    assert log["status"].tolist() == ["lost", "active", "active", "won"]
    assert log["probability"].tolist() == [0, 10, 60, 100]
    assert str(log.loc[("2", "submitted"), "seen_at"]) == "2011-10-03 21:59:00+00:00"
    assert str(log.loc[("2", "activated"), "created_at"]) == "2011-10-03 21:30:00+00:00"


def test_read_fines__owes_what_was_added_and_wins_what_was_paid() -> None:
    table = pd.DataFrame(
        [
            ("A1", "Create Fine", 0, "35.0", None, None),
            ("A1", "Send Fine", 1, None, "11.0", None),
            ("A1", "Add penalty", 2, "71.5", None, None),
            ("A1", "Payment", 3, None, None, 400.0),
            ("A1", "Payment", 4, None, None, 425.0),
            ("A2", "Create Fine", 0, "36.0", None, None),
            ("A2", "Notify Result Appeal to Offender", 1, None, None, None),
            ("A2", "Send for Credit Collection", 5, None, None, None),
        ],
        columns=["case_id", "activity", "timestamp", "amount", "expense", "paymentamount"],
    )
    fines = read_fines(table.assign(timestamp=table["timestamp"] * 86_400.0))
    assert fines["unique_id"].tolist() == ["A1"] * 4 + ["A1-2"] + ["A2"] * 2
    assert fines["value"].tolist() == [35.0, 46.0, 82.5, 40.0, 42.5, 36.0, 36.0]
    stages = ["created", "sent", "penalty added", "paid", "paid", "created", "credit collection"]
    assert fines["stage"].tolist() == stages
    assert str(fines["at"].iloc[3]) == "1970-01-04 00:00:00+00:00"


def test_read_claims__is_worth_its_budget_until_it_is_claimed_and_can_come_again(
    tmp_path: Path,
) -> None:
    steps = [
        ("Permit SUBMITTED by EMPLOYEE", 1),
        ("Declaration SUBMITTED by EMPLOYEE", 20),
        ("Declaration REJECTED by EMPLOYEE", 21),
        ("Declaration SUBMITTED by EMPLOYEE", 22),
        ("End trip", 15),
        ("Payment Handled", 30),
    ]
    facts = {"Amount": 80.0, "Permit_RequestedBudget": 100.0, "Permit_OrganizationalEntity": "unit"}
    keys = "".join(f'<string key="(case)_{key}" value="{value}"/>' for key, value in facts.items())
    path, plain = tmp_path / "claims.xes.gz", tmp_path / "plain.xes.gz"
    write_xes(plain, ("7", 0, [(name, f"2018-01-{day:02}T10:00:00+01:00") for name, day in steps]))
    path.write_bytes(
        gzip.compress(
            gzip.decompress(plain.read_bytes()).replace(b"</event>", f"{keys}</event>".encode())
        )
    )
    events = read_claims(path)
    assert events["stage"].tolist() == ["begun", "submitted", "withdrawn", "submitted", "paid"]
    assert events["value"].tolist() == [100.0, 80.0, 80.0, 80.0, 80.0]
    log = make_log(events, TRIPS.org, TRIPS.plans[0], "weekly")
    assert log["status"].tolist() == ["active", "lost", "active", "won"]
    # The trip's end and 14 days while it is open, else the day on which it closed.
    assert log["close_date"].dt.day.tolist() == [29, 21, 29, 30]
