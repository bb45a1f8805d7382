"""The errors of this package, as one tree.

OppAnalyticsError
├── ConfigError (ValueError)          settings missing, partial or unsafe
│   └── OrgError (DataError)          an org file or the settings of an `Org`, every mistake listed
├── DataError (ValueError)            a frame or a file cannot be used
│   └── MissingColumnError            the frame lacks a column that the function reads
├── ArgumentError                     an argument that a function cannot use
│   ├── ArgumentTypeError (TypeError)   of the wrong kind
│   └── ArgumentValueError (ValueError) out of range, or an unknown option
├── ApiError                          the API is unreachable, refuses the call, or answers nonsense
│   ├── ConnectionFailed              no answer: unreachable, timed out, cut off
│   ├── UnexpectedResponse            no answer of this API (HTML, broken JSON, another site)
│   ├── AuthError                     401: the token or key was refused
│   ├── ForbiddenError                403: known, but not allowed
│   ├── NotFoundError                 404: no such opportunity
│   ├── ValidationError               422: the values were refused; every problem is listed
│   ├── RateLimitError                429: too many requests, even after the retries
│   └── ServerError                   5xx: the server failed
├── LoadError                         loading could not reach the last page
├── CacheError                        the cache folder cannot be used
├── HistoryError                      the history cannot be read, written, or asked this
│   ├── NotEnoughHistory              the question needs records that do not exist
│   └── RecordRefused (DataError)     a frame that cannot become a record
│       ├── PartialExport             so many known opportunities are missing that it may be a part
│       └── LostColumns               a column of the API that had values is gone or empty
├── PlanError                         a plan that cannot be applied
└── JournalError                      the journal of applied plans cannot be read or written

An error says what is wrong, where, and the way out in Python and in the shell, each in a field of
its own; it never holds a secret. In a notebook an error of ours shows the caller's lines and the
message; ``oa.errors.show_traceback()`` shows the whole traceback of the last one.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple, Self

from opp_analytics.text import capital, printable

_HERE = str(Path(__file__).parent)


class Argument(NamedTuple):
    """An argument of a function, which may be an option of a command."""

    name: str
    value: Any

    def __str__(self) -> str:
        return f"{self.name}={self.value!r}"


class OppAnalyticsError(Exception):
    """The root of all errors of this package: catch it to catch them all.

    Attributes
    ----------
    problem : str
        What is wrong.
    where : str or Argument
        The argument or the file that is wrong; empty if the problem names it.
    python_way, shell_way : str
        The way out in Python and in the shell; empty if the problem names it.
    """

    def __init__(
        self,
        problem: str = "",
        way: str = "",
        *,
        where: str | Argument = "",
        python_way: str = "",
        shell_way: str = "",
    ) -> None:
        super().__init__(problem)
        self.problem, self.where = problem, where
        self.python_way, self.shell_way = python_way or way, shell_way or way

    @classmethod
    def of(cls, argument: str, value: Any, problem: str, way: str = "", **ways: str) -> Self:
        """Make the error of an argument; `ways` are its fields of Python and the shell."""
        return cls(problem, way, where=Argument(argument, value), **ways)

    def __str__(self) -> str:
        return self._say(str(self.where), self.python_way)

    def in_shell(self, options: Mapping[str, str]) -> str:
        """Word the error for a command with these options by argument."""
        where = self.where
        if isinstance(where, Argument):
            where = f"{options.get(where.name, '')} {where.value!r}".lstrip()
        return self._say(where, self.shell_way)

    def _say(self, where: str, way: str) -> str:
        colon = ":" * isinstance(self.where, str)
        said = f"{where}{colon} {self.problem}" if where else self.problem
        if way:
            said += f"\n  {capital(way)}" if "\n" in said else f"; {way}"
        # It may quote a name or an answer; whoever prints it, a log included, need not think of it.
        return printable(said, lines=True)

    def _render_traceback_(self) -> list[str]:
        """Render a traceback for a notebook: the caller's lines and the message.

        The lines of this package are left out.
        """
        # The frames between the notebook's machinery and this package.
        frames = traceback.extract_tb(self.__traceback__)
        machinery = [k for k, frame in enumerate(frames) if "IPython" in Path(frame.filename).parts]
        since = machinery[-1] + 1 if machinery else 0
        inside = [
            k for k, frame in enumerate(frames) if k >= since and frame.filename.startswith(_HERE)
        ]
        lines = traceback.format_list(frames[since : inside[0] if inside else None])
        text = "".join(lines).rstrip("\n")
        return [*text.splitlines(), "", f"\x1b[1;31m{type(self).__name__}:\x1b[0m {self}"]


def show_traceback() -> None:
    """Print the last error's whole traceback, with the lines of this package.

    A notebook leaves these lines out.

    Examples
    --------
    >>> import opp_analytics as oa
    >>> oa.errors.show_traceback()  # doctest: +SKIP
    """
    last = getattr(sys, "last_value", None)
    if last is None:
        sys.stderr.write("There was no error yet.\n")
    else:
        traceback.print_exception(last)


class ConfigError(OppAnalyticsError, ValueError):
    """Settings are missing, partial or unsafe."""


class DataError(OppAnalyticsError, ValueError):
    """A frame or a file cannot be used."""


@dataclass(frozen=True)
class OrgProblem:
    """One mistake in an org file."""

    key: str
    """Path of the key, such as ``stages[1].kind``."""
    value: str
    """The value as written; empty when it is missing."""
    right: str
    """What would be right."""
    line: int | None = None
    """Line in the file, where that can be told."""
    file: str | None = None
    """The file, when it is not the org file itself."""

    def __str__(self) -> str:
        where = " ".join(
            part for part in (self.file or "", f"line {self.line}" if self.line else "") if part
        )
        said = f"{self.key} = {self.value}" if self.value else self.key
        return f"{where}: {said}: {self.right}" if where else f"{said}: {self.right}"


class OrgError(ConfigError, DataError):
    """An org file, or the settings of an `Org`, cannot be used.

    Attributes
    ----------
    problems : tuple of OrgProblem
        Every mistake found.
    """

    def __init__(self, where: str, problems: Sequence[OrgProblem]) -> None:
        self.problems = tuple(problems)
        mistakes = "1 mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        # A column of a sheet makes the same mistake in each row.
        causes: dict[object, list[OrgProblem]] = {}
        for one in self.problems:
            causes.setdefault((one.file, one.key, one.right) if one.file else one, []).append(one)
        lines = [
            f"{first}{f' (and {len(more)} more of its rows)' if more else ''}"
            for first, *more in causes.values()
        ]
        super().__init__("\n  ".join([mistakes, *lines]), where=where)


class MissingColumnError(DataError):
    """The frame lacks a column that the function reads."""


class ArgumentError(OppAnalyticsError):
    """A function cannot use an argument."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument is of the wrong kind."""


