"""The explorer: a notebook widget that shows the answer to a question, and opens its deals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import pandas as pd
import traitlets

from opp_analytics import svg, text
from opp_analytics.answers import Answer, Context, Row, read_context
from opp_analytics.api import Client
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.history import History
from opp_analytics.inputs import did_you_mean
from opp_analytics.org import Org, find_day, require
from opp_analytics.periods import When
from opp_analytics.schema import Json
from opp_analytics.widgets.explorer.choice import Choice, find_close_days, list_filters
from opp_analytics.widgets.explorer.panel import list_controls, list_periods, show_answer, tell_deal
from opp_analytics.widgets.explorer.views import keep_view, read_views
from opp_analytics.widgets.grid.drafts import find_drafts
from opp_analytics.widgets.grid.grid import Grid
from opp_analytics.widgets.messages import Message
from opp_analytics.widgets.widget import Widget, encode, find_cell, makes_widgets_in_messages
from opp_analytics.writer import own_writes

_STATIC = Path(__file__).parent.parent / "static"
_Place = Annotated[int, msgspec.Meta(ge=0)]


class _ChooseState(Message):
    state: Json


class _Opened(Message):
    table: _Place
    row: _Place


class _Deal(_Opened):
    deal: _Place | None = None


class _EditDeals(Message):
    table: _Place | None = None
    row: _Place | None = None


class _View(Message):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    drop: bool = False


class Explorer(Widget):
    """The explorer widget; `explore` makes it."""

    answer: Answer
    """The answer on screen."""
    code: str
    """Lines that give the same answer from ``opportunities`` and ``history``."""
    grid: Grid | None = None
    """The grid that `edit` opened; None before."""

    _esm = _STATIC / "explorer.js"
    # The pictures' own rules hold inside the panel only.
    _css = (_STATIC / "explorer.css").read_text("utf-8") + f".oap-explorer {{{svg.stylesheet()}}}"
    _kinds: ClassVar[Mapping[str, type[Message]]] = {
        "choose": _ChooseState,
        "open": _Opened,
        "deal": _Deal,
        "edit": _EditDeals,
        "save": Message,
        "view": _View,
    }
    _about = traitlets.Dict().tag(sync=True)
    _shown = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        opportunities: pd.DataFrame,
        history: History | None,
        *,
        client: Client | None,
        org: Org | None,
        as_of: When | None,
        state: Json | str | None,
    ) -> None:
        orgs = {
            "org": org,
            "client.org": None if client is None else client.org,
            "history.org": None if history is None else history.org,
        }
        known = {name: one for name, one in orgs.items() if one is not None}
        self._org_name = next(iter(known), "")
        self._org: Org | None = known.get(self._org_name)
        self._frame, self._history = opportunities, history
        self._client, self._as_of = client, as_of
        self._whole: dict[tuple[Any, ...], Context] = {}
        """The context of all deals for the usual options, and for the last ones."""
        whole = self._read({})
        super().__init__(_about=list_controls(whole, opportunities))
        self._cell = find_cell()
        self._kept = find_drafts(opportunities, self._cell)
        self._choose(self._check_state(state))

    @property
    def state(self) -> Json:
        """The current choice; ``explore(…, state=explorer.state)`` opens the same."""
        return self._choice.state

    @property
    def table(self) -> pd.DataFrame:
        """The answer's table, `Answer.to_frame`; empty where it has none."""
        return self.answer.to_frame() if self.answer.tables else pd.DataFrame()

    def edit(self, row_id: str | None = None) -> Grid:
        """Open the deals behind a row in a grid, or all that the answer speaks of.

        There is one grid for each explorer, over all opportunities: it shows these deals and keeps
        the edits of others. ``edited``, its plan and its drafts are of the whole. The panel opens
        it with *Edit these deals*, and shows its planned changes.

        Parameters
        ----------
        row_id : str, optional
            The row, by the column ``id`` of ``table``.

        Raises
        ------
        ArgumentValueError
            When the answer has no such row, or no deal is behind it.
        """
        with self._lock:
            if row_id is None:
                return self._edit(None)
            rows = {row.id: row for table in self.answer.tables for row in table.rows}
            if row_id not in rows:
                known = text.joined(map(repr, rows), most=12) or "none"
                raise ArgumentValueError(
                    f"row_id={row_id!r} is not a row of this answer; its rows: {known}"
                )
            return self._edit(rows[row_id])

    def _edit(self, row: Row | None) -> Grid:
        label = "the answer" if row is None else row.name.write(None)
        ids = self._list_ids(row)
        if not ids:
            raise ArgumentValueError(f"No deals are behind {label}, so there is nothing to edit.")
        if self.grid is None:
            context = self._read({})
            self.grid = Grid(
                self._frame,
                client=self._client,
                history=self._history,
                as_of=context.day,
                freq=context.freq,
                height=320,
                cell=self._cell,
            )
            self.grid.watchers.append(self._tell_edit)
        self.grid.show_only(ids, label)
        return self.grid

    def _list_ids(self, row: Row | None) -> list[str]:
        """List the deals behind a row; of none, those listed, else all that were asked about."""
        if row is not None and row.kind == "deal":
            return [row.id]
        behind = self.answer if row is None else self.answer.opens(row)
        tables = behind.tables if behind else ()
        ids = [one.id for table in tables for one in table.rows if one.kind == "deal"]
        if row is None and not ids:
            return [str(each) for each in self.answer.context.opportunities["unique_id"]]
        return ids

    def _tell_edit(self) -> None:
        """Tell the page of an edit in the grid; what was applied is read anew."""
        if self.grid is not None and self.grid.is_written:
            self._whole = {}
        self._post({"planned": self._show_planned()})

    def _show_planned(self) -> Json | None:
        if self.grid is None:
            kept = [draft.describe(self._frame) for draft in self._kept[:1]]
            return {"kept": kept[0]} if kept else None
        said = {"said": self.grid.name_changes(), "grid": self.grid.model_id}
        return {**said, "written": self.grid.is_written}

    # -- choosing and asking

    def _check_state(self, state: Json | str | None) -> Choice:
        if isinstance(state, str):
            views = read_views(self._frame)
            if state not in views:
                saved = text.joined(map(repr, views), most=12) or "none"
                raise ArgumentValueError(f"state={state!r} is no saved view; saved: {saved}")
            state = views[state]
        whole = self._read({})
        choice = Choice.of(state, org=whole.org, today=whole.day.date())
        known = [str(column) for column in self._frame]
        for column in choice.where:
            if column not in known:
                hint = text.capital(did_you_mean(column, known))
                raise ArgumentValueError(
                    f"state['where']: the opportunities have no column {column!r}. {hint}".rstrip()
                )
        return choice

    def _read(self, options: dict[str, str]) -> Context:
        """Read the context of all deals, once for the usual options and once for the last ones."""
        key = tuple(options.items())
        if key not in self._whole:
            asked: Json = {
                "as_of": find_day(self._frame) if self._as_of is None else self._as_of,
                "org": self._org,
                "own_writes": None if self._client is None else own_writes(self._client),
                **options,
            }
            # People and teams take their rows from the forecasts of the whole.
            made = replace(read_context(self._given, self._history, **asked), has_parts=True)
            self._whole = {one: self._whole[one] for one in self._whole if not one} | {key: made}
        return self._whole[key]

    @property
    def _given(self) -> pd.DataFrame:
        """The opportunities, with the edits that were applied since."""
        grid = self.grid
        return grid.opportunities if grid is not None and grid.is_written else self._frame

    def _ask(self, choice: Choice, edited: pd.DataFrame | None = None) -> Answer:
        context, frame = self._read(choice.options), self._given
        if edited is not None:
            context, frame = context.edited(edited), edited
        if choice.part and "part" in choice.asks.filters:
            context = context.narrow_to(choice.part, "state['part']")
        if filters := list_filters(choice, context.org, context.day):
            for each in filters:
                frame = each.keep(frame)
            context = context.choose(frame["unique_id"])
        return choice.asks.ask(context)

    def _choose(self, choice: Choice) -> None:
        """Answer a choice; one that cannot be answered leaves the last answer."""
        answer = self._ask(choice)
        is_planned = choice.planned and self.grid is not None and "edited" in choice.asks.takes
        if is_planned and self.grid is not None:
            answer = self._ask(choice, self.grid.named).beside(answer)
        code = self._write_code(choice, answer, is_planned)
        context = answer.context
        shown = encode(
            {
                "answer": show_answer(answer),
                "code": code,
                "state": choice.state,
                "unused": choice.list_unused(),
                "close_days": find_close_days(choice, context.org, context.day),
                "planned": self._show_planned(),
                "views": read_views(self._frame),
                "periods": list_periods(context),
            }
        )
        self.answer, self.code, self._choice, self._shown = answer, code, choice, shown

    def _write_code(self, choice: Choice, answer: Answer, is_planned: bool) -> str:
        lines, context = [], answer.context
        given = ['"' + choice.question + '"', "opportunities"]
        given += [] if self._history is None else ["history"]
        if self.grid is not None and self.grid.is_written:
            lines.append("opportunities = explorer.grid.opportunities")
        if self._as_of is not None:
            given.append(f'as_of="{context.day.date()}"')
        given += [f"org={self._org_name}"] if self._org_name else []
        given += ["own_writes=oa.own_writes(client)"] if self._client is not None else []
        given += [f"{name}={value!r}" for name, value in choice.options.items()]
        if choice.part and "part" in choice.asks.filters:
            given.append(f"part={choice.part!r}")
        if filters := list_filters(choice, context.org, context.day):
            lines.append(f"deals = {'explorer.grid.named' if is_planned else 'opportunities'}")
            lines += [each.write_code("deals") for each in filters]
            given.append('deals=deals["unique_id"]')
        asked = f"oa.ask({', '.join(given)})"
        if is_planned:
            given.append("edited=explorer.grid.named")
            asked = f"oa.ask({', '.join(given)}).beside({asked})"
        lines.append(f"answer = {asked}")
        lines += ["table = answer.to_frame()"] if answer.tables else []
        is_whole = context.part is None
        return "\n".join(
            [*lines, *([f"# The numbers: {answer.code}"] if is_whole and answer.code else [])]
        )

    # -- messages

    def _check(self, kind: type[Any], value: Any) -> Any:
        raise ValueError(f"{kind.__name__} is no part of a message")

    def _find_row(self, answer: Answer | None, table: int, row: int) -> Row:
        try:
            return (answer or self.answer).main_tables[table].rows[row]
        except IndexError:
            raise ArgumentValueError("This row is no longer there; open it again.") from None

    def _respond(self, request: Json) -> Json:
        match request["do"]:
            case "choose":
                self._choose(self._check_state(request["state"]))
                return {"chosen": True}
            case "open":
                row = self._find_row(None, request["table"], request["row"])
                behind = self.answer.opens(row)
                return {"behind": show_answer(behind) if behind else None}
            case "deal":
                row = self._find_row(None, request["table"], request["row"])
                if request["deal"] is not None:
                    row = self._find_row(self.answer.opens(row), 0, request["deal"])
                return {"sections": tell_deal(self.answer.context, row)}
            case "edit":
                table, place = request["table"], request["row"]
                is_all = table is None or place is None
                if self.grid is None and not makes_widgets_in_messages():
                    return {"alone": True}
                self._edit(None if is_all else self._find_row(None, table, place))
                return {"planned": self._show_planned()}
            case "view":
                name, drop = request["name"], request["drop"]
                keep_view(self._frame, name, None if drop else self.state)
                return {"views": read_views(self._frame)}
            case _:
                return {"html": self.answer.to_html(), "name": f"{self.answer.key}.html"}

    # -- what stays in a saved notebook

    def _static(self) -> Json:
        # Marked as the still view, which is hidden while the widget is there.
        still = f'<div class="oap-still">{self.answer._repr_html_()}</div>'
        return {"text/plain": repr(self), "text/html": still}

    def __repr__(self) -> str:
        return f"<Explorer, {self.answer.title}: {self.answer.sentence}>"


