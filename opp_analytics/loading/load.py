"""`load`: all opportunities of a tenant as one frame."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Unpack

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import schema
from opp_analytics.api import (
    Client,
    Filters,
    Kept,
    assemble,
    concat_tables,
    rows_to_table,
    say_unreadable,
    take_unreadable,
    warn_of_unreadable,
)
from opp_analytics.arguments import one_of, text, whole
from opp_analytics.certificate import Certificate
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, DataWarning
from opp_analytics.loading.refresh import Clocks, Current, Unexplained, catch_up
from opp_analytics.loading.sweep import (
    Limits,
    Query,
    Sweep,
    count_resumable,
    find_newest_change,
    note_progress,
    probe,
    read_instant,
    sweep,
)
from opp_analytics.org import find_empty_columns
from opp_analytics.progress import progress_bar
from opp_analytics.schema import Json
from opp_analytics.text import count, joined


def warn_of_empty_columns(opportunities: pd.DataFrame) -> None:
    """Warn of each column without a single value, with the line for the org file."""
    further = [str(name) for name in opportunities.columns if name not in schema.COLUMNS]
    sends = f"it sends {joined(further, most=12)}" if further else "it sends no further attribute"
    for ours, theirs in find_empty_columns(opportunities).items():
        DataWarning.warn(
            f"{ours} is empty in every row; this tenant may call it otherwise ({sends}). Name it "
            "in opp-analytics.toml "
            "(opp-analytics org init drafts it):\n"
            f'  [api.columns]\n  {theirs or "their_name"} = "{ours}"'
        )


_SWEEPS = 3
"""Passes over all pages: a busy tenant may change during the first; after three the load is said to
be incomplete."""
_SWEEP_EVERY = timedelta(hours=24)
"""Catching up trusts the last full sweep for a day; what it cannot notice, such as a purged trash,
ends there."""
_PAGE_SIZE = 1000
"""Page size matters more than anything else for speed; servers that cap it send fewer rows."""
_log = logging.getLogger("opp_analytics")


def load(
    client: Client | None = None,
    *,
    max_age: str | float | timedelta = "15min",
    refresh: Literal["changes", "full"] | None = None,
    page_size: int | None = None,
    limit: int | None = None,
    search: str | None = None,
    deleted: bool = False,
    progress: bool | None = None,
    **filters: Unpack[Filters],
) -> pd.DataFrame:
    """Load all opportunities of the tenant as one typed frame.

    A cached frame younger than `max_age` is returned without any request. Otherwise every page is
    read, then what changed since the reading began, so that the frame shows one moment of the
    server however busy it is. Where the numbers do not add up the pages are read again, three times
    at most.

    A load ends whatever the server says: at most 100,000 pages, 16 GB and 4 hours, and at most
    twice the announced pages (of the list, and of the trash) and ten more.

    Parameters
    ----------
    client : Client, optional
        Client to read with; default: `Client.from_env()`.
    max_age : str, timedelta or seconds
        Oldest cached frame to use, such as ``"15min"``; 0 always reads from the API.
    refresh : {None, "changes", "full"}
        ``"changes"`` brings the cached frame up to date and reads only what changed, also after
        writes of your own. It trusts the server's stamps within the minutes of
        ``assumes_stamps_within``. It reads everything where something might be missed: no cached
        frame, no full read within 24 hours, wrong sort order, totals that disagree, or
        ``deleted=True``. A further column keeps its type until then, although the row that made it
        text may be gone; one that no row fills any more stays, empty. ``"full"`` always reads
        everything.
    page_size : int, optional
        Rows to ask for on a page, 1,000 by default; the server may send fewer.
    limit : int, optional
        Read only a sample: this many opportunities, the newest first. A sample is never cached or
        recorded.
    search : str, optional
        Load only opportunities that match this text.
    deleted : bool
        If True, load the trash instead of the list.
    progress : bool, optional
        If True, show a progress bar; by default only on a terminal and in a notebook.
    **filters
        Further filters of `Client.list`: ``status account_id contact_unique_id owner_unique_id``.

    Returns
    -------
    DataFrame
        Index 0…n−1. ``unique_id name account_id`` str, ``value`` float64 (money), ``stage`` ordered
        category, ``close_date`` datetime64[us] (a date), ``probability`` Int64 (percent),
        ``status`` category, ``created_at updated_at`` datetime64[us, UTC]; then the tenant's
        further attributes, lists and objects as JSON text. The same dtypes when empty.
        ``attrs["load"]`` is the load certificate as plain JSON: ``fetched_at`` (UTC, when reading
        began, by the server's clock), ``read_at`` (by this computer's), ``pages rows total``
        ``duplicates sweeps complete source`` (no sweeps: only changes were read), ``swept_at``
        (when the last full read began), ``assumes_stamps_within`` (minutes), ``reasons`` (why it
        may be incomplete), ``tenant search deleted filters limit``, and ``state``, what the server
        said of its data. ``attrs["org"]`` says what the stages mean, when the client has an org;
        its people give ``team`` and ``region``.

    Raises
    ------
    ConfigError
        When no client is given and the settings are missing.
    ArgumentError
        When an argument cannot be used; no request is sent.
    ApiError
        When the API cannot be reached, refuses the call, or is not this API.
    LoadError
        When the pages do not end.
    KeyboardInterrupt
        On Ctrl-C, at once; it says how far the load was, and the next one goes on from there.

    Warns
    -----
    DataWarning
        When the load may be incomplete; ``attrs["load"]["reasons"]`` says why. When ``value``,
        ``stage`` or ``close_date`` is empty in every row; the warning shows the line for the org
        file that names the tenant's own attribute.

    Examples
    --------
    >>> import opp_analytics as oa
    >>> with oa.sandbox.start(weeks=4) as server:
    ...     client = oa.Client(server.url, server.token, server.api_key)
    ...     opportunities = oa.load(client, progress=False)
    >>> opportunities.attrs["load"]["complete"], str(opportunities["value"].dtype)
    (True, 'float64')
    """
    if refresh is not None:
        one_of(refresh, "refresh", ["changes", "full"])
    oldest = datetime.now(UTC) - _parse_age(max_age)
    rows = _PAGE_SIZE if page_size is None else whole(page_size, "page_size", example=_PAGE_SIZE)
    query = Query(deleted, _check_params(search, deleted, dict(filters)), rows)
    sample = None if limit is None else whole(limit, "limit", example=100)
    client = client or Client.from_env()
    limits = Limits(client.settings.url)
    try:
        if sample is not None:
            return _load_sample(client, query, sample, progress, limits)
        return _load(client, query, oldest, refresh, progress, limits)
    except KeyboardInterrupt as stop:
        message = (
            str(stop)
            or f"load stopped after {count(limits.pages, 'page')}; the next load begins anew"
        )
        _log.info("%s", message)
        raise KeyboardInterrupt(message) from None


def _load(
    client: Client,
    query: Query,
    oldest: datetime,
    refresh: str | None,
    progress: bool | None,
    limits: Limits,
) -> pd.DataFrame:
    asked = json.dumps([query.deleted, query.params, dict(client.names.ours)], sort_keys=True)
    key = hashlib.sha256(asked.encode()).hexdigest()[:16]
    if refresh is None:
        kept = client.frames.read(key)
        read_at = None if kept is None else Certificate.from_json(kept.certificate).read_at
        if kept is not None and read_at is not None and oldest < read_at <= datetime.now(UTC):
            return _make_frame(client, kept)
    if refresh == "changes" and not query.deleted:
        kept = client.frames.read(key, stale=True)
        swept_at = None if kept is None else Certificate.from_json(kept.certificate).swept_at
        # One in the future is never young enough to build on.
        if kept and swept_at and timedelta(0) <= datetime.now(UTC) - swept_at <= _SWEEP_EVERY:
            current = _refresh(client, query, key, kept, limits)
            if current is not None:
                return current
    return _fetch(client, query, key, progress, limits)


def _make_frame(client: Client, kept: Kept) -> pd.DataFrame:
    """Make the frame as the client's org reads it; the cache keeps what the server sent."""
    table, unreadable = take_unreadable(kept.table)
    warn_of_unreadable(unreadable)
    opportunities = assemble(table)
    told = {"unreadable": len(unreadable), "unreadable_cells": say_unreadable(unreadable)}
    opportunities.attrs["load"] = kept.certificate | told
    warn_of_empty_columns(opportunities)
    return opportunities if client.org is None else client.org.apply(opportunities)


