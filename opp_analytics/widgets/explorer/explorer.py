"""The explorer: a notebook widget with five views of a pipeline and its history."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from opp_analytics import org, plots, svg, text
from opp_analytics.analysis import sentence
from opp_analytics.errors import ArgumentTypeError
from opp_analytics.history import History
from opp_analytics.periods import When, as_date
from opp_analytics.widgets.explorer.choice import Choice
from opp_analytics.widgets.explorer.offered import offered
from opp_analytics.widgets.explorer.panel import deals_model, deals_table, panel
from opp_analytics.widgets.explorer.pick import Picker
from opp_analytics.widgets.explorer.timeline import timeline
from opp_analytics.widgets.explorer.views import Forecast, Look, View, view_of
from opp_analytics.widgets.widget import Widget
from opp_analytics.widgets.wire import encode
from opp_analytics.writer import guarded, own_writes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from opp_analytics.api import Client

__all__ = ["Explorer", "explore"]

_STATIC = Path(__file__).parent.parent / "static"
_WINDOWS = 4
"""Records between the ends of a new window."""


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
    _css = (_STATIC / "explorer.css").read_text() + f".oap-explorer {{{svg.stylesheet()}}}"
    _about = traitlets.Dict().tag(sync=True)
    _shown = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        opportunities: pd.DataFrame,
        history: History | None,
        *,
        client: Client | None,
        day: pd.Timestamp,
        choice: Choice,
    ) -> None:
        self._picker = Picker(opportunities, history)
        self._client = client
        self._record_url = _record_url(opportunities, history, client)
        self._day = day
        self._choice = choice
        super().__init__(_about=offered(self._picker))
        self._choose(choice)

    @property
    def state(self) -> dict[str, Any]:
        """What is chosen."""
        return self._choice.state

    @property
    def opportunities(self) -> pd.DataFrame:
        """The picked opportunities at the window's end."""
        return self._look.deals

    @property
    def ax(self) -> Axes:
        """The current table drawn by `oa.plots`."""
        drawn = self.code.rpartition("oa.plots.")[2].partition("(")[0]
        axes: Axes = getattr(plots, drawn)(self.table)
        return axes

    # -- choosing

    def _settled(self, choice: Choice) -> Choice:
        """The choice with the ends of its window."""
        moments = list(self._picker.moments)
        if not moments:
            end = self._day.isoformat()
            start = (self._day - pd.DateOffset(months=6)).isoformat()
            return replace(choice, start=choice.start or start, end=choice.end or end)
        end = str(choice.end) if choice.end in moments else moments[-1]
        first = moments[0] if choice.view == "win_rates" else moments[max(0, moments.index(end) - _WINDOWS)]
        start = str(choice.start) if choice.start in moments else first
        return replace(choice, start=min(start, end), end=max(start, end))

    def _choose(self, choice: Choice) -> None:
        """Show a choice; if it cannot be shown, say why and keep the last good view."""
        settled = self._settled(choice)
        look = Look(settled, self._picker, self._picker.frame(settled, settled.end), self._scope(settled))
        view = view_of(look)
        self.code = "\n".join(view.code()) if self._ready(view) else ""
        self._choice, self._look, self._view = choice, look, view
        shown: dict[str, Any] = {"state": choice.state, "window": [settled.start, settled.end], "error": ""}
        empty = self._empty(look, view)
        self.table = pd.DataFrame() if empty else view.table()
        if not empty:
            empty = "nothing" if self.table.empty else view.lacks(self.table)
        if empty:
            self.table = pd.DataFrame()
            shown |= {"empty": empty}
        else:
            shown |= panel(look, view, self.table)
        self._shown = encode(shown | self._counts(settled))

    def _ready(self, view: View) -> bool:
        return not view.of_history or len(self._picker.moments) > 1

    def _scope(self, choice: Choice) -> History | None:
        if choice.view not in ("changes", "slippage") or len(self._picker.moments) < 2:
            return None
        return self._picker.scoped(choice)

    def _empty(self, look: Look, view: View) -> str:
        """Reason why there is nothing to draw."""
        if not self._ready(view):
            return "history"
        if view.of_history:
            if look.choice.start == look.choice.end:
                return "window"
            return "" if look.scoped is not None else "match"
        return "" if len(look.deals) else "match"

    def _counts(self, choice: Choice) -> dict[str, Any]:
        deals = len(self._picker.opportunities)
        return {
            "deals": text.count(deals),
            "records": text.count(len(self._picker.moments), "record") if self._picker.moments else "",
            "unused": [n for n in ("owners", "stages", "value", "close", "text") if choice.sets(n) and not choice.has(n)],
            "n": f"n = {text.count(len(self._look.deals))}",
        }  # fmt: skip

    # -- messages

    def _done(self, asked: dict[str, Any]) -> dict[str, Any]:
        match asked["do"]:
            case "choose":
                self._choose(Choice.of(asked["state"]))
                return {"chosen": True}
            case "deals":
                key, label = asked["key"], asked["label"]
                return {"deals": deals_model(self._view, self.table, key, label, self._record_url)}
            case "deal":
                ours = None if self._client is None else own_writes(self._client)
                return {"timeline": timeline(self._picker.history, str(asked["id"]), ours)}
            case _:
                return {"csv": self._csv(asked.get("key"))}

    def _csv(self, key: str | None) -> str:
        """The open table, else every deal behind the chart, as CSV; cells that start a formula get an apostrophe."""
        deals = deals_table(self._view, self.table, key) if key else self._look.deals
        ids = [column for column in deals if str(column).endswith("_id")]
        frame = deals[[*(column for column in deals if column not in ids), *ids]].copy()
        for column in frame.select_dtypes(["string", "object", "category"]):
            frame[column] = frame[column].astype("object").map(
                lambda cell: guarded(cell) if isinstance(cell, str) else cell
            )  # fmt: skip
        return frame.to_csv(index=False, date_format="%Y-%m-%d")

    # -- the picture that stays in a saved notebook

    def _still(self) -> dict[str, Any]:
        return {"text/plain": repr(self)} | ({} if self.table.empty else {"image/png": self._png()})

    def _png(self) -> bytes:
        figure: Any = self.ax.figure
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()

    def __repr__(self) -> str:
        said = "" if self.table.empty or isinstance(self._view, Forecast) else f": {sentence(self.table)}"
        return f"<Explorer, {text.label(self._choice.view)}{said}>"


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
        Past records; without one, changes and slippage say what they need.
    client : Client, optional
        Whose org may have the ``record_url``, and whose own runs are named in timelines; no request is sent.
    as_of : date-like, optional
        Day of the frame's views where there is no history; today (UTC) by default.
    state : dict, optional
        What to show first: an explorer's ``.state``.

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
    frame.attrs = dict(opportunities.attrs)
    day = as_date(datetime.now(UTC) if as_of is None else as_of, tz=org.Org.of(opportunities).zone(None))
    return Explorer(frame, history, client=client, day=day, choice=Choice.of(state))


def _record_url(opportunities: pd.DataFrame, history: History | None, client: Client | None) -> str | None:
    """Where the CRM shows a deal, from the first org that says so."""
    known = [org.Org.of(opportunities), *(source.org for source in (client, history) if source is not None)]
    return next((meant.record_url for meant in known if meant is not None and meant.record_url), None)
