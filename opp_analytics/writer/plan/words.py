"""Words for what a reader does next; those of Python here, the command line has its own."""

from __future__ import annotations

__all__ = ["PYTHON", "Words"]


class Words:
    """How a reader of Python allows a change, finds the rest of a list, and finishes a run."""

    more_conflicts = "see .conflicts"
    more_problems = "see .problems"
    more_outcomes = "see .table"

    def option(self, name: str) -> str:
        """How to give an option of `apply`."""
        return f"{name}=True"

    def resume(self, run_id: str | None, *, send_unknown: bool = False) -> str:
        """How to finish a run."""
        sending = ", unknown='send'" if send_unknown else ""
        return f"resume(client, {run_id!r}{sending})"


PYTHON = Words()
