"""The first answer against ``import pandas``: new processes, in turns."""

from __future__ import annotations

import tempfile
from functools import partial

from tests.benchmarks._figures import Figure, in_turns
from tests.benchmarks._process import cost, python
from tests.benchmarks.loading import serving_pages

_LOAD = """
import sys, opp_analytics as oa
with oa.Client(sys.argv[1], "token", "key", cache_dir=sys.argv[2]) as client:
    oa.load(client, max_age="1d", progress=False)
"""
_FIRST = {
    "import opp_analytics": ("-c", "import opp_analytics"),
    "its first analysis": ("-c", "import opp_analytics as oa; oa.win_rate"),
    "its client": ("-c", "import opp_analytics as oa; oa.Client"),
    "opp-analytics --help": ("-m", "opp_analytics", "--help"),
}
_AT_MOST = {"import opp_analytics": 1.0, "opp-analytics --help": 1.0}
_ROWS = 100_000


def run(quick: bool) -> list[Figure]:
    """Seconds of whole processes."""
    with tempfile.TemporaryDirectory() as cache, serving_pages(_ROWS, 1000, 0) as url:
        python("-c", _LOAD, url, cache)
        warm = {f"first table of {_ROWS:,} from a warm cache": ("-c", _LOAD, url, cache)}
        calls = {"pandas": ("-c", "import pandas"), **_FIRST, **warm}
        for call in calls.values():
            python(*call)
        runs = in_turns(
            1 if quick else 9,
            {name: partial(cost, partial(python, *call)) for name, call in calls.items()},
        )
    theirs = runs.pop("pandas")
    return [
        Figure.of_runs(name, "import pandas", ours, theirs, at_most=_AT_MOST.get(name))
        for name, ours in runs.items()
    ]
