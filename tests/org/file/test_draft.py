"""The org file that is drafted from a frame."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.org.file.draft import draft_org


def read(text: str) -> oa.Org:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "org.toml"
        file.write_text(text, encoding="utf-8")
        return oa.Org.read(file)


def uncommented(text: str) -> str:
    """The draft with its examples in use."""
    return re.sub(r'^# (?=\[|\]|  \{|"[^"]+" = |[a-z_]+ = )', "", text, flags=re.M)


def test_draft_org__says_what_the_frame_shows_and_marks_each_guess() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Demo", "Signed", "Signed"],
            "value": [1.0, 2.0, 3.0],
            "close_date": ["2026-11-30"] * 3,
            "currency": ["EUR", "EUR", None],
            "owner_name": ["Bo", 'Ann "A"', "Bo"],
        }
    )
    text = draft_org(frame, month="2026-11").text
    assert 'currency = "EUR"  # of every deal that names one' in text
    assert '  {name = "Signed", kind = "won"},  # 2 deals; guess: won by its name' in text
    assert '#   {owner_name = "Ann \\"A\\"", team = "East"},\n#   {owner_name = "Bo", team = "East"},' in text
    org = read(text)
    assert (org.stages.open, org.stages.won, org.currency) == (("Demo",), ("Signed",), "EUR")
    assert "  # no stage of kind lost was found\n]" in text
    assert (len(org.people), len(org.targets), dict(org.report)) == (0, 0, {})


def test_draft_org__names_a_column_that_is_empty_and_reads_the_stages_from_theirs() -> None:
    frame = pd.DataFrame(
        {
            "stage": [None, None],
            "phase": ["Demo", "Won"],
            "value": [1.0, None],
            "close_date": ["2026-11-30", None],
        }
    )
    org = read(draft_org(frame, month="2026-11").text)
    assert dict(org.api_columns) == {"phase": "stage"}
    assert org.stages.names == ("Demo", "Won")


def test_draft_org__of_several_currencies_declares_none() -> None:
    frame = pd.DataFrame({"stage": ["Demo"] * 3, "currency": ["EUR", "USD", "EUR"]})
    text = draft_org(frame, month="2026-11").text
    assert "# The deals are in EUR (2 deals) and USD (1 deal): convert them to one currency first." in text
    assert read(text).currency is None


def test_draft_org__of_an_export_has_its_preset_and_the_labels_that_were_guessed() -> None:
    frame = pd.DataFrame(
        {"stage": ["Prospecting", "On hold"], "value": [1.0, 2.0], "close_date": ["2026-11-30"] * 2}
    )
    text = draft_org(frame, preset="salesforce", columns={"amount (EUR)": "value"}, month="2026-11").text
    org = read(text)
    assert org.columns["amount (EUR)"] == "value"
    assert org.columns["StageName"] == "stage"
    assert org.stages.won == ("Closed Won",)
    assert "On hold" in org.stages.open


def test_draft_org__without_a_deal_is_the_api_s_own() -> None:
    assert read(draft_org(pd.DataFrame({"stage": []}), month="2026-11").text) == oa.Org()


def test_draft_org__examples_are_right_when_their_signs_are_removed() -> None:
    org = read(uncommented(draft_org(pd.DataFrame({"stage": ["Demo"]}), month="2026-11").text))
    assert org.timezone == "America/Chicago"
    assert org.people["team"].tolist() == ["East"]
    assert org.targets["period"].tolist() == ["2026-11"]
    assert org.report["alert_when"] == "p_target < 0.5"


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(names, st.sampled_from([None, "New", "Renewal"]), st.integers(0, 100)), min_size=1))
def test_draft_org__of_any_stages_is_an_org_file_that_knows_them_all(
    deals: list[tuple[str, str | None, int]],
) -> None:
    frame = pd.DataFrame(deals, columns=["stage", "pipeline", "probability"]).assign(
        owner_name=[d[0] for d in deals]
    )
    org = read(draft_org(frame, month="2026-11").text)
    assert set(frame["stage"]) <= set(org.stages.kinds)
