"""A server of pre-rendered pages, so that the client is what is measured: ``python _pages.py ROWS
PAGE_SIZE LATENCY``.

Prints its port, then serves until standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def rows(count: int) -> list[dict[str, object]]:
    """Opportunities in creation order, as the API's attributes."""
    pick = random.Random(1)
    stages = ["discovery", "qualification", "proposal", "negotiation", "closed_won", "closed_lost"]
    return [
        {
            "unique_id": f"{pick.getrandbits(128):032x}",
            "name": f"Account {n % 977}: renewal {n}",
            "account_id": f"account-{n % 977}",
            "value": round(pick.lognormvariate(9, 1), 2),
            "stage": pick.choice(stages),
            "close_date": f"2026-{1 + n % 12:02d}-{1 + n % 28:02d}",
            "probability": pick.randrange(101),
            "status": "active",
            "created_at": (_FIRST + timedelta(seconds=n, microseconds=n % 1_000_000)).isoformat(),
            "updated_at": "2026-10-01T12:00:00Z",
            "owner_name": f"Owner {n % 35}",
        }
        for n in range(count)
    ]


def rendered(stock: list[dict[str, object]], size: int) -> list[bytes]:
    """The answers, page by page, and an empty one after them."""
    pages = -(-len(stock) // size)
    meta = {"totalPages": pages, "totalRecords": len(stock)}
    chunks = [stock[first : first + size] for first in range(0, len(stock), size)]
    return [_answer(chunk, meta) for chunk in [*chunks, []]]


def _answer(chunk: list[dict[str, object]], meta: dict[str, int]) -> bytes:
    data = [{"id": row["unique_id"], "type": "opportunity", "attributes": row} for row in chunk]
    body = json.dumps({"data": data, "meta": meta}).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(count: int, size: int, latency: float) -> None:
    """Answer list and trash requests after `latency` seconds until standard input closes."""
    stock = rows(count)
    pages = rendered(stock, size)
    newest = _answer(stock[-1:], {"totalPages": count, "totalRecords": count})
    trash = _answer([], {"totalPages": 0, "totalRecords": 0})

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            target = urlsplit(line.split()[1].decode())
            while (await reader.readline()).strip():
                pass
            query = parse_qs(target.query)
            await asyncio.sleep(latency)
            if target.path.endswith("show"):
                writer.write(trash)
            elif query.get("records") == ["1"]:
                writer.write(newest)
            else:
                writer.write(pages[min(int(query["page"][0]), len(pages)) - 1])
            await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
