"""The faults by name, with what each allows, and the attributes that switch them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypedDict, Unpack

from opp_analytics.sandbox.arguments import check_number
from opp_analytics.sandbox.control_wire import ControlWire
from opp_analytics.sandbox.errors import SandboxTypeError, SandboxValueError

__all__ = ["FAULTS", "FaultSettings", "Limits", "check_faults"]


class Limits(NamedTuple):
    """What a fault may be set to: a number from `low` to `high`, or with `switch` True or False."""

    low: float = 0
    high: float = math.inf
    switch: bool = False

    @property
    def off(self) -> float | bool:
        """The setting at which nothing goes wrong."""
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
    """The keywords of `FaultSettings.set`."""

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
    """What goes wrong, settable while the server runs. At first every fault is off: 0 or False.

    Attributes
    ----------
    latency : float
        Seconds that every answer is late; requests wait side by side.
    error_rate : float
        Fraction of requests answered 500 before anything is done.
    rate_limit : float
        Requests per second that are let through; the others get 429 with Retry-After.
    cut_rate : float
        Fraction of requests whose connection is dropped before anything is done.
    lose_answer_rate : float
        Fraction of writes that are done but whose connection is dropped instead of answered.
    commit_delay : float
        Seconds between the arrival of a write and its commit. The write happens even when the client has
        given up by then. A write whose answer is lost loses its connection at once and is committed later.
        Writes that wait are committed as soon as the fault is switched off.
    drip : float
        Bytes per second at which the body of every answer arrives.
    clock_skew : float
        Seconds by which the clock of a second server node is ahead (or, when negative, behind). The two
        nodes take turns at writes, so every second `created_at` and `updated_at` is off by that much and
        stamps no longer rise from one write to the next.
    late_stamps : float
        Seconds by which `updated_at` (and a new row's `created_at`) is older than the commit, as on a server
        that stamps when a long transaction begins.
    normalize : bool
        Whether the server stores something other than it was sent: values rounded to cents, texts trimmed,
        their runs of blanks folded into one and their letters composed (Unicode NFC), a blank or null stage
        or status replaced by its default, and a new row's missing status taken from its stage.
    endless : bool
        Whether lists and the trash never end: every page is full, and totals and page counts grow with each
        page asked for.
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
        # A misspelled fault would otherwise be set on this object, and nothing would ever go wrong.
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
            When there is no such fault, or it cannot have that value; then nothing changes.
        """
        self._wire.send("faults", **check_faults(settings))

    def reset(self) -> None:
        """Switch every fault off. An expired token stays expired."""
        self._wire.send("faults", **dict.fromkeys(FAULTS))

    def expire_token(self, token: str | None = None) -> str:
        """Make a token answer 401 from now on; its successor is returned.

        Parameters
        ----------
        token
            The token that expires, of any tenant. By default it is the sandbox's own: its successor is then
            in `Sandbox.token`.
        """
        return self._renew(token)

    def as_dict(self) -> dict[str, float | bool]:
        """All faults as they are now."""
        settings: dict[str, float | bool] = self._wire.ask("state")["faults"]
        return settings

    def __repr__(self) -> str:
        shown = (
            f"{name}={value if isinstance(value, bool) else format(value, 'g')}"
            for name, value in self.as_dict().items()
        )
        return f"FaultSettings({', '.join(shown)})"
