import logging

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import org, schema
from opp_analytics.history import History, hold
from opp_analytics.note import note_of

DAY = pd.Timedelta(days=1)


def opportunities(**columns):
    """Three deals; a keyword replaces a column."""
    return org.conform(
        pd.DataFrame(
            {
                "unique_id": ["a", "b", "c"],
                "name": ["Acme", "Bolt", "Cask"],
                "account_id": ["x", None, "y"],
                "value": [1200.5, 0.1, None],
                "stage": ["proposal", "discovery", "negotiation"],
                "close_date": ["2026-03-31", "2026-04-01", None],
                "probability": [40, None, 70],
                "status": "active",
                "created_at": "2026-01-01T10:00Z",
                "updated_at": "2026-02-01T10:00Z",
                "owner_name": pd.array(["Ann", None, "Cid"], dtype=schema.TEXT),
                "score": [1, 2, 3],
            }
        ).assign(**columns)
    )


def certified(frame, **entries):
    """The frame with the certificate that a loader gives it."""
    frame = frame.copy()
    frame.attrs["load"] = {
        "fetched_at": "2026-03-02T06:00:00+00:00",
        "rows": len(frame),
        "complete": True,
        "tenant": "t1",
        "search": None,
        "deleted": False,
        "filters": {},
        **entries,
    }
    return frame


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "history")


def test_record__stores_only_what_changed(history):
    first = history.record(opportunities(), at="2026-03-02")
    second = history.record(
        opportunities(stage=["closed_won", "discovery", "negotiation"]), at="2026-03-09"
    )
    assert (first.new, second.new, second.changed, second.deleted) == (3, 0, 1, 0)
    log = history.changes()
    assert log["unique_id"].tolist() == ["a", "b", "c", "a"]
    assert log["operation"].tolist() == ["new", "new", "new", "changed"]
    assert log["seen_after"].tolist()[3] == pd.Timestamp("2026-03-02", tz="UTC")
    assert log["seen_at"].tolist()[3] == pd.Timestamp("2026-03-09", tz="UTC")
    assert log["seen_after"].isna().tolist() == [True, True, True, False]


def test_record__tombstone_and_return_keep_the_opportunity(history):
    history.record(opportunities(), at="2026-03-02")
    history.record(opportunities().iloc[1:], at="2026-03-09")
    history.record(opportunities().iloc[1:], at="2026-03-16")
    back = history.record(opportunities(), at="2026-03-23")
    assert (back.new, back.changed, back.deleted, back.returned) == (0, 0, 0, 1)
    own = history.changes().query("unique_id == 'a'")
    assert own["operation"].tolist() == ["new", "deleted", "returned"]
    assert own["value"].tolist() == [1200.5] * 3
    assert own["close_date"].tolist() == [pd.Timestamp("2026-03-31")] * 3
    assert history.as_of("2026-03-10")["unique_id"].tolist() == ["b", "c"]


def test_hold__shows_the_same_records_whatever_is_recorded_meanwhile(history, tmp_path):
    history.record(opportunities(), at="2026-03-02T06:00Z")
    part, other = history.where(owner_name="Ann"), History(tmp_path / "history")
    with hold(history), hold(part):
        assert len(part.records) == 1
        other.record(opportunities(value=7.0), at="2026-03-03T06:00Z")
        for held in (history, part):
            assert len(held.records) == 1
            assert held.as_of("2026-03-04")["value"].iloc[0] == 1200.5
    for seen in (history, part):
        assert len(seen.records) == 2
        assert seen.as_of("2026-03-04")["value"].iloc[0] == 7.0
    with hold(None):
        pass


def test_record__identical_frame_at_the_same_instant_is_nothing(history):
    history.record(opportunities(), at="2026-03-02")
    again = history.record(opportunities().iloc[::-1], at="2026-03-02")
    assert not again.appended
    assert len(history.records) == 1


@pytest.mark.parametrize("at", ["2026-03-02", "2026-03-01"])
def test_record__refuses_a_time_not_after_the_last(history, at):
    history.record(opportunities(), at="2026-03-02")
    with pytest.raises(oa.errors.RecordRefused, match="not be after the last one in .*history, at"):
        history.record(opportunities(score=[9, 9, 9]), at=at)
    assert len(history.records) == 1


