"""The organization's own look."""

from __future__ import annotations

import pytest

from opp_analytics.errors import ArgumentValueError, DataError
from opp_analytics.report.look import Look, read_look


def test_read_look__of_nothing_is_the_usual_one():
    assert read_look({"freq": "M"}) == Look()


def test_read_look__holds_the_logo_itself(tmp_path):
    (tmp_path / "logo.PNG").write_bytes(b"\x89PNG")
    look = read_look(
        {"title": "Monday", "accent": "#7a1fa2", "logo": str(tmp_path / "logo.PNG"), "blocks": ["fix"]}
    )
    assert look == Look("Monday", "#7a1fa2", "data:image/png;base64,iVBORw==", ("fix",))


def test_read_look__refuses_what_is_no_logo(tmp_path):
    with pytest.raises(DataError, match="cannot read the logo"):
        read_look({"logo": str(tmp_path / "none.png")})
    (tmp_path / "big.svg").write_bytes(b"x" * 200_001)
    with pytest.raises(ArgumentValueError, match="200,001 bytes; use one of at most 200,000"):
        read_look({"logo": str(tmp_path / "big.svg")})
    with pytest.raises(ArgumentValueError, match=r"is not a picture; use one of \.png"):
        read_look({"logo": "logo.pdf"})
