"""The tree of errors, and what a notebook shows of them."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis import stage_funnel

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]


def test_tree__has_one_root_and_is_drawn_whole() -> None:
    drawn = errors.__doc__ or ""
    ours = [c for c in CLASSES if issubclass(c, errors.OppAnalyticsError)]
    assert [c for c in CLASSES if c not in ours] == [errors.DataWarning]
    assert [c.__name__ for c in ours if c.__name__ not in drawn] == []


def test_all__names_every_class() -> None:
    assert {c.__name__ for c in CLASSES} | {
        "ApiProblem",
        "Argument",
        "OrgProblem",
        "show_traceback",
    } == set(errors.__all__)


@pytest.mark.parametrize(
    ("error", "also"),
    [
        (errors.ArgumentTypeError, TypeError),
        (errors.ArgumentValueError, ValueError),
        (errors.DataError, ValueError),
        (errors.ConfigError, ValueError),
    ],
)
def test_errors__are_also_what_python_calls_them(
    error: type[Exception], also: type[Exception]
) -> None:
    assert issubclass(error, also)


def test_api_error__carries_the_first_problem() -> None:
    problem = errors.ApiProblem("must be a date", code="invalid", pointer="/opportunity/close_date")
    error = errors.ValidationError(
        "refused", method="PUT", url="https://x", status=422, problems=[problem]
    )
    assert (error.status, error.code, error.pointer, error.detail) == (
        422,
        "invalid",
        "/opportunity/close_date",
        "must be a date",
    )
    assert errors.ApiError("no answer").code is None


def test_error__has_its_way_out_in_python_and_in_the_shell() -> None:
    error = errors.ArgumentValueError.of(
        "only", "Zoe", "is nobody's name", python_way="leave out only=", shell_way="leave out --for"
    )
    assert str(error) == "only='Zoe' is nobody's name; leave out only="
    assert error.in_shell({"only": "--for"}) == "--for 'Zoe' is nobody's name; leave out --for"
    assert error.in_shell({}) == "'Zoe' is nobody's name; leave out --for"
    file = errors.DataError("row 3 is blank\nrow 4 too", "delete them", where="deals.csv")
    assert str(file) == file.in_shell({})
    assert str(file) == "deals.csv: row 3 is blank\nrow 4 too\n  Delete them"


ASKING = "\n".join(
    [
        "import opp_analytics as oa",
        "import pandas as pd",
        "def ask(day):",
        "    return oa.stage_funnel(pd.DataFrame({'value': [1.0]}))",
        "ask('2026-13-01')",
    ]
)


def notebook(*cells: str) -> str:
    """What a notebook shows after cells, one after the other."""
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell(colors='nocolor')\n"
        + "".join(f"shell.run_cell({cell!r})\n" for cell in cells)
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return re.sub(r"\x1b\[[\d;]*m", "", done.stdout)


@pytest.mark.slow
def test_notebook__shows_the_callers_lines_and_the_message_not_our_inside() -> None:
    shown = notebook(ASKING)
    assert "ask('2026-13-01')" in shown
    assert "return oa.stage_funnel" in shown
    assert shown.rstrip().endswith(
        "MissingColumnError: the table of deals has no column 'stage'; it has value"
    )
    assert "stage_funnel.py" not in shown


@pytest.mark.slow
def test_show_traceback__of_a_notebook_has_our_inside_too() -> None:
    shown = notebook(ASKING, "oa.errors.show_traceback()")[len(notebook(ASKING)) :]
    assert "ask('2026-13-01')" in shown
    assert "stage_funnel.py" in shown
    assert shown.rstrip().endswith(
        "MissingColumnError: the table of deals has no column 'stage'; it has value"
    )


@pytest.mark.slow
def test_show_traceback__before_any_error_says_so() -> None:
    assert "There was no error yet." in notebook(
        "import opp_analytics as oa", "oa.errors.show_traceback()"
    )


def test_warning__is_given_at_the_line_of_the_caller_and_once_where_many_ask() -> None:
    deals = pd.DataFrame({"unique_id": ["a", "b"], "stage": ["proposal", "mystery"], "value": 1.0})

    def ask() -> None:
        with errors.DataWarning.muted():
            stage_funnel(deals)
        for _ in range(2):
            stage_funnel(deals)

    with pytest.warns(errors.DataWarning, match="mystery") as caught:
        ask()
    assert [warning.filename for warning in caught] == [__file__] * 2
    with pytest.warns(errors.DataWarning, match="mystery") as caught, errors.DataWarning.once():
        ask()
    assert len(caught) == 1
