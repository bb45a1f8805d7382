from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.api import Client
from opp_analytics.errors import ArgumentError, DataError, MissingColumnError, PlanError
from opp_analytics.loading import load
from opp_analytics.org import Org
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import Plan, apply, plan
from tests.examples import examples
from tests.writer.frames import changed, edited, opportunities

SHOWN = ["unique_id", "operation", "field", "before", "after", "status"]


def rows(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [
        tuple(None if v is None or v is np.nan else v for v in row)
        for row in table.itertuples(index=False)
    ]


def test_plan__lists_one_row_per_changed_cell(before: pd.DataFrame) -> None:
    after = before.assign(probability=before["probability"].where(before.index != 1, 60))
    after.loc[2, "close_date"] = pd.Timestamp("2026-09-30")
    made = plan(before, after)
    assert rows(made.changes[SHOWN]) == [
        ("o001", "update", "probability", 40, 60, "clean"),
        (
            "o002",
            "update",
            "close_date",
            pd.Timestamp("2026-06-30"),
            pd.Timestamp("2026-09-30"),
            "clean",
        ),
    ]
    assert made.problems.empty
    assert made.conflicts.empty


def test_plan__of_an_unedited_frame_is_empty_however_it_is_typed(before: pd.DataFrame) -> None:
    text = before.assign(
        value=before["value"].astype("int64"),
        close_date=before["close_date"].dt.strftime("%Y-%m-%d"),
        probability=before["probability"].astype("str"),
        stage=before["stage"].astype("str"),
        created_at=before["created_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    assert len(plan(before, before)) == 0
    assert len(plan(before, text)) == 0
    assert plan(before, text).problems.empty
    assert plan(before, text).summary() == "no changes"


def test_plan__matches_rows_by_id_whatever_order_index_and_columns(before: pd.DataFrame) -> None:
    after = changed(before, 3, value=5)[["value", "unique_id"]].sample(frac=1, random_state=3)
    expected = [("o003", "update", "value", 1300.0, 5.0, "clean")]
    assert rows(plan(before, after).changes[SHOWN]) == expected
    assert rows(plan(before, after.set_index("unique_id")).changes[SHOWN]) == expected
    selection = before[before["unique_id"] == "o003"]
    assert rows(plan(selection, after[after["unique_id"] == "o003"]).changes[SHOWN]) == expected


@pytest.mark.slow
def test_plan__creates_rows_without_id_from_their_filled_cells(before: pd.DataFrame) -> None:
    new = pd.DataFrame(
        {"name": ["New A", "New A"], "value": [Decimal("10.50"), None], "stage": "discovery"}
    )
    after = pd.concat([before, new])
    made = plan(before, after)
    assert rows(made.changes[SHOWN]) == [
        (None, "create", "name", None, "New A", "clean"),
        (None, "create", "value", None, 10.5, "clean"),
        (None, "create", "stage", None, "discovery", "clean"),
        (None, "create", "name", None, "New A", "clean"),
        (None, "create", "stage", None, "discovery", "clean"),
    ]
    assert len(made.steps) == 2


def test_plan__rounds_a_share_of_an_amount_to_the_decimals_that_servers_take(
    before: pd.DataFrame,
) -> None:
    odd = before.assign(value=123.456789)
    new = pd.DataFrame({"name": ["New"], "value": [1 / 3]})
    made = plan(odd, pd.concat([odd.assign(value=odd["value"] * 0.8), new], ignore_index=True))
    values = made.changes.loc[made.changes["field"] == "value"]
    assert values["before"].dropna().unique().tolist() == [123.456789]
    assert values["after"].unique().tolist() == [98.765431, 0.333333]
    assert plan(odd, odd.assign(value=odd["value"] + 1e-9)).changes.empty


def test_plan__removed_rows_and_cleared_cells_need_permission(
    client: Client, before: pd.DataFrame
) -> None:
    after = before.assign(value=before["value"].where(before.index != 0)).drop(index=4)
    made = plan(before, after)
    assert rows(made.changes[["unique_id", "operation", "field", "after"]]) == [
        ("o000", "update", "value", None),
        ("o004", "delete", None, None),
    ]
    assert made.problems.empty
    assert made.needs == ("clear_nulls", "allow_delete")
    with pytest.raises(PlanError, match=r"value of 'o000'.*clear_nulls=True"):
        apply(made, client, dry_run=True, allow_delete=True)
    with pytest.raises(PlanError, match=r"'o004'.*allow_delete=True"):
        apply(made, client, dry_run=True, clear_nulls=True)
    receipt = apply(made, client, dry_run=True, clear_nulls=True, allow_delete=True)
    assert set(receipt.table["outcome"]) == {"pending"}


def test_plan__never_writes_a_cell_that_was_and_is_empty(before: pd.DataFrame) -> None:
    gaps = before.assign(
        value=np.nan,
        close_date=pd.NaT,  # type: ignore[arg-type]
        probability=pd.array([pd.NA] * 6, "Int64"),
        account_id=None,
    )
    blank = gaps.assign(account_id="", close_date=None, value=None, probability=np.nan)
    assert len(plan(gaps, blank)) == 0


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("probability", 140, "between 0 and 100"),
        ("probability", "high", "not a percentage"),
        ("stage", "won!!", "not a stage of the API"),
        ("status", "open", "not a status of the API"),
        ("value", "a lot", "not an amount"),
        ("value", np.inf, "not a finite number"),
        ("value", Decimal("1e400"), "not a finite number"),
        ("value", [1], "not a number"),
        ("probability", 2**63, "is too large"),
        ("account_id", "A\ud800", "holds half of a character"),
        ("score", 10**400, "not a finite number"),
        ("score", [1, {"a": "A\ud800"}], "holds half of a character"),
        ("close_date", "2026-02-30", "is not a date: February 2026 has 28 days"),
        ("close_date", 20260331, "not a date"),
        ("name", None, "blank"),
        ("account_id", 17, "not text"),
        ("updated_at", None, "set by the server"),
    ],
)
def test_plan__names_row_field_value_and_way_out(
    client: Client, before: pd.DataFrame, field: str, value: Any, problem: str
) -> None:
    before = before.assign(score=pd.Series([1] * len(before), dtype="object"))
    cells = [*before[field][:2], value, *before[field][3:]]
    after = before.assign(**{field: pd.Series(cells, dtype="object")})
    after.loc[5, "owner_name"] = "Bo"
    made = plan(before.assign(owner_name="Ann"), after.fillna({"owner_name": "Ann"}))
    assert made.changes[["unique_id", "field"]].values.tolist() == [["o005", "owner_name"]]
    (found,) = made.problems.to_dict("records")
    assert (found["row"], found["unique_id"], found["field"]) == (2, "o002", field)
    assert found["value"] is value or found["value"] == value
    assert problem in found["problem"]
    assert found["suggestion"]
    with pytest.raises(PlanError, match=f"row 2.*o002.*{field}"):
        apply(made, client, dry_run=True)


def test_plan__lets_odd_values_stand_that_nobody_touched(before: pd.DataFrame) -> None:
    odd = changed(before, 1, stage="won!!", status="??", probability=140)
    made = plan(odd, changed(odd, 1, value=7.0))
    assert made.problems.empty
    assert rows(made.changes[["unique_id", "field"]]) == [("o001", "value")]
    assert plan(odd, changed(odd, 1, stage="won!")).problems["field"].tolist() == ["stage"]


def test_plan__refuses_repeated_unknown_and_edited_ids(before: pd.DataFrame) -> None:
    repeated = plan(before, pd.concat([before, before.loc[[1]]], ignore_index=True))
    assert rows(repeated.problems[["row", "unique_id", "problem"]]) == [
        (1, "o001", "is in more than one edited row"),
        (6, "o001", "is in more than one edited row"),
    ]
    assert repeated.changes.empty
    edited = plan(before, changed(before, 1, unique_id="zzz"))
    assert rows(edited.problems[["row", "unique_id", "problem"]]) == [
        (1, "zzz", "is not an id of the table before the edits")
    ]
    twice = plan(pd.concat([before, before.loc[[1]]], ignore_index=True), before)
    assert twice.problems["problem"].tolist() == ["is in more than one row before the edits"] * 2


def test_plan__a_create_needs_a_name_and_sound_cells(before: pd.DataFrame) -> None:
    new = pd.DataFrame({"value": ["12"], "probability": [101]}, index=[99])
    made = plan(before, pd.concat([before, new]))
    assert rows(made.problems[["row", "field", "problem"]]) == [
        (99, "name", "is blank"),
        (99, "probability", "is not between 0 and 100"),
    ]


def test_plan__a_column_that_before_lacks_is_a_problem_once(before: pd.DataFrame) -> None:
    made = plan(before, before.assign(age_days=range(6)))
    assert rows(made.problems[["row", "field"]]) == [(None, "age_days")]
    assert "remove the column" in made.problems.loc[0, "suggestion"]


def test_plan__speaks_plainly_of_what_is_wrong(before: pd.DataFrame) -> None:
    wrong = changed(changed(before, 0, probability=np.int64(140)), 1, probability=np.float64(-40.0))
    wrong = changed(changed(wrong, 2, value=np.inf), 3, unique_id="zzz").assign(notes="call")
    said = plan(
        before, pd.concat([wrong, wrong.iloc[[4]], pd.DataFrame({"value": [5.0]})])
    ).summary()
    for text in (
        "probability=140 is not",
        "probability=-40 is not",
        "value=inf is not",
        "name is blank",
    ):
        assert text in said
    for word in ("np.", "before[", "client=", "plan(", "from after", "None"):
        assert word not in said


def test_plan__refuses_what_is_no_frame_or_has_no_ids(before: pd.DataFrame) -> None:
    with pytest.raises(ArgumentError, match="after is a .*, not a DataFrame"):
        plan(before, [1])  # type: ignore[arg-type]
    with pytest.raises(MissingColumnError, match="before has no column 'unique_id'"):
        plan(before.drop(columns="unique_id"), before)
    with pytest.raises(DataError, match="duplicate column 'value' in after"):
        plan(before, before[[*before.columns, "value"]])
    gone = plan(changed(before, 0, unique_id=None), before)
    assert gone.problems["problem"].tolist() == [
        "is missing in the table before the edits",
        "is not an id of the table before the edits",
    ]


TWO_PIPELINES = Org(
    stages=[
        {"name": "Demo", "kind": "open", "pipeline": "New", "aliases": ["Showing"]},
        {"name": "Talk", "kind": "open", "pipeline": "New"},
        {"name": "Talk", "kind": "open", "pipeline": "Renewal"},
        {"name": "Quote", "kind": "open", "pipeline": "Renewal"},
        {"name": "Signed", "kind": "won"},
    ]
)
FOREIGN = "is not a stage of the pipeline 'New'"


@pytest.mark.parametrize(
    ("edits", "problem"),
    [
        ({"stage": "Signed"}, None),
        ({"stage": "Quote"}, ("stage", "Quote", FOREIGN, "use one of Demo, Talk, Signed")),
        ({"pipeline": "Renewal", "stage": "Quote"}, None),
        (
            {"pipeline": "Renewal"},
            (
                "pipeline",
                "Renewal",
                "has no stage 'Demo', in which the deal is",
                "change its stage too: use one of Talk, Quote, Signed",
            ),
        ),
        # Of a pipeline that the org does not know, nothing is known.
        ({"pipeline": "Partners", "stage": "Quote"}, None),
    ],
)
@pytest.mark.parametrize("stage", ["Demo", "Showing"])
def test_plan__takes_a_deal_only_to_stages_of_its_own_pipeline(
    edits: dict[str, Any], problem: tuple[str, ...] | None, stage: str
) -> None:
    deals = pd.DataFrame(
        {
            "unique_id": ["a", "b"],
            "name": ["Acme", "Bolt"],
            "pipeline": "New",
            "stage": [stage, "Talk"],
        }
    )
    before = TWO_PIPELINES.apply(deals)
    made = plan(before, changed(before, 0, **edits))
    found = rows(made.problems[["field", "value", "problem", "suggestion"]])
    assert found == ([] if problem is None else [problem])
    if problem:
        said = f"row 0 (a Acme): {problem[0]}='{problem[1]}' {problem[2]}; {problem[3]}"
        assert said in made.summary()


def test_plan__leaves_a_deal_alone_that_is_in_a_stage_of_another_pipeline(tmp_path: Path) -> None:
    deals = {
        "unique_id": ["a"],
        "name": ["Acme"],
        "pipeline": "New",
        "stage": "Quote",
        "value": 1.0,
    }
    before = TWO_PIPELINES.apply(pd.DataFrame(deals))
    made = plan(before, before.assign(value=2.0))
    assert made.problems.empty
    assert Plan.read(made.save(tmp_path / "plan.json")).changes["field"].tolist() == ["value"]


VALUES = {
    "value": st.one_of(
        st.none(),
        st.floats(-1e9, 1e9).map(lambda x: round(x, 2)),
        st.integers(0, 10**9).map(np.int64),
        st.decimals(0, 10**6, places=2),
    ),
    "probability": st.one_of(st.none(), st.integers(0, 100), st.integers(0, 100).map(np.int8)),
    "close_date": st.one_of(st.none(), st.dates(date(2000, 1, 1), date(2100, 1, 1))),
    "stage": st.sampled_from(["discovery", "negotiation", "closed_won"]),
}


@examples(12)
@given(data=st.data())
def test_plan__applied_by_hand_gives_after(data: st.DataObject) -> None:
    before = opportunities(3)
    after = before
    for row in range(3):
        field = data.draw(st.sampled_from(sorted(VALUES)))
        after = changed(after, row, **{field: data.draw(VALUES[field])})
    made = plan(before, after.sample(frac=1, random_state=data.draw(st.integers(0, 9))))
    assert made.problems.empty
    replayed = before
    for change in made.changes.to_dict("records"):
        row = int(before.index[before["unique_id"] == change["unique_id"]][0])
        replayed = changed(replayed, row, **{change["field"]: change["after"]})
    assert len(plan(replayed, after)) == 0


def test_plan__belongs_to_the_tenant_that_before_was_loaded_from(
    client: Client, server: Sandbox, tmp_path: Path
) -> None:
    loaded = load(client, progress=False)
    made = plan(loaded, loaded.assign(value=1.0))
    other = server.add_tenant(loaded)
    with Client(server.url, *other, cache_dir=tmp_path / "other") as stranger:
        with pytest.raises(PlanError, match="another tenant"):
            apply(made, stranger)
        with pytest.raises(PlanError, match="the opportunities were loaded from another tenant"):
            plan(loaded, loaded, client=stranger)
    assert apply(made, client).complete


def test_plan_save__read_gives_the_same_plan(before: pd.DataFrame, tmp_path: Path) -> None:
    before = before.assign(owner_name="Ada", score=[1.5, 2.0, None, 4.0, 5.0, 6.0])  # type: ignore[list-item]
    before.attrs |= {"recorded_at": "2026-03-02T06:00:00+00:00", "org": Org(currency="EUR").facts}
    exact = changed(edited(before), 2, value=Decimal("12345678901234567.89"))
    made = plan(before, changed(exact, 3, name="Ünï <b>", score=9.25))
    back = Plan.read(made.save(tmp_path / "plan.json"))
    pd.testing.assert_frame_equal(back.changes, made.changes)
    pd.testing.assert_frame_equal(back.before, made.before)
    assert back.before.attrs == made.before.attrs
    assert back.conflicts.columns.tolist() == made.conflicts.columns.tolist()
    assert (back.plan_id, back.made_at, back.url, back.tenant) == (
        made.plan_id,
        made.made_at,
        None,
        None,
    )
    assert back.steps == made.steps
    assert back.summary() == made.summary()


def test_plan_save__of_a_column_that_the_edits_added(before: pd.DataFrame, tmp_path: Path) -> None:
    after = before.assign(region="West")
    after.attrs["new_columns"] = ["region"]
    back = Plan.read(plan(before, after).save(tmp_path / "plan.json"))
    assert back.steps[0].fields == {"region": "West"}
    assert back.edited()["region"].tolist() == ["West"] * len(before)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[1]", "is not a saved plan"),
        (
            '{"format": "opp_analytics plan 1"}',
            "was saved by another version .*plan 1.*plan the edits again",
        ),
        ('{"format": "opp_analytics plan 5"}', "is damaged"),
    ],
)
def test_plan_read__refuses_what_is_not_a_plan_of_this_version(
    tmp_path: Path, content: str, reason: str
) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(DataError, match=rf"plan\.json {reason}"):
        Plan.read(file)
    with pytest.raises(DataError, match="does not exist; check its name and folder"):
        Plan.read(tmp_path / "none.json")


