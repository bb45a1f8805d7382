"""One load in a process of its own: ``python -m tests.benchmarks._load_once CONTENDER URL PAGE_SIZE
CACHE``."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import requests

import opp_analytics as oa
from tests.benchmarks._process import tell

HEADERS = {"Authorization": "Bearer token", "AppId": "key"}
CONNECTIONS = 8


def ours(url: str, size: int, cache: str) -> pd.DataFrame:
    """`oa.load`, cold or warm as the cache folder is."""
    with oa.Client(url, "token", "key", cache_dir=cache, concurrency=CONNECTIONS) as client:
        return oa.load(client, page_size=size, progress=False)


def plain(url: str, size: int, cache: str) -> pd.DataFrame:
    """The loop that people write."""
    records: list[dict[str, object]] = []
    page, pages = 1, 1
    with requests.Session() as session:
        while page <= pages:
            query = {"page": page, "records": size}
            answer = session.get(
                f"{url}/opportunities/", params=query, headers=HEADERS, timeout=30
            ).json()
            records += answer["data"]
            pages = answer["meta"]["totalPages"]
            page += 1
    return pd.json_normalize(records)


class Attributes(msgspec.Struct):
    """What this tenant sends, known beforehand."""

    unique_id: str
    name: str
    account_id: str
    value: float
    stage: str
    close_date: str
    probability: int
    status: str
    created_at: str
    updated_at: str
    owner_name: str


class Resource(msgspec.Struct):
    """One opportunity."""

    attributes: Attributes


class Answer(msgspec.Struct):
    """One page."""

    data: list[Resource]
    meta: dict[str, int]


def arrow(url: str, size: int, cache: str) -> pd.DataFrame:
    """The best client that a data engineer would write by hand for this very tenant: aiohttp,
    msgspec, Arrow."""
    return pa.concat_tables(asyncio.run(_tables(url, size))).to_pandas()


async def _tables(url: str, size: int) -> list[pa.Table]:
    import aiohttp  # As `load` imports what it needs on first use.

    decode = msgspec.json.Decoder(Answer).decode

    async def get(page: int) -> Answer:
        async with session.get(f"{url}/opportunities/?page={page}&records={size}") as response:
            return decode(await response.read())

    async def table(page: int) -> pa.Table:
        return _table(await get(page))

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        first = await get(1)
        others = (table(page) for page in range(2, first.meta["totalPages"] + 1))
        return [_table(first), *await asyncio.gather(*others)]


def _table(page: Answer) -> pa.Table:
    fields = Attributes.__struct_fields__
    return pa.table({name: [getattr(row.attributes, name) for row in page.data] for name in fields})


CONTENDERS: dict[str, Any] = {"ours": ours, "plain": plain, "arrow": arrow}


def main() -> None:
    """Measure one contender."""
    contender, url, size, cache = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    oa.load, oa.Client  # noqa: B018  imported before the clock starts
    tell(lambda: len(CONTENDERS[contender](url, size, cache)))


if __name__ == "__main__":
    main()
