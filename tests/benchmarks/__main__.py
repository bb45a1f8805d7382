"""``python -m tests.benchmarks [NAME …]``: every module here with a ``run()``, or the named ones, as one table.

A ``run()`` returns rows with ``benchmark, ours, other, ratio, wanted`` and whatever else it measured.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from pathlib import Path

import pandas as pd


def main() -> None:
    """Run the named benchmarks and print their ratios."""
    names = [m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if not m.name.startswith("_")]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all by default")
    chosen = parser.parse_args().names or names
    unknown = set(chosen) - set(names)
    if unknown:
        parser.error(f"no benchmark {sorted(unknown)}; there are {names}")
    rows = [row for name in chosen for row in importlib.import_module(f"{__package__}.{name}").run()]
    with pd.option_context("display.width", 200, "display.max_columns", None, "display.max_colwidth", 60):
        print(pd.DataFrame(rows).to_string(index=False, na_rep="", float_format=lambda x: f"{x:,.2f}"))


if __name__ == "__main__":
    main()
