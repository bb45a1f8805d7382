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
from opp_analytics.errors import ArgumentValueError, ConfigError, DataWarning
from opp_analytics.files import SMALL, read_whole

__all__ = ["Look", "find_alerts", "read_look"]

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
    for condition in [conditions] if isinstance(conditions, str) else conditions or ():
        holds, read = _judge(condition, row)
        unknown = [name for name, value in read.items() if math.isnan(value)]
        if unknown:
            warnings.warn(
                f"alert_when={condition!r} cannot be judged for {period}: {text.joined(unknown)} is not known",
                DataWarning,
                stacklevel=2,
            )
        elif holds:
            figures = text.joined(
                f"{name} is {format_cell(name, value, currency)}" for name, value in read.items()
            )
            yield f"Alert for {period}: {condition} ({figures})."


def _judge(condition: str, row: pd.Series[Any]) -> tuple[bool, dict[str, float]]:
    """Judge a condition; return whether it holds, and the figures that it reads."""
    try:
        import simpleeval
    except ImportError:
        raise ConfigError(
            "alert_when needs simpleeval; install it with: pip install 'opp-analytics[report]'"
        ) from None
    read: dict[str, float] = {}

    def figure(node: Any) -> float:
        if node.id not in row.index:
            raise ArgumentValueError(
                f"alert_when={condition!r}: the forecast has no column {node.id!r}; use some of {text.joined(row.index)}"
            )
        return read.setdefault(node.id, float(row[node.id]))

    try:
        holds = simpleeval.SimpleEval(names=figure, functions={}).eval(condition)
    except (
        simpleeval.InvalidExpression,
        SyntaxError,
        TypeError,
        ValueError,
        ArithmeticError,
        RecursionError,
    ) as error:
        if isinstance(error, ArgumentValueError):
            raise
        raise _refuse(condition) from None
    if not isinstance(holds, bool) or not read:
        raise _refuse(condition)
    return holds, read


def _refuse(condition: str) -> ArgumentValueError:
    return ArgumentValueError(
        f"alert_when={condition!r} is not a condition; compare columns of the forecast, for example p_target < 0.5"
    )