def test_record__of_a_load_that_seems_a_second_older_comes_after_the_last(history):
    first = certified(opportunities(), fetched_at="2026-03-02T06:00:01.500000+00:00")
    history.record(first)
    later = opportunities().assign(value=[1.0, 2.0, 3.0])
    history.record(certified(later, fetched_at="2026-03-02T06:00:00.800000+00:00"))
    assert history.as_of("2026-03-02")["value"].tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(oa.errors.RecordRefused, match="did the clock go back"):
        history.record(certified(opportunities(), fetched_at="2026-03-02T05:59:50+00:00"))


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (certified(opportunities(), complete=False), "load is incomplete"),
        (certified(opportunities(), search="acme"), "search='acme'"),
        (certified(opportunities(), filters={"status": "active"}), "filters="),
        (certified(opportunities(), rows=4), "returned 4 opportunities but the table has 3"),
        (opportunities(unique_id=["a", "a", "c"]), "'a' occurs more than once"),
        (opportunities(unique_id=["a", None, "c"]), "has no unique_id"),
    ],
)
def test_record__refuses_what_is_not_all_opportunities(history, frame, says):
    with pytest.raises(oa.errors.RecordRefused, match=says):
        history.record(frame)
    assert history.records.empty


def test_record__refuses_another_tenant(history):
    history.record(certified(opportunities()))
    other = certified(opportunities(), tenant="t2", fetched_at="2026-03-09T06:00:00+00:00")
    with pytest.raises(
        oa.errors.HistoryError, match="tenant t2, the history in .*history to tenant t1"
    ):
        history.record(other)


@pytest.mark.parametrize(
    ("lose", "says"),
    [
        (
            lambda f: f.drop(columns="close_date"),
            "the table of deals has no column close_date, but",
        ),
        (lambda f: f.assign(stage=["", " ", None]), "stage is empty in every row, but"),
        (
            lambda f: f.drop(columns=["value", "stage"]).assign(probability=None),
            "no column value and stage, and probability is empty in every row, but",
        ),
    ],
)
def test_record__refuses_a_column_that_is_gone_or_empty_in_every_row(history, lose, says):
    history.record(opportunities(), at="2026-03-02")
    with pytest.raises(oa.errors.LostColumns, match=says) as refused:
        history.record(lose(opportunities()), at="2026-03-09")
    assert f"pass allow_missing={refused.value.columns!r}" in str(refused.value)
    assert len(history.records) == 1
    allowed = history.record(
        lose(opportunities()), at="2026-03-09", allow_missing=refused.value.columns
    )
    assert allowed.changed > 1
    now = history.as_of("2026-03-09").reindex(columns=refused.value.columns)
    assert now.map(lambda cell: not str(cell).strip() or pd.isna(cell)).all(axis=None)
    # What is missing by now is missing tomorrow too, and the values may come back.
    assert history.record(lose(opportunities()), at="2026-03-10").changed == 0
    assert history.record(opportunities(), at="2026-03-11").changed > 1


def test_record__takes_one_cleared_cell_as_an_edit(history):
    history.record(opportunities(account_id=["x", None, None]), at="2026-03-02")
    assert history.record(opportunities(account_id=None), at="2026-03-09").changed == 1
    with pytest.raises(oa.errors.LostColumns, match="has no column value"):
        history.record(opportunities().iloc[:1].drop(columns="value"), at="2026-03-10")


def test_record__warns_of_a_further_column_that_is_gone(history):
    history.record(opportunities(), at="2026-03-02")
    with pytest.warns(
        oa.errors.DataWarning, match="no column score, .* recorded as missing"
    ) as told:
        assert history.record(opportunities().drop(columns="score"), at="2026-03-09").changed == 3
    assert len(told) == 1
    with pytest.warns(oa.errors.DataWarning, match="owner_name is empty in every row"):
        history.record(opportunities(owner_name=None), at="2026-03-10", allow_missing="score")
    # Once said, it is known.
    assert history.record(opportunities(owner_name=None), at="2026-03-11").changed == 0


@pytest.mark.parametrize("name", ["close_dat", "unique_id"])
def test_record__refuses_to_allow_an_unknown_column(history, name):
    with pytest.raises(
        oa.errors.ArgumentValueError, match=f"allow_missing names {name!r}, .* close_date"
    ):
        history.record(opportunities(), allow_missing=[name])
    assert not history._path.exists()


@pytest.mark.parametrize(
    ("columns", "at"),
    [({}, "yesterday"), ({"seen_at": 1}, "2026-03-02")],
)
def test_record__that_is_refused_begins_no_history(history, columns, at):
    with pytest.raises(oa.errors.OppAnalyticsError):
        history.record(opportunities(**columns), at=at)
    assert not history._path.exists()


def deals(count):
    """So many deals, with names."""
    return pd.DataFrame(
        {
            "unique_id": [f"d{n:03}" for n in range(count)],
            "name": [f"Deal {n}" for n in range(count)],
        }
    )


