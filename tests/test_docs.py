"""What README and docs say is run, and what they name is there."""

from __future__ import annotations

import functools
import inspect
import re
import shutil
import tomllib
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import matplotlib.figure
import pytest
import yaml

import opp_analytics as oa
from opp_analytics import files, plots, table_files, workbooks
from opp_analytics.answers import tables as report_tables
from opp_analytics.api import page_cache, transport
from opp_analytics.history import recording
from opp_analytics.loading import refresh, sweep
from opp_analytics.org import check_file, conditions, read_file
from opp_analytics.org.check_file import OrgShape
from opp_analytics.report import sheets as report_sheets
from opp_analytics.report import workbook
from opp_analytics.report.delivery import smtp
from opp_analytics.widgets import messages
from opp_analytics.widgets.grid import requests
from opp_analytics.writer import cells, journal
from opp_analytics.writer.apply import engine
from tests import gallery, reference
from tests.pages import PAGES, ROOT, blocks, refusal, told

COMMANDS = """\
python3 -m venv .venv && .venv/bin/pip install -e ".[all]" && .venv/bin/opp-analytics demo
python3 -m venv .venv && .venv/bin/pip install -e ".[all,test]" && .venv/bin/pytest
"""


def is_runnable(page: Path) -> bool:
    """Whether a page has code that is run here; what needs Spark is run beside its other tests, in
    test_engine."""
    code = "".join(blocks(page, "python"))
    return bool(code) and "pyspark" not in code


@pytest.fixture(scope="module")
def demo() -> Callable[..., object]:
    """`oa.demo`, playing each team once for all pages."""
    return functools.cache(oa.demo)


# What Ibis asks of DuckDB's newer line to list the columns of a table.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if is_runnable(page)], ids=lambda page: page.name
)
def test_page__runs_as_printed(
    page: Path, demo: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "notebooks" / "exports", "export")
    monkeypatch.setattr(oa, "demo", demo)
    # A page that shows a figure to a reader shows nothing here.
    monkeypatch.setattr(matplotlib.figure.Figure, "show", lambda figure: None)
    names: dict[str, object] = {}
    for number, code in enumerate(blocks(page, "python"), start=1):
        exec(compile(code, f"{page.name}, block {number}", "exec"), names)
    assert set(names) > {"__builtins__"}


@pytest.mark.parametrize("page", [page for page in PAGES if told(page)], ids=lambda page: page.name)
def test_page__calls_commands_with_the_options_they_have(page: Path) -> None:
    assert {" ".join(call): said for call in told(page) if (said := refusal(call))} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page__links_to_what_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


WORDS = {
    "quota": "org-file.md#targets-quotas",
    "Data Loader": "other-crm.md#every-day-and-back",
    "sales cycle": "recipes.md#how-long-is-our-sales-cycle",
    "polars": "concepts.md#a-frame-of-opportunities",
    "Opportunity ID": "other-crm.md#export",
    "commit": "recipes.md#what-do-we-commit-to-and-how-good-were-our-commits",
    "win rate by industry": "recipes.md#which-industries-do-we-win-in",
    "slip": "recipes.md#which-deals-slipped",
    "velocity": "recipes.md#how-long-is-our-sales-cycle",
    "Airflow": "schedule.md#airflow",
    "dbt": "schedule.md#dbt",
    "cron": "schedule.md#cron",
}
"""Words that people search for, and the section that answers each."""


def split_sections(page: Path) -> dict[str, str]:
    """The text of each section by its link, as the site's search indexes it."""
    text = re.sub(
        r"^```.*?^```",
        lambda code: re.sub("^#", " #", code[0], flags=re.M),
        page.read_text(),
        flags=re.S | re.M,
    )
    parts = [f"#{part}" for part in re.split(r"^#", text, flags=re.M) if part]
    titles = [part.partition("\n")[0].lstrip("# ") for part in parts]
    return {
        f"{page.name}#{re.sub(r'[^a-z0-9_ -]', '', title.lower()).replace(' ', '-')}": part
        for title, part in zip(titles, parts, strict=True)
    }


