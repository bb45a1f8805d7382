"""Seeding: the caller's rows in the store, unchanged, with their ids, timestamps and flaws."""

from __future__ import annotations

import random
import sqlite3
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from opp_analytics.sandbox.clock import from_text, to_text
from opp_analytics.sandbox.errors import SandboxValueError
from opp_analytics.sandbox.store import CORE, Record, Store

__all__ = ["insert"]


def insert(store: Store, tenant: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert all rows, or none if one of them cannot be stored.

    Raises
    ------
    SandboxValueError
        When a `unique_id` already exists, or a timestamp cannot be read.
    """
    with store.transaction():
        for row in rows:
            record = Record(_attributes(store, row))
            try:
                store.insert(tenant, [record])
            except sqlite3.IntegrityError:
                raise SandboxValueError(
                    f"duplicate unique_id {record.unique_id!r}: each opportunity needs its own id"
                ) from None


def _attributes(store: Store, row: Mapping[str, Any]) -> dict[str, Any]:
    attributes = dict.fromkeys(CORE) | dict(row)
    if attributes["unique_id"] is None:
        attributes["unique_id"] = _generated_id(store)
    attributes["unique_id"] = str(attributes["unique_id"])
    if attributes["account_id"] is not None:
        attributes["account_id"] = str(attributes["account_id"])
    if "status" not in row:
        attributes["status"] = store.stages.status_of(attributes["stage"])
    stamp = None
    for name in ("created_at", "updated_at"):
        if attributes[name] is None:
            stamp = stamp or to_text(store.clock.stamp())
            attributes[name] = stamp
        else:
            moment = _moment(name, attributes[name])
            store.clock.witness(moment)
            attributes[name] = to_text(moment)
    return attributes


def _generated_id(store: Store) -> str:
    """A generated id, the same for the same rows in the same order."""
    dice = random.Random(f"{store.read_setting('seed')}/seeded/{store.next_row_number()}")  # noqa: S311
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def _moment(name: str, text: Any) -> Any:
    try:
        return from_text(text)
    except (TypeError, ValueError):
        raise SandboxValueError(
            f"{name}={text!r} is not a date and time; write it as 2026-01-10T10:30:00Z"
        ) from None
