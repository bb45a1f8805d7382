"""The caller's side of the control routes, with the standard library only."""

from __future__ import annotations

import http.client
import json
from typing import Any

from opp_analytics.sandbox.errors import SandboxError, SandboxTypeError, SandboxValueError

__all__ = ["ControlWire"]


class ControlWire:
    """The connection to the server's control routes.

    Parameters
    ----------
    port
        Port of the server on 127.0.0.1.
    key
        Key of the owner, unknown to users of the API.
    """

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key

    def ask(self, action: str, body: bytes = b"") -> dict[str, Any]:
        """Send a control request and return its answer; each uses its own connection, so any thread may ask."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request("POST", f"/-/sandbox/{action}", body, {"X-Sandbox-Key": self._key})
            response = connection.getresponse()
            status, content = response.status, response.read()
        except (OSError, http.client.HTTPException):
            raise SandboxError(
                "The sandbox does not answer: it was stopped, or its process has ended. Start a new one"
            ) from None
        finally:
            connection.close()
        if status == 422:
            answer = json.loads(content)
            raise (SandboxTypeError if answer["wrong"] == "kind" else SandboxValueError)(answer["error"])
        if status != 200:
            raise SandboxError(f"The sandbox failed at {action!r} with status {status}; see its error output")
        found: dict[str, Any] = json.loads(content)
        return found

    def send(self, action: str, **what: Any) -> dict[str, Any]:
        """Send a control request whose body is the keywords as JSON."""
        return self.ask(action, json.dumps(what, allow_nan=False).encode())
