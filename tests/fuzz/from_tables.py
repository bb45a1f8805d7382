"""Odd tables in files, for every reader of one, and odd org files."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.answers.alerts import judge_forecast
from tests.fuzz import odd
from tests.fuzz.from_frames import sound
from tests.fuzz.targets import Findings, Target

__all__ = ["TARGETS", "sound_files"]

_DAY = "2026-03-10"
_PEOPLE = pd.DataFrame(
    {
        "owner_name": ["Ann", "Bo"],
        "team": ["East", "West"],
        "region": ["EU", None],
        "from_date": [None, "2026-02-01"],
    }
)
_TARGETS = pd.DataFrame(
    {
        "period": ["2026-03", "2026Q2"],
        "owner_name": ["Ann", None],
        "team": [None, "West"],
        "target": ["1000", "$2,500.50"],
    }
)
_LOG = pd.DataFrame(
    {"unique_id": ["a", "b"], "seen_at": "2026-01-01", "stage": "proposal", "value": 1.0}
)
_LONG_LOG = pd.DataFrame(
    {
        "unique_id": ["a", "a"],
        "changed_at": ["2026-01-01", "2026-02-01"],
        "field": ["stage", "value"],
        "new_value": ["proposal", "7"],
    }
)
_EDITED = pd.DataFrame(
    {
        "unique_id": ["opp-1", None],
        "name": ["Other", "New"],
        "value": ["7", "$8"],
        "stage": ["closed_won", "proposal"],
    }
)


# Tables


@cache
def sound_files() -> dict[str, bytes]:
    """Files that each reader, or another one, can read."""
    with tempfile.TemporaryDirectory() as folder:
        oa.to_csv(sound(), Path(folder) / "deals.csv")
        oa.to_excel(sound(), Path(folder) / "deals.xlsx")
        tables = {
            "export": sound(),
            "people": _PEOPLE,
            "targets": _TARGETS,
            "log": _LOG,
            "long": _LONG_LOG,
            "edited": _EDITED,
        }
        for name, frame in tables.items():
            frame.to_csv(Path(folder) / f"{name}.csv", index=False)
            frame.to_parquet(Path(folder) / f"{name}.parquet")
            frame.astype("str").to_excel(Path(folder) / f"{name}.xlsx", index=False)
        return {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}


def _read_org(section: str) -> Callable[[Path], Any]:
    def read(file: Path) -> Any:
        org_file = file.with_name("org.toml")
        org_file.write_text(f"[{section}]\nfile = {json.dumps(file.name)}\n")
        org = oa.Org.read(org_file)
        deals = org.apply(sound())
        return oa.forecast(
            deals, as_of=_DAY, by="owner_name", target=org.targets if len(org.targets) else None
        )

    return read


_READERS: dict[str, Callable[[Path], Any]] = {
    "read_export": lambda file: oa.read_export(file, oa.Org(), progress=False),
    "read_export, Salesforce": lambda file: oa.read_export(
        file, oa.Org.salesforce(), progress=False
    ),
    "from_changes": lambda file: oa.History.from_changes(file, progress=False).as_of("2026-03-01"),
    "read_csv": lambda file: oa.plan(sound(), oa.read_csv(file, sound())).summary(),
    "read_excel": lambda file: oa.plan(*oa.read_excel(file)).summary(),
    "people": _read_org("people"),
    "targets": _read_org("targets"),
}
_MARKED = [
    codecs.BOM_UTF8,
    codecs.BOM_UTF8 * 2,
    codecs.BOM_UTF16_LE,
    codecs.BOM_UTF32_LE,
    b"sep=;\n",
    b"sep=\x00\n",
    b"\x00",
]
_ENCODINGS = [
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-7",
    "cp1252",
    "cp500",
    "shift_jis",
]


def _encode_again(content: bytes, encoding: str) -> bytes:
    return content.decode("utf-8", "replace").encode(encoding, "replace")


def _change_member(which: float, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change a part of a workbook; other files as a whole."""

    def damage(content: bytes) -> bytes:
        if not content.startswith(b"PK"):
            return change(content)
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            parts = {name: book.read(name) for name in book.namelist()}
        part = sorted(parts)[int(which * len(parts))]
        parts[part] = change(parts[part])
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as book:
            for name, member in parts.items():
                book.writestr(name, member)
        return written.getvalue()

    return damage


_damages: st.SearchStrategy[Callable[[bytes], bytes]] = st.one_of(
    odd.damage_bytes(),
    st.builds(_change_member, odd.which, odd.damage_bytes()),
    st.sampled_from(_MARKED).map(lambda mark: lambda content: mark + content),
    st.sampled_from(_ENCODINGS).map(
        lambda encoding: lambda content: _encode_again(content, encoding)
    ),
    st.just(gzip.compress),
    # 20 MB of blanks in 20 kB.
    st.builds(_change_member, odd.which, st.just(lambda content: content + b" " * 20_000_000)),
)
"""What happens to a file of a table."""
_LABELS = [
    *dict.fromkeys(
        name for frame in (sound(), _PEOPLE, _TARGETS, _LOG, _LONG_LOG) for name in frame
    )
]


@st.composite
def _lines(draw: st.DrawFn) -> bytes:
    """A CSV file of odd cells, mostly under sound names."""
    titles = draw(st.lists(st.one_of(*[st.sampled_from(_LABELS)] * 4, odd.texts), max_size=4))
    rows = draw(st.lists(st.lists(odd.texts, max_size=5), max_size=3))
    mark = draw(st.sampled_from(",,;\t|"))
    text = "\n".join(
        mark.join(f'"{cell}"' if draw(st.booleans()) else cell for cell in line)
        for line in [["unique_id", *titles], *rows]
    )
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])), "surrogatepass")


