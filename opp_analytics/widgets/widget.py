"""What the widgets share: messages of the browser, answered in their order, and what stays in a saved notebook."""

from __future__ import annotations

from abc import abstractmethod
from threading import RLock
from typing import Any
from uuid import uuid4

from opp_analytics.errors import ConfigError, OppAnalyticsError
from opp_analytics.widgets.wire import encode

try:
    import anywidget
except ImportError:
    raise ConfigError(
        "widgets need anywidget; install it with: pip install 'opp-analytics[notebook]'"
    ) from None

__all__ = ["Widget"]


class Widget(anywidget.AnyWidget):
    """A widget whose browser side asks and is answered."""

    def __init__(self, **traits: Any) -> None:
        # While a cell runs, messages arrive on another thread.
        self._lock = RLock()
        self._display_id = uuid4().hex
        super().__init__(**traits)
        self.on_msg(self._answer)

    @abstractmethod
    def _done(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Carry out a request; the answer."""

    @abstractmethod
    def _still(self) -> dict[str, Any]:
        """What is shown where no widget runs: data by MIME type."""

    def _answer(self, _: Any, asked: dict[str, Any], buffers: Any) -> None:
        """Carry out a request of the browser and send the result to every view of the widget."""
        with self._lock:
            try:
                told = self._keep() if asked["do"] == "keep" else self._done(asked)
            except OppAnalyticsError as error:
                told = {"error": str(error)}
            self._tell({"to": asked.get("from"), **told})

    def _tell(self, content: dict[str, Any]) -> None:
        self.send({}, buffers=[encode(content)])

    def _ipython_display_(self) -> None:
        """Show the widget, and after it the still, which is hidden while the widget is there.

        In one output an export would take the widget, and show nothing without a network.
        """
        from IPython.display import display

        data, _ = self._repr_mimebundle_() or ({}, {})
        display(data | {"text/plain": repr(self)}, raw=True)  # type: ignore[no-untyped-call]
        display(self._still(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def _keep(self) -> dict[str, Any]:
        """Renew the still in the notebook."""
        from IPython.display import update_display

        update_display(self._still(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]
        return {"kept": True}
