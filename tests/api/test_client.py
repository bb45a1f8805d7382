from __future__ import annotations

import functools
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import opp_analytics as oa
from opp_analytics.api import Kept, assemble, rows_to_table
from opp_analytics.api.client import FrameCache
from tests.support import as_json, client_of, paged, row, serving

# The eight calls, against the sandbox.


def test_create_get_update__round_trip(tenant):
    client = tenant()
    made = client.create(
        name="Deal",
        value=Decimal("1200.50"),
        close_date=pd.Timestamp("2026-06-30"),
        owner_name="Ann",
    )
    assert made["name"] == "Deal"
    changed = client.update(made["unique_id"], stage="proposal", probability=60)
    assert changed["unique_id"] == made["unique_id"]
    read = client.get(made["unique_id"])
    assert (
        read["value"],
        read["stage"],
        read["probability"],
        read["owner_name"],
        read["close_date"],
    ) == (
        1200.5,
        "proposal",
        60,
        "Ann",
        "2026-06-30",
    )


def test_delete_list_deleted_recover__round_trip(tenant):
    client = tenant(2)
    client.delete("opp-0")
    with pytest.raises(oa.errors.NotFoundError):
        client.get("opp-0")
    assert [r["unique_id"] for r in client.list_deleted().rows] == ["opp-0"]
    assert client.recover("opp-0")["unique_id"] == "opp-0"
    assert client.list_deleted().total_records == 0
    assert client.get("opp-0")["name"] == "Deal 0"


def test_list__pages_sorts_and_filters(tenant):
    client = tenant(25)
    page = client.list(2, 10, sort="-value")
    assert [r["value"] for r in page.rows] == list(range(1014, 1004, -1))
    assert (page.page, page.total_pages, page.total_records, len(page)) == (2, 3, 25, 10)
    assert client.list(account_id="account-3").total_records == 4
    assert client.search("Deal 24").rows[0]["unique_id"] == "opp-24"


@pytest.mark.parametrize(
    "params",
    [
        {"status": "won"},
        {"account_id": "mia-co"},
        {"contact_unique_id": "mia"},
        {"owner_unique_id": "rep-9"},
        {"sort": "-value"},
    ],
    ids=lambda params: next(iter(params)),
)
def test_list_search_list_deleted__take_each_parameter(tenant, params):
    theirs = {
        "status": "won",
        "account_id": "mia-co",
        "contact_unique_id": "mia",
        "owner_unique_id": "rep-9",
    }
    client = tenant(
        pd.DataFrame([row(number) | (theirs if number in (3, 5) else {}) for number in range(8)])
    )

    def ids(page):
        return [deal["unique_id"] for deal in page.rows]

    expected = [f"opp-{number}" for number in (range(7, -1, -1) if "sort" in params else (3, 5))]
    assert ids(client.list(**params)) == ids(client.search("Deal", **params)) == expected
    for unique_id in expected:
        client.delete(unique_id)
    assert ids(client.list_deleted(**params)) == expected


@pytest.mark.parametrize(
    "arguments", [{"page": 0}, {"page_size": True}, {"page": 1, "stge": "of no page"}]
)
def test_list__refuses_an_impossible_page(tenant, arguments):
    with pytest.raises(oa.errors.ArgumentError, match="page"):
        tenant().list(**arguments)


@pytest.mark.parametrize("unique_id", ["", "..", 5, "a\ud800"])
def test_get__refuses_what_is_no_id_before_asking(tenant, shared_sandbox, unique_id):
    client, before = tenant(), shared_sandbox.requests
    with pytest.raises(oa.errors.ArgumentError, match="unique_id"):
        client.get(unique_id)
    assert shared_sandbox.requests == before


def test_get__sends_an_id_as_one_path_segment(tmp_path):
    with serving(lambda asked: as_json({"data": {"id": "a/b?c#d", "attributes": {}}})) as server:
        client_of(server, tmp_path).get("a/b?c#d")
    assert server.asked[0].path == "/opportunities/a%2Fb%3Fc%23d"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"value": "a lot"}, "value='a lot'"),
        ({"close_date": "2026-02-30"}, "close_date='2026-02-30'"),
        ({"probability": 62.5}, "probability=62.5"),
        ({"updated_at": "now"}, "the server sets updated_at"),
        ({"fields": {"unique_id": "x"}}, "the server sets unique_id"),
        ({}, "no attribute given"),
    ],
)
def test_create_update__refuse_a_bad_attribute_before_asking(tenant, shared_sandbox, fields, says):
    client, before = tenant(), shared_sandbox.requests
    for write in (client.create, functools.partial(client.update, "opp-0")):
        with pytest.raises(oa.errors.ArgumentError, match=says):
            write(**fields)
    assert shared_sandbox.requests == before


