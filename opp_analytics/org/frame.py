"""Frames of opportunities in their org's form, checks before an analysis, and outcomes.

The checks are of ids, stages and one currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.arrays import Codes, Series
from opp_analytics.certificate import Certificate
from opp_analytics.errors import DataError, DataWarning, MissingColumnError
from opp_analytics.inputs import did_you_mean
from opp_analytics.org.conform import check_frame, conform_to
from opp_analytics.org.org import Org
from opp_analytics.org.people import add_teams, list_derived
from opp_analytics.org.rates import CURRENCY, VALUE_ORIGINAL, read_codes
from opp_analytics.org.stages import LOST, OPEN, OUTCOMES, PIPELINE, UNKNOWN
from opp_analytics.periods import When, as_date, to_dates
from opp_analytics.schema import COLUMNS, is_blank
from opp_analytics.text import count, joined

_MOST_STAGES, _MOST_DEALS = 5, 3
"""Unknown stages, and deals in another currency, that a message names; more would hide its end."""


def empty(org: Org | None = None) -> pd.DataFrame:
    """Make an empty frame of opportunities, every column at its dtype."""
    frame = pd.DataFrame({column: pd.Series([], dtype="object") for column in COLUMNS})
    return conform(frame) if org is None else org.apply(frame)


def conform(opportunities: pd.DataFrame) -> pd.DataFrame:
    """Copy a frame with every known column at its dtype, and stages as its org has them.

    Rows and attrs stay the same; the index is 0…n−1.
    """
    return conform_to(opportunities, Org.of(opportunities).stages)


def require(opportunities: pd.DataFrame, *columns: str, unique: bool = False) -> pd.DataFrame:
    """Conform a frame, after a check that it has `columns`.

    With `unique`, every row must also have a ``unique_id`` of its own.
    """
    check_frame(opportunities)
    needed = ("unique_id", *columns) if unique else columns
    missing = [c for c in needed if c not in opportunities.columns]
    if missing:
        whose = "history" if "recorded_at" in opportunities.attrs else "table of deals"
        raise make_column_error(whose, missing, opportunities.columns, Org.of(opportunities))
    frame = conform(opportunities)
    if unique:
        ids = frame["unique_id"]
        if ids.isna().any():
            row = int(ids.isna().to_numpy().argmax())
            raise DataError(f"row {row} has no unique_id; drop it or fill it in")
        refuse_repeated(ids)
    return frame


def make_column_error(
    whose: str, missing: Iterable[str], known: Iterable[Any], meaning: Org | None = None
) -> MissingColumnError:
    """Make the error for missing columns.

    It names them, the columns that are there, and where derived ones come from.
    """
    missing, known = list(missing), list(known)
    theirs = {"team", "region"}.intersection(missing)
    hint = f"; [people] of the org file gives {' and '.join(sorted(theirs))}" if theirs else ""
    for join in meaning.joins if meaning else ():
        if lacking := [name for name in join.columns if name in missing]:
            keys = joined(join.keys, last="or")
            hint = f"; {join.file} gives {joined(lacking)} to deals with a column {keys}"
    names = list(map(str, known))
    near = did_you_mean(missing[0], names) if len(missing) == 1 else ""
    has = f"{near} It has" if near else "it has"
    return MissingColumnError(
        f"the {whose} has no column {', '.join(map(repr, missing))}; {has} {', '.join(names)}{hint}"
    )


def refuse_repeated(ids: Series) -> None:
    """Refuse rows that repeat an id: every sum would count them twice."""
    if ids.is_unique:
        return
    known = ids.dropna()
    repeated = [repr(one) for one in known[known.duplicated()].unique()]
    if repeated:
        raise DataError(
            f"unique_id {joined(repeated, most=3)} occur{'s' if len(repeated) == 1 else ''} more "
            "than once; keep one row each, for example with "
            "drop_duplicates('unique_id', keep='last')"
        )


def split_by(opportunities: pd.DataFrame) -> list[str]:
    """Choose the grouping that keeps pipelines apart in tables of stages.

    There is none if the org has only one pipeline.
    """
    several = len(Org.of(opportunities).stages.pipelines) > 1
    return [PIPELINE] if several and PIPELINE in opportunities else []


def check_stages(frame: pd.DataFrame) -> None:
    """Warn of deals without a stage, or in one that the frame's org does not know.

    Refuse a frame in which no deal is known.
    """
    stages = Org.of(frame).stages
    if len(frame["stage"].cat.categories) == len(stages.names) and frame["stage"].notna().all():
        return
    unknown = stages.outcome_codes(frame) == UNKNOWN
    # A status can say unknown of a deal in a known stage.
    unknown &= ~frame["stage"].isin(list(stages.kinds)).to_numpy()
    if unknown.any():
        names = frame.loc[np.flatnonzero(unknown), "stage"].value_counts(dropna=False)
        warn_unknown(names[names > 0], of="frame", nothing_known=bool(unknown.all()))


def warn_unknown(deals: Series, *, of: str, nothing_known: bool) -> None:
    """Warn of deals in unknown stages or without one; when nothing is known, raise.

    `deals` are counted by stage, the most frequent first, a missing one included; `of` is "frame"
    or "history".
    """
    names = [str(name) for name in deals.index if not is_blank(name)]
    blank = int(deals.sum() - deals[names].sum())
    without = f"{count(blank)} {'has' if blank == 1 else 'have'} none"
    if not names and nothing_known:
        raise DataError(f"no deal of this {of} has a stage; fill in the column stage")
    if not names:
        DataWarning.warn(
            f"unknown stages: {without}; left out of every rate and sum. Fill in the stage, or the "
            "status where the deal is won, lost or inactive",
            "unknown stages",
            blank,
        )
        return
    shown = joined([repr(name) for name in names], most=_MOST_STAGES)
    entries = [f'{{name = "{name}", kind = "open"}}' for name in names[:_MOST_STAGES]]
    line = f"stages = [{', '.join(['…', *entries])}]"
    if nothing_known:
        raise DataError(
            f"no stage of this {of} is known: {shown}. What they mean is in the org, which this "
            f"{of} does not have or has lost: {_WAY_OUT[of]}, with org = "
            f"oa.Org.read('opp-analytics.toml'); its line is {line}"
        )
    DataWarning.warn(
        f"unknown stages: {shown}{f', and {without}' if blank else ''}; {count(int(deals.sum()))} "
        "left out of every rate and sum. Add the stages to opp-analytics.toml as open, won, lost "
        f"or disqualified: {line}",
        "unknown stages",
        int(deals.sum()),
    )


_WAY_OUT = {
    "frame": "opportunities = org.apply(opportunities)",
    "history": "History(path, org=org)",
}


def is_converted(frame: pd.DataFrame) -> bool:
    """Tell whether a frame's values were converted to its org's currency."""
    return VALUE_ORIGINAL in frame and Org.of(frame).converts


def mark_foreign(frame: pd.DataFrame) -> pd.Series[bool]:
    """Mark the rows whose ``value`` was converted from another currency than the org's."""
    if not is_converted(frame) or CURRENCY not in frame:
        return pd.Series(False, index=frame.index)
    codes = read_codes(frame[CURRENCY])
    return codes.notna() & (codes != Org.of(frame).currency)


