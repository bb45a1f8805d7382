"""What the ``[report]`` section of an org file asks for: the look of the page, and alerts."""

from __future__ import annotations

import base64
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.columns import format_cell
from opp_analytics.errors import ArgumentValueError, DataWarning
from opp_analytics.files import SMALL, read_whole
from opp_analytics.org import read_condition

_PICTURES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".svg": "svg+xml", ".webp": "webp"}
_LARGEST = 200_000
"""Bytes of a logo, which is part of every page."""


@dataclass(frozen=True)
class Look:
    """How the page looks."""

    title: str | None = None
    accent: str | None = None
    logo: str | None = None
    """The picture as a ``data:`` address."""
    blocks: tuple[str, ...] = ()
    """The blocks in their order; none for all."""


def read_look(settings: Mapping[str, Any]) -> Look:
    """Read the look of the page; refuse a logo that a page cannot hold."""
    logo = settings.get("logo")
    return Look(
        settings.get("title"),
        settings.get("accent"),
        None if logo is None else _read_logo(Path(logo)),
        tuple(settings.get("blocks") or ()),
    )


def _read_logo(file: Path) -> str:
    kind = _PICTURES.get(file.suffix.lower())
    if kind is None:
        raise ArgumentValueError(
            f"report.logo={str(file)!r} is not a picture; use one of {', '.join(_PICTURES)}"
        )
    content = read_whole(file, most=SMALL)
    if len(content) > _LARGEST:
        raise ArgumentValueError(
            f"the logo {file} has {len(content):,} bytes; use one of at most {_LARGEST:,}, since every page holds it"
        )
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def find_alerts(
    conditions: str | Sequence[str] | None, row: pd.Series[Any], *, period: str, currency: str | None
) -> Iterator[str]:
    """Say each condition of ``alert_when`` that holds for the current period's row; warn of one on an unknown figure."""
    for typed in [conditions] if isinstance(conditions, str) else conditions or ():
        condition = read_condition(typed, row.index)
        figures = {name: float(row[name]) for name in condition.columns}
        holds = condition.judge(figures)
        if holds is None:
            unknown = [name for name, figure in figures.items() if math.isnan(figure)]
            why = f"{text.joined(unknown)} is not known" if unknown else "it divides by zero"
            why = f"alert_when={condition.text!r} cannot be judged for {period}: {why}"
            warnings.warn(why, DataWarning, stacklevel=2)
        elif holds:
            said = (f"{name} is {format_cell(name, figure, currency)}" for name, figure in figures.items())
            yield f"Alert for {period}: {condition.text} ({text.joined(said)})."
