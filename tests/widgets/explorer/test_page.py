"""The explorer's page for those who were absent: it says what the panel says, of the same deals,
and needs nothing else."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from opp_analytics.widgets.explorer.choice import VIEWS
from tests.widgets.asking import ask, open_first, read_panel
from tests.widgets.explorer.pipelines import DAYS, explorer_at, record, states
from tests.widgets.teams import TODAY, make_org, recorded_team

BAD = '<script>alert(1)</script> & "q" a\x0bb'


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return record(states(), tmp_path_factory.mktemp("history"))


def words(page: str) -> str:
    """The page's text, without its style."""
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL))


@pytest.mark.parametrize("view", VIEWS)
def test_save__writes_what_the_panel_says_and_the_deals_of_each_mark(
    view: str, history: History, tmp_path: Path
) -> None:
    explorer = oa.explore(
        states()[-1],
        history,
        state={"view": view, "stages": ["proposal", "discovery"], "low": 1000},
    )
    explorer.save(tmp_path / "review.html")
    page, panel = (tmp_path / "review.html").read_text(), read_panel(explorer)
    said = words(page)
    for each in (
        panel["title"],
        panel["about"],
        panel["n"],
        *panel["notes"],
        explorer.code,
        "Value: from 1,000",
    ):
        assert each in said
    assert ("Stage: Proposal and Discovery" in said) == (view != "win_rates")
    for kpi in panel["kpis"]:
        assert f"{kpi['name']} {kpi['figure']} {kpi['note']}" in said
    for row in panel["rows"]:
        deals = ask(explorer, do="deals", key=row["key"], label=row["label"])["deals"]
        assert not deals["rows"] or f"{deals['counted']} · {deals['sum']}" in said
        assert all(cells[0][1] in said for cells in deals["rows"])


def test_save__of_an_open_table_has_its_deals_alone(history: History) -> None:
    explorer = oa.explore(states()[-1], history, state={"view": "changes"})
    row = read_panel(explorer)["rows"][1]
    page = ask(explorer, do="page", key=row["key"], label=row["label"])["page"]
    deals = ask(explorer, do="deals", key=row["key"], label=row["label"])["deals"]
    assert f"{row['label']} · {deals['counted']} · {deals['sum']}" in words(page)
    assert page.count("<tbody>") == 1
    assert "<details" not in page


def test_save__of_an_open_row_keeps_what_is_in_no_period() -> None:
    team = recorded_team(make_org())
    deals = team.as_of(TODAY)
    deals.loc[deals.index[-1], "close_date"] = pd.NaT
    explorer = oa.explore(deals, team, state={"view": "forecast", "by": "owner_name"})
    panel = read_panel(explorer)
    assert panel["links"]
    page = ask(explorer, do="page", key=panel["rows"][0]["key"], label="Ann")["page"]
    assert f"In no period: {panel['links'][0]['label']}" in words(page)


def test_save__lists_the_largest_and_says_how_many_there_are(tmp_path: Path) -> None:
    frame = states(300)[0].assign(stage="proposal", status="active")
    explorer = oa.explore(frame, as_of=DAYS[0])
    explorer.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count('<tr><th scope="row">') == 50
    assert f"{len(frame)} deals" in words(page)
    assert "the first 50 are listed" in words(page)


def test_save__has_no_script_and_takes_no_name_for_html(tmp_path: Path) -> None:
    frame = states()[0].assign(name=BAD, owner_name=BAD, status="active")
    url = "javascript:alert({unique_id})"
    for state in (
        {"by": "owner_name"},
        {"by": "owner_name", "text": "<script"},
        {"view": "forecast"},
    ):
        explorer = oa.explore(frame, as_of=DAYS[0], state=state)
        explorer._record_url = url
        explorer.save(tmp_path / "page.html")
        page = (tmp_path / "page.html").read_text()
        assert "default-src 'none'" in page
        assert "<script" not in page
        assert "javascript:" not in page
        assert "\x0b" not in page
        assert not re.search(r"https?://|<link rel=\"style|@import|url\(", page)


def test_save__of_a_view_without_deals_is_refused(tmp_path: Path) -> None:
    explorer = oa.explore(states()[0].iloc[:0], as_of=DAYS[0])
    with pytest.raises(ArgumentValueError, match="no deals to save"):
        explorer.save(tmp_path / "page.html")
    assert "no deals to save" in ask(explorer, do="page", label="")["error"]


def test_save__has_what_the_meeting_noted(tmp_path: Path) -> None:
    explorer = explorer_at(tmp_path)
    ask(
        explorer,
        do="note",
        id=open_first(explorer)["ids"][0],
        discussed=True,
        note="Ask <legal>",
        known=None,
    )
    explorer.save(tmp_path / "page.html")
    assert "Discussed · Ask <legal>" in words((tmp_path / "page.html").read_text())
