"""One load in a process of its own: ``python -m tests.benchmarks._load_once CONTENDER URL PAGE_SIZE CACHE``; prints seconds and peak MB."""

from __future__ import annotations

import json
import sys
import time

import pandas as pd
import requests

import opp_analytics as oa
from tests.benchmarks._memory import peak_mb


def ours(url: str, size: int, cache: str) -> pd.DataFrame:
    """`oa.load`, cold or warm as the cache folder is."""
    with oa.Client(url, "token", "key", cache_dir=cache) as client:
        return oa.load(client, page_size=size, progress=False)


def plain(url: str, size: int, cache: str) -> pd.DataFrame:
    """The loop that people write."""
    headers = {"Authorization": "Bearer token", "AppId": "key"}
    records: list[dict[str, object]] = []
    page, pages = 1, 1
    with requests.Session() as session:
        while page <= pages:
            query = {"page": page, "records": size}
            answer = session.get(f"{url}/opportunities/", params=query, headers=headers, timeout=30).json()
            records += answer["data"]
            pages = answer["meta"]["totalPages"]
            page += 1
    return pd.json_normalize(records)


def main() -> None:
    """Measure one contender."""
    contender, url, size, cache = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    load = {"ours": ours, "plain": plain}[contender]
    oa.load, oa.Client  # noqa: B018  imported before the clock starts
    before = peak_mb()
    began = time.perf_counter()
    frame = load(url, size, cache)
    seconds = time.perf_counter() - began
    peak = peak_mb() - before
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "rows": len(frame)}))


if __name__ == "__main__":
    main()
