"""The editing grid: a notebook widget to edit opportunities as in a spreadsheet."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from opp_analytics import schema, text
from opp_analytics.arguments import whole
from opp_analytics.org import OPEN, Org, outcome_codes
from opp_analytics.periods import When, as_date
from opp_analytics.text import count, number
from opp_analytics.widgets.grid.bulk import bulk
from opp_analytics.widgets.grid.columns import to_arrow
from opp_analytics.widgets.grid.drawer import receipt_model, review_model
from opp_analytics.widgets.grid.layout import read_layout, write_layout
from opp_analytics.widgets.grid.messages import answer_entries, cells_of, keys_of
from opp_analytics.widgets.grid.review import Review
from opp_analytics.widgets.grid.sheet import Answer, Sheet
from opp_analytics.widgets.grid.still import still
from opp_analytics.widgets.grid.strip import Outlook
from opp_analytics.widgets.widget import Widget, deflate
from opp_analytics.writer import Plan, plan

if TYPE_CHECKING:
    from opp_analytics.api import Client
    from opp_analytics.history import History

__all__ = ["Grid", "edit"]

_STATIC = Path(__file__).parent.parent / "static"
_REFUSED = ["unique_id", "name", "field", "value", "problem"]


class Grid(Widget):
    """The editing grid; `edit` makes it.

    Attributes
    ----------
    edited : DataFrame
        The edited opportunities, ready for `plan`: without removed rows, new ones at the end without
        ``unique_id``; dtypes are unchanged.
    changes : DataFrame
        The changes, as in `Plan.changes`.
    refused : DataFrame
        Refused edits, one row each: ``unique_id name field problem`` str, ``value`` as typed.
    state : dict
        What is set in the browser: columns, their order and widths, sort and filters.
    """

    _esm = _STATIC / "grid.js"
    _css = _STATIC / "grid.css"
    _columns: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    _data = traitlets.Bytes().tag(sync=True)
    _open = traitlets.Bytes().tag(sync=True)
    _height = traitlets.Int().tag(sync=True)
    _today = traitlets.Unicode().tag(sync=True)
    _layout = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        opportunities: pd.DataFrame,
        *,
        client: Client | None,
        history: History | None,
        as_of: When | None,
        freq: str,
        height: int,
    ) -> None:
        day = as_date(datetime.now(UTC) if as_of is None else as_of, tz=Org.of(opportunities).zone(None))
        self._sheet = Sheet(opportunities, today=day.date())
        self._outlook = Outlook(self._sheet, as_of=day, freq=freq, history=history)
        self._review = Review(self._sheet, client)
        super().__init__(
            _columns=[asdict(column) for column in self._sheet.columns],
            _data=deflate(to_arrow(self._sheet.frame, self._sheet.columns)),
            _open=deflate(_open_flags(self._sheet.frame)),
            _height=height,
            _today=f"{day:%Y-%m-%d}",
            _layout=read_layout(opportunities),
        )
        self.observe(lambda change: write_layout(self._sheet.frame, change["new"]), "_layout")

    @property
    def edited(self) -> pd.DataFrame:
        """The edited opportunities, ready for `plan`."""
        with self._lock:
            return self._sheet.edited

    @property
    def changes(self) -> pd.DataFrame:
        """The changes, as in `Plan.changes`."""
        return self.plan().changes

    @property
    def refused(self) -> pd.DataFrame:
        """Refused edits, with the reason."""
        with self._lock:
            found = [
                (
                    self._sheet.value(row, "unique_id"),
                    self._sheet.value(row, "name"),
                    name,
                    slot.typed,
                    slot.why,
                )
                for (row, name), slot in self._sheet.problems.items()
            ]
        table = pd.DataFrame(found, columns=_REFUSED, dtype="object")
        return table.astype(dict.fromkeys(("unique_id", "name", "field", "problem"), schema.TEXT))

    @property
    def state(self) -> dict[str, Any]:
        """What is set in the browser: columns, their order and widths, sort and filters."""
        return dict(self._layout)

    def plan(self, client: Client | None = None) -> Plan:
        """The plan of the edits; with a client, compared with the server's current data.

        What was decided in the review's conflicts is part of it.

        Raises
        ------
        ApiError
            When the server cannot be read.
        """
        with self._lock:
            edits = self._review.decided()
            base, edited = edits.base, edits.edited
        return plan(base, edited, client=client)

    def __repr__(self) -> str:
        with self._lock:
            return f"<Grid of {count(len(self._sheet.frame), 'opportunity')}: {self._summary()}>"

    def _static(self) -> dict[str, Any]:
        with self._lock:
            summary = text.capital(self._summary())
            return {"text/plain": repr(self), "text/html": still(self._sheet, summary)}

    def _summary(self) -> str:
        changes, problems = self._sheet.changes, len(self._sheet.problems)
        deals = count(len(self._sheet.changed_rows))
        parts = [f"{count(changes, 'change')} in {deals}"] if changes else ["no changes"]
        return ", ".join([*parts, *([f"{number(problems)} refused"] if problems else [])])

    # -- messages

    def _respond(self, asked: dict[str, Any]) -> dict[str, Any]:
        match asked["do"]:
            case "judge":
                return {"judged": self._sheet.judge(map(tuple, asked["cells"]))}
            case "operands":
                return {"judged": self._sheet.operands(map(tuple, asked["cells"]))}
            case "strip":
                return {"strip": self._strip()}
            case "review" | "receipt" | "check" | "choose" | "apply" | "undo run":
                return self._reviewed(asked)
            case _:
                answer = self._edited(asked)
                if answer.cells or answer.rows:
                    self._review.reset()
                return self._entries(answer)

    def _entries(self, answer: Answer) -> dict[str, Any]:
        """An answer, with the deals that it opened or closed, and the counts after it."""
        moved = {row for row, name, _, _ in answer.cells if name in ("stage", "status")}
        undo, redo = self._sheet.labels
        more = {
            "open": self._sheet.open_rows(moved),
            "counts": self._sheet.numbers,
            "undo": undo,
            "redo": redo,
        }
        return answer_entries(answer) | more

    def _edited(self, asked: dict[str, Any]) -> Answer:
        sheet = self._sheet
        match asked["do"]:
            case "edit":
                return sheet.edit(cells_of(asked["areas"], sheet.text), asked.get("label", ""))
            case "revert":
                return sheet.revert(keys_of(asked["areas"]))
            case "dismiss":
                return sheet.dismiss(keys_of(asked["areas"]))
            case "bulk":
                return bulk(sheet, asked["rows"], asked["verb"], field=asked["field"], text=asked["text"])
            case "add":
                return sheet.add()
            case "remove":
                return sheet.remove(asked["rows"])
            case "undo":
                return sheet.undo()
            case "redo":
                return sheet.redo()
            case _:
                return sheet.state()

    def _reviewed(self, asked: dict[str, Any]) -> dict[str, Any]:
        review = self._review
        match asked["do"]:
            case "receipt":
                return {"drawer": receipt_model(review)}
            case "check":
                review.check()
            case "choose":
                review.choose((asked["row"], asked["field"]), asked["keep"])
            case "apply":
                if review.apply(self._progress):
                    return self._written()
            case "undo run":
                review.undo_run(self._progress)
                return self._written()
        return {"drawer": review_model(review, self._outlook)}

    def _written(self) -> dict[str, Any]:
        self._outlook.forget()
        return self._entries(self._sheet.state()) | {"reset": True, "drawer": receipt_model(self._review)}

    def _progress(self, done: int, total: int) -> None:
        # A long run tells a hundred times at most.
        if done == total or done % max(1, total // 100) == 0:
            self._post({"progress": [done, total]})

    def _strip(self) -> dict[str, Any]:
        receipt = receipt_model(self._review)
        return {
            **self._sheet.numbers,
            "period": next(iter(self._outlook.periods()), None),
            "why": self._outlook.why,
            "run": receipt and {key: receipt[key] for key in ("written", "at", "undone")},
        }


def _open_flags(opportunities: pd.DataFrame) -> bytes:
    """One byte a row: 1 for an open deal."""
    if "stage" not in opportunities:
        return bytes([1]) * len(opportunities)
    return bytes((outcome_codes(opportunities) == OPEN).tolist())


def edit(
    opportunities: pd.DataFrame,
    *,
    client: Client | None = None,
    history: History | None = None,
    as_of: When | None = None,
    freq: str = "M",
    height: int = 470,
) -> Grid:
    """Edit opportunities in a grid, as in a spreadsheet; nothing is written before the plan is reviewed and applied.

    Type, paste blocks, drag the corner of a selection to fill, undo with Ctrl+Z and redo with Ctrl+Y. Every edit is
    checked at once: a value that the API would refuse is marked, and the cell keeps its old value. The strip below
    counts the changes and shows what they do to the forecast; *Review plan* lists them, checks them against the server,
    and writes them after a confirmation. `docs/grid.md` has the keys.

    Parameters
    ----------
    opportunities : DataFrame
        Any frame of opportunities with ``unique_id``; it is not changed.
    client : Client, optional
        Where the plan is checked and written; without one the review shows the lines that do it.
    history : History, optional
        Past records, from which the forecast learns.
    as_of : date-like, optional
        Day of the forecast; today (UTC) by default.
    freq : str
        Period of the forecast: "M", "Q", a fiscal "Q-JAN", …
    height : int
        Height of the rows in pixels.

    Returns
    -------
    Grid
        The widget; ``.edited``, ``.changes``, ``.refused`` and ``.plan(client)`` return its edits.

    Raises
    ------
    MissingColumnError, DataError
        When there is no ``unique_id``, an id is missing or repeated, or a cell does not fit its column.
    ArgumentTypeError, ArgumentValueError
        When `height` is not a whole number of at least 120, or `freq` is not a period.
    ConfigError
        When anywidget is not installed.

    Examples
    --------
    >>> grid = edit(pd.DataFrame({"unique_id": ["a"], "name": ["Acme"], "value": [1200.0]}))
    >>> grid
    <Grid of 1 opportunity: no changes>
    >>> len(grid.changes)
    0
    """
    height = whole(height, "height", low=120, example=470)
    return Grid(opportunities, client=client, history=history, as_of=as_of, freq=freq, height=height)