_CENTURY = pd.Timedelta(days=36_525)
"""Older than any copy; the calendar has no time before the year 1."""


def _parse_age(max_age: str | float | timedelta) -> timedelta:
    wrong, example = "is not a duration", "use for example '15min', '2h' or a number of seconds"
    if isinstance(max_age, bool) or not isinstance(max_age, (int, float, str, timedelta)):
        raise ArgumentTypeError.of("max_age", max_age, wrong, example)
    try:
        # pandas 2 holds no more than three centuries.
        seconds = (
            min(max_age, _CENTURY.total_seconds()) if isinstance(max_age, (int, float)) else None
        )
        age = pd.Timedelta(max_age) if seconds is None else pd.Timedelta(seconds, unit="s")
    except (ValueError, RecursionError):
        raise ArgumentValueError.of("max_age", max_age, wrong, example) from None
    if not age >= pd.Timedelta(0):
        raise ArgumentValueError.of("max_age", max_age, f"{wrong} of 0 or more", example)
    return min(age, _CENTURY).to_pytimedelta()


def _check_params(search: str | None, deleted: bool, filters: Json) -> Json:
    known = Filters.__annotations__
    for name in filters:
        if name not in known:
            raise ArgumentTypeError(
                f"load() has no parameter {name!r}; it filters by search, deleted, "
                f"{', '.join(known)}"
            )
    params = {
        name: value for name, value in {"search": search, **filters}.items() if value is not None
    }
    for name, value in params.items():
        text(value, name, example="Acme" if name == "search" else "active")
        if deleted:
            raise ArgumentValueError.of(
                name, value, "cannot narrow the trash, which is loaded whole", "leave it out"
            )
    return params


