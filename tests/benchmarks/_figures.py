"""A figure of the benchmark table: what ours takes against what something else takes in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Figure:
    """One row of the table; below a ratio of 1 ours takes less."""

    benchmark: str
    against: str
    """What somebody would do, or use, without this package."""
    ours: float
    theirs: float
    ratio: float
    """Median of the ratios of each round, ours by theirs."""
    low: float
    high: float
    """Smallest and largest ratio of a round."""
    at_most: float | None = None
    """The ratio that is wanted."""
    unit: str = "s"

    @classmethod
    def of(
        cls, benchmark: str, against: str, ours: Sequence[float], theirs: Sequence[float], **further: Any
    ) -> Figure:
        """The figure of measurements made in turn, one of each a round."""
        ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
        return cls(
            benchmark,
            against,
            median(ours),
            median(theirs),
            median(ratios),
            min(ratios),
            max(ratios),
            **further,
        )

    @property
    def name(self) -> str:
        """What tells the figure from all others."""
        return f"{self.benchmark} / {self.against}"

    def cells(self) -> list[str]:
        """The row as text."""
        wanted = "" if self.at_most is None else f"{self.at_most:g}"
        return [
            self.benchmark,
            self._measured(self.ours),
            self.against,
            self._measured(self.theirs),
            f"**{self.ratio:.2f}**",
            f"{self.low:.2f}–{self.high:.2f}",
            wanted,
        ]

    def _measured(self, value: float) -> str:
        digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
        return f"{value:,.{digits}f} {self.unit}"


HEAD = ["benchmark", "ours", "against", "theirs", "ratio", "spread", "at most"]


def in_turns(rounds: int, contenders: Mapping[str, Callable[[], _T]]) -> dict[str, list[_T]]:
    """What each contender returns in each round: the machine's mood hits all alike."""
    found: dict[str, list[_T]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            found[name].append(call())
    return found


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def timed(
    benchmark: str,
    against: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    rounds: int,
    at_most: float | None = None,
) -> Figure:
    """The figure of two calls, timed in turn."""
    found = in_turns(rounds, {"ours": lambda: seconds(ours), "theirs": lambda: seconds(theirs)})
    return Figure.of(benchmark, against, found["ours"], found["theirs"], at_most=at_most)
