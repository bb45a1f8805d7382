"""Flags of open deals, each by hand, and the thresholds that history teaches."""

import functools

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis import deal_flags
from opp_analytics.errors import DataWarning
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests.history.logs import recorded, row

DAY = "2026-03-10"
FLAGS = [
    "overdue",
    "pushed",
    "slow_in_stage",
    "moved_back",
    "value_cut",
    "no_change",
    "due_soon_unlikely",
    "no_date",
    "no_value",
    "far_larger",
    "next_action_passed",
    "owner_changed",
    "no_touch",
    "criteria_unmet",
]


def frame(**columns):
    """Six open deals and a won one."""
    return pd.DataFrame(
        {
            "unique_id": list("abcdefw"),
            "name": ["Acme", "Bolt", "Cog", "Dyn", "Eos", None, "Won"],
            "owner_name": ["Ann", "Bo", "Ann", "Bo", None, "Ann", "Ann"],
            "stage": ["proposal"] * 6 + ["closed_won"],
            "status": ["active"] * 6 + ["won"],
            "value": [100.0, 200.0, None, 0.0, 50.0, 10.0, 70.0],
            "close_date": [
                "2026-03-09",
                "2026-03-10",
                None,
                "2026-03-24",
                "2026-03-25",
                "2026-06-01",
                "2026-03-01",
            ],
            "probability": [80, 39, 40, 10, 10, None, 100],
            "next_action_at": [
                None,
                "2026-03-09T23:00:00Z",
                "2026-03-10T00:00:00Z",
                None,
                None,
                None,
                "2026-01-01",
            ],
            "updated_at": ["2026-03-01T00:00:00Z"] * 5 + ["2026-02-01T00:00:00Z"] * 2,
        }
    ).assign(**columns)


def told(table, flag):
    """The flagged ids, in order."""
    return sorted(table.index[table[flag].fillna(False)])


def test_deal_flags__of_a_frame_alone():
    table = deal_flags(frame(), as_of=DAY)
    assert list(table.columns) == [
        "name",
        "owner_name",
        "value",
        "close_date",
        "risk",
        "reasons",
        *FLAGS,
    ]
    assert told(table, "overdue") == ["a"]
    assert told(table, "no_date") == ["c"]
    assert told(table, "no_value") == ["c", "d"]
    assert told(table, "next_action_passed") == ["b"]
    assert told(table, "due_soon_unlikely") == ["b", "d"]
    assert told(table, "no_change") == ["f"]
    unknown = [
        "pushed",
        "slow_in_stage",
        "moved_back",
        "value_cut",
        "owner_changed",
        "no_touch",
        "criteria_unmet",
    ]
    assert table[unknown].isna().all(axis=None)
    # Flagged deals by value, then the one without a flag.
    assert table.index.tolist() == ["b", "a", "f", "c", "d", "e"]
    assert table["risk"].tolist() == [2, 1, 1, 2, 2, 0]
    assert table["reasons"].tolist() == [
        "due in 0 days at 39% · next action was due 1 day ago",
        "1 day overdue",
        "37 days without a change",
        "no close date · no amount",
        "due in 14 days at 10% · no amount",
        "",
    ]
    assert note_of(table).figures["n"] == 6


def test_deal_flags__far_larger_is_over_20_times_the_largest_win():
    table = deal_flags(frame(value=[1400.0, 1400.01, None, 0.0, 50.0, 10.0, 70.0]), as_of=DAY)
    assert told(table, "far_larger") == ["b"]
    assert "20 times the largest win, 70" in table.loc["b", "reasons"]
    none_won = deal_flags(frame().head(6), as_of=DAY)
    assert none_won["far_larger"].isna().all()


def test_deal_flags__days_are_those_of_the_business_zone():
    west = deal_flags(frame(), as_of=pd.Timestamp("2026-03-10T03:00Z"), tz="America/Chicago")
    assert told(west, "overdue") == []
    assert note_of(west).day == "2026-03-09"


