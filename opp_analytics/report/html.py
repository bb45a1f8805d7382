"""The page as HTML: one self-contained file with all data escaped."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from opp_analytics.answers import Part
from opp_analytics.errors import ConfigError
from opp_analytics.report.model import Block, PageTable, WeeklyPage
from opp_analytics.svg import stylesheet
from opp_analytics.text import FIRST_ISOLATE, LAST_ISOLATE

WHOLE = "everybody"
"""The audience of a page of the whole pipeline."""
_HEAD = 8_192
"""Bytes of a page in which `read_audience` looks."""
_SPANS = {"why_it_moved": 7, "trend": 5}
"""Columns of twelve that a block takes beside a partner; the others take all."""


def render_page(
    page: WeeklyPage,
    *,
    audience: str = WHOLE,
    links: Mapping[Part, str] = MappingProxyType({}),
) -> str:
    """Render the page as one HTML document.

    `audience` is whose page it is, for `read_audience`; `links` leads to the pages of
    teams and people.
    """
    sorts = any(
        isinstance(part, PageTable) and part.sorts for block in page.blocks for part in block.parts
    )
    script = files(__package__).joinpath("templates/sort.js").read_text("utf-8") if sorts else ""
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render_template(
        "weekly.html",
        page=page,
        audience=audience,
        placed=_place([block for block in page.blocks if not block.folded]),
        pictures=stylesheet(),
        script=script,
        hash=hashed,
        links=links,
    )


def read_audience(file: Path) -> str | None:
    """Read whose page a file is; None where it is not a page of ours."""
    if not file.is_file():
        return None
    with file.open("rb") as content:
        head = content.read(_HEAD).decode(errors="replace")
    found = re.search(r'<meta name="audience" content="([^"]*)">', head)
    return html.unescape(found[1]) if found else None


def render_template(template: str, **values: Any) -> str:
    """Render a template with these values, all of them escaped."""
    page = str(_read_templates().get_template(template).render(**values))
    return _ISOLATED.sub(_write_isolated, page) if FIRST_ISOLATE in page else page


@cache
def _read_templates() -> Any:
    """Read the folder of templates; each is compiled once, however many pages it makes."""
    try:
        import jinja2
    except ImportError:
        raise ConfigError(
            "the report needs jinja2; install it with: pip install 'opp-analytics[report]'"
        ) from None
    return jinja2.Environment(
        loader=jinja2.PackageLoader("opp_analytics.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_ISOLATED = re.compile(
    r"<bdi\b[^>]*>[^<]*</bdi>|<(text|title|style|script)\b.*?</\1>|<[^>]*>|"
    rf"[{FIRST_ISOLATE}{LAST_ISOLATE}]",
    re.DOTALL,
)
_TAGS = {FIRST_ISOLATE: "<bdi>", LAST_ISOLATE: "</bdi>"}


def _write_isolated(found: re.Match[str]) -> str:
    """Write an isolate of the page's prose as an element.

    SVG and attributes, which hold none, keep the signs.
    """
    part = found[0]
    # The direction of a name's element is that of its own letters, not of an element inside.
    return (
        re.sub(f"[{''.join(_TAGS)}]", "", part)
        if part.startswith("<bdi")
        else _TAGS.get(part, part)
    )


def _place(blocks: Sequence[Block]) -> list[tuple[Block, int]]:
    """Give each block its width: two that fill a row go side by side."""
    spans = [_SPANS.get(block.key, 12) for block in blocks]
    pairs = [left + right == 12 for left, right in pairwise([*spans, 12])]
    return [
        (block, span if pair or before else 12)
        for block, span, pair, before in zip(blocks, spans, pairs, [False, *pairs], strict=False)
    ]
