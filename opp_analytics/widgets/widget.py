"""The base of both widgets: messages of the page, their answers, and saved notebooks."""

from __future__ import annotations

import copy
import json
import logging
import sys
import zlib
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

import anywidget
import pandas as pd
import traitlets

from opp_analytics.api import state_folder
from opp_analytics.certificate import Certificate
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.files import make_name
from opp_analytics.schema import Json
from opp_analytics.text import printable
from opp_analytics.widgets.messages import (
    PART_LOST,
    Message,
    MessagePart,
    Parts,
    find_sender,
    read_message,
)

_log = logging.getLogger("opp_analytics")
_OWN_MACHINE = ("127.0.0.1", "localhost", "::1")
_PART = 500_000
"""Characters of a part of a message: a server takes 10 MB at once, and a character may need four
bytes."""
_FAST = 1
"""Level of compression: JSON shrinks to a tenth already, and higher levels keep people waiting."""

_SAVED = (
    '<div class="oap-saved"><style>.jp-OutputArea-child:has(.oap-saved), '
    ".jp-OutputArea-child:has(.oap-saved) + "
    ".jp-OutputArea-child:not(:has(> .jp-OutputArea-output > *)) { display: none; }</style></div>"
)
"""Hides itself, and the message that JupyterLab has for a widget without its kernel: the still
below says more."""


def deflate(content: bytes) -> bytes:
    """Compress content for the browser's ``DecompressionStream("deflate")``.

    A notebook server drops large messages.
    """
    return zlib.compress(content, _FAST)


def encode(content: Json) -> bytes:
    """Write a message as compressed JSON, without the NaN that no browser reads."""
    return deflate(json.dumps(content, allow_nan=False).encode())


def remember(*things: object) -> Callable[[], None]:
    """Remember the attributes of objects, their containers copied.

    A call of the result puts them back.
    """
    held = [
        (
            vars(thing),
            {
                n: copy.copy(v) if isinstance(v, (dict, list, set)) else v
                for n, v in vars(thing).items()
            },
        )
        for thing in things
    ]

    def restore() -> None:
        for attributes, values in held:
            attributes.clear()
            attributes.update(values)

    return restore


def tenant_file(folder: str, opportunities: pd.DataFrame) -> Path:
    """Find the place of a tenant in a `folder` of the state folder; frames from files share one.

    So do sandboxes: each start of one has an address and a key of its own, but the same deals.
    """
    certificate = Certificate.of(opportunities)
    tenant = certificate.tenant if certificate is not None else None
    if certificate is not None and urlsplit(certificate.source or "").hostname in _OWN_MACHINE:
        tenant = "sandbox"
    return state_folder() / folder / (make_name(tenant) if tenant else "files")


def find_cell() -> str:
    """Find the notebook cell that runs, by its id.

    Empty outside of one, and where the notebook does not tell it.
    """
    ipython = sys.modules.get("IPython")
    shell: Any = ipython and ipython.get_ipython()
    message = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return str(message.get("metadata", {}).get("cellId", ""))


def makes_widgets_in_messages() -> bool:
    """Tell whether a message of a widget's page may make another widget: marimo refuses it."""
    marimo: Any = sys.modules.get("marimo")
    return marimo is None or not marimo.running_in_notebook()


class Widget(anywidget.AnyWidget):
    """A widget whose browser side sends requests."""

    _part = traitlets.Int(_PART).tag(sync=True)
    _kinds: ClassVar[Mapping[str, type[Message]]]
    """The kinds of messages that the page may send."""

    def __init__(self, **traits: Any) -> None:
        # While a cell runs, messages arrive on another thread.
        self._lock = RLock()
        self._display_id = uuid4().hex
        self._parts = Parts()
        super().__init__(**traits)
        self.on_msg(self._receive)

    @abstractmethod
    def _check(self, kind: type[Any], value: Any) -> Any:
        """Check a part of a message whose type only the widget knows, as it is now."""

    @abstractmethod
    def _respond(self, request: Json) -> Json:
        """Carry out a request, whose shape is checked, and return the answer."""

    def _remember(self, _: str) -> Callable[[], None] | None:
        """Remember what a kind of message may change before it fails.

        None if that is on the server.
        """
        return remember()

    @abstractmethod
    def _static(self) -> Json:
        """Data by MIME type to show where no widget runs."""

    def set_state(self, sync_data: Json) -> None:
        """Take nothing of `sync_data`, which the page sets.

        What the page may change comes as a message, which is checked.
        """

    def _receive(self, _: Any, message: Any, buffers: Any) -> None:
        """Carry out a message of the browser and send the result to every view of the widget.

        Every message is answered.
        """
        with self._lock:
            lost = self._parts.interrupt(message)
            if lost is not None:
                self._post({"to": lost, "error": PART_LOST})
            try:
                kinds: dict[str, type[Message]] = {"keep": Message, **self._kinds}
                request = read_message(message, {**kinds, "part": MessagePart}, self._check)
                if request["do"] == "part":
                    whole = self._parts.add(request)
                    if whole is None:
                        return
                    request = read_message(whole, kinds, self._check)
            except Exception as error:
                self._fail(message, error, "Nothing was changed.")
            else:
                self._carry_out(request)

    def _carry_out(self, request: Json) -> None:
        """Answer a request.

        One that fails leaves everything as it was, except what is on the server.
        """
        restore = self._remember(request["do"])
        try:
            answer = self._renew_static() if request["do"] == "keep" else self._respond(request)
            packed = encode({"to": find_sender(request), **answer})
        except BaseException as error:
            if restore is not None:
                restore()
            rest = "Nothing was changed." if restore else "Look at oa.runs() before you repeat it."
            self._fail(request, error, rest)
            if not isinstance(error, Exception):
                raise
        else:
            self.send({}, buffers=[packed])

    def _fail(self, message: Any, error: BaseException, rest: str) -> None:
        """Answer with an error in words; the traceback of one that is not ours goes to the log."""
        words = str(error)
        if not isinstance(error, OppAnalyticsError):
            _log.error("a message of the page failed", exc_info=error)
            what = f"{type(error).__name__}: {printable(words)[:200]}"
            words = f"This failed in Python ({what}). {rest} The log has the traceback."
        self._post({"to": find_sender(message), "error": words})

    def _post(self, content: Json) -> None:
        self.send({}, buffers=[encode(content)])

    def _ipython_display_(self) -> None:
        """Show the widget, and after it the static view, which is hidden while the widget is there.

        In one output an export would take the widget, and show nothing without a network.
        """
        from IPython.display import display

        data, _ = self._repr_mimebundle_() or ({}, {})
        # A notebook that is not trusted takes the text, and shows it above the static view.
        widget = {kind: content for kind, content in data.items() if kind != "text/plain"}
        for shown in ({"text/html": _SAVED}, widget):
            display(shown, raw=True)  # type: ignore[no-untyped-call]
        display(self._static(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def _renew_static(self) -> Json:
        """Renew the static view where there is one: not in marimo, nor in a script."""
        try:
            from IPython import get_ipython
            from IPython.display import update_display
        except ImportError:
            return {"kept": False}
        if get_ipython() is None:
            return {"kept": False}
        update_display(self._static(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]
        return {"kept": True}
