"""A cache that others could write to is not used; what we make is for its owner only, whatever the umask."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import opp_analytics as oa
from tests.support import client_of, paged, row, serving

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    os.umask(before)
    yield os.umask
    os.umask(before)


def modes(root: Path) -> dict[str, int]:
    found = {"." if path == root else path.name: path for path in (root, *root.rglob("*"))}
    return {name: stat.S_IMODE(path.stat().st_mode) for name, path in found.items()}


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_cache__is_private_from_the_top_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: Callable[[int], int], mask: int
) -> None:
    umask(mask)
    home = tmp_path / "new" / "home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    with serving(paged([row(n) for n in range(30)])) as server:
        with oa.Client(server.url, "tok-123", "key-456") as client:
            client.fetch_page(1, 10)
            oa.load(client, page_size=10, progress=False)
            client.fetch_page(1, 10)
            found = modes(tmp_path / "new")
            folders = {path.name for path in (tmp_path / "new").rglob("*") if path.is_dir()} | {"."}
    assert {"opp-analytics", client.cache_folder.name} <= folders
    assert {"pages.sqlite", "pages.sqlite-wal", "pages.lock"} <= set(found)
    assert any(name.endswith(".arrow") for name in found)
    assert {name: oct(mode) for name, mode in found.items()} == {
        name: "0o700" if name in folders else "0o600" for name in found
    }


def spoil_root(client: oa.Client) -> Path:
    client.cache_folder.parent.chmod(0o770)
    return client.cache_folder.parent


def spoil_folder(client: oa.Client) -> Path:
    client.cache_folder.chmod(0o707)
    return client.cache_folder


def spoil_file(client: oa.Client) -> Path:
    (file,) = client.cache_folder.glob("frame-*.arrow")
    file.chmod(0o620)
    return file


def link_folder(client: oa.Client) -> Path:
    client.cache_folder.rename(client.cache_folder.with_name("elsewhere"))
    client.cache_folder.symlink_to("elsewhere")
    return client.cache_folder


@pytest.mark.parametrize("spoil", [spoil_root, spoil_folder, spoil_file, link_folder])
def test_cache__that_others_can_write_is_not_used(tmp_path: Path, spoil: Callable[[oa.Client], Path]) -> None:
    cache_dir = tmp_path / "pages"
    with serving(paged([row(n) for n in range(30)])) as server:
        with client_of(server, cache_dir) as client:
            oa.load(client, progress=False)
        named = spoil(client)
        before = {path: path.lstat().st_mtime_ns for path in cache_dir.rglob("*")}
        asked = len(server.asked)
        with pytest.warns(oa.errors.DataWarning, match=re.escape(str(named))) as caught:
            other = client_of(server, cache_dir)
        assert Path(caught[0].filename).name == "support.py"
        oa.load(other, progress=False)
        assert len(server.asked) > asked, "the planted frame did not answer"
        assert cache_dir not in other.cache_folder.parents
        assert set(modes(other.cache_folder.parent).values()) == {0o700, 0o600}
        other.close()
        temporary = other.cache_folder.parent
    assert {path: path.lstat().st_mtime_ns for path in cache_dir.rglob("*")} == before
    assert temporary.is_dir()
    del other
    assert not temporary.exists()


def test_cache__that_is_spoiled_later_is_not_opened(tmp_path: Path) -> None:
    with serving(paged([row(1)])) as server, client_of(server, tmp_path / "pages") as client:
        client.cache_folder.mkdir(parents=True)
        client.cache_folder.chmod(0o777)
        with pytest.warns(oa.errors.DataWarning, match="others could change it.*0777"):
            client.fetch_page(1, 10)
        assert not list(client.cache_folder.iterdir())


def test_cache__of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pages").mkdir(mode=0o700)
    os.chown(tmp_path / "pages", 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(
        os, "geteuid", lambda: 12345
    )
    with pytest.warns(oa.errors.DataWarning, match="pages belongs to another user"):
        oa.Client("https://crm.example.com", "t", "k", cache_dir=tmp_path / "pages")
