"""The vendor's own npm client against the sandbox: whatever it lists, writes and recovers is what
our client sees.

This is what keeps the sandbox honest: it was built from the same reference as our client, so the
two could agree and both be wrong. The vendor's decoder is not published; a few lines in
``vendor_client/jsonapi-codec`` stand in for it.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import opp_analytics as oa

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).parent / "vendor_client"
ROWS = [
    {
        "unique_id": f"opp-{number}",
        "name": name,
        "account_id": "acme",
        "account_unique_id": "acme",
        "code": f"S-{number}",
        "budget": budget,
        "stage": "proposal",
        "status": status,
        "owner_unique_id": owner,
        "created_at": f"2026-01-0{number}T09:00:00Z",
        "updated_at": f"2026-02-0{number}T09:00:00Z",
    }
    for number, name, budget, status, owner in (
        (1, "Data lake", 100, "active", "rep-ann"),
        (2, "Portal & Café", 50.25, "active", "rep-ben"),
        (3, "Archive", None, "inactive", "rep-ann"),
        (4, "Billing", 7, "active", "rep-ann"),
        (5, "100% uptime", 0, "active", "rep-ben"),
        (6, "Élan rollout", 12, "active", "rep-ben"),
        (7, "Customer portal & cafés", 3, "active", "rep-ben"),
    )
]
NAMES = {
    "uniqueId": "unique_id",
    "name": "name",
    "accountUniqueId": "account_unique_id",
    "code": "code",
    "notes": "notes",
    "budget": "budget",
    "total": "total",
    "payload": "payload",
    "ownerUniqueId": "owner_unique_id",
    "ownerName": "owner_name",
    "status": "status",
    "tags": "tags",
}
"""The vendor's names → ours, of what both can read unchanged."""
UNREACHABLE = re.compile(
    r"EAI_AGAIN|ENOTFOUND|ECONN\w+|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|SOCKET_TIMEOUT|ENOTCACHED|CERT|\bE(407|5\d\d)\b"
)


@dataclass(frozen=True)
class Driven:
    """What the vendor's client was told, step by step, and the sandbox as it was left."""

    steps: dict[str, Any]
    before: oa.Page
    client: oa.Client

    @property
    def kept(self) -> dict[str, Any]:
        """The opportunity that was created, deleted and recovered, as our client sees it."""
        return self.client.get(self.steps["create"]["uniqueId"])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the vendor's packages installed."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("vendor") / "client"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
    options = [
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--ignore-scripts",
        "--prefer-offline",
    ]
    try:
        run = subprocess.run(
            [str(shutil.which("npm")), "install", *options],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not get an answer from its registry in time")
    if run.returncode and (reason := UNREACHABLE.search(run.stderr)):
        pytest.skip(f"npm cannot reach its registry ({reason[0]})")
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="module")
def driven(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driven]:
    """One drive through all calls."""
    with (
        oa.sandbox.start(opportunities=ROWS, today=date(2026, 3, 2)) as server,
        oa.Client(
            server.url,
            server.token,
            server.api_key,
            timeout=300,
            cache_dir=tmp_path_factory.mktemp("cache"),
        ) as client,
    ):
        before = client.list()
        yield Driven(_drive(installed, server), before, client)


def _drive(folder: Path, server: oa.sandbox.Sandbox) -> dict[str, Any]:
    settings = {
        "BLOCKS_API_URL": server.url,
        "BLOCKS_AUTH_TOKEN": server.token,
        "BLOCKS_API_KEY": server.api_key,
    }
    run = subprocess.run(
        [str(shutil.which("node")), "drive.mjs"],
        cwd=folder,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    steps: dict[str, Any] = json.loads(run.stdout)
    return steps


def same(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """Both clients read the same opportunity."""
    # The vendor's client shows a text that is absent as "" and leaves a number or list out.
    seen = {
        name: value for name, value in theirs.items() if name in NAMES and value not in ("", None)
    }
    assert seen == {name: ours[key] for name, key in NAMES.items() if ours.get(key) is not None}
    for name, key in (("createdAt", "created_at"), ("updatedAt", "updated_at")):
        # A JavaScript date keeps milliseconds.
        apart = datetime.fromisoformat(ours[key]) - datetime.fromisoformat(theirs[name])
        assert timedelta(0) <= apart < timedelta(milliseconds=1)


def ids(page: dict[str, Any]) -> list[str]:
    return [row["uniqueId"] for row in page["data"]]


def numbered(*numbers: int) -> list[str]:
    return [f"opp-{number}" for number in numbers]


def test_list__reads_what_our_client_reads(driven: Driven) -> None:
    listed = driven.steps["list"]
    assert len(listed["data"]) == len(driven.before.rows) == 7
    for theirs, ours in zip(listed["data"], driven.before.rows, strict=True):
        same(theirs, ours)
    assert listed["meta"] == {"currentPage": 1, "perPage": 15, "totalPages": 1, "totalCount": 7}
    assert (driven.before.total_pages, driven.before.total_records) == (1, 7)


def test_search__finds_text_that_needs_encoding(driven: Driven) -> None:
    found = driven.steps["search"]
    assert ids(found) == numbered(2, 7)
    assert found["meta"]["totalCount"] == 2
    assert [row["unique_id"] for row in driven.client.search("portal & café").rows] == ids(found)


def test_create__answers_what_a_get_answers(driven: Driven) -> None:
    created = driven.steps["create"]
    assert created["name"] == 'Übersetzung "Q3"'
    assert created["payload"] == {"source": "fair"}
    unstamped = {
        "updatedAt": None,
        "nextActionAt": None,
    }  # absent in the answer, so the vendor's client says now
    assert created | unstamped == driven.steps["get"] | unstamped


def test_update__changes_what_was_sent_and_nothing_else(driven: Driven) -> None:
    answer, before, after = (driven.steps[step] for step in ("update", "get", "updated"))
    told = {"notes": "called", "total": 990, "ownerName": "Ann"}
    assert {name: answer[name] for name in told} == told
    assert answer["uniqueId"] == after["uniqueId"]
    stamps = {"updatedAt": None, "nextActionAt": None}
    assert after | stamps == before | told | stamps
    assert after["updatedAt"] == answer["updatedAt"]


def test_delete__hides_and_lists_as_deleted(driven: Driven) -> None:
    missing = driven.steps["whileDeleted"]
    assert (missing["status"], missing["code"]) == (404, "not_found")
    both = driven.steps["bothDeleted"]
    assert both["meta"]["totalCount"] == 2
    assert {row["name"] for row in both["data"]} == {'Übersetzung "Q3"', "Goes away"}
    deleted = driven.client.list_deleted().rows
    assert ids(driven.steps["oneDeleted"]) == [row["unique_id"] for row in deleted]
    assert [row["name"] for row in deleted] == ["Goes away"]


def test_recover__brings_everything_back(driven: Driven) -> None:
    same(driven.steps["recover"], driven.kept)
    assert driven.client.list().total_records == 8
