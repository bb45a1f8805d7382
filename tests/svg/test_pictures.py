"""Each picture shows what it showed when ``pictures.toml`` was looked at and stored."""

from __future__ import annotations

import tomllib

import pytest

from tests.svg.cases import CASES, FILE
from tests.svg.reading import read

STORED = tomllib.loads(FILE.read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(CASES.keys() | STORED))
def test_picture__is_read_as_stored(name: str) -> None:
    assert read(CASES[name]) == STORED[name]
