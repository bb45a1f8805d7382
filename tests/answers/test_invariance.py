"""What must not change an answer changes no letter of it, on any surface."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers import CATALOG, Context, read_context
from opp_analytics.errors import DataError
from opp_analytics.report.compose import compose
from opp_analytics.report.digest import PLAIN, make_digest, write_chat
from opp_analytics.report.html import render_page
from opp_analytics.report.sheets import sheets
from tests.pipelines import AS_OF, LAST_WEEK, MOVED, THIS_WEEK, pipeline, recorded
from tests.report import reading


def _read(frame: pd.DataFrame, history: oa.History) -> Context:
    return read_context(frame, history.read_by(MOVED), as_of=AS_OF, org=MOVED)


def _show(context: Context) -> dict[str, str]:
    """Everything said of a pipeline, by surface."""
    answers = {key: question.ask(context) for key, question in CATALOG.items()}
    page = compose(context, workbook="weekly.xlsx")
    return {
        "page": reading.words(reading.read(render_page(page, audience="everybody")).root),
        "mail and chat": write_chat(make_digest(page, context), PLAIN),
        # A foreign column is carried along with lists of all deals, and with nothing else.
        "workbook": "\n".join(
            sheet.table.drop(columns="desk", errors="ignore").to_csv() for sheet in sheets(context)
        ),
        "terminal": "\n".join(answer.write() for answer in answers.values()),
        "JSON": json.dumps([answer.to_dict() for key, answer in answers.items() if key != "deals"]),
    }


@pytest.fixture(scope="module")
def before(history: oa.History) -> dict[str, str]:
    """What is said of this week's deals."""
    return _show(_read(MOVED.apply(pipeline(THIS_WEEK)), history))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda frame: frame.iloc[::-1].reset_index(drop=True).assign(desk="x"),
            id="permuted rows and a foreign column",
        ),
        pytest.param(
            lambda frame: frame.set_axis(list("uvwxyz")).astype({"owner_name": "object"}),
            id="another index and dtype",
        ),
    ],
)
def test_answers__stay_to_the_letter(
    change: Callable[[pd.DataFrame], pd.DataFrame], history: oa.History, before: dict[str, str]
) -> None:
    frame = MOVED.apply(pipeline(THIS_WEEK))
    changed = change(frame)
    changed.attrs = frame.attrs
    after = _show(_read(changed, history))
    for surface, said in before.items():
        assert after[surface] == said, surface


@pytest.mark.slow
def test_answers__of_renamed_people_differ_in_the_name_alone(tmp_path: Path) -> None:
    shown = []
    for name in ("Ann", "Amy"):
        weeks = [
            [tuple(name if cell == "Ann" else cell for cell in row) for row in week]
            for week in (LAST_WEEK, THIS_WEEK)
        ]
        settings = json.loads(json.dumps(MOVED.to_dict(), default=str).replace("Ann", name))
        org = oa.Org(people=settings["people"], targets=settings["targets"])
        history = oa.History(tmp_path / name, org=org)
        recorded(history, {"2026-03-09": weeks[0], AS_OF: weeks[1]})
        frame = org.apply(pipeline(weeks[1]))
        shown.append(_show(read_context(frame, history, as_of=AS_OF, org=org)))
    for surface, said in shown[0].items():
        assert shown[1][surface].replace("Amy", "Ann") == said, surface


@pytest.mark.slow
def test_answers__of_a_frame_that_a_merge_fanned_out_are_refused(history: oa.History) -> None:
    frame = MOVED.apply(pipeline(THIS_WEEK))
    fanned = frame.merge(pd.DataFrame({"owner_name": ["Ann", "Ann"], "desk": [1, 2]}), how="left")
    fanned.attrs = frame.attrs
    for key in CATALOG:
        with pytest.raises(DataError, match=r"'a', 'c'.*drop_duplicates"):
            oa.ask(key, fanned, history.read_by(MOVED), as_of=AS_OF, org=MOVED)
