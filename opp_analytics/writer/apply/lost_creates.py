"""Creates without an answer: look for them among new opportunities, and settle them.

New ones were created since the run began.

The API has no key that makes a repeated create harmless, so a create is never repeated before a
search, and "not found yet" proves nothing: a server may commit late, and its nodes' clocks differ.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from typing import Any

from opp_analytics import schema, text
from opp_analytics.api import Client, Opportunity
from opp_analytics.errors import JournalError, PlanError
from opp_analytics.schema import Json
from opp_analytics.writer.apply import engine
from opp_analytics.writer.apply.judge import judge, may_be
from opp_analytics.writer.apply.read_back import read_back
from opp_analytics.writer.journal import PlanRun, lock_plan
from opp_analytics.writer.server_rows import list_since, read_pages
from opp_analytics.writer.steps import EqualCreate, Result, RunStep, Step

_log = logging.getLogger(__name__)
_FIRST = 100
"""Rows of the first page of the newest opportunities, which usually reaches back 15 minutes."""


def mark_newest(client: Client) -> tuple[Any, frozenset[str]]:
    """Read the server's newest opportunities just before the first create.

    They give `PlanRun.since` and `PlanRun.known_ids`.

    Without the time of the server, only ids tell what is new, so that all of them are read.
    """
    first = client.list(page=1, page_size=_FIRST, sort="-created_at")
    rows = first.rows
    times = [schema.read_stamp(record.get("created_at")) for record in rows]
    now = client.server_time()
    if (
        now is None
        or not times
        or None in times
        or any(later < earlier for later, earlier in pairwise(times))
    ):
        pages = read_pages(client.list) if rows else ()
        return None, _collect_ids(record for page in pages for record in page)
    # A stamp far in the future (an import) must not hide what the server creates now.
    since = min(times[0], now) - engine.OVERLAP
    if times[-1] >= since and (first.total_pages or 1) > 1:
        rows = list_since(client, "created_at", since)
    return since, _collect_ids(rows)


def _collect_ids(records: Iterable[Json]) -> frozenset[str]:
    return frozenset(record["unique_id"] for record in records)


def list_new_since(client: Client, run: PlanRun) -> list[Opportunity]:
    """List the opportunities created since a run began."""
    if run.since is None:
        records = [record for page in read_pages(client.list) for record in page]
    else:
        records = list_since(client, "created_at", run.since)
    return [record for record in records if run.is_new(record)]


def match_lost_creates(
    lost: Mapping[Any, tuple[Step, PlanRun]], candidates: list[Opportunity], taken: set[str]
) -> dict[Any, Json]:
    """Match each lost create, by any key, to its new opportunity, where that is certain.

    `taken` belong to others.

    Creates and opportunities that fit each other are settled when there are as many of the one as
    of the other.
    """
    free = {r["unique_id"]: r for r in candidates if r["unique_id"] not in taken}
    fits = {
        n: {i for i, record in free.items() if may_be(*create, record)}
        for n, create in lost.items()
    }
    claimed: dict[Any, Json] = {}
    left = [key for key, ids in fits.items() if ids]
    while left:
        group, ids = _find_related(left[0], fits)
        left = [key for key in left if key not in group]
        pairs = _pair(sorted(group, key=lambda n: len(fits[n])), fits)
        if len(group) == len(ids) == len(pairs):
            claimed |= {number: free[unique_id] for number, unique_id in pairs.items()}
    return claimed


def _find_related(key: Any, fits: dict[Any, set[str]]) -> tuple[list[Any], set[str]]:
    """Find the creates that share candidates with one, and those candidates.

    They may share them indirectly.
    """
    group, ids = [key], set(fits[key])
    while more := [n for n, theirs in fits.items() if theirs & ids and n not in group]:
        group += more
        ids = ids.union(*(fits[n] for n in more))
    return group, ids


def _pair(keys: list[Any], fits: dict[Any, set[str]]) -> dict[Any, str]:
    pairs: dict[Any, str] = {}
    for key in keys:
        free = sorted(fits[key] - set(pairs.values()))
        if free:
            pairs[key] = free[0]
    return pairs


class LostCreates:
    """The creates of a run that have no answer, or wait for an equal one of another run.

    `results`, by step number, are changed in place; `tick` hears of each create that is sent again.
    """

    def __init__(
        self,
        live: engine.LiveRun,
        results: engine.Results,
        tick: Callable[[], object] = lambda: None,
    ) -> None:
        self.live, self.results, self._tick = live, results, tick
        self._since: dict[int, float] = {}
        """Start of the wait for each lost create, by the monotonic clock."""
        self._repeated: set[int] = set()
        self._given_up: set[int] = set()

    def settle(self, chains: engine.Chains) -> None:
        """Look for the lost creates until each is settled or unknown, or the run stops."""
        stop = self.live.stop
        wait, pause = engine.choose_wait(self.live.client), engine.FIRST_LOOK
        while True:
            lost = self._list_lost(chains)
            if not lost or stop:
                return
            stop.wait(pause)
            looked_at = time.monotonic()
            found, strangers = self._look(lost)
            if stop:
                return
            run_id, seconds = self.live.run.run_id, time.monotonic() - min(self._since.values())
            _log.info(
                "run %s: %d of %d lost creates found after %.1f s",
                run_id,
                len(found),
                len(lost),
                seconds,
            )
            again: engine.Chains = []
            for number, chain in lost.items():
                if number in found:
                    self._store(chain[0], self._claim(chain[0], found[number]))
                    again.append(chain[1:])
                elif self._measure_age(chain[0], looked_at) >= wait:
                    again += self._give_up_or_repeat(chain, strangers)
            pause = engine.FIRST_LOOK if again else min(2 * pause, engine.LAST_LOOK)
            self._send(again)

    def settle_equal(self, chains: engine.Chains) -> None:
        """Settle other runs' writes without an answer, then the creates that waited.

        These creates are sent or explained.

        A run of another process is given time to settle its own; one that has ended is settled
        here, as `resume` would.
        """
        stop = self.live.stop
        gives_up_at, pause = (
            time.monotonic() + engine.choose_wait(self.live.client),
            engine.FIRST_LOOK,
        )
        try:
            while waiting := self._list_waiting(chains):
                settled = {
                    run_id: self._settle_run(run_id) for run_id in {e.run_id for e, _ in waiting}
                }
                if stop:
                    return
                late = time.monotonic() >= gives_up_at
                again: engine.Chains = []
                for equal, chain in waiting:
                    reason = _explain_wait(equal, settled[equal.run_id], late=late)
                    if reason is None:
                        again.append(chain)
                    else:
                        result = self.results[chain[0].number]
                        errors = (reason,) * len(result.errors)
                        self._store(chain[0], replace(result, errors=errors, waits_for=None))
                if None in settled.values():
                    stop.wait(pause)
                    pause = min(2 * pause, engine.LAST_LOOK)
                self._send(again)
                self.settle(chains)
        except JournalError as error:
            stop.set(str(error))

    def _send(self, chains: engine.Chains) -> None:
        engine.send_chains(
            self.live, [chain for chain in chains if chain], self.results, self._tick
        )

    def _store(self, entry: RunStep, result: Result) -> None:
        self.results[entry.number] = result
        self.live.settle(entry, result)

    def _claim(self, entry: RunStep, record: Json) -> Result:
        """Settle a lost create that was found."""
        self.live.take(record["unique_id"])
        attempts = max(self.results[entry.number].attempts, 1)
        told = Result.whole(
            entry.step, "unknown", told=True, unique_id=record["unique_id"], attempts=attempts
        )
        return judge(entry.step, told, record, self.live.client.org or entry.step.org, late=True)

    def _list_lost(self, chains: engine.Chains) -> dict[int, list[RunStep]]:
        """List the chains that stop at a lost create, from that create on, by its number."""
        lost = {}
        for chain in chains:
            for at, entry in enumerate(chain):
                result = self.results.get(entry.number)
                if result is None or entry.number in self._given_up:
                    break
                if result.doubtful:
                    if not result.sent:  # it waits for a create of another run
                        break
                    lost[entry.number] = chain[at:]
                    self._since.setdefault(entry.number, time.monotonic())
                    break
        return lost

    def _measure_age(self, entry: RunStep, looked_at: float) -> float:
        """Measure the seconds between sending a create and a look.

        They are by the monotonic clock and the server's, never by ours.

        What an earlier process sent is older by the time that has passed on the server, less what
        its nodes' clocks may differ; where the server does not tell the time, it counts as sent
        just now.
        """
        waited = looked_at - self._since[entry.number]
        sent_at, now = entry.result.sent_at, self.live.client.server_time()
        if sent_at is None or now is None or entry.number in self._repeated:
            return waited
        return max(waited, (now - sent_at - engine.OVERLAP).total_seconds())

    def _list_waiting(self, chains: engine.Chains) -> list[tuple[EqualCreate, list[RunStep]]]:
        """List the chains in which a create waits for an equal one, from that create on."""
        return [
            (equal, chain[at:])
            for chain in chains
            for at, entry in enumerate(chain)
            if entry.number in self.results
            and (equal := self.results[entry.number].waits_for) is not None
        ]

    def _look(self, lost: dict[int, list[RunStep]]) -> tuple[dict[int, Json], int]:
        """Match opportunities to lost creates, by number; count new ones unexplained."""
        live = self.live
        own = {number: (chain[0].step, live.run) for number, chain in lost.items()}

        def look() -> tuple[dict[int, Json], int]:
            new = list_new_since(live.client, live.run)
            taken = live.journal.list_created_ids()
            taken |= {r.unique_id for r in self.results.values() if r.unique_id is not None}
            lost: dict[Any, tuple[Step, PlanRun]] = {}
            for run_id in live.journal.list_doubtful_runs() - {live.run.run_id}:
                run, entries = live.journal.read_run(run_id)
                lost |= {
                    (run_id, entry.number): (entry.step, run) for entry in entries if entry.lost
                }
            found = match_lost_creates(own | lost, new, taken)
            accounted = taken | {record["unique_id"] for record in found.values()}
            strangers = {record["unique_id"] for record in new} - accounted
            return {number: found[number] for number in own if number in found}, len(strangers)

        what = "cannot look for creates without an answer"
        return engine.look_apart(look, live.stop, what) or ({}, 0)

    def _give_up_or_repeat(self, chain: list[RunStep], strangers: int) -> engine.Chains:
        """Choose the part of a chain to send after the wait for its first create is over."""
        entry = chain[0]
        result = self.results[entry.number]
        if entry.number in self._repeated or (strangers and not self.live.sends_unknown):
            self._given_up.add(entry.number)
            said = result.doubt or "no answer"
            advice = (_advise(entry.step, self.live.run, strangers, said),) * len(result.errors)
            self._store(entry, replace(result, errors=advice, outage=False))
            return []
        self._repeated.add(entry.number)
        del self._since[entry.number]
        repeated = Result.whole(entry.step, "pending", attempts=result.attempts, looked_for=True)
        return [[entry._replace(result=repeated), *chain[1:]]]

    def _settle_run(self, run_id: str) -> engine.Results | None:
        """Settle another run's lost creates and return their results.

        None if that run is still going on.
        """
        live = self.live
        plan_id = live.journal.read_run(run_id)[0].plan_id
        with ExitStack() as stack:
            # An earlier run of the same plan has ended: its lock is ours.
            if plan_id != live.run.plan_id:
                try:
                    stack.enter_context(lock_plan(live.client.settings.tenant, plan_id))
                except PlanError:
                    return None
            run, entries = live.journal.read_run(run_id)
            lost = [entry for entry in entries if entry.lost]
            sends = live.sends_unknown
            other = engine.LiveRun(
                live.client, live.journal, run, lost, live.stop, sends_unknown=sends
            )
            results = {entry.number: entry.result for entry in lost}
            LostCreates(other, results).settle(engine.group_equal_creates(lost))
            read_back(other, lost, results)
            other.leave()
            return results


def _advise(step: Step, run: PlanRun, strangers: int, said: str) -> str:
    value = step.fields.get("value")
    worth = "" if value is None else f" with value {value}"
    when = (
        f" among the opportunities created since {run.since:%Y-%m-%d %H:%M} UTC"
        if run.since
        else ""
    )
    others = f", and {text.count(strangers, 'new opportunity')} may be it" if strangers else ""
    return f"{said}{others}; look for {step.name!r}{worth}{when}"


def _explain_wait(equal: EqualCreate, results: engine.Results | None, *, late: bool) -> str | None:
    """Explain why a create cannot be sent, nor an equal one stand for it; None to try it."""
    if results is None:
        return f"run {equal.run_id} is still creating an equal one" if late else None
    result = results.get(equal.number)
    return result.errors[0] if result is not None and result.doubtful else None
