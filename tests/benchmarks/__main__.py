"""``python -m tests.benchmarks [NAME …]``: the named benchmarks, or all, as the tables of
``docs/benchmarks.md``.

Each module of `NAMES` has a ``run(quick)`` that returns figures; with ``quick`` smaller ones.
``--quick`` compares those with the stored ones, and fails where a ratio is twice the stored one,
twice in a row: a time is never judged, since every machine has its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks._figures import Figure, tabulate

_HERE = Path(__file__).parent
_STORED = _HERE / "quick.json"
_DOCS = _HERE.parents[1] / "docs" / "benchmarks.md"
_DOUBLED = 2.0
NAMES = ("loading", "history", "statistics", "writing", "importing", "reporting", "exploring")


def main() -> int:
    """Run the named benchmarks and show their ratios."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all by default"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small ones, against the stored ratios"
    )
    parser.add_argument("--store", action="store_true", help="with --quick: store the ratios")
    parser.add_argument(
        "--docs", action="store_true", help="write each table to docs/benchmarks.md"
    )
    asked = parser.parse_args()
    chosen = asked.names or NAMES
    if unknown := set(chosen) - set(NAMES):
        parser.error(f"no benchmark {sorted(unknown)}; there are {NAMES}")
    if asked.docs and asked.quick:
        parser.error("--docs shows the full form; leave out --quick")
    figures: dict[str, list[Figure]] = {}
    for name in chosen:
        began, load = time.perf_counter(), os.getloadavg()[0]
        try:
            figures[name] = _run(name, quick=asked.quick)
        except Exception:
            # What the others measured in half an hour is not lost with it.
            traceback.print_exc()
            continue
        took, loads = (
            time.perf_counter() - began,
            f"load average {load:.1f} before, {os.getloadavg()[0]:.1f} after",
        )
        shown = f"\n{tabulate(figures[name])}\n\n" if figures[name] else ""
        print(f"{shown}{name}: {took:,.0f} s, {loads}", flush=True)
        if asked.docs and figures[name]:
            section = f"{tabulate(figures[name])}\n\n{_machine()}; {loads}; {took:,.0f} s."
            _DOCS.write_text(with_table(_DOCS.read_text(), name, section))
    failed = int(len(figures) < len(chosen))
    if not asked.quick:
        return failed
    stored: dict[str, float] = json.loads(_STORED.read_text())
    if asked.store:
        stored = {name: ratio for name, ratio in stored.items() if asked.names}
        stored |= {
            figure.name: round(figure.main.ratio, 2) for own in figures.values() for figure in own
        }
        _STORED.write_text(json.dumps(stored, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        return failed
    return failed or _judge(figures, stored)


def _run(name: str, *, quick: bool) -> list[Figure]:
    found: list[Figure] = importlib.import_module(f"{__package__}.{name}").run(quick)
    return found


def with_table(page: str, name: str, table: str) -> str:
    """The page with a benchmark's table between its marks."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{table}\n{end}{after}"


def _machine() -> str:
    about = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*:\s*(.*)", about.read_text()) if about.exists() else None
    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("pandas", "numpy", "pyarrow", "duckdb")
    )
    return (
        f"Measured on {os.cpu_count()} cores ({model[1] if model else platform.machine()}), "
        f"Python {platform.python_version()}, {libraries}"
    )


def _judge(figures: dict[str, list[Figure]], stored: dict[str, float]) -> int:
    """1 when a ratio has doubled, also when it is measured again."""
    suspects = {name for name, own in figures.items() if any(_has_doubled(f, stored) for f in own)}
    doubled = [
        f for name in sorted(suspects) for f in _run(name, quick=True) if _has_doubled(f, stored)
    ]
    for figure in doubled:
        print(
            f"doubled: {figure.name}: {stored[figure.name]:.2f} stored, {figure.main.ratio:.2f} now"
        )
    return 1 if doubled else 0


def _has_doubled(figure: Figure, stored: dict[str, float]) -> bool:
    return figure.main.ratio > _DOUBLED * stored.get(figure.name, float("inf"))


if __name__ == "__main__":
    sys.exit(main())
