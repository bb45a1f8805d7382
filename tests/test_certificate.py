"""The load certificate, from and to the plain JSON that a frame carries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.certificate import Certificate
from tests.support import unstyled

WHOLE = Certificate(
    fetched_at=datetime(2026, 3, 2, 6, tzinfo=UTC),
    pages=2,
    rows=1200,
    total=1200,
    sweeps=1,
    source="https://crm.example.com",
    tenant="0123456789abcdef",
    state={"total": 1200, "newest": "2026-03-01T10:00:00Z"},
)


def carrying(load: Any) -> pd.DataFrame:
    frame = pd.DataFrame()
    frame.attrs["load"] = load
    return frame


@pytest.mark.parametrize(
    "certificate",
    [
        WHOLE,
        Certificate(),
        Certificate(complete=False, reasons=("a", "b"), limit=5, filters={"status": "won"}),
    ],
)
def test_certificate__survives_the_frame_and_json(certificate: Certificate) -> None:
    stored = json.loads(json.dumps(certificate.to_json()))
    assert stored == certificate.to_json()
    assert Certificate.of(carrying(stored)) == certificate


def test_certificate__is_none_where_a_frame_has_none() -> None:
    assert Certificate.of(pd.DataFrame()) is None
    assert Certificate.of(None) is None


@pytest.mark.parametrize(
    ("load", "says"),
    [
        ("complete", "Expected `object`"),
        ({"rows": "many"}, r"\$\.rows"),
        ({"pages": -1}, r"\$\.pages"),
        ({"fetched_at": "2026-03-02T06:00:00"}, r"\$\.fetched_at"),
        ({"complete": None}, r"\$\.complete"),
    ],
)
def test_certificate__refuses_what_is_none_and_says_where(load: Any, says: str) -> None:
    with pytest.raises(oa.errors.DataError, match=says):
        Certificate.of(carrying(load))


def test_narrowed_by__names_what_kept_rows_out() -> None:
    assert WHOLE.narrowed_by == {}
    assert Certificate(search="Acme", limit=10).narrowed_by == {"search": "Acme", "limit": 10}


def test_certificate__shows_its_facts_in_a_notebook() -> None:
    frame = pd.DataFrame()
    frame.attrs["load"] = {
        "rows": 7,
        "complete": False,
        "reasons": ["<i>the trash cannot be read</i>"],
        "limit": 7,
    }
    certificate = Certificate.of(frame)
    assert certificate is not None
    shown = unstyled(certificate._repr_html_())
    assert (
        "<tr><th>complete</th><td>no: &lt;i&gt;the trash cannot be read&lt;/i&gt;</td></tr>"
        in shown
    )
    assert "<tr><th>rows</th><td>7</td></tr>" in shown
    assert "total on the server" not in shown
