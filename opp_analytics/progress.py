"""The progress bar of long operations."""

from __future__ import annotations

import sys
from typing import Any

from tqdm.auto import tqdm

from opp_analytics.text import printable

__all__ = ["progress_bar"]


def progress_bar(progress: bool | None, *, desc: str, unit: str, total: int | None = None) -> Any:
    """A tqdm bar: shown if True, hidden if False; None shows it on a terminal and in a notebook."""
    # A notebook's standard error is no terminal, so tqdm's own default would hide the bar there.
    hidden = (None if "ipykernel" not in sys.modules else False) if progress is None else not progress
    return tqdm(desc=printable(desc), unit=unit, total=total, unit_scale=True, disable=hidden, leave=False)
