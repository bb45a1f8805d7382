"""The explorer: a notebook widget with five views of a pipeline and its history."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from opp_analytics import org, svg, text
from opp_analytics.analysis import sentence
from opp_analytics.api import Client
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.history import History
from opp_analytics.periods import When, as_date
from opp_analytics.widgets.explorer.choice import Choice, DealSelector
from opp_analytics.widgets.explorer.panel import (
    list_controls,
    list_deals,
    show_deals,
    show_view,
    write_timeline,
)
from opp_analytics.widgets.explorer.views import PART, VIEW_TYPES, ForecastView, Option, View
from opp_analytics.widgets.messages import TEXT, Shape, entries, only, or_none
from opp_analytics.widgets.widget import Widget, encode, name_orgs
from opp_analytics.writer import guard_formula, own_writes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STATIC = Path(__file__).parent.parent / "static"
_WINDOW = 4
"""Records between the ends of a new window: a month, if recorded weekly."""


class Explorer(Widget):
    """The explorer widget; `explore` makes it.

    Attributes
    ----------
    table : DataFrame
        The result table of the current view.
    opportunities : DataFrame
        The picked opportunities at the window's end.
    state : dict
        What is chosen; ``explore(…, state=explorer.state)`` opens the same.
    code : str
        Lines that make the same table and drawing from ``opportunities`` and ``history``.
    """

    _esm = _STATIC / "explorer.js"
    # The pictures' own rules hold inside the panel only.
    _css = (_STATIC / "explorer.css").read_text("utf-8") + f".oap-explorer {{{svg.stylesheet()}}}"
    _about = traitlets.Dict().tag(sync=True)
    _shown = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        opportunities: pd.DataFrame,
        history: History | None,
        *,
        client: Client | None,
        day: pd.Timestamp,
        state: dict[str, Any] | None,
    ) -> None:
        self._selector = DealSelector(opportunities, history)
        self._client = client
        # The first org that says so tells where the CRM shows a deal, and the targets.
        orgs = name_orgs(opportunities, client, history)
        self._record_url = next((each.record_url for each in orgs.values() if each.record_url), None)
        targets = (Option(o.targets, f"{name}.targets") for name, o in orgs.items() if len(o.targets))
        self._targets = next(targets, None)
        self._day = day
        super().__init__(_about=list_controls(self._selector))
        self._choose(self._read(state))

    @property
    def state(self) -> dict[str, Any]:
        """What is chosen."""
        return self._choice.state

    @property
    def opportunities(self) -> pd.DataFrame:
        """The picked opportunities at the window's end."""
        return self._view.deals

    @property
    def ax(self) -> Axes:
        """The current table drawn by `oa.plots`."""
        return self._view.call.draw(self.table)

    # -- choosing

    def _read(self, state: dict[str, Any] | None) -> Choice:
        return Choice.of(state, org=self._selector.org, today=self._day.date())

    def _choose(self, choice: Choice) -> None:
        """Show a choice; one that cannot be shown leaves the last view."""
        view = VIEW_TYPES[choice.view](self._fill_window(choice), self._selector, self._targets)
        lack = view.lack
        table, panel = (pd.DataFrame(), {"empty": lack}) if lack else (view.table, show_view(view))
        rows = (*panel.get("rows", ()), *panel.get("links", ()))
        marks = {row["key"]: row.get("picture", "") for row in rows if row["key"]}
        lines = view.write_code()
        if self._selector.is_rated and any("history" in line for line in lines):
            lines = ['history = history.at_rates_of(history.records["recorded_at"].iloc[-1])', *lines]
        code = "\n".join(lines)
        panel |= {"state": choice.state, "window": [view.start, view.end]} | self._count(view)
        shown = encode(panel)
        self.code, self.table, self._choice, self._view = code, table, choice, view
        self._marks, self._shown = marks, shown

    def _fill_window(self, choice: Choice) -> Choice:
        """Complete a choice with the ends of its window."""
        moments = list(self._selector.moments)
        if not moments:
            usual = (self._day - pd.DateOffset(months=6)).isoformat()
            return replace(choice, start=choice.start or usual, end=choice.end or self._day.isoformat())
        end = str(choice.end) if choice.end in moments else moments[-1]
        first = 0 if choice.view == "win_rates" else max(0, moments.index(end) - _WINDOW)
        start = str(choice.start) if choice.start in moments else moments[first]
        return replace(choice, start=min(start, end), end=max(start, end))

    def _count(self, view: View) -> dict[str, Any]:
        """Count deals and records, and name the filters without effect."""
        choice, moments = view.choice, self._selector.moments
        filters = ("owners", "stages", "value", "close", "text")
        return {
            "deals": text.count(len(self._selector.opportunities)),
            "records": text.count(len(moments), "record") if moments else "",
            "unused": [name for name in filters if choice.sets(name) and not choice.has(name)],
        }

    # -- messages

    def _shapes(self) -> dict[str, Shape]:
        key = only("a mark of this chart", self._is_mark)
        return {
            "choose": entries(state=only("an explorer's state", lambda state: type(state) is dict)),
            "deals": entries(key=key, label=TEXT),
            "deal": entries(id=TEXT),
            "csv": entries(key=or_none(key)),
        }

    def _is_mark(self, key: Any) -> bool:
        """Tell whether a key is that of a row, of a part of its bar, or of a link below the chart."""
        row, part, name = key.partition(PART) if type(key) is str else ("", "", "")
        return row in self._marks and (not part or f'data-key="{escape(name)}"' in self._marks[row])

    def _respond(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "choose":
                self._choose(self._read(request["state"]))
                return {"chosen": True}
            case "deals":
                return {"deals": show_deals(self._view, request["key"], request["label"], self._record_url)}
            case "deal":
                ours = None if self._client is None else own_writes(self._client)
                timeline = write_timeline(self._selector.history, request["id"], ours)
                return {"timeline": [*self._view.explain_deal(request["id"]), *timeline]}
            case _:
                return {"csv": self._csv(request.get("key"))}

    def _csv(self, key: str | None) -> str:
        """Export the open table, else every deal behind the chart; cells that start a formula get an apostrophe."""
        if self._view.lack:
            raise ArgumentValueError("This view has no deals to export.")
        deals = list_deals(self._view, key) if key else self._view.behind
        ids = [column for column in deals if str(column).endswith("_id")]
        frame = deals[[*(column for column in deals if column not in ids), *ids]].copy()
        for column in frame.select_dtypes(["string", "object", "category"]):
            cells = frame[column].astype("object")
            frame[column] = [guard_formula(cell) if isinstance(cell, str) else cell for cell in cells]
        return frame.to_csv(index=False, date_format="%Y-%m-%d")

    # -- the picture that stays in a saved notebook

    def _static(self) -> dict[str, Any]:
        if self.table.empty:
            # Marked as the still view, which is hidden while the widget is there.
            return {
                "text/plain": repr(self),
                "text/html": f'<div class="oap-still">{escape(repr(self))}</div>',
            }
        figure: Any = self.ax.figure
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        return {"text/plain": repr(self), "image/png": buffer.getvalue()}

    def __repr__(self) -> str:
        silent = self.table.empty or isinstance(self._view, ForecastView)
        return f"<Explorer, {text.label(self._choice.view)}{'' if silent else f': {sentence(self.table)}'}>"


def explore(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    client: Client | None = None,
    as_of: When | None = None,
    state: dict[str, Any] | None = None,
) -> Explorer:
    """Explore a pipeline by clicking: what is open, win rates, forecast, what changed, what slipped.

    Filters are chips that can be removed; every mark opens its deals, each with its timeline and, where the org has a
    ``record_url``, its link. *Copy as code* gives the lines that make the very table and drawing on screen.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id name value stage close_date``; ``probability``, ``status`` and further columns if present.
    history : History, optional
        Past records, from which the forecast learns; without one, changes and slippage say what they need.
    client : Client, optional
        Whose org may have the ``record_url``, and whose own runs are named in timelines; no request is sent.
    as_of : date-like, optional
        Day of the frame's views where there is no history; today (UTC) by default.
    state : dict, optional
        What to show first: an explorer's ``.state``. Bounds may be typed: ``{"low": "150k", "last": "FY27 Q4"}``.

    Returns
    -------
    Explorer
        The widget; ``.table``, ``.opportunities``, ``.state`` and ``.code`` are those of what it shows.

    Raises
    ------
    MissingColumnError, DataError
        When a column is missing, or a cell does not fit its column.
    ArgumentTypeError, ArgumentValueError
        When `state` or `history` is not what it should be.
    ConfigError
        When anywidget is not installed.

    Examples
    --------
    >>> deals = pd.DataFrame({
    ...     "unique_id": ["a", "b"], "name": ["Acme", "Bolt"], "value": [100.0, 50.0], "stage": ["proposal", "discovery"],
    ...     "close_date": ["2026-03-20", "2026-04-20"], "probability": [40, 20]})
    >>> explorer = explore(deals, as_of="2026-03-01", state={"stages": ["proposal"]})
    >>> explorer.opportunities["name"].tolist()
    ['Acme']
    >>> print(explorer.code)
    deals = opportunities
    deals = deals[deals["stage"].isin(['proposal'])]
    table = oa.stage_funnel(deals)
    oa.plots.stage_funnel(table)
    """
    if history is not None and not isinstance(history, History):
        raise ArgumentTypeError(
            f"history is a {type(history).__name__}, not a History; open one with oa.History(path)"
        )
    frame = org.require(opportunities, "name", "value", "stage", "close_date", unique=True)
    day = as_date(datetime.now(UTC) if as_of is None else as_of, tz=org.Org.of(opportunities).zone(None))
    return Explorer(frame, history, client=client, day=day, state=state)
