"""Peak memory of one process."""

from __future__ import annotations

import re
from pathlib import Path


def peak_mb() -> float:
    """Of this very process; what `getrusage` says starts at the parent's."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def forget_peak() -> None:
    """Count the peak from now on, so that what was needed to prepare does not hide what follows."""
    Path("/proc/self/clear_refs").write_text("5")
