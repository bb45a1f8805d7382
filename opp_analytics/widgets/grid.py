"""The editing grid: a notebook widget to edit opportunities."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from opp_analytics.arguments import whole
from opp_analytics.errors import ConfigError, OppAnalyticsError
from opp_analytics.periods import When, as_date
from opp_analytics.text import count
from opp_analytics.widgets.columns import to_arrow
from opp_analytics.widgets.messages import deflate, encode_answer, list_cells
from opp_analytics.widgets.preview import plan_and_impact
from opp_analytics.widgets.sheet import Answer, Sheet
from opp_analytics.writer import Plan, plan

try:
    import anywidget
except ImportError:
    raise ConfigError(
        "widgets need anywidget; install it with: pip install 'opp-analytics[notebook]'"
    ) from None

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["Grid", "edit"]

_STATIC = Path(__file__).parent / "static"


class Grid(anywidget.AnyWidget):
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
    """

    _esm = _STATIC / "grid.js"
    _css = _STATIC / "grid.css"
    _columns: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    _data = traitlets.Bytes().tag(sync=True)
    _height = traitlets.Int().tag(sync=True)

    def __init__(self, opportunities: pd.DataFrame, *, as_of: When | None, freq: str, height: int) -> None:
        self._sheet = Sheet(opportunities)
        self._as_of = as_of
        self._freq = freq
        # While a cell runs, messages arrive on another thread.
        self._lock = RLock()
        columns = [asdict(column) for column in self._sheet.columns]
        data = deflate(to_arrow(self._sheet.base, self._sheet.columns))
        super().__init__(_columns=columns, _data=data, _height=height)
        self.on_msg(self._answer)

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
            return self._sheet.refused

    def plan(self, client: Client | None = None) -> Plan:
        """The plan of the edits; with a client, compared with the server's current data.

        Raises
        ------
        ApiError
            When the server cannot be read.
        """
        return plan(self._sheet.base, self.edited, client=client)

    def __repr__(self) -> str:
        with self._lock:
            return f"<Grid of {count(len(self._sheet.base), 'opportunity')}: {self._sheet.summary()}>"

    def _answer(self, _: Any, asked: dict[str, Any], buffers: Any) -> None:
        """Carry out a request of the browser and send the result to every view of the grid."""
        try:
            with self._lock:
                answer = self._preview() if asked["do"] == "plan" else encode_answer(self._done(asked))
        except OppAnalyticsError as error:
            answer = encode_answer(Answer(said=str(error)))
        self.send({}, buffers=[answer])

    def _done(self, asked: dict[str, Any]) -> Answer:
        match asked:
            case {"do": "edit", "rows": rows, "fields": fields, "block": block}:
                return self._sheet.edit(list_cells(rows, fields, block))
            case {"do": "add"}:
                return self._sheet.add()
            case {"do": "remove", "rows": rows}:
                return self._sheet.remove(rows)
            case {"do": "undo"}:
                return self._sheet.undo()
            case _:
                return self._sheet.state()

    def _preview(self) -> bytes:
        planned = self.plan()
        as_of = as_date(datetime.now(UTC) if self._as_of is None else self._as_of)
        html = plan_and_impact(planned, as_of=as_of, freq=self._freq)
        return encode_answer(Answer(said=planned.summary().splitlines()[0]), plan=html)


def edit(
    opportunities: pd.DataFrame, *, as_of: When | None = None, freq: str = "M", height: int = 480
) -> Grid:
    """Edit opportunities in a grid, as in a spreadsheet; nothing is sent to the server.

    Double-click, press Enter or just type to edit; paste a block from a spreadsheet; Ctrl+D fills down, Ctrl+Z undoes,
    Ctrl+Delete removes rows, Alt+Up and Alt+Down sort, Escape moves from the cells to the buttons. Under a column's name,
    ``> 5000``, ``10..20``, ``<= 2026-03`` or part of a text filters rows.
    Every edit is checked at once: a value that the API would refuse is marked, and the cell keeps its old
    value. *Show plan* lists every change and its effect on the forecast. To write the changes, pass ``.edited`` to
    `plan`, then `apply`.

    Parameters
    ----------
    opportunities : DataFrame
        Any frame of opportunities with ``unique_id``; it is not changed.
    as_of : date-like, optional
        Day of the forecast under *Show plan*; today (UTC) by default.
    freq : str
        Period of that forecast: "M", "Q", a fiscal "Q-JAN", …
    height : int
        Height of the grid in pixels.

    Returns
    -------
    Grid
        The widget; ``.edited``, ``.changes``, ``.refused`` and ``.plan(client)`` return its edits.

    Raises
    ------
    MissingColumnError, DataError
        When there is no ``unique_id``, an id is missing or repeated, or a cell does not fit its column.
    ArgumentTypeError, ArgumentValueError
        When `height` is not a whole number of at least 1.
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
    height = whole(height, "height", example=480)
    return Grid(opportunities, as_of=as_of, freq=freq, height=height)
