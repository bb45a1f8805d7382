"""A figure of the benchmark table: what ours takes against what something else takes in the same
run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

from tests.benchmarks._process import Run, cost

_T = TypeVar("_T")
_CPU, _CLOCK, _MB = "CPU s", "s", "MB"


@dataclass(frozen=True)
class Compared:
    """Medians of ours and theirs, and the median, smallest and largest of the ratios of each
    round."""

    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    unit: str

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float], unit: str) -> Compared:
        """Compare measurements made in turn, one of each a round."""
        ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
        return cls(median(ours), median(theirs), median(ratios), min(ratios), max(ratios), unit)

    def cells(self) -> list[str]:
        """What both take, and the ratio, as text."""
        return [
            f"{_digits(self.ours)} / {_digits(self.theirs)} {self.unit}".rstrip(),
            f"{self.ratio:.2f}",
        ]


def _digits(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"


@dataclass(frozen=True)
class Figure:
    """One row of the table; below a ratio of 1 ours takes less."""

    benchmark: str
    against: str
    """What somebody would do, or use, without this package; or a smaller size."""
    main: Compared
    """What is judged."""
    beside: Compared | None = None
    """A time's other measure: the clock where the processor is judged, and the other way round."""
    at_most: float | None = None
    """The ratio that is wanted."""
    times: float | None = None
    """How many times the rows of theirs ours has, where two sizes are compared."""

    @classmethod
    def of(
        cls,
        benchmark: str,
        against: str,
        ours: Sequence[float],
        theirs: Sequence[float],
        *,
        unit: str = _CLOCK,
        **further: Any,
    ) -> Figure:
        """The figure of any measurements made in turn."""
        return cls(benchmark, against, Compared.of(ours, theirs, unit), **further)

    @classmethod
    def of_runs(
        cls,
        benchmark: str,
        against: str,
        ours: Sequence[Run],
        theirs: Sequence[Run],
        *,
        by_clock: bool = False,
        **further: Any,
    ) -> Figure:
        """The figure of the time of runs: of the processor, with `by_clock` of those that mostly
        wait."""
        cpu = Compared.of([run.cpu for run in ours], [run.cpu for run in theirs], _CPU)
        clock = Compared.of([run.clock for run in ours], [run.clock for run in theirs], _CLOCK)
        main, beside = (clock, cpu) if by_clock else (cpu, clock)
        return cls(benchmark, against, main, beside, **further)

    @classmethod
    def of_memory(
        cls,
        benchmark: str,
        against: str,
        ours: Sequence[Run],
        theirs: Sequence[Run],
        **further: Any,
    ) -> Figure:
        """The figure of the growth of the peak memory of the same runs."""
        found = ([run.peak_mb for run in runs] for runs in (ours, theirs))
        return cls.of(f"{benchmark}, memory", against, *found, unit=_MB, **further)

    @property
    def name(self) -> str:
        """What tells the figure from all others."""
        return f"{self.benchmark} / {self.against}"

    def cells(self) -> dict[str, str]:
        """The row as text, by column; what is judged is bold."""
        kinds = {
            compared.unit == _CLOCK: compared for compared in (self.beside, self.main) if compared
        }
        main, clock = (
            [""] * 2 if kind is None else kind.cells() for kind in map(kinds.get, (False, True))
        )
        judged = clock if self.main.unit == _CLOCK else main
        judged[1] = f"**{judged[1]}**"
        exponent = (
            "" if self.times is None else f"{math.log(self.main.ratio) / math.log(self.times):.2f}"
        )
        return {
            "benchmark": self.benchmark,
            "against": self.against,
            "ours / theirs": main[0],
            "ratio": main[1],
            "by the clock": clock[0],
            "its ratio": clock[1],
            "spread": f"{self.main.low:.2f}–{self.main.high:.2f}",
            "at most": "" if self.at_most is None else f"{self.at_most:g}",
            "exponent": exponent,
        }


def tabulate(figures: Sequence[Figure]) -> str:
    """The figures as a table, without columns that all leave empty."""
    rows = [figure.cells() for figure in figures]
    columns = [column for column in rows[0] if any(row[column] for row in rows)] if rows else []
    lines = [
        columns,
        ["---"] * len(columns),
        *([row[column] for column in columns] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def in_turns(rounds: int, contenders: Mapping[str, Callable[[], _T]]) -> dict[str, list[_T]]:
    """What each contender returns in each round: the machine's mood hits all alike."""
    found: dict[str, list[_T]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            found[name].append(call())
    return found


def timed(
    benchmark: str,
    against: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    rounds: int,
    **further: Any,
) -> Figure:
    """The figure of two calls, timed in turn."""
    runs = in_turns(rounds, {"ours": lambda: cost(ours), "theirs": lambda: cost(theirs)})
    return Figure.of_runs(benchmark, against, runs["ours"], runs["theirs"], **further)
