"""Common parts of history analyses: checks, records to compare, rows with outcomes.

Analyses that follow single deals read the changes of their outcomes into memory (`read_changes`).

Expressions are built here and in the analyses; only ``history.collect`` runs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import history as store
from opp_analytics.arrays import Counts, Series
from opp_analytics.crm import refuse_other_deals
from opp_analytics.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DataWarning,
    NotEnoughHistory,
)
from opp_analytics.history import History, ibis, label_of, missing, whole_of
from opp_analytics.org import (
    CURRENCY,
    LOST,
    OUTCOMES,
    UNKNOWN,
    VALUE_ORIGINAL,
    Org,
    conform,
    make_column_error,
    outcome_codes,
    refuse_currencies,
    warn_unknown,
)
from opp_analytics.periods import When, as_date, as_instant, to_dates
from opp_analytics.schema import TEXT, is_among, to_plain
from opp_analytics.text import count, joined

_SECONDS_A_DAY = 86_400
_READ = ("unique_id", "seen_at", "operation", "stage", "status", "value", "close_date")


@dataclass(frozen=True)
class Span:
    """The two records of a history that answer a question about a time window."""

    history: History
    by: list[str]
    """The grouping columns."""
    opening: pd.Timestamp
    """The last record at or before the start."""
    closing: pd.Timestamp
    """The last record at or before the end."""
    first: pd.Timestamp
    """Calendar date of the start."""
    last: pd.Timestamp
    """Calendar date of the end."""
    newest: pd.Timestamp
    """The last record of the history."""
    following: pd.Timestamp | None
    """The first record after the end; None where there is none, or where the end is an instant."""
    complete: bool
    """True when no damaged file hides changes up to the closing record."""
    org: Org
    """What the stages mean."""
    tz: str
    """Business time zone: the one asked for, else the org's, else UTC."""
    unknown: int
    """Deals that were in stages which the org does not know."""
    known_from: pd.Timestamp | None = None
    """When the question begins later than asked, because what it needs is not known before; see
    `find_known_start`."""
    apart: bool = False
    """True where each group of the first column is asked about by itself, as after `where`: what
    leaves it is transferred."""

    @property
    def keys(self) -> list[str]:
        """The grouping columns inside the query."""
        return name_groups(self.by)

    def read_log(self, *further: str, until: pd.Timestamp | None = None) -> ibis.Table:
        """Read the history's log, as `read_log` does, by default up to the closing record.

        A change of ``here`` means that the deal came to what is asked about, or left it.
        """
        last = until or self.closing
        log = read_log(self.history.at_rates_of(last), *further, by=self.by)
        log = log.mutate(here=log[self.keys[0] if self.apart else "within"])
        return keep_until(log, last)

    def keep_group(self, part: History) -> Span:
        """Narrow to one group of the first column, of which `part` is the history."""
        unknown = count_unknown_deals(part)
        return replace(self, history=part, by=self.by[1:], unknown=unknown, apart=False)

    def notes(self) -> dict[str, Any]:
        """Name the compared records, for a table's note."""
        return {
            **({"left_out": {"unknown": self.unknown}} if self.unknown else {}),
            "opening_at": self.opening.isoformat(),
            "closing_at": self.closing.isoformat(),
            "tz": self.tz,
            **({} if self.known_from is None else {"known_from": self.known_from.isoformat()}),
            **({} if self.complete else {"complete": False}),
        }


def check_history(history: Any, asked_by: str, *columns: str) -> History:
    """Return the history after checking that it has records and these columns."""
    if not isinstance(history, History):
        raise ArgumentTypeError(
            f"{asked_by} needs a History, not {type(history).__name__}: a single frame does not "
            "show changes. Collect records with History(path).record(opportunities)"
        )
    # A part has the records of the whole, but counts its own rows in them.
    if whole_of(history).records.empty:
        raise NotEnoughHistory(
            f"{asked_by} needs records, but the history has none yet; make the first one with "
            "History(path).record(opportunities)"
        )
    known = whole_of(history).table.columns if columns else ()
    missing = [column for column in columns if column not in known]
    if missing:
        raise make_column_error("history", missing, known, Org.of(history))
    return history


_MOST_IDS = 1_000
"""Ids compared: of more, as many at even distances."""


