from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics.crm.values import ColumnReader, read_stages
from opp_analytics.inputs import as_ids, as_texts
from opp_analytics.org import Org, Stage, Stages
from opp_analytics.schema import TEXT

STAGES = Stages(
    (
        Stage("Demo", "open", aliases=("1", "Discovery call")),
        Stage("Closed Won", "won"),
        Stage("Dead", "lost"),
    )
)


def texts(*cells: str | None) -> pd.Series:
    return pd.Series(list(cells), dtype=TEXT)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("001M000000qfPyS", "001M000000qfPySIAU"),
        ("006AbCdEfGhIjKl", "006AbCdEfGhIjKlIVK"),
        ("001M000000qfPySIAU", "001M000000qfPySIAU"),
        ("a01M00000062mPg", "a01M00000062mPg"),
        ("12345", "12345"),
    ],
)
def test_as_ids__adds_the_three_characters_that_salesforce_adds(short: str, long: str) -> None:
    assert as_ids(texts(None, short, short)).tolist()[1:] == [long, long]


def test_as_ids__are_texts() -> None:
    column = pd.Series(["001M000000qfPyS", 7.0, 8, None], dtype="object")
    assert as_ids(column).tolist()[:3] == ["001M000000qfPySIAU", "7", "8"]
    assert as_ids(column).isna().tolist() == [False, False, False, True]
    assert as_texts(pd.Series([1.5, 2.0])).tolist() == ["1.5", "2"]


def test_read_stages__respells_a_stage_and_never_guesses_what_one_means() -> None:
    read, lines = read_stages(
        texts("Demo", "1", "closed  won", "Closed won (Renewals)", "Won", None, "Won"), STAGES
    )
    assert read.tolist()[:5] == ["Demo", "1", "Closed Won", "Closed Won", "Won"]
    assert [(line.theirs, line.ours, line.how, line.note) for line in lines] == [
        ("Won", "", "unknown", "stage, 2 deals; name it under stages in the org file"),
        ("closed  won", "Closed Won", "guessed", "stage, 1 deal"),
        ("Closed won (Renewals)", "Closed Won", "guessed", "stage, 1 deal"),
    ]


def test_read_stages__keeps_a_name_in_parentheses_that_is_a_stage() -> None:
    stages = Stages((Stage("Demo (call)", "open"), Stage("Demo", "open")))
    assert read_stages(texts("Demo (call)"), stages)[0].tolist() == ["Demo (call)"]


def test_read__translates_statuses_and_categories() -> None:
    reader = ColumnReader(Org(), None, "UTC")
    statuses = reader.read(
        "status", texts("Open", "Won", "lost", "active", None, "deleted"), "Status"
    )
    assert statuses.tolist()[:4] == ["active", "won", "lost", "active"]
    assert statuses.tolist()[5] == "deleted"
    assert ("Open", "active", "mapped") in [
        (line.theirs, line.ours, line.how) for line in reader.lines
    ]
    words = texts("Best Case", "Commit", "Forecast", "Closed", "Pipeline", "Ours")
    categories = reader.read("category", words, "Category")
    assert categories.tolist()[:3] == ["best_case", "commit", "commit"]
    assert categories.isna().tolist() == [False, False, False, True, False, False]
    assert categories.tolist()[4:] == ["pipeline", "Ours"]