def test_create_update__take_attributes_of_one_s_own_both_ways(tenant):
    client = tenant()
    made = client.create(name="Deal", fields={"owner_name": "Ann", "lead source": "fair"})
    assert (made["name"], made["owner_name"], made["lead source"]) == ("Deal", "Ann", "fair")
    client.update(made["unique_id"], region="north", fields={"owner_name": "Ben"})
    read = client.get(made["unique_id"])
    assert (read["region"], read["owner_name"]) == ("north", "Ben")


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": 1e30}, "timeout=1e.30 is above 86,400"),
        ({"retries": -1}, "retries=-1"),
        ({"concurrency": True}, "concurrency=True"),
    ],
)
def test_client__refuses_an_option_that_cannot_work(option, says):
    with pytest.raises(oa.errors.ArgumentError, match=says):
        oa.Client("https://crm.example.com", "token", "key", **option)


def test_update__lists_every_problem_of_a_refusal(tenant):
    client = tenant(1)
    with pytest.raises(oa.errors.ValidationError) as caught:
        client.update("opp-0", probability=140, stage="won!!")
    assert {p.pointer for p in caught.value.problems} == {
        "/opportunity/probability",
        "/opportunity/stage",
    }
    assert caught.value.status == 422


def test_client__that_may_not_write_is_told_so(tmp_path):
    with serving(lambda asked: as_json({"error": "read only"}, 403)) as server:
        client = client_of(server, tmp_path)
        with pytest.raises(oa.errors.ForbiddenError):
            client.create(name="Deal")


# Secrets and caches.


def test_cache__keeps_tenants_and_tokens_apart(tmp_path):
    def by_token(asked):
        name = asked.headers["Authorization"].removeprefix("Bearer ")
        return paged([row(1, name=f"deal of {name}")])(asked)

    with serving(by_token) as server:
        first = oa.Client(server.url, "one", "key", cache_dir=tmp_path)
        second = oa.Client(server.url, "two", "key", cache_dir=tmp_path)
        names = [oa.load(c, progress=False)["name"][0] for c in (first, second, first)]
        first.close()
        second.close()
    assert names == ["deal of one", "deal of two", "deal of one"]


@pytest.mark.parametrize(
    ("write", "values"),
    [
        (lambda client: client.create(name="new", value=7), [7, 1000, 1001, 1002]),
        (lambda client: client.update("opp-0", value=1), [1, 1001, 1002]),
        (lambda client: client.delete("opp-0"), [1001, 1002]),
    ],
)
def test_write__drops_what_it_makes_stale(tenant, shared_sandbox, write, values):
    client = tenant(3)
    oa.load(client, progress=False)
    warm = shared_sandbox.requests
    assert sorted(oa.load(client, progress=False)["value"]) == [1000, 1001, 1002]
    assert shared_sandbox.requests == warm
    write(client)
    assert sorted(oa.load(client, progress=False)["value"]) == values
    client.close()


@pytest.fixture
def kept() -> Kept:
    pages = [rows_to_table([row(1, stage="won!!"), row(2, value=None)]), rows_to_table([row(3)])]
    return Kept(pa.concat_tables(pages).unify_dictionaries(), {"rows": 3, "complete": True})


@pytest.fixture
def cache(tmp_path: Path) -> FrameCache:
    return FrameCache(tmp_path / "cache" / "tenant")


def test_write__keeps_opportunities_whose_frame_can_be_edited(
    cache: FrameCache, kept: Kept
) -> None:
    cache.write("all", kept, cache.epoch())
    found = cache.read("all")
    assert found is not None
    assert found.certificate == kept.certificate
    frame = assemble(found.table)
    pd.testing.assert_frame_equal(frame, assemble(kept.table))
    for column, value in (
        ("value", 2.0),
        ("name", "Renamed"),
        ("stage", "proposal"),
        ("probability", 5),
    ):
        frame.loc[0, column] = value
        assert frame.loc[0, column] == value
    assert cache.read("search") is None


def test_make_stale__leaves_the_frame_to_catch_up_from(cache: FrameCache, kept: Kept) -> None:
    cache.make_stale()
    assert not cache.folder.exists()
    cache.write("all", kept, cache.epoch())
    cache.make_stale()
    assert cache.read("all") is None
    found = cache.read("all", stale=True)
    assert found is not None
    assert found.table.equals(kept.table)
    cache.write("all", kept, cache.epoch())
    assert cache.read("all") is not None


def test_write__keeps_a_frame_that_a_write_overtook_as_stale(cache: FrameCache, kept: Kept) -> None:
    cache.write("other", kept, cache.epoch())
    epoch = cache.epoch()
    cache.make_stale()
    cache.write("all", kept, epoch)
    assert cache.read("all") is None
    assert cache.read("all", stale=True) is not None


def test_read__loads_an_older_format_again_without_a_word(cache: FrameCache, kept: Kept) -> None:
    cache.write("all", kept, cache.epoch())
    file = cache.folder / "frame-all.arrow"
    file.write_bytes(file.read_bytes().replace(b"opp_analytics frame 4", b"opp_analytics frame 3"))
    assert cache.read("all") is None
    assert file.exists()
