"""Creates in the journal: what was made, or may have been, of which an equal one must not be made twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

from opp_analytics.writer.journal.entries import Run, note_intent
from opp_analytics.writer.journal.journal import Journal
from opp_analytics.writer.journal.result import Twin

__all__ = ["accounted_for", "claim", "created_ids", "runs_in_doubt"]


_EQUAL = """
SELECT run_id, number, unique_id FROM step
WHERE identity = ? AND (unique_id IS NOT NULL OR intended_at IS NOT NULL)
ORDER BY unique_id IS NULL, run_id DESC, number
"""


def _equal(db: sqlite3.Connection, identity: str) -> list[Twin]:
    """Equal creates that were sent, those with an id first, the newest runs first."""
    return [Twin(*row) for row in db.execute(_EQUAL, (identity,))]


def created_ids(journal: Journal) -> set[str]:
    """Ids of all opportunities created in this tenant."""
    query = "SELECT unique_id FROM step WHERE operation = 'create' AND unique_id IS NOT NULL"
    return set(journal.do(lambda db: [row["unique_id"] for row in db.execute(query)]))


def runs_in_doubt(journal: Journal) -> set[str]:
    """Runs with a create whose outcome is unknown."""
    query = "SELECT DISTINCT run_id FROM step WHERE identity IS NOT NULL AND intended_at IS NOT NULL"
    return set(journal.do(lambda db: [row["run_id"] for row in db.execute(query)]))


def accounted_for(
    journal: Journal, identities: Iterable[str], held: Collection[str], *, again: bool
) -> frozenset[str]:
    """Equal creates of the past that do not stand for a row of a new plan: their ids, or places in the journal.

    Parameters
    ----------
    journal : Journal
        The journal of the tenant.
    identities : iterable of str
        Identities of the plan's creates.
    held : collection of str
        Ids of the opportunities that the plan was made from: a row beside them is one more.
    again : bool
        If True, nothing of the past stands for a row.
    """
    known = set(identities)
    twins = journal.do(lambda db: [twin for identity in known for twin in _equal(db, identity)])
    if again:
        return frozenset(twin.place for twin in twins)
    ids = {twin.unique_id for twin in twins}
    # One of those held may turn out to be a create that has no id yet.
    return frozenset(unique_id for unique_id in held if unique_id in ids or None in ids)


def claim(journal: Journal, run: Run, number: int, identity: str, gone: Collection[str]) -> Twin | None:
    """Record that a create is about to be sent, unless another run made an equal one, or may have.

    Processes that share the journal ask and record one after another, so that only one of them sends.

    Parameters
    ----------
    journal, run, number
        The create.
    identity : str
        Its `Step.identity`.
    gone : collection of str
        Ids that are not on the server any more.

    Returns
    -------
    Twin or None
        The equal create that stands for this one; None when the intent was recorded.
    """

    def ask(db: sqlite3.Connection) -> Twin | None:
        twins = _equal(db, identity)
        ours = {t.unique_id for t in twins if t.run_id == run.run_id}
        spent = (run.accounted | ours | set(gone)) - {None}
        others = (t for t in twins if t.run_id != run.run_id and not spent & {t.unique_id, t.place})
        twin = next(others, None)
        if twin is None:
            note_intent(db, run.run_id, number)
        return twin

    found: Twin | None = journal.do(ask)
    return found
