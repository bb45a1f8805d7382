"""The short form of an org that travels in a frame's attrs."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["Facts"]


class Facts(dict[str, Any]):
    """Plain JSON that knows the org it came from; pandas copies attrs at each step, and a copy of this one is itself.

    It cannot be changed, because every frame with this org shares it.
    """

    def __init__(self, said: dict[str, Any], org: Any) -> None:
        super().__init__(said)
        self.org = org

    def __copy__(self) -> Facts:
        return self

    def __deepcopy__(self, _: Any) -> Facts:
        return self

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError('attrs["org"] is shared by many frames and cannot be changed; use org.apply(frame)')

    __setitem__ = __delitem__ = update = pop = popitem = clear = setdefault = __ior__ = _refuse
