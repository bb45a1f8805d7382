"""One world through the harness: every surface against the functions, and against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.surfaces.answers import Answers
from tests.surfaces.commands import check_commands
from tests.surfaces.facts import Ledger
from tests.surfaces.pages import check_digests, check_page, check_workbook
from tests.surfaces.panels import check_explorer, check_grid
from tests.surfaces.rules import check_truth
from tests.surfaces.shown import Shown
from tests.surfaces.worlds import WORLDS

__all__ = ["SURFACES", "judge"]

Check = Callable[[Ledger, Shown, Answers], None]


SURFACES: dict[str, Check] = {
    "truth": check_truth,
    "page": check_page,
    "workbook": check_workbook,
    "digests": check_digests,
    "commands": check_commands,
    "explorer": check_explorer,
    "grid": check_grid,
}
"""The checks of each surface, by name."""


def judge(name: str, surfaces: Iterable[str] = tuple(SURFACES)) -> Ledger:
    """Compare some surfaces of a world with its functions, all anew."""
    world = WORLDS[name]()
    for read in ("history", "opportunities"):
        world.__dict__.pop(read, None)
    ledger, shown, answers = Ledger(name), Shown(world), Answers(world)
    for surface in surfaces:
        SURFACES[surface](ledger, shown, answers)
    ledger.agree()
    return ledger
