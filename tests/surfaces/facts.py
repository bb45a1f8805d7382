"""Figures that people read: found in text, made from values, and compared."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CHANCE", "EVERYWHERE", "FLAGGED", "FORECAST", "Ledger"]

EVERYWHERE = "all surfaces"
"""The scope of what every surface must say alike."""
FORECAST, CHANCE = "forecast of the current period", "chance of the current target"
FLAGGED = re.compile(r"([\d,]+) of ([\d,]+) open deals? ha(?:s|ve) a flag")


@dataclass
class Ledger:
    """What was compared, and what differs."""

    world: str
    count: int = 0
    mismatches: list[str] = field(default_factory=list)
    claims: dict[tuple[str, str], dict[str, list[str]]] = field(default_factory=dict)

    def _differ(self, line: str) -> None:
        if (whole := f"{self.world} · {line}") not in self.mismatches:
            self.mismatches.append(whole)

    def same(self, where: str, said: Any, given: Any) -> None:
        """Compare what a surface says with what the function gives."""
        self.count += 1
        said, given = _plain(said), _plain(given)
        if said != given:
            self._differ(f"{where}: says {said!r}, the function gives {given!r}")

    def near(self, where: str, said: float, given: float, within: float = 0.005) -> None:
        """Compare two numbers."""
        self.count += 1
        if not (abs(said - given) <= within or (math.isnan(said) and math.isnan(given))):
            self._differ(f"{where}: says {said!r}, the function gives {given!r}")

    def claim(self, scope: str, noun: str, said: str, where: str) -> None:
        """Note what a place says of something that all places of a scope must say alike."""
        self.claims.setdefault((scope, noun), {}).setdefault(_plain(said), []).append(where)

    def agree(self) -> None:
        """Compare the claims with each other."""
        for (scope, noun), said in self.claims.items():
            self.count += sum(map(len, said.values()))
            if len(said) > 1:
                each = "; ".join(
                    f"{what!r} ({', '.join(dict.fromkeys(where[:3]))})"
                    for what, where in said.items()
                )
                self._differ(f"{scope}: {noun} differs: {each}")
        self.claims.clear()


def _plain(said: Any) -> Any:
    return said.replace("\u00a0", " ") if isinstance(said, str) else said
