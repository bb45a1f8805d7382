"""Read-only checks against a real account; nothing is written.

Set BLOCKS_API_URL, BLOCKS_AUTH_TOKEN and BLOCKS_API_KEY, then: pytest -m live
"""

import os
from collections.abc import Iterator

import pytest

import opp_analytics as oa
from opp_analytics.api import VARIABLES

MISSING = [name for name in VARIABLES if not os.environ.get(name)]
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(bool(MISSING), reason=f"needs a real account: {', '.join(MISSING)} not set"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[oa.Client]:
    with oa.Client.from_env(cache_dir=tmp_path_factory.mktemp("cache")) as opened:
        yield opened


@pytest.fixture(scope="module")
def first(client: oa.Client) -> oa.Page:
    """The first page, of an account that holds something."""
    page = client.list()
    if not page.rows:
        pytest.skip("the account holds no opportunities")
    return page


def test_list__says_how_many_there_are(first: oa.Page) -> None:
    assert first.total_records is not None
    assert first.total_records >= len(first.rows)


def test_list__pages_do_not_overlap(client: oa.Client, first: oa.Page) -> None:
    pages = [client.list(number, 5, sort="created_at").rows for number in (1, 2)]
    assert 0 < len(pages[0]) <= 5
    assert not {row["unique_id"] for row in pages[0]} & {row["unique_id"] for row in pages[1]}


@pytest.mark.parametrize("attribute", ["created_at", "updated_at"])
def test_list__obeys_sort(client: oa.Client, first: oa.Page, attribute: str) -> None:
    rising = [
        row[attribute] for row in client.list(1, 50, sort=attribute).rows if row.get(attribute)
    ]
    falling = [
        row[attribute]
        for row in client.list(1, 50, sort=f"-{attribute}").rows
        if row.get(attribute)
    ]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)


def test_get__reads_what_the_list_holds(client: oa.Client, first: oa.Page) -> None:
    listed = first.rows[0]
    read = client.get(listed["unique_id"])
    assert (read["unique_id"], read["name"]) == (listed["unique_id"], listed["name"])


def test_search__finds_by_name(client: oa.Client, first: oa.Page) -> None:
    wanted = first.rows[0]
    found = client.search(wanted["name"], page_size=100)
    assert wanted["unique_id"] in {row["unique_id"] for row in found.rows}


def test_list_deleted__can_be_read(client: oa.Client) -> None:
    trash = client.list_deleted(1, 5)
    assert trash.total_records is None or trash.total_records >= len(trash.rows)


def test_load__is_complete(client: oa.Client, first: oa.Page) -> None:
    frame = oa.load(client, progress=False)
    assert frame.attrs["load"]["complete"], frame.attrs["load"]["reasons"]
    assert frame["unique_id"].is_unique
