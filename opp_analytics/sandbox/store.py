"""The sandbox's database: tenants, tokens and opportunities in one SQLite file.

An opportunity is one JSON document, exactly as it is served. SQLite generates the columns for
filters and sorts from it, so that the two always agree.
"""

from __future__ import annotations

import os
import random
import secrets
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from opp_analytics.sandbox.arguments import Json, SandboxError
from opp_analytics.sandbox.clock import Clock, from_text, to_text
from opp_analytics.sandbox.team import TenantStages

CORE = (
    "unique_id",
    "name",
    "account_id",
    "value",
    "stage",
    "close_date",
    "probability",
    "status",
    "created_at",
    "updated_at",
)
"""The attributes that every opportunity has, in the order of the API's reference."""

_COLUMNS = (*CORE[1:], "owner_unique_id", "contact_unique_id")
_SEARCHED = ("name", "code", "notes", "owner_name", "account_id")
_AT_PATH = "json_extract(attributes, ?)"
_APPLICATION_ID = 0x4F50_5053
"""Marks the file as a sandbox database ("OPPS")."""
_LAYOUT = 2
"""Rises with every change of the tables; a file of another layout is refused."""
_SCHEMA = f"""
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tenant (
    id INTEGER PRIMARY KEY,
    api_key TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL UNIQUE
);
CREATE TABLE opportunity (
    tenant INTEGER NOT NULL REFERENCES tenant,
    unique_id TEXT NOT NULL,
    deleted_at TEXT,
    deleted_by TEXT,
    {"".join(f"{c} AS (json_extract(attributes, '$.{c}')) STORED, " for c in _COLUMNS)}
    attributes TEXT NOT NULL,
    UNIQUE (tenant, unique_id)
);
CREATE INDEX live_by_creation ON opportunity (tenant, created_at, unique_id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX live_by_update ON opportunity (tenant, updated_at DESC, unique_id, deleted_at)
    WHERE deleted_at IS NULL;
CREATE INDEX trash_by_creation ON opportunity (tenant, created_at, unique_id)
    WHERE deleted_at IS NOT NULL;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_LAYOUT};
"""

