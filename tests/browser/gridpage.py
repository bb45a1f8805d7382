"""What a person sees of the grid on a page, and where things are."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from opp_analytics.widgets import Grid
from tests.browser.hosting import show


class GridPage:
    """A grid on a page of its own."""

    def __init__(self, page: Page, grid: Grid, *, style: str = "", body: str = "") -> None:
        self.page, self.grid = page, grid
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        show(page, grid, style=style, body=body)
        self.fields = [column["field"] for column in grid._columns if not column["hidden"]]

    @property
    def said(self) -> Locator:
        return self.page.locator(".oap .said")

    @property
    def sums(self) -> Locator:
        return self.page.locator(".oap .agg")

    @property
    def strip(self) -> Locator:
        return self.page.locator(".oap .plan")

    @property
    def holder(self) -> Locator:
        return self.page.locator(".oap .gs")

    @property
    def editor(self) -> Locator:
        return self.page.locator(".oap input.ed")

    @property
    def drawer(self) -> Locator:
        return self.page.locator(".oap .drw")

    def cell(self, row: int, field: str) -> Locator:
        """A cell by its place on the screen."""
        at = self.fields.index(field) + 1
        return self.page.locator(f".oap .slick-row[data-row='{row}'] .slick-cell.l{at}")

    def column(self, field: str) -> list[str]:
        """The texts of a column that are on the page, from the top."""
        at = self.fields.index(field) + 1
        cells = self.page.locator(f".oap .slick-cell.l{at}").all()
        placed = [
            (int(cell.locator("..").get_attribute("data-row") or 0), cell.inner_text()) for cell in cells
        ]
        return [text for _, text in sorted(placed)]

    def click(self, row: int, field: str, *modifiers: str) -> None:
        self.cell(row, field).click(modifiers=modifiers, position={"x": 30, "y": 8})  # type: ignore[arg-type]

    def select(self, first: tuple[int, str], last: tuple[int, str]) -> None:
        """Drag from one cell to another."""
        self.cell(*first).hover(position={"x": 30, "y": 10})
        self.page.mouse.down()
        self.cell(*last).hover(position={"x": 31, "y": 12})
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str, *keys: str) -> None:
        self.page.keyboard.type(text)
        self.press(*keys)

    def filter(self, field: str, text: str) -> None:
        box = self.page.locator(f"[data-filter='{field}']")
        box.fill(text)
        box.press("Enter")

    def paste(self, text: str) -> None:
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.press("Control+v")

    def clipboard(self) -> str:
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def button(self, name: str) -> Locator:
        return self.page.locator(".oap").get_by_role("button", name=name)
