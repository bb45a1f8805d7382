"""The org file of a command."""

from __future__ import annotations

from pathlib import Path

from opp_analytics.org import PRESETS, Org, read_folder_org

__all__ = ["find_org"]


def find_org(path: Path | None) -> Org | None:
    """The org of the named file or preset, else of the org file in the working folder, else none.

    Raises
    ------
    OrgError
        When the file cannot be read or holds mistakes.
    """
    if path is None:
        return read_folder_org()
    name = str(path)
    return Org(preset=name) if name in PRESETS and not path.exists() else Org.read(path)