def test_record__refuses_what_looks_like_a_partial_export(history):
    history.record(deals(100), at="2026-03-02")
    with pytest.raises(oa.errors.RecordRefused) as refused:
        history.record(deals(79), at="2026-03-09")
    assert str(refused.value) == (
        f"this table of deals lacks 21 of the 100 opportunities known in {history._path}, such as "
        "'Deal 79' (d079), 'Deal 80' (d080) and 'Deal 81' (d081), and has no load certificate, so "
        "it may be a partial export; record all opportunities, or pass allow_deleted=True if these "
        "were deleted"
    )
    assert len(history.records) == 1
    assert history.record(deals(79), at="2026-03-09", allow_deleted=True).deleted == 21
    # Of 79 known deals 15 are within a fifth; what was deleted before is not counted again.
    assert history.record(deals(64), at="2026-03-16").deleted == 15


@pytest.mark.parametrize(
    ("known", "left", "refused"), [(6, 1, False), (6, 0, True), (31, 24, True)]
)
def test_record__lets_five_deals_or_a_fifth_go(history, known, left, refused):
    history.record(deals(known), at="2026-03-02")
    if refused:
        with pytest.raises(oa.errors.RecordRefused, match=f"lacks {known - left} of the {known}"):
            history.record(deals(left), at="2026-03-09")
    else:
        assert history.record(deals(left), at="2026-03-09").deleted == known - left


def test_record__believes_a_certificate_that_deals_are_deleted(history):
    history.record(deals(100), at="2026-03-01")
    assert history.record(certified(deals(10))).deleted == 90


def test_record__is_logged_with_its_counts_and_no_text_of_a_customer(history, caplog):
    with caplog.at_level(logging.DEBUG, logger="opp_analytics"):
        history.record(opportunities(), at="2026-03-02")
        history.record(opportunities(stage="closed_won").iloc[1:], at="2026-03-09")
        history.record(opportunities(stage="closed_won").iloc[1:], at="2026-03-09")
    assert [(record.levelname, record.name, record.getMessage()) for record in caplog.records] == [
        ("INFO", "opp_analytics", f"recorded {said}")
        for said in (
            f"3 opportunities in {history._path}: 3 new, 0 changed, 0 deleted, 0 returned",
            f"2 opportunities in {history._path}: 0 new, 2 changed, 1 deleted, 0 returned",
            f"nothing in {history._path}: its last record is the same frame",
        )
    ]


def test_record__takes_the_time_of_the_load(history):
    history.record(certified(opportunities()))
    records = history.records
    assert records["recorded_at"].tolist() == [pd.Timestamp("2026-03-02T06:00Z")]
    assert records["certified"].tolist() == [True]


@pytest.mark.parametrize("name", ["Operation", "OWNER_NAME", 3])
def test_record__refuses_column_names_that_the_log_cannot_hold(history, name):
    with pytest.raises(oa.errors.DataError, match="rename"):
        history.record(
            opportunities().assign(owner_name="x").rename(columns={"score": name}), at="2026-03-02"
        )


def test_records__counts(history):
    history.record(opportunities(), at="2026-03-02")
    history.record(opportunities(value=[1.0, 0.1, None]).iloc[:2], at="2026-03-09")
    records = history.records
    assert list(records.columns[:4]) == ["recorded_at", "rows", "changed", "complete"]
    assert records["rows"].tolist() == [3, 2]
    assert records["changed"].tolist() == [3, 2]
    assert records["complete"].tolist() == [True, True]


def test_as_of__is_the_frame_that_was_recorded(history):
    first = opportunities()
    second = opportunities(
        close_date=["2026-06-30", None, "2026-05-01"], stage=["won!!", "proposal", None]
    )
    history.record(first, at="2026-03-02")
    history.record(second, at="2026-03-09T12:00Z")
    pd.testing.assert_frame_equal(history.as_of("2026-03-02"), first, check_flags=False)
    pd.testing.assert_frame_equal(history.as_of("2026-03-08"), first)
    assert history.as_of("2026-03-08").attrs["recorded_at"] == "2026-03-02T00:00:00+00:00"
    pd.testing.assert_frame_equal(history.as_of("2026-03-09T11:59Z"), first)
    # A day means its end.
    for when in ("2026-03-09T12:00Z", "2026-03-09"):
        pd.testing.assert_frame_equal(history.as_of(when), second)


