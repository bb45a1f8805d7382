"""The page as HTML: blocks into one self-contained file, all data escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opp_analytics.errors import ConfigError
from opp_analytics.report.model import Block, Note, Page
from opp_analytics.svg import stylesheet

__all__ = ["html", "rendered"]

_SPANS = {"trend": 5, "people": 7, "why": 6, "decide": 6, "categories": 5, "months": 7, "created": 7, "created_by": 5,
          "slippage": 7, "past": 5, "funnel": 7, "win_rates": 5}  # fmt: skip
"""Columns of twelve that a block takes beside a partner; the others take all."""


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
    """Each block with its width: two that fill a row stand side by side, unless one of them is a mere line of text."""
    placed: list[tuple[Block, int]] = []
    waiting = list(blocks)
    while waiting:
        block = waiting.pop(0)
        span = _SPANS.get(block.key, 12)
        fits = waiting and span + _SPANS.get(waiting[0].key, 12) == 12
        if fits and _is_line(block) == _is_line(waiting[0]):
            partner = waiting.pop(0)
            placed += [(block, span), (partner, 12 - span)]
        else:
            placed.append((block, 12))
    return placed


def _is_line(block: Block) -> bool:
    return all(isinstance(part, Note) for part in block.parts)
