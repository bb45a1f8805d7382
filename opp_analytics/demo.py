"""`demo`: a simulated sales team to try everything on, without an account."""

from __future__ import annotations

import atexit
import tempfile
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from opp_analytics import sandbox
from opp_analytics.api import Client
from opp_analytics.arguments import whole
from opp_analytics.history import History
from opp_analytics.loading import load
from opp_analytics.org import Org, check_org, outcomes
from opp_analytics.periods import When, as_date
from opp_analytics.progress import progress_bar
from opp_analytics.schema import Json

_WEEKS_BEFORE, _DEALS_PER_WEEK = 27, 15
"""Weeks of work before the first record, when as many deals end as begin; enough deals that each
rep has some due in a month."""
_PEOPLE = {
    "Amara Okafor": ("East", 115_000),
    "Bruno Keller": ("West", 85_000),
    "Chiara Rossi": ("East", 90_000),
    "Dmitri Volkov": ("West", 30_000),
    "Elif Demir": ("East", 60_000),
    "Farid Haddad": ("West", 40_000),
    "Grace Lindqvist": ("West", 70_000),
}
"""Team and monthly target of each rep: what they win in the long run, by share of deals, true win
rate and usual value."""
_MANAGERS = {"East": "Ines Laurent", "West": "Jo Lee"}
_OVERRIDDEN = "Dmitri Volkov"
"""The most optimistic rep, whose calls the manager doubts."""
_MONTHS_AHEAD = 6
"""Months with targets after the last day."""
_REPORT = {"alert_when": "p_target < 0.75"}


def demo(
    weeks: int = 52,
    seed: int = 1,
    *,
    today: When | None = None,
    org: Org | None = None,
    folder: str | PathLike[str] | None = None,
    progress: bool | None = None,
) -> tuple[Client, History]:
    """Simulate a sales team on a local server, loaded and recorded every week.

    Seven reps in two teams, each with a target, call the month every week, and so do their
    managers: the org holds people, targets and calls. Everything runs over HTTP, as with a real
    account. The server stops, and a temporary history is deleted, when the interpreter exits.

    Parameters
    ----------
    weeks : int
        Weeks to record, 1 to 260; 27 more weeks of work precede them.
    seed : int
        Random seed; another seed gives another team.
    today : date or str, optional
        The team's last day; default: today, UTC. With a fixed one the same `weeks` and `seed` give
        the same deals on any day.
    org : Org, optional
        The org by whose stages, calendar and currency the team works; default: the API's six stages
        and US dollars. Its people, targets, calls, rates, joins and report settings give way to the
        team's.
    folder : path, optional
        A new folder for the history, which then stays; default: a temporary one.
    progress : bool, optional
        If True, show a progress bar; by default only on a terminal and in a notebook.

    Returns
    -------
    client : Client
        Connected to the sandbox server.
    history : History
        One record at the start and one after each week; the last one is of `today`. Its org is that
        of the client.

    Raises
    ------
    ArgumentError
        If `weeks` or `seed` is not a whole number, `weeks` is out of range, or `today` is not a
        date.
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
        server = stack.enter_context(
            sandbox.start(
                weeks=_WEEKS_BEFORE,
                seed=seed,
                today=first_day,
                deals_per_week=_DEALS_PER_WEEK,
                org=org,
            )
        )
        keys = (server.url, server.token, server.api_key)
        history = History(folder or scratch / "history", org=org)
        random, calls = np.random.default_rng(seed), []
        bar = stack.enter_context(progress_bar(progress, desc="playing", unit="week", total=weeks))
        with Client(*keys, cache_dir=scratch / "cache", org=org) as player:
            for week in range(weeks + 1):
                if week:
                    server.advance(7)
                    bar.update()
                opportunities = load(player, refresh="full", progress=False)
                history.record(opportunities, at=server.now)
                day = first_day + timedelta(weeks=week)
                if day <= datetime.now(UTC).date():  # An org refuses calls made in the future.
                    calls += _call_month(opportunities, day, random)
        bar.close()
        known = _make_org(org, first_day, last_day, calls)
        client = Client(*keys, cache_dir=scratch / "cache", org=known)
        stack.callback(client.close)
        atexit.register(stack.pop_all().close)
    return client, history.read_by(known)


def _make_org(org: Org | None, first_day: date, last_day: date, calls: list[Json]) -> Org:
    """Make the team's org: its own people, targets and calls, the rest from another org.

    The rest is stages, calendar and currency, if another org is given.
    """
    given = {} if org is None else org.to_dict()
    months = pd.period_range(first_day, pd.Period(last_day, "M") + _MONTHS_AHEAD, freq="M")
    return Org(
        **{
            "currency": "USD",
            **{
                name: value
                for name, value in given.items()
                if name not in ("currency_rates", "join")
            },
            "people": [{"owner_name": name, "team": team} for name, (team, _) in _PEOPLE.items()],
            "targets": [
                {"period": str(month), "owner_name": name, "target": target}
                for month in months
                for name, (_, target) in _PEOPLE.items()
            ],
            "calls": calls,
            "report": _REPORT,
        }
    )


def _call_month(opportunities: pd.DataFrame, day: date, random: np.random.Generator) -> list[Json]:
    """Call the month: reps what closed and what is due at stated chances, as it seems to them.

    Managers their team's.
    """
    made = {"made_on": str(day), "period": f"{day:%Y-%m}"}
    deals = opportunities[opportunities["close_date"].dt.strftime("%Y-%m") == made["period"]]
    outcome, owner = outcomes(deals), deals["owner_name"].astype("str")
    won = deals["value"].where(outcome == "won", 0).groupby(owner).sum()
    stated = (
        deals["value"].where(outcome == "open", 0) * deals["probability"].astype("float64") / 100
    )
    commits = won + stated.groupby(owner).sum() * random.lognormal(0.1, 0.3, len(won))
    rows: list[Json] = []
    for name, commit in commits.items():
        rows.append({**made, "caller": name, "owner_name": name, "commit": round(commit, -3)})
        if name == _OVERRIDDEN:
            manager = _MANAGERS[_PEOPLE[name][0]]
            rows.append({**rows[-1], "caller": manager, "commit": round(0.7 * commit, -3)})
    for team, manager in _MANAGERS.items():
        commit = 0.9 * sum(
            commits.get(name, 0) for name, (home, _) in _PEOPLE.items() if home == team
        )
        rows.append({**made, "caller": manager, "team": team, "commit": round(commit, -3)})
    return rows