def check_currency(frame: pd.DataFrame) -> None:
    """Refuse rows of another currency than the org's, or of several where it declares none.

    An empty ``currency`` is the org's. The message names the deals.
    """
    if CURRENCY not in frame or is_converted(frame):
        return
    codes = read_codes(frame[CURRENCY])
    found = codes.value_counts()
    one = Org.of(frame).currency or (str(found.index[0]) if len(found) else None)
    other = codes.notna() & (codes != one)
    if not other.any() or one is None:
        return
    if Org.of(frame).converts:
        raise DataError(
            f"the frame has no column {VALUE_ORIGINAL!r}, which tells that its values were "
            "converted: keep it beside value and currency, or, where the values are the CRM's, "
            "convert them with org.apply(frame)"
        )
    ids = frame.loc[other, "unique_id"] if "unique_id" in frame else frame.index[other]
    refuse_currencies(
        {str(code): int(rows) for code, rows in found.items()}, one, deals=ids.tolist()
    )


def refuse_currencies(found: dict[str, int], one: str, *, deals: Sequence[Any] = ()) -> None:
    """Raise the error about `deals` in currencies other than `one`; `found` counts rows."""
    others = [f"{count(rows)} in {code}" for code, rows in found.items() if code != one]
    which = f" ({joined(deals, most=_MOST_DEALS)})" if deals else ""
    rows = f'rows = opportunities["currency"] == "{next(code for code in found if code != one)}"'
    way = "give rates under [currency_rates] of the org file"
    raise DataError(
        f"{joined(others, most=5)}{which}, but amounts are summed in {one}",
        python_way=f"{way}, or convert each currency first, at your own rate:\n"
        f'  {rows}\n  opportunities.loc[rows, "value"] *= rate\n'
        f'  opportunities.loc[rows, "currency"] = "{one}"',
        shell_way=way,
    )


_OLD_DAYS = 30
"""A working pipeline changes within a month; data without a newer date are rather an old file."""


def outcomes(
    opportunities: pd.DataFrame, *, as_of: When | None = None, tz: str | None = None
) -> Series:
    """Tell the outcome of each opportunity.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``; ``status`` if present (without it, the stage alone decides); ``close_date``
        (date) with `as_of`.
    as_of : date or str, optional
        In opportunities loaded after this day, a deal won or lost with a later ``close_date``
        counts as open: it was perhaps not closed yet.
    tz : str, optional
        Business time zone, in which an instant given as `as_of` becomes a date; default: the org's,
        else UTC.

    Returns
    -------
    Series
        ``outcome``, category of `won`, `lost`, `open`, `disqualified`, `conflict`, `unknown`, on
        the frame's own index. Empty in, empty out, same dtype.

    Raises
    ------
    MissingColumnError
        When a column is missing.

    Notes
    -----
    won: a stage of kind won (``closed_won`` without an org) or status ``won``. lost: likewise. Both
    at once: conflict. Status ``inactive``, or a stage of kind disqualified: disqualified. A missing
    stage, or one that the org does not know: unknown. A stage of kind open: open. Never inferred
    from a probability of 0 or 100.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {"stage": ["closed_won", "proposal", "proposal"], "status": ["won", "lost", "inactive"]}
    ... )
    >>> outcomes(frame).tolist()
    ['won', 'lost', 'disqualified']
    """
    wanted = ["stage", *(["close_date"] if as_of is not None else [])]
    frame = require(opportunities, *wanted)
    if as_of is None:
        codes = outcome_codes(frame)
    else:
        zone = Org.of(opportunities).zone(tz)
        codes, _ = close_by(frame, as_date(as_of, tz=zone), zone)
    labels = pd.Categorical.from_codes(codes, categories=list(OUTCOMES))  # type: ignore[call-overload]
    return pd.Series(labels, index=opportunities.index, name="outcome")