def seen(**deal):
    """A deal `x` over three records, with what `deal` says of each, and one that never changes."""
    days = ["2026-02-02", "2026-02-16", "2026-03-02"]
    rows = [row("still", days[0], "proposal", value=5.0)]
    for place, day in enumerate(days):
        said = {name: values[place] for name, values in deal.items()}
        stage = said.pop("stage", "proposal")
        rows.append({**row("x", day, stage), **said})
    return recorded(rows, moments=[f"{day}T12:00Z" for day in days])


def as_seen(history, day):
    """The deals of the last record, which somebody saw unchanged on `day`."""
    now = history.as_of(pd.Timestamp(day, tz="UTC"))
    now.attrs["recorded_at"] = f"{day}T12:00:00+00:00"
    return now


def flags_of(history, day=DAY, **options):
    now = as_seen(history, day)
    return deal_flags(now, history, as_of=day, **options)


def test_deal_flags__pushed_twice_or_more():
    table = flags_of(seen(close_date=["2026-03-31", "2026-04-30", "2026-05-31"]))
    assert told(table, "pushed") == ["x"]
    assert table.loc["x", "reasons"] == "pushed twice, 61 days in all"
    once = seen(close_date=["2026-03-31", "2026-04-30", "2026-04-01"])
    assert told(flags_of(once), "pushed") == []
    assert (
        flags_of(once, limits=oa.FlagLimits(pushes=1)).loc["x", "reasons"]
        == "pushed once, 30 days in all"
    )


def test_deal_flags__moved_back_until_it_is_where_it_was():
    back = seen(stage=["proposal", "negotiation", "discovery"])
    assert flags_of(back).loc["x", "reasons"] == "back in Discovery, was in Negotiation"
    assert told(flags_of(back, day="2026-02-20"), "moved_back") == []
    assert (
        told(flags_of(seen(stage=["negotiation", "proposal", "negotiation"])), "moved_back") == []
    )


def test_deal_flags__value_cut_below_the_highest_seen():
    cut = seen(value=[100.0, 200_000.0, 150_000.0])
    assert flags_of(cut).loc["x", "reasons"] == "value cut from 200K to 150K"
    assert told(flags_of(cut, limits=oa.FlagLimits(cut_share=0.25)), "value_cut") == []
    assert told(flags_of(cut, limits=oa.FlagLimits(cut_share=0.24)), "value_cut") == ["x"]


def test_deal_flags__owner_changed_lately():
    passed = seen(owner_name=["Ann", "Bo", "Bo"])
    assert flags_of(passed).loc["x", "reasons"] == "taken over from Ann 22 days ago"
    assert told(flags_of(passed, limits=oa.FlagLimits(lately_days=21)), "owner_changed") == []
    assert told(flags_of(passed, day="2026-06-01"), "owner_changed") == []


@pytest.mark.slow
def test_deal_flags__losing_ones_owner_is_a_change_of_owner():
    lost = flags_of(seen(owner_name=["Ann", None, None]))
    assert lost.loc["x", "reasons"] == "lost its owner Ann 22 days ago"
    # Without an owner in between, the deal is taken over from the one before.
    between = flags_of(seen(owner_name=["Ann", None, "Bo"]))
    assert between.loc["x", "reasons"] == "taken over from Ann 8 days ago"
    for never_another in ([None, "Ann", "Ann"], ["Ann", None, "Ann"], [None, None, None]):
        assert told(flags_of(seen(owner_name=never_another)), "owner_changed") == []


PIPELINES = oa.Org(
    stages=[
        *(
            {"name": name, "kind": "open", "pipeline": "New"}
            for name in ("Demo", "Quote", "Verbal")
        ),
        *(
            {"name": name, "kind": "open", "pipeline": "Renewal"}
            for name in ("Verbal", "Quote", "Check")
        ),
        {"name": "Signed", "kind": "won"},
    ]
)


