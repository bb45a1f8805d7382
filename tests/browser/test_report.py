"""The weekly page as a person sees it: opened from the disk in Chromium, read, tabbed through, printed."""

import datetime

import pandas as pd
import pytest

import opp_analytics as oa

pytestmark = pytest.mark.browser
WEEKS = 8


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of a simulated team, with history, made as a user makes it."""
    folder = tmp_path_factory.mktemp("report")
    first = datetime.date(2026, 9, 28)
    with oa.sandbox.start(weeks=13, seed=1, today=first) as server:
        client = oa.Client(server.url, server.token, server.api_key, cache_dir=folder / "cache")
        history = oa.History(folder / "history")
        for week in range(WEEKS):
            if week:
                server.advance(7)
            opportunities = oa.load(client, refresh="full", progress=False)
            history.record(opportunities, at=server.now)
    opportunities.loc[0, "name"] = "<script>document.title = 'broken into'</script>"
    day = first + datetime.timedelta(weeks=WEEKS - 1)
    return oa.weekly_report(opportunities, history, as_of=day, target=400_000, out=folder / "weekly.html")


@pytest.fixture
def opened(page, report):
    """The page, opened; with what it asked for and what the console said."""
    page.asked, page.said = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(report.html.as_uri())
    return page


def test_report__asks_for_nothing_but_itself_and_the_console_is_silent(opened, report):
    opened.locator("summary").first.click()
    opened.wait_for_load_state("networkidle")
    assert opened.asked == [report.html.as_uri()]
    assert opened.said == []
    assert opened.title() == "Weekly pipeline report, Nov 16, 2026"


def test_report__details_open_by_keyboard_and_show_their_deals(opened):
    summary = opened.locator("#forecast summary").first
    summary.focus()
    table = opened.locator("#forecast details").first.locator("table")
    assert not table.is_visible()
    opened.keyboard.press("Enter")
    assert table.is_visible()
    count = int(summary.inner_text().split(":")[1].split()[0])
    assert table.locator("tbody tr").count() == count


def test_report__tab_reaches_every_link_chart_table_and_opening(opened):
    reachable = opened.locator("a, summary, [tabindex='0']").evaluate_all(
        "all => all.filter(one => one.checkVisibility()).length"
    )
    reached = set()
    for _ in range(reachable):
        opened.keyboard.press("Tab")
        place = opened.evaluate(
            "[...document.querySelectorAll('a, summary, [tabindex]')].indexOf(document.activeElement)"
        )
        reached.add(place)
    assert -1 not in reached
    assert len(reached) == reachable > 40


def test_report__everything_has_a_name_for_a_screen_reader(opened):
    charts = opened.locator("svg[role=img]")
    assert charts.count() >= 6
    assert all(len(name) > 20 for name in charts.evaluate_all("all => all.map(one => one.ariaLabel)"))
    unnamed = opened.evaluate(
        """() => [...document.querySelectorAll('[role=region], [role=group], nav, section')].filter(
            one => !(one.ariaLabel || document.getElementById(one.getAttribute('aria-labelledby'))?.innerText)).length"""
    )
    assert unnamed == 0
    assert opened.get_by_role("heading", level=1).count() == 1
    assert opened.get_by_role("heading", level=2).count() == 8
    tables = opened.locator("table").count()
    assert opened.locator("table > caption").count() == tables
    assert opened.locator("table thead th:not([scope=col])").count() == 0


def test_report__a_name_that_is_a_script_is_shown_as_text(opened):
    assert opened.title() != "broken into"
    assert opened.get_by_text("<script>document.title").count() > 0


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_report__fits_wide_and_narrow_in_light_and_dark(opened, screenshots, width, scheme):
    opened.set_viewport_size({"width": width, "height": 900})
    opened.emulate_media(color_scheme=scheme)
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    contrasts = opened.evaluate(_CONTRASTS)
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5
    opened.screenshot(path=screenshots / f"report-{scheme}-{width}.png", full_page=True)


_CONTRASTS = """() => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
  };
  const words = [...document.querySelectorAll("p, th, td, dt, dd, a, summary, h1, h2, span, svg text")];
  return words.filter((one) => one.checkVisibility()).map((one) => {
    const style = getComputedStyle(one);
    const pair = [light(one instanceof SVGElement ? style.fill : style.color), light(ground(one))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  });
}"""


def test_report__prints_to_pages_without_what_is_closed(opened, screenshots):
    opened.emulate_media(media="print", color_scheme="dark")
    assert not opened.locator("nav").is_visible()
    assert not opened.locator("#forecast details").first.is_visible()
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    overflowing = opened.evaluate(
        "[...document.querySelectorAll('.wide, .chart')].filter(one => getComputedStyle(one).overflowX == 'auto').length"
    )
    assert overflowing == 0
    opened.emulate_media(media="screen")
    pdf = opened.pdf(path=screenshots / "report.pdf", prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert 3 <= pdf.count(b"/Type /Page\n") <= 15


def test_report__workbook_beside_it_opens_with_the_same_numbers(opened, report):
    forecast = pd.read_excel(report.xlsx, sheet_name="forecast", index_col="period")
    row = opened.locator("#forecast table").first.locator("tbody tr", has_text="2026-11")
    cells = [text.replace(",", "") for text in row.first.locator("td").all_inner_texts()]
    assert float(cells[0]) == round(forecast["booked"]["2026-11"])
    assert float(cells[4]) == round(forecast["expected"]["2026-11"])