def check_same_deals(opportunities: pd.DataFrame, history: History) -> None:
    """Refuse a frame and a history of different deals.

    They differ if fewer than half of the smaller one's deals are in the other.

    Deals created after the last record are not compared. Ids that differ only in spelling are other
    ones too.
    """
    if "unique_id" not in opportunities or history.records.empty:
        return
    last, table = history.records["recorded_at"].iloc[-1], history.table

    asked = table.select("unique_id").distinct().order_by("unique_id")
    known: pd.Series[str] = history.remember(
        ("ids",), lambda: history.collect(asked)["unique_id"], fact=True
    )
    frame = opportunities["unique_id"].dropna().astype(TEXT)
    if "created_at" in opportunities:
        created = pd.to_datetime(opportunities["created_at"], utc=True)
        frame = frame[~(created[opportunities["unique_id"].notna()] > last).to_numpy()]
    sides = [(frame, "the table"), (known, "the history")]
    (few, name), (many, other) = sides if len(frame) <= len(known) else sides[::-1]
    theirs = few.iloc[:: -(-len(few) // _MOST_IDS) or 1].tolist()
    met = is_among(many, theirs)
    others = {*many[met], *many[~met].head(_MOST_NAMED)}
    refuse_other_deals(theirs, others, names=(name, other), way_out=_WAY_OUT)


_MOST_NAMED = 3
_WAY_OUT = (
    "Use the history of these deals; where only the spelling differs, begin it again with this "
    "export: opp-analytics import-crm EXPORT FIELD_HISTORY --history FOLDER"
)


def find_span(
    history: History,
    start: When | None,
    end: When | None,
    *,
    asked_by: str,
    by: Sequence[str] = (),
    tz: str | None = None,
    within_one_record: bool = False,
    needs_two: bool = True,
    reads: Sequence[str] = ("stage", "close_date", "value"),
    needs: Sequence[str] = (),
    apart: bool = False,
) -> Span:
    """Find the records at `start` and `end`; None means the first or last record.

    The columns of `reads` and `by` must begin by the start; without a `start`, the first record
    with all of them is it. Those of `needs` must be known of the deals closed since then; see
    `find_known_start`. `within_one_record` allows an equal start and end, ``needs_two=False`` a
    single record.
    """
    records = whole_of(check_history(history, asked_by, *by)).records
    # A value is converted by its currency: all deals gaining one is no change.
    money = (CURRENCY,) if "value" in reads and Org.of(history).converts else ()
    reads = (*reads, *by, *money)
    tz = Org.of(history).zone(tz)
    moments = records["recorded_at"]
    begin = (
        find_first_record(history, moments, reads)
        if start is None
        else as_instant(start, tz=tz, name="start")
    )
    finish = moments.iloc[-1] if end is None else as_instant(end, tz=tz, end=True, name="end")
    if finish < begin:
        raise ArgumentValueError.of("end", end, f"is before the start, {start!r}", "swap them")
    known = find_known_start(
        history, begin, finish, needs, asked_by=asked_by, tz=tz, given=start is not None
    )
    begin, start = (begin, start) if known is None else (known, known)
    opening, closing = (_find_last_before(history, moments, at) for at in (begin, finish))
    if (
        needs_two
        and opening == closing
        and not (within_one_record and len(moments) > 1 and begin == finish)
    ):
        raise NotEnoughHistory(_explain_missing_record(moments, opening, finish, asked_by))
    _check_begun(history, opening, closing, reads, asked_by)
    if "value" in reads:
        check_one_currency(history, Org.of(history))
    first = as_date(begin if start is None else start, tz=tz, name="start")
    last = as_date(finish if end is None else end, tz=tz, name="end")
    read = records.loc[moments.between(opening, closing), "complete"]
    later = moments[moments > finish] if end is not None and _is_day(end) else moments.iloc[:0]
    return Span(
        history,
        list(by),
        opening,
        closing,
        first,
        last,
        newest=moments.iloc[-1],
        following=pd.Timestamp(later.iloc[0]) if len(later) else None,
        complete=bool(read.all()),
        org=Org.of(history),
        tz=tz,
        unknown=count_unknown_deals(history),
        known_from=known,
        apart=apart,
    )


def find_first_record(history: History, moments: Series, reads: Sequence[str]) -> pd.Timestamp:
    """Find the first record with all those columns of `reads` that the history ever had."""
    begins = history.begins
    return pd.Timestamp(max([moments.iloc[0], *begins[begins.index.isin(reads)]]))


def check_columns_begin(history: History, needs: Sequence[str]) -> None:
    """Refuse a history that never had a column in `needs`.

    An import lacked the column, and no record follows.
    """
    begins = history.begins
    never = [name for name in needs if len(begins) and name not in begins]
    if never:
        raise make_column_error("history", never, begins.index)


def find_known_start(
    history: History,
    begin: pd.Timestamp,
    finish: pd.Timestamp,
    needs: Sequence[str],
    *,
    asked_by: str,
    tz: str,
    given: bool = False,
) -> pd.Timestamp | None:
    """Find from when on a history knows the columns that a question needs.

    None if it does from `begin` on.

    In months in which it knows them of fewer than 90% of the closed deals, as an imported field
    history may, a question is not answered: it begins after them, with a warning, or is refused
    where its start was `given` or nothing is left.
    """
    if not needs:
        return None
    check_columns_begin(history, needs)
    gaps = history.find_gaps(*needs)
    first, last = (pd.Period(as_date(moment, tz=tz), "M") for moment in (begin, finish))
    inside = gaps[(gaps >= first) & (gaps <= last)]
    if inside.empty:
        return None
    what = joined([_NEEDED[name] for name in needs])
    lacks = (
        f"the imported history lacks the {what} of more than 10% of the deals closed in "
        f"{count(len(inside), 'month')} up to {inside[-1]}"
    )
    day = (inside[-1] + 1).start_time
    known = as_instant(day, tz=tz)
    if given or known >= finish:
        day = (gaps[-1] + 1).start_time
        later = as_instant(day, tz=tz) > history.records["recorded_at"].iloc[-1]
        way_out = f"it can answer from {day.date()} on, if you keep recording"
        way_out = way_out if later else f"start on {day.date()} or later"
        raise NotEnoughHistory(lacks, way_out, where=asked_by)
    DataWarning.warn(f"{asked_by}: {lacks}; it begins on {day.date()}", lacks)
    return known


_NEEDED = {"stage": "stages", "close_date": "planned dates"}


def _check_begun(
    history: History,
    opening: pd.Timestamp,
    closing: pd.Timestamp,
    reads: Sequence[str],
    asked_by: str,
) -> None:
    """Refuse a window in which a column begins: all deals gaining a value is not a change."""
    begins = history.begins
    late = begins[begins.index.isin(reads) & (begins > opening) & (begins <= closing)]
    if len(late):
        raise NotEnoughHistory(
            f"{late.index[-1]} begins with the record of {late.iloc[-1]:%Y-%m-%d %H:%M} UTC, "
            "because the import lacked it",
            "start there or later",
            where=asked_by,
        )


def _is_day(when: When) -> bool:
    """Return True for a date without a time zone, which means a whole day."""
    stamp = pd.Timestamp(when)
    return stamp.tzinfo is None and stamp == stamp.normalize()


def count_unknown_deals(history: History) -> int:
    """Count the deals whose outcome was unknown for a time.

    A warning names the stages that the history's org does not know.

    Refuse a history without any known stage; a part of a history is exempt: it may hold a single
    deal.
    """
    stages = Org.of(history).stages
    # What the whole knows, a part does, too.
    for one in (whole_of(history), history):
        seen = one.stages_seen()
        unknown = stages.outcome_codes(seen) == UNKNOWN
        if not unknown.any():
            return 0
    # A status can say unknown of a deal in a known stage.
    unnamed = unknown & ~seen["stage"].isin(list(stages.kinds))
    if unnamed.any():
        deals = seen[unnamed].groupby("stage", observed=True, dropna=False)["deals"].sum()
        nothing_known = bool(unnamed.all()) and not history.is_part
        warn_unknown(deals.sort_values(ascending=False), of="history", nothing_known=nothing_known)
    return int(seen.loc[unknown, "deals"].sum())


def check_one_currency(history: History, org: Org) -> None:
    """Refuse a history with deals in another currency than the org's, or in several.

    One with rates is converted.
    """
    table = history.table
    if CURRENCY not in table.columns or VALUE_ORIGINAL in table.columns:
        return
    counted = table.filter(~missing(table[CURRENCY])).group_by(CURRENCY)
    counted = counted.agg(deals=table["unique_id"].nunique())
    found = history.collect(counted).sort_values(["deals", CURRENCY], ascending=[False, True])
    codes = dict(zip(found[CURRENCY].astype("str"), map(int, found["deals"]), strict=True))
    one = org.currency or next(iter(codes), None)
    if one is not None and set(codes) - {one}:
        refuse_currencies(codes, one)


def _find_last_before(history: History, moments: Series, instant: pd.Timestamp) -> pd.Timestamp:
    known = moments[moments <= instant]
    # If there is none, the history's error says when it begins.
    return pd.Timestamp(known.iloc[-1]) if len(known) else history.recorded_before(instant)


def _explain_missing_record(
    moments: Series, opening: pd.Timestamp, finish: pd.Timestamp, asked_by: str
) -> str:
    later = moments[moments > opening]
    if len(later):
        when = (
            f"the next one is from {later.iloc[0]:%Y-%m-%d %H:%M} UTC, after the end "
            f"({finish:%Y-%m-%d %H:%M} UTC)"
        )
    elif len(moments) > 1:
        due = moments.iloc[-1] + moments.diff().median()
        when = f"at the usual pace, the next one is due around {due:%Y-%m-%d}"
    else:
        when = "there is only one; make another with History(path).record(opportunities)"
    return (
        f"{asked_by} needs a second record after the one from {opening:%Y-%m-%d %H:%M} UTC: {when}"
    )


def read_log(history: History, *further: str, by: Sequence[str] = ()) -> ibis.Table:
    """Read a history's log with outcomes; ``within`` is True where the deal belongs to the history.

    After ``history.where``, rows with ``within`` False show where a deal came from and went to.
    """
    log = history.log
    return add_outcome(log, Org.of(history), *further, by=by, within=history.within(log))


def add_outcome(
    changes: ibis.Table, org: Org, *further: str, by: Sequence[str] = (), **computed: Any
) -> ibis.Table:
    """Add ``outcome``, ``cents`` and the groups of `by` as text to change rows.

    ``outcome`` is one of `oa.outcomes`, deleted or transferred.

    `org` is the history's org. Of the other columns those that analyses read are kept, and
    `further` ones. Money is in whole cents, because float sums differ between engines; a missing
    value counts 0.
    """
    groups = {name_group(k): label_of(changes[name]) for k, name in enumerate(by)}
    left = changes["operation"].isin([store.DELETED, store.TRANSFERRED])
    # In one step, so that our columns do not hide the user's columns of the same name.
    return changes.select(
        *dict.fromkeys([*_READ, *further]),
        **groups,
        **computed,
        outcome=ibis.ifelse(left, changes["operation"], org.stages.outcome_expression(changes)),
        cents=(changes["value"].fill_null(0.0) * 100).round().cast("int64"),
    )


def name_group(place: int) -> str:
    """Name a grouping column inside the query, so that it does not clash with other columns."""
    return f"group_{place}"


def name_groups(by: Sequence[str]) -> list[str]:
    """Name the grouping columns inside the query."""
    return [name_group(place) for place in range(len(by))]


def keep_group(
    rows: pd.DataFrame, name: str, groups: Sequence[str], kept: Sequence[str]
) -> pd.DataFrame:
    """Keep the rows of one group of the first column, by `kept`: the last ones of `groups`."""
    mine, keys = rows[rows[name_group(0)] == name].reset_index(drop=True), name_groups(groups)
    own = keys[len(groups) - len(kept) :]
    renamed = dict(zip(own, name_groups(kept), strict=True))
    return mine.drop(columns=[key for key in keys if key not in own]).rename(columns=renamed)


def keep_until(changes: ibis.Table, recorded_at: pd.Timestamp) -> ibis.Table:
    """Keep the change rows up to a record."""
    return changes.filter(changes["seen_at"] <= instant(recorded_at))


def instant(moment: pd.Timestamp) -> Any:
    """Convert an instant to an Ibis literal in UTC."""
    return ibis.literal(moment.to_pydatetime(), type="timestamp('UTC')")


def of_deal() -> Any:
    """Make the window of a deal's rows, in order of time."""
    return ibis.window(group_by="unique_id", order_by="seen_at")


def lag(column: Any) -> Any:
    """Take a column's value in the deal's row before."""
    return column.lag().over(of_deal())


def lead(column: Any) -> Any:
    """Take a column's value in the deal's next row."""
    return column.lead().over(of_deal())


def last(column: Any) -> Any:
    """Take a column's value in the deal's last row."""
    own = ibis.window(group_by="unique_id", order_by="seen_at", preceding=None, following=None)
    return column.last().over(own)


def count_days(start: Any, end: Any) -> Any:
    """Count the days between two instants of a query, to the whole second."""
    return (_count_seconds(end) - _count_seconds(start)) / _SECONDS_A_DAY


def _count_seconds(at: Any) -> Any:
    # DuckDB rounds fractions of a second, Spark cuts them off: both get whole seconds.
    return at.truncate("s").epoch_seconds().cast("int64")


def count_before(rows: ibis.Table, instants: pd.DatetimeIndex, name: str) -> ibis.Table:
    """Add column `name` to each row: the number of instants before its ``seen_at``.

    The instants increase, and no row is later than the last one's day.
    """
    instants = instants.as_unit("us")
    own = instants.asi8 // (_SECONDS_A_DAY * 1_000_000)
    # An equal join by day, which every engine has, and one comparison for each instant of a day.
    days = np.arange(own[0], own[-1] + 1)
    first, end = np.searchsorted(own, days), np.searchsorted(own, days, side="right")
    later = {
        f"_at_{k}": pd.Series(instants.take(np.minimum(first + k, len(own) - 1))).where(
            first + k < end
        )
        for k in range(int((end - first).max()))
    }
    known = pd.DataFrame({"_day": days, "_first": first.astype(np.int64), **later})
    table = ibis.memtable(pa.Table.from_pandas(known, preserve_index=False))
    on_day = (_count_seconds(rows["seen_at"]) // _SECONDS_A_DAY).cast("int64")
    found = rows.left_join(table, on_day == table["_day"])
    number = found["_first"].fill_null(0)
    for at in later:
        number = number + ibis.ifelse(found["seen_at"] > found[at], 1, 0)
    return found.select(*rows.columns, **{name: number.cast("int64")})


def day(date: pd.Timestamp) -> Any:
    """Convert a calendar date to an Ibis literal."""
    return ibis.literal(date.date(), type="date")


DELETED = len(OUTCOMES)
"""Outcome code of a deleted deal; it follows the codes of `OUTCOMES`."""
TRANSFERRED = DELETED + 1
"""Outcome code of a deal that left the part of a history that `History.where` selects."""
_CODED = pd.CategoricalDtype([*OUTCOMES, store.DELETED, store.TRANSFERRED])
_FOLLOWED = ("unique_id", "seen_after", "seen_at", "stage", "probability")


def read_changes(
    history: History, asked_by: str, *further: str, of: Sequence[str] = ("outcome",)
) -> pd.DataFrame:
    """Read the rows in which a column of `of` changed, oldest first within each deal.

    Columns: ``outcome`` (its code, DELETED or TRANSFERRED), those that forecasts read, and
    `further` ones if present. Read once for the same records.
    """
    table = check_history(history, asked_by).table
    count_unknown_deals(history)
    wanted = [
        *_FOLLOWED,
        *(name for name in further if name in table.columns and name not in _FOLLOWED),
    ]

    def collect() -> pd.DataFrame:
        rows = add_outcome(table, Org.of(history), *wanted)
        differs = [label_of(rows[name]) != lag(label_of(rows[name])) for name in of]
        begins = missing(lag(rows["outcome"]))
        kept = rows.mutate(_kept=reduce(or_, differs, begins)).filter(lambda row: row["_kept"])
        order = [("unique_id", "ascending"), ("seen_at", "ascending")]
        found = to_plain(history.collect_arrow(kept.select(*wanted, "outcome")).sort_by(order))
        codes = found["outcome"].astype(_CODED).cat.codes
        # Conformed to the history's org, which they keep.
        found = found.drop(columns="outcome")
        found.attrs = {"org": Org.of(history).facts}
        return conform(found).assign(outcome=codes)

    return history.remember(("change rows", *of, *wanted), collect)


def number_deals(rows: pd.DataFrame) -> Counts:
    """Number the deals of rows in order of deal, from 0 on."""
    ids = pa.chunked_array(pa.array(rows["unique_id"], from_pandas=True))
    begins = pc.fill_null(pc.not_equal(ids[1:], ids[:-1]), True).to_numpy()
    return np.cumsum(np.append([0][: len(ids)], begins)).astype(np.int64)


def find_ends(history: History, frame: pd.DataFrame, today: pd.Timestamp, tz: str) -> Series:
    """Find the end date of each deal of the frame from the records up to `today`.

    Missing where unknown.

    A won or lost deal keeps its ``close_date`` if that is between the records before and after its
    end; a deal that had already ended when first seen always keeps it.
    """
    until = as_instant(today, tz=tz, end=True)
    rows = read_changes(history, "history=")
    check_same_deals(frame, history)
    rows = rows[rows["seen_at"] <= until]
    entered = rows["outcome"] != rows.groupby("unique_id")["outcome"].shift()
    last = (
        rows[entered.to_numpy(dtype=bool)]
        .drop_duplicates("unique_id", keep="last")
        .set_index("unique_id")
    )
    seen = last.reindex(frame["unique_id"]).reset_index(drop=True)
    after, at = (
        to_dates(seen[name].astype("datetime64[us, UTC]"), tz=tz)
        for name in ("seen_after", "seen_at")
    )
    planned = frame["close_date"]
    inside = (planned >= after) & (planned <= at)
    agreed = after.notna() & (seen["outcome"].to_numpy() == outcome_codes(frame))
    won_or_lost = outcome_codes(frame) <= LOST
    return at.mask(won_or_lost & inside.to_numpy(), planned).where(agreed)
