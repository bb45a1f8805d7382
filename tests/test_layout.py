"""A reader can guess where a thing lives: public names are paths, rooms are entered by their face,
nothing runs in circles."""

from __future__ import annotations

import ast
import graphlib
import importlib
import inspect
import pkgutil
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import opp_analytics as oa
from opp_analytics import analysis, plots

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "opp_analytics"
ROOMS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
ALSO_IN = {
    "audit_summary": "audit",
    "fix": "audit",
    "forecast_change_deals": "forecast_change",
    "pipeline_created_deals": "pipeline_created",
    "push_counts": "close_date_moves",
    "slippage_deals": "slippage",
    "stage_flow_deals": "stage_flow",
    "transition_matrix": "transitions",
}
"""Functions that live in the module of another one, which they belong to."""
GATHERED = [name for name in analysis.__all__ if inspect.isfunction(getattr(analysis, name))]


def modules() -> Iterator[str]:
    return (found.name for found in pkgutil.walk_packages([str(PACKAGE)], "opp_analytics."))


def test_analysis__has_what_the_package_has() -> None:
    homes = {name: str(getattr(getattr(oa, name), "__module__", "")) for name in oa.__all__}
    rooms = {name for name, home in homes.items() if home.startswith("opp_analytics.analysis.")}
    assert rooms == set(analysis.__all__)


@pytest.mark.parametrize("name", GATHERED)
def test_analysis__is_a_path(name: str) -> None:
    home = inspect.getmodule(getattr(analysis, name))
    assert home is not None
    assert home.__name__.rpartition(".")[2] == ALSO_IN.get(name, name)


@pytest.mark.parametrize("name", plots.DRAWINGS)
def test_drawing__has_its_analysis(name: str) -> None:
    assert name in analysis.__all__


@pytest.mark.parametrize("name", sorted({ALSO_IN.get(name, name) for name in GATHERED}))
def test_test__mirrors_the_analysis(name: str) -> None:
    home = inspect.getmodule(getattr(analysis, name))
    assert home is not None
    path = Path(*home.__name__.split(".")[1:])
    assert (ROOT / "tests" / path.with_name(f"test_{path.name}.py")).is_file()


ASKED = """
import importlib, inspect, sys
import opp_analytics as oa
for module in {modules!r}:
    importlib.import_module(module)
wrong = [
    f"{{owner.__name__}}.{{name}}"
    for owner in (oa, oa.plots, sys.modules["opp_analytics.analysis"], sys.modules["opp_analytics.writer"])
    for name in owner.__all__
    if inspect.ismodule(getattr(owner, name)) and name not in ("errors", "plots", "sandbox")
]
print(wrong)
"""  # noqa: E501


