"""The frame on disk: kept whole, dropped with every write, loaded again from an older format."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opp_analytics import org
from opp_analytics.api.frame_cache import FrameCache


@pytest.fixture
def frame() -> pd.DataFrame:
    frame = org.conform(
        pd.DataFrame({"unique_id": ["a", "b"], "stage": ["proposal", "won!!"], "value": [1.5, None]})
    )
    frame.attrs["load"] = {"rows": 2, "complete": True}
    return frame


@pytest.fixture
def cache(tmp_path: Path) -> FrameCache:
    return FrameCache(tmp_path / "cache" / "tenant")


def test_write__keeps_a_frame_that_can_be_edited(cache: FrameCache, frame: pd.DataFrame) -> None:
    cache.write("all", frame, cache.epoch())
    kept = cache.read("all")
    assert kept is not None
    pd.testing.assert_frame_equal(kept, frame)
    assert kept.attrs == frame.attrs
    kept.loc[0, "value"] = 2.0
    assert cache.read("search") is None


def test_make_stale__leaves_the_frame_to_catch_up_from(cache: FrameCache, frame: pd.DataFrame) -> None:
    cache.make_stale()
    assert not cache.folder.exists()
    cache.write("all", frame, cache.epoch())
    cache.make_stale()
    assert cache.read("all") is None
    kept = cache.read("all", stale=True)
    assert kept is not None
    pd.testing.assert_frame_equal(kept, frame)
    cache.write("all", frame, cache.epoch())
    assert cache.read("all") is not None


def test_write__keeps_a_frame_that_a_write_overtook_as_stale(cache: FrameCache, frame: pd.DataFrame) -> None:
    cache.write("other", frame, cache.epoch())
    epoch = cache.epoch()
    cache.make_stale()
    cache.write("all", frame, epoch)
    assert cache.read("all") is None
    assert cache.read("all", stale=True) is not None


def test_read__loads_an_older_format_again_without_a_word(cache: FrameCache, frame: pd.DataFrame) -> None:
    cache.write("all", frame, cache.epoch())
    file = cache.folder / "frame-all.arrow"
    file.write_bytes(file.read_bytes().replace(b"opp_analytics frame 3", b"opp_analytics frame 2"))
    assert cache.read("all") is None
    assert file.exists()
