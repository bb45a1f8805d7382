"""Orgs that are handed over: an argument is checked, and two that meet agree, or it is an error."""

from __future__ import annotations

from typing import Any

from opp_analytics.errors import ArgumentTypeError, DataError
from opp_analytics.org.org import Org
from opp_analytics.text import joined

__all__ = ["agreed", "checked_org"]

_FACTS = ("currency", "timezone", "fiscal_year_start")


def agreed(one: Org | None, other: Org | None, *, names: tuple[str, str]) -> Org | None:
    """The org that holds where two meet: the one that knows more stages, with what only the other declares.

    Parameters
    ----------
    one, other : Org or None
        The orgs; None agrees with every org.
    names : (str, str)
        What people call the two, for the message.

    Raises
    ------
    DataError
        When both know a stage with another kind, or declare another currency, time zone or fiscal year.

    Examples
    --------
    >>> agreed(Org(currency="EUR"), Org(timezone="Europe/Berlin"), names=("the frame's org", "org=")).currency
    'EUR'
    """
    if one is None or other is None or one.facts == other.facts:
        return one if other is None else other if one is None else max(one, other, key=_size)
    differences = [*_kinds(one, other), *_declared(one, other)]
    if differences:
        raise DataError(
            f"{names[0]} and {names[1]} contradict each other: {joined(differences, most=5)}; correct one of them, or "
            "replace the frame's with org.apply(frame)"
        )
    wider, narrower = (one, other) if _size(one) >= _size(other) else (other, one)
    missing = {
        name: narrower.facts[name] for name in _FACTS if name in narrower.facts and name not in wider.facts
    }
    return Org(**{**wider.to_dict(), **missing}) if missing else wider


def _size(org: Org) -> int:
    return len(org.stages.kinds) + len(org.to_dict())


def _kinds(one: Org, other: Org) -> list[str]:
    theirs = other.stages.kinds
    return [
        f"stage {name!r} is {kind} in the one and {theirs[name]} in the other"
        for name, kind in one.stages.kinds.items()
        if theirs.get(name, kind) != kind
    ]


def _declared(one: Org, other: Org) -> list[str]:
    def said(org: Org, name: str) -> Any:
        return org.facts.get(name)

    return [
        f"{name} is {said(one, name)!r} in the one and {said(other, name)!r} in the other"
        for name in _FACTS
        if None not in (said(one, name), said(other, name)) and said(one, name) != said(other, name)
    ]


def checked_org(org: Any) -> Org | None:
    """An argument `org`, after a check of its kind."""
    if org is None or isinstance(org, Org):
        return org
    raise ArgumentTypeError(
        f"org is a {type(org).__name__}, not an Org; use for example org=oa.Org.read('opp-analytics.toml')"
    )
