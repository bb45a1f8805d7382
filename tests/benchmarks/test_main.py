"""The table of benchmarks, and what the quick form judges."""

from __future__ import annotations

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks._figures import Compared, Figure, tabulate
from tests.benchmarks._process import Run, cost, python


def figure(ratio: float) -> Figure:
    return Figure.of("load", "loop", [3 * ratio, ratio, 2 * ratio], [3.0, 1.0, 2.0])


def runs(*cpu: float) -> list[Run]:
    return [
        Run(cpu=seconds, clock=2 * seconds, answer=None, peak_mb=100 * seconds) for seconds in cpu
    ]


def test_of_runs__takes_the_median_of_the_ratios_of_each_round() -> None:
    made = Figure.of_runs("load", "loop", runs(2, 30, 4), runs(1, 10, 8), at_most=2)
    assert made.main == Compared(4, 8, 2, 0.5, 3, "CPU s")
    assert made.beside == Compared(8, 16, 2, 0.5, 3, "s")
    cells = [*made.cells().values()]
    assert cells[2:7] == ["4.00 / 8.00 CPU s", "**2.00**", "8.00 / 16.0 s", "2.00", "0.50–3.00"]


def test_tabulate__leaves_out_columns_that_all_leave_empty() -> None:
    grown = Figure.of_memory("page of 400", "100", runs(2), runs(1), times=4)
    assert tabulate([grown]).splitlines() == [
        "| benchmark | against | ours / theirs | ratio | spread | exponent |",
        "| --- | --- | --- | --- | --- | --- |",
        "| page of 400, memory | 100 | 200 / 100 MB | **2.00** | 2.00–2.00 | 0.50 |",
    ]


def test_cost__counts_the_processes_that_end_in_it() -> None:
    run = cost(lambda: python("-c", "sum(range(3_000_000))"))
    assert run.cpu > 0.01


@pytest.mark.parametrize(("first", "again", "code"), [(1.9, 1.0, 0), (2.1, 1.9, 0), (2.1, 2.1, 1)])
def test_judge__fails_only_where_a_ratio_doubled_twice_in_a_row(
    monkeypatch: pytest.MonkeyPatch, first: float, again: float, code: int
) -> None:
    monkeypatch.setattr(benchmarks, "_run", lambda name, quick: [figure(again)])
    assert benchmarks._judge({"loading": [figure(first)]}, {"load / loop": 1.0}) == code


def test_with_table__replaces_one_benchmarks_table() -> None:
    page = "# Title\n<!-- a -->\nold\n<!-- /a -->\ntext\n<!-- b -->\n<!-- /b -->\n"
    page = benchmarks.with_table(page, "a", "new")
    assert benchmarks.with_table(page, "b", "x\ny") == (
        "# Title\n<!-- a -->\nnew\n<!-- /a -->\ntext\n<!-- b -->\nx\ny\n<!-- /b -->\n"
    )


def test_docs__have_a_place_for_every_benchmark() -> None:
    page = benchmarks._DOCS.read_text()
    for name in benchmarks.NAMES:
        assert f"<!-- {name} -->\n" in page, name
        assert f"<!-- /{name} -->\n" in page, name
