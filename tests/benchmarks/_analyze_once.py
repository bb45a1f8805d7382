"""One analysis of a frame in a process of its own: ``python -m tests.benchmarks._analyze_once QUESTION ROWS``.

Prints seconds, and how far the peak memory rose in MB.
"""

from __future__ import annotations

import json
import sys
import time

from tests.benchmarks._memory import peak_mb
from tests.benchmarks._opportunities import opportunities
from tests.benchmarks.statistics import QUESTIONS


def main() -> None:
    """Measure one analysis, once it has run on a few rows."""
    ask, rows = QUESTIONS[sys.argv[1]], int(sys.argv[2])
    ask(opportunities(1_000))
    frame = opportunities(rows)
    before = peak_mb()
    began = time.perf_counter()
    ask(frame)
    print(json.dumps({"seconds": time.perf_counter() - began, "peak_mb": peak_mb() - before}))


if __name__ == "__main__":
    main()
