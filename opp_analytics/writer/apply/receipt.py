"""Receipt of an apply: one row per change and a short summary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from opp_analytics import text
from opp_analytics.writer.cells import list_rows
from opp_analytics.writer.plan.display import PYTHON, Words, write_receipt_html
from opp_analytics.writer.steps import OUTCOMES, RunStep, list_outcomes


@dataclass(frozen=True, eq=False, repr=False)
class Receipt:
    """The outcome of every change of a plan.

    Attributes
    ----------
    entries : list of RunStep
        The plan's steps with their results; the table is made from them.
    table : DataFrame
        One row per change: ``unique_id`` (of a create that was carried out, the new id), ``operation``, ``field``,
        ``before``, ``after`` (objects; of a change that is on the server what it holds, such as 1234.57 for a planned
        1234.567, else what was planned), ``outcome`` (applied already skipped conflict failed unknown pending),
        ``error`` (why, in the server's words where it gave any, or the other value that it made of an applied one;
        missing when all is well), ``attempts`` int64 (how often a write was sent for it), ``name``.
    run_id : str or None
        Names the run in the journal, for `resume` and `undo`; None after a dry run, or when nothing was to be done.
    stopped : str or None
        Reason the run stopped early; None if it did not.
    resumable : bool
        True if `resume` has work to do; rejected changes (4xx) are not sent again.
    """

    entries: list[RunStep]
    run_id: str | None = None
    stopped: str | None = None

    @cached_property
    def table(self) -> pd.DataFrame:
        """The outcome of every change."""
        return list_outcomes(self.entries)

    @property
    def resumable(self) -> bool:
        """True if `resume` has work to do."""
        return self.run_id is not None and any(entry.result.left for entry in self.entries)

    @property
    def complete(self) -> bool:
        """True if every change is on the server."""
        return bool(self.table["outcome"].isin(["applied", "already"]).all())

    def counts(self) -> pd.Series[int]:
        """Count the changes per outcome, without zeros."""
        counts = self.table["outcome"].value_counts()
        return counts.reindex([outcome for outcome in OUTCOMES if outcome in counts.index])

    def summary(self, *, words: Words = PYTHON) -> str:
        """Summarize it: counts per outcome, the first failures, and the next step.

        Parameters
        ----------
        words : Words
            Words for options and lists; those of Python by default.
        """
        counted, *after = self.overview(words=words).splitlines()
        lines = [counted]
        bad = self.table[self.table["outcome"].isin(["conflict", "failed", "unknown"])]
        for row in list_rows(bad.head(5)):
            name = f"({row['name']})" if pd.notna(row["name"]) else None
            parts = (row["operation"], row["unique_id"], name, row["field"])
            what = " ".join(str(part) for part in parts if pd.notna(part))
            lines.append(f"  {row['outcome']}: {what}: {row['error']}")
        if len(bad) > 5:
            lines.append(f"  … and {text.number(len(bad) - 5)} more, {words.more_outcomes}")
        return "\n".join([*lines, *after])

    def _creates(self, outcome: str) -> bool:
        return bool(((self.table["operation"] == "create") & (self.table["outcome"] == outcome)).any())

    def overview(self, *, words: Words = PYTHON) -> str:
        """Summarize it without the failures: counts per outcome, why the run stopped, and the next step.

        Parameters
        ----------
        words : Words
            Words for options and lists; those of Python by default.
        """
        counts = ", ".join(f"{text.number(n)} {outcome}" for outcome, n in self.counts().items())
        lines = [counts or "nothing to do"]
        if self.stopped:
            lines.append(f"stopped: {self.stopped}")
        if self.resumable:
            lines.append(f"to finish it: {words.resume(self.run_id)}")
        if self._creates("unknown"):
            sending = words.resume(self.run_id, send_unknown=True)
            lines.append(f"to send new ones that are not there: {sending}")
        if self._creates("already"):
            again = words.option("again")
            lines.append(f"an earlier run created new ones already; to create them once more: {again}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return write_receipt_html(self.overview(), self.entries)

    def __repr__(self) -> str:
        return text.printable(f"<Receipt {self.run_id}: {self.summary()}>", lines=True)
