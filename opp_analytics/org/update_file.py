"""An org file with the additions of a draft: what a person wrote stays, comments too."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, InlineTable, Item, Table

from opp_analytics.errors import DataError
from opp_analytics.org.guess_stages import FoundStage
from opp_analytics.org.stages import Stages
from opp_analytics.schema import Json
from opp_analytics.text import count, printable

Tables = Mapping[str, str | Json | Sequence[Json]]
"""Sections of an org file by name, such as "targets": a file beside it, the keys, or rows."""


Guesses = Mapping[str, tuple[str | Sequence[str], str]]
"""By label of theirs: our name, and a remark."""


class Additions(NamedTuple):
    """The lines of a draft, each guess with its remark."""

    preset: str | None
    stages: Sequence[FoundStage]
    columns: Mapping[str, Guesses]
    """By section (``columns``, ``api.columns``): a label of theirs, with our name and a remark."""
    tables: Tables


def quote(value: Any) -> str:
    """Write a value as TOML does."""
    if not isinstance(value, Mapping):
        return str(tomlkit.item(value).as_string())
    table = tomlkit.inline_table()
    table.update(value)
    return table.as_string()


def write_remark(*parts: str) -> str:
    """Write a comment behind a line; nothing without a part."""
    words = "; ".join(part for part in parts if part)
    return f"  # {printable(words)}" if words else ""


def write_stage(one: FoundStage) -> tuple[str, str]:
    """Write a stage and its remark; one whose kind nothing tells as a comment."""
    if one.unknown:
        line = quote(one.stage.to_dict() | {"kind": "?"})
        return f"# {line}", write_remark(
            count(one.deals), f"{one.guess}: write its kind, and remove the first #"
        )
    return quote(one.stage.to_dict()), write_remark(
        count(one.deals), one.guess and f"guess: {one.guess}"
    )


def write_columns(columns: Guesses) -> list[str]:
    """Write the lines of labels and our names."""
    return [
        f"{quote(theirs)} = {quote(ours)}{write_remark(remark)}"
        for theirs, (ours, remark) in columns.items()
    ]


def write_table(name: str, content: str | Json | Sequence[Json]) -> list[str]:
    """Write a section: the name of its file, its keys, or its rows."""
    if isinstance(content, str):
        content = {"file": content}
    if isinstance(content, Mapping):
        return [f"[{name}]", *(f"{key} = {quote(value)}" for key, value in content.items())]
    return [f"[{name}]", "rows = [", *(f"  {quote(row)}," for row in content), "]"]


def write_preset(preset: str) -> str:
    """Write the line of a preset."""
    return f"preset = {quote(preset)}  # its columns; what follows wins"


def list_new_stages(stages: Sequence[FoundStage], known: Stages) -> list[FoundStage]:
    """List the stages that are not among the known ones, and whose kind is known or guessed."""
    return [
        one
        for one in stages
        if not one.unknown
        and not any(
            stage.name == one.stage.name
            and (one.stage.pipeline is None or stage.pipeline in (None, one.stage.pipeline))
            for stage in known
        )
    ]


def update_text(text: str, new: Additions, known: Stages) -> str:
    """Add to the text of an org file what it lacks.

    All that it says stays, comments and order too.
    """
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        document = tomlkit.parse(plain)
        if tomlkit.dumps(document) != plain:
            raise DataError(_REFUSED)
        updated = _update(document, new, known)
        if not _keeps(tomllib.loads(plain), tomllib.loads(updated)):
            raise DataError(_REFUSED)
    except (TOMLKitError, tomllib.TOMLDecodeError):
        raise DataError(_REFUSED) from None
    if updated == plain:
        return text
    updated = updated.replace("\n", "\r\n") if "\r\n" in text else updated
    return f"\ufeff{updated}" if text.startswith("\ufeff") else updated


_REFUSED = (
    "the org file can't be changed in place without changing what is in it; write a second one, "
    "and copy its lines"
)


def _keeps(before: Any, after: Any) -> bool:
    """Tell whether a value is contained in another, with keys and the order of entries."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            key in after and _keeps(each, after[key]) for key, each in before.items()
        )
    if isinstance(before, list):
        rest = iter(after)
        return isinstance(after, list) and all(
            any(_keeps(each, other) for other in rest) for each in before
        )
    return bool(before == after) or (isinstance(after, list) and before in after)


