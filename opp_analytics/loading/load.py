"""The API as a cached, typed frame: `load`."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from opp_analytics.api import LIST_PARAMS, Client, wire
from opp_analytics.errors import ArgumentTypeError, DataError, DataWarning
from opp_analytics.loading.refresh import refreshed
from opp_analytics.loading.sweep import Query, Sweep, newest_change, probe, sweep
from opp_analytics.progress import progress_bar

_SWEEPS = 3
_PAGE_SIZE = 1000
_NOTE_EVERY = 16
"""Pages after which a sweep notes how far it is, so that a killed one resumes."""


def load(
    client: Client | None = None,
    *,
    max_age: str | float | timedelta = "15min",
    refresh: str | None = None,
    page_size: int | None = None,
    search: str | None = None,
    deleted: bool = False,
    progress: bool | None = None,
    **filters: Any,
) -> pd.DataFrame:
    """All opportunities of the tenant as one typed frame.

    A frame younger than `max_age` comes from the cache without any request. Otherwise every page is fetched in one
    sweep, repeated up to three times until nothing changed meanwhile; or, with ``refresh="changes"``, only what
    changed since the cached frame is.

    Parameters
    ----------
    client : Client, optional
        `Client.from_env()` by default.
    max_age : str, timedelta or seconds
        How old a cached frame may be; 0 always fetches.
    refresh : {None, "changes", "full"}
        ``"changes"`` brings the cached frame up to date at the cost of what changed, and sweeps where that cannot
        be vouched for: no cached frame, no order by change, a total that does not add up, or the trash itself.
        ``"full"`` fetches everything, whatever the cache holds.
    page_size : int, optional
        Rows to ask for on a page, 1,000 by default; the server's own limit is believed.
    search : str, optional
        Only opportunities that match this text.
    deleted : bool
        The trash instead of the list.
    progress : bool, optional
        Whether to show a progress bar; by default only on a terminal or in a notebook.
    **filters
        Further parameters of `Client.list`: ``status account_id contact_unique_id owner_unique_id``.

    Returns
    -------
    DataFrame
        Index 0…n−1. ``unique_id name account_id`` str, ``value`` float64 (money), ``stage`` ordered category,
        ``close_date`` datetime64[us] (a date), ``probability`` Int64 (percent), ``status`` category,
        ``created_at updated_at`` datetime64[us, UTC]; then the tenant's further attributes, lists and objects as
        JSON text. The same dtypes when empty. ``attrs["load"]`` is the load certificate, plain JSON:
        ``fetched_at`` (UTC, when the sweep began), ``pages records total duplicates sweeps complete source``
        (no sweeps: only changes were fetched), ``reasons`` (why it is not complete), ``tenant search deleted
        filters``, and ``state``, what the server said of its data.

    Raises
    ------
    ConfigError
        When no client is given and the settings are missing.
    ApiError
        When the API cannot be reached, refuses, or is not this API.
    LoadError
        When the pages do not end.

    Warns
    -----
    DataWarning
        When the result cannot be vouched for; ``attrs["load"]["reasons"]`` says why.

    Examples
    --------
    >>> import opp_analytics as oa
    >>> with oa.sandbox.start(weeks=4) as server:
    ...     opportunities = oa.load(oa.Client(server.url, server.token, server.api_key), progress=False)
    >>> opportunities.attrs["load"]["complete"], str(opportunities["value"].dtype)
    (True, 'float64')
    """
    if refresh not in (None, "changes", "full"):
        raise ArgumentTypeError(
            f"refresh={refresh!r} is not known; use 'changes', 'full', or None to let max_age decide"
        )
    oldest = datetime.now(UTC) - _age(max_age)
    if client is None:
        client = Client.from_env()
    query = Query(
        deleted, _params(search, deleted, filters), page_size if page_size is not None else _PAGE_SIZE
    )
    key = _key(query)
    kept = client.storage.read_frame(key) if refresh != "full" else None
    if kept is not None and refresh is None and _fetched_at(kept) > oldest:
        return kept
    if kept is not None and refresh == "changes" and not deleted:
        current = _catch_up(client, query, key, kept)
        if current is not None:
            return current
    return _fetch(client, query, key, progress)


def _fetched_at(opportunities: pd.DataFrame) -> datetime:
    return datetime.fromisoformat(opportunities.attrs["load"]["fetched_at"])


def _age(max_age: str | float | timedelta) -> timedelta:
    try:
        seconds = isinstance(max_age, (int, float)) and not isinstance(max_age, bool)
        age = pd.Timedelta(max_age, unit="s") if seconds else pd.Timedelta(max_age)
    except (ValueError, TypeError):
        raise DataError(
            f"max_age={max_age!r} is not a duration; write it as '15min', '2h' or a number of seconds"
        ) from None
    if pd.isna(age) or age < pd.Timedelta(0):
        raise DataError(f"max_age={max_age!r} is not a duration of 0 or more; write it as '15min' or 0")
    return age.to_pytimedelta()


def _params(search: str | None, deleted: bool, filters: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(filters) - set(LIST_PARAMS) | (set(filters) & {"sort", "search"}))
    if unknown:
        known = ", ".join(name for name in LIST_PARAMS if name not in ("sort", "search"))
        raise ArgumentTypeError(
            f"load() knows no parameter {unknown[0]!r}; it filters by search, deleted, {known}"
        )
    params = {name: value for name, value in {"search": search, **filters}.items() if value is not None}
    if deleted and params:
        raise ArgumentTypeError(f"deleted=True loads the whole trash; {next(iter(params))} cannot narrow it")
    return params


def _key(query: Query) -> str:
    asked = json.dumps({"deleted": query.deleted, "params": query.params}, sort_keys=True, default=str)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _fetch(client: Client, query: Query, key: str, progress: bool | None) -> pd.DataFrame:
    storage, note = client.storage, f"sweep-{key}"
    epoch = storage.epoch()
    before = probe(client, query)
    stored_pages = _resumable(storage.read_note(note), before, query)
    for sweeps in range(1, _SWEEPS + 1):
        started = datetime.now(UTC)
        pass_ = _sweep_with_bar(client, query, stored_pages, progress, _noter(client, note, before, query))
        after = probe(client, query)
        reasons = _doubts(pass_, before, after, query)
        if not reasons:
            break
        before, stored_pages = after, 0
    storage.write_note(note, None)
    opportunities = wire.assemble(pass_.tables)
    certificate = _certificate(client, query, pass_, reasons, started, sweeps, after)
    opportunities.attrs["load"] = certificate
    if reasons:
        warnings.warn(f"the load cannot be vouched for: {'; '.join(reasons)}", DataWarning, stacklevel=3)
    else:
        storage.write_frame(key, opportunities, certificate, epoch)
    return opportunities


def _catch_up(client: Client, query: Query, key: str, kept: pd.DataFrame) -> pd.DataFrame | None:
    epoch = client.storage.epoch()
    current = refreshed(client, query, kept)
    if current is None:
        return None
    opportunities, rows = current.opportunities, len(current.opportunities)
    opportunities.attrs["load"] = kept.attrs["load"] | {
        "fetched_at": current.started.isoformat(),
        "pages": current.pages,
        "records": rows,
        "total": rows,
        "sweeps": 0,
        "state": current.state,
    }
    client.storage.write_frame(key, opportunities, opportunities.attrs["load"], epoch)
    return opportunities


def _sweep_with_bar(
    client: Client, query: Query, stored_pages: int, progress: bool | None, on_page: Callable[[int], None]
) -> Sweep:
    with progress_bar(progress, desc="opportunities", unit="row") as bar:
        return sweep(client, query, stored_pages=stored_pages, bar=bar, on_page=on_page)


def _noter(client: Client, note: str, before: dict[str, Any], query: Query) -> Callable[[int], None]:
    def on_page(pages: int) -> None:
        if pages % _NOTE_EVERY == 0:
            client.storage.write_note(note, {"probe": before, "page_size": query.page_size, "pages": pages})

    return on_page


def _resumable(note: Any, before: dict[str, Any], query: Query) -> int:
    """How many first pages a cut-off sweep had fetched that are still what the server would send."""
    same = isinstance(note, dict) and note.get("probe") == before and note.get("page_size") == query.page_size
    return int(note["pages"]) if same else 0


def _doubts(pass_: Sweep, before: dict[str, Any], after: dict[str, Any], query: Query) -> list[str]:
    """Why a pass cannot be vouched for; empty when it is complete."""
    total = after["trash_total"] if query.deleted else after["total"]
    doubts = []
    if before != after:
        doubts.append("opportunities changed while they were read")
    if total is None:
        doubts.append("the server does not say how many there are")
    elif len(pass_.ids) != total:
        doubts.append(f"the server announces {total:,} opportunities but sent {len(pass_.ids):,}")
    if after["trash_total"] is None:
        doubts.append("the trash cannot be read, so deletions during the load cannot be ruled out")
    if not query.deleted:
        doubts += _order_doubts(pass_, after)
    return doubts


def _order_doubts(pass_: Sweep, after: dict[str, Any]) -> list[str]:
    doubts = [] if pass_.ordered else ["the server did not send creation order as asked"]
    said = datetime.fromisoformat(after["newest"]) if after["newest"] else None
    if newest_change(pass_.tables) != said:
        doubts.append("the newest change that the server reports is not the newest one read")
    return doubts


def _certificate(
    client: Client,
    query: Query,
    pass_: Sweep,
    reasons: list[str],
    started: datetime,
    sweeps: int,
    state: dict[str, Any],
) -> dict[str, Any]:
    params = dict(query.params)
    return {
        "fetched_at": started.isoformat(),
        "pages": pass_.pages,
        "records": len(pass_.ids),
        "total": pass_.total,
        "duplicates": pass_.duplicates,
        "sweeps": sweeps,
        "complete": not reasons,
        "source": client.settings.url,
        "reasons": reasons,
        "tenant": client.settings.tenant,
        "search": params.pop("search", None),
        "deleted": query.deleted,
        "filters": params,
        "state": state,
    }
