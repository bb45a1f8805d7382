"""Loads over a real server: what they read, keep, resume and warn of, and how they end."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import textwrap
import time
import zlib
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import org, schema
from opp_analytics.certificate import Certificate
from tests.support import Answer, as_json, client_of, listing, paged, row, serving


def load(client, **options):
    try:
        return oa.load(client, progress=False, **options)
    finally:
        client.close()


def test_load__gives_every_row_once_typed_with_its_certificate(tenant):
    frame = load(tenant(95), page_size=20)
    assert sorted(frame["unique_id"]) == sorted(f"opp-{n}" for n in range(95))
    assert frame[list(schema.COLUMNS)].dtypes.astype(str).equals(org.empty().dtypes.astype(str))
    certificate = frame.attrs["load"]
    assert certificate["complete"] is True
    assert (
        certificate["pages"],
        certificate["rows"],
        certificate["total"],
        certificate["duplicates"],
    ) == (5, 95, 95, 0)
    assert certificate["sweeps"] == 1
    assert pd.Timestamp(certificate["fetched_at"]).tzinfo is not None


@pytest.mark.parametrize("refresh", ["full", "changes"])
def test_load__is_of_the_servers_time_and_as_old_as_this_computer_says(tmp_path, refresh):
    with oa.sandbox.start(weeks=2, today=date(2026, 3, 2)) as server:
        client = oa.Client(server.url, server.token, server.api_key, cache_dir=tmp_path)
        load(client)
        server.advance(7)
        frame = load(client, refresh=refresh)
        assert str(org.find_day(frame).date()) == "2026-03-09"
        asked = server.requests
        pd.testing.assert_frame_equal(load(client), frame)
        assert server.requests == asked


@pytest.mark.parametrize("rows", [0, 1, 40])
def test_load__ends_at_every_page_boundary(tenant, rows):
    frame = load(tenant(rows), page_size=20)
    assert len(frame) == rows
    assert frame.attrs["load"]["complete"]
    assert frame["value"].dtype == "float64"


def test_load__warm_reads_no_page_and_gives_an_equal_writable_frame(tenant, shared_sandbox):
    client = tenant(30)
    cold = load(client)
    asked = shared_sandbox.requests
    warm = load(client)
    assert shared_sandbox.requests == asked
    pd.testing.assert_frame_equal(cold, warm)
    assert warm.attrs["load"] == cold.attrs["load"]
    warm.loc[0, "value"] = 1.0
    warm.loc[0, "stage"] = "closed_won"
    assert load(client)["value"][0] == cold["value"][0]


@pytest.mark.slow
def test_load__warm_imports_neither_http_nor_what_shows_progress(tenant, tmp_path):
    client = tenant(3)
    load(client)
    secrets = client.settings.token.reveal(), client.settings.api_key.reveal()
    script = textwrap.dedent(f"""
        import sys
        import opp_analytics as oa
        client = oa.Client({client.settings.url!r}, *{secrets!r}, cache_dir={str(tmp_path / "pages")!r})
        assert len(oa.load(client)) == 3
        heavy = ["requests", "requests_cache", "filelock", "asyncio", "tqdm", "scipy", "ibis", "matplotlib"]
        print([name for name in heavy if name in sys.modules])
    """)  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_load__fetches_again_when_too_old_or_told_to(tenant, shared_sandbox):
    client = tenant(3)
    for options in ({}, {"max_age": 0}, {"refresh": "full"}):
        asked = shared_sandbox.requests
        load(client, **options)
        assert shared_sandbox.requests > asked


def test_load__keeps_search_trash_and_all_apart_but_not_page_sizes(tenant, shared_sandbox):
    client = tenant(12)
    client.delete("opp-11")
    everything, found, trash = (
        load(client),
        load(client, search="Deal 10"),
        load(client, deleted=True),
    )
    assert [len(f) for f in (everything, found, trash)] == [11, 1, 1]
    assert (found.attrs["load"]["search"], trash.attrs["load"]["deleted"]) == ("Deal 10", True)
    asked = shared_sandbox.requests
    assert [len(f) for f in (load(client, page_size=5), load(client, search="Deal 10"))] == [11, 1]
    assert shared_sandbox.requests == asked


@pytest.mark.parametrize(("limit", "page_size", "pages"), [(7, 3, 3), (50, 1000, 1)])
def test_load__reads_a_sample_of_the_newest(tenant, limit, page_size, pages):
    client = tenant(20)
    sample = load(client, limit=limit, page_size=page_size)
    whole = load(client).sort_values("created_at", ascending=False)
    assert sample["unique_id"].tolist() == whole["unique_id"].tolist()[:limit]
    assert sample.dtypes.equals(whole.dtypes)
    certificate = Certificate.of(sample)
    assert certificate is not None
    assert (certificate.limit, certificate.rows, certificate.total) == (limit, min(limit, 20), 20)
    assert not certificate.complete


def test_load__never_caches_or_records_a_sample(tenant, tmp_path, shared_sandbox):
    client = tenant(20)
    load(client, limit=5)
    assert not (tmp_path / "pages").exists()
    assert len(load(client)) == 20
    sample = load(client, limit=20)
    with pytest.raises(oa.errors.DataError, match="limit=20"):
        oa.History(tmp_path / "history").record(sample)
    asked = shared_sandbox.requests
    assert len(load(client)) == 20
    assert shared_sandbox.requests == asked


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"refresh": "sometimes"}, "refresh='sometimes'"),
        ({"max_age": "soon"}, "max_age='soon'"),
        ({"max_age": -1}, "max_age=-1"),
        ({"max_age": None}, "max_age=None"),
        ({"limit": 0}, "limit=0"),
        ({"search": ""}, "search=''"),
        ({"stge": "proposal"}, "has no parameter 'stge'"),
        ({"deleted": True, "search": "x"}, "leave it out"),
    ],
)
def test_load__refuses_a_bad_argument_before_asking(tenant, shared_sandbox, options, says):
    client, asked = tenant(), shared_sandbox.requests
    with pytest.raises(oa.errors.ArgumentError, match=says):
        load(client, **options)
    assert shared_sandbox.requests == asked


def test_load__revalidates_stored_pages_by_their_etag(tmp_path):
    honest = paged([row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(25)])
    unchanged = []

    def tagging(asked):
        answer = honest(asked)
        tag = f'"{zlib.crc32(answer.body)}"'
        if asked.headers.get("If-None-Match") == tag:
            unchanged.append(asked.query["page"])
            return Answer(304, b"", {"ETag": tag})
        return Answer(answer.status, answer.body, {**answer.headers, "ETag": tag})

    with serving(tagging) as server:
        cold = load(client_of(server, tmp_path / "pages"), page_size=10)
        assert unchanged == []
        again = load(client_of(server, tmp_path / "pages"), page_size=10, refresh="full")
    assert sorted(unchanged) == ["1", "2", "3"]
    pd.testing.assert_frame_equal(cold, again)


# Servers that misbehave.


def test_load__believes_the_page_size_that_comes(tmp_path):
    rows = [row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(50)]
    honest = paged(rows)

    def capped(asked):
        asked.query["records"] = str(min(int(asked.query["records"]), 7))
        return honest(asked)

    with serving(capped) as server:
        frame = load(client_of(server, tmp_path / "pages"))
    assert len(frame) == 50
    assert frame.attrs["load"]["pages"] == 8


@pytest.mark.parametrize("said", [3, 1000, None])
def test_load__may_be_incomplete_where_the_total_lies(tmp_path, said):
    honest = paged([row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(20)])

    def lying(asked):
        answer = honest(asked)
        return (
            answer
            if asked.path.endswith("show")
            else Answer(
                200,
                answer.body.replace(
                    b'"totalRecords": 20',
                    f'"totalRecords": {"null" if said is None else said}'.encode(),
                ),
                answer.headers,
            )
        )

    with (
        serving(lying) as server,
        pytest.warns(oa.errors.DataWarning, match="this load may be incomplete"),
    ):
        frame = load(client_of(server, tmp_path / "pages"), page_size=5)
    assert len(frame) == 20
    assert frame.attrs["load"]["complete"] is False
    assert frame.attrs["load"]["reasons"]


def test_load__says_when_the_server_does_not_sort(tmp_path):
    rows = [row(n) for n in (3, 1, 2)]

    def unsorted(asked):
        asked.query.pop("sort", None)
        return paged(rows)(asked)

    with (
        serving(unsorted) as server,
        pytest.warns(oa.errors.DataWarning, match="did not sort by created_at"),
    ):
        frame = load(client_of(server, tmp_path / "pages"))
    assert not frame.attrs["load"]["complete"]
    assert len(frame) == 3


def test_load__keeps_no_load_that_may_be_incomplete(tmp_path):
    with serving(lambda asked: listing([row(1)], 2)) as server:
        client = client_of(server, tmp_path / "pages")
        for _ in range(2):
            with pytest.warns(oa.errors.DataWarning):
                load(client, page_size=2)
            asked, server.asked[:] = len(server.asked), []
            assert asked > 0


@pytest.mark.parametrize("body", [b"", b'{"data": {}}'])
def test_load__fails_whole_when_a_page_in_the_middle_is_broken(tmp_path, body):
    honest = paged([row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(20)])
    with serving(
        lambda asked: as_broken(body) if asked.query.get("page") == "3" else honest(asked)
    ) as server:
        with pytest.raises(oa.errors.UnexpectedResponse):
            load(client_of(server, tmp_path / "pages"), page_size=5)


def _damaged(*cells):
    """Answer as `paged` does, with deal 7 changed on the wire."""
    deals = [row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z", score=n / 2) for n in range(20)]
    honest = paged(deals)

    def damaging(asked):
        answer = honest(asked)
        return Answer(
            200,
            functools.reduce(lambda body, cell: body.replace(*cell), cells, answer.body),
            answer.headers,
        )

    return damaging


@pytest.mark.parametrize(
    ("column", "sound", "damaged"),
    [
        ("name", b'"Deal 7"', b'"Deal \\ud83d"'),
        (
            "stage",
            b'"name": "Deal 7", "account_id": "account-0", "value": 1007, "stage": "proposal"',
            b'"name": "Deal 7", "account_id": "account-0", "value": 1007, "stage": "\\udc00"',
        ),
        *(
            ("value", b'"value": 1007', b'"value": ' + n)
            for n in (b"-Infinity", b'"1e400"', b"9" * 5000)
        ),
        ("score", b'"score": 3.5', b'"score": [1, {"a": "\\ud800"}]'),
    ],
)
def test_load__takes_a_cell_that_cannot_be_read_as_missing_and_says_which(
    tmp_path, column, sound, damaged
):
    with serving(_damaged((sound, damaged))) as server:
        client = client_of(server, tmp_path / "pages")
        with pytest.warns(oa.errors.DataWarning, match=rf"^{column} of 'opp-7' can't be read"):
            frame = load(client, page_size=5)
        with pytest.warns(oa.errors.DataWarning, match=rf"^{column} of 'opp-7' can't be read"):
            kept = load(client)
    assert frame["unique_id"].tolist() == [f"opp-{n}" for n in range(20)]
    assert frame[column].isna().tolist() == [n == 7 for n in range(20)]
    assert list(frame) == [*schema.COLUMNS, "score"]
    certificate = Certificate.of(frame)
    assert certificate.complete
    assert (certificate.unreadable, certificate.unreadable_cells) == (1, f"{column} of 'opp-7'")
    pd.testing.assert_frame_equal(frame, kept)


def test_load__counts_every_cell_that_cannot_be_read_also_after_changes(tmp_path):
    damaged = [
        (b'"value": 1007', b'"value": 1e400'),
        (b'"Deal 7"', b'"\\ud83d"'),
        (b'"value": 1011', b'"value": -Infinity'),
    ]
    with serving(_damaged(*damaged)) as server:
        client = client_of(server, tmp_path / "pages")
        with pytest.warns(
            oa.errors.DataWarning,
            match="name of 'opp-7', value of 'opp-7' and value of 'opp-11' can't be read",
        ):
            first = load(client, page_size=5)
        with pytest.warns(oa.errors.DataWarning, match="can't be read"):
            again = load(client, refresh="changes")
    assert [Certificate.of(frame).unreadable for frame in (first, again)] == [3, 3]
    assert again["value"].isna().sum() == 2


def as_broken(body):
    return Answer(200, body, {"Content-Type": "application/json"})


def test_load__resumes_a_sweep_that_was_cut_off(tmp_path):
    honest = paged([row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(100)])
    broken = [True]

    def cutting(asked):
        fails = broken and int(asked.query.get("page", 1)) >= 40 and not asked.path.endswith("show")
        return as_json({"error": "down"}, 503) if fails else honest(asked)

    with serving(cutting) as server:
        client = client_of(server, tmp_path / "pages", concurrency=1)
        with pytest.raises(oa.errors.ServerError):
            load(client, page_size=2)
        broken.clear()
        server.asked.clear()
        frame = load(client, page_size=2)
        pages = {int(a.query["page"]) for a in server.asked if a.query.get("sort") == "created_at"}
    assert len(frame) == 100
    assert frame.attrs["load"]["complete"]
    assert min(pages) == 33


# The cache on disk.


def frame_file(tmp_path):
    return next((tmp_path / "pages").rglob("frame-*.arrow"))


def without_moment(content):
    """The frame's own moment is no moment."""
    return content.replace(b'"fetched_at": "2', b'"fetched_at": "x', 1)


