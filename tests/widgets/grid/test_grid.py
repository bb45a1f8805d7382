"""The grid without a browser: messages in, answers out."""

from __future__ import annotations

import hashlib
import re
import threading
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import opp_analytics as oa
from opp_analytics import widgets
from opp_analytics.widgets.grid.sheet import make_columns, to_arrow
from tests.widgets.asking import ask, put, read
from tests.writer.frames import opportunities

HOME = Path(widgets.__file__).parent


def test_edit__answers_every_cell_and_holds_it_in_edited_and_changes():
    grid = oa.edit(opportunities())
    areas = [{"rows": [0, 1], "fields": ["value", "probability"], "block": [["2,500", "140"]]}]
    answer = ask(grid, do="edit", areas=areas, **{"from": "view/1"})
    why = "“140” is above 100%. Type a percentage from 0 to 100. Kept 40%."
    assert answer["cells"] == [
        ["value", 2500.0, [1000.0], "", None, [0]],
        ["probability", 40.0, None, why, "140", [0, 1]],
        ["value", 2500.0, [1100.0], "", None, [1]],
    ]
    assert (answer["to"], answer["counts"]) == ("view/1", {"changes": 2, "deals": 2, "problems": 2})
    assert grid.edited["value"].tolist()[:3] == [2500.0, 2500.0, 1200.0]
    assert grid.changes[["unique_id", "field", "before", "after"]].to_numpy().tolist() == [
        ["o000", "value", 1000.0, 2500.0],
        ["o001", "value", 1100.0, 2500.0],
    ]
    assert grid.refused[["unique_id", "value", "problem"]].to_numpy().tolist() == [
        ["o000", "140", why],
        ["o001", "140", why],
    ]
    assert repr(grid) == "<Grid of 6 opportunities: 2 changes in 2 deals, 2 refused>"


def test_edit__of_many_rows_alike_is_one_small_entry():
    grid = oa.edit(opportunities(20_000).assign(value=100.0))
    told: list[bytes] = []
    grid.send = lambda _, buffers: told.extend(buffers)
    rows = list(range(20_000))
    areas = [{"rows": rows, "fields": ["value"], "block": [["5"]]}]
    grid._receive(grid, {"do": "edit", "areas": areas}, [])
    [entry] = read(told[0])["cells"]
    assert entry == ["value", 5.0, [100.0], "", None, rows]
    assert len(told[0]) < 100_000


def test_messages__tell_which_deals_were_opened_and_closed():
    grid = oa.edit(opportunities(2))
    assert put(grid, (0, "stage", "closed won"))["open"] == [[0, 0]]
    assert ask(grid, do="undo")["open"] == [[0, 1]]


def test_strip_and_review__show_what_the_plan_does():
    grid = oa.edit(opportunities(2), as_of="2026-06-01")
    put(grid, (0, "value", "2000"), (1, "close_date", "9/30"), (1, "probability", "x"))
    strip = ask(grid, do="strip")["strip"]
    # That which changes most, and all that change.
    told = [
        (each["period"], each["before"], each["after"], each["change"]) for each in strip["changed"]
    ]
    assert told == [("Jun", "840", "800", "−40"), ("Sep", "0", "440", "+440")]
    assert strip["period"] == strip["changed"][1]
    assert strip["about"]["how"] == "by stated chances, as of Jun 1, 2026"
    drawer = ask(grid, do="review")["drawer"]
    assert (drawer["changes"], drawer["deals"], drawer["problem_count"]) == (2, 2, 1)
    assert [line["new"] for item in drawer["items"] for line in item["lines"]] == [
        "Sep 30, 2026",
        "2,000",
    ]
    assert drawer["code"] == "plan = grid.plan(client)\nreceipt = oa.apply(plan, client)"
    put(grid, (0, "close_date", None))
    drawer = ask(grid, do="review")["drawer"]
    assert "clear_nulls=True" in drawer["code"]
    # The last change may be reverted from the drawer.
    ask(
        grid,
        do="revert",
        areas=[{"rows": [0, 1], "fields": ["value", "close_date", "probability"]}],
    )
    assert ask(grid, do="review")["drawer"]["items"] == []