@pytest.mark.filterwarnings("ignore:unknown stages")
@pytest.mark.parametrize(
    ("stages", "pipelines", "reason"),
    [
        # Verbal is the first stage of Renewal and the last of New.
        (["Verbal", "Quote", "Check"], ["Renewal"] * 3, ""),
        (["Quote", "Verbal", "Verbal"], ["Renewal"] * 3, "back in Verbal, was in Quote"),
        (["Quote", "Verbal", "Quote"], ["New"] * 3, "back in Quote, was in Verbal"),
        # A move between pipelines is neither forward nor back; what was elsewhere does not count.
        (["Verbal", "Verbal", "Verbal"], ["New", "New", "Renewal"], ""),
        (["Verbal", "Quote", "Demo"], ["New", "Renewal", "New"], "back in Demo, was in Verbal"),
        (["Check", "Demo", "Demo"], [None, None, None], ""),
    ],
)
def test_deal_flags__moved_back_within_its_own_pipeline(stages, pipelines, reason):
    recorded = seen(stage=stages, pipeline=pipelines)
    flagged = flags_of(recorded.read_by(PIPELINES)).loc["x"]
    assert (flagged["moved_back"] is not pd.NA and bool(flagged["moved_back"])) == bool(reason)
    assert reason in flagged["reasons"]


def test_deal_flags__a_team_move_is_no_change_of_a_deal():
    people = [
        {"owner_name": "Ann", "team": "East"},
        {"owner_name": "Ann", "team": "West", "from_date": "2026-03-01"},
    ]
    rows = [
        {
            "unique_id": name,
            "seen_at": at,
            "stage": stage,
            "owner_name": "Ann",
            "value": 5.0,
            "close_date": "2026-03-31",
        }
        for name, steps in {"x": [("2026-01-05", "discovery"), ("2026-01-12", "proposal")]}.items()
        for at, stage in steps
    ] + [
        {
            "unique_id": f"w{k}",
            "seen_at": at,
            "stage": stage,
            "owner_name": "Ann",
            "value": 5.0,
            "close_date": "2026-03-08",
        }
        for k in range(10)
        for at, stage in (("2026-02-01", "proposal"), ("2026-03-08", "closed_won"))
    ]
    log = pd.DataFrame([*rows, {**rows[0], "unique_id": "new", "seen_at": "2026-03-02"}])
    plain, moved = (History.from_changes(log, org=oa.Org(people=people[:many])) for many in (1, 2))
    for history in (plain, moved):
        table = flags_of(history)
        # The deals were won after 35 days without a change, whatever their owner's team was then.
        why = "57 days without a change; 4 of 5 wins never paused for more than 35"
        assert why in table.loc["x", "reasons"]


def test_deal_flags__no_change_reads_the_later_of_history_and_frame():
    history = seen(close_date=["2026-03-31", "2026-04-30", "2026-05-31"])
    now = as_seen(history, "2026-07-04").assign(updated_at=pd.Timestamp("2026-05-01", tz="UTC"))
    assert (
        "64 days without a change"
        in deal_flags(now, history, as_of="2026-07-04").loc["x", "reasons"]
    )
    older = now.assign(updated_at=pd.Timestamp("2026-01-01", tz="UTC"))
    assert (
        "124 days without a change"
        in deal_flags(older, history, as_of="2026-07-04").loc["x", "reasons"]
    )


@functools.cache
def team(*, won=10, days=14):
    """Deals that were won after `days` in proposal, one that has been there for 28, and one that
    came the same day."""
    start = pd.Timestamp("2026-01-05T12:00Z")
    rows = [row("early", "2026-01-05", "discovery")]
    for k in range(won):
        rows.append(row(f"w{k}", "2026-01-12", "proposal"))
        gone = (start + pd.Timedelta(days=7 + days + k % 2)).date().isoformat()
        rows.append(row(f"w{k}", gone, "closed_won", status="won"))
    rows += [row("slow", "2026-02-10", "proposal"), row("early", "2026-03-09", "proposal")]
    # A lost deal is worth more each day: so there is a record of each.
    for k, day in enumerate(pd.date_range("2026-01-05", "2026-03-09")):
        rows.append(row("lost", f"{day.date()}", "closed_lost", status="lost", value=100.0 + k))
    log = pd.DataFrame(rows).drop(columns="deleted").sort_values("seen_at", kind="stable")
    return History.from_changes(log)