@pytest.mark.parametrize(
    "damage", [lambda _: b"not ours", lambda content: content[:-100], without_moment]
)
def test_load__sets_a_damaged_frame_aside_and_fetches(tenant, tmp_path, damage):
    client = tenant(5)
    load(client)
    file = frame_file(tmp_path)
    content = file.read_bytes()
    file.write_bytes(damage(content))
    with pytest.warns(oa.errors.DataWarning, match="it was renamed"):
        frame = load(client)
    assert len(frame) == 5
    assert file.with_name(file.name + ".damaged").exists()


def test_load__sets_a_damaged_page_store_aside_and_fetches(tenant, tmp_path):
    client = tenant(5)
    load(client)
    store = next((tmp_path / "pages").rglob("pages.sqlite"))
    store.write_bytes(b"this is no database, and never was one" * 100)
    with pytest.warns(oa.errors.DataWarning, match="it was renamed"):
        assert len(load(client, refresh="full")) == 5
    assert store.with_name("pages.sqlite.damaged").exists()


def test_load__on_a_full_disk_gives_the_frame_and_says_it_was_not_kept(tenant, monkeypatch):
    client = tenant(5)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    with pytest.warns(oa.errors.DataWarning) as caught:
        assert len(load(client)) == 5
    assert any("No space left" in str(w.message) for w in caught)


