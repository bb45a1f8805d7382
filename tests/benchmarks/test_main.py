"""The table of benchmarks, and what the quick form judges."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks._figures import Figure, in_turns


def figure(ratio: float) -> Figure:
    return Figure.of("load", "loop", [3 * ratio, ratio, 2 * ratio], [3.0, 1.0, 2.0])


def test_of__takes_the_median_of_the_ratios_of_each_round() -> None:
    made = Figure.of("load", "loop", [2.0, 30.0, 4.0], [1.0, 10.0, 8.0], at_most=2)
    assert (made.ours, made.theirs, made.ratio, made.low, made.high) == (4, 8, 2, 0.5, 3)
    assert made.cells() == ["load", "4.00 s", "loop", "8.00 s", "**2.00**", "0.50–3.00", "2"]


def test_in_turns__lets_all_run_in_each_round() -> None:
    order: list[str] = []
    found = in_turns(2, {"a": lambda: order.append("a") or 1, "b": lambda: order.append("b") or 2})  # type: ignore[func-returns-value]
    assert order == ["a", "b", "a", "b"]
    assert found == {"a": [1, 1], "b": [2, 2]}


@pytest.mark.parametrize(
    ("first", "again", "code"), [(1.9, 1.0, 0), (2.1, 1.9, 0), (2.1, 2.1, 1), (0.1, 0.1, 0)]
)
def test_judge__fails_only_where_a_ratio_doubled_twice_in_a_row(
    monkeypatch: pytest.MonkeyPatch, first: float, again: float, code: int
) -> None:
    monkeypatch.setattr(benchmarks, "_run", lambda name, quick: [figure(again)])
    assert benchmarks._judge({"loading": [figure(first)]}, {"load / loop": 1.0}) == code


def test_judge__passes_a_figure_that_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    assert benchmarks._judge({"loading": [figure(9)]}, {}) == 0


def test_with_table__replaces_one_benchmarks_table() -> None:
    page = "# Title\n<!-- a -->\nold\n<!-- /a -->\ntext\n<!-- b -->\n<!-- /b -->\n"
    page = benchmarks.with_table(page, "a", "new")
    assert benchmarks.with_table(page, "b", "x\ny") == (
        "# Title\n<!-- a -->\nnew\n<!-- /a -->\ntext\n<!-- b -->\nx\ny\n<!-- /b -->\n"
    )


def test_docs__have_a_place_for_every_benchmark() -> None:
    page = benchmarks._DOCS.read_text()
    assert [name for name in names_of_all() if f"<!-- {name} -->\n" not in page] == []
    assert [name for name in names_of_all() if f"<!-- /{name} -->\n" not in page] == []


def names_of_all() -> list[str]:
    modules = pkgutil.iter_modules([str(Path(benchmarks.__file__).parent)])
    return [module.name for module in modules if not module.name.startswith(("_", "test_"))]


def test_run__of_every_benchmark_takes_quick() -> None:
    assert "loading" in names_of_all()
    for name in names_of_all():
        run = importlib.import_module(f"tests.benchmarks.{name}").run
        assert list(inspect.signature(run).parameters) == ["quick"], name
