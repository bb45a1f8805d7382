"""An org file that is updated in place: all that a person wrote stays."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.errors import DataError
from opp_analytics.inputs import fold
from opp_analytics.org.draft_file import draft_org
from opp_analytics.org.guess_stages import guess_stages
from opp_analytics.org.org import parse_org
from opp_analytics.org.stages import Stage, Stages
from opp_analytics.org.update_file import Additions, quote, update_text

HAND = """\
# Ours, since 2024
preset = "salesforce"   # as sold
fiscal_year_start = 2

stages = [   # in order
  {name = "Demo", kind = "open", probability = 20},   # first call
  # The next one is legal's
  {name = "Contract", kind = "open"},
  {kind = "won", name = "Signed"},
  {name = "Dead", kind = "lost", aliases = [ "Gone" ]}  # sadly
]  # end of stages

# Columns
[columns]
"Amount (EUR)" = "value"  # net

# People come later
# [people]

[report]
by = "team"
"""


def read(text: str) -> oa.Org:
    return parse_org(Path("org.toml"), text)


def frame(*stages: str, **columns: Sequence[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {"stage": stages, "value": 1.0, "close_date": pd.Timestamp("2026-11-30"), **columns}
    )


def update(text: str, deals: pd.DataFrame, **options: object) -> str:
    return draft_org(deals, month="2026-11", known=read(text).stages, old=text, **options).text  # type: ignore[arg-type]


def test_update__adds_a_stage_a_column_and_a_section_and_keeps_every_other_line() -> None:
    deals = frame("Demo", "Pilot", "Signed", probability=[20, 50, 100])
    text = update(HAND, deals, columns={"Deal name": "name"}, tables={"targets": "targets.csv"})
    added = [line for line in text.splitlines() if line not in HAND.splitlines()]
    assert added == [
        (
            '  {name = "Pilot", kind = "open", probability = 50},  # 1 deal; guess: open, as '
            "nothing "
            "says closed; its place in the order is a guess too"
        ),
        '"Deal name" = "name" # guess',
        "[targets]",
        'file = "targets.csv"',
    ]
    kept = [line for line in text.splitlines() if line not in added]
    assert kept == [*HAND.splitlines(), ""]
    assert list(tomllib.loads(text)["stages"][1].values()) == ["Pilot", "open", 50]
    assert tomllib.loads(text)["columns"] == {"Amount (EUR)": "value", "Deal name": "name"}


def test_update__keeps_a_comment_above_a_stage_with_it() -> None:
    lines = update(HAND, frame("Demo", "Pilot", probability=[20, 30])).splitlines()
    place = lines.index("  # The next one is legal's")
    assert lines[place + 1] == '  {name = "Contract", kind = "open"},'
    assert '"Pilot"' in lines[place - 1]


@pytest.mark.parametrize("text", [HAND, HAND.replace("\n", "\r\n"), "\ufeff" + HAND])
def test_update__of_nothing_new_is_the_same_text(text: str) -> None:
    assert update(text, frame("Demo", "Signed"), tables={"report": "x.csv"}) == text


@pytest.mark.parametrize("before", ["", "\ufeff"])
def test_update__keeps_the_line_ends_and_the_mark_of_the_file(before: str) -> None:
    text = before + HAND.replace("\n", "\r\n")
    changed = update(text, frame("Pilot"))
    assert changed.startswith(before + "# Ours")
    assert changed.count("\n") == changed.count("\r\n") == HAND.count("\n") + 1


def test_update__adds_another_spelling_to_its_stage() -> None:
    org = read(update(HAND, frame("signed", "GONE", "dead")))
    assert org.stages.aliases == {
        "signed": "Signed",
        "Gone": "Dead",
        "dead": "Dead",
        "GONE": "Dead",
    }


@pytest.mark.parametrize(
    "text",
    [
        (
            'stages = [{name = "Demo", kind = "open"}, {name = "Won", kind = "won"}]\ncolumns = '
            '{"Betrag" = "value"}\n'
        ),
        (
            'stages = [ {name = "Demo", kind = "open"},\n           {name = "Won", kind = "won"} '
            "]\n[columns]\n"
        ),
        '[[stages]]\nname = "Demo"\nkind = "open"\n\n[[stages]]\nname = "Won"\nkind = "won"\n',
        (
            'columns.Betrag = "value"\nstages = [\n  {name = "Demo", kind = "open"},\n  {name = '
            '"Won", kind = "won"}  # x\n]'
        ),
    ],
)
def test_update__of_any_form_of_toml_adds_the_same(text: str) -> None:
    org = read(update(text, frame("Demo", "Pilot"), columns={"Phase": "stage", "Betrag": "value"}))
    assert (org.stages.open, org.stages.won) == (("Demo", "Pilot"), ("Won",))
    assert dict(org.columns) == {"Betrag": "value", "Phase": "stage"}


def test_update__of_a_preset_writes_its_stages_with_the_new_one_above_all_sections() -> None:
    text = '# Ours\n\n# Columns\n[columns]\n"Betrag" = "value"\n'
    known = oa.Org.salesforce().stages
    draft = draft_org(
        frame("Prospecting", "On hold"), month="2026-11", preset="salesforce", known=known, old=text
    )
    org = read(draft.text)
    assert draft.text.startswith("# Ours\n\npreset = ")
    assert draft.text.endswith(text.partition("\n\n")[2])
    assert set(org.stages.names) == {*known.names, "On hold"}


def test_update__makes_one_column_serve_a_second_name() -> None:
    text = '[columns]\n"Title" = "name"  # unique\n'
    columns = {"Title": ["unique_id", "name"]}
    changed = update_text(
        text, Additions(None, [], {"columns": {"Title": (columns["Title"], "")}}, {}), Stages(())
    )
    assert changed == '[columns]\n"Title" = ["name", "unique_id"]  # unique\n'


def test_update__refuses_what_is_no_toml_by_name() -> None:
    with pytest.raises(DataError, match="can't be changed in place"):
        update_text("stages = [", Additions(None, [], {}, {}), Stages((Stage("Demo", "open"),)))


@pytest.mark.parametrize(
    ("stages", "pipelines", "added"),
    [
        (["Demo", "Quote", "Signed"], ["New", "Renewal", "New"], []),
        (["Demo", "Quote"], [None, None], []),
        (["Demo", "Pilot"], ["New", "New"], [("New", "Pilot")]),
        (["Demo", "Demo"], ["New", "Renewal"], [("Renewal", "Demo")]),
        (["Demo", "Pilot"], ["New", "Partner"], [("Partner", "Pilot")]),
    ],
)
def test_update__adds_a_stage_to_the_pipeline_of_its_deals(
    stages: list[str], pipelines: list[str | None], added: list[tuple[str, str]]
) -> None:
    text = """stages = [
  {name = "Demo", kind = "open", pipeline = "New"},
  {name = "Quote", kind = "open", pipeline = "Renewal"},
  {name = "Signed", kind = "won"},
]
"""
    before, after = read(text).stages, read(update(text, frame(*stages, pipeline=pipelines))).stages
    assert [(stage.pipeline, stage.name) for stage in after if stage not in before] == added


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(str.strip)
forms = [
    "stages = [{}]\n",
    "stages = [ # in order\n  {}\n]\n",
    "stages = [\n  # first\n  {},\n  # last\n] # end\n",
]


@given(
    st.lists(names, min_size=1, max_size=4, unique_by=fold),
    st.lists(names, max_size=4),
    st.sampled_from(forms),
    st.sampled_from([", ", ",\n  ", ',  # a "{}\n  # next\n  ']),
    st.sampled_from(["", "# top\n\n", "# about [columns]\n"]),
    st.sampled_from(
        ["", "[columns]\nA = 'name'\n\n# [targets]\n", "\n# People\n[people] # none\n"]
    ),
)
def test_update__of_any_names_and_comments_keeps_them_all_and_knows_every_stage(
    known: list[str], found: list[str], form: str, between: str, top: str, end: str
) -> None:
    if "#" in between:
        form = form.replace("stages = [{}", "stages = [\n  {}")
    lines = between.join(f'{{name = {quote(name)}, kind = "open"}}' for name in known)
    text = top + form.replace("{}", lines) + end
    deals = frame(*found)
    changed = update(
        text,
        deals,
        columns={'B " = #': "stage"},
        tables={"targets": [{"period": "2026-11", "target": 1}]},
    )
    rest = iter(changed.splitlines())
    kept = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in kept if line not in rest] == []
    unknown = [one.stage for one in guess_stages(deals, Stages(())) if one.unknown]
    assert set(found) - {name for stage in unknown for name in (stage.name, *stage.aliases)} <= set(
        read(changed).stages.kinds
    )
    assert update(changed, deals, columns={'B " = #': "stage"}) == changed
