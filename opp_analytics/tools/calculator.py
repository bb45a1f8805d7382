"""The tools that an assistant calls: what each takes, and what it answers, in few words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.answers import CATALOG, Answer, Context, ask, deals, list_deals, read_context
from opp_analytics.api import Client
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, DataError
from opp_analytics.history import History
from opp_analytics.org import Org, find_day
from opp_analytics.schema import Json
from opp_analytics.writer import own_writes, plan

_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}
_KINDS: dict[str, Json] = {
    **dict.fromkeys(("part", "period", "freq", "since", "start", "method", "as_of"), _TEXT),
    **dict.fromkeys(("after", "text", "id"), _TEXT),
    "target": {"type": "number"},
    "confidence": {"type": "number"},
    "most": _WHOLE,
    "by": {"type": "array", "items": _TEXT},
    "edits": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"id": _TEXT, "field": _TEXT, "value": {}},
            "required": ["id", "field", "value"],
        },
    },
}
"""JSON schema of each argument."""
_PYTHON: Json = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}
_PAGE = ("as_of", "most", "after")
_SEARCHED = ("name", "owner_name", "account_name", "unique_id")
MOST_ROWS, MOST_TOKENS = 20, 2500
"""Rows of an answer where nobody asks for fewer, and its tokens at most."""
_LONGEST, _MOST_EDITS = 300, 50
"""Letters of a text, and edits of one plan, all of which `apply` shows."""
_TOKEN = re.compile(r"[A-Za-z]{1,4}|[^\W\d_]|\d{1,3}|[^\w\s]{1,4}|_|\s{2,}")


class Tool(NamedTuple):
    """A tool, as an assistant sees it."""

    words: str
    takes: tuple[str, ...]
    needs: tuple[str, ...] = ()

    @property
    def schema(self) -> Json:
        """JSON schema of its arguments."""
        taken = {name: _KINDS[name] for name in self.takes}
        needed = {"required": list(self.needs)} if self.needs else {}
        return {"type": "object", "properties": taken, **needed}


TOOLS = {
    **{
        key: Tool(one.words, ("part", *one.options, *_PAGE))
        for key, one in CATALOG.items()
        if one.has_tool
    },
    "find": Tool("Find deals by words of their name, owner or id.", ("text", *_PAGE), ("text",)),
    "deal": Tool("All that is known of one deal.", ("id", "as_of"), ("id",)),
    "propose_edits": Tool(
        "Check edits, forecast before and after them, and save a plan. Nothing is written to the "
        "CRM: a person applies the plan at a terminal.",
        ("edits",),
        ("edits",),
    ),
}


class _ProposedEdit(msgspec.Struct, forbid_unknown_fields=True):
    """A new value of one field of a deal."""

    id: str
    field: str
    value: str | int | float | bool | None


class Pipeline(NamedTuple):
    """The data behind the tools."""

    opportunities: pd.DataFrame
    history: History | None
    org: Org | None
    client: Client | None = None


@dataclass(frozen=True)
class Calculator:
    """Answers the calls of an assistant, each from the pipeline of its day."""

    read: Callable[[str | None], Pipeline]
    """Reads the pipeline, that of an earlier day where one is asked for."""
    plans: Path
    """The folder for plans."""

    def answer(self, name: str, given: Json, asker: str) -> str:
        """Answer a call as JSON of at most `MOST_TOKENS`; a plan is signed by `asker`."""
        if name not in TOOLS:
            raise ArgumentValueError.of(
                "name", name, "is no tool", f"use one of {', '.join(TOOLS)}"
            )
        asked = _check(name, given)
        most, after = asked.pop("most", MOST_ROWS), asked.pop("after", None)
        pipeline = self.read(asked.get("as_of"))
        if name == "propose_edits":
            make = self._propose(pipeline, asked["edits"], asker)
        else:
            made = _ANSWERS.get(name, partial(_ask, key=name))(pipeline, **asked)
            make = partial(made.to_dict, after=after)
        return _shorten(make, min(most, MOST_ROWS))

    def _propose(
        self, pipeline: Pipeline, edits: Sequence[Json], asker: str
    ) -> Callable[..., Json]:
        """Plan edits, and save the plan where nothing is wrong with it."""
        before, history, org, client = pipeline
        made = replace(plan(before, _edit(before, edits), client=client), proposed_by=asker)
        impact: Answer | None = None
        file, next_step = None, "nothing is saved: correct the edits and propose them again"
        if made.problems.empty and not len(made):
            next_step = "nothing is saved: the edits change nothing"
        elif made.problems.empty:
            impact = ask("impact", before, history, org=org, edited=made.edited())
            self.plans.mkdir(parents=True, exist_ok=True)
            file = str(made.save(self.plans / f"{made.plan_id}.json").resolve())
            next_step = f"a person applies it at a terminal: opp-analytics apply {quote(file)}"
        tables = {one: getattr(made, one) for one in ("changes", "problems", "conflicts")}

        def write(most: int) -> Json:
            shown = {one: _list_rows(table, most) for one, table in tables.items()}
            proposal = {
                "plan": file,
                "proposed_by": asker,
                "summary": made.overview(),
                "next": next_step,
            }
            return {**proposal, **shown, "impact": impact and impact.to_dict(most=most)}

        return write


def _ask(pipeline: Pipeline, key: str, as_of: str | None = None, **options: Any) -> Answer:
    opportunities, history, org, client = pipeline
    own = None if client is None else own_writes(client)
    return ask(key, opportunities, history, as_of=as_of, org=org, own_writes=own, **options)


def _find(pipeline: Pipeline, text: str, as_of: str | None = None) -> Answer:
    """Find the deals that have each word in their name, owner, account or id."""
    context = _read(pipeline, as_of)
    known = [column for column in _SEARCHED if column in context.deals]
    line = pd.Series("", context.deals.index)
    for column in known:
        line += " " + context.deals[column].astype("str").fillna("").str.casefold()
    fits = [line.str.contains(word, regex=False) for word in text.casefold().split()]
    return list_deals(
        context,
        "Deals found",
        context.deals[np.logical_and.reduce(fits)] if fits else context.deals,
    )


def _explain(pipeline: Pipeline, id: str, as_of: str | None = None) -> Answer:
    context = _read(pipeline, as_of).choose([id])
    if context.opportunities.empty:
        raise ArgumentValueError.of("id", id, "is no deal's id", "use find for the ids")
    answer = deals(context)
    return answer if answer.tables else list_deals(context, "Deal", context.deals)


_ANSWERS: dict[str, Callable[..., Answer]] = {"find": _find, "deal": _explain}


def _read(pipeline: Pipeline, as_of: str | None) -> Context:
    day = find_day(pipeline.opportunities) if as_of is None else as_of
    return read_context(pipeline.opportunities, pipeline.history, as_of=day, org=pipeline.org)


def _edit(before: pd.DataFrame, edits: Sequence[Json]) -> pd.DataFrame:
    """Edit a copy of the opportunities; an edit has the `id` of a deal, a `field` and a `value`."""
    if not 0 < len(edits) <= _MOST_EDITS:
        raise ArgumentValueError(f"edits: {len(edits)} for one plan; propose 1 to {_MOST_EDITS}")
    rows = {str(key): number for number, key in enumerate(before["unique_id"])}
    cells: dict[tuple[int, str], Any] = {}
    try:
        read = msgspec.convert(edits, list[_ProposedEdit])
    except msgspec.ValidationError as error:
        raise ArgumentTypeError(f"edits: each is {{id, field, value}}; {error}") from None
    for edit in read:
        key, field, value = edit.id, edit.field, edit.value
        if key not in rows:
            raise ArgumentValueError.of("id", key, "is no deal's id", "use find for the ids")
        if field not in before or field == "unique_id":
            columns = ", ".join(one for one in schema.COLUMNS if one in before)
            raise ArgumentValueError.of("field", field, "is no field", f"such as {columns}")
        if cells.setdefault((rows[key], field), value) != value:
            raise ArgumentValueError(f"edits: {field} of {key} has two values")
    after = before.reset_index(drop=True)
    for field in dict.fromkeys(field for _, field in cells):
        after[field] = after[field].astype("object")
    for (row, field), value in cells.items():
        after.loc[row, field] = value
    return after


def _check(name: str, given: Json) -> Json:
    """Check the arguments of a tool; null is as good as none."""
    tool, asked = TOOLS[name], {one: value for one, value in given.items() if value is not None}
    for one, value in asked.items():
        if one not in tool.takes:
            takes = f"it takes {', '.join(tool.takes)}"
            raise ArgumentValueError(f"{one[:_LONGEST]!r} is no argument of {name}; {takes}")
        kind = _KINDS[one]["type"]
        if not isinstance(value, _PYTHON[str(kind)]) or isinstance(value, bool):
            raise ArgumentTypeError(f"{one}: {name} takes {kind}, not {type(value).__name__}")
        if one != "edits" and len(str(value)) > _LONGEST:
            raise ArgumentValueError(f"{one}: longer than {_LONGEST} letters")
    if missing := [one for one in tool.needs if one not in asked]:
        raise ArgumentValueError(f"{name} needs {', '.join(missing)}")
    if asked.get("most", 1) < 1:
        raise ArgumentValueError.of("most", asked["most"], "is below 1", "use for example 20")
    return asked


def _shorten(make: Callable[..., Json], most: int) -> str:
    """Write what `make` gives with `most` rows, or with fewer if that is too long."""
    for rows in range(most, 0, -1):
        text = json.dumps(_cut(make(most=rows)), ensure_ascii=False, default=str)
        if count_tokens(text) <= MOST_TOKENS:
            return text
    raise DataError("the answer is too long for an assistant; ask about a part or a period of it")


def _cut(value: Any) -> Any:
    """Cut long texts, wherever they are."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
    if isinstance(value, dict):
        return {_cut(name): _cut(one) for name, one in value.items()}
    return [_cut(one) for one in value] if isinstance(value, (list, tuple)) else value


def count_tokens(text: str) -> int:
    """Count what language models read as tokens, rather too many than too few."""
    return sum(1 for _ in _TOKEN.finditer(text))


def _list_rows(table: pd.DataFrame, most: int) -> Json:
    shown = table.drop(columns=["row"], errors="ignore")
    rows = shown.head(most).astype("object")
    cells = rows.where(rows.notna(), None).to_dict("records")
    return {"columns": list(shown), "rows": cells, "rows_total": len(shown)}
