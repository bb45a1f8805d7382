"""A server that refuses to write one of its deals."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from tests.support import Answer, Asked, as_json, listing


def refusing(refused: int) -> Callable[[Asked], Answer]:
    """Two deals; a PUT of the second is answered with `refused`, once the first is written."""
    written = Event()
    same = {
        "value": 100.0,
        "stage": "proposal",
        "close_date": "2026-06-30",
        "probability": 40,
        "status": "active",
    }
    held: list[dict] = [{"unique_id": name, "name": name, **same} for name in ("a", "b")]

    def respond(asked: Asked) -> Answer:
        name = asked.path.rstrip("/").rpartition("/")[2]
        if asked.method == "PUT" and name == "b":
            written.wait(10)
            problem = {
                "title": "is locked for approval",
                "source": {"pointer": "/data/attributes/value"},
            }
            return as_json({"errors": [problem]}, status=refused)
        if asked.method == "PUT":
            held[0]["value"] = 5.0
            written.set()
        for row in held:
            if row["unique_id"] == name:
                return as_json({"data": {"id": name, "attributes": row}})
        return listing(held, total=2)

    return respond
