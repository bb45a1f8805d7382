"""``deliveries.jsonl``: durable, one writer at a time, and never read past damage."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from opp_analytics.errors import DataError
from opp_analytics.report.delivery.ledger import Delivery, Ledger, Run, now

SENDING = Delivery(
    now(),
    "2026-11-23",
    "everybody",
    "vp@example.com",
    "mail",
    "page",
    "sending",
    ("2026-11 p_target < 0.5",),
)


def test_ledger__keeps_messages_and_the_files_of_runs_as_lines_of_json(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.read() == []
    ledger.add(SENDING)
    ledger.add(Run(now(), "2026-11-23", ("weekly-2026-11-23.html",)))
    assert ledger.deliveries() == [SENDING]
    (run,) = ledger.runs()
    assert (run.day, run.files) == ("2026-11-23", ("weekly-2026-11-23.html",))
    assert next(map(json.loads, ledger.file.read_text().splitlines()))["alerts"] == [
        "2026-11 p_target < 0.5"
    ]
    assert [type(line) for line in Ledger(tmp_path).read()] == [Delivery, Run]


@pytest.mark.parametrize(
    ("change", "again", "begins"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"at": "2026-11-30T00:00:00+00:00", "alerts": ()}, False, False),
        ({"day": "2026-11-24"}, False, True),
        ({"receiver": "cfo@example.com"}, False, True),
        ({"audience": "team North"}, False, True),
        ({"kind": "alerts"}, False, True),
    ],
)
@pytest.mark.parametrize("state", ["sending", "unknown", "handed over"])
def test_begin__is_once_for_receiver_audience_kind_and_day(
    tmp_path: Path, change: dict[str, str], again: bool, begins: bool, state: str
) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(replace(SENDING, state=state))
    before = ledger.begin(replace(SENDING, **change), again=again)  # type: ignore[arg-type]
    assert (before is None) == begins
    assert len(ledger.deliveries()) == 1 + begins


def test_begin__repeats_what_failed_last(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for state in ("sending", "not handed over"):
        ledger.add(replace(SENDING, state=state))
    assert ledger.begin(SENDING, again=False) is None
    assert ledger.begin(SENDING, again=False) == SENDING


def test_begin__lets_one_of_many_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda _: Ledger(tmp_path).begin(SENDING, again=False), range(8)))
    assert begun.count(None) == 1
    assert len(Ledger(tmp_path).deliveries()) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["deliveries.jsonl"]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"at":"2026',
        b"[]",
        b"3",
        b'{"at": 1}',
        b'{"files": "a", "at": "", "day": ""}',
        b"\xff",
        b"null",
        b"[" * 50_000,
    ],
)
def test_ledger__says_which_line_is_damaged_and_begins_nothing(
    tmp_path: Path, damage: bytes
) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(SENDING)
    with ledger.file.open("ab") as file:
        file.write(damage)  # and a power failure
    ledger.add(replace(SENDING, receiver="cfo@example.com"))
    before = ledger.file.read_bytes()
    assert before.count(b"\n") == 3
    for ask in (ledger.read, ledger.check, lambda: ledger.begin(SENDING, again=False)):
        with pytest.raises(
            DataError,
            match=r"line 2 of .*deliveries\.jsonl is damaged.*without its crc32, or remove it",
        ):
            ask()
    assert ledger.file.read_bytes() == before


def test_ledger__begins_nothing_after_any_flipped_bit(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(SENDING)
    whole = ledger.file.read_bytes()
    # The line's end alone says nothing.
    for bit in range(0, 8 * (len(whole) - 1), 5):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        ledger.file.write_bytes(flipped)
        with pytest.raises(DataError, match=r"line \d of .*deliveries\.jsonl is damaged"):
            ledger.begin(SENDING)


def test_ledger__takes_a_line_that_a_person_corrected(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.file.write_text(json.dumps(asdict(SENDING)))
    assert ledger.begin(SENDING) == SENDING


def test_ledger__on_a_full_disk_keeps_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(SENDING)
    whole, write = ledger.file.read_bytes(), os.write

    def fill(handle: int, content: bytes) -> int:
        if not content.startswith(b'{"at'):
            return write(handle, content)
        write(handle, content[:20])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(DataError, match="cannot write .*deliveries.jsonl: No space left"):
        ledger.begin(replace(SENDING, day="2026-11-24"), again=False)
    assert ledger.file.read_bytes() == whole
