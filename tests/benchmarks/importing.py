"""``import opp_analytics`` and the first use of a name, against ``import pandas``: new processes, in turns."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

_REPEATS = 9
_FIRST = {
    "import opp_analytics": "import opp_analytics",
    "… and its first analysis": "import opp_analytics as oa; oa.win_rate",
    "… and its client": "import opp_analytics as oa; oa.Client",
    "… and its forecast": "import opp_analytics as oa; oa.forecast",
}
_WANTED = {"import opp_analytics": "< 1.5"}


def run() -> list[dict[str, Any]]:
    """Rows of the benchmark table: median seconds, and the median of the ratios of each turn."""
    taken: dict[str, list[float]] = {name: [] for name in ("pandas", *_FIRST)}
    _seconds("import pandas")
    for _ in range(_REPEATS):
        taken["pandas"].append(_seconds("import pandas"))
        for name, code in _FIRST.items():
            taken[name].append(_seconds(code))
    return [
        {
            "benchmark": name,
            "ours": statistics.median(taken[name]),
            "other": statistics.median(taken["pandas"]),
            "ratio": statistics.median(
                ours / other for ours, other in zip(taken[name], taken["pandas"], strict=True)
            ),
            "wanted": _WANTED.get(name, ""),
        }
        for name in _FIRST
    ]


def _seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began
