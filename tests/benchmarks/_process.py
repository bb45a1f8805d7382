"""What a call costs: here, or in a Python process of its own, whose imports were compiled before
and are only read."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_PROCESS = Path("/proc/self")


@dataclass(frozen=True)
class Run:
    """What one call took, and what it returned."""

    cpu: float
    """Seconds of the processor, with those of the processes that ended in it."""
    clock: float
    """Seconds by the clock."""
    answer: Any
    peak_mb: float = 0.0
    """How far the peak memory rose; only of a process of its own."""


def cost(call: Callable[[], object]) -> Run:
    """What a call takes in this process."""
    cpu, clock = _cpu(), time.perf_counter()
    answer = call()
    return Run(_cpu() - cpu, time.perf_counter() - clock, answer)


def _cpu() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def tell(call: Callable[[], object]) -> None:
    """Print what a call takes and returns, for `measured` to read; its peak memory is counted from
    here on."""
    (_PROCESS / "clear_refs").write_text("5")
    before = _peak_mb()
    run = cost(call)
    # What is less than a megabyte is nothing, but is divided by.
    print(json.dumps(dataclasses.asdict(run) | {"peak_mb": max(_peak_mb() - before, 1)}))


def _peak_mb() -> float:
    """Of this very process; what `getrusage` says starts at the parent's."""
    found = re.search(r"VmHWM:\s+(\d+) kB", (_PROCESS / "status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def python(*arguments: str) -> str:
    """What a new Python process prints."""
    surroundings = {
        name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, check=True, cwd=_ROOT, env=surroundings, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def measured(module: str, *arguments: object) -> Run:
    """What a module beside this one tells of its call in a process of its own."""
    printed = python("-m", f"{__package__}.{module}", *map(str, arguments))
    return Run(**json.loads(printed.splitlines()[-1]))