def test_as_of__before_the_first_record(history):
    with pytest.raises(oa.errors.NotEnoughHistory, match="no records yet"):
        history.as_of("2026-03-01")
    history.record(opportunities(), at="2026-03-02")
    with pytest.raises(oa.errors.NotEnoughHistory, match="first record is from 2026-03-02"):
        history.as_of("2026-03-01")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([1, 2, 3], ["1", "two", "3"]),
        ([None, None, None], [1.5, None, 2.5]),
        ([True, False, True], [True, False, None]),
        ([[1], [2], [3]], [[1], [2, 3], [3]]),
    ],
)
def test_as_of__further_column_that_changes_its_kind(history, before, after):
    first = opportunities(
        score=pd.Series(before, dtype=None if before[0] is not None else "object")
    )
    second = opportunities(score=pd.Series(after))
    history.record(first, at="2026-03-02")
    history.record(second, at="2026-03-09")
    then = history.as_of("2026-03-09")["score"]
    assert then.isna().tolist() == second["score"].isna().tolist()
    if not isinstance(after[0], list):
        assert [str(v) for v in then.dropna()] == [str(v) for v in second["score"].dropna()]
    assert len(history.as_of("2026-03-02")) == 3


def test_collect__engine_errors_do_not_escape(history):
    history.record(opportunities(), at="2026-03-02")
    table = history.table
    with pytest.raises(oa.errors.HistoryError, match="could not be queried"):
        history.collect(table.select(n=table["name"].cast("int64")))
    assert history.collect(history.table.count()) == 3
    assert history.collect(history.table["value"].sum()) == pytest.approx(1200.6)


def test_collect__error_of_one_history_leaves_others_whole(history, tmp_path):
    other = oa.History(tmp_path / "other")
    other.record(opportunities(), at="2026-03-02")
    history.record(opportunities(), at="2026-03-02")
    assert other.collect(other.table.count()) == 3
    with pytest.raises(oa.errors.HistoryError, match="could not be queried"):
        history.collect(history.table.select(n=history.table["name"].cast("int64")))
    owner = opportunities()["owner_name"].dropna().iloc[0]
    part = other.where(owner_name=owner)
    assert part.collect(part.table.count()) == (opportunities()["owner_name"] == owner).sum()
    assert other.collect(other.table.count()) == 3


def test_coverage__says_what_each_month_can_answer(history):
    assert history.coverage().empty
    for at in ["2026-01-10", "2026-01-31", "2026-02-14", "2026-04-04"]:
        history.record(opportunities(), at=at)
    table = history.coverage()
    assert table.index.tolist() == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert table["records"].tolist() == [2, 1, 0, 1]
    assert table["answers"].str.partition(":")[0].tolist() == [
        "from the first record on",
        "all",
        "nothing",
        "to date",
    ]
    assert history.coverage(freq="Q-JAN").index.tolist() == ["2026Q4", "2027Q1"]
    assert note_of(table).figures["cadence_days"] == 21
    assert note_of(table).figures["next_due"] == "2026-04-25T00:00:00+00:00"


WEEK = {"start": "2026-03-02", "end": "2026-03-09"}


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("slippage", WEEK),
        ("waterfall", WEEK),
        ("close_date_moves", {}),
    ],
)
def test_analyses__say_which_record_is_missing_and_when_it_will_be_there(history, name, asked):
    ask = getattr(oa, name)
    with pytest.raises(
        oa.errors.NotEnoughHistory, match=f"{name} needs records, but the history has none yet"
    ):
        ask(history, **asked)
    history.record(opportunities(), at="2026-03-02")
    with pytest.raises(
        oa.errors.NotEnoughHistory, match=f"{name} needs a second record.*there is only one"
    ):
        ask(history, **asked)
    history.record(opportunities(), at="2026-03-09")
    assert "lower" in note_of(ask(history, **asked)).figures["bound"] or name.startswith("slippage")
    with pytest.raises(oa.errors.NotEnoughHistory, match="the next one is due around 2026-03-16"):
        ask(history, start="2026-03-10", end="2026-03-15")


def test_read_by__is_the_same_history_read_by_an_org():
    log = pd.DataFrame(
        {"unique_id": "a", "seen_at": ["2026-03-02", "2026-03-09"], "stage": ["Demo", "Signed"]}
    )
    history = History.from_changes(log)
    own = org.Org(
        stages=[{"name": "Demo", "kind": "open"}, {"name": "Signed", "kind": "won"}], currency="CHF"
    )
    mine = history.read_by(own)
    assert mine.org == own
    assert history.org is None
    assert oa.outcomes(mine.as_of("2026-03-10")).tolist() == ["won"]
    pd.testing.assert_frame_equal(mine.records, history.records)
    assert mine.where(stage="Demo").org == own
