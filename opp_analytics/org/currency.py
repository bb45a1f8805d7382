"""The one currency of the organization's money."""

from __future__ import annotations

import os
from collections.abc import Mapping

from babel.numbers import is_currency

from opp_analytics.errors import ConfigError

__all__ = ["currency"]

_VARIABLE = "BLOCKS_CURRENCY"


def currency(environ: Mapping[str, str] | None = None) -> str | None:
    """The ISO code of the currency, from ``BLOCKS_CURRENCY``; None when that is not set: the API's amounts carry none.

    Raises
    ------
    ConfigError
        When it is not the code of a currency.

    Examples
    --------
    >>> currency({"BLOCKS_CURRENCY": "EUR"}), currency({})
    ('EUR', None)
    """
    code = (os.environ if environ is None else environ).get(_VARIABLE, "").strip().upper()
    if not code:
        return None
    if not is_currency(code):
        raise ConfigError(f"{_VARIABLE}={code!r} is not a currency code; use an ISO code such as USD or EUR")
    return code
