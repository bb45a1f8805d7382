"""What a person gets from Tab and from help(): every public name tells what it takes, what it
gives, and how to call it."""

import inspect
import itertools
import pydoc
import subprocess
import sys

import pytest

import opp_analytics as oa
from opp_analytics import plots

FUNCTIONS = {
    name: getattr(oa, name) for name in oa.__all__ if inspect.isfunction(getattr(oa, name))
}
DRAWINGS = {f"plots.{name}": getattr(plots, name) for name in plots.__all__}
CLASSES = {
    name: getattr(oa, name)
    for name in oa.__all__
    if inspect.isclass(getattr(oa, name)) and not issubclass(getattr(oa, name), BaseException)
}
METHODS = {
    f"{name}.{method}": function
    for name, cls in CLASSES.items()
    for part in cls.__mro__
    if part.__module__.startswith("opp_analytics")
    for method, function in vars(part).items()
    if inspect.isfunction(function) and not method.startswith("_")
}


def _doc(what: object) -> str:
    return inspect.getdoc(what) or ""


def _sections(what):
    lines = _doc(what).splitlines()
    return {line for line, rule in itertools.pairwise(lines) if rule and set(rule) == {"-"}}


@pytest.mark.parametrize("name", FUNCTIONS | DRAWINGS)
def test_help__of_a_function_names_every_argument_and_the_result(name):
    function = (FUNCTIONS | DRAWINGS)[name]
    text = _doc(function)
    first = text.splitlines()[0]
    assert first.endswith(".")
    assert len(first) < 130
    parameters = inspect.signature(function).parameters
    assert ({"Parameters"} if parameters else set()) <= _sections(function)
    assert "Returns" in _sections(function)
    told = text.split("Returns\n---")[0]
    assert [p for p in parameters if p not in told] == []


@pytest.mark.parametrize("name", plots.DRAWINGS)
def test_help__of_a_drawing_names_the_function_whose_table_it_draws(name):
    drawing = getattr(plots, name)
    assert inspect.getdoc(drawing).splitlines()[0].startswith("Draw ")
    source = f"`oa.{name}`" if hasattr(oa, name) else f"`history.{name}`"
    assert source in inspect.getdoc(drawing).splitlines()[0]
    assert list(inspect.signature(drawing).parameters) == ["table", "ax"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help__of_a_function_shows_an_example_or_names_its_errors(name):
    assert _sections(FUNCTIONS[name]) & {"Examples", "Raises"}


@pytest.mark.parametrize("name", FUNCTIONS | DRAWINGS)
def test_help__sends_nobody_to_a_document_that_is_not_here(name):
    assert "DEFINITIONS" not in _doc((FUNCTIONS | DRAWINGS)[name])


@pytest.mark.parametrize("name", ["backtest", "score", "forecast_fan", "forecast"])
def test_help__of_what_judges_forecasts_has_formula_and_example(name):
    assert {"Notes", "Examples"} <= _sections(FUNCTIONS[name])


@pytest.mark.parametrize("name", METHODS)
def test_help__of_a_method_names_every_argument(name):
    text = inspect.getdoc(METHODS[name]) or ""
    assert len(text) > 20
    asked = [p for p in inspect.signature(METHODS[name]).parameters if p != "self"]
    assert [p for p in asked if p not in text] == []


@pytest.mark.parametrize("name", CLASSES)
def test_help__of_a_class_says_what_it_is(name):
    assert len(_doc(CLASSES[name]).splitlines()[0]) > 20
    assert "opp_analytics" in pydoc.render_doc(CLASSES[name])


@pytest.mark.slow
def test_tab__offers_the_public_names_and_nothing_else_before_anything_was_used():
    code = (
        "import rlcompleter, opp_analytics as oa\n"
        "print(*rlcompleter.Completer({'oa': oa}).attr_matches('oa.'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    offered = {name.rstrip("()").removeprefix("oa.") for name in done.stdout.split()}
    assert offered == {name for name in oa.__all__ if not name.startswith("_")}


def test_help__of_the_package_begins_with_a_call_to_make():
    assert "oa.win_rate(opportunities" in oa.__doc__