# Decimals, not floats, so that money stays exact.
_DECODER = msgspec.json.Decoder(Json, float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def decode(text: str | bytes) -> Json:
    """Decode the JSON object in `text`, decimals exact."""
    return _DECODER.decode(text)


def encode(value: Any) -> str:
    """Encode `value` as JSON text, with exact decimals."""
    return _ENCODER.encode(value).decode()


@dataclass(frozen=True)
class Access:
    """The access of a token: its tenant with its key."""

    tenant: int
    api_key: str


@dataclass
class Record:
    """One opportunity in the database."""

    attributes: Json
    deleted_at: str | None = None
    deleted_by: str | None = None

    @property
    def unique_id(self) -> str:
        """The key of the opportunity."""
        return str(self.attributes["unique_id"])


class DealStore:
    """One sandbox database; its file is created, readable by its owner only, if it does not exist.

    Reads and writes use separate connections, so that a page can be read during a long write. Only
    one write may run at a time: the server holds a lock around all writes.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.clock = clock
        self.stamp_error: Callable[[], timedelta] = timedelta
        self.is_new = not path.exists() or path.stat().st_size == 0
        try:
            if self.is_new:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._writer = self._connect(path)
            self._prepare(path)
            self._reader = self._connect(path)
        except OSError as error:
            raise SandboxError(
                f"cannot write {path} ({error.strerror}); choose another file"
            ) from None
        except sqlite3.DatabaseError as error:
            raise SandboxError(
                f"{path} is not a sandbox database ({error}); use another file"
            ) from None
        self.access = {
            token: Access(tenant, api_key)
            for token, tenant, api_key in self._reader.execute(
                "SELECT token, id, api_key FROM tenant"
            )
        }
        """The access of each token."""
        self.stages = TenantStages.of(self.read_setting("org"))
        self._lag = 0.0
        self._replica: sqlite3.Connection | None = None
        self._awaited: list[tuple[float, str, list[tuple[Any, ...]]]] = []
        newest = self._reader.execute("SELECT max(updated_at) FROM opportunity").fetchone()[0]
        if newest is not None:
            clock.witness(from_text(newest))

    @staticmethod
    def _connect(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = NORMAL")
        # SQLite's LIKE ignores case only for ASCII.
        connection.create_function(
            "casefold", 1, lambda text: str(text).casefold(), deterministic=True
        )
        return connection

    def _prepare(self, path: Path) -> None:
        if self.is_new:
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.executescript(_SCHEMA)
            return
        application = self._writer.execute("PRAGMA application_id").fetchone()[0]
        layout = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if (application, layout) != (_APPLICATION_ID, _LAYOUT):
            self._writer.close()
            raise SandboxError(
                f"{path} is not a sandbox database of this version; use another file"
            )

    def close(self) -> None:
        """Close the file."""
        self.follow(0)
        self._reader.close()
        self._writer.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a transaction: all writes inside are stored, or none."""
        self._writer.execute("BEGIN IMMEDIATE")
        before = len(self._awaited)
        try:
            yield
        except BaseException:
            self._writer.execute("ROLLBACK")
            del self._awaited[before:]
            raise
        self._writer.execute("COMMIT")

    # The replica that reads may lag behind on

    def follow(self, lag: float) -> None:
        """Let reads be `lag` seconds behind the writes from now on.

        With 0 they are up to date again.
        """
        self._lag = lag
        if lag and self._replica is None:
            self._replica = self._connect(Path(":memory:"))
            self._writer.backup(self._replica)
        elif not lag and self._replica is not None:
            self._replica.close()
            self._replica = None
            self._awaited.clear()

    def _read_late(self) -> sqlite3.Connection:
        """Return the connection that shows the data of `lag` seconds ago."""
        if self._replica is None:
            return self._reader
        while self._awaited and self._awaited[0][0] <= time.monotonic() - self._lag:
            _, statement, rows = self._awaited.pop(0)
            self._replica.executemany(statement, rows)
        return self._replica

    def _write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        written = list(rows)
        self._writer.executemany(statement, written)
        if self._replica is not None:
            self._awaited.append((time.monotonic(), statement, written))

    # Settings and tenants

    def read_setting(self, name: str) -> Any:
        """Read the setting called `name`; None when there is none."""
        row = self._writer.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0])

    def save_settings(self, **settings: Any) -> None:
        """Save settings for the next start."""
        self._writer.executemany(
            "INSERT OR REPLACE INTO setting VALUES (?, ?)",
            [(k, encode(v)) for k, v in settings.items()],
        )

    def add_tenant(self) -> tuple[int, str, str]:
        """Add a tenant without data, and return its number, token and API key."""
        token = f"sandbox_{secrets.token_hex(20)}"
        api_key = f"pk_sandbox_{secrets.token_hex(12)}"
        added = self._writer.execute(
            "INSERT INTO tenant (api_key, token) VALUES (?, ?)", (api_key, token)
        )
        tenant = int(added.lastrowid or 0)
        self.access[token] = Access(tenant, api_key)
        return tenant, token, api_key

    def make_id(self) -> str:
        """Make the unique_id of the next opportunity.

        It is the same for the same opportunities in the same order.
        """
        [number] = self._writer.execute(
            "SELECT ifnull(max(rowid), 0) + 1 FROM opportunity"
        ).fetchone()
        dice = random.Random(f"{self.read_setting('seed')}/made/{number}")  # noqa: S311 - dice, not secrets
        return str(uuid.UUID(int=dice.getrandbits(128), version=4))

    # Reads

    def read_page(
        self,
        tenant: int,
        *,
        deleted: bool = False,
        filters: Mapping[str, str] = MappingProxyType({}),
        search: str = "",
        sort: str = "created_at",
        limit: int = 15,
        offset: int = 0,
    ) -> tuple[list[tuple[str, str]], int]:
        """Read the rows of one page, and the number of rows on all pages.

        A row is (unique_id, attributes as JSON). A `sort` after a minus is downward.
        """
        where = ["tenant = ?", f"deleted_at IS {'NOT ' if deleted else ''}NULL"]
        values: list[Any] = [tenant]
        for column, value in filters.items():
            where.append(f"{column} = ?")
            values.append(value)
        if search:
            texts = (f"ifnull(json_extract(attributes, '$.{f}'), '')" for f in _SEARCHED)
            fields = " || char(10) || ".join(texts)
            where.append(f"instr(casefold({fields}), ?) > 0")
            values.append(search.casefold())
        condition = " AND ".join(where)
        column, direction = sort.removeprefix("-"), "DESC" if sort.startswith("-") else "ASC"
        by, paths = (
            (column, []) if column in ("unique_id", *_COLUMNS) else (_AT_PATH, [f'$."{column}"'])
        )
        order = f"{by} {direction}, unique_id"
        # S608: the text is built from names in this module, every value is bound.
        counting = f"SELECT count(*) FROM opportunity WHERE {condition}"  # noqa: S608
        # Keys first: sorting whole documents would carry all of them through the sorter.
        paging = (
            f"SELECT rowid FROM opportunity WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        )
        fetching = (
            "SELECT unique_id, attributes FROM json_each(?) AS wanted JOIN opportunity ON "
            "opportunity.rowid = wanted.value ORDER BY wanted.key"
        )
        reader = self._read_late()
        # One transaction, so that rows and total agree.
        reader.execute("BEGIN")
        total = reader.execute(counting, values).fetchone()[0]
        keys = reader.execute(paging, [*values, *paths, limit, offset]).fetchall()
        rows = reader.execute(fetching, [encode([key for (key,) in keys])]).fetchall()
        reader.execute("COMMIT")
        return rows, int(total)

    def has_attribute(self, tenant: int, attribute: str) -> bool:
        """Return True if any opportunity of `tenant` has `attribute`."""
        if '"' in attribute or "\0" in attribute:
            return False
        rows = self._reader.execute(
            (
                "SELECT 1 FROM opportunity WHERE tenant = ? AND json_type(attributes, ?) IS NOT "
                "NULL LIMIT 1"
            ),
            (tenant, f'$."{attribute}"'),
        )
        return rows.fetchone() is not None

    def get(self, tenant: int, unique_id: str, *, late: bool = False) -> Record | None:
        """Get one opportunity, deleted or not; None for an unknown id.

        `late` reads with the lag.
        """
        reader = self._read_late() if late else self._reader
        row = reader.execute(
            (
                "SELECT attributes, deleted_at, deleted_by FROM opportunity WHERE tenant = ? AND "
                "unique_id = ?"
            ),
            (tenant, unique_id),
        ).fetchone()
        return None if row is None else Record(decode(row[0]), row[1], row[2])

    def find_named(self, tenant: int, name: str) -> Record | None:
        """Find an opportunity by its name, whatever its case and blanks; None without one."""
        row = self._writer.execute(
            (
                "SELECT unique_id FROM opportunity WHERE tenant = ? AND deleted_at IS NULL AND "
                "casefold(json_extract(attributes, '$.name')) = ?"
            ),
            (tenant, " ".join(name.split()).casefold()),
        ).fetchone()
        return None if row is None else self.get(tenant, row[0])

    def list_workable(self, tenant: int, since: str) -> list[Record]:
        """List the deals that the team works on: open, or lost or deleted since `since`."""
        closed = self.stages.list_spellings("won", "lost", "disqualified")
        rows = self._writer.execute(
            """SELECT attributes, deleted_at, deleted_by FROM opportunity WHERE tenant = ? AND (
                   deleted_at IS NULL AND stage NOT IN (SELECT value FROM json_each(?))
                OR deleted_at IS NULL AND stage IN (SELECT value FROM json_each(?))
                   AND updated_at >= ?
                OR deleted_by = 'team' AND deleted_at >= ?)
            ORDER BY unique_id""",
            (tenant, encode(closed), encode(self.stages.list_spellings("lost")), since, since),
        )
        return [Record(decode(a), at, by) for a, at, by in rows]

    # Writes

    def _stamp(self) -> str:
        return to_text(self.clock.stamp() + self.stamp_error())

    def create(self, tenant: int, fields: Json) -> Record:
        """Insert an opportunity, created and updated at the next timestamp."""
        stamp = self._stamp()
        core = {"unique_id": self.make_id(), "stage": self.stages.first, "status": "active"}
        core |= {"created_at": stamp, "updated_at": stamp}
        record = Record(dict.fromkeys(CORE) | core | dict(fields))
        self.insert(tenant, [record])
        return record

    def insert(self, tenant: int, records: Iterable[Record]) -> None:
        """Insert finished records unchanged."""
        self._write(
            (
                "INSERT INTO opportunity (deleted_at, deleted_by, attributes, tenant, unique_id) "
                "VALUES (?, ?, ?, ?, ?)"
            ),
            (
                (r.deleted_at, r.deleted_by, encode(r.attributes), tenant, r.unique_id)
                for r in records
            ),
        )

    def replace(self, tenant: int, records: Iterable[Record]) -> None:
        """Write changed records back."""
        self._write(
            (
                "UPDATE opportunity SET deleted_at = ?, deleted_by = ?, attributes = ? WHERE "
                "tenant = ? AND unique_id = ?"
            ),
            (
                (r.deleted_at, r.deleted_by, encode(r.attributes), tenant, r.unique_id)
                for r in records
            ),
        )

    def update(self, tenant: int, record: Record, fields: Json) -> None:
        """Change attributes of `record` and of its row, with the next timestamp."""
        record.attributes |= {**fields, "updated_at": self._stamp()}
        self.replace(tenant, [record])

    def delete(self, tenant: int, record: Record) -> None:
        """Move `record` to the trash."""
        record.deleted_at, record.deleted_by = self._stamp(), "api"
        record.attributes["updated_at"] = record.deleted_at
        self.replace(tenant, [record])

    def recover(self, tenant: int, record: Record) -> None:
        """Take `record` out of the trash."""
        record.deleted_at = record.deleted_by = None
        self.update(tenant, record, {})