def test_messages__from_several_threads_are_all_kept():
    grid = oa.edit(opportunities(40))
    grid.send = lambda _, buffers: None
    asked = [
        {"do": "edit", "areas": [{"rows": [row], "fields": ["value"], "block": [[str(row)]]}]}
        for row in range(40)
    ]
    threads = [threading.Thread(target=grid._receive, args=(grid, each, [])) for each in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert grid.edited["value"].tolist() == [float(row) for row in range(40)]


def test_to_arrow__gives_each_cell_as_the_answers_give_it():
    frame = opportunities(3).assign(seats=pd.array([1, None, 3], "Int64"), hot=[True, False, True])
    frame["close_date"] = frame["close_date"].where([True, False, True])  # type: ignore[call-overload]
    frame["stage"] = pd.Categorical(["proposal", "limbo", None])
    columns = make_columns(frame)
    sent = pa.ipc.open_stream(to_arrow(frame, columns)).read_all().to_pylist()
    for row, record in enumerate(sent):
        assert record == {c.field: c.encode(frame[c.field].iloc[row]) for c in columns}
    assert sent[0]["created_at"] == "2026-01-10 10:30"


@pytest.mark.parametrize(
    ("cells", "texts", "what"),
    [
        ([2**60 + 1, 5], [str(2**60 + 1), "5"], "whole numbers too large for a browser"),
        ([float("inf"), 5.0], ["inf", "5.0"], "infinite numbers"),
    ],
)
def test_columns__numbers_that_a_browser_cannot_hold_are_locked_text(cells, texts, what):
    frame = opportunities(2).assign(big=cells)
    [big] = [column for column in make_columns(frame) if column.field == "big"]
    assert (big.kind, big.locked) == ("text", f"Big is read only: it holds {what}")
    assert pa.ipc.open_stream(to_arrow(frame, [big])).read_all()["big"].to_pylist() == texts
    assert (
        put(oa.edit(frame), (0, "big", "6"))["said"] == "Nothing to change, 1 read-only cell left"
    )


def test_columns__lock_what_the_server_sets_and_what_no_editor_fits():
    frame = opportunities(1).assign(
        tags=[["a"]],  # type: ignore[list-item]
        seats=1,
        ratio=0.5,
        hot=True,
        since=pd.Timestamp("2026-01-01"),
    )
    kinds = {column.field: (column.kind, column.locked) for column in make_columns(frame)}
    assert {field for field, (_, locked) in kinds.items() if locked} == {
        "unique_id",
        "created_at",
        "updated_at",
        "tags",
    }
    assert [kinds[c][0] for c in ("value", "close_date", "probability", "stage")] == [
        "money",
        "date",
        "percent",
        "choice",
    ]
    assert [kinds[c][0] for c in ("seats", "ratio", "hot", "since")] == [
        "whole",
        "number",
        "flag",
        "date",
    ]
    grid = oa.edit(frame)
    assert put(grid, (0, "tags", "b"))["said"] == "Nothing to change, 1 read-only cell left"


def test_edit__of_some_columns_locks_the_others_and_adds_and_removes_no_deal_where_that_is_off():
    """A draft or table of edits is held to it, too."""
    org = oa.Org(people=[{"owner_name": "Ann", "team": "East"}])
    frame = opportunities(3).assign(owner_name="Ann")
    grid = oa.edit(frame, org=org, columns=["value", "stage"], add=False, remove=False)
    columns = {column.field: column.locked for column in grid._sheet.columns}
    assert [name for name, locked in columns.items() if not locked] == ["stage", "value"]
    assert columns["name"] == "Deal is read only: this grid edits value and stage only"
    assert columns["team"] == "Team is read only: it comes from [people]"
    assert put(grid, (0, "name", "Other"), (0, "value", "1500"))["said"].startswith("Value set to")
    for message, words in (
        ({"do": "add"}, "No deals can be added: this grid does not allow it."),
        ({"do": "duplicate", "rows": [0]}, "No deals can be added"),
        ({"do": "remove", "rows": [0]}, "No deals can be removed"),
    ):
        assert words in ask(grid, **message)["error"]
    block = [["new 1", "(deal)", "added"], ["new 1", "name", "Brand new"]]
    block += [["o001", "(deal)", "removed"], ["o001", "value", "1600"]]
    said = grid.take(pd.DataFrame(block, columns=["unique_id", "field", "after"]))
    assert said == (
        "Took in 1 cell · 3 edits left out, such as (deal) of “new 1”: this grid does not have it, "
        "or not for editing"
    )
    assert len(grid.edited) == 3
    assert grid.changes["after"].tolist() == [1500.0, 1600.0]
    with pytest.raises(oa.errors.MissingColumnError, match="valeu"):
        oa.edit(frame, columns=["valeu"])


@pytest.mark.parametrize(
    ("typed", "doubt"),
    [
        ("100002000030000", "is far from all others"),
        ("500000", "is far from all others"),
        ("-1200", "is far from all others"),
        ("5", "is far from all others"),
        ("45k", ""),
        ("0", ""),
    ],
)
def test_edit__takes_an_odd_amount_and_says_why_it_may_be_a_slip(typed, doubt):
    said = put(oa.edit(opportunities(3)), (0, "value", typed))["said"]
    assert said.partition(" · ")[2].endswith(doubt)
    assert bool(doubt) == (" · " in said)


def test_bundle__is_built_from_the_sources_beside_it_and_carries_its_licenses():
    frontend = HOME / "frontend"
    digest = hashlib.sha256((frontend / "package-lock.json").read_bytes())
    for source in sorted(path for path in (frontend / "src").rglob("*") if path.is_file()):
        digest.update(source.read_bytes())
    for built in (path.name for path in (HOME / "static").glob("*.[jc]s*")):
        stamp = re.search(r"sources sha256 (\w+)", (HOME / "static" / built).read_text())
        assert stamp is not None
        assert stamp[1] == digest.hexdigest(), (
            "run `npm ci && npm run build` in opp_analytics/widgets/frontend"
        )
    licenses = (HOME / "static" / "LICENSES.txt").read_text()
    assert [name for name in ("slickgrid", "@uwdata/flechette") if name not in licenses] == []


def test_bundle__asks_no_network_for_anything():
    code = (HOME / "static" / "grid.js").read_text()
    assert not re.search(r"\bfetch\(\s*[\"'`]http|importScripts|<script|@import", code)
    assert not re.search(r"url\(\s*[\"']?http|@import", (HOME / "static" / "grid.css").read_text())


@pytest.mark.parametrize("wrong", [None, 5, "opportunities.csv"])
def test_edit__names_what_is_no_frame(wrong):
    with pytest.raises(oa.errors.ArgumentError, match="expected a DataFrame"):
        oa.edit(wrong)


def test_edit__refuses_a_height_that_cannot_be():
    frame = opportunities(1)
    with pytest.raises(oa.errors.ArgumentTypeError, match="height='tall' is not a whole number"):
        oa.edit(frame, height="tall")  # type: ignore[arg-type]
    with pytest.raises(oa.errors.ArgumentValueError, match="height=0 must be at least 120"):
        oa.edit(frame, height=0)


def test_static_table__is_its_first_rows_where_no_widget_runs() -> None:
    names = ["<b>Acme</b>", None, *(f"Deal {k}" for k in range(10))]
    frame = pd.DataFrame(
        {
            "unique_id": [f"d{k}" for k in range(12)],
            "name": names,
            "value": 1200.0,
            "stage": "closed_won",
            "close_date": "2026-11-22",
        }
    )
    data = oa.edit(frame)._static()
    heads, first, *rest = re.findall(r"<tr.*?>(.*?)</tr>", data["text/html"], re.S)
    assert re.findall(r"<th>(.*?)</th>", heads) == ["Deal", "Stage", "Value", "Close date"]
    assert re.findall(r"<td>(.*?)</td>", first) == [
        "&lt;b&gt;Acme&lt;/b&gt;",
        "closed won",
        "1,200",
        "Nov 22, 2026",
    ]
    assert len(rest) == 9
    assert data["text/html"].endswith("<p>… and 2 more deals</p></div>")


def test_static_table__shows_the_edits_and_changed_deals_first() -> None:
    frame = pd.DataFrame(
        {
            "unique_id": [f"d{k}" for k in range(12)],
            "name": [f"Deal {k}" for k in range(12)],
            "value": 1200.0,
            "owner_name": None,
        }
    )
    grid = oa.edit(frame)
    grid._sheet.edit([(11, "value", "45k"), (11, "owner_name", "<i>Ann</i>"), (3, "value", "lots")])
    grid._sheet.remove([5])
    page = grid._static()["text/html"]
    assert "<p>3 changes in 2 deals, 1 refused</p>" in page
    rows = [
        re.findall(r"<td>(.*?)</td>", row)
        for row in re.findall(r"<tr>(.*?)</tr>", page.split("<tbody>")[1])
    ]
    assert rows[:3] == [
        ["<s>Deal 5</s>", "", "<s>1,200</s>"],
        ["Deal 11", "<b>&lt;i&gt;Ann&lt;/i&gt;</b>", "<s>1,200</s> <b>45,000</b>"],
        ["Deal 0", "", "1,200"],
    ]


def test_edit__refuses_half_of_a_character_which_no_server_takes() -> None:
    grid = oa.edit(opportunities(2).assign(note="a"))
    for field in ("name", "note"):
        said = str(put(grid, (0, field, "a\ud800"))["said"])
        assert "not set: “a?” holds half of a character. Type it again. Kept" in said
    assert grid.edited["name"].tolist() == opportunities(2)["name"].tolist()
    assert grid.refused["field"].tolist() == ["name", "note"]
