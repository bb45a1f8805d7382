"""Categories by the tenant's column, the stage, or stated probability; each deal in one, and sums
that add up."""

import pandas as pd
import pytest
from hypothesis import given

import opp_analytics as oa
from opp_analytics.analysis import deal_categories, forecast_categories
from opp_analytics.note import note_of
from tests.analysis.strategies import opportunities
from tests.examples import examples

DAY = "2026-03-10"
OPEN = ["commit", "best_case", "pipeline", "omitted"]
ORG = oa.Org(
    stages=[
        {"name": "Demo", "kind": "open", "category": "omitted"},
        {"name": "Quote", "kind": "open", "probability": 60},
        {"name": "Verbal", "kind": "open", "category": "commit"},
        {"name": "Signed", "kind": "won"},
        {"name": "Dead", "kind": "lost"},
    ]
)


def frame(**columns):
    return pd.DataFrame(
        {
            "unique_id": list("abcdefg"),
            "stage": [
                "proposal",
                "proposal",
                "proposal",
                "proposal",
                "closed_won",
                "closed_lost",
                "proposal",
            ],
            "value": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, None],
            "close_date": [
                "2026-03-20",
                "2026-03-20",
                "2026-04-01",
                "2026-03-01",
                "2026-03-05",
                "2026-03-05",
                None,
            ],
            "probability": [75, 50, 49, 90, 100, 0, None],
            "owner_name": ["Ann", "Bo", "Ann", "Bo", "Ann", "Bo", None],
        }
    ).assign(**columns)


def test_forecast_categories__by_stated_probability():
    table = forecast_categories(frame(), as_of=DAY)
    assert table.index.tolist() == ["overdue", "unscheduled", "2026-03", "2026-04"]
    assert table.loc["2026-03", ["closed", *OPEN]].tolist() == [16, 1, 2, 0, 0]
    assert table.loc["2026-03", ["commit_total", "best_case_total"]].tolist() == [17, 19]
    assert table.loc["2026-04", OPEN].tolist() == [0, 0, 4, 0]
    assert table.loc["overdue", OPEN].tolist() == [8, 0, 0, 0]
    assert table["open_count"].tolist() == [1, 1, 2, 1]
    assert table["to_date"].tolist() == [False, False, True, False]
    assert note_of(table).figures["left_out"] == {"without_value": 1}


def test_forecast_categories__the_tenants_column_goes_first_then_the_stage():
    deals = frame(
        stage=["Demo", "Quote", "Verbal", "Verbal", "Signed", "Dead", "Quote"],
        category=["Commit", None, "Best Case", "who knows", "Closed", None, "omit"],
        probability=None,
        close_date="2026-03-20",
        value=[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0],
    )
    table = forecast_categories(ORG.apply(deals), as_of="2026-03-20")
    # Quote is a best case by the chance of its stage; an unknown category leaves the stage to
    # decide.
    assert table.loc["2026-03", ["closed", *OPEN]].tolist() == [16, 1 + 8, 4 + 2, 0, 64]
    assert note_of(table).figures["left_out"] == {"unknown_category": 1}


def test_forecast_categories__stages_of_several_pipelines():
    org = oa.Org(
        stages=[
            {"name": "Quote", "kind": "open", "category": "commit", "pipeline": "Renewal"},
            {"name": "Quote", "kind": "open", "category": "omitted", "pipeline": "New"},
            {"name": "Signed", "kind": "won"},
        ]
    )
    deals = frame(
        stage="Quote", pipeline=["New", "Renewal"] * 3 + ["New"], close_date="2026-03-20", value=1.0
    )
    table = forecast_categories(org.apply(deals), as_of=DAY)
    assert table.loc["2026-03", OPEN].tolist() == [3, 0, 0, 4]


