import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.history import History, read_changes
from tests.history.logs import wide

LONG = """unique_id,changed_at,field,new_value
a,2026-01-05T08:00:00,created_at,2026-01-05T08:00:00
a,2026-01-05T08:00:00,stage,discovery
a,2026-01-06T08:00:00.5,value,1200.50
b,2026-01-06T09:00:00Z,stage,proposal
a,2026-01-07T08:00:00,close_date,2026-03-31
a,2026-01-08T08:00:00,close_date,
a,2026-01-08T08:00:00,owner_name,Ann
"""


def test_read_changes__long_form(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(LONG)
    history = History.from_changes(read_changes(file))
    own = history.changes().query("unique_id == 'a'").reset_index(drop=True)
    assert own["stage"].tolist() == ["discovery"] * 4
    assert own["value"].fillna(0).tolist() == [0, 1200.5, 1200.5, 1200.5]
    assert own["close_date"].isna().tolist() == [True, True, False, True]
    assert own["owner_name"].fillna("").tolist() == ["", "", "", "Ann"]
    assert own["seen_at"].iloc[1] == pd.Timestamp("2026-01-06T08:00:00.5Z")


def test_read_changes__wide_form(tmp_path):
    file = tmp_path / "log.csv"
    wide(close_date="2026-03-31", probability=20).to_csv(file, index=False)
    frame = History.from_changes(read_changes(file)).as_of("2026-01-19")
    assert frame["value"].tolist() == [3.0, 4.0]
    assert frame["probability"].dtype == "Int64"


def test_read_changes__names_what_it_cannot_read(tmp_path):
    with pytest.raises(oa.errors.DataError, match="none.csv does not exist"):
        read_changes(tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00a\n\x00")
    with pytest.raises(oa.errors.DataError, match=r"bad\.csv"):
        History.from_changes(read_changes(tmp_path / "bad.csv"))