@pytest.mark.parametrize(("word", "answer"), WORDS.items())
def test_docs__answer_the_words_that_people_search_for(word: str, answer: str) -> None:
    sections = {link: text for page in PAGES for link, text in split_sections(page).items()}
    assert word.casefold() in sections[answer].casefold()
    rows = sections["definitions.md#words-you-may-use"].casefold()
    assert word.casefold() in rows or word in ("Airflow", "cron")


def test_docs__link_to_sections_that_are_there() -> None:
    sections = {link for page in PAGES for link in split_sections(page)}
    linked = {
        f"{target or page.name}#{place}"
        for page in PAGES
        for target, place in re.findall(r"\]\((?!http)([\w./-]*\.md|)#([^)]+)\)", page.read_text())
    }
    assert {link for link in linked if Path(link).name not in sections} == set()


def test_readme__begins_with_the_two_commands() -> None:
    assert blocks(ROOT / "README.md", r"\w*")[0] == COMMANDS


def test_workflow__runs_the_second_command_as_each_system_writes_it() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    second = COMMANDS.splitlines()[1]
    parts = re.findall(r"^#   (\w+) ", (ROOT / ".ci" / "run").read_text(), re.M)
    assert {*jobs["part"]["strategy"]["matrix"]["part"], "ratios"} == set(parts)
    assert jobs["part"]["steps"][-1]["run"] == '.ci/run "$PART"'
    assert jobs["macos"]["steps"][-1]["run"] == second
    windows = second.replace("python3", "python").replace(".venv/bin/", ".venv\\Scripts\\")
    assert jobs["windows"]["steps"][-1]["run"] == windows
    assert windows.split(" && ")[1] in (ROOT / "README.md").read_text()


def test_workflow__publishes_the_site_that_is_checked() -> None:
    folder = ROOT / ".github" / "workflows"
    jobs = yaml.safe_load((folder / "docs.yml").read_text())["jobs"]
    built = [step["run"].split()[0] for step in jobs["build"]["steps"] if "run" in step][-1]
    # What tests/browser/test_site.py builds and looks at.
    assert built == ".ci/docs"
    assert jobs["build"]["steps"][-1]["with"] == {
        "path": tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["site_dir"]
    }
    last = yaml.safe_load((folder / "release.yml").read_text())["jobs"]["docs"]
    assert (last["needs"], last["uses"]) == ("publish", "./.github/workflows/docs.yml")


def test_security__states_the_bounds_that_the_code_has() -> None:
    # Their functions go by the same names.
    load, apply = (
        import_module(f"opp_analytics.{name}") for name in ("loading.load", "writer.apply.apply")
    )
    timeout = object.__new__(oa.Client)
    timeout.timeout = 10_000.0
    waits = {
        inspect.signature(oa.History).parameters["lock_timeout"].default,
        journal._BUSY_SECONDS,
        page_cache._LOCK_SECONDS,
    }
    assert len(waits) == 1
    assert engine.choose_wait(timeout) == 2 * timeout.timeout
    gateway = transport.Reply(408, {})
    assert not isinstance(
        transport.make_error(gateway, "POST", "https://crm.example.com"), engine._IN_DOUBT
    )
    near = [
        cells.agrees("value", ours, theirs)
        for ours, theirs in ((5.9, 5), (6, 5), (5.51, 5.5), (5.6, 5.5))
    ]
    assert near == [True, False, True, False]
    bounds = [
        (
            f"{sweep.MOST_SECONDS / 3600:g} hours; {sweep.MOST_PAGES:,} pages; "
            f"{sweep.MOST_BYTES / 2**30:g} GB"
        ),
        f"as many again and {sweep._SLACK}",
        f"{load._SWEEPS}",
        f"{load._SWEEP_EVERY / timedelta(hours=1):g} hours",
        f"{refresh._STAMPS_WITHIN} minutes",
        f"{transport._DEADLINE_FACTOR} times its `timeout`",
        f"{transport.LONGEST_WAIT:g} seconds",
        f"{transport._REDIRECTS}",
        f"{transport.LARGEST_BODY / 2**20:g} MB; {transport._LARGEST_REFUSAL / 2**10:g} kB",
        f"{smtp._SECONDS:g} seconds",
        f"{engine.OVERLAP / timedelta(minutes=1):g} minutes",
        f"{engine.SHORTEST_WAIT:g} seconds, or twice the `timeout`",
        f"{engine._ATTEMPTS}",
        "1 of the last digit that it keeps",
        f"{engine._OUTAGES}",
        f"{gateway.status}, or another 4xx",
        f"{apply._PATIENCE:g} second",
        f"{waits.pop():g} seconds",
        (
            f"{read_file._LARGEST / 10**6:g} MB; {files.SMALL / 10**6:g} MB; "
            f"{files._LARGEST / 10**9:g} GB"
        ),
        f"{table_files._UNPACKED / 10**9:g} GB; {table_files._MOST_ROWS:,} rows, "
        f"{table_files._MOST_COLUMNS:,} columns of CSV and "
        f"{table_files._MOST_CELLS / 10**6:g} million cells; "
        f"{table_files._CELL_LIMIT:,} characters",
        f"{check_file._FINDABLE:,} characters",
        f"{conditions._LONGEST:,} characters; {conditions._MOST_PARTS} parts",
        f"{workbook._MOST_ROWS:,} rows; {workbooks.MOST_LETTERS:,} characters",
        f"the {report_tables._MOST_LISTED:,} largest open ones, those won in the period, and those "
        "closed in this quarter and the three before; where more than "
        f"{report_tables._MOST_LISTED:,} ever closed, those of the period alone",
        f"{report_sheets._MOST_LISTED:,} rows, those of the largest deals",
        f"{messages._MOST_PARTS} parts of {messages._LARGEST_PART:,} characters; "
        f"{messages._LONGEST:,} characters; {requests.MOST_NEW:,}",
        f"{recording._DROPPED_SHARE:.0%}, or {recording._DROPPED}",
    ]
    page = (ROOT / "docs" / "security.md").read_text()
    section = page[page.index("## Bounds") : page.index("## Not promised")]
    assert re.findall(r"^\| (?!what ).+? \| (.+?) \| .+ \|$", section, re.M) == bounds