def test_deal_flags__slow_in_stage_against_the_deals_that_were_won_in_its_pipeline():
    # Both pipelines have a stage of this name: new deals were won after 40 days in it, renewals
    # after 10.
    stages = [
        {"name": name, "kind": kind, "pipeline": pipeline}
        for pipeline in ("New", "Renewal")
        for name, kind in (("proposal", "open"), ("closed_won", "won"))
    ]
    org = oa.Org(stages=stages)
    rows = [
        {
            "unique_id": f"{pipeline}{k}",
            "seen_at": at,
            "stage": stage,
            "pipeline": pipeline,
            "value": 5.0,
            "close_date": "2026-05-31",
        }
        for pipeline, days in {"New": 40, "Renewal": 10}.items()
        for k in range(12)
        for at, stage in (
            ("2026-01-10", "proposal"),
            (pd.Timestamp("2026-01-10") + pd.Timedelta(days=days), "closed_won"),
        )
        if k < 10 or stage == "proposal"
    ]
    began = {
        "unique_id": "first",
        "seen_at": "2026-01-01",
        "stage": "closed_won",
        "pipeline": "New",
        "value": 5.0,
    }
    log = pd.DataFrame([began, *rows]).assign(seen_at=lambda rows: pd.to_datetime(rows["seen_at"]))
    history = History.from_changes(log, org=org)
    table = deal_flags(history.as_of("2026-02-19"), history, as_of="2026-02-19")
    assert sorted(told(table, "slow_in_stage")) == ["Renewal10", "Renewal11"]
    assert table.loc["Renewal10", "reasons"].endswith("4 of 5 wins took 10 or fewer")


def test_deal_flags__no_change_is_learned_too_and_leaves_out_our_own_writes():
    history = team()
    table = flags_of(history)
    assert told(table, "no_change") == ["slow"]
    assert (
        table["reasons"]
        .to_dict()["slow"]
        .endswith("28 days without a change; 4 of 5 wins never paused for more than 15")
    )
    assert told(flags_of(history, limits=oa.FlagLimits(stale_days=28)), "no_change") == []
    assert told(flags_of(history, limits=oa.FlagLimits(stale_days=27)), "no_change") == ["slow"]
    # "early" moved on the 9th: by us, so that it has rested since January.
    ours = pd.DataFrame({"unique_id": ["early"], "written_at": ["2026-03-09T10:00Z"]})
    mine = flags_of(history, own_writes=ours)
    assert told(mine, "no_change") == ["early", "slow"]
    assert mine.loc["early", "reasons"].startswith("64 days without a change")
    elsewhere = ours.assign(written_at="2026-03-01T10:00Z")
    assert told(flags_of(history, own_writes=elsewhere), "no_change") == ["slow"]


def test_deal_flags__what_never_changed_is_as_old_as_the_server_says():
    rows = [row("x", "2026-02-02", "proposal"), row("y", "2026-02-16", "proposal")]
    history = recorded(
        [{**one, "updated_at": pd.Timestamp("2026-01-01", tz="UTC")} for one in rows],
        moments=["2026-02-16T12:00Z"],
    )
    table = flags_of(history, day="2026-02-20")
    assert table.loc["x", "reasons"] == "50 days without a change"
    assert told(table, "no_change") == ["x"]


def test_deal_flags__reads_no_record_after_the_day():
    history = seen(close_date=["2026-03-31", "2026-04-30", "2026-05-31"])
    then = history.as_of("2026-02-20")
    assert told(deal_flags(then, history, as_of="2026-02-20"), "pushed") == []
    # With one record by then, nothing can be compared.
    alone = deal_flags(history.as_of("2026-02-03"), history, as_of="2026-02-03")
    assert alone["pushed"].isna().all()


def test_deal_flags__names_limits_that_it_cannot_use():
    with pytest.raises(oa.errors.ArgumentTypeError, match="limits=.* is not FlagLimits"):
        deal_flags(frame(), as_of=DAY, limits={"pushes": 3})  # type: ignore[arg-type]
    with pytest.raises(oa.errors.ArgumentValueError, match="pushes=0 must be at least 1"):
        oa.FlagLimits(pushes=0)


