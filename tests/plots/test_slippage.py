from opp_analytics import plots
from opp_analytics.analysis import slippage
from tests.analysis.movement.windows import JANUARY


def test_slippage__drawings(january):
    drawn = plots.slippage(slippage(january, **JANUARY))
    labels = [text.get_text() for text in drawn.get_yticklabels()]
    assert labels == ["due", "won", "lost", "slipped", "pulled out", "removed"]
    widths = [bar.get_width() for bar in drawn.patches]
    assert widths == [12700.0, 100.0, 200.0, 7600.0, 0.0, 4800.0]
    caption = next(text for text in drawn.texts if text.get_gid() == "caption").get_text()
    assert "n = 8" in caption
    assert "2026-01-26" in caption
    grouped = plots.slippage(slippage(january, **JANUARY, by="owner_name"))
    assert [text.get_text() for text in grouped.get_yticklabels()] == ["Ann (n=8)"]
    empty = plots.slippage(slippage(january, start="2026-01-27", end="2026-02-03"))
    assert any("no open deal was due" in text.get_text() for text in empty.texts)
