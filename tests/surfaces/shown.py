"""The surfaces of a world, each made once, and read as text and cells."""

from __future__ import annotations

import contextlib
import email
import email.policy
import io
import os
import re
import sys
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import openpyxl
import pandas as pd

import opp_analytics as oa
from tests.report import reading
from tests.scratch import scratch_folder
from tests.surfaces.worlds import World
from tests.widgets.asking import read_panel

__all__ = ["Shown", "cell_text", "quiet", "rows_of", "texts_of"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Ignore what is said about odd data, which other tests read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", oa.errors.DataWarning)
        yield


class Shown:
    """What people see of a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def report(self) -> oa.WeeklyReport:
        """The weekly report's files."""
        world = self.world
        with quiet():
            return oa.weekly_report(
                world.opportunities,
                world.history,
                as_of=world.as_of,
                org=world.org,
                target=world.target,
                out=scratch_folder("opp-analytics-shown-") / "weekly.html",
                eml=True,
                markdown=True,
                progress=False,
            )

    @cached_property
    def page(self) -> reading.Read:
        """The page."""
        return reading.read(self.report.html)

    @cached_property
    def workbook(self) -> dict[str, list[list[Any]]]:
        """Cells of each sheet of the workbook; the first row of a table has the names of its
        columns."""
        book = openpyxl.load_workbook(self.report.xlsx)
        sheets = {}
        for sheet in book.worksheets:
            rows = [list(row) for row in sheet.iter_rows()]
            sheets[sheet.title] = rows
        return sheets

    @cached_property
    def markdown(self) -> str:
        """The text for a chat."""
        assert self.report.markdown is not None
        return self.report.markdown.read_text("utf-8")

    @cached_property
    def mail(self) -> tuple[str, str]:
        """The mail as plain text, and as HTML without its tags."""
        assert self.report.eml is not None
        message = email.message_from_bytes(
            self.report.eml.read_bytes(), policy=email.policy.default
        )
        plain, rich = (message.get_body((kind,)) for kind in ("plain", "html"))
        assert plain is not None
        assert rich is not None
        rich_words = " ".join(reading.read(rich.get_content()).root.itertext())
        return plain.get_content(), " ".join(rich_words.split())

    def command(self, name: str, *words: object) -> str:
        """What a command prints about the world."""
        folder = self.world.folder
        asked: list[object] = [name, "--org", folder / "opp-analytics.toml"]
        if name not in ("audit", "win-rate", "funnel", "categories", "pacing"):
            asked += ["--history", folder / "opp-history"]
        if name not in ("changes", "created", "slippage"):
            asked += ["--from", folder / "deals.parquet"]
            asked += [] if name == "funnel" else ["--as-of", self.world.as_of]
        return run_command(*asked, *words)

    def explorer(self, **state: Any) -> Any:
        """The explorer on a state."""
        world = self.world
        with quiet():
            return oa.explore(
                world.opportunities, world.history, as_of=world.as_of, state=state or None
            )

    def panel(self, **state: Any) -> dict[str, Any]:
        """What the explorer's browser side gets to show."""
        return read_panel(self.explorer(**state))

    @cached_property
    def grid(self) -> Any:
        """The editing grid."""
        world = self.world
        with quiet():
            return oa.edit(
                world.opportunities, history=world.history, as_of=world.as_of, freq=world.freq
            )

    @property
    def strip(self) -> dict[str, Any]:
        """The strip above the grid."""
        with quiet():
            answer: dict[str, Any] = self.grid._respond({"do": "strip"})["strip"]
        return answer


def run_command(*words: object) -> str:
    """Run the command line in this process; what it prints, errors too."""
    from opp_analytics.cli import main

    printed, before = io.StringIO(), sys.argv
    columns = os.environ.get("COLUMNS")
    sys.argv, os.environ["COLUMNS"] = ["opp-analytics", *map(str, words)], "400"
    # The command prints warnings itself, and leaves its printer behind.
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        warnings.simplefilter("always")
        show, folder = warnings.showwarning, Path.cwd()
        os.chdir(scratch_folder("opp-analytics-here-"))
        try:
            main()
        except SystemExit:
            pass
        finally:
            sys.argv, warnings.showwarning = before, show
            os.chdir(folder)
            os.environ.pop("COLUMNS")
            if columns is not None:
                os.environ["COLUMNS"] = columns
    return printed.getvalue()


# -- parts of a page


def rows_of(page: reading.Read, key: str, place: int = 0) -> list[dict[str, str]]:
    """The rows of a block's table by its headings; none where it has no table."""
    try:
        heads, *rows = page.table(key, place)
    except (IndexError, StopIteration, ValueError):
        return []
    return [dict(zip(heads, row, strict=False)) for row in rows if len(row) > 1]


def _spaced(one: Element) -> Iterator[str]:
    """The text of an element, its parts set apart."""
    if one.tag not in ("svg", "style", "title"):
        yield one.text or ""
        for child in one:
            yield from (" ", *_spaced(child), " ", child.tail or "")


_LEAVES = ("h2", "h3", "p", "td", "th", "li", "dt", "dd", "summary", "caption")


def texts_of(section: Element) -> list[str]:
    """Every text of a block: its words, what is drawn, and what is spoken; scales and lists of
    deals apart."""
    inner = {id(one) for table in reading.by_class(section, "dl") for one in table.iter()}
    found = []
    for one in section.iter():
        if id(one) in inner:
            continue
        if (label := one.get("aria-label")) is not None:
            found.append(label)
        if one.tag in ("text", "title", "tspan"):
            if (
                one.text
                and "t-quiet" not in reading.classes(one)
                and "tip" not in reading.classes(one)
            ):
                found.append(one.text)
        elif one.tag in _LEAVES and not reading.by_class(one, "dl"):
            found.append(" ".join("".join(_spaced(one)).split()))
    return list(dict.fromkeys(words for words in found if words))


def cell_text(cell: Any) -> str:
    """A cell of a workbook as a spreadsheet shows it, for the number formats that the project
    uses."""
    value = cell.value
    if value is None:
        return ""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    form = str(cell.number_format)
    for condition, shown in re.findall(r"\[([<>]=?[\d.]+)\]([^;]*)", form):
        operator, bound = re.findall(r"([<>]=?)([\d.]+)", condition)[0]
        inside = {
            "<": value < float(bound),
            "<=": value <= float(bound),
            ">": value > float(bound),
            ">=": value >= float(bound),
        }
        if inside[operator]:
            form = shown
            break
    else:
        form = form.split(";")[-1] if form.startswith(("[<", "[>")) else form.split(";")[0]
    literal = "".join(re.findall(r'"([^"]*)"', form))
    digits = re.sub(r'"[^"]*"|\[\$[^\]]*\]', "", form)
    if not re.search(r"[0#]", digits):
        return literal
    decimals = len(digits.partition(".")[2].rstrip("%× "))
    scaled = value * 100 if "%" in digits else value
    shown = f"{scaled:,.{decimals}f}" if "," in digits else f"{scaled:.{decimals}f}"
    return f"{literal if '%' not in literal else ''}{shown}{'%' if '%' in digits else ''}"


def as_frame(rows: list[list[Any]]) -> pd.DataFrame:
    """A sheet as a table under the names that functions use, without its total."""
    names = [
        cell.comment.text.strip().partition(":")[0] if cell.comment is not None else str(cell.value)
        for cell in rows[0]
    ]
    body = [
        [cell.value for cell in row]
        for row in rows[1:]
        if not str(row[0].value).startswith("Total")
    ]
    return pd.DataFrame(body, columns=names)
