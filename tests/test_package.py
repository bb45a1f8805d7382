"""What `import opp_analytics` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

import opp_analytics as oa


@pytest.mark.parametrize("name", [name for name in oa.__all__ if not name.startswith("__")])
def test_all__names_what_is_there_and_documented(name: str) -> None:
    assert len(getattr(oa, name).__doc__) > 20


def test_version__is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    assert oa.__version__ == project["project"]["version"]


def test_dir__offers_the_public_names_only() -> None:
    assert dir(oa) == sorted(oa.__all__)


def test_unknown_name__is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="win_rat"):
        oa.win_rat  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.slow
def test_import__loads_neither_drawing_nor_widgets_nor_engine_nor_http() -> None:
    heavy = [
        *("matplotlib", "ipywidgets", "anywidget", "ibis", "duckdb", "requests", "starlette"),
        *("openpyxl", "xlsxwriter", "jinja2", "scipy", "typer", "rich", "pydantic"),
    ]
    code = f"import opp_analytics, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_analyses__of_a_frame_load_neither_drawing_nor_engine_nor_http() -> None:
    heavy = [
        *("matplotlib", "ipywidgets", "ibis", "duckdb", "requests", "starlette"),
        *("openpyxl", "xlsxwriter", "jinja2", "pydantic", "scipy.stats", "scipy.optimize"),
    ]
    code = (
        f"import opp_analytics as oa, sys; oa.forecast, oa.win_rate; print([m for m in {heavy!r} "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "extra"),
    [
        ("oa.edit(deals)", "notebook"),
        ("oa.explore(deals)", "notebook"),
        ("oa.show(oa.win_rate(deals))", "report"),
        ("oa.weekly_report(deals, as_of='2026-06-01', out='page.html')", "report"),
        ("oa.to_excel(deals, 'deals.xlsx')", "excel"),
        ("oa.sandbox.start()", "sandbox"),
        ("oa.demo(weeks=1)", "sandbox"),
    ],
)
def test_extras__are_named_where_their_libraries_are_missing(
    call: str, extra: str, tmp_path: Path
) -> None:
    code = f"""
        import sys
        missing = ("anywidget", "ipywidgets", "traitlets", "jinja2", "css_inline", "openpyxl", "xlsxwriter", "starlette", "uvicorn")
        sys.modules.update(dict.fromkeys(missing))
        import pandas as pd, opp_analytics as oa
        deals = pd.DataFrame({{"unique_id": ["a"], "name": "A", "stage": "proposal", "value": 1.0, "close_date": "2026-07-01"}})
        try:
            {call}
        except (oa.errors.OppAnalyticsError, oa.sandbox.SandboxError) as error:
            print(error)
    """  # noqa: E501
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert f"[{extra}]" in said.stdout, said.stderr
