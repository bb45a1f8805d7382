import inspect
import re
import subprocess
import sys

import pytest

from opp_analytics import errors

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]


def test_tree__has_one_root_and_is_drawn_whole():
    drawn = errors.__doc__ or ""
    ours = [c for c in CLASSES if issubclass(c, errors.OppAnalyticsError)]
    assert [c for c in CLASSES if c not in ours] == [errors.DataWarning]
    assert [c.__name__ for c in ours if c.__name__ not in drawn] == []


def test_all__names_every_class():
    assert {c.__name__ for c in CLASSES} | {"ApiProblem"} == set(errors.__all__)


@pytest.mark.parametrize(
    ("error", "also"),
    [(errors.ArgumentError, TypeError), (errors.DataError, ValueError), (errors.ConfigError, ValueError)],
)
def test_argument_errors__are_also_what_python_calls_them(error, also):
    assert issubclass(error, also)


def test_api_error__carries_the_first_problem():
    problem = errors.ApiProblem("must be a date", code="invalid", pointer="/opportunity/close_date")
    error = errors.ValidationError("refused", method="PUT", url="https://x", status=422, problems=[problem])
    assert (error.status, error.code, error.pointer, error.detail) == (
        422,
        "invalid",
        "/opportunity/close_date",
        "must be a date",
    )
    assert errors.ApiError("no answer").code is None


def test_notebook__shows_the_callers_lines_and_the_message_not_our_inside():
    cell = "\n".join(
        [
            "import opp_analytics as oa",
            "import pandas as pd",
            "def ask(day):",
            "    return oa.stage_funnel(pd.DataFrame({'value': [1.0]}))",
            "ask('2026-13-01')",
        ]
    )
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        f"InteractiveShell(colors='nocolor').run_cell({cell!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    assert "ask('2026-13-01')" in shown
    assert "return oa.stage_funnel" in shown
    assert shown.rstrip().endswith("MissingColumnError: the frame has no column 'stage'; it has value")
    assert "schema.py" not in shown
