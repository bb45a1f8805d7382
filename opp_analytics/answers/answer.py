"""The answer to a question, which shows itself as JSON, as text and in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from opp_analytics.answers.as_html import write_html
from opp_analytics.answers.as_json import to_dict
from opp_analytics.answers.as_text import write_text
from opp_analytics.answers.data import AnswerData, Row


@dataclass(frozen=True)
class Answer(AnswerData):
    """A question answered for a context; `ask` gives it, and a notebook shows it."""

    opener: Callable[[Row], Answer | None] | None = field(default=None, repr=False)
    """Answers what is behind a row."""

    def opens(self, row: Row) -> Answer | None:
        """Answer what is behind a `row`; None where nothing is."""
        return None if self.opener is None else self.opener(row)

    def to_dict(self, *, most: int | None = None) -> dict[str, Any]:
        """Write plain JSON with exact numbers; of the first table at `most` so many rows."""
        return to_dict(self, most)

    def write(self, *, most: int | None = None) -> str:
        """Write plain text; of each table at `most` so many rows."""
        return write_text(self, most)

    def _repr_html_(self) -> str:
        return write_html(self)
