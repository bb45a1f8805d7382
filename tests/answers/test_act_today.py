"""What to do today, what each person can win, and that each deal adds what the list says."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers import Answer, Row, Table, act_today, at_risk, forecasts, read_context
from opp_analytics.answers.act_order import rank_deals
from opp_analytics.answers.act_today import shorten_name
from opp_analytics.answers.context import Context
from tests.analysis.forecasting.histories import even_months
from tests.pipelines import THIS_WEEK, context_of, pipeline

PERSONAL = pd.DataFrame(
    {"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [150_000.0, 0.0]}
)


def _table(answer: Answer, name: str) -> Table:
    return next(table for table in answer.tables if table.name == name)


def _say(words: Any) -> str:
    return words.write() if words else ""


def _learned(**asked: Any) -> Context:
    history = even_months(9, owners=True)
    frame = asked.pop("opportunities", history.as_of("2026-09-10T23:00Z"))
    return read_context(frame, history, **{"as_of": "2026-09-10", "target": 150.0, **asked})


def _win(context: Context, key: str) -> Context:
    """The same question, with a deal won today, or a win dated today."""
    frame = context.whole.copy()
    value = rank_deals(context)["value"][key]
    mine = frame["unique_id"] == key
    frame.loc[mine, ["stage", "status"]] = ["closed_won", "won"]
    frame.loc[mine, "close_date"], frame.loc[mine, "value"] = context.day, value
    frame.attrs = context.whole.attrs
    return _learned(opportunities=frame, target=context.target)


def _kinds() -> pd.DataFrame:
    """Deals of every kind: due, without a date, without an amount, late, dated later, and won."""
    frame = even_months(9, owners=True).as_of("2026-09-10T23:00Z")
    rows = [
        ("undated", "proposal", None, None, 80.0),
        ("empty", "proposal", None, "2026-09-25", None),
        ("late", "proposal", None, "2026-08-20", 70.0),
        ("later", "proposal", None, "2026-12-31", 60.0),
        ("won", "closed_won", "won", "2026-12-31", 90.0),
    ]
    more = pd.DataFrame(rows, columns=["unique_id", "stage", "status", "close_date", "value"])
    more = more.assign(name=more["unique_id"], owner_name="Ann").reindex(columns=frame.columns)
    found = pd.concat([frame.astype("object"), more.astype("object")]).astype(frame.dtypes)
    found = found.reset_index(drop=True)
    found.attrs = frame.attrs
    return found


@pytest.mark.slow
def test_rank_deals__adds_what_winning_the_deal_in_the_data_adds():
    context = _learned(opportunities=_kinds(), target=250.0)
    ranked, before = rank_deals(context), forecasts.current(context)["p_target"]
    computed = ranked[ranked["points"].notna()]
    assert len(computed) >= 5
    for key, row in computed.iterrows():
        after = forecasts.current(_win(context, str(key)))["p_target"]
        assert row["points"] == pytest.approx(after - before, abs=0.005), key
    likely = (ranked["points"] * ranked["win_chance"])[ranked["points"] >= 0.005]
    assert likely.is_monotonic_decreasing


def test_act_today__says_what_can_be_done_with_each_deal():
    frame, said = _kinds(), {}
    for key in ("b2026-09", "undated", "empty", "late", "later", "won"):
        mine = frame[frame["unique_id"] == key]
        one = read_context(mine, None, as_of="2026-09-10", target=200.0, method="stated")
        (row,) = _table(act_today(one), "act").rows
        said[key] = _say(row.words["action"])
        assert ("if dated in" if key == "won" else "if won by") in _say(row.says)
    assert said == {
        "b2026-09": "Win, due Sep 25",
        "undated": "Give a date",
        "empty": "Give an amount, due Sep 25",
        "late": "Re-date or close, was due Aug 20",
        "later": "Pull in, dated Dec 31",
        "won": "Date, won but dated Dec 31",
    }


def test_act_today__names_first_what_adds_most():
    context = _learned(opportunities=_kinds(), target=250.0)
    answer = act_today(context)
    first = _table(answer, "act").rows[0]
    points = round(100 * first.values["points"])
    verb = _say(first.words["action"]).partition(",")[0]
    assert answer.say(answer.finding) == (
        f"First, {verb.lower()} {first.name.value} (+{points} pts)"
    )
    assert len(_table(answer, "act").rows) == 5


def test_act_today__at_stated_chances_ranks_by_what_is_likely(opportunities):
    answer = act_today(context_of(opportunities, target=150_000))
    rows = _table(answer, "act").rows
    assert [row.name.value for row in rows] == ["Alder", "Damson", "Cedar", "Fir"]
    assert _say(rows[0].says) == ", Ann, 120K, due Mar 27: +120K if won by Mar 31"
    assert not any("points" in row.values for row in rows)


def test_act_today__of_a_period_that_is_met_is_of_the_next(opportunities):
    answer = act_today(context_of(opportunities, target=60_000))
    assert answer.tables[0].heads["points"] == "If won in Apr"


def test_act_today__without_an_open_deal_says_so():
    answer = act_today(context_of(pipeline(THIS_WEEK[4:5]), target=100_000))
    assert answer.say(answer.finding) == "No deal is open"


def test_at_risk__has_the_order_and_the_words_of_what_to_do():
    context = _learned(opportunities=_kinds(), target=250.0)
    (flagged, *_), acted = at_risk(context).tables, _table(act_today(context), "act")
    order = rank_deals(context).index.tolist()
    assert [row.id for row in flagged.rows] == [
        key for key in order if key in {row.id for row in flagged.rows}
    ]
    gains = {row.id: _say(row.says).rpartition(": ")[2] for row in acted.rows}
    both = [row for row in flagged.rows if row.id in gains]
    assert both
    for row in both:
        assert gains[row.id] in _say(row.words["reasons"])


def _cards(context: Context) -> list[tuple[Row, list[Row]]]:
    """Each row of a person, or of several, and the rows below it."""
    cards: list[tuple[Row, list[Row]]] = []
    for row in _table(act_today(context), "to_win").rows:
        if row.depth:
            cards[-1][1].append(row)
        else:
            cards.append((row, []))
    return cards


def _shown(row: Row) -> tuple[str, str, str]:
    return str(row.name.value), _say(row.says), _say(row.words["action"])


@pytest.mark.slow
def test_to_win__is_the_list_of_each_person_for_the_own_target():
    targets = pd.DataFrame({"period": "2026-09", "owner_name": ["Ann", "Bo"], "target": 200.0})
    context = _learned(opportunities=_kinds(), target=targets)
    for person, deals in _cards(context):
        alone = _table(act_today(context.narrow_to(str(person.name.value))), "act")
        assert [(row.id, row.values.get("points")) for row in alone.rows[: len(deals)]] == [
            (row.id, row.values.get("points")) for row in deals
        ]


def test_to_win__says_what_covers_the_gap(opportunities):
    (ann, deals), *_ = _cards(context_of(opportunities, target=PERSONAL))
    assert _shown(ann) == ("Ann", "70K of 150K", "needs 80K; win Alder")
    assert [_shown(deal) for deal in deals] == [
        ("Alder", ", 120K, due Mar 27: +120K if won by Mar 31", "Win, due Mar 27"),
        ("Cedar", ", 30K, dated Apr 10: +30K if won by Mar 31", "Pull in, dated Apr 10"),
        ("Fir", ", 10K: +10K if won by Mar 31", "Give a date"),
    ]


def test_to_win__without_targets_of_people_says_how_to_get_them(opportunities):
    (lack,) = act_today(context_of(opportunities, target=150_000)).lacks
    assert "[targets] in the org file" in lack.what


def test_to_win__of_many_people_begins_with_those_who_have_deals():
    people = [f"Rep {place:02d}" for place in range(14)]
    rows = [("a", "Alder", 9.0, "proposal", "active", "2026-03-20", 50, "Rep 13")]
    targets = pd.DataFrame({"period": "2026-03", "owner_name": people, "target": 100.0})
    (first, _), (stuck, named) = _cards(context_of(pipeline(rows), target=targets))
    assert _shown(first) == ("Rep 13", "0 of 100", "needs 100; this deal brings only 9")
    assert _shown(stuck) == (
        "No deal to close",
        "1.3K to go",
        "no open deal; 5 more are without one",
    )
    assert [(row.name.value, row.values["value"]) for row in named] == [
        (name, 100.0) for name in people[:8]
    ]


def test_shorten_name__keeps_what_tells_deals_apart():
    assert shorten_name(["Oak: data", "Elm: data"]) == "Oak"
    assert shorten_name(["Oak: data", "Oak: support"]) == "Oak: data"


def test_win_points__of_a_deal_without_a_value_take_the_usual_win_of_its_pipeline():
    stages = [
        {"name": f"{kind} {name}", "kind": kind, "pipeline": name}
        for name in ("a", "b")
        for kind in ("open", "won")
    ]
    org = oa.Org(stages=stages)
    rows = [
        ("1", "b", "won b", 500.0),
        ("2", "a", "won a", 100.0),
        ("3", "a", "won a", 300.0),
        ("4", "a", "open a", None),
    ]
    frame = pd.DataFrame(rows, columns=["unique_id", "pipeline", "stage", "value"]).assign(
        name="x", status="active", close_date=pd.Timestamp("2026-03-20"), probability=50
    )
    context = read_context(org.apply(frame), None, as_of="2026-03-10", method="stated")
    assert rank_deals(context)["value"].to_dict() == {"4": 200.0}


def test_act_today__says_last_touch_and_next_action_where_they_are_joined(opportunities):
    frame = opportunities.assign(last_touch=pd.Timestamp("2026-03-12"), next_action="Call back")
    frame.attrs = opportunities.attrs
    (row, *_) = act_today(context_of(frame, target=150_000)).tables[0].rows
    said = row.words["action"].write(None)
    assert said == "Win, due Mar 27; next action: Call back; last touch: Mar 12"
