"""What must not change an answer changes no letter of it, on any surface."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers import CATALOG
from opp_analytics.errors import DataError
from opp_analytics.report.compose import compose
from opp_analytics.report.digest import PLAIN, make_digest, write_chat
from opp_analytics.report.html import render_page
from opp_analytics.report.sheets import sheets
from opp_analytics.widgets import Explorer
from tests.pipelines import AS_OF, LAST_WEEK, MOVED, TARGETS, TEAMS, THIS_WEEK, pipeline
from tests.report import reading
from tests.scratch import scratch_history
from tests.widgets.asking import choose


def _explore(
    change: Callable[[pd.DataFrame], pd.DataFrame] = pd.DataFrame.copy,
    *,
    name: str = "Ann",
    times: float = 1.0,
    year: str = "2026",
    zone: str = "UTC",
) -> Explorer:
    """The pipeline of two weeks, told otherwise."""

    def tell(words: Any) -> Any:
        return words.replace("Ann", name).replace("2026", year) if isinstance(words, str) else words

    def read(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
        frame = pipeline([tuple(map(tell, row)) for row in rows])
        told = frame.map(tell).assign(value=frame["value"] * times)
        told.attrs = {"load": {key: tell(said) for key, said in frame.attrs["load"].items()}}
        return told

    calls = [{**one, "commit": one["commit"] * times} for one in MOVED.to_dict()["calls"]]
    moves = {"owner_name": "Ann", "team": "West", "from_date": "2026-03-12"}
    org = oa.Org(
        people=[{key: tell(said) for key, said in one.items()} for one in (*TEAMS, moves)],
        targets=TARGETS.map(tell).assign(target=TARGETS["target"] * times),
        calls=[
            {key: tell(str(said)) if key != "commit" else said for key, said in one.items()}
            for one in calls
        ],
        timezone=zone,
    )
    history = scratch_history(org)
    weeks: dict[str, Any] = {"2026-03-09": LAST_WEEK, AS_OF: THIS_WEEK}
    for day, rows in weeks.items():
        frame = read(rows)
        frame.attrs = {}
        history.record(frame, at=f"{tell(day)}T06:00:00Z")
    frame = org.apply(read(THIS_WEEK))
    changed = change(frame)
    changed.attrs = frame.attrs
    return oa.explore(changed, history, org=org, as_of=tell(AS_OF))


def _show(explorer: Explorer) -> dict[str, str]:
    """Everything said of a pipeline, by surface."""
    context, panels, answers = explorer.answer.context, {}, {}
    for key in CATALOG:
        panels[key], answers[key] = choose(explorer, question=key)["answer"], explorer.answer
    page = compose(context, workbook="weekly.xlsx")
    told = {key: answer.to_dict() for key, answer in answers.items()}
    # A foreign column is carried along with lists of all deals, and with nothing else.
    del panels["deals"]
    told["deals"]["columns"] = [one for one in told["deals"]["columns"] if one["name"] != "desk"]
    for row in told["deals"]["rows"]:
        row.pop("desk", None)
    return {
        "page": reading.words(reading.read(render_page(page, audience="everybody")).root),
        "mail and chat": write_chat(make_digest(page, context), PLAIN),
        "workbook": "\n".join(
            sheet.table.drop(columns="desk", errors="ignore").to_csv() for sheet in sheets(context)
        ),
        "terminal": "\n".join(one.write() for key, one in answers.items() if key != "deals"),
        "explorer": json.dumps(panels),
        "JSON": json.dumps(told),
    }


_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:[\d.]+[-+]\d\d:\d\d")
_AMOUNT = re.compile(r"[\d,.]+[KM]?")


@cache
def _shown() -> dict[str, str]:
    return _show(_explore())


def _arrange(frame: pd.DataFrame) -> pd.DataFrame:
    """Another order of rows, another index and dtype, and a foreign column."""
    return (
        frame.iloc[::-1].set_axis(list("uvwxyz")).astype({"owner_name": "object"}).assign(desk="x")
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("told", "words"),
    [
        pytest.param({"change": _arrange}, {}, id="arranged otherwise"),
        pytest.param(
            {"name": "Amy", "zone": "America/New_York"},
            {"Amy": "Ann", "America/New_York": "UTC"},
            id="a renamed owner in another zone",
        ),
        pytest.param({"year": "2025"}, {"2025": "2026", "2024": "2025"}, id="a year apart"),
    ],
)
def test_answers__stay_to_the_letter(told: dict[str, Any], words: dict[str, str]) -> None:
    for surface, said in _show(_explore(**told)).items():
        for other, usual in words.items():
            said = said.replace(other, usual)
        # An instant is written in its zone.
        then, now = (_INSTANT.sub("then", one) for one in (_shown()[surface], said))
        assert now == then, surface


def test_answers__add_up_to_the_last_digit_in_any_order() -> None:
    rows = [
        (f"{k}", f"Deal {k}", 5_000 + 311.11 * k, "proposal", "active", "2026-03-20", 50, "Ann")
        for k in range(6)
    ]
    frame = pipeline(rows)
    asked = (frame, frame.iloc[::-1])
    asked[1].attrs = frame.attrs
    then, now = (oa.ask("will_we_make_it", one, as_of=AS_OF).to_dict() for one in asked)
    assert now == then


@pytest.mark.slow
def test_answers__of_ten_times_the_money_differ_in_the_money_alone() -> None:
    before, after = (json.loads(said["JSON"]) for said in (_shown(), _show(_explore(times=10.0))))
    for key, answer in before.items():
        assert _AMOUNT.sub("", after[key]["sentence"]) == _AMOUNT.sub("", answer["sentence"])
        times = {one["name"]: 10.0 if one["unit"] == "money" else 1.0 for one in answer["columns"]}
        for now, then in zip(after[key]["rows"], answer["rows"], strict=True):
            for name, value in then.items():
                if isinstance(value, float):
                    assert now[name] == pytest.approx(value * times[name]), (key, name)
                elif name in times:
                    assert _AMOUNT.sub("", str(now[name])) == _AMOUNT.sub("", str(value)), key


@pytest.mark.slow
def test_answers__of_a_frame_that_a_merge_fanned_out_are_refused() -> None:
    frame = MOVED.apply(pipeline(THIS_WEEK))
    fanned = frame.merge(pd.DataFrame({"owner_name": ["Ann", "Ann"], "desk": [1, 2]}), how="left")
    fanned.attrs = frame.attrs
    with pytest.raises(DataError, match=r"'a', 'c'.*drop_duplicates"):
        oa.explore(fanned, org=MOVED, as_of=AS_OF)
    for key in CATALOG:
        with pytest.raises(DataError, match=r"'a', 'c'.*drop_duplicates"):
            oa.ask(key, fanned, as_of=AS_OF, org=MOVED)
