"""Opportunities read from the server end, whatever it says of its pages."""

from __future__ import annotations

from pathlib import Path

from opp_analytics.writer.server_rows import find_in_trash
from tests.support import client_of, listing, row, serving


def test_find_in_trash__ends_on_a_server_that_repeats_one_page_for_ever(tmp_path: Path) -> None:
    with (
        serving(lambda asked: listing([row(1), row(2)], 10**12, totalPages=10**9)) as server,
        client_of(server, tmp_path) as client,
    ):
        assert find_in_trash(client, ["opp-2", "opp-3"]) == {"opp-2"}
    assert len(server.asked) == 2
