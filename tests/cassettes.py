"""How cassettes are recorded from the sandbox, what is scrubbed from them, and how they are
replayed.

A cassette holds what was asked and answered, and nothing that differs by machine or is secret:
every request goes to `ADDRESS`, all credentials are ``***``, of the other headers only those that
the client reads are kept, and JSON bodies are laid out for a reader.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import vcr
import yaml
from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.request import Request
from vcr.stubs import urllib3_stubs

import opp_analytics as oa
from opp_analytics.api import transport

FOLDER = Path(__file__).parents[1] / "cassettes"
ADDRESS = "https://crm.example.test"
HIDDEN = "***"
RECORD = "pytest tests/api/test_cassettes.py --record-mode=rewrite"
SECRET_HEADERS = ("authorization", "appid", "x-api-key")
REQUEST_HEADERS = ("content-type", "if-none-match")
RESPONSE_HEADERS = ("content-type", "etag", "cache-control", "www-authenticate")
# Of the pools it knows, vcrpy replaces the connections by itself.
_PATCHES = (
    (transport._HttpPool, "ConnectionCls", urllib3_stubs.VCRRequestsHTTPConnection),
    (transport._HttpsPool, "ConnectionCls", urllib3_stubs.VCRRequestsHTTPSConnection),
)
_MATCH_ON = ("method", "scheme", "host", "port", "path", "query", "body")

ROWS: list[dict[str, Any]] = [
    {
        "unique_id": f"opp-{number}",
        "name": name,
        "account_id": account,
        "value": value,
        "stage": stage,
        "close_date": f"2026-0{number + 2}-15",
        "probability": probability,
        "status": status,
        "owner_name": owner,
        "created_at": f"2026-01-0{number}T09:00:00.000000Z",
        "updated_at": f"2026-02-0{number}T09:00:00.000000Z",
    }
    for number, name, account, value, stage, probability, status, owner in (
        (1, "Ärzte portal", "acme", 1200.5, "discovery", 10, "active", "Ann"),
        (2, "Billing", "acme", 5000, "proposal", 60, "active", "Ben"),
        (3, "Customer portal", "bolt", 800, "closed_won", 100, "won", "Ann"),
        (4, "Data lake", "bolt", None, "negotiation", None, "active", "Ben"),
        (5, "Enterprise license", "core", 120000, "closed_lost", 0, "lost", "Ann"),
    )
]
"""What every recording begins with."""


def scrubbed_request(request: Request, origin: str) -> Request | None:
    """The request as it is stored and matched; None leaves it alone: the sandbox's own control
    routes."""
    if "/-/sandbox/" in request.path:
        return None
    if request.uri.startswith(origin):
        request.uri = ADDRESS + request.uri[len(origin) :]
    kept = {
        name: value for name, value in request.headers.items() if name.lower() in REQUEST_HEADERS
    }
    hidden = {name: HIDDEN for name in request.headers if name.lower() in SECRET_HEADERS}
    request.headers = kept | hidden
    return request


def scrubbed_response(response: dict[str, Any]) -> dict[str, Any]:
    """The response as it is stored."""
    headers = {
        name: value
        for name, value in response["headers"].items()
        if name.lower() in RESPONSE_HEADERS
    }
    body = response["body"]["string"]
    return {"status": response["status"], "headers": headers, "body": {"string": _laid_out(body)}}


def _laid_out(body: bytes) -> bytes:
    """A JSON body with a line for each value."""
    return (
        (json.dumps(json.loads(body), indent=1, ensure_ascii=False) + "\n").encode()
        if body
        else body
    )


class _Readable(yaml.SafeDumper):
    """YAML with texts of several lines as blocks."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar(
            "tag:yaml.org,2002:str", data, style="|" if "\n" in data else None
        )


_Readable.add_representer(str, _Readable.represent_str)


class _Serializer:
    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        return yaml.dump(cassette, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=110)

    @staticmethod
    def deserialize(text: str) -> Any:
        return yaml.safe_load(text)


class _Files:
    """Cassettes as UTF-8 files, whatever the machine's own encoding is."""

    @staticmethod
    def load_cassette(path: str, serializer: Any) -> Any:
        if not Path(path).is_file():
            raise vcr.persisters.filesystem.CassetteNotFoundError
        return vcr.serialize.deserialize(Path(path).read_text("utf-8"), serializer)

    @staticmethod
    def save_cassette(path: str, content: Any, serializer: Any) -> None:
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(vcr.serialize.serialize(content, serializer), "utf-8", newline="\n")


@contextmanager
def tape(name: str, origin: str, *, recording: bool = False) -> Iterator[Cassette]:
    """The cassette of that name in place of the network: nothing is sent unless `recording`."""
    player = vcr.VCR(
        record_mode="all" if recording else "none",
        match_on=_MATCH_ON,
        custom_patches=_PATCHES,
        before_record_request=lambda request: scrubbed_request(request, origin),
        before_record_response=scrubbed_response,
    )
    player.register_serializer("readable", _Serializer)
    player.register_persister(_Files)
    file = FOLDER / f"{name}.yaml"
    if recording:
        file.unlink(missing_ok=True)
    with player.use_cassette(file, serializer="readable") as cassette:
        yield cassette


class Api:
    """What a test on a cassette talks to: the sandbox while recording, the cassette afterwards."""

    def __init__(self, credentials: dict[str, str], cache_dir: Path) -> None:
        self.url = credentials["url"]
        self._credentials = credentials
        self._cache_dir = cache_dir

    @contextmanager
    def client(
        self, token: str = "token", api_key: str = "api_key", **options: Any
    ) -> Iterator[oa.Client]:
        """A client with the credentials of those names; a name that is none is sent as it is.

        It does not repeat a refused call, and has one connection: vcrpy lifts its patches for an
        instant at each request, in which another thread would reach the network.
        """
        options = {
            "retries": 0,
            "concurrency": 1,
            "timeout": 300,
            "cache_dir": self._cache_dir,
            **options,
        }
        token, api_key = (self._credentials.get(name, name) for name in (token, api_key))
        with oa.Client(self.url, token, api_key, **options) as client:
            try:
                yield client
            except CannotOverwriteExistingCassetteException as error:
                error.add_note(
                    f"The client no longer asks what was recorded. If it should not: {RECORD}"
                )
                raise


def leaks(text: str) -> list[str]:
    """What a cassette holds and must not."""
    found = re.findall(
        r"(?i)bearer [^\s'\"]+|127\.0\.0\.1|localhost|set-cookie|X-Sandbox-Key", text
    )
    for interaction in yaml.safe_load(text)["interactions"]:
        for name, values in interaction["request"]["headers"].items():
            if name.lower() in SECRET_HEADERS:
                found += [f"{name}: {value}" for value in values if value != HIDDEN]
            elif name.lower() not in REQUEST_HEADERS:
                found.append(name)
        found += [
            name
            for name in interaction["response"]["headers"]
            if name.lower() not in RESPONSE_HEADERS
        ]
    return found
