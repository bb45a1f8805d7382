import itertools
import logging
import stat
import threading
from decimal import Decimal

import pandas as pd
import pytest

import opp_analytics as oa
from tests.support import Answer, as_json, listing, paged, row, serving


def client_of(server, tmp_path, **options):
    return oa.Client(server.url, "tok-123", "key-456", cache_dir=tmp_path, **{"retries": 2, **options})


# The eight calls, against the sandbox.


def test_create_get_update__round_trip(tenant):
    client = tenant()
    made = client.create(
        name="Deal", value=Decimal("1200.50"), close_date=pd.Timestamp("2026-06-30"), owner_name="Ann"
    )
    assert made["name"] == "Deal"
    changed = client.update(made["unique_id"], stage="proposal", probability=60)
    assert changed["unique_id"] == made["unique_id"]
    read = client.get(made["unique_id"])
    assert (read["value"], read["stage"], read["probability"], read["owner_name"], read["close_date"]) == (
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


def test_list__refuses_an_unknown_parameter_and_names_the_known_ones(tenant):
    with pytest.raises(TypeError, match="knows no parameter 'stge'; it takes page, page_size, status"):
        tenant().list(stge="proposal")


@pytest.mark.parametrize("arguments", [{"page": 0}, {"page_size": 0}, {"page": "1"}, {"page_size": True}])
def test_list__refuses_an_impossible_page(tenant, arguments):
    with pytest.raises((oa.errors.DataError, oa.errors.ArgumentError), match="page"):
        tenant().list(**arguments)


@pytest.mark.parametrize("unique_id", ["", " ", ".", "..", 5, None])
def test_get__refuses_what_is_no_id_before_asking(tenant, shared_sandbox, unique_id):
    client, before = tenant(), shared_sandbox.requests
    with pytest.raises((oa.errors.DataError, oa.errors.ArgumentError), match="unique_id"):
        client.get(unique_id)
    assert shared_sandbox.requests == before


def test_get__sends_an_id_as_one_path_segment(tmp_path):
    with serving(lambda asked: as_json({"data": {"id": "x", "attributes": {}}})) as server:
        client_of(server, tmp_path).get("a/b?c#d")
    assert server.asked[0].path == "/opportunities/a%2Fb%3Fc%23d"


@pytest.mark.parametrize(
    "fields",
    [
        {"value": "a lot"},
        {"close_date": "2026-02-30"},
        {"probability": 62.5},
        {"unique_id": "x"},
        {"updated_at": "now"},
        {},
    ],
)
def test_update__refuses_a_bad_field_before_asking(tenant, shared_sandbox, fields):
    client, before = tenant(), shared_sandbox.requests
    with pytest.raises(oa.errors.DataError):
        client.update("opp-0", **fields) if "unique_id" not in fields else client.create(**fields)
    assert shared_sandbox.requests == before


def test_update__lists_every_problem_of_a_refusal(tenant):
    client = tenant(1)
    with pytest.raises(oa.errors.ValidationError) as caught:
        client.update("opp-0", probability=140, stage="won!!")
    assert {p.pointer for p in caught.value.problems} == {"/opportunity/probability", "/opportunity/stage"}
    assert caught.value.status == 422


def test_client__with_a_wrong_token_is_told_which_settings_to_check(shared_sandbox, tmp_path):
    client = oa.Client(shared_sandbox.url, "wrong", shared_sandbox.api_key, cache_dir=tmp_path)
    with pytest.raises(oa.errors.AuthError, match="BLOCKS_AUTH_TOKEN") as caught:
        client.list()
    assert caught.value.status == 401


def test_client__with_a_read_only_token_may_not_write(shared_sandbox, tmp_path):
    client = oa.Client(
        shared_sandbox.url, shared_sandbox.read_only_token, shared_sandbox.api_key, cache_dir=tmp_path
    )
    with pytest.raises(oa.errors.ForbiddenError):
        client.create(name="Deal")


# Errors in the three shapes, and answers that are not this API's.


@pytest.mark.parametrize(
    ("answer", "detail", "code", "pointer"),
    [
        (
            {
                "errors": [
                    {
                        "status": "404",
                        "code": "not_found",
                        "title": "No",
                        "detail": "gone",
                        "source": {"pointer": "/x"},
                    }
                ]
            },
            "gone",
            "not_found",
            "/x",
        ),
        ({"errors": ["plain text"]}, "plain text", None, None),
        ({"error": "not_found", "message": "no such deal"}, "no such deal", "not_found", None),
        ({"error": "just this"}, "just this", None, None),
        (["nonsense"], None, None, None),
    ],
)
def test_errors__are_read_in_every_shape(tmp_path, answer, detail, code, pointer):
    with serving(lambda asked: as_json(answer, 404)) as server:
        with pytest.raises(oa.errors.NotFoundError) as caught:
            client_of(server, tmp_path).get("x")
    error = caught.value
    assert (error.detail, error.code, error.pointer, error.status, error.method) == (
        detail,
        code,
        pointer,
        404,
        "GET",
    )


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(200, b"<html>login</html>", {"Content-Type": "text/html; charset=utf-8"}), "web page"),
        (Answer(200, b"", {"Content-Type": "application/json"}), "is empty"),
        (Answer(200, b'{"data": [{"id"', {"Content-Type": "application/json"}), "cannot be read"),
        (as_json({"rows": []}), "cannot be read"),
        (as_json({"data": {"id": "x"}}), "cannot be read"),
    ],
)
def test_list__says_when_the_server_is_not_this_api(tmp_path, answer, says):
    with serving(lambda asked: answer) as server:
        with pytest.raises(oa.errors.UnexpectedResponse, match=says) as caught:
            client_of(server, tmp_path).list()
    assert server.url in str(caught.value)


