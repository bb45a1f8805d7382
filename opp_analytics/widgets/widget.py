"""The base of both widgets: compressed messages, answered in their order, and what a saved notebook shows."""

from __future__ import annotations

import json
import zlib
from abc import abstractmethod
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd

from opp_analytics.errors import ConfigError, OppAnalyticsError
from opp_analytics.org import Org

if TYPE_CHECKING:
    from opp_analytics.api import Client
    from opp_analytics.history import History

try:
    import anywidget
except ImportError:
    raise ConfigError(
        "widgets need anywidget; install it with: pip install 'opp-analytics[notebook]'"
    ) from None

_FAST = 1
"""Level of compression: JSON shrinks to a tenth already, and higher levels keep people waiting."""


def deflate(content: bytes) -> bytes:
    """Compress content for the browser's ``DecompressionStream("deflate")``; a notebook server drops large messages."""
    return zlib.compress(content, _FAST)


def encode(content: dict[str, Any]) -> bytes:
    """Write a message as compressed JSON."""
    return deflate(json.dumps(content).encode())


def name_orgs(opportunities: pd.DataFrame, client: Client | None, history: History | None) -> dict[str, Org]:
    """Name the orgs that a widget may ask, as code would: the frame's, the client's, the history's."""
    orgs = {
        "oa.Org.of(opportunities)": Org.of(opportunities),
        "client.org": None if client is None else client.org,
        "history.org": None if history is None else history.org,
    }
    return {name: org for name, org in orgs.items() if org is not None}


class Widget(anywidget.AnyWidget):
    """A widget whose browser side sends requests."""

    def __init__(self, **traits: Any) -> None:
        # While a cell runs, messages arrive on another thread.
        self._lock = RLock()
        self._display_id = uuid4().hex
        super().__init__(**traits)
        self.on_msg(self._receive)

    @abstractmethod
    def _respond(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out a request and return the answer."""

    @abstractmethod
    def _static(self) -> dict[str, Any]:
        """Data by MIME type to show where no widget runs."""

    def _receive(self, _: Any, request: dict[str, Any], buffers: Any) -> None:
        """Carry out a request of the browser and send the result to every view of the widget."""
        with self._lock:
            try:
                answer = self._renew_static() if request["do"] == "keep" else self._respond(request)
            except OppAnalyticsError as error:
                answer = {"error": str(error)}
            self._post({"to": request.get("from"), **answer})

    def _post(self, content: dict[str, Any]) -> None:
        self.send({}, buffers=[encode(content)])

    def _ipython_display_(self) -> None:
        """Show the widget, and after it the static view, which is hidden while the widget is there.

        In one output an export would take the widget, and show nothing without a network.
        """
        from IPython.display import display

        data, _ = self._repr_mimebundle_() or ({}, {})
        display(data | {"text/plain": repr(self)}, raw=True)  # type: ignore[no-untyped-call]
        display(self._static(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def _renew_static(self) -> dict[str, Any]:
        """Renew the static view in the notebook."""
        from IPython.display import update_display

        update_display(self._static(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]
        return {"kept": True}