def outcome_codes(frame: pd.DataFrame) -> Codes:
    """Tell the outcome of each row of a conformed frame, as a position in `OUTCOMES`."""
    return Org.of(frame).stages.outcome_codes(frame)


def close_by(frame: pd.DataFrame, today: pd.Timestamp, tz: str) -> tuple[Codes, Series]:
    """Tell the outcome and the close date of each row of a conformed frame, as known on a day.

    A deal that is closed by then with a later close date closed on that day; in a frame that was
    loaded after the day it was perhaps not closed yet, so it is open.
    """
    codes, dates = outcome_codes(frame), frame["close_date"]
    later = (codes <= LOST) & (dates > today).to_numpy()
    if shows_nothing_later(frame, today, tz):
        return codes, dates.mask(later, today)
    return np.where(later, np.int8(OPEN), codes), dates


def place_teams(opportunities: pd.DataFrame, day: pd.Timestamp, freq: str) -> pd.DataFrame:
    """Copy a frame with the deals of people under their teams and regions of a day.

    What closed in a period that was over by then keeps those of its close date.
    """
    people = Org.of(opportunities).people
    known = {"owner_name", "stage", "close_date", *list_derived(people)}
    if not people["from_date"].notna().any() or not known <= {*opportunities.columns}:
        return opportunities
    frame = conform(opportunities).set_axis(opportunities.index)
    ended = frame["close_date"] < pd.Period(day, freq).start_time
    days = frame["close_date"].where((outcome_codes(frame) <= LOST) & ended, day)
    placed = add_teams(frame, people, days)
    placed.attrs = opportunities.attrs
    return placed


def shows_nothing_later(opportunities: pd.DataFrame, today: pd.Timestamp, tz: str) -> bool:
    """Tell whether the frame was loaded or recorded on `today` or before.

    One that has no moment was.
    """
    moment = Certificate.moment_of(opportunities)
    return moment is None or as_date(moment, tz=tz) <= today


def find_newest_date(opportunities: pd.DataFrame, as_of: pd.Timestamp) -> pd.Timestamp | None:
    """Find the newest date that opportunities show up to `as_of`; None where nothing is dated.

    The moment of a load or a record decides. Else it is the newest creation, update or close of a
    closed deal; the planned date of an open deal tells nothing.
    """
    zone = Org.of(opportunities).zone(None)
    moment = Certificate.moment_of(opportunities)
    if moment is not None:
        return as_date(moment, tz=zone)
    frame = conform(opportunities)
    dates = [
        to_dates(frame[name], tz=zone) for name in ("created_at", "updated_at") if name in frame
    ]
    if "stage" in frame and "close_date" in frame:
        dates.append(frame["close_date"].where(outcome_codes(frame) <= LOST))
    known = [day[day <= as_of].max() for day in dates]
    found = pd.Series(known, dtype="datetime64[us]").dropna()
    return None if found.empty else found.max()


def find_day(opportunities: pd.DataFrame) -> pd.Timestamp:
    """Find the day that opportunities show: that of their load, record or export.

    Else their newest date up to today, as `find_newest_date` has it; today where nothing is dated.
    """
    export_day = opportunities.attrs.get("seen_on")
    if export_day is not None and Certificate.moment_of(opportunities) is None:
        return as_date(export_day)
    today = as_date(pd.Timestamp.now("UTC"), tz=Org.of(opportunities).zone(None))
    newest = find_newest_date(opportunities, today)
    return today if newest is None else newest


def find_known_day(opportunities: Any, as_of: pd.Timestamp, tz: str) -> pd.Timestamp:
    """Find the last day that opportunities tell of: `as_of`, or their moment's day if earlier.

    The moment is that of the load or record; without one they are taken to be of `as_of`.
    """
    moment = (
        Certificate.moment_of(opportunities) if isinstance(opportunities, pd.DataFrame) else None
    )
    return as_of if moment is None else min(as_of, as_date(moment, tz=tz))


def find_old_date(opportunities: pd.DataFrame, as_of: pd.Timestamp) -> pd.Timestamp | None:
    """Find the newest date of old opportunities.

    None where it is within 30 days of `as_of`, or nothing is dated.
    """
    newest = find_newest_date(opportunities, as_of)
    return newest if newest is not None and (as_of - newest).days > _OLD_DAYS else None