def _write_frame(frame: Any, ending: str) -> bytes:
    """The file that pandas writes of an odd frame; a word where it cannot."""
    written = io.BytesIO()
    try:
        with warnings.catch_warnings(action="ignore"):
            {".csv": frame.to_csv, ".xlsx": frame.to_excel, ".parquet": frame.to_parquet}[ending](
                written
            )
    except Exception as error:
        return repr(error).encode(errors="replace")
    return written.getvalue()


_contents = st.one_of(
    st.sampled_from(list(sound_files())).map(lambda name: sound_files()[name]),
    _lines(),
    st.builds(_write_frame, odd.frames(), st.sampled_from([".csv", ".xlsx", ".parquet"])),
)
_names = st.sampled_from(
    ["t.csv", "t.xlsx", "t.parquet", "t.tsv", "t.txt", "t", "t.xls", "T.CSV", "\u202et.csv"]
)


def _read_table(
    findings: Findings, given: tuple[str, str, bytes, Callable[[bytes], bytes] | None]
) -> None:
    reader, name, content, damage = given
    if damage is not None:
        content = damage(content)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(content)
        with findings.call(f"{reader} of {name}: {content[:700]!r}"):
            _READERS[reader](file)


# Org files

_ORG: dict[str, Any] = {
    "preset": "salesforce",
    "currency": "USD",
    "timezone": "America/Chicago",
    "fiscal_year_start": 2,
    "record_url": "https://crm.example.com/{unique_id}",
    "stages": [
        {
            "name": "proposal",
            "kind": "open",
            "probability": 20,
            "category": "pipeline",
            "aliases": ["Call"],
            "pipeline": "new",
        },
        {"name": "Verbal", "kind": "open", "probability": 80},
        {"name": "Signed", "kind": "won"},
        {"name": "Dead", "kind": "lost"},
    ],
    "columns": {"Amount": "value"},
    "api": {"columns": {"total": "value"}},
    "people": {
        "rows": [
            {"owner_name": "Ann", "team": "East", "region": "EU", "from_date": "2026-07-01"},
            {"owner_name": "Bo"},
        ]
    },
    "targets": {
        "rows": [
            {"period": "2026-03", "owner_name": "Ann", "target": 1000.0},
            {"period": "2026", "target": 5},
        ]
    },
    "report": {
        "by": ["owner_name"],
        "freq": "M",
        "alert_when": ["p_target < 0.5"],
        "alert_text": {"p_target": "{line}"},
        "title": "T",
        "blocks": ["forecast"],
    },
}
_TOML_ONLY = [date(2026, 3, 31), datetime(9999, 12, 31, 23, 59), float("inf"), float("nan"), 2**70]
_DEEP = [
    "x = " + "[" * 3000 + "]" * 3000,
    "x = " + "{a = " * 3000 + "1" + "}" * 3000,
    "a" + ".a" * 5000 + " = 1",
    "[" + "a." * 3000 + "a]",
]
_PARTS = [
    "name",
    "kind",
    "rows",
    "file",
    "columns",
    "stages",
    "aliases",
    "target",
    "period",
    "from_date",
]


def _toml(value: Any) -> str:
    """A value as TOML writes it, tables inline."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(str(key))} = {_toml(inner)}' for key, inner in value.items())}}}"  # noqa: E501
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, date):
        return value.isoformat()
    return (
        json.dumps("" if value is None else value).replace("NaN", "nan").replace("Infinity", "inf")
    )


@st.composite
def _org_files(draw: st.DrawFn) -> bytes:
    """Some of the real keys, one or two of them with another value or a key inside."""
    whole = {key: _ORG[key] for key in draw(st.sets(st.sampled_from(list(_ORG)), max_size=5))}
    is_damaged = bool(whole) and draw(st.integers(0, 3)) > 0
    damaged = draw(odd.damage_json)(whole) if is_damaged else whole
    content: dict[str, Any] = dict(damaged) if isinstance(damaged, dict) else {"columns": damaged}
    if draw(st.integers(0, 4)) == 0:
        put: Any = draw(st.sampled_from([*_TOML_ONLY, *({part: 1} for part in _PARTS)]))
        content[draw(st.sampled_from(list(_ORG)))] = put
    lines = [f"{json.dumps(key)} = {_toml(value)}" for key, value in content.items()]
    if draw(st.integers(0, 9)) == 0:
        lines.append(draw(st.sampled_from(_DEEP)))
    body = "\n".join(lines).encode("utf-8", "surrogatepass")
    return draw(_damages)(body) if draw(st.integers(0, 9)) == 0 else body


def _use_org(findings: Findings, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, findings.call(f"Org.read of {content[:1200]!r}"):
        file = Path(folder) / "opp-analytics.toml"
        file.write_bytes(content)
        org = oa.Org.read(file)
        org.to_dict(), repr(org)
        frame = oa.read_export(org.apply(sound()), org, progress=False)
        table = oa.forecast(frame, as_of=_DAY, target=org.targets if len(org.targets) else 100)
        [
            *judge_forecast(
                org.report, table.iloc[-1], label="2026-03", period="March", currency=org.currency
            )
        ]
        repr(oa.explore(frame, as_of=_DAY))


TARGETS = {
    "tables": Target(
        _read_table,
        st.tuples(
            st.sampled_from(list(_READERS)),
            _names,
            _contents,
            st.one_of(st.none(), _damages, _damages),
        ),
        100,
    ),
    "org files": Target(_use_org, _org_files(), 50),
}
