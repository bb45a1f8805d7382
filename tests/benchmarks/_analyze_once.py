"""One analysis of a frame in a process of its own: ``python -m tests.benchmarks._analyze_once
QUESTION ROWS``."""

from __future__ import annotations

import sys

from tests.benchmarks._opportunities import opportunities
from tests.benchmarks._process import tell
from tests.benchmarks.statistics import QUESTIONS


def main() -> None:
    """Measure one analysis, once it has run on a few rows."""
    ask, rows = QUESTIONS[sys.argv[1]], int(sys.argv[2])
    ask(opportunities(1_000))
    frame = opportunities(rows)
    tell(lambda: len(ask(frame)))


if __name__ == "__main__":
    main()
