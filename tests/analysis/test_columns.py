"""Each analysis asks only for what it reads: without any one column there is a result, or an error
that names the column."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import pytest

import opp_analytics as oa
from tests.analysis.every_analysis import COLUMNS, OF_FRAMES, OF_HISTORIES, deals, log


@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", OF_FRAMES)
def test_frame__without_a_column_gives_a_result_or_an_error_that_names_it(
    name: str, column: str
) -> None:
    try:
        assert OF_FRAMES[name](deals().drop(columns=column)) is not None
    except oa.errors.MissingColumnError as error:
        assert f"'{column}'" in str(error)  # noqa: PT017
        assert "history" not in str(error)  # noqa: PT017


READ = ("value", "stage", "close_date", "owner_name")
"""Columns that many questions to a history read; the others are left out together."""


@functools.cache
def history_without(*columns: str) -> oa.History:
    return oa.History.from_changes(log().drop(columns=list(columns)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
@pytest.mark.parametrize(
    "columns",
    [*((name,) for name in READ), [name for name in COLUMNS if name not in ("unique_id", *READ)]],
    ids=lambda columns: columns[0],
)
@pytest.mark.parametrize("name", OF_HISTORIES)
def test_history__without_a_column_gives_a_result_or_an_error_that_names_it(
    name: str, columns: Sequence[str]
) -> None:
    try:
        assert OF_HISTORIES[name](history_without(*columns)) is not None
    except oa.errors.MissingColumnError as error:
        ways = (f"history has no column '{column}'" for column in columns)
        lacks = (f"the column '{column}', which the history lacks" for column in columns)
        assert any(said in str(error) for said in (*ways, *lacks))  # noqa: PT017