class ArgumentValueError(ArgumentError, ValueError):
    """An argument is out of range or an unknown option."""


@dataclass(frozen=True)
class ApiProblem:
    """One problem in an error answer of the API."""

    detail: str
    """The server's own description."""
    code: str | None = None
    """The server's short code, such as ``not_found``."""
    pointer: str | None = None
    """The JSON pointer to the refused value, such as ``/opportunity/probability``."""
    title: str | None = None
    """The server's own name for this kind of problem, such as ``Opportunity Not Found``."""

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}" if self.pointer else self.detail


class ApiError(OppAnalyticsError):
    """A call to the API failed; the error carries the request.

    Attributes
    ----------
    method, url : str
        The request, without its secret headers.
    status : int or None
        The HTTP status, None when no answer came.
    problems : tuple of ApiProblem
        Every problem that the server listed.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        url: str = "",
        status: int | None = None,
        problems: Sequence[ApiProblem] = (),
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.status = status
        self.problems = tuple(problems)

    def with_texts(self, change: Callable[[str], str]) -> Self:
        """Copy the error, with `change` applied to every text from the server.

        Texts that name the server are changed too.
        """
        problems = [
            ApiProblem(**{name: text and change(text) for name, text in asdict(problem).items()})
            for problem in self.problems
        ]
        return type(self)(
            change(str(self)),
            method=self.method,
            url=change(self.url),
            status=self.status,
            problems=problems,
        )

    @property
    def code(self) -> str | None:
        """Code of the first problem."""
        return self.problems[0].code if self.problems else None

    @property
    def detail(self) -> str | None:
        """Description of the first problem."""
        return self.problems[0].detail if self.problems else None

    @property
    def title(self) -> str | None:
        """Title of the first problem."""
        return self.problems[0].title if self.problems else None

    @property
    def pointer(self) -> str | None:
        """Pointer of the first problem."""
        return self.problems[0].pointer if self.problems else None


class ConnectionFailed(ApiError):
    """No answer came; the request may or may not have taken effect."""


class UnexpectedResponse(ApiError):
    """The answer is not one of this API."""


class AuthError(ApiError):
    """401: the token or the key was refused."""


class ForbiddenError(ApiError):
    """403: the credentials are valid but do not allow this."""


class NotFoundError(ApiError):
    """404: there is no such opportunity."""


class ValidationError(ApiError):
    """422: the server refused the values."""


class RateLimitError(ApiError):
    """429: too many requests, even after waiting as the server asked."""


class ServerError(ApiError):
    """5xx: the server failed; a write may or may not have taken effect."""


class LoadError(OppAnalyticsError):
    """Loading could not reach the last page."""


class CacheError(OppAnalyticsError):
    """The cache folder cannot be used."""


class HistoryError(OppAnalyticsError):
    """The history cannot be read or written, or cannot answer the question."""


class NotEnoughHistory(HistoryError):
    """The question needs records that do not exist, or not yet."""


class RecordRefused(HistoryError, DataError):
    """A frame cannot become a record: it is partial, or not newer than the last record."""


class PartialExport(RecordRefused):
    """A frame lacks so many known opportunities that it may be a part of the pipeline."""


class LostColumns(RecordRefused):
    """A frame lacks a column of the API that had values in the last record.

    The column is absent, or empty in every row.

    Attributes
    ----------
    columns : list of str
        The columns.
    """

    def __init__(self, problem: str, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        way = "record the table as loaded, or {} to record them as missing"
        asked = " ".join(f"--allow-missing {quote(name)}" for name in self.columns)
        super().__init__(
            problem,
            python_way=way.format(f"pass allow_missing={self.columns!r}"),
            shell_way=way.format(f"use opp-analytics record {asked}"),
        )


class PlanError(OppAnalyticsError):
    """A plan cannot be applied."""


class JournalError(OppAnalyticsError):
    """The journal of applied plans cannot be read or written."""


class DataWarning(UserWarning):
    """Warning of a gap or doubt in a result."""

    def __init__(self, message: str, about: str = "", size: int = 0) -> None:
        super().__init__(message)
        self.about, self.size = about or message, size

    def __str__(self) -> str:
        return printable(super().__str__(), lines=True)

    @classmethod
    @contextmanager
    def once(cls) -> Iterator[None]:
        """Give each message once within the block.

        Several analyses in it look at the same deals.
        """
        before = _given.set(set())
        try:
            yield
        finally:
            _given.reset(before)

    @classmethod
    @contextmanager
    def muted(cls) -> Iterator[None]:
        """Give none within the block."""
        with cls.once(), warnings.catch_warnings(action="ignore", category=cls):
            yield

    @classmethod
    def warn(cls, message: str, about: str = "", size: int = 0) -> None:
        """Warn at the line that called this package.

        Of several `about` one thing, a command says the one of the largest `size`.
        """
        given, frame, level, ours = _given.get(), sys._getframe(), 1, 1
        if given is not None and message in given:
            return
        while frame.f_back is not None:
            frame, level = frame.f_back, level + 1
            ours = level if frame.f_code.co_filename.startswith(_HERE) else ours
        warnings.warn(cls(message, about, size), stacklevel=ours + 1)
        if given is not None:
            given.add(message)


_given: ContextVar[set[str] | None] = ContextVar("given", default=None)


__all__ = sorted(
    name
    for name, what in globals().items()
    if getattr(what, "__module__", "") == __name__ and name[0] != "_"
)
