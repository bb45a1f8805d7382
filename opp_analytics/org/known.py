"""The check that an analysis knows what the stages of its deals mean."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from opp_analytics.errors import DataError, DataWarning
from opp_analytics.org.org import Org
from opp_analytics.org.outcome_rule import UNKNOWN, outcome_codes_of
from opp_analytics.text import count, joined

__all__ = ["check_stages", "warn_unknown"]

_MOST = 5
"""Unknown stages that a message names."""


def check_stages(frame: pd.DataFrame) -> None:
    """Warn of deals in stages that the frame's org does not know; refuse a frame in which no deal is known.

    Parameters
    ----------
    frame : DataFrame
        Conformed: ``stage``, ``status`` if present.

    Raises
    ------
    DataError
        When the outcome of no deal is known; the message names the stages and `Org.apply`.
    """
    stages = Org.of(frame).stages
    if len(frame["stage"].cat.categories) == len(stages.names):
        return
    unknown = outcome_codes_of(frame, stages) == UNKNOWN
    if unknown.any():
        names = frame.loc[np.flatnonzero(unknown), "stage"].value_counts()
        warn_unknown(
            {str(name): int(rows) for name, rows in names.items() if rows},
            deals=int(unknown.sum()),
            of="frame",
            nothing_known=bool(unknown.all()),
        )


def warn_unknown(names: Mapping[str, int], *, deals: int, of: str, nothing_known: bool) -> None:
    """Warn of these stages; when nothing is known, raise.

    Parameters
    ----------
    names : mapping
        Unknown stages, the most frequent first, with their number of rows.
    deals : int
        Deals in them.
    of : str
        "frame" or "history".
    nothing_known : bool
        True when no deal's outcome is known.
    """
    shown = joined([repr(str(name)) for name in names], most=_MOST)
    line = f"stages = [{', '.join(_entries(names))}]"
    if nothing_known:
        raise DataError(
            f"no stage of this {of} is known: {shown}. What they mean is in the org, which this {of} does not have or has "
            f"lost: {_BACK[of]}, with org = oa.Org.read('opp-analytics.toml'); its line is {line}"
        )
    warnings.warn(
        f"unknown stages: {shown}; {count(deals)} left out of every rate and sum. Add them to opp-analytics.toml as open, "
        f"won, lost or disqualified: {line}",
        DataWarning,
        stacklevel=5,
    )


_BACK = {"frame": "opportunities = org.apply(opportunities)", "history": "History(path, org=org)"}


def _entries(names: Iterable[str]) -> list[str]:
    said = [f'{{name = "{name}", kind = "open"}}' for name in list(names)[:_MOST]]
    return ["…", *said]
