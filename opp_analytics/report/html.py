"""The page as HTML: blocks into one self-contained file, all data escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opp_analytics.errors import ConfigError
from opp_analytics.report.model import Block, Calls, Note, Page
from opp_analytics.svg import stylesheet

__all__ = ["html", "rendered"]

_SPANS = {"trend": 5, "people": 7, "why": 6, "decide": 6, "categories": 5, "months": 7, "created": 7, "created_by": 5,
          "slippage": 7, "past": 5, "funnel": 7, "win_rates": 5}  # fmt: skip
"""Columns of twelve that a block takes beside a partner; the others take all."""
_PERSONAL = {("trend", "calls"): 7}
"""Pairs of one person's page, with the columns of the first."""


def html(page: Page, *, accent: str | None = None, logo: str | None = None) -> str:
    """The page as one HTML document.

    Parameters
    ----------
    accent : str, optional
        Color of the highlight.
    logo : str, optional
        Picture before the title, as a ``data:`` address.

    Raises
    ------
    ConfigError
        When jinja2 is not installed.
    """
    return rendered(
        "weekly.html", page=page, placed=_placed(page.blocks), pictures=stylesheet(accent), logo=logo
    )


def rendered(template: str, **values: Any) -> str:
    """A template of ours with these values, all of them escaped.

    Raises
    ------
    ConfigError
        When jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise ConfigError(
            "the report needs jinja2; install it with: pip install 'opp-analytics[report]'"
        ) from None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("opp_analytics.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return str(environment.get_template(template).render(**values))


def _placed(blocks: Sequence[Block]) -> list[tuple[Block, int]]:
    """Each block with its width: two that fill a row, or are mere lines of text, stand side by side."""
    placed: list[tuple[Block, int]] = []
    waiting = list(blocks)
    while waiting:
        block = waiting.pop(0)
        span = _beside(block, waiting[0]) if waiting else None
        placed.append((block, span or 12))
        if span:
            placed.append((waiting.pop(0), 12 - span))
    return placed


def _beside(block: Block, partner: Block) -> int | None:
    """The width of a block beside the one that follows it; None where it takes the whole row."""
    if _is_line(block) != _is_line(partner):
        return None
    if _is_line(block):
        return 6
    if (block.key, partner.key) in _PERSONAL:
        only = isinstance(partner.parts[0], Calls) and len(partner.parts[0].calls) == 1
        return _PERSONAL[block.key, partner.key] if only else None
    span = _SPANS.get(block.key, 12)
    return span if span + _SPANS.get(partner.key, 12) == 12 else None


def _is_line(block: Block) -> bool:
    return all(isinstance(part, Note) for part in block.parts)
