"""The frame on disk: kept whole, dropped with every write, loaded again from an older format."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from opp_analytics.api import Kept, assemble, rows_to_table
from opp_analytics.api.frame_cache import FrameCache
from opp_analytics.errors import DataWarning
from tests.support import row


@pytest.fixture
def kept() -> Kept:
    pages = [rows_to_table([row(1, stage="won!!"), row(2, value=None)]), rows_to_table([row(3)])]
    return Kept(pa.concat_tables(pages).unify_dictionaries(), {"rows": 3, "complete": True})


@pytest.fixture
def cache(tmp_path: Path) -> FrameCache:
    return FrameCache(tmp_path / "cache" / "tenant")


def test_write__keeps_opportunities_whose_frame_can_be_edited(cache: FrameCache, kept: Kept) -> None:
    cache.write("all", kept, cache.epoch())
    found = cache.read("all")
    assert found is not None
    assert found.certificate == kept.certificate
    frame = assemble(found.table)
    pd.testing.assert_frame_equal(frame, assemble(kept.table))
    for column, value in (("value", 2.0), ("name", "Renamed"), ("stage", "proposal"), ("probability", 5)):
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


@pytest.mark.parametrize("at", [0.3, 0.7, 0.99])
def test_read__sets_a_file_aside_in_which_one_bit_changed(cache: FrameCache, kept: Kept, at: float) -> None:
    cache.write("all", kept, cache.epoch())
    file = cache.folder / "frame-all.arrow"
    content = bytearray(file.read_bytes())
    content[int(at * len(content))] ^= 1
    file.write_bytes(content)
    with pytest.warns(DataWarning, match="checksum does not match"):
        assert cache.read("all") is None
