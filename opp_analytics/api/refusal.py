"""Error answers and lost connections as errors of this package."""

from __future__ import annotations

import json
from typing import Any

import requests
import urllib3
from urllib3.util.retry import Retry

from opp_analytics.errors import (
    ApiError,
    ApiProblem,
    AuthError,
    ForbiddenError,
    NotFoundError,
    RateLimitError,
    ServerError,
    ValidationError,
)

_OF_STATUS: dict[int, type[ApiError]] = {
    401: AuthError,
    403: ForbiddenError,
    404: NotFoundError,
    422: ValidationError,
    429: RateLimitError,
}


def asked_pause(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait (Retry-After), None when it does not say, or not in a way to be read."""
    header = response.headers.get("Retry-After")
    try:
        return float(Retry().parse_retry_after(header)) if header else None
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError, TypeError):
        return None


def refusal(response: requests.Response, method: str, url: str) -> ApiError:
    """An error answer as the error to raise, with every problem that the server listed."""
    status = response.status_code
    problems = _problems(response.content or b"")
    kind = _OF_STATUS.get(status) or (ServerError if status >= 500 else ApiError)
    said = "; ".join(map(str, problems)) or "no reason given"
    pause = asked_pause(response)
    later = f", retry after {pause:g} s" if pause else ""
    hints = {
        401: "the token or the API key was refused; check BLOCKS_AUTH_TOKEN and BLOCKS_API_KEY",
        403: "these credentials are not allowed to do this; ask your administrator",
        429: f"too many requests{later}; try later or lower concurrency",
        503: f"try later{later}" if later else "",
    }
    hint = f" ({hints[status]})" if hints.get(status) else ""
    return kind(
        f"{method} {url} answered {status}: {said}{hint}",
        method=method,
        url=url,
        status=status,
        problems=problems,
    )


def _problems(content: bytes) -> list[ApiProblem]:
    """The problems in an error answer: JSON:API objects, plain texts, or one error with a message."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return []
    if not isinstance(answer, dict):
        return []
    listed = answer.get("errors")
    if isinstance(listed, list):
        return [_problem(entry) for entry in listed]
    text = answer.get("message") or answer.get("error")
    code = answer.get("error") if answer.get("message") else None
    return [ApiProblem(str(text), code=str(code) if code is not None else None)] if text else []


def _problem(entry: Any) -> ApiProblem:
    if not isinstance(entry, dict):
        return ApiProblem(str(entry))
    source = entry.get("source")
    pointer = source.get("pointer") if isinstance(source, dict) else None
    detail = entry.get("detail") or entry.get("title") or entry.get("code") or "no detail given"
    code = entry.get("code")
    return ApiProblem(
        str(detail),
        code=str(code) if code is not None else None,
        pointer=str(pointer) if pointer is not None else None,
    )


def never_sent(error: BaseException) -> bool:
    """Whether no connection was made, so that the server cannot have received the request."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def cause(error: BaseException, timeout: float) -> str:
    """Why no answer came, in words."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection within {timeout:g} s"
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error):
        return f"no data within {timeout:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "the certificate could not be verified"
    if isinstance(error, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL):
        return "the proxy could not be used"
    text = str(error).lower()
    if "refused" in text:
        return "connection refused"
    if "resolve" in text or "name or service" in text:
        return "unknown host name"
    if isinstance(error, requests.exceptions.InvalidURL):
        return "the address cannot be used"
    return "the connection was lost"
