"""The client on recorded answers, so that it is tested where no server can run.

The real service cannot be reached from where this is built, so a cassette is a recording of the
project's sandbox. Replay is the default, and a request that no cassette holds fails. This command
records all of them anew:

    pytest tests/api/test_cassettes.py --record-mode=rewrite

A test named ``test_list__…`` has ``cassettes/list.yaml``, and plays it from end to end.
"""

import inspect
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.request import Request

import opp_analytics as oa
from tests import cassettes
from tests.cassettes import ADDRESS, FOLDER, ROWS, Api


def cassette_of(test: str) -> str:
    return test.removeprefix("test_").split("__")[0]


@pytest.fixture(scope="module")
def server(record_mode: str) -> Iterator[oa.sandbox.Sandbox | None]:
    """The sandbox that is recorded, None in replay."""
    if record_mode != "rewrite":
        yield None
        return
    with oa.sandbox.start(opportunities=[], today=date(2026, 3, 2)) as running:
        yield running


@pytest.fixture
def api(
    request: pytest.FixtureRequest,
    server: oa.sandbox.Sandbox | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Api]:
    """The API by way of the test's own cassette, which is played to its end."""
    # A proxy in the environment would change the requests that are matched.
    monkeypatch.setenv("NO_PROXY", "*")
    name = cassette_of(request.function.__name__)
    if server is None:
        credentials = {
            "url": ADDRESS,
            "token": "some-token",
            "api_key": "some-key",
        }
        with cassettes.tape(name, ADDRESS) as tape:
            yield Api(credentials, tmp_path)
        assert tape.all_played, (
            f"{len(tape) - tape.play_count} answers of {name}.yaml were not asked for"
        )
        return
    tenant = server.add_tenant(ROWS)
    credentials = {"url": server.url, "token": tenant.token, "api_key": tenant.api_key}
    with cassettes.tape(name, server.url, recording=True):
        yield Api(credentials, tmp_path)
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    assert not [
        secret for label, secret in credentials.items() if label != "url" and secret in text
    ]


def ids(page: oa.Page) -> list[str]:
    return [record["unique_id"] for record in page.rows]


def test_list__reads_every_attribute(api: Api) -> None:
    with api.client() as client:
        page = client.list()
    assert page.rows == ROWS
    assert (page.page, page.total_pages, page.total_records) == (1, 1, 5)


def test_load__sweeps_into_a_frame(api: Api) -> None:
    with api.client() as client:
        frame = oa.load(client, page_size=2, progress=False)
    assert frame["unique_id"].tolist() == [row["unique_id"] for row in ROWS]
    assert frame["value"].sum() == 127_000.5
    assert frame.attrs["load"]["complete"]


def test_create__answers_with_an_id(api: Api) -> None:
    fields: dict[str, Any] = {
        "name": "Größere Lizenz",
        "value": 120_000,
        "stage": "discovery",
        "probability": 30,
    }
    with api.client() as client:
        created = client.create(**fields, close_date=date(2026, 6, 30))
        read = client.get(created["unique_id"])
    told = fields | {"close_date": "2026-06-30", "status": "active"}
    assert {name: read[name] for name in told} == {name: created[name] for name in told} == told


def test_trash__lists_what_is_deleted(api: Api) -> None:
    with api.client() as client:
        assert ids(client.list_deleted()) == []
        for unique_id in ("opp-1", "opp-4", "opp-5"):
            client.delete(unique_id)
        pages = [client.list_deleted(number, 2) for number in (1, 2)]
    assert sorted(ids(pages[0]) + ids(pages[1])) == ["opp-1", "opp-4", "opp-5"]
    assert {page.total_records for page in pages} == {3}


def test_error_422__lists_every_problem(api: Api) -> None:
    with api.client() as client, pytest.raises(oa.errors.ValidationError) as caught:
        client.create(name="Acme", stage="won!!", status="open", value=10)
    assert [problem.pointer for problem in caught.value.problems] == [
        "/opportunity/stage",
        "/opportunity/status",
    ]
    assert [problem.code for problem in caught.value.problems] == ["invalid", "invalid"]


RECORDED = {
    cassette_of(name)
    for name, test in list(globals().items())
    if name.startswith("test_") and "api" in inspect.signature(test).parameters
}


def test_cassettes__each_is_played_by_a_test() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == RECORDED


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_cassettes__hold_no_secret(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    assert cassettes.leaks(text) == []
    assert text.count(ADDRESS) == text.count("uri: ")


def test_scrubbed_request__hides_credentials_and_address() -> None:
    headers = {
        "Authorization": "Bearer abc",
        "AppId": "def",
        "x-api-key": "def",
        "User-Agent": "x",
        "Content-Type": "application/json",
    }
    request = Request("GET", "http://127.0.0.1:8723/opportunities/?page=1", None, headers)
    stored = cassettes.scrubbed_request(request, "http://127.0.0.1:8723")
    assert stored is not None
    assert stored.uri == f"{ADDRESS}/opportunities/?page=1"
    assert dict(stored.headers) == {
        "Authorization": "***",
        "AppId": "***",
        "x-api-key": "***",
        "Content-Type": "application/json",
    }


def test_tape__refuses_an_unexpected_request_and_says_how_to_record(tmp_path: Path) -> None:
    credentials = {"url": ADDRESS, "token": "some-token", "api_key": "some-key"}
    unexpected = Api(credentials, tmp_path)
    with (
        cassettes.tape("list", ADDRESS),
        pytest.raises(CannotOverwriteExistingCassetteException) as caught,
        unexpected.client() as client,
    ):
        client.get("opp-99")
    assert cassettes.RECORD in caught.value.__notes__[0]
