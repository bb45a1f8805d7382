"""The org file that a file of deals calls for, with what is left to ask."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm import Drafted, draft_from_export, read_org_text
from opp_analytics.errors import DataError

SHEET = """unique_id,stage,deal value,owner_name
1,Demo,100,Ann
2,Gewonnen,200,Bo
3,Closed,300,Ann
"""


@pytest.fixture
def drafted(tmp_path: Path) -> Drafted:
    (tmp_path / "deals.csv").write_text(SHEET)
    return draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", None)


def test_draft_from_export__asks_one_question_about_all_unknown_stages(drafted: Drafted) -> None:
    [question] = drafted.questions
    assert (question.about, question.asked) == ("stages", "What do these 3 stages mean?")
    assert question.guesses == {"Demo": "open", "Closed": "", "Gewonnen": "won"}
    assert question.reasons["Gewonnen"] == "1 deal; won by its name"
    assert question.reasons["Closed"] == "1 deal; closed by its name, and nothing says won or lost"


def test_draft_from_export__writes_nothing_and_reads_the_deals_by_its_text(
    drafted: Drafted, tmp_path: Path
) -> None:
    assert not (tmp_path / "org.toml").exists()
    deals = drafted.export.opportunities
    assert oa.outcomes(deals).tolist() == ["open", "won", "unknown"]
    assert deals["value"].tolist() == [100.0, 200.0, 300.0]


def test_answer__is_no_guess_any_more(drafted: Drafted) -> None:
    told = drafted.answer(stages={"Closed": "lost", "Demo": "open"})
    assert told.questions[0].guesses == {"Gewonnen": "won"}
    assert '{name = "Closed", kind = "lost"},  # 1 deal\n' in told.draft.text
    assert oa.outcomes(told.export.opportunities).tolist() == ["open", "won", "lost"]
    assert told.answer(stages={"Gewonnen": "won"}).questions == ()


def test_draft_from_export__asks_what_deals_are_that_their_status_or_a_day_calls_closed(
    tmp_path: Path,
) -> None:
    (tmp_path / "deals.csv").write_text(
        "Id,Deal,Stage,Status,Value,Closed date\n1,A,Demo,Open,1,\n2,B,Demo,Abandoned,2,\n"
        "3,C,Demo,,3,2026-11-10\n4,D,Signed,,4,2026-11-10\n"
    )
    asked = draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", None)
    [stages] = [one for one in asked.questions if one.about == "stages"]
    assert stages.guesses == {"Demo": "open", "Signed": "won", "(closed)": "", "Abandoned": ""}
    assert stages.reasons["Abandoned"] == "1 deal; closed, and nothing says won or lost"
    assert oa.outcomes(asked.export.opportunities).tolist() == ["open", "unknown", "unknown", "won"]
    told = asked.answer(stages={"Abandoned": "lost", "(closed)": "won"})
    assert oa.outcomes(told.export.opportunities).tolist() == ["open", "lost", "won", "won"]


def test_answer__enters_a_table_beside_the_file_and_rows(drafted: Drafted, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("owner_name,team\nAnn,East\nBo,West\n")
    rows = [{"period": "2026-11", "target": 500000}]
    told = drafted.answer(tables={"people": "people.csv"}).answer(tables={"targets": rows})
    assert told.org.people["team"].tolist() == ["East", "West"]
    assert told.org.targets["target"].tolist() == [500000.0]
    assert told.export.opportunities["team"].tolist() == ["East", "West", "East"]


def test_draft_from_export__of_its_own_file_has_nothing_to_ask_or_add(
    drafted: Drafted, tmp_path: Path
) -> None:
    file = tmp_path / "org.toml"
    file.write_text(drafted.answer(stages={"Closed": "won"}).draft.text)
    again = draft_from_export(tmp_path / "deals.csv", file, read_org_text(file))
    assert (again.questions, again.draft.text) == ((), file.read_text())


def test_draft_from_export__keeps_a_section_that_exists(drafted: Drafted, tmp_path: Path) -> None:
    file = tmp_path / "org.toml"
    file.write_text('[targets]  # by hand\nrows = [{period = "2026-11", target = 5}]\n')
    again = draft_from_export(tmp_path / "deals.csv", file, read_org_text(file)).answer(
        tables={"targets": "targets.csv"}
    )
    assert again.org.targets["target"].tolist() == [5.0]
    assert "[targets]  # by hand\n" in again.draft.text


HAND = """Our deals,,,
Name,Phase,Deal Size,Expected close
Acme,Demo,$1.2M,11/30/2026
Beta,Won,$50k,10/12/2026
Gamma,Lost,$5k,9/9/2026
Total,,$1.255M,
"""


def test_draft_from_export__guesses_the_id_and_other_columns_and_asks_about_the_id_first(
    tmp_path: Path,
) -> None:
    (tmp_path / "deals.csv").write_text(HAND)
    drafted = draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", None)
    question, _ = drafted.questions
    assert (question.about, question.asked) == ("unique_id", "Which column identifies a deal?")
    assert question.guesses == {"unique_id": "Name"}
    assert question.reasons == {"unique_id": "the name is unique and never blank in 3 rows"}
    assert [(guess.theirs, guess.ours) for guess in drafted.guesses] == [
        ("Name", ["unique_id", "name"]),
        ("Phase", "stage"),
        ("Deal Size", "value"),
        ("Expected close", "close_date"),
    ]
    assert (
        '"Name" = ["unique_id", "name"]  # guess\n"Phase" = "stage"  # guess\n'
        in drafted.draft.text
    )
    assert drafted.export.opportunities["unique_id"].tolist() == ["Acme", "Beta", "Gamma"]
    assert drafted.export.opportunities["value"].tolist() == [1_200_000.0, 50_000.0, 5_000.0]


@pytest.mark.parametrize(
    ("label", "amounts", "currency"),
    [
        ("Betrag (€)", "5 6", "EUR"),
        ("Amount (GBP)", "5 6", "GBP"),
        ("Value", "US$1.2M US$5k 7", "USD"),
        ("Value", "5€ 6€", "EUR"),
        ("Value", "$5 6 7", None),
        ("Value", "CA$5 CA$6", None),
        ("Value, Kaufpreis", "5 6", None),
    ],
)
def test_draft_from_export__guesses_the_currency_by_the_sign_of_the_amounts(
    tmp_path: Path, label: str, amounts: str, currency: str | None
) -> None:
    rows = [f"D{k},Demo,{amount},2026-11-30" for k, amount in enumerate(amounts.split())]
    (tmp_path / "deals.csv").write_text("\n".join([f'Deal ID,Stage,"{label}",Close date', *rows]))
    drafted = draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", None)
    assert drafted.org.currency == currency
    assert ('"  # guess: by the sign of the amounts' in drafted.draft.text) == (
        currency is not None
    )


@pytest.mark.parametrize("old", [None, '# ours\ncurrency = "USD"\n'])
def test_answer__of_another_id_reads_the_file_by_it(tmp_path: Path, old: str | None) -> None:
    (tmp_path / "deals.csv").write_text("Name,Key,Stage\nAcme,7,Demo\nBeta,8,Won\n")
    if old:
        (tmp_path / "org.toml").write_text(old)
    drafted = draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", old)
    assert drafted.questions[0].guesses == {"unique_id": "Key"}
    told = drafted.answer(unique_id="Name")
    assert [one.about for one in told.questions] == ["stages"]
    assert told.export.opportunities[["unique_id", "name", "Key"]].to_numpy().tolist() == [
        ["Acme", "Acme", "7"],
        ["Beta", "Beta", "8"],
    ]
    assert '"Name" = ["unique_id", "name"]\n' in told.draft.text
    assert told.org.currency == ("USD" if old else None)


def test_answer__names_the_owner_that_nothing_in_a_new_file_tells(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(
        "Deal ID,Stage,Amount,Close date,Ref\n1,Demo,5,2026-11-30,x1\n2,Demo,6,2026-11-30,x2\n"
    )
    drafted = draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", None)
    assert [one.about for one in drafted.questions] == ["stages", "owner_name"]
    assert "owner_name" not in [one.about for one in drafted.answer(owner_name="").questions]
    with pytest.raises(DataError, match='there is no column "Reff"; did you mean'):
        drafted.answer(owner_name="Reff")
    told = drafted.answer(owner_name="Ref")
    assert told.export.opportunities["owner_name"].tolist() == ["x1", "x2"]
    assert '"Ref" = "owner_name"\n' in told.draft.text
    # Who said once that no column has it is not asked every Monday.
    again = draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", None)
    (tmp_path / "org.toml").write_text(again.draft.text)
    later = draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", again.draft.text)
    assert "owner_name" not in [one.about for one in later.questions]


def test_draft_from_export__adds_a_preset_to_a_file_that_names_no_column_of_its_export(
    tmp_path: Path,
) -> None:
    (tmp_path / "org.toml").write_text('currency = "USD"  # ours\n')
    (tmp_path / "deals.csv").write_text(
        "Opportunity ID,Opportunity Name,Stage,Amount,Close Date\n1,A,Prospecting,5,2026-11-30\n"
    )
    drafted = draft_from_export(
        tmp_path / "deals.csv", tmp_path / "org.toml", read_org_text(tmp_path / "org.toml")
    )
    assert drafted.draft.text == (
        'preset = "salesforce"  # its columns; what follows wins\n\ncurrency = "USD"  # ours\n'
    )
    assert drafted.export.opportunities["value"].tolist() == [5.0]


def test_draft_from_export__of_a_stored_frame_knows_the_stages_of_its_org(tmp_path: Path) -> None:
    org = oa.Org(stages=[{"name": "Fin", "kind": "won"}, {"name": "Start", "kind": "open"}])
    frame = org.apply(
        pd.DataFrame(
            {"unique_id": ["a"], "stage": ["Fin"], "value": [1.0], "close_date": ["2026-11-30"]}
        )
    )
    frame.to_parquet(tmp_path / "deals.parquet")
    drafted = draft_from_export(tmp_path / "deals.parquet", tmp_path / "org.toml", None)
    assert drafted.questions == ()
    assert set(drafted.org.stages.names) == {"Fin", "Start"}


def test_draft_from_export__asks_nothing_about_a_file_of_a_real_tutorial_but_its_stages() -> None:
    file = Path(__file__).parents[2] / "../shared/data/maven_crm/sales_pipeline.csv"
    if not file.exists():
        pytest.skip("the shared data sets are not here")
    drafted = draft_from_export(file, Path("org.toml"), None)
    ours = {guess.theirs: guess.ours for guess in drafted.guesses}
    assert ours == {
        "opportunity_id": "unique_id",
        "close_value": "value",
        "sales_agent": "owner_name",
        "account": "account_name",
        "engage_date": "created_at",
        "deal_stage": "stage",
    }
    assert [one.about for one in drafted.questions] == ["stages"]
    assert drafted.questions[0].guesses == {
        "Prospecting": "open",
        "Engaging": "open",
        "Won": "won",
        "Lost": "lost",
    }
    outcomes = oa.outcomes(drafted.export.opportunities).astype("str").value_counts().to_dict()
    assert outcomes == {"won": 4238, "lost": 2473, "open": 2089}


def test_draft_from_export__of_several_currencies_drafts_what_its_reader_refuses(
    tmp_path: Path,
) -> None:
    (tmp_path / "deals.csv").write_text(
        "unique_id,stage,value,currency,close_date\n1,Won,5,EUR,2026-01-05\n2,Demo,5,USD,\n3,Won,5,USD,2026-01-05\n"
    )
    drafted = draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", None)
    assert (
        "# The deals are in USD (2 deals) and EUR (1 deal): choose one, and give rates"
        in drafted.draft.text
    )
    with pytest.raises(DataError, match=r"1 deal in EUR \(1\), but amounts are summed in USD"):
        drafted.export  # noqa: B018
    rates = [{"date": "2026-01-01", "currency": "EUR", "rate": 1.1}]
    (tmp_path / "org.toml").write_text('currency = "USD"\n')
    told = draft_from_export(
        tmp_path / "deals.csv", tmp_path / "org.toml", 'currency = "USD"\n'
    ).answer(tables={"currency_rates": rates})
    assert told.export.opportunities["value"].round(2).tolist() == [5.5, 5.0, 5.0]


def test_draft_from_export__tells_won_from_lost_by_dates_that_the_reader_uses_up(
    tmp_path: Path,
) -> None:
    rows = [*["Live,2024-10-01,"] * 3, *["Gone,,2024-10-02"] * 3, *["Talks,,"] * 3]
    lines = [f"{number},{row}" for number, row in enumerate(rows)]
    (tmp_path / "deals.csv").write_text("\n".join(["unique_id,stage,won_at,lost_at", *lines]))
    drafted = draft_from_export(tmp_path / "deals.csv", tmp_path / "org.toml", None)
    [question] = drafted.questions
    assert question.guesses == {"Talks": "open", "Live": "won", "Gone": "lost"}
    assert question.reasons["Live"] == "3 deals; won, as its 3 deals are dated so"
    assert "won_at" not in drafted.export.opportunities
