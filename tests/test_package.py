import subprocess
import sys

import pytest

import opp_analytics as oa


def test_all__names_what_is_there_and_documented():
    for name in oa.__all__:
        assert getattr(oa, name) is not None
        assert name.startswith("__") or getattr(oa, name).__doc__, name


def test_dir__offers_the_public_names_only():
    assert dir(oa) == sorted(oa.__all__)


def test_type_checkers__see_the_same_names():
    import ast
    import inspect

    tree = ast.parse(inspect.getsource(oa))
    imported = {
        alias.name
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in ast.walk(branch)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported | {"__version__"} == set(oa.__all__)


def test_unknown_name__is_an_attribute_error():
    with pytest.raises(AttributeError, match="win_rat"):
        oa.win_rat  # noqa: B018


def test_import__loads_neither_drawing_nor_widgets_nor_engine_nor_http():
    heavy = [
        *("matplotlib", "ipywidgets", "anywidget", "ibis", "duckdb", "requests", "starlette"),
        *("openpyxl", "xlsxwriter", "jinja2", "scipy", "typer", "rich"),
    ]
    code = f"import opp_analytics, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_analyses__of_a_frame_load_neither_drawing_nor_engine_nor_http():
    heavy = ["matplotlib", "ipywidgets", "ibis", "duckdb", "requests", "starlette", "openpyxl", "jinja2"]
    code = f"import opp_analytics as oa, sys; oa.forecast, oa.win_rate; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
