"""Any frame as the organization means it: dtypes, categories, and what is refused."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import org, schema
from opp_analytics.errors import DataError, DataWarning
from opp_analytics.note import note_of
from opp_analytics.org import Org
from opp_analytics.org.frame import split_by


def test_empty__has_every_column_at_its_dtype():
    dtypes = org.empty().dtypes.astype(str).to_dict()
    assert list(dtypes) == list(schema.COLUMNS)
    assert dtypes["value"] == "float64"
    assert dtypes["probability"] == "Int64"
    assert dtypes["close_date"] == "datetime64[us]"
    assert dtypes["created_at"] == "datetime64[us, UTC]"
    assert dtypes["name"] == "str"
    assert org.empty()["stage"].cat.ordered
    assert list(org.empty()["stage"].cat.categories) == list(org.STAGES.names)


def test_conform__turns_what_people_type_into_dtypes_and_touches_nothing_else():
    before = pd.DataFrame(
        {
            "unique_id": ["a", "b"],
            "value": ["12000.5", None],
            "stage": ["won!!", "proposal"],
            "close_date": [date(2026, 3, 31), None],
            "probability": [60.0, np.nan],
            "created_at": ["2026-01-01T00:00:00Z", pd.NaT],
            "owner_name": ["Ann", "Bo"],
        },
        index=[7, 9],
    )
    kept = before.copy()
    frame = org.conform(before)
    pd.testing.assert_frame_equal(before, kept)
    assert frame["value"].tolist()[0] == 12000.5
    assert frame["probability"].isna().tolist() == [False, True]
    assert frame["stage"].cat.categories[-1] == "won!!"
    assert frame["stage"].isna().sum() == 0
    assert frame["created_at"].dtype == pd.DatetimeTZDtype("us", "UTC")
    assert frame.index.tolist() == [0, 1]
    assert frame["owner_name"].tolist() == ["Ann", "Bo"]


def test_conform__keeps_of_a_category_the_known_names_and_those_held():
    spare = pd.Categorical(["proposal", "later", None], categories=["unused", "later", "proposal"])
    stage = org.conform(pd.DataFrame({"stage": spare}))["stage"]
    assert list(stage.cat.categories) == [*org.STAGES.names, "later"]
    assert stage.astype(object).where(stage.notna(), None).tolist() == ["proposal", "later", None]
    again = org.conform(pd.DataFrame({"stage": stage}))["stage"]
    pd.testing.assert_series_equal(again, stage)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("value", "twelve"),
        ("value", "12,000.50"),
        ("value", True),
        ("value", np.inf),
        ("probability", 62.5),
        ("probability", "high"),
        ("close_date", "2026-02-30"),
        ("close_date", "31.03.2026"),
        ("close_date", 20260331),
        ("created_at", "yesterday"),
    ],
)
def test_conform__names_opportunity_column_and_value_of_a_bad_cell(column, value):
    with pytest.raises(oa.errors.DataError) as caught:
        org.conform(
            pd.DataFrame(
                {"unique_id": ["a", "b"], column: pd.Series([None, value], dtype="object")}
            )
        )
    message = str(caught.value)
    assert "'b'" in message
    assert column in message
    assert repr(value) in message


def test_require__names_the_missing_column_and_those_there():
    with pytest.raises(
        oa.errors.MissingColumnError, match=r"no column 'value'.*it has unique_id, stage"
    ):
        org.require(pd.DataFrame({"unique_id": ["a"], "stage": ["proposal"]}), "stage", "value")


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["a", "b", "a"], "unique_id 'a' occurs more than once"),
        (list("abcdabcd"), "unique_id 'a', 'b', 'c' and 1 more occur more than once"),
        (["a", None], "row 1"),
    ],
)
def test_require__refuses_repeated_and_missing_ids(ids, says):
    with pytest.raises(oa.errors.DataError, match=says):
        org.require(pd.DataFrame({"unique_id": ids}), unique=True)


@pytest.mark.parametrize("what", [[{"unique_id": "a"}], None, "frame"])
def test_require__refuses_what_is_not_a_frame(what):
    with pytest.raises(oa.errors.ArgumentError, match="expected a DataFrame"):
        org.require(what, "value")


EUR = oa.Org(currency="EUR")


def deals(*currencies: str | None) -> pd.DataFrame:
    rows = [(f"o{k}", 100.0, code) for k, code in enumerate(currencies)]
    frame = pd.DataFrame(rows, columns=["unique_id", "value", "currency"])
    return frame.assign(
        name=frame["unique_id"],
        stage="proposal",
        close_date="2026-11-30",
        probability=50,
        status="active",
    )


def test_frame__of_another_currency_is_refused_with_the_deals_and_the_way_out() -> None:
    opportunities = EUR.apply(deals("EUR", "USD", None, "USD", ""))
    says = r"2 deals in USD \(o1 and o3\), but amounts are summed in EUR"
    with pytest.raises(oa.errors.DataError, match=says) as refused:
        oa.stage_funnel(opportunities)
    _, *lines = str(refused.value).splitlines()
    exec("\n".join(map(str.strip, lines)), {"opportunities": opportunities, "rate": 2.0})
    whole = deals("EUR", "EUR", None, "EUR", "")["value"] * [1, 2, 1, 2, 1]
    assert oa.stage_funnel(opportunities)["open_value"].sum() == whole.sum()


@pytest.mark.parametrize(
    "analysis",
    [
        lambda frame: oa.win_rate(frame),
        lambda frame: oa.forecast(frame, as_of="2026-11-01"),
        lambda frame: oa.deal_flags(frame, as_of="2026-11-01"),
        lambda frame: oa.velocity(frame.assign(created_at="2026-01-01"), as_of="2026-11-01"),
    ],
)
def test_frame__of_two_currencies_is_refused_also_where_none_is_declared(analysis) -> None:
    with pytest.raises(oa.errors.DataError, match="1 deal in USD .*summed in EUR"):
        analysis(deals("EUR", "EUR", "USD"))


def test_history__of_two_currencies_is_refused() -> None:
    log = pd.concat(
        [deals("EUR", "USD").assign(seen_at=day) for day in ("2026-11-02", "2026-11-09")]
    )
    history = oa.History.from_changes(log, org=EUR)
    with pytest.raises(oa.errors.DataError, match="1 deal in USD, but amounts are summed in EUR"):
        oa.waterfall(history, start="2026-11-02T12:00Z", end="2026-11-09")
    # Stages alone are no matter of currency.
    oa.transitions(history)


def blank_stages(*stages: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unique_id": [f"d{place}" for place in range(len(stages))],
            "stage": stages,
            "value": 100.0,
            "close_date": "2026-03-20",
            "probability": 50,
        }
    )


def test_blank_stage__is_in_no_sum_and_warned_of_and_counted_by_frame_and_history(
    tmp_path: Path,
) -> None:
    frame = blank_stages("proposal", None, "")
    with pytest.warns(
        DataWarning, match="^unknown stages: 2 deals have none; left out of every rate"
    ):
        table = oa.forecast(frame, as_of="2026-03-10", method="stated")
    assert (table["open_value"].sum(), note_of(table).figures["left_out"]["unknown"]) == (
        100,
        2,
    )
    with pytest.warns(
        DataWarning, match="unknown stages: 'odd', and 1 deal has none; 2 deals left out"
    ):
        oa.forecast(blank_stages("proposal", "odd", None), as_of="2026-03-10", method="stated")
    history = oa.History(tmp_path)
    history.record(frame, at="2026-03-01")
    history.record(frame.assign(value=200.0), at="2026-03-08")
    with pytest.warns(DataWarning, match="unknown stages: 2 deals have none"):
        moved = oa.waterfall(history, start="2026-03-02", end="2026-03-08")
    assert moved["value"].groupby(level="movement").sum()["closing"] == 200
    assert note_of(moved).figures["left_out"]["unknown"] == 2


def test_blank_stage__of_every_deal_is_refused() -> None:
    with pytest.raises(
        DataError, match="no deal of this frame has a stage; fill in the column stage"
    ):
        oa.forecast(blank_stages(None, None), as_of="2026-03-10", method="stated")


def test_split_by__needs_several_pipelines() -> None:
    org = Org(
        stages=[
            {"name": "Demo", "kind": "open", "pipeline": "New"},
            {"name": "Quote", "kind": "open", "pipeline": "Old"},
        ]
    )
    assert split_by(org.apply(pd.DataFrame({"pipeline": ["New"]}))) == ["pipeline"]
    assert split_by(pd.DataFrame({"pipeline": ["New"]})) == []


def test_frames__spell_a_person_in_one_way() -> None:
    composed, apart = "Zoë", "Zoe\u0308"
    known = Org(people=[{"owner_name": apart, "team": "Ost"}])
    frame = known.apply(pd.DataFrame({"owner_name": [composed, apart, "nan"], "stage": "proposal"}))
    assert frame["owner_name"].tolist()[:2] == [composed, composed]
    assert (
        frame["owner_name"].isna().tolist() == frame["team"].isna().tolist() == [False] * 2 + [True]
    )
    targets = pd.DataFrame({"period": ["2026-03"], "owner_name": [apart], "target": [5.0]})
    deals = frame.assign(value=1.0, close_date="2026-03-20", probability=50)
    for target in (targets, {(apart, "2026-03"): 5.0}):
        table = oa.forecast(deals, as_of="2026-03-10", by="owner_name", target=target)
        assert table.loc[(composed, "2026-03"), "target"] == 5
