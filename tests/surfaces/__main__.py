"""``python -m tests.surfaces [WORLD or SURFACE …]``: compare every figure of every surface with its function."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tests.surfaces.harness import SURFACES, judge
from tests.surfaces.worlds import WORLDS

_SHOWN = 200
"""Mismatches printed of a world."""


def main(words: Sequence[str]) -> int:
    """Print what differs, world by world; the exit code."""
    names = [word for word in words if word in WORLDS] or list(WORLDS)
    surfaces = [word for word in words if word in SURFACES] or list(SURFACES)
    failed = False
    for name in names:
        began = time.process_time()
        ledger = judge(name, surfaces)
        failed |= bool(ledger.mismatches)
        spent = time.process_time() - began
        sys.stdout.write(
            f"{name}: {ledger.count:,} figures, {len(ledger.mismatches)} differ ({spent:.0f} s)\n"
        )
        for line in ledger.mismatches[:_SHOWN]:
            sys.stdout.write(f"  {line}\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
