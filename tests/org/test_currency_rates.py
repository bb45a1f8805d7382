"""Rates of the org file: reading them, converting a frame, and what is recorded and written of
it."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import DataError, DataWarning, OrgError
from opp_analytics.history.history import History

RATES = [
    {"date": "2026-01-01", "currency": "EUR", "rate": 1.10},
    {"date": "2026-03-01", "currency": "EUR", "rate": 1.20},
    {"date": "2026-03-20", "currency": "EUR", "rate": 1.25},
    {"date": "2026-03-01", "currency": "JPY", "rate": 0.0065},
]
ORG = oa.Org(currency="USD", currency_rates=RATES)


def deals(**columns: Any) -> pd.DataFrame:
    """Make a won deal in EUR, open ones in EUR and USD, and one without a currency, loaded on March
    25."""
    frame = pd.DataFrame(
        {
            "unique_id": ["a", "b", "c", "d"],
            "name": ["Acme", "Bolt", "Cox", "Dow"],
            "value": [100.0, 200.0, 300.0, 400.0],
            "stage": ["closed_won", "proposal", "proposal", "proposal"],
            "close_date": pd.to_datetime(["2026-01-20", "2026-04-10", "2026-04-11", "2026-04-12"]),
            "probability": [100, 50, 50, 50],
            "currency": ["EUR", "EUR", "USD", None],
        }
    ).assign(**columns)
    frame.attrs["load"] = {
        "fetched_at": "2026-03-25T12:00:00Z",
        "rows": len(frame),
        "total": len(frame),
    }
    return frame


def write_file(folder: Path, rates: str, head: str = 'currency = "USD"\n') -> Path:
    (folder / "rates.csv").write_text(rates)
    file = folder / "opp-analytics.toml"
    file.write_text(f'{head}[currency_rates]\nfile = "rates.csv"\n')
    return file


def test_apply__converts_closed_deals_at_their_close_date_and_open_ones_at_the_frame_s_moment() -> (
    None
):
    frame = ORG.apply(deals())
    assert frame["value"].tolist() == pytest.approx([110.0, 250.0, 300.0, 400.0])
    assert frame["value_original"].tolist() == [100.0, 200.0, 300.0, 400.0]
    assert frame["currency"].tolist()[:3] == ["EUR", "EUR", "USD"]


def test_apply__converts_once_however_often() -> None:
    frame = ORG.apply(deals())
    pd.testing.assert_frame_equal(ORG.apply(frame), frame)
    bare = pd.DataFrame(frame)
    bare.attrs = {"load": frame.attrs["load"]}
    pd.testing.assert_frame_equal(ORG.apply(bare), frame)


def test_apply__takes_the_first_rate_before_it_and_says_so() -> None:
    with pytest.warns(
        DataWarning,
        match=r"first rates of EUR are used for days before them",
    ):
        frame = ORG.apply(deals(close_date=pd.to_datetime(["2025-12-01"] * 4)))
    assert frame["value"].iloc[0] == pytest.approx(110.0)


def test_apply__says_a_rate_older_than_30_days_once_by_currency() -> None:
    old = deals(currency=["EUR", "EUR", "EUR", "JPY"])
    old.attrs["load"]["fetched_at"] = "2026-04-20T00:00:00Z"
    with pytest.warns(DataWarning) as caught:
        ORG.apply(old)
    assert [str(one.message) for one in caught] == [
        "[currency_rates]: rates of EUR and JPY are over 30 days older than the days of deals. "
        "Add the rates of those days"
    ]
    old.attrs["load"]["fetched_at"] = "2026-03-31T00:00:00Z"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ORG.apply(old.assign(close_date=pd.to_datetime(["2026-01-31"] * 4)))


def test_apply__refuses_a_currency_without_a_rate_and_names_the_file(tmp_path: Path) -> None:
    org = oa.Org.read(write_file(tmp_path, "date,currency,rate\n2026-01-01,EUR,1.1\n"))
    with pytest.raises(
        DataError, match=r"1 deal in GBP \(d\): rates\.csv has no rate of GBP; add one"
    ):
        org.apply(deals(currency=["EUR", "EUR", "USD", "GBP"]))


def test_apply__refuses_a_column_of_the_frame_s_own() -> None:
    with pytest.raises(DataError, match=r"value_original_in_crm"):
        ORG.apply(deals(value_original=[1.0, 2.0, 3.0, 4.0]))


def test_org__survives_files_and_pickles() -> None:
    assert oa.Org(**ORG.to_dict()) == ORG == pickle.loads(pickle.dumps(ORG))
    assert pickle.loads(pickle.dumps(ORG)).converts
    assert ORG.currency_rates["rate"].tolist() == [1.10, 1.20, 0.0065, 1.25]


def test_read__names_each_bad_row(tmp_path: Path) -> None:
    rates = "date,currency,rate\n2026-01-01,EUR,1.1\n2026-01-01,EUR,1.2\n2026-01-02,EUR,0\nsoon,EUR,1\n2026-01-03,EUX,1\n2026-01-04,USD,2\n"  # noqa: E501
    with pytest.raises(OrgError) as refused:
        oa.Org.read(write_file(tmp_path, rates))
    said = str(refused.value)
    for wanted in (
        "rates.csv line 3: date",
        "a second rate of this currency on this day",
        "rates.csv line 4: rate = 0.0: use a number above 0",
        "rates.csv line 5: date = 'soon'",
        "rates.csv line 6: currency = 'EUX'",
        "rates.csv line 7: currency = 'USD'",
        "the org's own currency",
    ):
        assert wanted in said


def test_read__refuses_rates_without_the_currency_that_they_lead_to(tmp_path: Path) -> None:
    with pytest.raises(OrgError, match="currency.*missing, and rates lead to it"):
        oa.Org.read(write_file(tmp_path, "date,currency,rate\n2026-01-01,EUR,1.1\n", head=""))


@pytest.mark.parametrize(
    ("rates", "rate"),
    [
        ("date,currency,rate\n2026-01-01,EUR,1.085\n", 1.085),
        ("date;currency;rate\n31.01.2026;EUR;1,085\n", 1.085),
        ('date,currency,rate\n1/31/2026,IDR,"0.000061"\n', 0.000061),
    ],
)
def test_read__takes_a_rate_as_it_is_written(tmp_path: Path, rates: str, rate: float) -> None:
    assert oa.Org.read(write_file(tmp_path, rates)).currency_rates["rate"].tolist() == [rate]


def test_read__refuses_a_rate_with_two_readings(tmp_path: Path) -> None:
    with pytest.raises(
        OrgError, match=r"rates.csv line 2: rate = '1,085': may mean 1,085 or 1.085"
    ):
        oa.Org.read(write_file(tmp_path, 'date,currency,rate\n2026-01-01,EUR,"1,085"\n'))


def test_read_export__converts_and_reads_signs_of_the_row_s_currency() -> None:
    export = pd.DataFrame(
        {
            "Opportunity ID": ["a", "b"],
            "Stage": ["Proposal/Price Quote", "Closed Won"],
            "Amount": ["€1,000.00", "$500.00"],
            "Amount Currency": ["EUR", "USD"],
            "Close Date": ["2026-04-10", "2026-03-10"],
        }
    )
    org = oa.Org.salesforce(
        currency="USD", currency_rates=[{"date": "2026-01-01", "currency": "EUR", "rate": 2.0}]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = oa.read_export(export, org)
    assert frame["value"].tolist() == [2000.0, 500.0]
    with pytest.raises(DataError, match="is in €, not in USD"):
        oa.read_export(export.assign(**{"Amount Currency": "USD"}), org)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_read_export__of_a_converted_file_converts_once(tmp_path: Path, kind: str) -> None:
    frame = ORG.apply(deals())
    file = tmp_path / f"deals.{kind}"
    if kind == "csv":
        oa.to_csv(frame, file)
    else:
        frame.to_parquet(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = oa.read_export(file, ORG)
    assert again["value_original"].tolist() == [100.0, 200.0, 300.0, 400.0]
    assert again["value"].iloc[0] == pytest.approx(110.0)


def test_record__stores_the_crm_s_values_whichever_frame_it_is_given(tmp_path: Path) -> None:
    history = History(tmp_path / "history", org=ORG)
    history.record(deals(), at="2026-03-25T12:00Z")
    again = history.record(ORG.apply(deals()), at="2026-03-26T12:00Z")
    assert (again.new, again.changed) == (0, 0)
    assert "value_original" not in history.changes()
    assert history.changes()["value"].tolist() == [100.0, 200.0, 300.0, 400.0]
    assert history.as_of("2026-03-27")["value"].tolist() == pytest.approx(
        [110.0, 250.0, 300.0, 400.0]
    )


def change_of(after: pd.DataFrame, before: pd.DataFrame | None = None) -> list[tuple[Any, ...]]:
    planned = oa.plan(ORG.apply(deals()) if before is None else before, after)
    assert planned.problems.empty, planned.problems
    return list(
        planned.changes[["unique_id", "field", "before", "after"]].itertuples(
            index=False, name=None
        )
    )


def edit(name: str, **cells: Any) -> pd.DataFrame:
    frame = ORG.apply(deals()).set_index("unique_id")
    for unique_id, cell in cells.items():
        frame.loc[unique_id, name] = cell
    return frame.reset_index()


def test_plan__sends_an_edit_of_value_original_as_value() -> None:
    assert change_of(edit("value_original", b=220.0)) == [("b", "value", 200.0, 220.0)]
    assert change_of(edit("value_original", c=330.0)) == [("c", "value", 300.0, 330.0)]


def test_plan__sends_an_edit_of_value_in_the_org_s_currency() -> None:
    assert change_of(edit("value", c=310.0, d=410.0)) == [
        ("c", "value", 300.0, 310.0),
        ("d", "value", 400.0, 410.0),
    ]


def test_plan__finds_an_edit_of_a_converted_value_a_problem_that_names_value_original() -> None:
    problems = oa.plan(ORG.apply(deals()), edit("value", b=260.0)).problems
    assert problems[["unique_id", "field", "value"]].to_numpy().tolist() == [["b", "value", 260.0]]
    assert problems["problem"].iloc[0] == "is converted from EUR"
    assert "value_original" in problems["suggestion"].iloc[0]


def test_plan__of_nothing_edited_is_empty_and_of_a_currency_sends_nothing_converted() -> None:
    assert change_of(ORG.apply(deals())) == []
    assert change_of(ORG.apply(deals()).drop(columns="value")) == []
    assert change_of(ORG.apply(deals()).drop(columns="value_original")) == []
    assert change_of(edit("currency", b="USD")) == [("b", "currency", "EUR", "USD")]


def test_plan__creates_with_the_crm_s_value() -> None:
    before = ORG.apply(deals())
    new = pd.DataFrame(
        {"name": ["New"], "value_original": [50.0], "currency": ["EUR"], "stage": ["proposal"]}
    )
    planned = oa.plan(before, pd.concat([before, new], ignore_index=True))
    assert planned.steps[0].fields["value"] == 50.0
    assert "value_original" not in planned.steps[0].fields
    assert planned.steps[0].value_after == pytest.approx(62.5)
    typed = oa.plan(
        before,
        pd.concat([before, new.rename(columns={"value_original": "value"})], ignore_index=True),
    )
    assert typed.problems["problem"].tolist() == ["is converted from EUR"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_files__carry_an_edit_of_value_original(tmp_path: Path, kind: str) -> None:
    before = ORG.apply(deals())
    file = tmp_path / f"deals.{kind}"
    if kind == "csv":
        oa.to_csv(before, file)
        assert change_of(oa.read_csv(file, before), before) == []
        file.write_text(
            file.read_text().replace(",200,", ',"€220",').replace(",200\n", ',"€220"\n')
        )
        assert change_of(oa.read_csv(file, before), before) == [("b", "value", 200.0, 220.0)]
        return
    openpyxl = pytest.importorskip("openpyxl")
    oa.to_excel(before, file)
    was, after = oa.read_excel(file)
    assert change_of(after, was) == []
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    place = {cell.value: cell.column for cell in sheet[1]}
    locked = [sheet.cell(row, place["value"]).protection.locked for row in range(2, 6)]
    assert locked == [True, True, False, False]
    sheet.cell(3, place["value_original"]).value = 220
    book.save(file)
    was, after = oa.read_excel(file)
    assert change_of(after, was) == [("b", "value", 200.0, 220.0)]
    assert oa.plan(was, after).edited()["value"].iloc[1] == pytest.approx(275.0)


@pytest.mark.slow
def test_apply__sends_the_crm_s_values_and_undo_gives_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    today = pd.Timestamp.now("UTC").normalize()
    org = oa.Org(
        currency="USD",
        currency_rates=[{"date": f"{today:%Y-%m-%d}", "currency": "EUR", "rate": 1.25}],
    )
    held = deals(
        status="active", stage="proposal", close_date=f"{today + pd.Timedelta(days=9):%Y-%m-%d}"
    )
    held = held.assign(
        created_at="2026-01-01T00:00:00Z", updated_at="2026-01-02T00:00:00Z", account_id="x"
    )
    held.attrs = {}
    with (
        oa.sandbox.start(opportunities=held) as box,
        oa.Client(box.url, box.token, box.api_key, org=org, cache_dir=tmp_path / "cache") as client,
    ):
        before = oa.load(client, progress=False)
        edited = before.set_index("name")
        edited.loc["Acme", "value_original"], edited.loc["Cox", "value"] = 140.0, 320.0
        receipt = oa.apply(
            oa.plan(before, edited.reset_index(), client=client), client, progress=False
        )
        assert receipt.table[["field", "after", "outcome"]].to_numpy().tolist() == [
            ["value", 140.0, "applied"],
            ["value", 320.0, "applied"],
        ]
        after = oa.load(client, progress=False, refresh="full").set_index("name")
        assert after.loc[["Acme", "Cox"], "value"].tolist() == [175.0, 320.0]
        assert after.loc[["Acme", "Cox"], "value_original"].tolist() == [140.0, 320.0]
        back = oa.undo(client)
        assert back.changes[["before", "after"]].to_numpy().tolist() == [
            [140.0, 100.0],
            [320.0, 300.0],
        ]
        assert "value of these deals: $495 → $425 (−$70)" in back.summary()
