"""The built site: each page is near, its links lead somewhere, and its search answers in the words
of the field."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest
import yaml
from playwright.sync_api import Browser, Locator, Page, expect

from tests.pages import ROOT

NAV = [
    (title, name)
    for section in tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    for entries in section.values()
    for entry in entries
    for title, name in entry.items()
]


class Links(HTMLParser):
    """The ids of a page, its links, and those of its own text rather than of the bars around it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.all: list[str] = []
        self.own: list[str] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        self._inside |= tag == "article"
        self.ids.add(about.get("id") or "")
        if tag == "a" and (link := about.get("href")) and "://" not in link:
            self.all.append(link)
            if self._inside:
                self.own.append(link)

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "article"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built by `.ci/docs`."""
    home = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", home / "docs")
    shutil.copy(ROOT / "zensical.toml", home)
    shutil.copytree(ROOT / ".ci", home / ".ci")
    (home / "opp_analytics").symlink_to(ROOT / "opp_analytics")
    (home / ".venv").symlink_to(sys.prefix)
    subprocess.run([home / ".ci" / "docs"], check=True, capture_output=True, timeout=300)
    return home / "build" / "docs"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Links]:
    """The links of each page, by its address."""
    return {
        f"/{file.relative_to(site).parent.as_posix()}/".replace("/./", "/"): Links(file.read_text())
        for file in site.rglob("index.html")
    }


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_pages__are_all_in_the_navigation_and_described() -> None:
    files = {file.name: file.read_text() for file in (ROOT / "docs").glob("*.md")}
    assert sorted(files) == sorted(name for _, name in NAV)
    said = {
        name: yaml.safe_load(text.split("---\n")[1])["description"] for name, text in files.items()
    }
    assert len(set(said.values())) == len(said)
    assert {name for name, line in said.items() if not 60 <= len(line) <= 160} == set()


@pytest.mark.slow
def test_pages__are_two_clicks_from_the_first_without_the_navigation(
    pages: dict[str, Links],
) -> None:
    seen = {"/"}
    for _ in range(2):
        seen |= {
            urldefrag(urljoin(page, link))[0]
            for page in seen & set(pages)
            for link in pages[page].own
        }
    assert set(pages) - seen == set()


@pytest.mark.slow
def test_pages__link_to_places_that_are_there(site: Path, pages: dict[str, Links]) -> None:
    lost = {
        (page, link)
        for page, links in pages.items()
        for link in links.all
        for target, place in [urldefrag(urljoin(page, link))]
        if (
            place and place not in pages[target].ids
            if target in pages
            else not (site / target[1:]).is_file()
        )
    }
    assert lost == set()


@pytest.mark.slow
def test_reference__says_something_of_each_name(site: Path) -> None:
    assert (
        re.findall(
            r'id="([^"]+)" class="doc doc-heading".{0,600}?doc-contents[^"]*">\s*</div>',
            (site / "reference" / "index.html").read_text(),
            re.S,
        )
        == []
    )


@pytest.mark.slow
def test_llms__names_each_page_and_has_its_text(site: Path, pages: dict[str, Links]) -> None:
    short, whole = (site / "llms.txt").read_text(), (site / "llms-full.txt").read_text()
    assert [line.split("](")[0][3:] for line in short.splitlines() if line.startswith("- ")] == [
        title for title, _ in NAV
    ]
    assert {page for page in pages if f"]({page[1:]}): " not in short} == set()
    for _, name in NAV:
        [heading, *_] = (
            line
            for line in (ROOT / "docs" / name).read_text().splitlines()
            if line.startswith("# ")
        )
        assert f"\n{heading}\n" in whole
    assert "```python\nwin_rate(" in whole
    assert ":::" not in whole


WORDS = {
    "alerts": "deliver",
    "attainment": "definitions",
    "backtest": "gallery",
    "best case": "gallery",
    "bulk update": "recipes",
    "chart": "gallery",
    "close date": "gallery",
    "commit": "recipes",
    "confidence interval": "definitions",
    "conversion": "definitions",
    "cron": "schedule",
    "currency": "org-file",
    "data quality": "definitions",
    "dbt": "schedule",
    "deals at risk": "recipes",
    "delete deals": "recipes",
    "email": "deliver",
    "Excel": "start-spreadsheet",
    "fiscal year": "org-file",
    "forecast accuracy": "forecast-proof",
    "funnel": "definitions",
    "Google Sheets": "start-spreadsheet",
    "HubSpot": "other-crm",
    "import": "other-crm",
    "install": "",
    "mass edit": "definitions",
    "override": "calls",
    "overdue": "recipes",
    "pacing": "gallery",
    "pipeline coverage": "recipes",
    "Power BI": "compared",
    "push rate": "definitions",
    "pushed deals": "recipes",
    "quota": "org-file",
    "rep performance": "definitions",
    "run rate": "recipes",
    "sales cycle": "recipes",
    "Salesforce": "other-crm",
    "sandbagging": "calls",
    "scorecard": "definitions",
    "Slack": "deliver",
    "slipped deals": "recipes",
    "Snowflake": "warehouse",
    "snapshot": "warehouse",
    "speed": "benchmarks",
    "stale deals": "definitions",
    "teams": "org-file",
    "territory": "definitions",
    "token": "security",
    "undo": "recipes",
    "velocity": "reference",
    "waterfall": "gallery",
    "weighted pipeline": "definitions",
    "win rate": "gallery",
    "Windows": "schedule",
}
"""What people search for, and the page that is to be the first or the second answer."""


@pytest.mark.slow
@pytest.mark.browser
def test_search__answers_in_the_words_of_the_field(browser: Browser, address: str) -> None:
    tab = browser.new_page()
    tab.goto(address)
    tab.keyboard.press("/")
    box = tab.locator("input[role=combobox]")
    found = {words: find(tab, box, words) for words in WORDS}
    missed = {words: found[words] for words, page in WORDS.items() if page not in found[words]}
    assert missed == {}


def find(tab: Page, box: Locator, words: str) -> list[str]:
    """Search the site as a person does: the pages of the first two results."""
    options = tab.locator("a[role=option]")
    box.fill("")
    expect(options).to_have_count(0)
    box.fill(words)
    options.first.wait_for()
    links = options.evaluate_all("all => all.slice(0, 2).map((link) => link.pathname)")
    return [link.strip("/") for link in links]
