"""Send the creates that waited for an equal one of another run, once that is settled."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from opp_analytics.errors import JournalError, PlanError
from opp_analytics.writer.apply.engine import Engine, Todo, chains_of
from opp_analytics.writer.apply.lost_creates import settling_seconds
from opp_analytics.writer.apply.settling import FIRST_LOOK, LAST_LOOK, Chains, Settling
from opp_analytics.writer.journal import entries
from opp_analytics.writer.journal.journal import plan_lock

if TYPE_CHECKING:
    from opp_analytics.writer.journal.result import Result, Twin

__all__ = ["settle_twins"]


def settle_twins(settling: Settling, chains: Chains) -> None:
    """Settle what other runs left without an answer, then send or explain the creates that waited for it.

    A run of another process is given time to settle its own; one that has ended is settled here, as `resume` would.

    Parameters
    ----------
    settling : Settling
        The lost creates of this run.
    chains : list of list of Todo
        Its creates.
    """
    engine, results = settling.engine, settling.results
    gives_up_at, pause = time.monotonic() + settling_seconds(engine.client), FIRST_LOOK
    try:
        while waiting := _waiting(chains, results):
            twins = {number: _twin(results[number]) for number in waiting}
            settled = {run_id: _settle_run(settling, run_id) for run_id in {t.run_id for t in twins.values()}}
            if engine.stop:
                return
            late = time.monotonic() >= gives_up_at
            again: Chains = []
            for number, chain in waiting.items():
                reason = _reason(twins[number], settled[twins[number].run_id], late=late)
                if reason is None:
                    again.append(chain)
                else:
                    result = results[number]
                    errors = (reason,) * len(result.errors)
                    settling.note(chain[0], replace(result, errors=errors, twin=None))
            if None in settled.values():
                engine.stop.wait(pause)
                pause = min(2 * pause, LAST_LOOK)
            settling.send(again)
            settling.settle(chains)
    except JournalError as error:
        engine.stop.set(str(error))


def _waiting(chains: Chains, results: dict[int, Result]) -> dict[int, list[Todo]]:
    """Chains in which a create waits, from that create on, by its number."""
    return {
        todo.number: chain[at:]
        for chain in chains
        for at, todo in enumerate(chain)
        if todo.number in results and results[todo.number].twin is not None
    }


def _twin(result: Result) -> Twin:
    if result.twin is None:
        raise ValueError("it waits for no other create")
    return result.twin


def _settle_run(settling: Settling, run_id: str) -> dict[int, Result] | None:
    """The results of another run's lost creates; None if that run is still going on."""
    engine = settling.engine
    plan_id = entries.read_run(engine.journal, run_id)[0].plan_id
    with ExitStack() as stack:
        # An earlier run of the same plan has ended: its lock is ours.
        if plan_id != engine.run.plan_id:
            try:
                stack.enter_context(plan_lock(engine.client.settings.tenant, plan_id))
            except PlanError:
                return None
        run, stored = entries.read_run(engine.journal, run_id)
        todos = [Todo(s.number, s.step, s.name, s.progress) for s in stored if s.lost]
        results = {todo.number: todo.lost for todo in todos}
        other = Engine(engine.client, engine.journal, run, engine.stop)

        def send(again: Chains) -> None:
            other.parallel(again, results, lambda _: None)

        Settling(other, results, send, settling.send_unknown).settle(chains_of(todos))
        other.leave()
        return results


def _reason(twin: Twin, results: dict[int, Result] | None, *, late: bool) -> str | None:
    """Why a create cannot be sent, nor an equal one stand for it; None to try it."""
    if results is None:
        return f"run {twin.run_id} is still creating an equal one" if late else None
    result = results.get(twin.number)
    return result.errors[0] if result is not None and "unknown" in result.outcomes else None