def test_deal_flags__of_no_open_deal_has_its_columns():
    table = deal_flags(frame().tail(1), as_of=DAY)
    assert table.empty
    assert list(table.columns) == list(deal_flags(frame(), as_of=DAY).columns)
    assert str(table["overdue"].dtype) == "boolean"


def test_no_touch__is_of_deals_without_an_activity_in_30_days(tmp_path):
    touches = {"a": "2026-02-07", "b": "2026-02-08", "d": "2025-12-24", "w": "2025-01-01"}
    lines = [f"{deal},{day}" for deal, day in touches.items()]
    (tmp_path / "calls.csv").write_text("\n".join(["unique_id,date", *lines]))
    org = oa.Org(join={"activities": {"file": str(tmp_path / "calls.csv")}})
    created = dict.fromkeys("abdw", "2025-06-01T09:00Z") | {
        "c": "2026-02-20T09:00Z",
        "e": "2026-01-02T09:00Z",
    }
    deals = frame(created_at=frame()["unique_id"].map(created))
    deals.attrs["recorded_at"] = f"{DAY}T12:00:00+00:00"
    table = deal_flags(org.apply(deals), as_of=DAY)
    # b was touched 30 days ago; c is younger than 30 days; f has no day of creation.
    assert told(table, "no_touch") == ["a", "d", "e", "f"]
    reasons = table["reasons"].str.split(" · ").explode()
    assert reasons[reasons.str.startswith("no touch")].sort_index().tolist() == [
        "no touch since Feb 7",
        "no touch since Dec 24, 2025",
        "no touch on record",
        "no touch on record",
    ]
    # A column of the tenant's own is no table of activities.
    assert deal_flags(deals.assign(last_touch="soon"), as_of=DAY)["no_touch"].isna().all()


def with_criteria(*criteria, **columns):
    stages: list[dict[str, object]] = [
        {"name": "proposal", "kind": "open", "criteria": list(criteria)},
        {"name": "Trial", "kind": "open"},
        {"name": "closed_won", "kind": "won", "criteria": ["champion"]},
    ]
    return oa.Org(stages=stages).apply(frame(**columns))


def test_criteria_unmet__is_of_deals_that_lack_what_their_stage_asks_for():
    deals = with_criteria(
        "next_action",
        "champion",
        "value > 0",
        "value >= 6000 or seats > 1",
        value=[10_000.0, 20_000.0, None, 0.0, 50.0, 10.0, 70.0],
        next_action=["call", " ", None, "mail", "call", "call", None],
        seats=[1, 1, 5, 5, None, 1, 1],
        champion=[True, True, True, False, True, True, False],
        stage=["proposal"] * 5 + ["Trial", "closed_won"],
    )
    table = deal_flags(deals, as_of=DAY)
    assert told(table, "criteria_unmet") == ["b", "c", "d", "e"]
    reasons = table["reasons"]
    assert reasons["b"].endswith(" · no next action")
    # An amount that is missing is said once.
    assert reasons["c"] == "no close date · no amount · no next action"
    assert reasons["d"].endswith("no amount · no champion")
    assert reasons["e"] == "does not meet: value >= 6,000 or seats > 1"
    assert table["risk"]["c"] == 3
    assert deal_flags(with_criteria(), as_of=DAY)["criteria_unmet"].isna().all()


def test_criteria_unmet__is_silent_on_a_column_that_the_deals_lack_and_says_so_once():
    deals = with_criteria("budget", "value > 5000 and champoin", "close_date")
    with pytest.warns(DataWarning) as said:
        table = deal_flags(deals, as_of=DAY)
    assert [str(one.message) for one in said] == [
        "criteria not judged: proposal asks for 'budget', and the deals have no column 'budget'; "
        "proposal asks for 'value > 5000 and champoin', and the deals have no column 'champoin'"
    ]
    assert told(table, "criteria_unmet") == ["c"]
    assert table["reasons"]["c"].count("no close date") == 1
