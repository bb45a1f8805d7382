"""What a fuzz target is, and the rule that each is held to."""

from __future__ import annotations

import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisDeprecationWarning

from opp_analytics.errors import DataWarning, OppAnalyticsError
from opp_analytics.sandbox import SandboxError

__all__ = ["Findings", "Target", "fuzz"]

_OURS = "/opp_analytics/"
_LONGEST = 60
"""Seconds that no call takes, on the slowest machine: beyond it waits for ever."""


class Hang(BaseException):
    """A call that did not end; nothing on its way catches it."""


@contextmanager
def _end_after(seconds: int) -> Iterator[None]:
    def end(*_: object) -> None:
        raise Hang(f"no end after {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Findings:
    """What a run found: calls, errors of ours, and everything else by where it was raised."""

    calls: int = 0
    refused: int = 0
    raw: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    keep_going: bool = False
    """Note what is raw and go on, instead of failing with the example."""

    @contextmanager
    def call(self, what: str) -> Iterator[None]:
        """Hold one call to the rule: it ends with a result or with an error of ours."""
        self.calls += 1
        try:
            with _end_after(_LONGEST), warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", DataWarning)
                warnings.simplefilter("ignore", ResourceWarning)
                yield
        except (OppAnalyticsError, SandboxError) as error:
            self.refused += 1
            # The message must be one that can be printed.
            str(error).encode()
        except (Exception, Hang, SystemExit) as error:
            if not self.keep_going:
                raise
            frames = [f for f in traceback.extract_tb(error.__traceback__) if _OURS in f.filename]
            at = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "outside"
            place = f"{type(error).__name__} at {at}"
            self.raw[place] += 1
            self.examples.setdefault(place, f"{what}: {str(error)[:300]!r}")


@dataclass(frozen=True)
class Target:
    """A reader, the input that it is given, and how often in the everyday tests."""

    check: Callable[[Findings, Any], None]
    """Gives one input to the reader, inside `Findings.call`."""
    inputs: st.SearchStrategy[Any]
    examples: int
    """For the everyday tests: together a minute."""


def fuzz(target: Target, examples: int, *, keep_going: bool = False) -> Findings:
    """Give a target as many inputs, and say what came of it."""
    findings = Findings(keep_going=keep_going)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=not keep_going,  # every day the same inputs; a longer run finds new ones
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate] + ([] if keep_going else [Phase.shrink]),
    )
    @given(target.inputs)
    def run(given_input: Any) -> None:
        target.check(findings, given_input)

    with warnings.catch_warnings():
        # A thread of an earlier input may draw the length of its pause while this one is drawn.
        warnings.simplefilter("ignore", HypothesisDeprecationWarning)
        run()
    return findings
