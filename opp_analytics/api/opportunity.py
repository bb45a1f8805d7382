"""One opportunity as the API has it, typed so that an editor completes its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

__all__ = ["Opportunity"]

_Known = Literal[
    "name",
    "account_id",
    "value",
    "stage",
    "close_date",
    "probability",
    "status",
    "created_at",
    "updated_at",
]


class Opportunity(dict[str, Any]):
    """A flat dict of the attributes that the server sent, under our names: the known ones and any further ones.

    Values are as they came: dates and instants as text, numbers perhaps as text. `load` gives them their types.

    Examples
    --------
    >>> deal = Opportunity(unique_id="opp-1", name="Acme renewal", seats=40)
    >>> deal["name"], deal["seats"]
    ('Acme renewal', 40)
    """

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, key: Literal["unique_id"]) -> str: ...
        @overload
        def __getitem__(self, key: _Known) -> Any: ...
        @overload
        def __getitem__(self, key: str) -> Any: ...
        def __getitem__(self, key: str) -> Any: ...