def test_forecast_categories__never_take_those_of_another_pipelines_stage():
    org = oa.Org(
        stages=[
            {"name": "Quote", "kind": "open", "category": "commit", "pipeline": "Renewal"},
            {"name": "Call", "kind": "open", "probability": 90, "pipeline": "Renewal"},
            {"name": "Quote", "kind": "open", "probability": 10, "pipeline": "New"},
            {"name": "Call", "kind": "open", "pipeline": "New"},
            {"name": "Visit", "kind": "open", "category": "best_case", "pipeline": "New"},
            {"name": "Signed", "kind": "won"},
        ]
    )
    deals = frame(
        stage=["Quote", "Quote", "Call", "Call", "Quote", "Visit", "Visit"],
        pipeline=["Renewal", "New", "Renewal", "New", None, None, "Renewal"],
        probability=None,
    )
    assert deal_categories(org.apply(deals)).tolist() == [
        *("commit", "pipeline", "commit", "pipeline"),
        # Without a pipeline, a stage says what all pipelines with it say.
        *("pipeline", "best_case"),
        # Renewal has no Visit.
        "pipeline",
    ]


def test_forecast_categories__by_group_and_fiscal_quarter():
    org = oa.Org(fiscal_year_start=2)
    table = forecast_categories(org.apply(frame()), as_of=DAY, freq="Q", by="owner_name")
    assert table.index.names == ["owner_name", "period"]
    assert table.loc["Ann"].index.tolist() == ["overdue", "unscheduled", "2027Q1"]
    assert table.loc[("Ann", "2027Q1"), ["closed", "commit", "pipeline"]].tolist() == [16, 1, 4]
    assert table.index.unique("owner_name").tolist() == ["Ann", "Bo", "(none)"]
    assert note_of(table).freq == "Q-JAN"
    whole = forecast_categories(org.apply(frame()), as_of=DAY, freq="Q")
    summed = table.groupby(level="period", sort=False).sum(numeric_only=True)
    pd.testing.assert_frame_equal(summed[OPEN], whole[OPEN])


def test_forecast_categories__names_what_is_missing():
    with pytest.raises(oa.errors.MissingColumnError, match="no column 'close_date'"):
        forecast_categories(frame().drop(columns="close_date"), as_of=DAY)
    with pytest.raises(oa.errors.ArgumentValueError, match="an index level 'period'"):
        forecast_categories(frame(), as_of=DAY, by="period")
    with pytest.raises(oa.errors.ArgumentValueError, match="freq='often' is not a period alias"):
        forecast_categories(frame(), as_of=DAY, freq="often")


def test_forecast_categories__of_no_deal():
    table = forecast_categories(frame().head(0), as_of=DAY)
    assert table.index.tolist() == ["overdue", "unscheduled", "2026-03"]
    assert (table[["closed", *OPEN]] == 0).all(axis=None)
    assert forecast_categories(frame().head(0), as_of=DAY, by="owner_name").empty


@pytest.mark.filterwarnings("ignore:unknown stages. .* none")
@examples(20)
@given(opportunities())
def test_forecast_categories__each_open_deal_is_in_one(deals):
    known = deals.assign(stage=deals["stage"].astype("object").replace("won!!", "proposal"))
    if known["stage"].isna().all():
        return
    table = forecast_categories(known, as_of=DAY)
    outcome = oa.outcomes(known)
    is_open = outcome == "open"
    assert table["open_count"].sum() == is_open.sum()
    assert table[OPEN].sum().sum() == pytest.approx(known.loc[is_open, "value"].sum())
    assert table["closed"].sum() == pytest.approx(
        known.loc[(outcome == "won") & known["close_date"].notna(), "value"].sum()
    )
    shuffled = forecast_categories(known.sample(frac=1, random_state=2), as_of=DAY)
    pd.testing.assert_frame_equal(shuffled, table)


def test_deal_categories__are_those_that_are_summed():
    deals = frame()
    found = deal_categories(deals)
    assert found.index.equals(deals.index)
    table = forecast_categories(deals, as_of=DAY)
    is_open = oa.outcomes(deals) == "open"
    summed = deals[is_open].groupby(found[is_open])["value"].sum()
    assert table[OPEN].sum().to_dict() == summed.reindex(OPEN).fillna(0.0).to_dict()
