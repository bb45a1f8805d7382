"""Pages of a sweep on disk: shared by threads, shut under them, on a disk that fills up."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import opp_analytics as oa
from opp_analytics.api import PageDecoder
from opp_analytics.api.wire import TenantNames


def test_fetch_page__survives_a_store_that_is_closed_and_cleared_under_it(tenant):
    client = tenant(100)
    with ThreadPoolExecutor(8) as pool:
        bodies = [
            pool.submit(client.fetch_page, 1 + n % 10, 10, stored=bool(n % 3), sort="created_at")
            for n in range(400)
        ]
        for n in range(40):
            (client.pages.clear if n % 2 else client.pages.close)()
        pages = [len(client.decode_page(body.result(), PageDecoder(TenantNames())).ids) for body in bodies]
    assert pages == [10] * 400
    client.close()


def test_read__goes_on_without_pages_when_the_disk_fills_up(tenant):
    client = tenant(600)
    oa.load(client, progress=False, search="Deal 7")
    with client.pages._get_store().connection() as connection:
        connection.execute("PRAGMA max_page_count = 8")
    with pytest.warns(oa.errors.DataWarning, match="disk is full.*fetched without it"):
        frame = oa.load(client, progress=False, page_size=20)
    assert len(frame) == 600
    assert frame.attrs["load"]["complete"]
    client.close()
