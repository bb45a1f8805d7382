from __future__ import annotations

import stat

from opp_analytics.widgets.grid.layout import read_layout, write_layout
from tests.writer.frames import opportunities


def test_layout__is_remembered_per_tenant_privately_and_damage_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, other = opportunities(1), opportunities(1)
    one.attrs["load"] = {"tenant": "abc", "complete": True}
    assert read_layout(one) == {}
    write_layout(one, {"order": ["name"], "sort": {"field": "value"}, "filters": {"value": {"text": "> 1"}}})
    assert read_layout(one) == {"order": ["name"]}
    assert read_layout(other) == {}
    [file] = tmp_path.rglob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("{")
    assert read_layout(one) == {}
