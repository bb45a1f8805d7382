"""A load whose central columns are empty says so, and how to name them."""

from __future__ import annotations

from pathlib import Path

import pytest

import opp_analytics as oa
from tests.support import client_of, paged, row, serving


def test_load__warns_of_a_column_that_is_empty_in_every_row(tmp_path: Path) -> None:
    rows = [row(k, value=None, total=5.0) for k in range(3)]
    with serving(paged(rows)) as server:
        with pytest.warns(
            oa.errors.DataWarning,
            match=r'(?s)value is empty in every row.*\[api.columns\]\n  total = "value"',
        ):
            oa.load(client_of(server, tmp_path), progress=False)
        # Nothing to say once it is named, nor of an empty tenant.
        named = oa.Org(api_columns={"total": "value"})
        assert oa.load(client_of(server, tmp_path, org=named), progress=False)["value"].tolist() == [5.0] * 3
    with serving(paged([])) as server:
        assert oa.load(client_of(server, tmp_path / "empty"), progress=False).empty
