"""The org file that a file of deals calls for, with what is left to ask."""

from __future__ import annotations

from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics.crm import Drafted, draft_from_export, read_org_text

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
    assert "lost" in question.choices


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
