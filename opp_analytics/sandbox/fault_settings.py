"""Fault settings: the faults by name, with their limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypedDict, Unpack

from opp_analytics.sandbox.arguments import check_number
from opp_analytics.sandbox.control_wire import ControlWire
from opp_analytics.sandbox.errors import SandboxTypeError, SandboxValueError

__all__ = ["FAULTS", "FaultSettings", "Limits", "check_faults"]


class Limits(NamedTuple):
    """Allowed values of a fault: a number from `low` to `high`, or True and False if `switch` is true."""

    low: float = 0
    high: float = math.inf
    switch: bool = False

    @property
    def off(self) -> float | bool:
        """The value that switches the fault off."""
        return False if self.switch else 0.0


_A_DAY = 86_400.0

FAULTS: Mapping[str, Limits] = {
    "latency": Limits(),
    "error_rate": Limits(high=1),
    "rate_limit": Limits(),
    "cut_rate": Limits(high=1),
    "lose_answer_rate": Limits(high=1),
    "commit_delay": Limits(),
    "drip": Limits(),
    "clock_skew": Limits(low=-_A_DAY, high=_A_DAY),
    "late_stamps": Limits(high=_A_DAY),
    "normalize": Limits(switch=True),
    "endless": Limits(switch=True),
}


def check_faults(settings: Mapping[str, Any]) -> dict[str, float | bool]:
    """Return the settings with their proper types; None switches a fault off.

    Raises
    ------
    SandboxTypeError, SandboxValueError
        When there is no such fault, or it cannot have that value.
    """
    checked: dict[str, float | bool] = {}
    for name, value in settings.items():
        if name not in FAULTS:
            raise SandboxValueError(f"unknown fault {name!r}; use one of {', '.join(FAULTS)}")
        limits = FAULTS[name]
        if value is None:
            checked[name] = limits.off
        elif not limits.switch:
            checked[name] = float(check_number(value, name, low=limits.low, high=limits.high))
        elif isinstance(value, bool):
            checked[name] = value
        else:
            raise SandboxTypeError(f"{name}={value!r} must be True or False")
    return checked


class FaultKeywords(TypedDict, total=False):
    """Keywords of `FaultSettings.set`."""

    latency: float | None
    error_rate: float | None
    rate_limit: float | None
    cut_rate: float | None
    lose_answer_rate: float | None
    commit_delay: float | None
    drip: float | None
    clock_skew: float | None
    late_stamps: float | None
    normalize: bool | None
    endless: bool | None


class FaultSettings:
    """Faults of the server, settable while it runs. At the start, every fault is off: 0 or False.

    Attributes
    ----------
    latency : float
        Delay of every answer in seconds; requests wait in parallel.
    error_rate : float
        Fraction of requests answered with 500, without being carried out.
    rate_limit : float
        Accepted requests per second; the others get 429 with Retry-After.
    cut_rate : float
        Fraction of requests whose connection is dropped, without being carried out.
    lose_answer_rate : float
        Fraction of writes that are carried out, but whose connection is dropped instead of an answer.
    commit_delay : float
        Seconds between the arrival of a write and its commit, even if the client has given up by then. A write
        whose answer is lost loses its connection at once and is committed later. Waiting writes are committed when
        the fault is switched off.
    drip : float
        Bytes per second at which the body of every answer arrives.
    clock_skew : float
        Seconds by which the clock of a second server node is ahead (or, when negative, behind). The two nodes take
        turns, so every second `created_at` and `updated_at` is off by that much, and timestamps no longer
        increase from write to write.
    late_stamps : float
        Seconds by which `updated_at` (and a new row's `created_at`) is earlier than the commit, as on a server
        that takes the time at the start of a long transaction.
    normalize : bool
        If True, the server changes what it stores: it rounds values to cents, trims texts, collapses runs of
        blanks, composes letters (Unicode NFC), replaces a blank or null stage or status by its default, and takes
        a new row's missing status from its stage.
    endless : bool
        If True, lists and the trash never end: every page is full, and totals and page counts grow with each
        request.
    """

    latency: float
    error_rate: float
    rate_limit: float
    cut_rate: float
    lose_answer_rate: float
    commit_delay: float
    drip: float
    clock_skew: float
    late_stamps: float
    normalize: bool
    endless: bool

    _wire: ControlWire
    _renew: Callable[[str | None], str]

    def __init__(self, wire: ControlWire, renew: Callable[[str | None], str]) -> None:
        object.__setattr__(self, "_wire", wire)
        object.__setattr__(self, "_renew", renew)

    def __getattr__(self, name: str) -> Any:
        if name not in FAULTS:
            raise AttributeError(f"unknown fault {name!r}; use one of {', '.join(FAULTS)}")
        return self.as_dict()[name]

    def __setattr__(self, name: str, value: Any) -> None:
        # Otherwise a misspelled fault would be set on this object and have no effect.
        if name not in FAULTS:
            raise AttributeError(f"unknown fault {name!r}; use one of {', '.join(FAULTS)}")
        self._wire.send("faults", **check_faults({name: value}))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *FAULTS]

    def set(self, **settings: Unpack[FaultKeywords]) -> None:
        """Set several faults at once; None switches one off.

        Raises
        ------
        SandboxTypeError, SandboxValueError
            When there is no such fault, or it cannot have that value; nothing changes.
        """
        self._wire.send("faults", **check_faults(settings))

    def reset(self) -> None:
        """Switch every fault off. An expired token stays expired."""
        self._wire.send("faults", **dict.fromkeys(FAULTS))

    def expire_token(self, token: str | None = None) -> str:
        """Expire a token, which then gets 401, and return its successor.

        Parameters
        ----------
        token
            Token of any tenant. By default it is the sandbox's own, and `Sandbox.token` becomes its successor.
        """
        return self._renew(token)

    def as_dict(self) -> dict[str, float | bool]:
        """The current values of all faults."""
        settings: dict[str, float | bool] = self._wire.ask("state")["faults"]
        return settings

    def __repr__(self) -> str:
        shown = (
            f"{name}={value if isinstance(value, bool) else format(value, 'g')}"
            for name, value in self.as_dict().items()
        )
        return f"FaultSettings({', '.join(shown)})"
