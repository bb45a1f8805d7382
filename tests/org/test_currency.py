"""The currency of the organization."""

import pytest

import opp_analytics as oa
from opp_analytics.org import currency_code


def test_currency__is_an_iso_code_or_nothing():
    assert currency_code({"BLOCKS_CURRENCY": " eur "}) == "EUR"
    assert currency_code({}) is None
    with pytest.raises(oa.errors.ConfigError, match="BLOCKS_CURRENCY='A WHOLE SENTENCE'"):
        currency_code({"BLOCKS_CURRENCY": "a whole sentence"})
