"""The progress of long operations: a bar, or a function that is told of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Self

from opp_analytics.text import printable

__all__ = ["Progress", "note", "progress_bar"]

Progress = bool | Callable[[int, int], None] | None
"""True shows a bar, False none, None shows it on a terminal and in a notebook; a function is told (done, of all)."""


def progress_bar(
    progress: Progress, *, desc: str, unit: str, total: int | None = None, delay: float = 0
) -> Any:
    """A tqdm bar, which appears after `delay` seconds, or an object that tells the function instead."""
    if progress is False:
        return _Told(_ignore, 0)
    if callable(progress):
        return _Told(progress, total or 0)
    from tqdm.auto import tqdm  # It takes longer to import than a small load.

    # A notebook's standard error is no terminal, so tqdm's own default would hide the bar there.
    hidden = None if progress is None and not _in_notebook() else False
    many = total is None or total >= 1_000
    return tqdm(
        desc=printable(desc),
        unit=unit,
        total=total,
        unit_scale=many,
        disable=hidden,
        leave=False,
        delay=delay,
    )


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def _ignore(done: int, total: int) -> None:
    pass


class _Told:
    """A function in the place of a bar."""

    def __init__(self, tell: Callable[[int, int], None], total: int) -> None:
        self._tell, self._total, self._done = tell, total, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int = 1) -> None:
        self._done += n
        self._tell(self._done, self._total)

    def set_postfix(self, **_: Any) -> None:
        """A function is told numbers only."""

    def close(self) -> None:
        """Do nothing: a function stays."""


def note(progress: bool | None, text: str) -> None:
    """Print a text where a progress bar would be shown; in a notebook, which shows errors in red, as output."""
    notebook = _in_notebook()
    if (notebook or sys.stderr.isatty()) if progress is None else progress:
        (sys.stdout if notebook else sys.stderr).write(f"{printable(text, lines=True)}\n")
