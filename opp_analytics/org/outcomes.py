"""`outcomes`: the outcome of each opportunity, as its org has it; and the newest date that opportunities show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.certificate import Certificate
from opp_analytics.org.frame import conform, require
from opp_analytics.org.org import Org
from opp_analytics.org.stages import LOST, OPEN, OUTCOMES, mask_future_dated
from opp_analytics.periods import When, as_date, to_dates

_OLD_DAYS = 30
"""A working pipeline changes within a month; data without a newer date are rather an old file."""


def outcomes(
    opportunities: pd.DataFrame, *, as_of: When | None = None, tz: str | None = None
) -> pd.Series[Any]:
    """Tell the outcome of each opportunity.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``; ``status`` if present (without it, the stage alone decides); ``close_date`` (date)
        with `as_of`.
    as_of : date-like, optional
        A deal won or lost with a ``close_date`` after this day counts as open.
    tz : str, optional
        Business time zone, in which an instant given as `as_of` becomes a date; default: the org's, else UTC.

    Returns
    -------
    Series
        ``outcome``, category of `won`, `lost`, `open`, `disqualified`, `conflict`, `unknown`, on the frame's own
        index. Empty in, empty out, same dtype.

    Raises
    ------
    MissingColumnError
        When a column is missing.

    Notes
    -----
    won: a stage of kind won (``closed_won`` without an org) or status ``won``. lost: likewise. Both at once: conflict.
    Status ``inactive``, or a stage of kind disqualified: disqualified. A missing stage, or one that the org does not know:
    unknown. A stage of kind open: open. Never inferred from a probability of 0 or 100.

    Examples
    --------
    >>> frame = pd.DataFrame({"stage": ["closed_won", "proposal", "proposal"], "status": ["won", "lost", "inactive"]})
    >>> outcomes(frame).tolist()
    ['won', 'lost', 'disqualified']
    """
    wanted = ["stage", *(["close_date"] if as_of is not None else [])]
    frame = require(opportunities, *wanted)
    codes = outcome_codes(frame)
    if as_of is not None:
        today = as_date(as_of, tz=Org.of(opportunities).zone(tz))
        codes = np.where(mask_future_dated(frame, codes, today), OPEN, codes)
    labels = pd.Categorical.from_codes(codes, categories=list(OUTCOMES))  # type: ignore[call-overload]
    return pd.Series(labels, index=opportunities.index, name="outcome")


def outcome_codes(frame: pd.DataFrame) -> NDArray[np.int8]:
    """Tell the outcome of each row of a conformed frame, as a position in `OUTCOMES`."""
    return Org.of(frame).stages.outcome_codes(frame)


def find_newest_date(opportunities: pd.DataFrame, as_of: pd.Timestamp) -> pd.Timestamp:
    """Find the newest date that opportunities show up to `as_of`; NaT where nothing is dated.

    The moment of a load or a record decides. Else it is the newest creation, update or close of a closed deal; the
    planned date of an open deal tells nothing.
    """
    zone = Org.of(opportunities).zone(None)
    moment = Certificate.moment_of(opportunities)
    if moment is not None:
        return as_date(moment, tz=zone)
    frame = conform(opportunities)
    dates = [to_dates(frame[name], tz=zone) for name in ("created_at", "updated_at") if name in frame]
    if "stage" in frame and "close_date" in frame:
        dates.append(frame["close_date"].where(outcome_codes(frame) <= LOST))
    known = [day[day <= as_of].max() for day in dates]
    newest: pd.Timestamp = pd.Series(known, dtype="datetime64[us]").max()
    return newest


def find_old_date(opportunities: pd.DataFrame, as_of: pd.Timestamp) -> pd.Timestamp | None:
    """Find the newest date of old opportunities; None where it is within 30 days of `as_of`, or nothing is dated."""
    newest = find_newest_date(opportunities, as_of)
    return newest if (as_of - newest).days > _OLD_DAYS else None
