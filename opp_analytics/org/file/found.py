"""The org file of the working folder."""

from __future__ import annotations

import logging
from pathlib import Path

from opp_analytics.org.org import Org

__all__ = ["FILE", "found_org"]

FILE = "opp-analytics.toml"
"""Name of the org file."""
_log = logging.getLogger("opp_analytics")


def found_org(folder: str | Path = ".") -> Org | None:
    """The org of the org file in a folder, which the log says; None without one.

    Raises
    ------
    OrgError
        When the file holds mistakes.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    _log.info("read the org of %s", path.resolve())
    return Org.read(path)