@dataclass
class _Passes:
    """Rows that the sweeps of one load have read since the server's state was `known`."""

    known: Json
    began: datetime
    tables: list[pa.Table] = field(default_factory=list)

    def add(self, pass_: Sweep) -> None:
        """Add a pass.

        A row that it missed, because the pages shifted under it, keeps what an earlier one read.
        """
        if not pass_.tables:
            return
        seen = pa.chunked_array(
            chunk for table in pass_.tables for chunk in table["unique_id"].chunks
        )
        missed = (
            table.filter(pc.invert(pc.is_in(table["unique_id"], seen))) for table in self.tables
        )
        self.tables = [*pass_.tables, *(table for table in missed if len(table))]


def _fetch(
    client: Client, query: Query, key: str, progress: bool | None, limits: Limits
) -> pd.DataFrame:
    epoch, began = client.frames.epoch(), datetime.now(UTC)
    before = probe(client, query)
    stored_pages = count_resumable(client.pages.read_progress(key), before, query)
    passes = _Passes(before, began)
    for sweeps in range(1, _SWEEPS + 1):
        started, pass_ = Clocks.of(client), Sweep()
        with (
            note_progress(client, key, before, query, pass_) as on_page,
            progress_bar(progress, desc="opportunities", unit="row") as bar,
        ):
            sweep(
                client,
                query,
                pass_,
                expected=before["trash_total" if query.deleted else "total"],
                stored_pages=stored_pages,
                bar=bar,
                limits=limits,
                on_page=on_page,
            )
        _log.info(
            "sweep %d: %s, %s", sweeps, count(pass_.pages, "page"), count(pass_.rows, "opportunity")
        )
        after = probe(client, query)
        reasons = _find_gaps(pass_, before, after, query)
        current = None
        try:
            current = _catch_up(client, query, passes, pass_, limits) if reasons else None
        except Unexplained as doubt:
            passes = _Passes(doubt.state, datetime.now(UTC))
        if current is not None or not reasons:
            break
        before, stored_pages = after, 0
        if query.params or passes.known["newest"] is None:
            # A row may leave a filter without a trace, so that what an earlier pass read proves
            # nothing.
            passes = _Passes(after, datetime.now(UTC))
    client.pages.note_progress(key, None)
    certificate = replace(_make_certificate(client, query, pass_, started), sweeps=sweeps)
    if current is not None:
        table = current.table
        certificate = _date_certificate(
            certificate, current, pages=pass_.pages + current.pages, swept_at=passes.began
        )
    else:
        table = concat_tables(pass_.tables)
        certificate = replace(
            certificate,
            complete=not reasons,
            reasons=tuple(reasons),
            state=after,
            swept_at=started.here,
        )
    kept = Kept(table, certificate.to_json())
    opportunities = _make_frame(client, kept)
    if certificate.complete:
        client.frames.write(key, kept, epoch)
        _log.info("load complete: %s", count(len(opportunities), "opportunity"))
    else:
        _log.info("load may be incomplete: %s", "; ".join(reasons))
        DataWarning.warn(f"this load may be incomplete: {'; '.join(reasons)}")
    return opportunities


