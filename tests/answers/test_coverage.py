"""What has closed at the same point, and how much open pipeline is usual."""

from __future__ import annotations

import pandas as pd

import opp_analytics as oa

_DUE = {"01": 160.0, "02": 400.0, "03": 240.0, "04": 480.0, "05": 320.0, "06": 800.0, "07": 300.0}


def _play() -> oa.History:
    """15 days before the end of each month 20 have closed and a deal is due, won in odd months."""
    rows = []
    for month, value in _DUE.items():
        end = pd.Period(f"2026-{month}", "M").end_time.normalize()
        point, later = end - pd.Timedelta(days=15), end + pd.Timedelta(days=2)
        stage = "closed_won" if int(month) % 2 else "closed_lost"
        rows += [
            (f"won {month}", point, 20.0, "closed_won", point),
            (f"due {month}", point, value, "proposal", end),
            *([(f"due {month}", later, value, stage, end)] if month != "07" else []),
        ]
    log = pd.DataFrame(rows, columns=["unique_id", "seen_at", "value", "stage", "close_date"])
    log["close_date"] = log["close_date"].dt.strftime("%Y-%m-%d")
    return oa.History.from_changes(log.assign(probability=50, owner_name="Ann"))


def test_coverage__is_beside_that_of_months_that_hit_and_of_those_that_missed():
    history = _play()
    frame = history.as_of("2026-07-16T12:00Z")
    answer = oa.ask("coverage", frame, history, as_of="2026-07-16", target=100)
    # With 80 to go, odd months had 160, 240 and 320 due, even ones 400, 480 and 800.
    assert [(one.name, one.value, one.words) for one in answer.figures] == [
        ("Coverage", 3.75, "300 open and due"),
        ("Usual in months that hit", 3.0, "median of 3 ended months"),
        ("Usual in months that missed", 6.0, "median of 3 ended months"),
    ]
    (table,) = answer.tables
    assert [row.values["booked"] for row in table.rows] == [20.0] * 5
    assert [row.values["open_value"] for row in table.rows] == [*_DUE.values()][2:]
    assert [row.id for row in answer.opens(table.rows[-1]).tables[0].rows] == ["won 07"]


def test_coverage__without_a_target_or_records_says_what_it_lacks():
    history = _play()
    frame = history.as_of("2026-07-16T12:00Z")
    untold = oa.ask("coverage", frame, history, as_of="2026-07-16")
    alone = oa.ask("coverage", frame, as_of="2026-07-16", target=100)
    assert (untold.figures, untold.lacks[0].shell_way) == ((), "--target 500000")
    assert [lack.what for lack in alone.lacks] == ["the usual coverage at this point"]
