"""``python -m tests.surfaces [WORLD or SURFACE …]``: compare every figure of every surface with its
function."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence

from tests.surfaces.faults import FAULTS, find
from tests.surfaces.files import FILES
from tests.surfaces.harness import SURFACES, judge
from tests.surfaces.worlds import WORLDS

_SHOWN = 200
"""Mismatches printed of a world."""


def main(words: Sequence[str]) -> int:
    """Print what differs, world by world; the exit code."""
    if "--faults" in words:
        return _show_faults([word for word in words if word != "--faults"])
    known = [*WORLDS, *FILES]
    names = [word for word in words if word in known] or known
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


def _show_faults(words: Sequence[str]) -> int:
    """Put each fault back, or those whose names hold one of the words; print what finds it."""
    missed = 0
    for fault in FAULTS:
        if words and not any(word in fault.name for word in words):
            continue
        began = time.process_time()
        try:
            found = find(fault)
        except AssertionError as error:
            found = []
            sys.stdout.write(f"{error}\n")
        missed += not found
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        said = f"found: {found[0]}{more}" if found else "NOT FOUND"
        sys.stdout.write(f"{fault.name}: {said} ({time.process_time() - began:.0f} s)\n")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state  # the grid keeps drafts
        sys.exit(main(sys.argv[1:]))
