"""The messages of the grid's page."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from opp_analytics.widgets.grid.review import Keep
from opp_analytics.widgets.messages import Message, Text

MOST_NEW = 100_000
"""New deals of one paste."""


class GridRow(int):
    """A row of the grid."""


class Field(str):
    """A column of the grid."""

    __slots__ = ()


class GridCell(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A cell whose text is taken as it is now: the browser may not know it yet."""

    row: GridRow
    field: Field


_Line = Annotated[list[Text | GridCell | None], msgspec.Meta(min_length=1)]


class Keys(Message):
    """Cells: each of some fields in each of some rows."""

    rows: list[GridRow]
    fields: list[Field]


class Area(Keys):
    """Cells to edit, and a block of texts that is repeated over them."""

    block: Annotated[list[_Line], msgspec.Meta(min_length=1)]
    new: Annotated[int, msgspec.Meta(ge=0, le=MOST_NEW)] = 0
    """Number of new deals in which the area goes on."""


class _EditAreas(Message):
    areas: list[Area]
    label: Text = ""
    aside: Text = ""


class _SomeCells(Message):
    areas: list[Keys]


class _Rows(Message):
    rows: list[GridRow]


class _Bulk(_Rows):
    verb: Literal["set", "move", "month_end"]
    field: Field
    text: Text


class _Typed(Message):
    cells: list[tuple[Field, Text]]


class _Draft(Message):
    draft: Text


class _ChooseSide(Message):
    row: GridRow
    field: Text
    """Empty for the whole deal."""
    keep: Keep


class _Sort(Message):
    field: Text
    down: bool = False


class Layout(Message, omit_defaults=True):
    """The layout set in the browser."""

    order: list[Text] | None = None
    hidden: list[Text] | None = None
    widths: dict[Text, Annotated[float, msgspec.Meta(ge=0, le=10_000)]] | None = None
    frozen: Annotated[int, msgspec.Meta(ge=0)] | None = None
    sort: list[_Sort] | None = None
    filters: dict[Text, Text] | None = None


class _Layout(Message):
    layout: Layout


_BARE = (
    *("state", "strip", "review", "receipt", "check", "problems"),
    *("add", "undo", "redo", "agree", "apply", "undo run"),
)
KINDS: dict[str, type[Message]] = {
    **dict.fromkeys(_BARE, Message),
    "layout": _Layout,
    **dict.fromkeys(("judge", "operands"), _Typed),
    "edit": _EditAreas,
    **dict.fromkeys(("revert", "dismiss"), _SomeCells),
    **dict.fromkeys(("bulk", "preview"), _Bulk),
    **dict.fromkeys(("remove", "duplicate"), _Rows),
    **dict.fromkeys(("take draft", "drop draft"), _Draft),
    "choose": _ChooseSide,
}