def _catch_up(
    client: Client, query: Query, passes: _Passes, pass_: Sweep, limits: Limits
) -> Current | None:
    """Bring the rows of all passes up to date; None when the numbers do not add up."""
    passes.add(pass_)
    if query.deleted or not pass_.sorted or not passes.tables:
        return None
    return catch_up(
        client, query, concat_tables(passes.tables), passes.known, most=1, limits=limits
    )


def _refresh(
    client: Client, query: Query, key: str, kept: Kept, limits: Limits
) -> pd.DataFrame | None:
    epoch, said = client.frames.epoch(), Certificate.from_json(kept.certificate)
    try:
        current = catch_up(client, query, kept.table, said.state, most=0.5, limits=limits)
    except Unexplained:
        current = None
    if current is None:
        _log.info("the changes do not add up: everything is read")
        return None
    certificate = _date_certificate(said, current, pages=current.pages, sweeps=0)
    kept = Kept(current.table, certificate.to_json())
    opportunities = _make_frame(client, kept)
    client.frames.write(key, kept, epoch)
    _log.info("refresh complete: %s", count(len(opportunities), "opportunity"))
    return opportunities


def _date_certificate(certificate: Certificate, current: Current, **further: Any) -> Certificate:
    """Date the certificate of a frame that shows one moment of the server."""
    rows = len(current.table)
    further |= {"state": current.state, "assumes_stamps_within": current.stamps_within}
    moment = current.moment
    further |= {"fetched_at": moment.there, "read_at": moment.here}
    return replace(certificate, rows=rows, total=rows, **further)


def _load_sample(
    client: Client, query: Query, limit: int, progress: bool | None, limits: Limits
) -> pd.DataFrame:
    """Load the newest `limit` opportunities, or all if there are fewer, without a cache."""
    rows: dict[str, Json] = {}
    pass_, size = Sweep(), min(limit, query.page_size)
    with progress_bar(progress, desc="opportunities", unit="row", total=limit) as bar:
        while len(rows) < limit:
            number = pass_.pages + 1
            page = (
                client.list_deleted(number, size)
                if query.deleted
                else client.list(number, size, **query.params, sort="-created_at")
            )
            limits.count_page()
            pass_.pages, pass_.total = number, page.total_records
            fresh = {row["unique_id"]: row for row in page.rows if row["unique_id"] not in rows}
            rows |= fresh
            bar.update(len(fresh))
            if not fresh:
                break
    sample = list(rows.values())[:limit]
    certificate = replace(
        _make_certificate(client, query, pass_, Clocks.of(client)),
        rows=len(sample),
        complete=False,
        reasons=(f"limit={limit} loads only a sample",),
        limit=limit,
    )
    return _make_frame(client, Kept(rows_to_table(sample), certificate.to_json()))


def _find_gaps(pass_: Sweep, before: Json, after: Json, query: Query) -> list[str]:
    """List the reasons why a pass may be incomplete; empty when it is complete."""
    total = after["trash_total"] if query.deleted else after["total"]
    gaps = []
    if before != after:
        gaps.append("opportunities changed while they were read")
    if total is None:
        gaps.append("the server does not report the number of opportunities")
    elif pass_.rows != total:
        gaps.append(f"the server reports {count(total, 'opportunity')} but sent {pass_.rows:,}")
    if after["trash_total"] is None:
        gaps.append("the trash cannot be read, so deletions during the load cannot be ruled out")
    if query.deleted:
        return gaps
    if not pass_.ordered:
        gaps.append("the server did not sort by created_at as asked")
    if find_newest_change(pass_.tables) != (read_instant(after["newest"])):
        gaps.append("the server reports a newer change than the newest one read")
    return gaps


def _make_certificate(client: Client, query: Query, pass_: Sweep, started: Clocks) -> Certificate:
    params = dict(query.params)
    return Certificate(
        fetched_at=started.there,
        read_at=started.here,
        pages=pass_.pages,
        rows=pass_.rows,
        total=pass_.total,
        duplicates=pass_.duplicates,
        source=client.settings.url,
        tenant=client.settings.tenant,
        search=params.pop("search", None),
        deleted=query.deleted,
        filters=params,
    )