def _update(document: tomlkit.TOMLDocument, new: Additions, known: Stages) -> str:
    stages = list_new_stages(new.stages, known)
    aliases = {
        one.stage.name: further
        for one in new.stages
        if one.stage.name in known.names
        and (further := [name for name in one.stage.aliases if name not in known.spellings])
    }
    top = [write_preset(new.preset)] if new.preset and "preset" not in document else []
    end: list[str] = []
    lines: list[tuple[str, str]] = []
    if "stages" in document:
        _add_aliases(document["stages"], aliases)
        lines = _add_stages(document["stages"], stages, new.stages)
    elif stages or aliases:
        written = [write_stage(one) for one in new.stages if not one.unknown]
        top += ["stages = [", *(f"  {line},{remark}" for line, remark in written), "]"]
    for section, columns in new.columns.items():
        end += _add_columns(document, section, columns)
    for name, content in new.tables.items():
        if _find(document, name) is None:
            end += ["", *write_table(name, content)]
    changed = _fill_marks(tomlkit.dumps(document), lines)
    if end:
        changed = "\n".join([changed.rstrip("\n"), *end, ""]).lstrip("\n")
    if not top:
        return changed
    # A first paragraph of comments is about the file; another line may already belong to a table.
    head = re.match(r"(?:#.*\n)+\n", changed)
    at = head.end() if head else 0
    return changed[:at] + "\n".join([*top, "", changed[at:]])


def _add_aliases(stages: Any, aliases: Mapping[str, list[str]]) -> None:
    for stage in stages:
        further = aliases.get(stage["name"], [])
        if "aliases" in stage:
            stage["aliases"].extend(further)
        elif further:
            stage["aliases"] = further


def _add_stages(
    stages: Any, new: Sequence[FoundStage], every: Sequence[FoundStage]
) -> list[tuple[str, str]]:
    """Add each new stage behind the one that precedes it in `every`.

    In an array as a mark, which is filled later.
    """
    lines: list[tuple[str, str]] = []
    names = [str(stage["name"]) for stage in stages]
    for one in new:
        alike = [other.stage.name for other in every if other.stage.kind == one.stage.kind]
        rank = alike.index(one.stage.name)
        before = [names.index(name) + 1 for name in alike[:rank] if name in names]
        behind = [names.index(name) for name in alike[rank:] if name in names]
        at = before[-1] if before else behind[0] if behind else len(names)
        names.insert(at, one.stage.name)
        line, remark = write_stage(one)
        if isinstance(stages, Array):
            stages.insert(at, f"{_MARK}{len(lines)}")
            lines.append((line, remark))
        else:
            entries = [f"{name} = {quote(value)}" for name, value in one.stage.to_dict().items()]
            added = tomlkit.parse("\n".join([f"[[stages]]{remark}", *entries, ""]))["stages"]
            stages.insert(at, added[0])
    return lines


_MARK = "\x1fstage "


def _fill_marks(text: str, lines: Sequence[tuple[str, str]]) -> str:
    """Write the stages at their marks, each with its remark where it ends its line.

    Comments above a mark stay with what follows.
    """
    for number, (line, remark) in enumerate(lines):
        mark = re.escape(tomlkit.string(f"{_MARK}{number}").as_string())
        text = re.sub(
            rf"((?:^[ \t]*#.*\n)+)([ \t]*{mark},?[ \t]*\n)", r"\2\1", text, flags=re.MULTILINE
        )
        match = re.search(rf"{mark}(,?)([ \t]*\n)?", text)
        assert match is not None
        ends = f"{remark}\n" if match[2] else ""
        text = f"{text[: match.start()]}{line}{match[1]}{ends}{text[match.end() :]}"
    return text


def _find(document: Any, name: str) -> Any:
    """Find a section by its dotted name; None without one."""
    for part in name.split("."):
        if not isinstance(document, Mapping) or part not in document:
            return None
        document = document[part]
    return document


def _add_columns(
    document: tomlkit.TOMLDocument,
    section: str,
    columns: Guesses,
) -> list[str]:
    """Add labels to a section; the lines of a new one where it is missing."""
    table = _find(document, section)
    if table is None:
        return ["", f"[{section}]", *write_columns(columns)] if columns else []
    for label, (ours, remark) in columns.items():
        if label in table:
            has, wanted = (
                [each] if isinstance(each, str) else each for each in (table[label], ours)
            )
            if set(wanted) - set(has):
                table[label] = list(dict.fromkeys([*has, *wanted]))
        elif isinstance(table, Table):
            # Behind the last key: comments that follow are about the next section.
            body = table.value.body
            last = max(
                (place for place, (key, _) in enumerate(body) if key is not None), default=-1
            )
            tail = body[last + 1 :]
            del body[last + 1 :]
            table.add(label, ours)
            if remark:
                cast("Item", table.value.item(label)).comment(remark)
            body.extend(tail)
        elif isinstance(table, InlineTable):
            table.add(label, ours)
    return []
