"""The org file of the working folder."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import opp_analytics as oa


def test_from_env__finds_the_org_file_of_the_working_folder_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("BLOCKS_API_URL", "BLOCKS_AUTH_TOKEN", "BLOCKS_API_KEY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1" if name.endswith("URL") else "secret")
    monkeypatch.chdir(tmp_path)
    assert oa.Client.from_env().org is None
    (tmp_path / "opp-analytics.toml").write_text('currency = "EUR"\n')
    with caplog.at_level(logging.INFO, logger="opp_analytics"):
        client = oa.Client.from_env()
    assert client.org is not None
    assert client.org.currency == "EUR"
    assert "opp-analytics.toml" in caplog.text
    assert "opp-analytics.toml" in repr(client)
    # A client made by hand never looks.
    assert oa.Client("http://127.0.0.1:1", "token", "key").org is None
    assert oa.Client.from_env(org=oa.Org(currency="USD")).org == oa.Org(currency="USD")


def test_client__refuses_what_is_no_org() -> None:
    with pytest.raises(oa.errors.ArgumentTypeError, match="org is a str, not an Org"):
        oa.Client("http://127.0.0.1:1", "token", "key", org="opp-analytics.toml")  # type: ignore[arg-type]
