"""The longer run: every target with many inputs, all that is raw counted and shown.

``python -m tests.fuzz --examples 1000 [--only plan]``
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time

from tests.fuzz import (
    from_files,
    from_frames,
    from_servers,
    from_tables,
)
from tests.fuzz.targets import fuzz

_DOORS = (
    from_frames,
    from_servers,
    from_files,
    from_tables,
)
TARGETS = {name: target for door in _DOORS for name, target in door.TARGETS.items()}


def main() -> int:
    """Run, and print a line for each target and each place where something raw was raised."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="Odd input for every reader."
    )
    parser.add_argument("--examples", type=int, default=500, help="inputs for each target")
    parser.add_argument(
        "--only", nargs="*", default=list(TARGETS), choices=list(TARGETS), help="targets"
    )
    asked = parser.parse_args()
    raw = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_CACHE_HOME=f"{folder}/cache", XDG_STATE_HOME=f"{folder}/state")
        for name in asked.only:
            began = time.monotonic()
            found = fuzz(TARGETS[name], asked.examples, keep_going=True)
            raw += found.raw.total()
            took = time.monotonic() - began
            print(
                (
                    f"{name}: {asked.examples} inputs, {found.calls} calls, {found.refused} errors "
                    f"of ours, {found.raw.total()} raw, {took:.0f} s"
                ),
                flush=True,
            )
            for place, times in found.raw.most_common():
                print(f"  {times} × {place}: {found.examples[place][:1200]}", flush=True)
        from_servers.close_servers()
    return 1 if raw else 0


if __name__ == "__main__":
    sys.exit(main())
