"""The organization's own look: title, logo, accent, and the choice and order of blocks."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opp_analytics.errors import ArgumentValueError, DataError

__all__ = ["Look", "read_look"]

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
    """The look that the ``[report]`` of an org file asks for.

    Raises
    ------
    ArgumentValueError
        When the logo is no picture that a page can hold.
    DataError
        When it cannot be read.
    """
    logo = settings.get("logo")
    return Look(
        settings.get("title"),
        settings.get("accent"),
        None if logo is None else _picture(Path(logo)),
        tuple(settings.get("blocks") or ()),
    )


def _picture(file: Path) -> str:
    kind = _PICTURES.get(file.suffix.lower())
    if kind is None:
        raise ArgumentValueError(
            f"report.logo={str(file)!r} is not a picture; use one of {', '.join(_PICTURES)}"
        )
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the logo {file}: {error.strerror or error}") from None
    if len(content) > _LARGEST:
        raise ArgumentValueError(
            f"the logo {file} has {len(content):,} bytes; use one of at most {_LARGEST:,}, since every page holds it"
        )
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
