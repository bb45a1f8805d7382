"""The explorer: a notebook widget with six views of a pipeline and its history.

Its panel as plain JSON.
"""

from __future__ import annotations

import io
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd
import traitlets
from msgspec import structs

from opp_analytics import org, schema, svg, text
from opp_analytics.analysis import sentence
from opp_analytics.api import Client
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.history import History
from opp_analytics.inputs import did_you_mean
from opp_analytics.org import Org, find_day
from opp_analytics.periods import When, as_date
from opp_analytics.schema import BUCKETS
from opp_analytics.widgets.explorer.choice import FILTERS, PRESETS, VIEWS, Choice, DealSelector
from opp_analytics.widgets.explorer.deals import list_deals, show_deals, tell_deal
from opp_analytics.widgets.explorer.planned import add_planned, compare_kpis
from opp_analytics.widgets.explorer.views import find_type
from opp_analytics.widgets.explorer.views.forecast import ForecastView
from opp_analytics.widgets.explorer.views.view import PART, View
from opp_analytics.widgets.grid.grid import Grid
from opp_analytics.widgets.messages import Message, Text
from opp_analytics.widgets.widget import Widget, encode, find_cell
from opp_analytics.writer import write_guarded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STATIC = Path(__file__).parent.parent / "static"
_WINDOW = 4
"""Records between the ends of a new window: a month, if recorded weekly."""


class _Mark(str):
    """The key of a mark in the chart."""

    __slots__ = ()


class _Choose(Message):
    state: dict[str, Any]


class _Key(Message):
    key: _Mark | None = None


class _Deals(Message):
    key: _Mark
    label: Text


class _Deal(_Key, kw_only=True):
    id: Text


class _Pick(Message):
    text: Text


