"""``deliveries.jsonl`` beside the pages: what was sent to whom, and which files a run wrote."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import msgspec

from opp_analytics.errors import DataError
from opp_analytics.files import append_line, check_writable, in_turn, read_whole, say_failure

LEDGER = "deliveries.jsonl"
"""Name of the ledger."""
HANDED_OVER, NOT_HANDED_OVER, UNKNOWN = "handed over", "not handed over", "unknown"
Kind = Literal["page", "alerts"]
"""What a message is: the page, or alerts alone."""


@dataclass(frozen=True)
class Delivery:
    """One message to one receiver."""

    at: str
    """UTC, as 2026-11-23T06:30:00+00:00."""
    day: str
    """The as-of day of the page, as 2026-11-23."""
    audience: str
    receiver: str
    channel: str
    kind: str
    """``"page"``, or ``"alerts"`` for a message of alerts alone."""
    state: str
    """``"sending"`` before, `HANDED_OVER`, `NOT_HANDED_OVER` or `UNKNOWN` after; a run that was
    killed in between leaves the first."""
    alerts: tuple[str, ...] = ()
    """Keys of the alerts and milestones that the receiver then knows of."""


@dataclass(frozen=True)
class Run:
    """The files that one run wrote."""

    at: str
    day: str
    files: tuple[str, ...]
    """Their names in the folder of the ledger."""


class Ledger:
    """The ledger of a folder; each line that is added is on the disk before the call returns."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / LEDGER

    def read(self) -> list[Delivery | Run]:
        """Read all lines, in the order in which they were written.

        A damaged one is refused by its number.
        """
        if not self.file.exists() and not self.file.is_symlink():
            return []
        lines = read_whole(self.file).splitlines()
        return [self._parse(number, line) for number, line in enumerate(lines, 1) if line.strip()]

    def deliveries(self) -> list[Delivery]:
        """Read the lines of messages."""
        return [line for line in self.read() if isinstance(line, Delivery)]

    def runs(self) -> list[Run]:
        """Read the lines of runs."""
        return [line for line in self.read() if isinstance(line, Run)]

    def check(self) -> None:
        """Check that it can be read and added to; a folder that does not exist yet has none."""
        if self.file.parent.exists():
            with in_turn(self.file), say_failure(f"cannot write {self.file}"):
                check_writable(self.file)
                self.read()

    def add(self, line: Delivery | Run) -> None:
        """Add a line."""
        with in_turn(self.file):
            self._append(line)

    def begin(
        self,
        delivery: Delivery,
        *,
        again: bool = False,
        done: bool = False,
        dry_run: bool = False,
    ) -> Delivery | None:
        """Add that a message is about to be sent, unless it was or may have been handed over.

        If so, return its line and add nothing, but with `done` that it was. With `dry_run`, add
        nothing.
        """
        name = attrgetter("receiver", "audience", "kind", "day")
        with in_turn(self.file):
            same = [one for one in self.deliveries() if name(one) == name(delivery)]
            before = same[-1] if same and same[-1].state != NOT_HANDED_OVER else None
            if before and done and before.state != HANDED_OVER:
                delivery = before = replace(before, at=delivery.at, state=HANDED_OVER)
            elif before and not again:
                return before
            else:
                before = None
            if not dry_run:
                self._append(delivery)
            return before

    def _append(self, line: Delivery | Run) -> None:
        fields = msgspec.to_builtins(line)
        with say_failure(f"cannot write {self.file}"):
            append_line(self.file, msgspec.json.encode(fields | {"crc32": _sum(fields)}))

    def _parse(self, number: int, line: bytes) -> Delivery | Run:
        with suppress(
            msgspec.MsgspecError, AttributeError, TypeError, UnicodeError, RecursionError
        ):
            fields = msgspec.json.decode(line)
            whole = fields.pop("crc32", None) in (None, _sum(fields))
            kind: type[Delivery | Run] = Run if "files" in fields else Delivery
            made = msgspec.convert(fields, kind)
            if whole and fields.keys() == vars(made).keys():
                return made
        raise DataError(
            f"line {number} of {self.file} is damaged, so nobody knows what was sent; "
            "correct it without its crc32, or remove it"
        )


def _sum(fields: dict[str, Any]) -> int:
    return crc32(msgspec.json.encode(fields))


def find_told(told: Sequence[Delivery], receiver: str, audience: str, day: str) -> tuple[str, ...]:
    """Find the alerts that a receiver knew of after the last message by a day.

    A message that nobody knows to have arrived told nothing.
    """
    mine = (one for one in reversed(told) if (one.receiver, one.audience) == (receiver, audience))
    sent = [one for one in mine if one.state == HANDED_OVER and one.day <= day]
    return max(sent, key=lambda one: one.day).alerts if sent else ()


def now() -> str:
    """Write this moment as the ledger does."""
    return datetime.now(UTC).isoformat(timespec="seconds")
