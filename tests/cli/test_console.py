"""How the command line speaks."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pandas as pd
import pytest

from opp_analytics.cli import console


def test_write_command__goes_by_its_name_where_the_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = environment(tmp_path / "env", monkeypatch)
    monkeypatch.setenv("PATH", str(own.parent))
    assert console.write_command() == "opp-analytics"


def test_write_command__goes_by_its_path_from_here_where_it_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = environment(tmp_path / "env", monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert console.write_command() == "env/bin/opp-analytics"
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert console.write_command() == str(own)


def test_write_command__of_another_environment_is_not_taken_for_this_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = environment(tmp_path / "other", monkeypatch)
    own = environment(tmp_path / "my env", monkeypatch)
    monkeypatch.setenv("PATH", str(other.parent))
    assert console.write_command() == f"'{own}'"


def environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with our program in it, which the running Python then belongs to."""
    own = folder / "bin" / "opp-analytics"
    own.parent.mkdir(parents=True)
    own.touch(mode=0o755)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(own.parent))
    return own


def test_show__formats_numbers_by_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame(
        {
            "value": [1234567.0, -2.5, None],
            "rate": [0.125, 1.0, None],
            "at": pd.to_datetime(["2026-03-31"] * 3),
        },
        index=pd.Index(["[a]", "b", "c"], name="stage"),
    )
    console.show(table)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["stage", "value", "rate", "at"],
        ["[a]", "1.23M", "13%", "Mar", "31,", "2026"],
        ["B", "−2.5", "100%", "Mar", "31,", "2026"],
        ["C", "–", "–", "Mar", "31,", "2026"],
    ]


@pytest.mark.parametrize(
    ("width", "head", "left_out"),
    [
        (65, ["team", "period", "expected", "open_value", "name", "deals"], None),
        (56, ["team", "period", "expected", "open_value", "name", "deals"], None),
        (55, ["team", "period", "expected", "name", "deals"], "Also: open_value."),
        (23, ["team", "period", "expected"], "Also: open_value, name and deals."),
    ],
)
def test_show__cuts_texts_then_leaves_out_columns_by_rank_and_names_them(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    head: list[str],
    left_out: str | None,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    index = pd.MultiIndex.from_tuples([("East", "2026-03")], names=["team", "period"])
    row = {"expected": [2.0], "open_value": [3.0], "name": ["Consolidated Holdings"], "deals": [4]}
    console.show(pd.DataFrame(row, index=index))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == head
    assert lines[2:] == ([left_out] if left_out else [])
    assert ("…" in lines[1]) == (width == 56)


def test_show__cuts_no_id_and_no_period(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    row = {
        "unique_id": ["0123456789abcdef0123456789abcdef"],
        "name": ["A name that is longer than the rest"],
    }
    console.show(pd.DataFrame(row), index=False)
    said = capsys.readouterr().out
    assert row["unique_id"][0] in said
    assert "…" in said


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_show__says_how_many_rows_it_leaves_out(
    capsys: pytest.CaptureFixture[str], rows: int
) -> None:
    console.show(pd.DataFrame({"value": range(rows)}), index=False, most=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].strip() == {0: "value", 1: "0", 1000: "… and 998 more."}[rows]
