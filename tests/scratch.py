"""Folders and histories for the time of their use, for tests that pytest's `tmp_path` does not
reach."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import weakref
from pathlib import Path

from opp_analytics.history import History
from opp_analytics.org import Org


def scratch_folder(prefix: str) -> Path:
    """A folder that goes with the interpreter."""
    folder = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def scratch_history(org: Org | None = None) -> History:
    """An empty history whose folder goes with it."""
    folder = tempfile.mkdtemp(prefix="opp-analytics-history-")
    history = History(folder, org=org)
    weakref.finalize(history._source, shutil.rmtree, folder, True)
    return history
