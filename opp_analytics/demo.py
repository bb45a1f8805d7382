"""`demo`: a simulated sales team to try everything on, without an account."""

from __future__ import annotations

import atexit
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from opp_analytics import sandbox
from opp_analytics.api import Client
from opp_analytics.arguments import whole
from opp_analytics.history import History
from opp_analytics.loading import load
from opp_analytics.org import Org, check_org
from opp_analytics.periods import When, as_date
from opp_analytics.progress import progress_bar

_WEEKS_BEFORE = 13
"""Weeks of work before the first record."""


def demo(
    weeks: int = 52,
    seed: int = 1,
    *,
    today: When | None = None,
    org: Org | None = None,
    progress: bool | None = None,
) -> tuple[Client, History]:
    """Simulate a sales team on a local server, loaded and recorded every week until today.

    Everything runs over HTTP, as with a real account. The server stops and the history is deleted when the
    interpreter exits.

    Parameters
    ----------
    weeks : int
        Weeks to record, 1 to 260; 13 more weeks of work precede them.
    seed : int
        Random seed; another seed gives another team.
    today : date-like, optional
        The team's last day; default: today, UTC. With a fixed one the same `weeks` and `seed` give the same deals on
        any day.
    org : Org, optional
        The org by whose stages the team works; default: the API's six stages.
    progress : bool, optional
        If True, show a progress bar; by default only on a terminal and in a notebook.

    Returns
    -------
    client : Client
        Connected to the sandbox server.
    history : History
        One record at the start and one after each week; the last one is of `today`.

    Raises
    ------
    ArgumentError
        If `weeks` or `seed` is not a whole number, `weeks` is out of range, or `today` is not a date.
    SandboxError
        If the ``[sandbox]`` extra is not installed.

    See Also
    --------
    opp_analytics.sandbox.start : a server alone, whose clock and faults you control.

    Examples
    --------
    >>> import opp_analytics as oa
    >>> client, history = oa.demo(weeks=2)
    >>> len(history.records), len(oa.load(client)) > 50
    (3, True)
    """
    weeks = whole(weeks, "weeks", high=260, example=52)
    seed = whole(seed, "seed", low=0, example=1)
    last_day = as_date(datetime.now(UTC) if today is None else today, name="today").date()
    org = check_org(org)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="opp-demo-")))
        first_day = last_day - timedelta(weeks=weeks)
        server = stack.enter_context(sandbox.start(weeks=_WEEKS_BEFORE, seed=seed, today=first_day, org=org))
        client = Client(server.url, server.token, server.api_key, cache_dir=scratch / "cache", org=org)
        stack.callback(client.close)
        history = History(scratch / "history", org=org)
        bar = stack.enter_context(progress_bar(progress, desc="playing", unit="week", total=weeks))
        history.record(load(client, refresh="full", progress=False), at=server.now)
        for _ in range(weeks):
            server.advance(7)
            history.record(load(client, refresh="full", progress=False), at=server.now)
            bar.update()
        bar.close()
        atexit.register(stack.pop_all().close)
    return client, history
