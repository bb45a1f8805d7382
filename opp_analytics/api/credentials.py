"""Credentials: secrets that nothing shows, and tokens that are renewed."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from opp_analytics.errors import ArgumentTypeError, AuthError, ConfigError, OppAnalyticsError

_T = TypeVar("_T")


def attempt(call: Callable[[], _T]) -> _T | BaseException:
    """Return the result of `call`, or its exception (Ctrl-C too) without traceback and context.

    The caller raises it after this has returned, so that it becomes no other error's context either.
    """
    try:
        return call()
    except BaseException as error:
        failure = error
    failure.__traceback__ = failure.__cause__ = failure.__context__ = None
    return failure


_COMMAND_SECONDS = 60.0
"""A token command may ask a person in a browser; after a minute it hangs."""
_SHORTEST_REDACTED = 6
"""Length of the shortest secret that is redacted; shorter ones occur in ordinary words."""


class Secret:
    """A value that no repr, log, traceback or pickle shows; only `reveal` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    @classmethod
    def of(cls, value: Any) -> Secret:
        """Hide a value; a secret is returned as is."""
        return value if isinstance(value, Secret) else cls(value)

    def reveal(self) -> Any:
        """Return the secret value."""
        return self._value

    def redact(self, text: str) -> str:
        """Replace this secret in a text with asterisks."""
        too_short = not isinstance(self._value, str) or len(self._value) < _SHORTEST_REDACTED
        return text if too_short else text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(other._value == self._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")


class HiddenText(str):
    """A text for a header, whose repr does not show it: tracebacks and debuggers print reprs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Token:
    """The bearer token: a fixed text, or the result of a callable, which is called again when the server refuses it."""

    def __init__(self, source: Secret) -> None:
        self._source = source if callable(source.reveal()) else None
        self._now = None if self._source else source
        self._lock = threading.Lock()

    def current(self) -> Secret:
        """Get the token to send."""
        with self._lock:
            if self._now is None:
                self._now = self._fetch()
            return self._now

    def renew(self, refused: Secret) -> bool:
        """Get another token than the refused one, if the source is a callable; True if there is one."""
        if self._source is None:
            return False
        with self._lock:
            # Another thread may have been refused, and have renewed it, at the same time.
            if self._now == refused:
                self._now = self._fetch()
            return self._now != refused

    def redact(self, text: str) -> str:
        """Replace the token in a text with asterisks."""
        return self._now.redact(text) if self._now else text

    def _fetch(self) -> Secret:
        source = self._source
        assert source is not None
        outcome = attempt(lambda: Secret.of(source.reveal()()))
        if isinstance(outcome, Secret):
            return check_secret(outcome, "the token that the function returned")
        if isinstance(outcome, OppAnalyticsError) or not isinstance(outcome, Exception):
            raise outcome
        kind = type(outcome).__name__
        # Its message may hold what no traceback may show.
        del outcome
        raise AuthError(f"no token: the token function raised {kind}; call it by itself to see why")


def check_secret(secret: Secret, name: str) -> Secret:
    """Check a secret, and strip blanks around it."""
    if not isinstance(secret.reveal(), str):
        raise ArgumentTypeError(f"{name} is {type(secret.reveal()).__name__}, not text")
    if problem := _problem(secret.reveal().strip()):
        raise ConfigError(f"{name} {problem}")
    return Secret(secret.reveal().strip())


def check_token(source: Secret) -> Secret:
    """Check a source of tokens: a callable, or text like any other secret."""
    return source if callable(source.reveal()) else check_secret(source, "token")


def _problem(text: str) -> str | None:
    if not text:
        return "is blank"
    if not text.isascii() or not text.isprintable():
        return "contains a character that an HTTP header cannot carry; copy it again without line breaks"
    return None


def make_token_command(command: Secret) -> Secret:
    """Make a callable that runs a command, without a shell, and returns its output."""
    # A program of Windows splits its command line itself, and the text starts it as it is.
    words = command if os.name == "nt" else attempt(lambda: Secret(shlex.split(command.reveal())))
    if not isinstance(words, Secret) or not words.reveal():
        raise ConfigError(
            "BLOCKS_TOKEN_COMMAND is not a command: a quotation mark is not closed, or it is blank"
        )
    return Secret(lambda: _output(words))


def _output(words: Secret) -> str:
    outcome = attempt(lambda: _run(words.reveal()))
    if isinstance(outcome, str):
        return outcome
    if isinstance(outcome, subprocess.CalledProcessError):
        problem = f"ended with code {outcome.returncode}"
    elif isinstance(outcome, subprocess.TimeoutExpired):
        problem = f"did not end within {_COMMAND_SECONDS:g} s"
    elif isinstance(outcome, OSError):
        problem = f"could not be started ({outcome.strerror})"
    elif isinstance(outcome, UnicodeDecodeError):
        problem = "printed something other than text"
    else:
        raise outcome
    raise AuthError(
        f"no token: the command of BLOCKS_TOKEN_COMMAND {problem}; run it in a terminal to see why"
    )


def _run(words: str | list[str]) -> str:
    done = subprocess.run(  # noqa: S603  the user's own command, without a shell
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_COMMAND_SECONDS,
        check=True,
    )
    return done.stdout.decode().strip()