def test_read__refuses_a_redirect_to_another_origin_and_keeps_the_key(tmp_path):
    with (
        serving(lambda asked: listing([], 0)) as elsewhere,
        serving(lambda asked: Answer(302, b"", {"Location": elsewhere.url + "/opportunities/"})) as server,
    ):
        with pytest.raises(oa.errors.UnexpectedResponse, match="another server"):
            client_of(server, tmp_path).list()
        with pytest.raises(oa.errors.UnexpectedResponse, match="another server"):
            client_of(server, tmp_path).create(name="x")
    assert elsewhere.asked == []


def test_read__follows_a_redirect_on_the_same_origin_but_not_in_circles(tmp_path):
    def once(asked):
        return listing([row(1)], 1) if asked.path == "/moved" else Answer(301, b"", {"Location": "/moved"})

    with serving(once) as server:
        assert client_of(server, tmp_path).list().total_records == 1
    with serving(lambda asked: Answer(301, b"", {"Location": asked.path})) as server:
        with pytest.raises(oa.errors.UnexpectedResponse, match="circle"):
            client_of(server, tmp_path).list()


# Retries.


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_read__is_repeated_until_it_succeeds(tmp_path, status):
    answers = itertools.chain(
        [Answer(status, b"", {"Retry-After": "0"})] * 2, itertools.repeat(listing([row(1)], 1))
    )
    with serving(lambda asked: next(answers)) as server:
        assert client_of(server, tmp_path).list().total_records == 1
    assert len(server.asked) == 3


@pytest.mark.parametrize("first", [Answer(0), Answer(200, b'{"data": []}', {}, cut=3)])
def test_read__is_repeated_when_the_connection_is_cut(tmp_path, first):
    answers = itertools.chain([first], itertools.repeat(listing([row(1)], 1)))
    with serving(lambda asked: next(answers)) as server:
        assert client_of(server, tmp_path).list().total_records == 1