def test_testing__names_tests_that_are_there() -> None:
    named = set(re.findall(r"`(test_\w+__\w+)`", (ROOT / "docs" / "testing.md").read_text()))
    written = {
        test
        for file in (*ROOT.glob("tests/api/test_*.py"), *ROOT.glob("tests/sandbox/test_*.py"))
        for test in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    }
    assert len(named) > 20
    assert named - written == set()


def test_dependencies__have_a_reason_each() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [
        *project["dependencies"],
        *(one for name, group in extras.items() if name != "all" for one in group),
    ]
    named = {
        match[0]
        for one in asked
        if (match := re.match(r"[\w-]+", one)) and "opp-analytics" not in one
    }
    page = (ROOT / "docs" / "dependencies.md").read_text()
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []


def test_reference__lists_every_public_name_from_where_it_is() -> None:
    modules = {"errors", "plots", "sandbox"}
    expected = {
        *(set(oa.__all__) - modules - {"__version__"}),
        *(f"plots.{name}" for name in plots.__all__),
    }
    assert expected - set(reference.names()) == set()
    assert reference.page() == reference.PAGE.read_text(), "run: python -m tests.reference"


def test_gallery__shows_every_drawing_there_is() -> None:
    assert sorted([*gallery.DRAWINGS, *gallery.LISTS]) == sorted(plots.__all__)
    assert gallery.page() == gallery.PAGE.read_text()
    drawn = {
        f"{name}{ending}.png" for name in gallery.DRAWINGS for ending in gallery.THEMES.values()
    }
    assert {file.name for file in gallery.FOLDER.iterdir()} == drawn


def test_org_file__is_read_as_printed(tmp_path: Path) -> None:
    [whole] = blocks(ROOT / "docs" / "org-file.md", "toml")
    file = tmp_path / "opp-analytics.toml"
    file.write_text(whole, encoding="utf-8")
    (tmp_path / "accounts.csv").write_text("Account ID,Industry\nA1,Steel\n")
    (tmp_path / "activities.csv").write_text("unique_id,Date\na,2026-11-03\n")
    org = oa.Org.read(file)
    assert (len(org.stages), len(org.people), len(org.targets)) == (5, 3, 2)
    assert org.columns["Deal size"] == org.api_columns["total"] == "value"
    assert org.derived == ("team", "region", "Industry", "last_touch")
    assert set(tomllib.loads(whole)) == set(OrgShape.model_fields)
