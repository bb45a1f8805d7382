"""Settle creates without an answer, or leave them unknown with advice on what to look for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opp_analytics import text
from opp_analytics.errors import ApiError, JournalError
from opp_analytics.writer.apply.crew import work_through
from opp_analytics.writer.apply.lost_creates import (
    LostCreate,
    Mark,
    list_new_since,
    match_lost_creates,
    settling_seconds,
)
from opp_analytics.writer.journal.creates import created_ids, runs_in_doubt
from opp_analytics.writer.journal.entries import Run, read_run
from opp_analytics.writer.journal.result import Result, StepProgress, result_of

if TYPE_CHECKING:
    from opp_analytics.writer.apply.engine import Engine, Todo

__all__ = ["FIRST_LOOK", "LAST_LOOK", "Chains", "Settling"]

_log = logging.getLogger(__name__)
FIRST_LOOK, LAST_LOOK = 0.25, 5.0
"""Shortest and longest pause between looks, in seconds."""
Chains = list[list["Todo"]]


@dataclass
class Settling:
    """The lost creates of a run.

    Parameters
    ----------
    engine : Engine
        The run's engine.
    results : dict of int to Result
        Results by step number; changed in place.
    send : callable
        Sends chains of creates in order and stores the results.
    send_unknown : bool
        If True, send creates that a fresh look does not settle.
    """

    engine: Engine
    results: dict[int, Result]
    send: Callable[[Chains], None]
    send_unknown: bool = False
    _since: dict[int, float] = field(default_factory=dict)
    """Start of the wait for each lost create, by the monotonic clock."""
    _repeated: set[int] = field(default_factory=set)
    _given_up: set[int] = field(default_factory=set)

    def settle(self, chains: Chains) -> None:
        """Look for the lost creates until each is settled, given up as unknown, or the run is stopped."""
        wait, pause = settling_seconds(self.engine.client), FIRST_LOOK
        while True:
            lost = self._lost(chains)
            if not lost or self.engine.stop:
                return
            self.engine.stop.wait(pause)
            asked_at = time.monotonic()
            found, strangers = self._look(lost)
            if self.engine.stop:
                return
            run_id, seconds = self.engine.run.run_id, time.monotonic() - min(self._since.values())
            _log.info(
                "run %s: %d of %d lost creates found after %.1f s", run_id, len(found), len(lost), seconds
            )
            again: Chains = []
            for number, chain in lost.items():
                todo = chain[0]
                if number in found:
                    self.note(todo, _found(todo, self.results[number], found[number]))
                    again.append(chain[1:])
                elif asked_at - self._since[number] >= wait:
                    again += self._late(chain, strangers)
            pause = FIRST_LOOK if again else min(2 * pause, LAST_LOOK)
            self.send([chain for chain in again if chain])

    def _lost(self, chains: Chains) -> dict[int, list[Todo]]:
        """Chains waiting for a lost create, from that create on, by its number."""
        lost = {}
        for chain in chains:
            for at, todo in enumerate(chain):
                result = self.results.get(todo.number)
                if result is None or todo.number in self._given_up:
                    break
                if "unknown" in result.outcomes:
                    if not result.sent:  # it waits for a create of another run
                        break
                    lost[todo.number] = chain[at:]
                    age = 0.0 if todo.number in self._repeated else _age(todo.progress)
                    self._since.setdefault(todo.number, time.monotonic() - age)
                    break
        return lost

    def _look(self, lost: dict[int, list[Todo]]) -> tuple[dict[int, dict[str, Any]], int]:
        """Opportunities matched to lost creates, by number, and the count of unexplained new ones."""
        engine = self.engine
        mark = Mark.read(engine.run.mark)
        own = {number: LostCreate(chain[0].step, mark) for number, chain in lost.items()}

        def look(_: None) -> tuple[dict[int, dict[str, Any]], int]:
            new = list_new_since(engine.client, mark)
            taken = created_ids(engine.journal)
            taken |= {r.unique_id for r in self.results.values() if r.unique_id is not None}
            found = match_lost_creates(own | _lost_elsewhere(engine), new, taken)
            accounted = taken | {record["unique_id"] for record in found.values()}
            strangers = {record["unique_id"] for record in new} - accounted
            return {number: found[number] for number in own if number in found}, len(strangers)

        try:
            # On a thread of its own, so that Ctrl-C does not wait for the answer.
            for _, seen in work_through(look, [None], 1, engine.stop):
                return seen
        except (ApiError, JournalError) as error:
            engine.stop.set(f"cannot look for creates without an answer: {error}")
        return {}, 0

    def _late(self, chain: list[Todo], strangers: int) -> Chains:
        """The part of a chain to send after the wait for its first create is over."""
        todo = chain[0]
        result = self.results[todo.number]
        if todo.number in self._repeated or (strangers and not self.send_unknown):
            self._given_up.add(todo.number)
            advice = (_advice(todo, self.engine.run, strangers),) * len(result.errors)
            self.note(todo, replace(result, errors=advice, outage=False))
            return []
        self._repeated.add(todo.number)
        del self._since[todo.number]
        return [[replace(todo, progress=StepProgress(result.attempts, looked_for=True)), *chain[1:]]]

    def note(self, todo: Todo, result: Result) -> None:
        """Record a result."""
        self.results[todo.number] = result
        self.engine.note(todo, result)


def _lost_elsewhere(engine: Engine) -> dict[Any, LostCreate]:
    """The lost creates of other runs, which explain some of the new opportunities."""
    lost: dict[Any, LostCreate] = {}
    for run_id in runs_in_doubt(engine.journal) - {engine.run.run_id}:
        run, stored = read_run(engine.journal, run_id)
        mark = Mark.read(run.mark)
        lost |= {(run_id, create.number): LostCreate(create.step, mark) for create in stored if create.lost}
    return lost


def _age(progress: StepProgress) -> float:
    """Seconds since an earlier run sent it; 0 if the clock was set back."""
    if progress.sent_at is None:
        return 0.0
    return max(0.0, (datetime.now(UTC) - progress.sent_at).total_seconds())


def _found(todo: Todo, result: Result, record: dict[str, Any]) -> Result:
    known = {"unique_id": record["unique_id"], "record": record}
    return result_of(todo.step, "applied", attempts=max(result.attempts, 1), **known)


def _advice(todo: Todo, run: Run, strangers: int) -> str:
    value = todo.step.fields.get("value")
    worth = "" if value is None else f" with value {value}"
    since = (run.mark or {}).get("since")
    when = f" among the opportunities created since {since[:16].replace('T', ' ')} UTC" if since else ""
    others = f", and {text.count(strangers, 'new opportunity')} may be it" if strangers else ""
    return f"no answer{others}; look for {todo.name!r}{worth}{when}"
