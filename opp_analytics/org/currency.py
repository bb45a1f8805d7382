"""The organization's currency."""

from __future__ import annotations

import os
from collections.abc import Mapping

from babel.numbers import is_currency

from opp_analytics.errors import ConfigError

__all__ = ["currency_code"]

_VARIABLE = "BLOCKS_CURRENCY"


def currency_code(environ: Mapping[str, str] | None = None) -> str | None:
    """ISO code of the organization's currency, from ``BLOCKS_CURRENCY``; None when it is not set.

    Raises
    ------
    ConfigError
        When ``BLOCKS_CURRENCY`` is not a currency code.

    Examples
    --------
    >>> currency_code({"BLOCKS_CURRENCY": "EUR"}), currency_code({})
    ('EUR', None)
    """
    code = (os.environ if environ is None else environ).get(_VARIABLE, "").strip().upper()
    if not code:
        return None
    if not is_currency(code):
        raise ConfigError(f"{_VARIABLE}={code!r} is not a currency code; use an ISO code such as USD or EUR")
    return code
