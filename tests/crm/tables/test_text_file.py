from __future__ import annotations

from pathlib import Path

import pytest

from opp_analytics.crm.tables.text_file import content_of, is_workbook, text_of
from opp_analytics.errors import ArgumentValueError, DataError

FILE = Path("deals.csv")


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252"), ("utf-16", "UTF-16")],
)
def test_text_of__finds_the_encoding(encoding: str, named: str) -> None:
    assert text_of(FILE, "name,€\nJosé,1".encode(encoding)) == ("name,€\nJosé,1", named)


def test_text_of__takes_the_encoding_it_is_told() -> None:
    assert text_of(FILE, "Łódź".encode("cp1250"), "cp1250")[0] == "Łódź"
    with pytest.raises(ArgumentValueError, match="encoding='cp99' is unknown; use for example"):
        text_of(FILE, b"", "cp99")


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (
            b"a,b\n1,\x81\n",
            None,
            "is not Windows-1252 text: line 2 holds the byte 0x81; export it as CSV UTF-8",
        ),
        ("a\nJosé".encode("cp1252"), "utf-8", "is not UTF-8 text: line 2 holds the byte 0xe9"),
        (b"a\0b", None, "is not text; export the report as CSV or .xlsx"),
    ],
)
def test_text_of__names_the_line_that_is_not_text(content: bytes, encoding: str | None, says: str) -> None:
    with pytest.raises(DataError, match=f"deals.csv {says}"):
        text_of(FILE, content, encoding)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xd0\xcf\x11\xe0\xa1", "an old Excel file"),
        (b"\xef\xbb\xbf <html><table>", "a web page, as some CRMs save .xls files"),
        (b"%PDF-1.7", "a PDF"),
        (b'{"data": []}', "JSON"),
        (b"\x1f\x8b\x08", "compressed"),
    ],
)
def test_content_of__refuses_other_kinds(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "deals.xls"
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"deals.xls is {says}"):
        content_of(file)


def test_content_of__names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone.csv does not exist; check its name and folder"):
        content_of(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="cannot read"):
        content_of(tmp_path)
    with pytest.raises(DataError, match="is a device"):
        content_of(Path("/dev/zero"))


def test_is_workbook() -> None:
    assert is_workbook(b"PK\x03\x04rest")
    assert not is_workbook(b"PK,a,b\n")