class Explorer(Widget):
    """The explorer widget; `explore` makes it."""

    table: pd.DataFrame
    """The result table of the current view."""
    code: str
    """Lines that make the same table from ``opportunities`` and ``history``, and draw it by
    `oa.plots`."""
    grid: Grid | None = None
    """The grid that `edit` opened; None before."""

    _esm = _STATIC / "explorer.js"
    # The pictures' own rules hold inside the panel only.
    _css = (_STATIC / "explorer.css").read_text("utf-8") + f".oap-explorer {{{svg.stylesheet()}}}"
    _kinds: ClassVar[Mapping[str, type[Message]]] = {
        "choose": _Choose,
        "deals": _Deals,
        "deal": _Deal,
        "pick": _Pick,
        "csv": _Key,
        "table": Message,
        "edit": _Key,
    }
    _about = traitlets.Dict().tag(sync=True)
    _shown = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        opportunities: pd.DataFrame,
        history: History | None,
        *,
        client: Client | None,
        as_of: When | None,
        state: dict[str, Any] | None,
    ) -> None:
        selector = self._selector = DealSelector(opportunities, history, client)
        self._end = (
            selector.now
            if as_of is None or not selector.now
            else selector.find_record(as_of, "as_of")
        )
        when = self._end or as_of
        self._day = (
            find_day(opportunities) if when is None else as_date(when, tz=selector.org.zone(None))
        )
        super().__init__(_about=list_controls(selector, self._day))
        self._cell = find_cell()
        self._choose(self._read(state))

    @property
    def state(self) -> dict[str, Any]:
        """What is chosen; ``explore(…, state=explorer.state)`` opens the same."""
        return self._choice.state

    @property
    def opportunities(self) -> pd.DataFrame:
        """The picked opportunities at the window's end."""
        return self._view.deals

    @property
    def ax(self) -> Axes:
        """The current table drawn by `oa.plots`."""
        return self._view.call.draw(self.table)

    def edit(self, key: str | None = None) -> Grid:
        """Open the deals under a mark in a grid, or all behind the chart.

        Its planned changes are shown here, too.

        There is one grid for each explorer, over all opportunities: it shows these deals and keeps
        the edits of others. ``edited``, its plan and its drafts are of the whole. The panel opens
        it with *Edit these 12 deals*.

        Parameters
        ----------
        key : str, optional
            The mark: a stage, a month such as ``2026-12``, an owner's name.

        Raises
        ------
        ArgumentValueError
            When the chart has no such mark, or no deal is behind it.
        """
        with self._lock:
            if key is not None and not self._is_mark(key):
                marks = text.joined(map(repr, self._marks), most=12) or "none"
                raise ArgumentValueError(
                    f"key={key!r} is not a mark of this chart; its marks: {marks}"
                )
            deals = list_deals(self._view, key) if key else self._view.behind
            if deals.empty:
                raise ArgumentValueError(
                    "No deals are behind this chart, so there is nothing to edit."
                )
            if self.grid is None:
                selector, end = self._selector, self._view.end
                # The grid holds the deals as they are now, whatever the window's end.
                moment = end if selector.now is None or selector.is_now(end) else selector.now
                self.grid = Grid(
                    selector.opportunities,
                    client=selector.client,
                    history=selector.history,
                    as_of=selector.to_day(moment),
                    freq="M",
                    height=320,
                    cell=self._cell,
                )
                # An edit in the grid is told to the page, without drawing anything.
                self.grid.watchers.append(
                    lambda: self._post({"planned": self._show_planned(self._view)})
                )
            self.grid.show_only(deals["unique_id"], text.label(key) if key else "the chart")
            return self.grid

    # -- planned changes

    def _show_planned(self, view: View) -> dict[str, Any] | None:
        if self.grid is None:
            return None
        now = "" if self._selector.is_now(view.end) else view.format_day(str(self._selector.now))
        note = now and f"The grid has the deals as of {now}, not {view.format_day(view.end)}."
        said = {"said": self.grid.name_changes(), "grid": self.grid.model_id}
        return {**said, "written": self.grid.is_written, "note": note}

    def _select_from(self, planned: bool) -> tuple[DealSelector, list[str]]:
        """Take the opportunities as they were given, as applied since, or with the planned changes.

        With the line for code.
        """
        grid = self.grid
        if grid is None or not (planned or grid.is_written):
            return self._selector, []
        # The notebook's own opportunities stay what they are where the code is run.
        if planned:
            return self._selector.over(grid.named, "edited"), ["edited = explorer.grid.edited"]
        return self._selector.over(grid.opportunities, "applied"), [
            "applied = explorer.grid.opportunities"
        ]

    # -- choosing

    def _read(self, state: dict[str, Any] | None) -> Choice:
        choice = Choice.of(state, org=self._selector.org, today=self._day.date())
        known = [str(column) for column in self._selector.opportunities]
        if unknown := [column for column in choice.where if column not in known]:
            hint = did_you_mean(unknown[0], known)
            raise ArgumentValueError(
                (
                    f"state['where']: the opportunities have no column {unknown[0]!r}. "
                    f"{text.capital(hint)}"
                ).rstrip()
            )
        return choice

    def _choose(self, choice: Choice) -> None:
        """Show a choice; one that cannot be shown leaves the last view."""
        filled = self._fill_window(choice)
        selector, given = self._select_from(choice.planned)
        view = find_type(choice)(filled, selector)
        lack, before = view.lack, None
        if choice.planned and self.grid is not None:
            now, _ = self._select_from(planned=False)
            before = find_type(choice)(filled, now)
        table = pd.DataFrame() if lack else view.table
        panel: dict[str, Any] = {"empty": lack} if lack else show_view(view, before)
        rows = (*panel.get("rows", ()), *panel.get("links", ()))
        marks = {row["key"]: row.get("picture", "") for row in rows if row["key"]}
        lines = [*given, *view.write_code()]
        if self._selector.is_rated and any("history" in line for line in lines):
            lines = [
                'history = history.at_rates_of(history.records["recorded_at"].iloc[-1])',
                *lines,
            ]
        code = "\n".join(lines)
        panel |= {} if lack else {"code": code}
        panel |= {
            "state": choice.state,
            "window": [view.start, view.end],
            "periods": view.periods,
            "unused": [
                name for name in FILTERS["pipeline"] if choice.sets(name) and not choice.has(name)
            ],
            "close_days": selector.close_days(filled),
            "deals": text.count(len(self._selector.opportunities)),
            "records": text.count(len(selector.moments), "record") if selector.moments else "",
            "planned": self._show_planned(view),
        }
        shown = encode(panel)
        self.code, self.table, self._choice, self._view = code, table, choice, view
        self._marks, self._shown = marks, shown

    def _fill_window(self, choice: Choice) -> Choice:
        """Complete a choice with the ends of its window."""
        selector, moments = self._selector, list(self._selector.moments)
        if self._end is None:
            usual = (self._day - pd.DateOffset(months=6)).isoformat()
            return structs.replace(
                choice, start=choice.start or usual, end=choice.end or self._day.isoformat()
            )
        end = selector.find_record(choice.end, "state['end']") if choice.end else self._end
        first = 0 if choice.view == "win_rates" else max(0, moments.index(end) - _WINDOW)
        start = (
            selector.find_record(choice.start, "state['start']") if choice.start else moments[first]
        )
        return structs.replace(choice, start=min(start, end), end=max(start, end))

    # -- messages

    def _check(self, kind: type[Any], value: Any) -> Any:
        if not self._is_mark(value):
            raise ValueError(f"{reprlib.repr(value)} is not a mark of this chart")
        return kind(value)

    def _is_mark(self, key: Any) -> bool:
        """Tell whether a key is of a row, a part of its bar, or a link below the chart."""
        row, part, name = key.partition(PART) if isinstance(key, str) else ("", "", "")
        return row in self._marks and (not part or f'data-key="{escape(name)}"' in self._marks[row])

    def _respond(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "choose":
                self._choose(self._read(request["state"]))
                return {"chosen": True}
            case "deals":
                return {"deals": show_deals(self._view, request["key"], request["label"])}
            case "deal":
                moment = self._view.open_at(request.get("key") or "") or self._view.end
                return {"sections": tell_deal(self._view, request["id"], moment)}
            case "pick":
                picked, unknown = self._selector.find_ids(request["text"])
                quoted = text.joined([f"“{text.printable(each)[:80]}”" for each in unknown], most=5)
                return {"picked": picked, "unknown": f"Not found: {quoted}." if unknown else ""}
            case "edit":
                self.edit(request.get("key"))
                return {"planned": self._show_planned(self._view)}
            case what:
                return {"csv": self._write_csv(what, request.get("key"))}

    def _write_csv(self, what: str, key: str | None) -> str | None:
        """Write the table as shown, or the deals of the open table, else all behind the chart."""
        view, is_table = self._view, what == "table"
        if view.lack:
            raise ArgumentValueError(
                f"This view has no {'table' if is_table else 'deals'} to export."
            )
        made = view.shown_table.reset_index()
        if not is_table:
            deals = list_deals(view, key) if key else view.behind
            # Ids last.
            made = deals[sorted(deals, key=lambda column: str(column).endswith("_id"))]
        return write_guarded(made, date_format="%Y-%m-%d")

    # -- the picture that stays in a saved notebook

    def _static(self) -> dict[str, Any]:
        if self.table.empty:
            # Marked as the still view, which is hidden while the widget is there.
            still = f'<div class="oap-still">{escape(repr(self))}</div>'
            return {"text/plain": repr(self), "text/html": still}
        figure: Any = self.ax.figure
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        return {"text/plain": repr(self), "image/png": buffer.getvalue()}

    def __repr__(self) -> str:
        silent = self.table.empty or isinstance(self._view, ForecastView)
        return (
            "<Explorer, "
            f"{text.label(self._choice.view)}{'' if silent else f': {sentence(self.table)}'}>"
        )


def explore(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    client: Client | None = None,
    as_of: When | None = None,
    state: dict[str, Any] | None = None,
) -> Explorer:
    """Explore a pipeline by clicking: open deals, win rates, forecast, changes and risk.

    Changes include what slipped.

    Filters are chips that can be removed; every mark opens its deals, each with its timeline and,
    where the org has a ``record_url``, its link. *Copy as code* gives the lines that make the very
    table on screen, and draw it by `oa.plots`.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id name value stage close_date``; ``probability``, ``status`` and further columns
        if present.
    history : History, optional
        Past records, from which the forecast learns; without one, changes and slippage say what
        they need.
    client : Client, optional
        Whose org may have the ``record_url``, and whose own runs are named in timelines; no request
        is sent.
    as_of : date or str, optional
        Day of the frame's views; with a history the window ends at the last record by then. By
        default the day of the frame; with a history the record that the frame was read from, else
        the last one.
    state : dict, optional
        What to show first: an explorer's ``.state``. Bounds may be typed: ``{"low": "150k", "last":
        "FY27 Q4"}``.

    Returns
    -------
    Explorer
        The widget; ``.table``, ``.opportunities``, ``.state`` and ``.code`` are those of what it
        shows.

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
    >>> deals = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b"],
    ...         "name": ["Acme", "Bolt"],
    ...         "value": [100.0, 50.0],
    ...         "stage": ["proposal", "discovery"],
    ...         "close_date": ["2026-03-20", "2026-04-20"],
    ...         "probability": [40, 20],
    ...     }
    ... )
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
    return Explorer(frame, history, client=client, as_of=as_of, state=state)


_MOST_NAMES = 500
"""Names in a control; a longer list can't be scrolled, and the text filter finds the rest."""
_MOST_MONTHS, _MOST_QUARTERS = 36, 12
"""Three years of close dates."""
_COUNTED = {
    "without_value": "without a value",
    "open_without_value": "without a value",
    "without_probability": "without a chance",
    "closed_without_value": "without a value",
}
"""Deals that a table leaves out of its money, though it counts them."""


# -- controls


def list_controls(selector: DealSelector, day: pd.Timestamp) -> dict[str, Any]:
    """List the views, filters with their values, groupings, recorded moments and months."""
    frame = selector.opportunities
    zone = Org.of(frame).zone(None)
    names = [[name, text.group_label(name)] for name in _list_groupings(frame)]
    recorded = [pair for pair in names if selector.history is None or pair[0] in selector.recorded]
    return {
        "views": [[name, text.title(name)] for name in VIEWS],
        "filters": {view: list(filters) for view, filters in FILTERS.items()},
        "names": _list_names(frame),
        "presets": PRESETS,
        "moments": [
            [moment, text.day(as_date(at, tz=zone), year=True)]
            for moment, at in selector.moments.items()
        ],
        "by": {
            "pipeline": [["stage", "stage"], *names, ["close_month", "close month"]],
            "win_rates": [*names, ["close_month", "close month"], ["size", "value"]],
            "forecast": [["M", "month"], ["Q", "quarter"], *recorded],
            "changes": [["movement", "movement"], *recorded],
            "slippage": [["all", "outcome"], *names, ["stage", "stage at start"]],
            "at_risk": [["flag", "flag"], *names, ["stage", "stage"]],
        },
        "dues": _list_due_periods(frame, day),
    }


def _list_groupings(opportunities: pd.DataFrame) -> list[str]:
    """List the columns of names to group by, people first and ids last.

    A column has a text label, and more than one name but not too many.

    Ids are left out where names stand for them.
    """
    groupings = []
    for name in [label for label in list[Any](opportunities.columns) if isinstance(label, str)]:
        column = opportunities[name]
        kind = pd.api.types.infer_dtype(column, skipna=True)
        has_names = isinstance(column.dtype, pd.CategoricalDtype) or kind in ("string", "boolean")
        whose = name.removesuffix("_id").removesuffix("_unique")
        is_named = whose != name and f"{whose}_name" in opportunities
        if name in ("unique_id", "name", "stage") or is_named or not has_names:
            continue
        n = column.nunique(dropna=False)
        if 1 < n <= _MOST_NAMES and not (name.endswith("_id") and n == len(column)):
            groupings.append(name)
    return sorted(
        groupings, key=lambda name: (name.endswith("_id"), name not in ("owner_name", "team"))
    )


def _list_names(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """List the stage and the columns of names, each with its title, its values and their counts.

    Columns of ids last.
    """
    columns = dict.fromkeys(["owner_name", "team", "stage", *_list_groupings(frame)])
    return [
        {
            "column": name,
            "title": text.title(text.group_label(name)),
            "values": _count_values(frame[name]),
        }
        for name in sorted(columns, key=lambda name: name.endswith("_id"))
        if name in frame
    ]


def _count_values(column: pd.Series[Any]) -> list[list[Any]]:
    """Count the values of a column: stages in their order, others by name, a missing one last."""
    if column.name == "stage":
        counts = column.value_counts()
        return [[str(stage), int(counts[stage])] for stage in column.cat.categories]
    counts = (
        column.astype("object")
        .where(column.notna(), None)
        .value_counts(dropna=False)
        .head(_MOST_NAMES)
    )
    plain = [(None if schema.is_blank(value) else value, int(n)) for value, n in counts.items()]
    pairs = [[v if v is None or isinstance(v, (bool, int)) else str(v), n] for v, n in plain]
    return sorted(pairs, key=lambda pair: (pair[0] is None, str(pair[0])))


def _list_due_periods(frame: pd.DataFrame, day: pd.Timestamp) -> list[list[str]]:
    """List the months and fiscal quarters in which deals close.

    They run from the current one on, then back from it.
    """
    dates = frame["close_date"].dropna()
    if dates.empty:
        return []
    found = []
    for freq, most in (("M", _MOST_MONTHS), (Org.of(frame).freq("Q"), _MOST_QUARTERS)):
        latest = list(pd.period_range(dates.min(), dates.max(), freq=freq)[-most:])
        ahead = [period for period in latest if period >= pd.Period(day, freq)]
        ordered = [*ahead, *reversed(latest[: len(latest) - len(ahead)])]
        found += [[str(period), text.period(str(period), freq)] for period in ordered]
    return found


# -- a view


def show_view(view: View, before: View | None = None) -> dict[str, Any]:
    """Put a view into JSON: title, figures, chart, notes.

    Its pictures are SVG text in which all data is escaped. With planned changes, `before` is the
    view without them: what they change is a column of the chart, and in the figures.
    """
    chart, kpis, notes = view.chart, view.kpis, [*_notes(view), *view.notes]
    currency = view.org.currency
    if before is not None and not before.lack:
        chart, gone = add_planned(chart, view, before)
        kpis, notes = compare_kpis(kpis, before.kpis), [*notes, *gone]
    # Several figures leave a picture no room where it is narrow: it takes the line below its row.
    several = any(len(row.figures) > 1 for row in chart.rows)
    chart = replace(chart, stacked=chart.stacked or (several and not chart.wide))
    return asdict(chart) | {
        "title": _title(view),
        "about": view.about + ("" if currency is None else f". {currency}"),
        "rows": [asdict(row) | {"opens": bool(row.key)} for row in chart.rows],
        "kpis": [kpi._asdict() for kpi in kpis],
        "n": " · ".join(filter(None, (f"n = {view.n}", view.records))),
        "notes": notes,
        "links": _links(view),
        "empty": "",
    }


def _title(view: View) -> str:
    """Put a picked name before the finding, unless the finding begins with it."""
    finding, names = view.finding, [name for each in view.choice.names.values() for name in each]
    leads = len(names) == 1 and isinstance(names[0], str) and not finding.startswith(names[0])
    return f"{names[0]} · {finding}" if leads else finding


def _notes(view: View) -> list[str]:
    choice, notes = view.choice, []
    if view.needs_history:
        if choice.picks(but="names"):
            later = ", or when first recorded if created later" if choice.view == "changes" else ""
            notes.append(
                f"Filters pick deals by what they were on {view.format_day(view.start)}{later}. "
                "So a deal that has since been won or lost is still counted."
            )
        notes += _note_names(view)
    left_out = {name: n for name, n in view.left_out.items() if n}
    counted = {name: left_out.pop(name) for name in _COUNTED if name in left_out}
    if left_out:
        parts = text.joined(f"{n:,} {text.label(name)}" for name, n in left_out.items())
        notes.append(f"Left out: {parts}.")
    worthless = [f"{n:,} {_COUNTED[name]}" for name, n in counted.items() if name in view.worthless]
    if worthless:
        notes.append(f"Counted, but adding no money: {text.joined(worthless)}.")
    return notes


def _note_names(view: View) -> list[str]:
    """Say at which time the picked names are meant."""
    joined = {column for join in view.org.joins for column in join.columns}
    moving = [
        name for name in view.choice.names if name in view.selector.recorded and name not in joined
    ]
    fixed = [text.group_label(name) for name in view.choice.names if name not in moving]
    had = text.joined(text.group_label(name) for name in moving)
    return [
        *[f"A deal counts for the {had} it had at the time."] * bool(moving),
        *[f"By today's {text.joined(fixed)}, which the history does not record."] * bool(fixed),
    ]


def _links(view: View) -> list[dict[str, str]]:
    """Link the money of a forecast that is in no coming period."""
    if not isinstance(view, ForecastView):
        return []
    table, found = view.by_period, []
    for bucket in BUCKETS:
        if bucket in table.index and (n := int(table["open_count"][bucket])):
            late = f"past {'its' if n == 1 else 'their'} close date"
            words = {"overdue": late, "unscheduled": "without a date"}[bucket]
            label = f"{view.money(table['open_value'][bucket])} in {text.count(n)} {words}"
            found.append({"key": bucket, "label": label})
    return found
