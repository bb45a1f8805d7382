from __future__ import annotations

from io import StringIO

import pandas as pd
from rich.console import Console

from opp_analytics.api import Client
from opp_analytics.writer import apply, plan
from tests.writer.frames import changed


def test_plan_html__escapes_and_shows_old_and_new(before: pd.DataFrame) -> None:
    made = plan(before, changed(changed(before, 0, name="<script>"), 1, value=99999))
    page = made._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<del>1,100</del> → <b>99,999</b>" in page
    assert page.index("99,999</b>") < page.index("&lt;script")


def test_plan_rich__takes_no_text_for_markup(before: pd.DataFrame) -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(plan(before, changed(before, 0, name="[red]Deal[/red] [/]")))
    assert "[red]Deal[/red] [/]" in console.export_text()


def test_plan_html__shows_problems_before_changes(before: pd.DataFrame) -> None:
    page = plan(before, changed(changed(before, 0, stage="<b>sold</b>"), 1, value=99999))._repr_html_()
    assert "1 problem: nothing is sent until they are fixed" in page
    assert "&lt;b&gt;sold&lt;/b&gt;" in page
    assert page.index("is not a stage of the API") < page.index("99,999</b>")


def test_receipt_html__shows_what_went_wrong_first_and_escapes(client: Client, before: pd.DataFrame) -> None:
    client.update("o004", name="<i>theirs</i>")
    receipt = apply(plan(before, changed(before.assign(value=1.0), 4, name="ours")), client)
    page = receipt._repr_html_()
    assert "5 applied, 1 skipped, 1 conflict" in page
    assert page.index("ours</b>") < page.index("Deal 0")
    assert "&lt;i&gt;theirs&lt;/i&gt;" in page
    assert "<i>theirs" not in page