@pytest.mark.slow
def test_public_names__are_functions_whatever_was_imported_first() -> None:
    order = sorted(modules())
    random.Random(1).shuffle(order)
    order.remove("opp_analytics.__main__")
    asked = subprocess.run(
        [
            sys.executable,
            "-c",
            ASKED.format(modules=[m for m in order if not m.endswith("__main__")]),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.strip() == "[]"


def test_rooms__are_entered_by_their_face() -> None:
    inside = []
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                _, *parts = node.module.split(".")
                names = parts if len(parts) > 1 else [*parts, *(alias.name for alias in node.names)]
                if not parts or parts[0] not in ROOMS or parts[0] == room:
                    continue
                target = PACKAGE.joinpath(*names[:2])
                if len(parts) > 1 or (
                    target.with_suffix(".py").is_file() and not _is_name(parts[0], names[1])
                ):
                    inside.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.module}")
    assert inside == []


def _is_name(room: str, name: str) -> bool:
    return not inspect.ismodule(getattr(importlib.import_module(f"opp_analytics.{room}"), name))


def circle_in(graph: grimp.ImportGraph) -> list[str]:
    """The modules of one import circle, the first also last; none where there is no circle."""
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return [str(module) for module in error.args[1]]
    return []


def test_imports__run_in_no_circle() -> None:
    # Imports for type checking only are part of the graph unless left out on purpose.
    assert circle_in(grimp.build_graph("opp_analytics", cache_dir=None)) == []


def test_stub__lists_every_public_name_once() -> None:
    stub = (PACKAGE / "__init__.pyi").read_text()
    names = [
        str(node.names[0].asname)
        for node in ast.walk(ast.parse(stub))
        if isinstance(node, ast.ImportFrom)
    ]
    assert sorted(names) == sorted(oa.__all__)


TESTS = ROOT / "tests"
ACROSS = {
    "analysis/forecasting/test_every_method.py": (
        "every method of forecasting, on one simulated team"
    ),
    "analysis/test_columns.py": "every analysis, without each column in turn",
    "analysis/test_edges.py": "every analysis, on the frames that break statistics",
    "analysis/test_truth.py": "estimates of many analyses, against the simulated team's true rates",
    "answers/test_contract.py": "every answer, in worlds of many kinds and in every form",
    "answers/test_invariance.py": "every answer, of the same deals told in another form",
    "api/test_cassettes.py": "the whole client, against recorded answers",
    "api/test_live.py": "the whole client, against a real account",
    "api/test_vendor_client.py": "the sandbox and the client, against the vendor's own client",
    "cli/test_report_send.py": "`report --send`, against mail servers and chats",
    "cli/test_arguments.py": "every command, and every function that writes, with a wrong argument",
    "cli/test_doors.py": "the first commands of the docs, from nothing to the weekly page",
    "cli/test_terminal.py": "every command, with hostile names in server and files",
    "golden/test_golden.py": ("every figure of forecasts and page, against the stored ones"),
    "history/test_imported.py": (
        "an imported history and the records after it, against a later import"
    ),
    "history/test_properties.py": "every question, on random histories",
    "plots/test_drawings.py": "every drawing, against what was read in it and stored",
    "plots/test_looks.py": "every drawing, with difficult data",
    "report/test_calls.py": "calls on the page, in the mail and in the workbook",
    "report/delivery/test_alerts_once.py": (
        "pages of a week of days and what is sent of them, against what each receiver knows"
    ),
    "report/test_figures.py": "every figure of the page, against the function that gives it",
    "svg/test_pictures.py": "every picture, against what was read in it and stored",
    "test_call_proof.py": "calls of simulated people, against the skill that they were made with",
    "test_docs.py": "the documentation",
    "test_frames.py": "every public function, with frames of all dtypes and indexes",
    "test_help.py": "the help of every public name",
    "test_layout.py": "the layout of the project",
    "test_maven.py": "the whole chain, against published figures",
    "test_notebooks.py": "the notebooks",
    "test_own_stages.py": "the whole package on an org of its own",
    "test_package.py": "the package as it is installed",
    "test_schedule.py": "the jobs of the docs, under their schedulers",
    "report/test_opened.py": "every figure, chance and title of the page in every state",
    "writer/apply/test_odd_answers.py": "a whole run, with one odd answer to any of its calls",
    "writer/apply/test_replicas.py": (
        "a whole run, on servers whose reads lag and whose clocks differ"
    ),
    "writer/apply/test_server_forms.py": "a whole run, on servers that keep a form of their own",
}
"""Test modules that mirror no single module, and what they test instead."""
ROOMLESS = ("browser", "benchmarks", "fuzz")
"""Folders of tests that span rooms."""


def test_tests__mirror_a_module_or_a_public_name() -> None:
    strangers = []
    for path in sorted(TESTS.rglob("test_*.py")):
        place = path.relative_to(TESTS)
        name = path.stem.removeprefix("test_")
        mirrored = (PACKAGE / place.with_name(f"{name}.py")).is_file() or name in _public_names(
            place
        )
        if not mirrored and place.parts[0] not in ROOMLESS and place.as_posix() not in ACROSS:
            strangers.append(place.as_posix())
    assert strangers == []
    assert [name for name in ACROSS if not (TESTS / name).is_file()] == []


def _public_names(place: Path) -> set[str]:
    """The names on the face of the room that tests belong to, and the methods of its classes."""
    room = place.parts[0] if len(place.parts) > 1 else ""
    if room and room not in ROOMS:
        return set()
    face = importlib.import_module(f"opp_analytics.{room}".rstrip("."))
    names = {name for name in dir(face) if not name.startswith("_")}
    return names.union(
        *(dir(what) for name in names if inspect.isclass(what := getattr(face, name)))
    )


def test_tests__import_helpers_from_helper_modules() -> None:
    taken = []
    for path in TESTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            sources = []
            if isinstance(node, ast.Import):
                sources = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                sources = [f"{node.module or 'tests'}.{alias.name}" for alias in node.names]
            taken += [
                f"{path.relative_to(ROOT)}: {source}" for source in sources if _is_collected(source)
            ]
    assert taken == []


def _is_collected(module: str) -> bool:
    """Whether pytest itself collects a module, or what it is in."""
    first, *rest = module.split(".")
    return first == "tests" and any(part == "conftest" or part.startswith("test_") for part in rest)
