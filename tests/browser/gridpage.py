"""What a person sees of the grid on a page, and where things are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
from playwright.sync_api import Locator, Page

from opp_analytics.widgets import Grid
from tests.browser.hosting import show
from tests.browser.keys import Keys


class GridPage(Keys):
    """A grid on a page of its own."""

    def __init__(self, page: Page, grid: Grid, **options: Any) -> None:
        super().__init__(page)
        self.grid = grid
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        show(page, grid, **options)
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
    def field(self) -> Locator:
        """What has focus while the cells have the keys."""
        return self.page.locator(".oap .kf")

    @property
    def editor(self) -> Locator:
        return self.page.locator(".oap .ed")

    @property
    def drawer(self) -> Locator:
        return self.page.locator(".oap .drw")

    def cell(self, row: int, field: str) -> Locator:
        """A cell by its place on the screen."""
        at = self.fields.index(field) + 1
        return self.page.locator(f".oap .slick-row[data-row='{row}'] .slick-cell.l{at}")

    def title(self, field: str) -> Locator:
        """The head of a column."""
        return self.page.locator(f".slick-header-column[data-id={field}]")

    def take(self, field: str, *modifiers: str) -> None:
        """Select a column by its name; beside that is the arrow that sorts."""
        self.title(field).locator("b").click(modifiers=modifiers)  # type: ignore[arg-type]

    def column(self, field: str) -> list[str]:
        """The texts of a column that are on the page, from the top."""
        at = self.fields.index(field) + 1
        cells = self.page.locator(f".oap .slick-cell.l{at}").all()
        placed = [
            (int(cell.locator("..").get_attribute("data-row") or 0), cell.inner_text())
            for cell in cells
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

    def filter(self, field: str, text: str) -> None:
        box = self.page.locator(f"[data-filter='{field}']")
        box.fill(text)
        box.press("Enter")

    def paste(self, text: str) -> None:
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.press("Control+v")

    def until(self, found: Callable[[], object], wanted: object) -> None:
        """Wait until something in Python, or on the page, is as wanted: the page's requests are
        answered meanwhile."""
        deadline = time.monotonic() + 60
        while (now := found()) != wanted:
            assert time.monotonic() < deadline, f"{now!r} is not {wanted!r}"
            self.page.wait_for_timeout(20)

    def holds(self, field: str, *values: object, since: int = 0) -> None:
        """Wait until a column has these values in Python from a row on; blank is None, a date
        ISO."""

        def found() -> list[object]:
            column = self.grid.edited[field].iloc[since : since + len(values)]
            dated = pd.api.types.is_datetime64_any_dtype(column)
            plain = (column.dt.strftime("%Y-%m-%d") if dated else column).astype("object")
            return plain.where(column.notna(), None).tolist()

        self.until(found, [*values])

    def clipboard(self) -> str:
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def button(self, name: str) -> Locator:
        return self.page.locator(".oap").get_by_role("button", name=name)
