"""`load`: all opportunities of a tenant as one frame."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Unpack

import pandas as pd

from opp_analytics.api import Client, Filters, assemble, rows_to_table
from opp_analytics.arguments import one_of, text, whole
from opp_analytics.certificate import Certificate
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, DataWarning
from opp_analytics.loading.refresh import refreshed
from opp_analytics.loading.sweep import Query, Sweep, newest_change, probe, sweep
from opp_analytics.progress import progress_bar
from opp_analytics.text import count

_SWEEPS = 3
_PAGE_SIZE = 1000
_NOTE_EVERY = 16
"""Pages between two progress notes of a sweep, so that an interrupted one resumes."""


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
    """All opportunities of the tenant as one typed frame.

    A cached frame younger than `max_age` is returned without any request. Otherwise every page is read in one sweep,
    and again, three times at most, while opportunities change under it.

    Parameters
    ----------
    client : Client, optional
        Client to read with; default: `Client.from_env()`.
    max_age : str, timedelta or seconds
        Oldest cached frame to use, such as ``"15min"``; 0 always reads from the API.
    refresh : {None, "changes", "full"}
        ``"changes"`` brings the cached frame up to date and reads only what changed. It reads everything where that
        might miss something: no cached frame, wrong sort order, totals that disagree, or ``deleted=True``.
        ``"full"`` always reads everything.
    page_size : int, optional
        Rows to ask for on a page, 1,000 by default; the server may send fewer.
    limit : int, optional
        Read only a sample: this many opportunities, the newest first. A sample is never cached or recorded.
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
        Index 0…n−1. ``unique_id name account_id`` str, ``value`` float64 (money), ``stage`` ordered category,
        ``close_date`` datetime64[us] (a date), ``probability`` Int64 (percent), ``status`` category,
        ``created_at updated_at`` datetime64[us, UTC]; then the tenant's further attributes, lists and objects as
        JSON text. The same dtypes when empty. ``attrs["load"]`` is the load certificate as plain JSON:
        ``fetched_at`` (UTC, when reading began), ``pages rows total duplicates sweeps complete source`` (no sweeps:
        only changes were read), ``reasons`` (why it may be incomplete), ``tenant search deleted filters limit``, and
        ``state``, what the server said of its data.

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

    Warns
    -----
    DataWarning
        When the load may be incomplete; ``attrs["load"]["reasons"]`` says why.

    Examples
    --------
    >>> import opp_analytics as oa
    >>> with oa.sandbox.start(weeks=4) as server:
    ...     opportunities = oa.load(oa.Client(server.url, server.token, server.api_key), progress=False)
    >>> opportunities.attrs["load"]["complete"], str(opportunities["value"].dtype)
    (True, 'float64')
    """
    if refresh is not None:
        one_of(refresh, "refresh", ["changes", "full"])
    oldest = datetime.now(UTC) - _age(max_age)
    rows = _PAGE_SIZE if page_size is None else whole(page_size, "page_size", example=_PAGE_SIZE)
    query = Query(deleted, _params(search, deleted, dict(filters)), rows)
    if limit is not None:
        return _sample(client or Client.from_env(), query, whole(limit, "limit", example=100), progress)
    return _load(client or Client.from_env(), query, oldest, refresh, progress)


def _load(
    client: Client, query: Query, oldest: datetime, refresh: str | None, progress: bool | None
) -> pd.DataFrame:
    key = _key(query)
    kept = client.frames.read(key) if refresh != "full" else None
    if kept is not None and refresh is None and _fetched_at(kept) > oldest:
        return kept
    if kept is not None and refresh == "changes" and not query.deleted:
        current = _catch_up(client, query, key, kept)
        if current is not None:
            return current
    return _fetch(client, query, key, progress)


def _certificate_of(kept: pd.DataFrame) -> Certificate:
    return Certificate.of(kept) or Certificate()


def _fetched_at(kept: pd.DataFrame) -> datetime:
    return _certificate_of(kept).fetched_at or datetime.min.replace(tzinfo=UTC)


def _age(max_age: str | float | timedelta) -> timedelta:
    example = "use for example max_age='15min', '2h' or a number of seconds"
    if isinstance(max_age, bool) or not isinstance(max_age, (int, float, str, timedelta)):
        raise ArgumentTypeError(f"max_age={max_age!r} is not a duration; {example}")
    try:
        age = pd.Timedelta(max_age, unit="s") if isinstance(max_age, (int, float)) else pd.Timedelta(max_age)
    except ValueError:
        raise ArgumentValueError(f"max_age={max_age!r} is not a duration; {example}") from None
    if pd.isna(age) or age < pd.Timedelta(0):
        raise ArgumentValueError(f"max_age={max_age!r} is not a duration of 0 or more; {example}")
    return age.to_pytimedelta()


def _params(search: str | None, deleted: bool, filters: dict[str, Any]) -> dict[str, Any]:
    known = Filters.__annotations__
    for name in filters:
        if name not in known:
            raise ArgumentTypeError(
                f"load() has no parameter {name!r}; it filters by search, deleted, {', '.join(known)}"
            )
    params = {name: value for name, value in {"search": search, **filters}.items() if value is not None}
    for name, value in params.items():
        text(value, name, example="Acme" if name == "search" else "active")
        if deleted:
            raise ArgumentValueError(
                f"deleted=True loads the whole trashand {name} cannot narrow it; leave out {name}"
            )
    return params


def _key(query: Query) -> str:
    asked = json.dumps({"deleted": query.deleted, "params": query.params}, sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _fetch(client: Client, query: Query, key: str, progress: bool | None) -> pd.DataFrame:
    epoch = client.frames.epoch()
    before = probe(client, query)
    stored_pages = _resumable(client.pages.read_progress(key), before, query)
    for sweeps in range(1, _SWEEPS + 1):
        started = datetime.now(UTC)
        with progress_bar(progress, desc="opportunities", unit="row") as bar:
            on_page = _noter(client, key, before, query)
            pass_ = sweep(client, query, stored_pages=stored_pages, bar=bar, on_page=on_page)
        after = probe(client, query)
        reasons = _gaps(pass_, before, after, query)
        if not reasons:
            break
        before, stored_pages = after, 0
    client.pages.note_progress(key, None)
    opportunities = assemble(pass_.tables)
    certificate = replace(
        _certificate(client, query, pass_, started),
        sweeps=sweeps,
        complete=not reasons,
        reasons=tuple(reasons),
        state=after,
    )
    opportunities.attrs["load"] = certificate.to_json()
    if reasons:
        warnings.warn(f"this load may be incomplete: {'; '.join(reasons)}", DataWarning, stacklevel=4)
    else:
        client.frames.write(key, opportunities, epoch)
    return opportunities


def _catch_up(client: Client, query: Query, key: str, kept: pd.DataFrame) -> pd.DataFrame | None:
    epoch = client.frames.epoch()
    current = refreshed(client, query, kept)
    if current is None:
        return None
    opportunities, rows = current.opportunities, len(current.opportunities)
    certificate = replace(
        _certificate_of(kept),
        fetched_at=current.started,
        pages=current.pages,
        rows=rows,
        total=rows,
        sweeps=0,
        state=current.state,
    )
    opportunities.attrs["load"] = certificate.to_json()
    client.frames.write(key, opportunities, epoch)
    return opportunities


def _sample(client: Client, query: Query, limit: int, progress: bool | None) -> pd.DataFrame:
    """The newest `limit` opportunities, or all if there are fewer; no cache is used."""
    rows: dict[str, dict[str, Any]] = {}
    pass_, started, size = Sweep(), datetime.now(UTC), min(limit, query.page_size)
    with progress_bar(progress, desc="opportunities", unit="row", total=limit) as bar:
        while len(rows) < limit:
            number = pass_.pages + 1
            page = (
                client.list_deleted(number, size)
                if query.deleted
                else client.list(number, size, **query.params, sort="-created_at")
            )
            pass_.pages, pass_.total = number, page.total_records
            fresh = {row["unique_id"]: row for row in page.rows if row["unique_id"] not in rows}
            rows |= fresh
            bar.update(len(fresh))
            if not fresh:
                break
    sample = list(rows.values())[:limit]
    opportunities = assemble([rows_to_table(sample)])
    certificate = replace(
        _certificate(client, query, pass_, started),
        rows=len(sample),
        complete=False,
        reasons=(f"limit={limit} loads only a sample",),
        limit=limit,
    )
    opportunities.attrs["load"] = certificate.to_json()
    return opportunities


def _noter(client: Client, key: str, before: dict[str, Any], query: Query) -> Callable[[int], None]:
    def on_page(pages: int) -> None:
        if pages % _NOTE_EVERY == 0:
            note = {"probe": before, "page_size": query.page_size, "pages": pages}
            client.pages.note_progress(key, note)

    return on_page


def _resumable(note: Any, before: dict[str, Any], query: Query) -> int:
    """Number of first pages of an interrupted sweep that are still current."""
    same = isinstance(note, dict) and note.get("probe") == before and note.get("page_size") == query.page_size
    return int(note["pages"]) if same else 0


def _gaps(pass_: Sweep, before: dict[str, Any], after: dict[str, Any], query: Query) -> list[str]:
    """Reasons why a pass may be incomplete; empty when it is complete."""
    total = after["trash_total"] if query.deleted else after["total"]
    gaps = []
    if before != after:
        gaps.append("opportunities changed while they were read")
    if total is None:
        gaps.append("the server does not report the number of opportunities")
    elif len(pass_.ids) != total:
        gaps.append(f"the server reports {count(total, 'opportunity')} but sent {len(pass_.ids):,}")
    if after["trash_total"] is None:
        gaps.append("the trash cannot be read, so deletions during the load cannot be ruled out")
    if query.deleted:
        return gaps
    if not pass_.ordered:
        gaps.append("the server did not sort by created_at as asked")
    if newest_change(pass_.tables) != (datetime.fromisoformat(after["newest"]) if after["newest"] else None):
        gaps.append("the server reports a newer change than the newest one read")
    return gaps


def _certificate(client: Client, query: Query, pass_: Sweep, started: datetime) -> Certificate:
    params = dict(query.params)
    return Certificate(
        fetched_at=started,
        pages=pass_.pages,
        rows=len(pass_.ids),
        total=pass_.total,
        duplicates=pass_.duplicates,
        source=client.settings.url,
        tenant=client.settings.tenant,
        search=params.pop("search", None),
        deleted=query.deleted,
        filters=params,
    )
