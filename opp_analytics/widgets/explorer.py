"""The explorer: a notebook widget with controls over five views of a pipeline."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import lru_cache, partial
from html import escape
from threading import RLock
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import org
from opp_analytics.errors import ArgumentTypeError, ConfigError, OppAnalyticsError
from opp_analytics.history import History
from opp_analytics.periods import When, as_date
from opp_analytics.plots import message
from opp_analytics.text import number, percent
from opp_analytics.widgets.choices import Choice, amounts, chosen_history, groups_of, periods_of
from opp_analytics.widgets.views import VIEWS, Look, View

try:
    import ipywidgets
except ImportError:
    raise ConfigError(
        "widgets need ipywidgets; install it with: pip install 'opp-analytics[notebook]'"
    ) from None

__all__ = ["Explorer", "explore"]

_OWNER = "owner_name"
_FREQS = [("week", "W"), ("month", "M"), ("quarter", "Q"), ("year", "Y")]
_NOW = "now"
_LOOK_BACK = 4
"""Initial number of records between the two ends of the slider."""
_DPI = 100
_KEPT = 6
"""Size of the cache of records and of choices."""


class Explorer(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets ships no types
    """The explorer widget; `explore` makes it.

    Attributes
    ----------
    table : DataFrame
        The result table of the current view.
    opportunities : DataFrame
        The chosen opportunities, as of the chosen time.
    ax : Axes
        The current drawing; save it with ``explorer.ax.figure.savefig(…)``.
    """

    def __init__(
        self, opportunities: pd.DataFrame, history: History | None, day: pd.Timestamp, tz: str
    ) -> None:
        self._frame, self._day, self._tz = opportunities, day, tz
        self._moments: list[pd.Timestamp] = [] if history is None else list(history.records["recorded_at"])
        if history is not None and self._moments:
            self._known = lru_cache(_KEPT)(history.as_of)
            self._chosen = lru_cache(_KEPT)(partial(chosen_history, history, history.changes()))
        # While a cell runs, callbacks arrive on another thread.
        self._lock = RLock()
        self._settling = False
        self._groups = groups_of(opportunities)
        self._make_controls()
        self._said, self._picture, self._rows = ipywidgets.HTML(), ipywidgets.Image(), ipywidgets.HTML()
        # At its drawn size, never stretched, and smaller where there is less room.
        self._picture.layout = ipywidgets.Layout(align_self="flex-start", max_width="100%")
        row = ipywidgets.Layout(flex_flow="row wrap", align_items="flex-start")
        super().__init__(
            [
                self.view,
                ipywidgets.HBox([self.by, self.values, self.stages], layout=row),
                ipywidgets.HBox([self.freq, self.period, self.value_range], layout=row),
                *([self.moments] if self.moments else []),
                self._said,
                self._picture,
                self._rows,
            ]
        )
        for control in self._controls():
            control.observe(self._changed, names="value")
        self.redraw()

    def _make_controls(self) -> None:
        described: dict[str, Any] = {"style": {"description_width": "6.5em"}}
        slim = {**described, "layout": {"width": "19em"}}
        self.view = ipywidgets.ToggleButtons(options=list(VIEWS), style={"button_width": "7em"})
        first = _OWNER if _OWNER in self._groups else None
        columns = [("(no column)", None), *((name.replace("_", " "), name) for name in self._groups)]
        self.by = ipywidgets.Dropdown(options=columns, value=first, description="by", **slim)
        self.values = ipywidgets.SelectMultiple(
            options=self._groups.get(first or "", []), description="only", rows=5, **slim
        )
        stages = [str(stage) for stage in self._frame["stage"].cat.categories]
        self.stages = ipywidgets.SelectMultiple(options=stages, description="stage", rows=5, **slim)
        self.freq = ipywidgets.Dropdown(options=_FREQS, value="M", description="periods", **slim)
        self.period = ipywidgets.Dropdown(options=self._periods("M"), description="due in", **slim)
        bounds = amounts(self._frame)
        self.value_range = ipywidgets.SelectionRangeSlider(
            options=bounds,
            index=(0, len(bounds) - 1),
            description="value",
            continuous_update=False,
            layout={"width": "28em"},
            **described,
        )
        self.moments: Any = self._moment_slider(described)

    def _moment_slider(self, described: dict[str, Any]) -> Any:
        """The slider over the records; None without a history."""
        if not self._moments:
            return None
        moments = [(f"{moment:%Y-%m-%d %H:%M}", moment) for moment in self._moments]
        options = [*moments, (_NOW, None)]
        return ipywidgets.SelectionRangeSlider(
            options=options,
            index=(max(0, len(moments) - 1 - _LOOK_BACK), len(moments)),
            description="since, as of",
            continuous_update=False,
            layout={"width": "48em", "max_width": "100%"},
            **described,
        )

    def _controls(self) -> list[Any]:
        always = [self.view, self.by, self.values, self.stages, self.freq, self.period, self.value_range]
        return [*always, *([self.moments] if self.moments else [])]

    def _periods(self, freq: str) -> list[tuple[str, str | None]]:
        return [("any time", None), *((label, label) for label in periods_of(self._frame, freq))]

    def _changed(self, change: Any) -> None:
        with self._lock:
            if self._settling:
                return
            self._settling = True
            try:
                # These two controls set the options of others.
                if change["owner"] is self.by:
                    self.values.options = self._groups.get(self.by.value or "", [])
                if change["owner"] is self.freq:
                    self.period.options = self._periods(self.freq.value)
            finally:
                self._settling = False
            self.redraw()

    @property
    def _choice(self) -> Choice:
        low, high = self.value_range.value
        return Choice(
            by=self.by.value,
            values=tuple(self.values.value),
            stages=tuple(self.stages.value),
            freq=self.freq.value,
            period=self.period.value,
            low=low,
            high=high,
        )

    def _look(self) -> Look:
        choice = self._choice
        if not self._moments:
            return Look(self._frame, self._day, choice, self._tz)
        since, at = self.moments.value
        of_history = VIEWS[self.view.value].of_history
        return Look(
            self._frame if at is None else self._known(at),
            self._day if at is None else as_date(at, tz=self._tz),
            choice,
            self._tz,
            self._chosen(choice.of_deals) if of_history else None,
            since,
            at or self._moments[-1],
        )

    def redraw(self) -> None:
        """Show the view that the controls select."""
        with self._lock:
            look, view = self._look(), VIEWS[self.view.value]
            self.opportunities = look.chosen
            try:
                self.table = view.table(look)
            except OppAnalyticsError as reason:
                self.table = pd.DataFrame()
                self.ax = message(str(reason), str(self.view.value).capitalize())
            else:
                self.ax = view.draw(self.table)
            self._said.value = _said(self.opportunities, look, view)
            self._picture.value = _png(self.ax)
            self._rows.value = _html(self.table)


def _png(ax: Axes) -> bytes:
    figure: Any = ax.figure
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def _said(chosen: pd.DataFrame, look: Look, view: View) -> str:
    text = f"{len(chosen):,} of {len(look.opportunities):,} opportunities as of {look.day:%Y-%m-%d}"
    if view.of_history and look.choice.stages:
        text += "; this view includes every stage, so that won and lost deals are not missing"
    return f"<p role='status'>{escape(text)}</p>"


def _html(table: pd.DataFrame) -> str:
    """The numbers behind the picture, readable by a screen reader."""
    if table.empty:
        return ""
    rounded = table.copy()
    for name in table.columns:
        if pd.api.types.is_float_dtype(table[name].dtype):
            rate = str(name).endswith(("rate", "rate_low", "rate_high"))
            rounded[name] = [percent(value, 1) if rate else number(value) for value in table[name]]
    return f"<details><summary>the table</summary>{rounded.to_html(border=0, escape=True)}</details>"


def explore(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When | None = None,
    tz: str = "UTC",
) -> Explorer:
    """Explore a pipeline by clicking: funnel, win rate, forecast, changes, slippage.

    Parameters
    ----------
    opportunities : DataFrame
        A frame from `load`: ``unique_id``, ``stage``, ``value`` (money), ``close_date`` (date), ``probability``
        (percent); any text column with up to 500 values is a filter.
    history : History, optional
        Adds a slider over its records, and the views of changes and slippage between two of them.
    as_of : date-like, optional
        Date of the frame; default: today.
    tz : str
        Business time zone of that day.

    Returns
    -------
    Explorer
        A widget, shown by the last line of a cell. ``.table`` is the current result, ``.opportunities`` the chosen
        deals, ``.ax`` the drawing. It never reads from or writes to the server.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When an argument or the frame cannot be used.
    ConfigError
        When ipywidgets is not installed.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a", "b"], "stage": ["proposal", "discovery"], "value": [500.0, 900.0],
    ...                       "close_date": "2026-03-20", "probability": 40})
    >>> explorer = explore(frame, as_of="2026-03-10")
    >>> explorer.stages.value = ["proposal"]
    >>> explorer.table.loc["proposal", "open_value"]
    np.float64(500.0)
    """
    if history is not None and not isinstance(history, History):
        raise ArgumentTypeError(f"history is a {type(history).__name__}; open a history with History(path)")
    frame = org.require(
        opportunities, "unique_id", "stage", "value", "close_date", "probability", unique=True
    )
    return Explorer(frame, history, as_date(as_of if as_of is not None else datetime.now(UTC), tz=tz), tz)