@pytest.mark.parametrize("needs", [[], ["clear_nulls"]])
def test_plan_read__takes_what_a_plan_needs_from_its_operations(
    client: Client, server: Sandbox, before: pd.DataFrame, tmp_path: Path, needs: Any
) -> None:
    made = plan(before, changed(before, 1, close_date=None).drop(index=5))
    file = made.save(tmp_path / "plan.json")
    content = json.loads(file.read_text())
    assert "needs" not in content
    for step in content["steps"]:
        step["cells"] = [cell | {"status": "already", "needs": needs} for cell in step["cells"]]
    file.write_text(json.dumps(content | {"needs": needs}))
    tampered = Plan.read(file)
    assert tampered.needs == made.needs == ("clear_nulls", "allow_delete")
    asked = server.requests
    for permitted, refused in (
        ({"clear_nulls": True}, "allow_delete"),
        ({"allow_delete": True}, "clear_nulls"),
    ):
        with pytest.raises(PlanError, match=refused):
            apply(tampered, client, **permitted)  # type: ignore[arg-type]
    assert server.requests == asked
    assert client.get("o005")["name"] == "Deal 5"


def test_plan_edited__keeps_a_new_name_in_a_column_of_categories_and_every_dtype() -> None:
    before = pd.DataFrame(
        {
            "unique_id": ["a", "b", "c"],
            "name": ["A", "B", "C"],
            "tier": pd.Categorical(["x", "y", "x"]),
            "seats": [1, 2, 3],
        }
    )
    after = (
        before.astype({"tier": "object"})
        .assign(tier=["x", "y", "z"], seats=[1, 9, 3])
        .drop(index=0)
    )
    edited = plan(before, after).edited()
    assert edited[["unique_id", "tier", "seats"]].values.tolist() == [["b", "y", 9], ["c", "z", 3]]
    assert edited["seats"].dtype == before["seats"].dtype