def test_read__gives_up_with_the_server_s_last_word(tmp_path):
    with serving(lambda asked: as_json({"error": "down"}, 503)) as server:
        with pytest.raises(oa.errors.ServerError, match="503: down") as caught:
            client_of(server, tmp_path, retries=1).list()
    assert caught.value.status == 503
    assert len(server.asked) == 2


@pytest.mark.parametrize("answer", [Answer(500), Answer(503), Answer(0), Answer(201, b"{}", {}, cut=1)])
def test_create__is_never_repeated_blindly(tmp_path, answer):
    with serving(lambda asked: answer) as server:
        with pytest.raises((oa.errors.ServerError, oa.errors.ConnectionFailed)):
            client_of(server, tmp_path).create(name="x")
    assert len(server.asked) == 1


def test_create__is_repeated_after_429_since_nothing_was_done(tmp_path):
    made = as_json({"data": {"id": "a", "attributes": {"unique_id": "a"}}}, 201)
    answers = iter([Answer(429, b"", {"Retry-After": "0"}), made])
    with serving(lambda asked: next(answers)) as server:
        assert client_of(server, tmp_path).create(name="x")["unique_id"] == "a"


def test_read__says_so_when_the_asked_pause_is_too_long(tmp_path):
    with serving(lambda asked: Answer(429, b"", {"Retry-After": "3600"})) as server:
        with pytest.raises(oa.errors.RateLimitError, match="retry after 3600 s"):
            client_of(server, tmp_path).list()
    assert len(server.asked) == 1


def test_read__times_out_with_a_clear_error(tmp_path):
    release = threading.Event()

    def late(asked):
        release.wait(20)
        return listing([], 0)

    with serving(late) as server:
        with pytest.raises(oa.errors.ConnectionFailed, match="nothing came within 0.2 s"):
            client_of(server, tmp_path, retries=0, timeout=0.2).list()
        release.set()


def test_read__says_when_nobody_listens(tmp_path):
    with pytest.raises(oa.errors.ConnectionFailed, match="connection refused.*BLOCKS_API_URL"):
        oa.Client("http://127.0.0.1:9", "t", "k", retries=0, cache_dir=tmp_path).list()


# Secrets and caches.


def test_requests__carry_both_secrets_and_ignore_netrc(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(lambda asked: listing([], 0)) as server:
        client_of(server, tmp_path).list()
    assert server.asked[0].headers["Authorization"] == "Bearer tok-123"
    assert server.asked[0].headers["AppId"] == "key-456"


def test_cache__holds_no_secret_and_is_private(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with serving(paged([row(n) for n in range(30)])) as server:
        client = client_of(server, tmp_path / "pages")
        oa.load(client, page_size=10, progress=False)
        files = [f for f in (tmp_path / "pages").rglob("*") if f.is_file()]
        contents = b"".join(f.read_bytes() for f in files)
        modes = {stat.S_IMODE(f.stat().st_mode) for f in files}
        client.close()
    assert any(f.name == "pages.sqlite" for f in files)
    assert any(f.suffix == ".arrow" for f in files)
    assert b"tok-123" not in contents
    assert b"key-456" not in contents
    assert "tok-123" not in caplog.text
    assert modes == {0o600}


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
    "write",
    [
        lambda client: client.create(name="new"),
        lambda client: client.update("opp-0", value=1),
        lambda client: client.delete("opp-0"),
    ],
)
def test_write__drops_what_it_makes_stale(tenant, shared_sandbox, write):
    client = tenant(3)
    oa.load(client, progress=False)
    warm = shared_sandbox.requests
    oa.load(client, progress=False)
    assert shared_sandbox.requests == warm
    write(client)
    fresh = oa.load(client, progress=False)
    assert sorted(r["unique_id"] for r in client.list().rows) == sorted(fresh["unique_id"])
    assert fresh.set_index("unique_id")["value"].get("opp-0", 1) in (1, 1000)
    client.close()
