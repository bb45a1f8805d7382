"""Stored answers: one file a history and table, one line a row; attrs apart."""

from __future__ import annotations

import difflib
import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.golden.histories import HISTORIES
from tests.golden.tables import TABLES, answer

__all__ = ["compute", "differences", "write"]

_FOLDER = Path(__file__).parent / "data"
_TOLERANCE = 1e-9
"""Relative, and absolute below 1: other versions of numpy and scipy differ in the last bits."""

Found = dict[tuple[str, str], Any]
"""By history and table: answers by question, or lines of text."""


def compute(words: Sequence[str] = ()) -> Found:
    """Every answer of this build; `words` limit it to histories and tables of these names."""
    tables = [word for word in words if word in TABLES or word == "attrs"]
    names = [word for word in words if word in HISTORIES]
    strange = [word for word in words if word not in tables and word not in names]
    if strange:
        raise SystemExit(
            f"no table or history {strange[0]!r}: {', '.join((*TABLES, 'attrs', *HISTORIES))}"
        )

    def wanted(table: str) -> bool:
        return not tables or table in tables or "attrs" in tables

    found: Found = {}
    for name in names or HISTORIES:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "history").mkdir()
            known = HISTORIES[name](Path(folder) / "history")
            attrs: dict[str, Any] = {}
            for table, question, result, about in answer(known, Path(folder), wanted):
                if isinstance(result, list):
                    found[name, table] = result
                else:
                    found.setdefault((name, table), {})[question] = result
                if about:
                    attrs[f"{table}: {question}"] = json.loads(json.dumps(about, default=str))
            if not tables or "attrs" in tables:
                found[name, "attrs"] = attrs
    if tables:
        found = {key: value for key, value in found.items() if key[1] in tables}
    return found


def _path(history: str, table: str, result: Any) -> Path:
    return _FOLDER / history / f"{table}.{'txt' if isinstance(result, list) else 'json'}"


def _text(result: Any) -> str:
    """An answer as text, one line a row."""
    if isinstance(result, list):
        return "\n".join(result) + "\n"
    parts = []
    for question, table in result.items():
        lines = []
        for part, value in table.items():
            if part == "rows":
                rows = ",\n".join(f"   {_json(row)}" for row in value)
                value_text = f"[\n{rows}]" if value else "[]"
            else:
                value_text = _json(value)
            lines.append(f"  {_json(part)}: {value_text}")
        parts.append(f" {_json(question)}: {{\n" + ",\n".join(lines) + "}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write(found: Found) -> None:
    """Store answers in place of those before."""
    for (history, table), result in found.items():
        path = _path(history, table, result)
        path.parent.mkdir(parents=True, exist_ok=True)
        for other in path.parent.glob(f"{table}.*"):
            other.unlink()
        path.write_text(_text(result), "utf-8")


def differences(found: Found) -> Iterator[str]:
    """Each difference from the stored answers, as text."""
    for (history, table), now in found.items():
        path = _path(history, table, now)
        where = f"{history} · {table}"
        if not path.exists():
            yield f"{where}: not stored before"
            continue
        stored = path.read_text("utf-8")
        if isinstance(now, list):
            was = stored.splitlines()
            lines = "\n".join(now).splitlines()
            diff = list(
                difflib.unified_diff(was, lines, f"{where} was", f"{where} now", lineterm="", n=1)
            )
            if diff:
                yield "\n".join(diff)
            continue
        before = json.loads(stored)
        for question in [*before, *(each for each in now if each not in before)]:
            place = f"{where} · {question}"
            if question not in now:
                yield f"{place}: no longer there"
            elif question not in before:
                yield f"{place}: new"
            else:
                yield from _differ(place, before[question], json.loads(_json(now[question])))


def _differ(where: str, was: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Differences of two answers to one question."""
    for part in [*was, *(each for each in now if each not in was)]:
        if part == "rows" and "rows" in was and "rows" in now:
            yield from _differ_in_rows(where, was, now)
        elif not _same(was.get(part), now.get(part)):
            yield f"{where} · {part}:\n  was {_short(was.get(part))}\n  now {_short(now.get(part))}"


def _differ_in_rows(where: str, was: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    before, after = was["rows"], now["rows"]
    old_columns = was.get("columns") or list(range(1, 1 + max(map(len, before), default=0)))
    new_columns = now.get("columns") or list(range(1, 1 + max(map(len, after), default=0)))
    if len(before) != len(after):
        old, new = ([_json(row) for row in rows] for rows in (before, after))
        diff = difflib.unified_diff(old, new, "was", "now", lineterm="", n=0)
        yield f"{where}: {len(before)} rows, now {len(after)}\n" + "\n".join(
            f"  {line}" for line in diff
        )
        return
    for number, (old_row, new_row) in enumerate(zip(before, after, strict=True)):
        left, right = (
            dict(zip(old_columns, old_row, strict=False)),
            dict(zip(new_columns, new_row, strict=False)),
        )
        for column in left:
            if column in right and not _same(left[column], right[column]):
                label = " ".join(str(cell) for cell in old_row[:2])
                yield (
                    f"{where} · row {number} ({label}) · {column}: was {left[column]!r}, now "
                    f"{right[column]!r}"
                )


def _same(was: Any, now: Any) -> bool:
    if isinstance(was, (int, float)) and isinstance(now, (int, float)):
        return math.isclose(was, now, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    if isinstance(was, list) and isinstance(now, list):
        return len(was) == len(now) and all(map(_same, was, now))
    if isinstance(was, dict) and isinstance(now, dict):
        return was.keys() == now.keys() and all(_same(was[name], now[name]) for name in was)
    return type(was) is type(now) and bool(was == now)


def _short(value: Any) -> str:
    text = "nothing" if value is None else _json(value)
    return text if len(text) < 2000 else f"{text[:2000]} …"