def explore(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    client: Client | None = None,
    org: Org | None = None,
    as_of: When | None = None,
    state: Json | str | None = None,
) -> Explorer:
    """Explore a pipeline by clicking: choose a question, filter, open and edit the deals behind it.

    The panel shows the answers of `ask`. Filters are chips that can be removed; every row opens to
    its deals, each with its timeline and, where the org has a ``record_url``, its link. *Copy as
    code* gives the lines that make the very answer on screen, *Save…* a page that holds it.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id name value stage close_date``; ``probability``, ``status`` and further columns
        if present.
    history : History, optional
        Past records, for what needs them.
    client : Client, optional
        Whose org is used, whose own runs are named in timelines, and to which the grid writes; no
        request is sent.
    org : Org, optional
        Targets, calls, people and periods; by default those of the client, else of the history.
    as_of : date or str, optional
        The day to answer for; by default the day of the data.
    state : dict or str, optional
        What to show first: an explorer's ``.state``, or the name of a view saved in the panel.
        Bounds may be typed: ``{"question": "at_risk", "last": "FY27 Q4"}``.

    Returns
    -------
    Explorer
        The widget; ``.answer``, ``.table``, ``.state`` and ``.code`` are those of what it shows.

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
    >>> explorer = explore(deals, as_of="2026-03-01", state={"question": "stages"})
    >>> explorer.table[["name", "open_count"]].to_numpy().tolist()
    [['Discovery', 1], ['Qualification', 0], ['Proposal', 1], ['Negotiation', 0]]
    >>> print(explorer.code)
    answer = oa.ask("stages", opportunities, as_of="2026-03-01")
    table = answer.to_frame()
    # The numbers: oa.stage_funnel(deals)
    """
    if history is not None and not isinstance(history, History):
        raise ArgumentTypeError(
            f"history is a {type(history).__name__}, not a History; open one with oa.History(path)"
        )
    frame = require(opportunities, "name", "value", "stage", "close_date", unique=True)
    return Explorer(frame, history, client=client, org=org, as_of=as_of, state=state)
