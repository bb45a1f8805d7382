"""Histories in several currencies: every analysis reads converted values, and no movement is
exchange."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import DataError, DataWarning
from opp_analytics.history.history import History
from tests.analysis.every_analysis import AS_OF, OF_FRAMES, OF_HISTORIES, deals, log

FALLING = {
    "2025-12-15": 1.30,
    "2026-01-15": 1.20,
    "2026-02-10": 1.10,
    "2026-03-01": 1.00,
    "2026-03-10": 0.90,
}
"""What a euro is in dollars, from a day on."""


def make_org(rates: dict[str, float], **settings: Any) -> oa.Org:
    rows = [{"date": day, "currency": "EUR", "rate": rate} for day, rate in rates.items()]
    return oa.Org(currency="USD", currency_rates=rows, **settings)


def find_rate(rates: dict[str, float], day: Any) -> float:
    """Find the last rate by a day, else the first, by hand."""
    before = [
        rate for since, rate in sorted(rates.items()) if pd.Timestamp(since) <= pd.Timestamp(day)
    ]
    return before[-1] if before else rates[min(rates)]


def convert_by_hand(changes: pd.DataFrame, rates: dict[str, float], record: Any) -> pd.DataFrame:
    """Convert a change log deal by deal: at its close date where closed as of a record, else at the
    record's day."""
    seen = pd.to_datetime(changes["seen_at"], utc=True)
    record = pd.Timestamp(record)
    record = record.tz_localize("UTC") if record.tzinfo is None else record
    parts = []
    for _, rows in changes.groupby("unique_id"):
        last = (
            rows[(seen[rows.index] <= record).to_numpy()].assign(at=seen).sort_values("at").tail(1)
        )
        ended = (
            len(last)
            and last["stage"].iloc[0] in ("closed_won", "closed_lost")
            and pd.notna(last["close_date"].iloc[0])
        )
        rate = find_rate(rates, last["close_date"].iloc[0] if ended else record.date())
        parts.append(
            rows.assign(value=rows["value"] * np.where(rows["currency"] == "EUR", rate, 1.0))
        )
    return pd.concat(parts).sort_index().drop(columns="currency")


