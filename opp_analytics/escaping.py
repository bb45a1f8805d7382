"""Text of others as each format takes it: never a formula, a pattern, mark-up, or a call."""

from __future__ import annotations

import glob
import re

_MARKS = re.compile(r"[\\`*]|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])|\](?=\(|:)|~(?=~)|^[#>+-]")
"""What Markdown reads as more than text; chat shows a backslash that is not needed."""
_CALLS = re.compile(r"@(?=everyone|here)|(?<![\w.])@(?=[\w!&])|<(?=/?at>)", re.IGNORECASE)
"""Where a name would notify people of a chat; a blank without width behind it prevents that."""


FORMULA_SIGNS = ("=", "+", "-", "@", "'", "\t", "\r")
"""Begin what a spreadsheet takes for a formula, or drops."""


def is_formula(text: str) -> bool:
    """True where a spreadsheet takes a text for a formula, or drops its first sign."""
    return text.startswith(FORMULA_SIGNS)


def guard_formula(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would read as a formula."""
    return f"'{text}" if is_formula(text) else text


def escape_chat(words: str) -> str:
    """Let words call nobody whom they name."""
    return _CALLS.sub("\\g<0>\u200b", words)


def escape_markdown(words: str) -> str:
    """Let words be no mark-up, and call nobody."""
    return escape_chat(_MARKS.sub(r"\\\g<0>", words))


def escape_pattern(path: object) -> str:
    """Let a path mean itself where an engine reads patterns."""
    return glob.escape(str(path))


def escape_head(head: str) -> str:
    """Let a column's title be itself within a reference to a table of a workbook."""
    return re.sub(r"(['\[\]#@])", r"'\1", head)
