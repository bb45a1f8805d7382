"""Edits that outlive their kernel: what is kept on disk, what is offered, and how it is taken
in."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import IPython
import pandas as pd
import pytest
from filelock import FileLock

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError, DataWarning, MissingColumnError
from opp_analytics.widgets import Grid
from tests.widgets.asking import ask, put
from tests.writer.frames import opportunities


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ann/review.ipynb")
    return tmp_path


def _files(state: Path) -> list[Path]:
    return sorted(state.rglob("drafts/*/*.jsonl"))


def _edit_some(grid: Grid) -> None:
    """A value, a refusal, a new deal with a name, and a removal."""
    put(grid, (0, "value", "2500"), (1, "probability", "140"), (1, "close_date", "2027-01-31"))
    ask(grid, do="add")
    put(grid, (grid._sheet.end - 1, "name", "Brand new"), (grid._sheet.end - 1, "value", "900"))
    ask(grid, do="remove", rows=[2])


def test_draft__is_offered_to_the_next_grid_and_taken_in_as_one_step(state):
    first = oa.edit(opportunities())
    _edit_some(first)
    again = oa.edit(opportunities())
    assert len(again.changes) == 0
    [offer] = again.drafts.to_dict("records")
    assert (offer["edits"], offer["deals"], offer["notebook"]) == (7, 4, "review.ipynb")
    assert "7 edits to 4 deals from today" in repr(again)
    assert "(review.ipynb) are kept: grid.take_draft() or grid.drop_draft()" in repr(again)
    said = again.take_draft()
    assert said.startswith(
        "Took in 4 cells, 1 new deal, 1 removal · 1 refused: “140” is above 100%"
    )
    pd.testing.assert_frame_equal(again.edited, first.edited)
    pd.testing.assert_frame_equal(again.refused, first.refused)
    # What was taken in is this grid's own draft now, and the other one is gone.
    assert [again.drafts.empty, len(_files(state))] == [True, 1]
    ask(again, do="undo")
    assert len(again.plan().changes) == 0
    assert _files(state) == []


def test_draft__is_removed_when_nothing_is_left_and_private_while_it_is(state):
    grid = oa.edit(opportunities())
    put(grid, (0, "value", "2500"))
    [file] = _files(state)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    put(grid, (0, "name", "Other"))
    assert len(oa.edit(opportunities()).drafts) == 1
    ask(grid, do="undo")
    assert oa.edit(opportunities()).drafts["edits"].tolist() == [1]
    ask(grid, do="undo")
    assert _files(state) == []
    ask(grid, do="redo")
    assert oa.edit(opportunities()).drafts["edits"].tolist() == [1]


def test_draft__is_judged_against_the_frame_as_it_is_now(state):
    noted = opportunities().assign(note="old")
    grid = oa.edit(noted)
    put(grid, (0, "value", "2500"), (1, "value", "2600"), (2, "value", "2700"), (3, "note", "gone"))
    now = opportunities()
    now["value"] = now["value"].where(~now.index.isin([0, 1]), [1700.0, 2600.0, *now["value"][2:]])
    later = oa.edit(now)
    said = later.take_draft()
    assert said == (
        "Took in 2 cells · 1 cell changed since then, marked · 1 edit left out, such as "
        "note of “o003”: this grid does not have it, or not for editing"
    )
    assert later.edited["value"].tolist()[:3] == [2500.0, 2600.0, 2700.0]
    [doubt] = later.refused["problem"]
    assert doubt == "Changed since your edit: it was 1,000, now it is 1,700. Your value is kept."
    # What found no place stays on disk.
    assert sorted(oa.edit(noted).drafts["edits"]) == [1, 2]


def test_draft__of_two_grids_at_once_is_one_each_and_none_is_lost(state):
    one, other = oa.edit(opportunities()), oa.edit(opportunities())
    put(one, (0, "value", "2500"))
    put(other, (1, "value", "2600"))
    third = oa.edit(opportunities())
    assert len(third.drafts) == 2
    third.take_draft()
    third.take_draft()
    assert third.edited["value"].tolist()[:2] == [2500.0, 2600.0]
    # A grid whose draft was taken in, or dropped, keeps all of its edits again with the next one.
    put(one, (0, "name", "Other"))
    later = oa.edit(opportunities())
    assert later.drafts["edits"].tolist() == [2, 2]
    later.drop_draft(1)
    later.drop_draft()
    assert _files(state) == []
    with pytest.raises(ArgumentValueError, match="There is no such draft"):
        later.take_draft()


def test_draft__of_a_grid_that_another_cell_shows_is_not_offered(state, monkeypatch):
    class Kernel:
        cell = "a"

        def get_parent(self) -> dict[str, object]:
            return {"metadata": {"cellId": self.cell} if self.cell else {}}

    kernel = Kernel()
    monkeypatch.setattr(IPython, "get_ipython", lambda: kernel)
    put(oa.edit(opportunities()), (0, "value", "2500"))
    kernel.cell = "b"
    explorer = oa.explore(opportunities())
    kernel.cell = ""  # as the click that opens its grid
    put(explorer.edit(), (1, "value", "2600"))
    kernel.cell = "c"
    assert oa.edit(opportunities()).drafts.empty
    # A cell that runs again drops the grid that it showed.
    kernel.cell = "b"
    again = oa.edit(opportunities())
    assert again.drafts["edits"].tolist() == [1]
    kernel.cell = "a"
    assert len(oa.edit(opportunities()).drafts) == 2
    # So does a grid that is closed.
    kernel.cell = "d"
    closed = oa.edit(opportunities())
    put(closed, (2, "value", "2700"))
    kernel.cell = "e"
    assert len(oa.edit(opportunities()).drafts) == 2
    closed.close()
    assert len(oa.edit(opportunities()).drafts) == 3


def test_draft__that_is_damaged_or_foreign_is_said_and_set_aside(state):
    grid = oa.edit(opportunities())
    put(grid, (0, "value", "2500"), (0, "name", "Other"))
    [file] = _files(state)
    kept = file.read_bytes()
    # A step that a power failure tore: the others are offered.
    file.write_bytes(kept + b'[["o001", "na')
    assert "1 edit to 1 deal" not in repr(oa.edit(opportunities()))
    assert "2 edits to 1 deal" in repr(oa.edit(opportunities()))
    assert "without 1 step that can't be read" in repr(oa.edit(opportunities()))
    for wrong in (b"", b"\x00\xff", b"[]\n", b'{"draft": 0, "notebook": ""}\n', b"[" * 100_000):
        file.write_bytes(wrong)
        with pytest.warns(DataWarning, match="its edits are not offered"):
            assert oa.edit(opportunities()).drafts.empty
        assert file.with_name(f"{file.name}.damaged").read_bytes() == wrong
    file.write_bytes(
        kept.splitlines(keepends=True)[0] + b'[["o000", "n", "value", 1, 2]]\n[5]\n{}\n'
    )
    assert oa.edit(opportunities()).drafts.empty
    # One of a newer program is left alone.
    file.write_bytes(newer := b'{"draft": 2, "notebook": ""}\n[["o000"]]\n')
    assert oa.edit(opportunities()).drafts.empty
    assert file.read_bytes() == newer


def test_draft__of_another_process_is_offered_once_that_has_ended(state):
    put(oa.edit(opportunities()), (0, "value", "2500"))
    [file] = _files(state)
    head, *steps = file.read_text().splitlines()
    lines = [json.dumps(json.loads(head) | {"kernel": "other"}), *steps]
    file.write_text("\n".join([*lines, ""]))
    with FileLock(file.with_name(".other.lock")):
        assert oa.edit(opportunities()).drafts.empty
        assert oa.explore(opportunities())._show_planned() is None
    assert oa.edit(opportunities()).drafts["edits"].tolist() == [1]
    # The explorer says so before its grid is opened.
    explorer = oa.explore(opportunities())
    assert "1 edit to 1 deal from today" in str(explorer._show_planned())
    explorer.edit().take_draft()
    assert explorer.edit().edited["value"].iloc[0] == 2500.0


def test_draft__of_a_sandbox_outlives_its_address_and_key(state):
    for port in (40001, 40002):
        deals = opportunities()
        deals.attrs["load"] = {"source": f"http://127.0.0.1:{port}", "tenant": f"t{port}"}
        grid = oa.edit(deals)
        assert len(grid.drafts) == port - 40001
        put(grid, (0, "value", "2500"))


def test_draft__that_cannot_be_kept_is_said_once_and_the_edit_stays(state, monkeypatch):
    (state / "opp-analytics").write_text("no folder")
    grid = oa.edit(opportunities())
    answer = put(grid, (0, "value", "2500"))
    assert "Value set to 2,500 · Not kept on disk: " in str(answer["said"])
    assert put(grid, (0, "value", "2600"))["said"] == "Value set to 2,600"
    assert grid.edited["value"][0] == 2600.0


def test_drafts__are_offered_to_grids_of_the_same_deals_only(state):
    grid = oa.edit(opportunities())
    put(grid, (0, "value", "2500"))
    assert oa.edit(opportunities().iloc[:5]).drafts.empty
    assert len(oa.edit(opportunities().iloc[::-1]).drafts) == 1


def test_draft__of_a_tenant_is_offered_though_deals_have_come_and_gone(state, tenant):
    client = tenant(6)
    deals = oa.load(client, progress=False)
    put(oa.edit(deals), (0, "value", "2500"))
    assert len(oa.edit(deals.iloc[:-1]).drafts) == 1
    assert oa.edit(deals.iloc[1:]).drafts.empty


def test_draft__is_gone_once_it_is_written(state, tenant):
    client = tenant(6)
    grid = oa.edit(oa.load(client, progress=False), client=client)
    put(grid, (0, "value", "2500"), (1, "value", "2600"))
    grid._respond({"do": "check"})
    grid._respond({"do": "apply"})
    assert _files(state) == []


def test_take__takes_values_new_deals_and_removals_and_says_what_has_no_place(state):
    grid = oa.edit(opportunities())
    block = [
        ["o000", "value", "2,500"],
        ["o001", "probability", "140"],
        ["o999", "value", "2"],
        ["o002", "unique_id", "x"],
        ["new 1", "(deal)", "added"],
        ["new 1", "name", "Brand new"],
        ["o003", "(deal)", "removed"],
    ]
    said = grid.take(pd.DataFrame(block, columns=["unique_id", "field", "after"]))
    assert said.startswith("Took in 2 cells, 1 new deal, 1 removal · 1 refused: “140” is")
    assert said.endswith(
        "2 edits left out, such as value of “o999”: this grid does not have it, or not for editing"
    )
    assert grid.edited["name"].tolist()[-1] == "Brand new"
    assert "o003" not in grid.edited["unique_id"].tolist()
    # Over an edit of this grid, it says what it replaces.
    again = grid.take(pd.DataFrame({"unique_id": ["o000"], "field": ["value"], "after": ["3000"]}))
    assert again == "Took in 1 cell · 1 edit made here replaced"


@pytest.mark.slow
def test_draft__of_many_cells_grows_by_a_step_and_is_written_anew_when_it_is_long(state):
    deals = opportunities(3000)
    grid = oa.edit(deals)
    rows = list(range(3000))
    for value in range(20):
        ask(
            grid,
            do="edit",
            areas=[{"rows": rows, "fields": ["value"], "block": [[str(value + 1)]]}],
        )
    [file] = _files(state)
    entries = sum(len(json.loads(line)) for line in file.read_bytes().splitlines()[1:])
    assert 3000 <= entries < 20_000 + 5 * 3000
    assert oa.edit(deals).drafts["edits"].tolist() == [3000]


def test_take__puts_a_plan_that_code_has_made_into_the_grid(state):
    deals = opportunities()
    after = deals.copy()
    after.loc[0, "value"] = 1234.125
    after.loc[1, "close_date"] = pd.Timestamp("2026-12-31")
    after.loc[2, "name"] = "Other"
    grid = oa.edit(deals)
    changes = oa.plan(deals, after).changes
    assert grid.take(changes) == "Took in 3 cells"
    pd.testing.assert_frame_equal(grid.edited, after)
    pd.testing.assert_frame_equal(grid.changes, changes)
    ask(grid, do="undo")
    said = grid.take(
        pd.DataFrame(
            {"unique_id": ["o000", "o001", "o9"], "field": "value", "after": [500, "6k", 7]}
        )
    )
    assert said == (
        "Took in 2 cells · 1 edit left out, such as value of “o9”: this grid does not have it, or "
        "not for editing"
    )
    assert grid.edited["value"].tolist()[:2] == [500.0, 6000.0]
    with pytest.raises(MissingColumnError, match="after"):
        grid.take(pd.DataFrame({"unique_id": ["o000"], "field": ["value"]}))