@pytest.mark.slow
@pytest.mark.posix
def test_load__stops_cleanly_on_ctrl_c_and_resumes(tenant, shared_sandbox, tmp_path):
    client = tenant(400)
    script = textwrap.dedent(f"""
        import opp_analytics as oa
        client = oa.Client({shared_sandbox.url!r}, {client.settings.token.reveal()!r}, {client.settings.api_key.reveal()!r},
                           cache_dir={str(tmp_path / "pages")!r}, concurrency=2)
        client.list(1, 1)
        print("ready", flush=True)
        oa.load(client, page_size=2, progress=False)
    """)  # noqa: E501
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    shared_sandbox.faults.latency = 0.02
    asked = shared_sandbox.requests
    while shared_sandbox.requests < asked + 50:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=900)
    assert "KeyboardInterrupt" in errors
    assert not list((tmp_path / "pages").rglob("frame-*"))
    shared_sandbox.faults.reset()
    assert load(client, page_size=2).attrs["load"]["complete"]


def test_load__warns_of_a_column_that_is_empty_in_every_row(tmp_path: Path) -> None:
    rows = [row(k, value=None, total=5.0) for k in range(3)]
    with serving(paged(rows)) as server:
        with pytest.warns(
            oa.errors.DataWarning,
            match=r'(?s)value is empty in every row.*\[api.columns\]\n  total = "value"',
        ):
            oa.load(client_of(server, tmp_path), progress=False)
        # Nothing to say once it is named, nor of an empty tenant.
        named = oa.Org(api_columns={"total": "value"})
        assert (
            oa.load(client_of(server, tmp_path, org=named), progress=False)["value"].tolist()
            == [5.0] * 3
        )
    with serving(paged([])) as server:
        assert oa.load(client_of(server, tmp_path / "empty"), progress=False).empty
