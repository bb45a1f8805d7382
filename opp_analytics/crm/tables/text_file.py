"""The content of an exported file: of which kind it is, and its text."""

from __future__ import annotations

import codecs
from pathlib import Path

from opp_analytics.errors import ArgumentValueError, DataError
from opp_analytics.files import refuse_devices

__all__ = ["content_of", "is_parquet", "is_workbook", "text_of"]

_WRONG_KINDS = {
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls); save it as .xlsx or CSV",
    b"\x1f\x8b": "compressed; unpack it first",
    b"%PDF": "a PDF; export the report as CSV or .xlsx",
    b"<": "a web page, as some CRMs save .xls files; export the report as CSV or .xlsx",
    b"{": "JSON; export the report as CSV or .xlsx",
}
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}


def content_of(path: Path) -> bytes:
    """The bytes of a CSV file or an ``.xlsx`` workbook.

    Raises
    ------
    DataError
        When the file cannot be read or is of another kind.
    """
    refuse_devices(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; check its name and folder") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    begin = content[:64].removeprefix(codecs.BOM_UTF8).lstrip()
    wrong = next((what for start, what in _WRONG_KINDS.items() if begin.startswith(start)), None)
    if wrong is not None:
        raise DataError(f"{path} is {wrong}")
    return content


def is_workbook(content: bytes) -> bool:
    """True for a zip archive, which an ``.xlsx`` file is."""
    return content.startswith(b"PK\x03\x04")


def text_of(path: Path, content: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text of a file, and the name of its encoding.

    Parameters
    ----------
    path : Path
        The file, for messages.
    content : bytes
        UTF-8 with or without a byte order mark, UTF-16 with one, or else Windows-1252.
    encoding : str, optional
        The encoding, where it is known.

    Raises
    ------
    DataError
        When the bytes are no text; the message names the line.
    ArgumentValueError
        When `encoding` is unknown.

    Examples
    --------
    >>> text_of(Path("deals.csv"), "José".encode("cp1252"))
    ('José', 'Windows-1252')
    """
    if encoding is not None:
        _check_encoding(encoding)
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if b"\0" in content[:4096] and marked != "utf-16" and encoding is None:
        raise DataError(f"{path} is not text; export the report as CSV or .xlsx")
    tried = [encoding] if encoding else [marked] if marked else ["utf-8", "cp1252"]
    for name in tried:
        try:
            return content.decode(name), _NAMES.get(name, name)
        except UnicodeDecodeError as error:
            place, last = error.start, _NAMES.get(name, name)
    raise DataError(
        f"{path} is not {last} text: line {content[:place].count(10) + 1} holds the byte {content[place]:#04x}; "
        "export it as CSV UTF-8, or name its encoding"
    )


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except (LookupError, TypeError):
        raise ArgumentValueError(
            f"encoding={encoding!r} is unknown; use for example 'utf-8' or 'cp1252'"
        ) from None


def is_parquet(content: bytes) -> bool:
    """True for a Parquet file."""
    return content.startswith(b"PAR1")
