"""The last errors of the command line, kept for `doctor --report`."""

from __future__ import annotations

import json
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from opp_analytics.api import state_folder
from opp_analytics.files import make_private_folder, write_whole

__all__ = ["last_errors", "note_error"]

_MOST = 20
_OURS = "opp_analytics"


def note_error(error: BaseException, frames: TracebackType | None) -> None:
    """Keep an error: its command, class and place, and its message if we wrote it."""
    known = type(error).__module__.startswith(_OURS)
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": next((word for word in sys.argv[1:] if not word.startswith("-")), ""),
        "kind": type(error).__name__,
        "message": str(error) if known else "",
        "where": _where(frames),
    }
    try:
        make_private_folder(_file().parent)
        write_whole(_file(), json.dumps([*last_errors(), entry][-_MOST:]).encode(), private=True)
    except OSError:
        return  # The error itself is what a person must see.


def last_errors() -> list[dict[str, Any]]:
    """The errors kept, oldest first; an unreadable file counts as none."""
    try:
        return list(json.loads(_file().read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return []


def _file() -> Path:
    return state_folder() / "last_errors.json"


def _where(frames: TracebackType | None) -> list[str]:
    """Our own frames as ``module:line``, outermost first; a message of another library may quote data."""
    found = traceback.extract_tb(frames)
    return [f"{Path(f.filename).stem}:{f.lineno}" for f in found if _OURS in Path(f.filename).parts]
