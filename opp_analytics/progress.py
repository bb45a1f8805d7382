"""Long operations: progress as a bar or calls, and a pause of the garbage collector.

The calls are of your function.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any, Self

from opp_analytics.text import printable

Progress = bool | Callable[[int, int], None] | None
"""True shows a bar, False none, None shows it on a terminal and in a notebook; a function is called
with (done, total)."""


def progress_bar(
    progress: Progress, *, desc: str, unit: str, total: int | None = None, delay: float = 0
) -> Any:
    """Make a tqdm bar that appears after `delay` seconds, or a stand-in.

    The stand-in calls the function instead.
    """
    if progress is False:
        return _Callback(lambda _done, _total: None, 0)
    if callable(progress):
        return _Callback(progress, total or 0)
    # They take longer to import than a small load.
    from tqdm.auto import tqdm

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


@contextlib.contextmanager
def pause_collector() -> Iterator[None]:
    """Pause the garbage collector for work that makes few cycles.

    The collector would look at all that the process holds.

    Of several at once, the one that paused it lets it go on.
    """
    was_on = gc.isenabled()
    try:
        gc.disable()
        yield
    finally:
        if was_on:
            gc.enable()


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


class _Callback:
    """Stand-in for a bar that calls a function."""

    def __init__(self, call: Callable[[int, int], None], total: int) -> None:
        self._call, self._total, self._done = call, total, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int = 1) -> None:
        self._done += n
        self._call(self._done, self._total)

    def close(self) -> None:
        """Do nothing: there is no bar to remove."""


def note(progress: bool | None, text: str) -> None:
    """Print a text where a progress bar would be shown.

    In a notebook, which shows errors in red, as output.
    """
    notebook = _in_notebook()
    if (notebook or sys.stderr.isatty()) if progress is None else progress:
        (sys.stdout if notebook else sys.stderr).write(f"{printable(text, lines=True)}\n")
