"""What a draft adds to an org file, and its lines as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opp_analytics.org.guess_stages import FoundStage
from opp_analytics.text import count, printable

Tables = Mapping[str, str | Mapping[str, Any] | Sequence[Mapping[str, Any]]]
"""Sections of an org file by name, such as "targets": a file beside it, the keys, or rows."""


class Additions(NamedTuple):
    """What a draft says, each guess with its remark."""

    preset: str | None
    stages: Sequence[FoundStage]
    columns: Mapping[str, Mapping[str, tuple[str | Sequence[str], str]]]
    """By section (``columns``, ``api.columns``): a label of theirs, with our name and a remark."""
    tables: Tables


def quote(value: Any) -> str:
    """Write a value as TOML does."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_write_key(name)} = {quote(each)}' for name, each in value.items())}}}"
    # JSON does not escape this one, and TOML asks for it.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quote(name)


def write_remark(*parts: str) -> str:
    """Write a comment behind a line; nothing without a part."""
    said = "; ".join(part for part in parts if part)
    return f"  # {printable(said)}" if said else ""


def write_stage(one: FoundStage) -> tuple[str, str]:
    """Write a stage and its remark; one whose kind nothing tells as a comment."""
    if one.unknown:
        line = quote(one.stage.to_dict() | {"kind": "?"})
        return f"# {line}", write_remark(
            count(one.deals), f"{one.guess}: write its kind, and remove the first #"
        )
    return quote(one.stage.to_dict()), write_remark(count(one.deals), one.guess and f"guess: {one.guess}")


def write_columns(columns: Mapping[str, tuple[str | Sequence[str], str]]) -> list[str]:
    """Write the lines of labels and our names."""
    return [
        f"{quote(theirs)} = {quote(ours)}{write_remark(said)}" for theirs, (ours, said) in columns.items()
    ]


def write_table(name: str, content: str | Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[str]:
    """Write a section: the name of its file, its keys, or its rows."""
    if isinstance(content, str):
        content = {"file": content}
    if isinstance(content, Mapping):
        return [f"[{name}]", *(f"{key} = {quote(value)}" for key, value in content.items())]
    return [f"[{name}]", "rows = [", *(f"  {quote(row)}," for row in content), "]"]


def write_preset(preset: str) -> str:
    """Write the line of a preset."""
    return f"preset = {quote(preset)}  # its columns; what follows wins"
