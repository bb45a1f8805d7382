"""`Method`: a forecast method with its options, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError

METHODS = ("auto", "learned", "run_rate", "stated", "stage", "curve")
"""The named methods."""
TIMINGS = ("due", "curve")
UNITS = ("fraction", "percent")
_WHOLE = ("auto", "learned", "run_rate")
"""Methods that bring their own timing, new business and ranges."""


@dataclass(frozen=True)
class Method:
    """A forecast method with options; `forecast` and related functions also take a name, such as ``method="learned"``.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError
        When an option is of the wrong kind, out of range, or does not go with the method.

    Examples
    --------
    >>> Method("stage", stage_rates={"proposal": 0.3}).name
    'stage'
    """

    probability: str = "stated"
    """"learned": chances, new business and ranges from past records. "run_rate": what ended periods won after the same
    point. "auto": learned where the history allows, else run rate, else stated. "stated": a deal's ``probability``.
    "stage": the rate of its stage, from `stage_rates` or the records. "curve": the share of deals of its age that were
    eventually won. Any other text names a column of fractions 0–1 or percents."""
    timing: str = "due"
    """"due": a won deal is won in the period it is due in. "curve": only the share of wins that, at the deal's age,
    came by the end of that period counts."""
    new_business: bool = False
    """If True, add money that past periods won from deals not due in them at the same point: the mean of the last
    twelve ended periods (at least three) to ``expected``, their spread to the range. Needs ``history=``, without
    ``by=``."""
    correlation: float = 0.0
    """Correlation between the deals of a period, at least 0 and below 1; it widens the range."""
    stage_rates: Mapping[str, float] | pd.DataFrame | None = None
    """Rate (fraction 0–1) by stage, for "stage" and for deals without a probability; a mapping or the result of
    `stage_rates`."""
    unit: str | None = None
    """Unit of the named column: "fraction" or "percent"; None reads it off the whole column."""

    def __post_init__(self) -> None:
        if not isinstance(self.probability, str):
            raise ArgumentTypeError(
                f"probability={self.probability!r} is not text; use 'learned', 'stated', … or the name of a column, "
                "and stage_rates={'proposal': 0.4, …} for given rates"
            )
        arguments.one_of(self.timing, "timing", TIMINGS)
        if self.unit is not None:
            arguments.one_of(self.unit, "unit", UNITS)
        if not isinstance(self.new_business, (bool, np.bool_)):
            raise ArgumentTypeError(f"new_business={self.new_business!r} must be True or False")
        if arguments.number(self.correlation, "correlation", low=0, example=0.2) >= 1:
            raise ArgumentValueError(f"correlation={self.correlation!r} is not below 1; 0.1 to 0.3 is common")
        if self.stage_rates is not None:
            object.__setattr__(self, "stage_rates", _rates(self.stage_rates))
        optioned = self.timing != "due" or self.new_business or self.correlation or self.stage_rates
        if self.probability in _WHOLE and optioned:
            raise ArgumentValueError(
                f"the method {self.probability!r} takes no further option: it brings its own timing, new business and ranges"
            )

    @property
    def name(self) -> str:
        """Name of the method in tables, such as "stated + new business"."""
        return (
            f"{self.probability}{' in time' if self.timing == 'curve' else ''}"
            f"{' + new business' if self.new_business else ''}"
            f"{f', correlation {self.correlation:g}' if self.correlation else ''}"
        )

    @property
    def rates(self) -> Mapping[str, float] | None:
        """The given rates by stage."""
        assert not isinstance(self.stage_rates, pd.DataFrame)
        return self.stage_rates

    @property
    def columns(self) -> list[str]:
        """The column with the chances, if any."""
        if self.probability in (*_WHOLE, "stage", "curve"):
            return []
        return ["probability" if self.probability == "stated" else self.probability]

    @property
    def aged(self) -> bool:
        """True if the method uses the age of each deal."""
        return "curve" in (self.probability, self.timing)

    @property
    def reads_history(self) -> bool:
        """True if the method cannot do without past records."""
        return self.probability == "learned" or self.new_business


def read_method(method: Any, name: str = "method") -> Method:
    """The method from its name or a `Method`.

    Examples
    --------
    >>> read_method("stage").probability
    'stage'
    """
    if isinstance(method, Method):
        return method
    if not isinstance(method, str):
        raise ArgumentTypeError(
            f"{name}={method!r} is not a method; use one of {', '.join(map(repr, METHODS))}, or oa.Method(…)"
        )
    if method not in METHODS:
        raise ArgumentValueError(
            f"unknown {name}={method!r}; use one of {', '.join(map(repr, METHODS))}. "
            f"For a column, use oa.Method(probability={method!r})"
        )
    return Method(method)


def _rates(rates: Any) -> dict[str, float]:
    if isinstance(rates, pd.DataFrame):
        rates = arguments.frame(rates, "stage_rates", "rate", made_by="stage_rates")["rate"]
    if not isinstance(rates, (Mapping, pd.Series)):
        raise ArgumentTypeError(
            f"stage_rates={rates!r} is not a mapping from stage to rate, such as {{'proposal': 0.4}}"
        )
    read = {}
    for stage, rate in rates.items():
        if rate is None or rate is pd.NA or rate != rate:
            continue
        read[str(stage)] = arguments.number(rate, f"stage_rates[{stage!r}]", low=0, example=0.4)
        if read[str(stage)] > 1:
            raise ArgumentValueError(
                f"stage_rates[{stage!r}]={rate!r} is above 1; rates are fractions, so divide percents by 100"
            )
    return read