def mixed(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the deals of even numbers in euros, one of the others in dollars, the rest in no
    currency."""
    number = frame["unique_id"].str[1:].astype(int)
    return frame.assign(
        currency=number.map(lambda one: "EUR" if one % 2 == 0 else "USD" if one == 1 else None)
    )


def answer(ask: Callable[[Any], Any], source: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ask(source)


def assert_same(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    # The order of rows that no index names is the engine's.
    found, wanted = (each.reset_index(drop=each.index.names == [None]) for each in (found, wanted))
    pd.testing.assert_frame_equal(found, wanted, check_exact=False, rtol=1e-9, atol=0.02)


@pytest.fixture(scope="module")
def histories() -> dict[str, History]:
    """The same deals with rates, and converted by hand."""
    whole = mixed(log())
    return {
        "converted": History.from_changes(whole, org=make_org(FALLING)),
        "by hand": History.from_changes(
            convert_by_hand(whole, FALLING, AS_OF), org=oa.Org(currency="USD")
        ),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OF_HISTORIES])
def test_every_analysis_of_a_history__is_that_of_the_log_converted_by_hand(
    name: str, histories: dict[str, History]
) -> None:
    found = {kind: answer(OF_HISTORIES[name], history) for kind, history in histories.items()}
    assert_same(found["converted"], found["by hand"])


@pytest.mark.parametrize("name", [name for name in OF_FRAMES if name != "outcomes"])
def test_every_analysis_of_a_frame__is_that_of_the_frame_converted_by_hand(name: str) -> None:
    frame = mixed(deals())
    frame.attrs["load"] = {"fetched_at": f"{AS_OF}T00:00:00Z"}
    now = convert_by_hand(frame.assign(seen_at=AS_OF), FALLING, AS_OF).drop(columns="seen_at")
    now.attrs = dict(frame.attrs)
    converted = answer(make_org(FALLING).apply, frame)
    found, wanted = (
        answer(OF_FRAMES[name], each) for each in (converted, oa.Org(currency="USD").apply(now))
    )
    assert_same(found, wanted)


STAGES = ["discovery", "proposal", "closed_won", "closed_lost"]
WEEKS = pd.date_range("2026-01-05", periods=8, freq="7D", tz="UTC")


def random_log(seed: int) -> pd.DataFrame:
    """Make a log of twelve deals: each is created some week, changes some weeks, may close, be
    deleted and return."""
    dice = np.random.default_rng(seed)
    days = pd.date_range("2026-01-01", "2026-03-10", freq="3D").strftime("%Y-%m-%d").tolist()
    rows = []
    for k in range(12):
        currency = ["EUR", "EUR", "USD", None][dice.integers(4)]
        deal: dict[str, Any] = {
            "stage": "discovery",
            "value": float(dice.integers(1, 10) * 100),
            "close_date": str(dice.choice(days)),
        }
        for week in WEEKS[dice.integers(0, 5) :]:
            changed = dice.random()
            if changed < 0.25:
                deal = {**deal, "stage": STAGES[dice.integers(4)]}
            elif changed < 0.4:
                deal = {**deal, "value": float(dice.integers(1, 10) * 100)}
            elif changed < 0.55:
                deal = {**deal, "close_date": str(dice.choice(days))}
            operation = "deleted" if changed > 0.95 else None
            rows.append(
                {
                    "unique_id": f"o{k}",
                    "name": f"n{k}",
                    "seen_at": week,
                    "currency": currency,
                    "operation": operation,
                    "probability": 40,
                    "created_at": WEEKS[0],
                    "owner_name": "AB"[k % 2],
                    **deal,
                }
            )
    return pd.DataFrame(rows)


@pytest.mark.slow
def test_movements__of_random_deals_are_those_of_the_log_converted_by_hand() -> None:
    changes, end = random_log(0), WEEKS[5]
    window: dict[str, Any] = {"start": WEEKS[1], "end": end}
    history = History.from_changes(changes, org=make_org(FALLING))
    by_hand = History.from_changes(
        convert_by_hand(changes, FALLING, end), org=oa.Org(currency="USD")
    )
    questions: list[Callable[[History], Any]] = [
        lambda one: oa.waterfall(one, **window),
        lambda one: oa.waterfall(one, **window, due=("2026-01-15", "2026-02-20"), by="owner_name"),
        lambda one: oa.waterfall(one.where(owner_name="A"), **window),
        lambda one: oa.movements(one, **window),
        lambda one: oa.slippage(one, **window),
        lambda one: oa.category_moves(one, **window),
        lambda one: oa.forecast_change(one, **window, period="2026-02", method="stated"),
    ]
    for ask in questions:
        assert_same(answer(ask, history), answer(ask, by_hand))
    table = answer(questions[0], history)["value"]
    assert table.drop("closing").sum() == pytest.approx(table["closing"], abs=0.01)
    deals_then = answer(lambda one: one.as_of(end), history)
    assert oa.stage_funnel(deals_then)["open_value"].sum() == pytest.approx(
        table["closing"], abs=0.01
    )


@pytest.mark.slow
def test_history__keeps_the_crm_s_values_beside_the_converted_ones() -> None:
    history = History.from_changes(mixed(log()), org=make_org(FALLING))
    raw = log().sort_values(["seen_at", "unique_id"])["value"].tolist()
    assert history.changes()["value"].tolist() == raw
    assert "value_original" not in history.changes()
    euros = history.where(currency="EUR")
    assert "value_original" not in euros.changes()
    assert set(euros.changes()["value"]) == {100.0, 300.0, 500.0, 700.0}
    now = euros.as_of(AS_OF)
    assert now["value_original"].tolist() == [100.0, 300.0, 500.0, 700.0]
    assert now["value"].tolist() == pytest.approx([130.0 * 1.2 / 1.3, 330.0, 450.0, 630.0], abs=60)
    timeline = history.deal("o4")
    assert timeline.loc[timeline["field"] == "value", "after"].tolist() == pytest.approx([450.0])
    assert "value_original" not in timeline["field"].tolist()


def test_history__of_a_currency_without_a_rate_is_refused_and_old_rates_are_said_once() -> None:
    pounds = mixed(log()).replace({"currency": {"EUR": "GBP"}})
    with pytest.raises(DataError, match=r"no rate of GBP"):
        oa.waterfall(
            History.from_changes(pounds, org=make_org(FALLING)), start="2026-01-20", end=AS_OF
        )
    with pytest.raises(DataError, match=r"\[currency_rates\]"):
        oa.waterfall(
            History.from_changes(mixed(log()), org=oa.Org(currency="USD")),
            start="2026-01-20",
            end=AS_OF,
        )
    history = History.from_changes(mixed(log()), org=make_org({"2026-01-01": 1.1}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        oa.waterfall(history, start="2026-01-20", end=AS_OF)
    said = [str(one.message) for one in caught if issubclass(one.category, DataWarning)]
    assert any("rates of EUR are over 30 days older than the days of deals" in one for one in said)


def test_from_changes__of_a_crm_keeps_its_values_and_learns_currencies_from_the_converted_deals() -> (  # noqa: E501
    None
):
    known = make_org({"2026-03-01": 1.2}, preset="salesforce")
    field_history = pd.DataFrame(
        {
            "OpportunityId": ["006000000000001"] * 2,
            "Field": ["created", "StageName"],
            "OldValue": [None, "Prospecting"],
            "NewValue": [None, "Closed Won"],
            "CreatedDate": ["2026-03-02T10:00:00Z", "2026-03-09T10:00:00Z"],
        }
    )
    export = pd.DataFrame(
        {
            "Id": ["006000000000001"],
            "Name": ["Acme"],
            "StageName": ["Closed Won"],
            "Amount": [100.0],
            "CloseDate": ["2026-03-09"],
            "CurrencyIsoCode": ["EUR"],
        }
    )
    now = oa.read_export(export, known, progress=False)
    assert now["value"].tolist() == [120.0]
    history = History.from_changes(field_history, org=known, opportunities=now, progress=False)
    assert set(history.changes()["value"].dropna()) <= {100.0}
    assert history.as_of("2026-03-10")["currency"].tolist() == ["EUR"]
    again = history.at_rates_of(history.records["recorded_at"].iloc[-1]).changes()
    assert History.from_changes(again).changes()["value"].equals(history.changes()["value"])


def test_waterfall__begins_with_the_record_that_has_currencies(tmp_path: Any) -> None:
    history = History(tmp_path / "history", org=make_org(FALLING))
    for day, columns in (
        ("2026-02-20", []),
        ("2026-02-27", ["currency"]),
        ("2026-03-02", ["currency"]),
    ):
        record = mixed(deals()).drop(columns=[name for name in ["currency"] if name not in columns])
        history.record(record, at=f"{day}T06:00Z")
    with pytest.raises(
        oa.errors.NotEnoughHistory, match="currency begins with the record of 2026-02-27"
    ):
        oa.waterfall(history, start="2026-02-21", end="2026-03-03")
    steps = oa.waterfall(history, start="2026-02-28", end="2026-03-03")
    assert steps.drop(index=["opening", "closing"])["value"].eq(0).all()
